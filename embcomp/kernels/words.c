/* Costs of rows with the words of codebooks, and the nearest words. Twin: codewords.py. */
#include "costs.h"

/* Whole numbers of some rows as pairs of 16 bits; rows of zeros fill the chunk. */
static void to_pairs(const float *rows, Py_ssize_t n_rows, Py_ssize_t dim, int16_t *pairs)
{
    Py_ssize_t width = dim + dim % 2;
    memset(pairs, 0, (size_t)(CHUNK * width) * sizeof *pairs);
    for (Py_ssize_t row = 0; row < n_rows; row++)
        for (Py_ssize_t i = 0; i < dim; i++)
            pairs[row * width + i] = (int16_t)rows[row * dim + i];
}

ALWAYS_INLINE void nearest_of_chunk(const int32_t *costs, Py_ssize_t n_rows, Py_ssize_t n_words, uint16_t *codes)
{
    for (Py_ssize_t row = 0; row < n_rows; row++)
        codes[row] = (uint16_t)cheapest_of(costs + row * n_words, n_words);
}

#if HAS_VARIANTS
FOR_PROCESSOR("avx2")
static void nearest_avx2(const int32_t *costs, Py_ssize_t n_rows, Py_ssize_t n_words, uint16_t *codes)
{
    nearest_of_chunk(costs, n_rows, n_words, codes);
}
#endif

static void nearest_anywhere(const int32_t *costs, Py_ssize_t n_rows, Py_ssize_t n_words, uint16_t *codes)
{
#if HAS_VARIANTS
    if (__builtin_cpu_supports("avx2")) {
        nearest_avx2(costs, n_rows, n_words, codes);
        return;
    }
#endif
    nearest_of_chunk(costs, n_rows, n_words, codes);
}

/* words(rows, words, norms, costs, codes, (n_rows, dim, n_words, n_books)): costs of all codebooks; or, with no
   codebooks, codes of the nearest words of one. */
PyObject *words(PyObject *self, PyObject *args)
{
    Py_buffer v[5];
    Py_ssize_t n, dim, n_words, n_books;
    if (!PyArg_ParseTuple(args, "y*y*y*w*w*(nnnn)", v, v + 1, v + 2, v + 3, v + 4, &n, &dim, &n_words, &n_books))
        return NULL;
    int good = in_range(n, 0, MOST_ROWS / MOST_WORDS) && in_range(dim, 0, MOST_DIM) && in_range(n_words, 1, MOST_WORDS)
               && in_range(n_books, 0, MOST_WORDS);
    if (!good)
        return release(v, 5, 0);
    Py_ssize_t width = dim + dim % 2, padded = (n_words + TILE - 1) / TILE * TILE, books = n_books ? n_books : 1;
    good = holds(v, "rows", n * dim, 4) && holds(v + 1, "words", books * padded * width, 2)
           && holds(v + 2, "norms", books * padded, 4) && holds(v + 3, "costs", n_books * n * n_words, 4)
           && holds(v + 4, "codes", n_books ? 0 : n, 2);
    size_t n_pairs = (size_t)(CHUNK * width / 2 + 1);
    int32_t *room = scratch((n_pairs + (size_t)(CHUNK * n_words)) * sizeof *room, &good);
    if (good) {
        int16_t *pairs = (int16_t *)room;
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t first = 0; first < n; first += CHUNK) {
            Py_ssize_t rows = n - first < CHUNK ? n - first : CHUNK;
            to_pairs((const float *)v[0].buf + first * dim, rows, dim, pairs);
            for (Py_ssize_t book = 0; book < books; book++) {
                int32_t *costs = n_books ? (int32_t *)v[3].buf + (book * n + first) * n_words : room + n_pairs;
                costs_of_chunk(pairs, rows, width / 2, (const int16_t *)v[1].buf + book * padded * width,
                               (const int32_t *)v[2].buf + book * padded, n_words, costs);
            }
            if (!n_books)
                nearest_anywhere(room + n_pairs, rows, n_words, (uint16_t *)v[4].buf + first);
        }
        Py_END_ALLOW_THREADS
    }
    PyMem_Free(room);
    return release(v, 5, good);
}
