/* Rows of a stream of bits without gaps, each moved to the start of a byte. Twin: bits.take. */
#include "stream.h"

int open_stream(Stream *stream, const Py_buffer *buffers)
{
    if (!in_range(stream->width, 1, MOST_ROWS) || !in_range(stream->n_rows, 0, MOST_ROWS)
        || !holds(buffers + 1, "rows", stream->n_rows, 8))
        return 0;
    stream->bytes = buffers->buf, stream->n_bytes = buffers->len, stream->rows = buffers[1].buf;
    int64_t n_there = (int64_t)((uint64_t)buffers->len * 8 / (uint64_t)stream->width);
    for (Py_ssize_t i = 0; i < stream->n_rows; i++)
        if (stream->rows[i] < 0 || stream->rows[i] >= n_there) {
            PyErr_Format(PyExc_IndexError, "row %lld of a stream of %lld", (long long)stream->rows[i],
                         (long long)n_there);
            return 0;
        }
    return 1;
}

static void take_row(const Stream *stream, Py_ssize_t row, uint8_t *out)
{
    Py_ssize_t n_bytes = (stream->width + 7) / 8;
    for (Py_ssize_t i = 0; i < n_bytes; i += 7) {
        uint64_t bits = bits_from(stream, row, 8 * i);
        for (Py_ssize_t j = i; j < n_bytes && j < i + 7; j++, bits <<= 8)
            out[j] = (uint8_t)(bits >> 56);
    }
    out[n_bytes - 1] &= (uint8_t)(0xFF << (8 * n_bytes - stream->width)); /* spare bits are 0 */
}

/* take(stream, rows, out, (n_rows, width)): rows are int64. */
PyObject *take(PyObject *self, PyObject *args)
{
    Py_buffer b[3];
    Stream stream;
    if (!PyArg_ParseTuple(args, "y*y*w*(nn)", b, b + 1, b + 2, &stream.n_rows, &stream.width))
        return NULL;
    int good = open_stream(&stream, b) && in_range(stream.n_rows, 0, PY_SSIZE_T_MAX / ((stream.width + 7) / 8))
               && holds(b + 2, "out", stream.n_rows * ((stream.width + 7) / 8), 1);
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t i = 0; i < stream.n_rows; i++)
            take_row(&stream, i, (uint8_t *)b[2].buf + i * ((stream.width + 7) / 8));
        Py_END_ALLOW_THREADS
    }
    return release(b, 3, good);
}
