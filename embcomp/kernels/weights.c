/* The k rows of largest similarity to a query of floats, for codes of bits. Twin: weights.py, which says what it is.

A row costs at least what its rounded weights say. Rows whose cost leaves them no place among the k are passed over;
the similarity of the others is computed exactly, with the same operations in the same order as the twin. */
#include "kernels.h"
#include <math.h>

#define STEP_ROWS 256
#define TABLE 256 /* entries for each byte of a code */
#define UNITS 1048576.0 /* scores are whole multiples of 2^-20 */
#define SLACK (2 / UNITS) /* for that rounding, and float64 arithmetic with numbers around 1 */

typedef struct {
    const uint64_t *rows, *query, *masks;
    const double *tables;
    const float *inverses; /* NULL if all are `inverse`, which otherwise is the largest */
    Nearest nearest;
    Py_ssize_t n_rows, n_lanes, n_planes, n_bytes;
    double best, step, below, inverse;
} Search;

static double score_of(const Search *s, Py_ssize_t row)
{
    const uint8_t *code = (const uint8_t *)(s->rows + row * s->n_lanes);
    double sum = 0;
    for (Py_ssize_t byte = 0; byte < s->n_bytes; byte++)
        sum += s->tables[byte * TABLE + code[byte]];
    sum *= s->inverses ? (double)s->inverses[row] : s->inverse;
    return rint(sum * UNITS) / UNITS + 0.0; /* −0 becomes 0 */
}

/* Above what cost no row can score more than the k-th found: from (best - 2 (step cost - below)) inverse > score. */
static uint64_t largest_cost(const Search *s)
{
    double least = s->nearest.scores[0] - SLACK;
    if (s->inverse <= 0 || (s->inverses && least <= 0) || least == -INFINITY)
        return UINT64_MAX;
    double cost = ((s->best - least / s->inverse) / 2 + s->below) / s->step;
    return cost < 0 ? 0 : cost < 1e18 ? (uint64_t)cost + 1 : UINT64_MAX;
}

static int own_length_excludes(const Search *s, Py_ssize_t row, uint64_t cost)
{
    return s->inverses
           && (s->best - 2 * (s->step * (double)cost - s->below)) * (double)s->inverses[row]
                  <= s->nearest.scores[0] - SLACK;
}

static void scan(Search *s)
{
    uint64_t costs[STEP_ROWS], largest = UINT64_MAX;
    start(&s->nearest);
    for (Py_ssize_t first = 0; first < s->n_rows; first += STEP_ROWS) {
        Py_ssize_t n = s->n_rows - first < STEP_ROWS ? s->n_rows - first : STEP_ROWS;
        differences(s->rows + first * s->n_lanes, s->query, s->masks, s->n_lanes, s->n_planes, n, costs);
        for (Py_ssize_t r = 0; r < n; r++) {
            if (costs[r] > largest || own_length_excludes(s, first + r, costs[r]))
                continue;
            offer(&s->nearest, score_of(s, first + r), first + r);
            largest = largest_cost(s);
        }
    }
    finish(&s->nearest);
}

/* weights(rows, query, masks, tables, inverses, scores, ranks, (n_rows, n_lanes, n_planes, n_bytes, k),
           (best, step, below, inverse)) */
PyObject *weights(PyObject *self, PyObject *args)
{
    Py_buffer b[7];
    Search s = {0};
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*w*w*(nnnnn)(dddd)", b, b + 1, b + 2, b + 3, b + 4, b + 5, b + 6, &s.n_rows,
                          &s.n_lanes, &s.n_planes, &s.n_bytes, &s.nearest.k, &s.best, &s.step, &s.below, &s.inverse))
        return NULL;
    int good = in_range(s.n_rows, 0, MOST_ROWS) && in_range(s.n_lanes, 1, MOST_LANES)
               && in_range(s.n_planes, 1, MOST_PLANES) && in_range(s.n_bytes, 0, 8 * s.n_lanes)
               && in_range(s.nearest.k, 1, s.n_rows) && holds(b, "rows", s.n_rows * s.n_lanes, 8)
               && holds(b + 1, "query", s.n_lanes, 8) && holds(b + 2, "masks", s.n_planes * s.n_lanes, 8)
               && holds(b + 3, "tables", s.n_bytes * TABLE, 8) && holds(b + 4, "inverses", b[4].len ? s.n_rows : 0, 4)
               && holds(b + 5, "scores", s.nearest.k, 8) && holds(b + 6, "ranks", s.nearest.k, 8);
    if (good) {
        s.rows = b[0].buf, s.query = b[1].buf, s.masks = b[2].buf, s.tables = b[3].buf;
        s.inverses = b[4].len ? b[4].buf : NULL, s.nearest.scores = b[5].buf, s.nearest.ranks = b[6].buf;
        Py_BEGIN_ALLOW_THREADS
        scan(&s);
        Py_END_ALLOW_THREADS
    }
    return release(b, 7, good);
}
