/* Rows of a stream of bits without gaps, each moved to the start of a byte. Twin: bits.take. */
#include "kernels.h"

static void take_row(const uint8_t *stream, Py_ssize_t first_bit, Py_ssize_t width, uint8_t *out)
{
    const uint8_t *from = stream + first_bit / 8;
    Py_ssize_t shift = first_bit % 8, n_bytes = (width + 7) / 8, n_from = (shift + width + 7) / 8;
    if (shift == 0)
        memcpy(out, from, (size_t)n_bytes);
    else
        for (Py_ssize_t i = 0; i < n_bytes; i++)
            out[i] = (uint8_t)(from[i] << shift | (i + 1 < n_from ? from[i + 1] >> (8 - shift) : 0));
    out[n_bytes - 1] &= (uint8_t)(0xFF << (8 * n_bytes - width)); /* spare bits are 0 */
}

/* take(stream, rows, out, (n_rows, width)): rows are int64. */
PyObject *take(PyObject *self, PyObject *args)
{
    Py_buffer b[3];
    Py_ssize_t n_rows, width;
    if (!PyArg_ParseTuple(args, "y*y*w*(nn)", b, b + 1, b + 2, &n_rows, &width))
        return NULL;
    int good = in_range(width, 1, MOST_ROWS) && in_range(n_rows, 0, PY_SSIZE_T_MAX / ((width + 7) / 8))
               && holds(b + 1, "rows", n_rows, 8) && holds(b + 2, "out", n_rows * ((width + 7) / 8), 1);
    const int64_t *rows = b[1].buf;
    int64_t n_there = good ? (int64_t)((uint64_t)b[0].len * 8 / (uint64_t)width) : 0;
    for (Py_ssize_t i = 0; good && i < n_rows; i++)
        if (rows[i] < 0 || rows[i] >= n_there) {
            PyErr_Format(PyExc_IndexError, "row %lld of a stream of %lld", (long long)rows[i], (long long)n_there);
            good = 0;
        }
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t i = 0; i < n_rows; i++)
            take_row(b[0].buf, (Py_ssize_t)rows[i] * width, width, (uint8_t *)b[2].buf + i * ((width + 7) / 8));
        Py_END_ALLOW_THREADS
    }
    return release(b, 3, good);
}
