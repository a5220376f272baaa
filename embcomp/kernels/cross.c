/* Σ w v sgn(v R)ᵀ over rows v of whole numbers and their weights w, of a block of rows. Twin: cross.py. */
#include "costs.h"

#define ROWS 64 /* whose signs stay in the first caches */

/* Signs of numbers of ROWS rows, of pairs of rows side by side as tiles want them: 1 and −1; sgn 0 is 1. */
ALWAYS_INLINE void pair_signs(const int32_t *numbers, Py_ssize_t n_words, int16_t *signs)
{
    for (Py_ssize_t w = 0; w < n_words; w += TILE)
        for (Py_ssize_t row = 0; row < ROWS; row += 2, signs += 2 * TILE) {
            int32_t pairs[TILE];
            const int32_t *one = numbers + row * n_words + w, *other = one + n_words;
            for (int i = 0; i < TILE; i++)
                pairs[i] = (int32_t)((uint32_t)(other[i] < 0 ? -1 : 1) << 16 | ((one[i] < 0 ? -1 : 1) & 0xFFFF));
            memcpy(signs, pairs, sizeof pairs);
        }
}

typedef struct {
    const float *rows, *weighted;
    const int16_t *rotation;
    int32_t *sums, *numbers;
    int16_t *pairs, *columns, *signs;
    Py_ssize_t n_rows, dim, n_words;
} Cross;

/* Whole numbers of the rows from `first` on as pairs, and of weighted rows as columns; zeros beyond the last row. */
ALWAYS_INLINE void to_whole(const Cross *c, Py_ssize_t first)
{
    Py_ssize_t width = c->dim + c->dim % 2, n = c->n_rows - first < ROWS ? c->n_rows - first : ROWS;
    if (first == 0 || n < ROWS) {
        memset(c->pairs, 0, (size_t)(ROWS * width) * sizeof *c->pairs);
        memset(c->columns, 0, (size_t)(ROWS * (c->dim + GROUP)) * sizeof *c->columns);
    }
    for (Py_ssize_t row = 0; row < n; row++)
        for (Py_ssize_t i = 0; i < c->dim; i++)
            c->pairs[row * width + i] = (int16_t)c->rows[(first + row) * c->dim + i];
    for (Py_ssize_t i = 0; i < c->dim; i++)
        for (Py_ssize_t row = 0; row < n; row++)
            c->columns[i * ROWS + row] = (int16_t)c->weighted[(first + row) * c->dim + i];
}

ALWAYS_INLINE void add_block(const Cross *c, Py_ssize_t first)
{
    const int32_t zeros[TILE] = {0};
    Py_ssize_t n_pairs = (c->dim + 1) / 2;
    to_whole(c, first);
    for (Py_ssize_t w = 0; w < c->n_words; w += TILE)
        for (Py_ssize_t row = 0; row < ROWS; row += GROUP)
            tile(c->pairs + 2 * row * n_pairs, n_pairs, c->rotation + 2 * w * n_pairs, zeros, 0,
                 c->numbers + row * c->n_words + w, c->n_words);
    pair_signs(c->numbers, c->n_words, c->signs);
    for (Py_ssize_t w = 0; w < c->n_words; w += TILE)
        for (Py_ssize_t i = 0; i < c->dim; i += GROUP) {
            int32_t *sums = c->sums + i * c->n_words + w;
            tile(c->columns + i * ROWS, ROWS / 2, c->signs + w * ROWS, sums, c->n_words, sums, c->n_words);
        }
}

#if HAS_VARIANTS
FOR_PROCESSOR("avx2") static void add_avx2(const Cross *c, Py_ssize_t first) { add_block(c, first); }
#endif

static void add(const Cross *c, Py_ssize_t first)
{
#if HAS_VARIANTS
    if (__builtin_cpu_supports("avx2"))
        add_avx2(c, first);
    else
#endif
        add_block(c, first);
}

/* cross(rows, weighted, rotation, sums, (n_rows, dim, n_words)): `sums` has rows for GROUP dimensions at a time. */
PyObject *cross(PyObject *self, PyObject *args)
{
    Py_buffer v[4];
    Cross c;
    if (!PyArg_ParseTuple(args, "y*y*y*w*(nnn)", v, v + 1, v + 2, v + 3, &c.n_rows, &c.dim, &c.n_words))
        return NULL;
    if (!in_range(c.n_rows, 0, 2048) || !in_range(c.dim, 0, MOST_DIM) || !in_range(c.n_words, 0, MOST_DIM))
        return release(v, 4, 0);
    Py_ssize_t width = c.dim + c.dim % 2, n_sums = (c.dim + GROUP - 1) / GROUP * GROUP;
    int good = in_range(c.n_words % TILE, 0, 0) && holds(v, "rows", c.n_rows * c.dim, 4)
               && holds(v + 1, "weighted", c.n_rows * c.dim, 4) && holds(v + 2, "rotation", c.n_words * width, 2)
               && holds(v + 3, "sums", c.n_words * n_sums, 4);
    c.rows = v[0].buf, c.weighted = v[1].buf, c.rotation = v[2].buf, c.sums = v[3].buf;
    size_t n_numbers = (size_t)(ROWS * c.n_words), n_columns = (size_t)(ROWS * (c.dim + GROUP));
    c.numbers = scratch((n_numbers + 1) * 6 + n_columns * 4, &good);
    if (good) {
        c.signs = (int16_t *)(c.numbers + n_numbers), c.columns = c.signs + n_numbers, c.pairs = c.columns + n_columns;
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t first = 0; first < c.n_rows; first += ROWS)
            add(&c, first);
        Py_END_ALLOW_THREADS
    }
    PyMem_Free(c.numbers);
    return release(v, 4, good);
}
