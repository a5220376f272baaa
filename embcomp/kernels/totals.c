/* Sums of the rows that have each word. Twin: codewords.py. */
#include "kernels.h"

/* totals(rows, codes, sums, (n_rows, dim, n_words)): rows are added to the sums of their codes. */
PyObject *totals(PyObject *self, PyObject *args)
{
    Py_buffer v[3];
    Py_ssize_t n_rows, dim, n_words;
    if (!PyArg_ParseTuple(args, "y*y*w*(nnn)", v, v + 1, v + 2, &n_rows, &dim, &n_words))
        return NULL;
    int good = in_range(n_rows, 0, MOST_ROWS) && in_range(dim, 0, MOST_ROWS / (n_rows + 1)) && in_range(n_words, 1, 65536)
               && in_range(dim, 0, MOST_ROWS / n_words) && holds(v, "rows", n_rows * dim, 4)
               && holds(v + 1, "codes", n_rows, 2) && holds(v + 2, "sums", n_words * dim, 8)
               && are_words(v[1].buf, n_rows, n_words);
    if (good) {
        const float *rows = v[0].buf;
        const uint16_t *codes = v[1].buf;
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t row = 0; row < n_rows; row++) {
            double *restrict sum = (double *)v[2].buf + codes[row] * dim;
            for (Py_ssize_t i = 0; i < dim; i++)
                sum[i] += rows[row * dim + i];
        }
        Py_END_ALLOW_THREADS
    }
    return release(v, 3, good);
}
