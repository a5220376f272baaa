/* Rows times a matrix, each sum in the order of the columns of the row. Twin: turned.py. */
#include "kernels.h"

typedef struct {
    const float *rows, *matrix, *start;
    float *out;
    Py_ssize_t n_rows, n, dim;
} Turned;

ALWAYS_INLINE void turn_one(const Turned *t, Py_ssize_t row)
{
    float *restrict out = t->out + row * t->dim;
    memcpy(out, t->start, (size_t)t->dim * sizeof *out);
    for (Py_ssize_t k = 0; k < t->n; k++)
        for (Py_ssize_t d = 0; d < t->dim; d++)
            out[d] += t->rows[row * t->n + k] * t->matrix[k * t->dim + d];
}

#if defined(__GNUC__)
typedef float Lanes __attribute__((vector_size(32), aligned(4), may_alias));
enum { LANES = 8, TOGETHER = 6, COLUMNS = 2, MANY_COLUMNS = 8, MOST = 12 };

/* Some rows, and LANES columns for each of n_columns, whose sums stay in registers. */
ALWAYS_INLINE void turn_some(const Turned *t, Py_ssize_t row, Py_ssize_t column, const int n_rows, const int n_columns)
{
    Lanes sums[MOST];
    const Lanes *start = (const Lanes *)(t->start + column);
    for (int i = 0; i < n_rows * n_columns; i++)
        sums[i] = start[i % n_columns];
    for (Py_ssize_t k = 0; k < t->n; k++) {
        const Lanes *step = (const Lanes *)(t->matrix + k * t->dim + column);
        for (int r = 0; r < n_rows; r++)
            for (int c = 0; c < n_columns; c++)
                sums[r * n_columns + c] += t->rows[(row + r) * t->n + k] * step[c];
    }
    for (int i = 0; i < n_rows * n_columns; i++)
        ((Lanes *)(t->out + (row + i / n_columns) * t->dim + column))[i % n_columns] = sums[i];
}

/* All columns of some rows, n_rows at a time; the last columns may be done twice. */
ALWAYS_INLINE void turn_rows(const Turned *t, Py_ssize_t first, Py_ssize_t stop, const int n_rows, const int n_columns)
{
    Py_ssize_t step = n_columns * LANES;
    for (Py_ssize_t column = 0; column < t->dim; column += step)
        for (Py_ssize_t row = first; row < stop; row += n_rows)
            turn_some(t, row, column + step < t->dim ? column : t->dim - step, n_rows, n_columns);
}
#endif

ALWAYS_INLINE void turn_all(const Turned *t)
{
    Py_ssize_t row = 0;
#if defined(__GNUC__)
    if (t->dim >= COLUMNS * LANES)
        turn_rows(t, 0, row = t->n_rows / TOGETHER * TOGETHER, TOGETHER, COLUMNS);
    if (t->dim >= MANY_COLUMNS * LANES) {
        turn_rows(t, row, t->n_rows, 1, MANY_COLUMNS);
        return;
    }
#endif
    for (; row < t->n_rows; row++)
        turn_one(t, row);
}

static void turn_anywhere(const Turned *t)
{
    turn_all(t);
}

#if HAS_VARIANTS
FOR_PROCESSOR("avx2") static void turn_avx2(const Turned *t)
{
    turn_all(t);
}
#endif

/* turned(rows, matrix, start, out, (n_rows, n, dim)): float32 of (n_rows, n), (n, dim), (dim,), (n_rows, dim). */
PyObject *turned(PyObject *self, PyObject *args)
{
    Py_buffer b[4];
    Turned t;
    if (!PyArg_ParseTuple(args, "y*y*y*w*(nnn)", b, b + 1, b + 2, b + 3, &t.n_rows, &t.n, &t.dim))
        return NULL;
    int good = in_range(t.n_rows, 0, MOST_ROWS) && in_range(t.n, 0, MOST_ROWS / (t.n_rows + 1))
               && in_range(t.dim, 0, MOST_ROWS / (t.n_rows + t.n + 1)) && holds(b, "rows", t.n_rows * t.n, 4)
               && holds(b + 1, "matrix", t.n * t.dim, 4) && holds(b + 2, "start", t.dim, 4)
               && holds(b + 3, "out", t.n_rows * t.dim, 4);
    if (good) {
        void (*turn)(const Turned *) = turn_anywhere;
#if HAS_VARIANTS
        turn = __builtin_cpu_supports("avx2") ? turn_avx2 : turn_anywhere;
#endif
        t.rows = b[0].buf, t.matrix = b[1].buf, t.start = b[2].buf, t.out = b[3].buf;
        Py_BEGIN_ALLOW_THREADS
        turn(&t);
        Py_END_ALLOW_THREADS
    }
    return release(b, 4, good);
}
