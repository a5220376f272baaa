/* The k rows of least Hamming distance to each query. Twin: hamming.py. */
#include "kernels.h"

#define STEP_ROWS 256 /* whose distances, 2 kB, stay in the first-level cache */

static void compare_step(const uint64_t *rows, Py_ssize_t first, Py_ssize_t n, const uint64_t *query,
                      Py_ssize_t n_lanes, Nearest *nearest)
{
    uint64_t distances[STEP_ROWS];
    uint64_t least = differences(rows + first * n_lanes, query, n_lanes, n, distances);
    if (-(double)least <= nearest->scores[0])
        return; /* nothing here is near enough: nearly always */
    for (Py_ssize_t r = 0; r < n; r++)
        offer(nearest, -(double)distances[r], first + r);
}

static void compare_all(const uint64_t *rows, Py_ssize_t n_rows, const uint64_t *queries, Py_ssize_t n_queries,
                 Py_ssize_t n_lanes, double *scores, int64_t *ranks, Py_ssize_t k)
{
    for (Py_ssize_t q = 0; q < n_queries; q++)
        start(&(Nearest){scores + q * k, ranks + q * k, k});
    for (Py_ssize_t first = 0; first < n_rows; first += STEP_ROWS) {
        Py_ssize_t n = n_rows - first < STEP_ROWS ? n_rows - first : STEP_ROWS;
        for (Py_ssize_t q = 0; q < n_queries; q++)
            compare_step(rows, first, n, queries + q * n_lanes, n_lanes,
                      &(Nearest){scores + q * k, ranks + q * k, k});
    }
    for (Py_ssize_t q = 0; q < n_queries; q++)
        finish(&(Nearest){scores + q * k, ranks + q * k, k});
}

/* hamming(rows, queries, scores, ranks, (n_rows, n_queries, n_lanes, k)): scores are −distances. */
PyObject *hamming(PyObject *self, PyObject *args)
{
    Py_buffer b[4];
    Py_ssize_t n_rows, n_queries, n_lanes, k;
    if (!PyArg_ParseTuple(args, "y*y*w*w*(nnnn)", b, b + 1, b + 2, b + 3, &n_rows, &n_queries, &n_lanes, &k))
        return NULL;
    int good = in_range(n_rows, 0, MOST_ROWS) && in_range(n_lanes, 1, MOST_LANES) && in_range(k, 1, n_rows)
               && in_range(n_queries, 0, PY_SSIZE_T_MAX / MOST_LANES / k)
               && holds(b, "rows", n_rows * n_lanes, 8) && holds(b + 1, "queries", n_queries * n_lanes, 8)
               && holds(b + 2, "scores", n_queries * k, 8) && holds(b + 3, "ranks", n_queries * k, 8);
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        compare_all(b[0].buf, n_rows, b[1].buf, n_queries, n_lanes, b[2].buf, b[3].buf, k);
        Py_END_ALLOW_THREADS
    }
    return release(b, 4, good);
}
