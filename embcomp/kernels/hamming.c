/* The k rows of least Hamming distance to each query. Twin: hamming.py. */
#include "kernels.h"

#define RANK_BITS 40
#define STEP_ROWS 256 /* whose distances, 2 kB, stay in the first-level cache */
#define MOST_LANES 4096

/* Replace the largest key of a heap, and let the new one sink. */
static void replace_largest(uint64_t *heap, Py_ssize_t k, uint64_t key)
{
    Py_ssize_t at = 0;
    for (Py_ssize_t child = 1; child < k; child = 2 * at + 1) {
        if (child + 1 < k && heap[child + 1] > heap[child])
            child++;
        if (heap[child] <= key)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = key;
}

static void scan_step(const uint64_t *rows, Py_ssize_t first, Py_ssize_t n, const uint64_t *query,
                      const uint64_t *mask, Py_ssize_t n_lanes, uint64_t *heap, Py_ssize_t k)
{
    uint64_t distances[STEP_ROWS] = {0};
    uint64_t least = differences(rows + first * n_lanes, query, mask, n_lanes, n, distances);
    if (least << RANK_BITS >= heap[0])
        return; /* nothing here is near enough: nearly always */
    for (Py_ssize_t r = 0; r < n; r++) {
        uint64_t key = distances[r] << RANK_BITS | (uint64_t)(first + r);
        if (key < heap[0])
            replace_largest(heap, k, key);
    }
}

static void scan(const uint64_t *rows, Py_ssize_t n_rows, const uint64_t *queries, Py_ssize_t n_queries,
                 Py_ssize_t n_lanes, uint64_t *keys, Py_ssize_t k)
{
    uint64_t mask[MOST_LANES];
    memset(mask, 0xFF, (size_t)n_lanes * sizeof *mask);
    memset(keys, 0xFF, (size_t)(n_queries * k) * sizeof *keys);
    for (Py_ssize_t first = 0; first < n_rows; first += STEP_ROWS) {
        Py_ssize_t n = n_rows - first < STEP_ROWS ? n_rows - first : STEP_ROWS;
        for (Py_ssize_t q = 0; q < n_queries; q++)
            scan_step(rows, first, n, queries + q * n_lanes, mask, n_lanes, keys + q * k, k);
    }
}

/* hamming(rows, queries, keys, n_rows, n_queries, n_lanes, k): the k least of distance · 2^40 + rank, in no order. */
PyObject *hamming(PyObject *self, PyObject *args)
{
    Py_buffer rows, queries, keys;
    Py_ssize_t n_rows, n_queries, n_lanes, k;
    if (!PyArg_ParseTuple(args, "y*y*w*nnnn", &rows, &queries, &keys, &n_rows, &n_queries, &n_lanes, &k))
        return NULL;
    int good = 0;
    if (n_lanes < 1 || n_lanes > MOST_LANES || n_rows < 0 || n_rows > PY_SSIZE_T_MAX / MOST_LANES
        || (uint64_t)n_rows >> RANK_BITS || k < 1 || k > n_rows || n_queries < 0
        || n_queries > PY_SSIZE_T_MAX / MOST_LANES / k)
        PyErr_SetString(PyExc_ValueError, "a size is out of range");
    else
        good = holds(&rows, "rows", n_rows * n_lanes, 8) && holds(&queries, "queries", n_queries * n_lanes, 8)
               && holds(&keys, "keys", n_queries * k, 8);
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        scan(rows.buf, n_rows, queries.buf, n_queries, n_lanes, keys.buf, k);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&rows);
    PyBuffer_Release(&queries);
    PyBuffer_Release(&keys);
    return good ? Py_NewRef(Py_None) : NULL;
}
