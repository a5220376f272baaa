/* The k rows of best score, a sum of table entries. Twin: best.py, which says what it is.

Entries rounded to bytes are summed for all rows. Rows that the sum leaves no place among the k are passed over; the
score of the others is computed exactly, with the same operations in the same order as the twin. */
#include "best.h"
#include <math.h>

#define UNITS 1048576.0    /* scores are whole multiples of 2^-20 */
#define SLACK (2 / UNITS)  /* for that rounding */
#define MOST_COLUMNS 32767 /* whose sums of at least 0 or 1 from each half fit 16 bits */

static double score_of(const Best *b, Py_ssize_t row)
{
    const uint8_t *code = b->codes + row / BLOCK_ROWS * BLOCK_ROWS * b->n_columns + row % BLOCK_ROWS;
    const double *table = b->tables;
    double sum = b->base;
    for (Py_ssize_t c = 0; c < b->n_columns; c++, code += BLOCK_ROWS)
        if (c < b->n_wide)
            sum += table[*code], table += WIDE;
        else
            sum += table[*code >> 4] + table[HALF + (*code & 15)], table += 2 * HALF;
    sum *= b->gains ? (double)b->gains[row] : b->gain;
    if (b->shifts)
        sum += b->shift * (double)b->shifts[row];
    return rint(sum * UNITS) / UNITS + 0.0; /* −0 becomes 0 */
}

static void raise_least(Best *b)
{
    b->least = b->nearest.scores[0] - SLACK;
    double limit = b->gains || b->shifts || b->gain <= 0 ? 0 : (b->least / b->gain - b->highest) / b->step - 1;
    b->limit = (uint16_t)(limit > 0 ? limit < UINT16_MAX ? limit : UINT16_MAX : 0);
}

void compare(Best *b, Py_ssize_t row)
{
    offer(&b->nearest, score_of(b, row), b->first + row);
    raise_least(b);
}

/* best(codes, tables, gains, shifts, rounded, scores, ranks, (n_rows, n_columns, n_wide, k, first), (base, gain, shift)):
   one gain and no shifts where these are empty. Scores and ranks are a heap that goes on from part to part. */
PyObject *best(PyObject *self, PyObject *args)
{
    Py_buffer p[7];
    Best b = {0};
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*w*w*(nnnnn)(ddd)", p, p + 1, p + 2, p + 3, p + 4, p + 5, p + 6, &b.n_rows,
                          &b.n_columns, &b.n_wide, &b.nearest.k, &b.first, &b.base, &b.gain, &b.shift))
        return NULL;
    Py_ssize_t n_entries = b.n_wide * WIDE + (b.n_columns - b.n_wide) * 2 * HALF;
    int good = in_range(b.n_rows, 0, MOST_ROWS / 2) && in_range(b.n_columns, 0, MOST_COLUMNS)
               && in_range(b.n_wide, 0, b.n_columns) && in_range(b.nearest.k, 1, MOST_ROWS)
               && holds(p, "codes", (b.n_rows + BLOCK_ROWS - 1) / BLOCK_ROWS * BLOCK_ROWS * b.n_columns, 1)
               && holds(p + 1, "tables", n_entries, 8) && holds(p + 2, "gains", p[2].len ? b.n_rows : 0, 4)
               && holds(p + 3, "shifts", p[3].len ? b.n_rows : 0, 4)
               && holds(p + 4, "rounded", n_entries / 2 + WIDE * b.n_columns, 2)
               && holds(p + 5, "scores", b.nearest.k, 8) && holds(p + 6, "ranks", b.nearest.k, 8);
    if (good) {
        b.codes = p[0].buf, b.tables = p[1].buf, b.rounded = p[4].buf, b.nearest.scores = p[5].buf;
        b.joined = (uint16_t *)(b.rounded + n_entries);
        b.gains = p[2].len ? p[2].buf : NULL, b.shifts = p[3].len ? p[3].buf : NULL, b.nearest.ranks = p[6].buf;
        Py_BEGIN_ALLOW_THREADS
        round_tables(&b);
        raise_least(&b);
        scan(&b);
        Py_END_ALLOW_THREADS
    }
    return release(p, 7, good);
}
