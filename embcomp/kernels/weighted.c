/* Weighted Hamming distances of rows to a query, weights being sums of powers of two. Twin: hamming.py. */
#include "kernels.h"

#define STEP_ROWS 256
#define MOST_LANES 4096
#define MOST_PLANES 8

static void sum_steps(const uint64_t *rows, Py_ssize_t n_rows, const uint64_t *query, Py_ssize_t n_lanes,
                      const uint64_t *masks, Py_ssize_t n_planes, uint32_t *costs)
{
    for (Py_ssize_t first = 0; first < n_rows; first += STEP_ROWS) {
        uint64_t sums[STEP_ROWS] = {0};
        Py_ssize_t n = n_rows - first < STEP_ROWS ? n_rows - first : STEP_ROWS;
        for (Py_ssize_t plane = 0; plane < n_planes; plane++)
            differences(rows + first * n_lanes, query, masks + plane * n_lanes, n_lanes, n, sums);
        for (Py_ssize_t r = 0; r < n; r++)
            costs[first + r] = (uint32_t)sums[r];
    }
}

/* weighted(rows, query, masks, costs, n_rows, n_lanes, n_planes): costs[r] = Σ_p 2^(P-1-p) |(row ^ query) & mask p|. */
PyObject *weighted(PyObject *self, PyObject *args)
{
    Py_buffer rows, query, masks, costs;
    Py_ssize_t n_rows, n_lanes, n_planes;
    if (!PyArg_ParseTuple(args, "y*y*y*w*nnn", &rows, &query, &masks, &costs, &n_rows, &n_lanes, &n_planes))
        return NULL;
    int good = 0;
    if (n_lanes < 1 || n_lanes > MOST_LANES || n_planes < 1 || n_planes > MOST_PLANES || n_rows < 0
        || n_rows > PY_SSIZE_T_MAX / MOST_LANES)
        PyErr_SetString(PyExc_ValueError, "a size is out of range");
    else
        good = holds(&rows, "rows", n_rows * n_lanes, 8) && holds(&query, "query", n_lanes, 8)
               && holds(&masks, "masks", n_planes * n_lanes, 8) && holds(&costs, "costs", n_rows, 4);
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        sum_steps(rows.buf, n_rows, query.buf, n_lanes, masks.buf, n_planes, costs.buf);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&rows);
    PyBuffer_Release(&query);
    PyBuffer_Release(&masks);
    PyBuffer_Release(&costs);
    return good ? Py_NewRef(Py_None) : NULL;
}
