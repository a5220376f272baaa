/* Rows of codes as they are stored: see bits.py. */
#ifndef EMBCOMP_STREAM_H
#define EMBCOMP_STREAM_H
#include "kernels.h"

/* Rows of a stream of bits without gaps, `width` bits each; the i-th is row `rows[i]` of the stream. */
typedef struct {
    const uint8_t *bytes;
    const int64_t *rows;
    Py_ssize_t n_bytes, n_rows, width;
} Stream;

/* Set all but n_rows and width from the buffers of the bytes and the rows; 0 and an error if they do not fit. */
int open_stream(Stream *stream, const Py_buffer *buffers);

/* 64 bits from the one numbered `bit` of the i-th row on, of which at least 57 hold; zeros after the end. */
static inline uint64_t bits_from(const Stream *stream, Py_ssize_t i, Py_ssize_t bit)
{
    Py_ssize_t first = (Py_ssize_t)stream->rows[i] * stream->width + bit, n_left = stream->n_bytes - first / 8;
    const uint8_t *from = stream->bytes + first / 8;
    uint64_t bits = 0;
    if (n_left >= 8)
        for (int byte = 0; byte < 8; byte++)
            bits = bits << 8 | from[byte];
    else
        for (Py_ssize_t byte = 0; byte < n_left; byte++)
            bits |= (uint64_t)from[byte] << (56 - 8 * byte);
    return bits << first % 8;
}

#if HAS_VARIANTS
typedef float Lanes __attribute__((vector_size(64)));
enum { COLUMNS = 16, GROUP = 5, TOGETHER = 8, ROWS = 2048 };

typedef struct {
    const Stream *stream;
    const float *matrix; /* in blocks of columns: (⌈dim / COLUMNS⌉, n_groups, GROUP, COLUMNS) */
    uint16_t *fives; /* five bits of each row, as where their sum is in a table: (rows / TOGETHER, groups, TOGETHER) */
    float *sums; /* of COLUMNS columns of ROWS rows */
    Py_ssize_t n_groups, dim;
} Many;

/* Write `column` and those after it, at most COLUMNS, of rows of ± 1 times the matrix; the first row is at `out`. */
void sum_columns(const Many *m, Py_ssize_t column, Py_ssize_t n_rows, float *out);
#endif
#endif
