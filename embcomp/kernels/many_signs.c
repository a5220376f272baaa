/* Vectors that are sums of ± rows of a matrix, of many codes: see columns.c. Twin: signs.py. */
#include "stream.h"
#include <stdlib.h>

#if HAS_VARIANTS
enum { FIVES = 1 << 18 }; /* held at once, of two bytes: a quarter of a second-level cache */

static void take_fives(const Many *m, Py_ssize_t first, Py_ssize_t n)
{
    for (Py_ssize_t row = 0; row < n; row++) {
        uint16_t *fives = m->fives + row / TOGETHER * m->n_groups * TOGETHER + row % TOGETHER;
        for (Py_ssize_t group = 0; group < m->n_groups; group += 10) {
            uint64_t bits = bits_from(m->stream, first + row, GROUP * group);
            for (int i = 0; i < 10; i++, bits <<= GROUP)
                fives[(group + i) * TOGETHER] = (uint16_t)((bits >> 59) * sizeof(Lanes));
        }
    }
}

/* 0 if there is no memory. */
static int sum_all(Many *m, float *out)
{
    Py_ssize_t most = FIVES / m->n_groups / TOGETHER * TOGETHER;
    Py_ssize_t n_together = most < ROWS ? most + TOGETHER : ROWS;
    size_t n_fives = (size_t)(n_together * m->n_groups) * sizeof *m->fives;
    char *room = malloc(ROWS * sizeof(Lanes) + n_fives + sizeof(Lanes));
    if (!room)
        return 0;
    m->sums = (float *)(room + sizeof(Lanes) - (uintptr_t)room % sizeof(Lanes));
    m->fives = memset(m->sums + ROWS * COLUMNS, 0, n_fives);
    for (Py_ssize_t first = 0; first < m->stream->n_rows; first += n_together) {
        Py_ssize_t n = m->stream->n_rows - first < n_together ? m->stream->n_rows - first : n_together;
        take_fives(m, first, n);
        for (Py_ssize_t column = 0; column < m->dim; column += COLUMNS)
            sum_columns(m, column, n, out + first * m->dim);
    }
    free(room);
    return 1;
}
#endif

/* many_signs(stream, rows, matrix, out, (n_rows, width, n_groups, dim)): whether that could be done here. The matrix is in blocks,
   with zeros beyond rows and columns; the number of groups is a multiple of 10. */
PyObject *many_signs(PyObject *self, PyObject *args)
{
    Py_buffer b[4];
    Stream stream;
    Py_ssize_t n_groups, dim;
    if (!PyArg_ParseTuple(args, "y*y*y*w*(nnnn)", b, b + 1, b + 2, b + 3, &stream.n_rows, &stream.width, &n_groups, &dim))
        return NULL;
    int done = 0, good = open_stream(&stream, b) && in_range(n_groups, 1, MOST_LANES * 16)
                         && in_range(dim, 1, MOST_ROWS / n_groups / 128)
                         && in_range(stream.n_rows, 0, PY_SSIZE_T_MAX / 64 / dim)
                         && holds(b + 2, "matrix", (dim + 15) / 16 * n_groups * 80, 4)
                         && holds(b + 3, "out", stream.n_rows * dim, 4);
    if (good && n_groups % 10) {
        PyErr_SetString(PyExc_ValueError, "groups must be a multiple of 10");
        good = 0;
    }
#if HAS_VARIANTS
    if (good && __builtin_cpu_supports("avx512f")) {
        Many m = {.stream = &stream, .matrix = b[2].buf, .n_groups = n_groups, .dim = dim};
        Py_BEGIN_ALLOW_THREADS
        done = sum_all(&m, b[3].buf);
        Py_END_ALLOW_THREADS
    }
#endif
    PyObject *released = release(b, 4, good);
    Py_XDECREF(released);
    return released ? PyBool_FromLong(done) : NULL;
}
