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

/* best(codes, tables, numbers, gains, shifts, rounded, scores, ranks, (n_queries, n_rows, n_columns, n_wide, k, first, n_all),
   gain): numbers are the base and the shift of each query; gains and shifts are empty where all rows have `gain`, and no
   shift. Scores and ranks are a heap for each query, from the part whose first rank is 0 to the last of n_all rows. */
PyObject *best(PyObject *self, PyObject *args)
{
    Py_buffer p[8];
    Py_ssize_t n_queries, n_all;
    Best b = {0};
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*w*w*w*(nnnnnnn)d", p, p + 1, p + 2, p + 3, p + 4, p + 5, p + 6, p + 7, &n_queries,
                          &b.n_rows, &b.n_columns, &b.n_wide, &b.nearest.k, &b.first, &n_all, &b.gain))
        return NULL;
    Py_ssize_t k = b.nearest.k;
    int good = in_range(n_queries, 0, 65535) && in_range(b.n_rows, 0, MOST_ROWS / 2)
               && in_range(b.n_columns, 0, MOST_COLUMNS) && in_range(b.n_wide, 0, b.n_columns)
               && in_range(k, 1, MOST_ROWS / 16) && in_range(n_all, b.n_rows, MOST_ROWS)
               && in_range(b.first, 0, n_all - b.n_rows);
    Py_ssize_t n_entries = good ? b.n_wide * WIDE + (b.n_columns - b.n_wide) * 2 * HALF : 0;
    good = good && holds(p, "codes", (b.n_rows + BLOCK_ROWS - 1) / BLOCK_ROWS * BLOCK_ROWS * b.n_columns, 1)
           && holds(p + 1, "tables", n_queries * n_entries, 8) && holds(p + 2, "numbers", 2 * n_queries, 8)
           && holds(p + 3, "gains", p[3].len ? b.n_rows : 0, 4) && holds(p + 4, "shifts", p[4].len ? b.n_rows : 0, 4)
           && holds(p + 5, "rounded", n_entries / 2 + WIDE * b.n_columns, 2)
           && holds(p + 6, "scores", n_queries * k, 8) && holds(p + 7, "ranks", n_queries * k, 8);
    if (good) {
        b.codes = p[0].buf, b.rounded = p[5].buf, b.joined = (uint16_t *)(b.rounded + n_entries);
        b.gains = p[3].len ? p[3].buf : NULL, b.shifts = p[4].len ? p[4].buf : NULL;
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t q = 0; q < n_queries; q++) {
            const double *numbers = (const double *)p[2].buf + 2 * q;
            b.tables = (const double *)p[1].buf + q * n_entries, b.base = numbers[0], b.shift = numbers[1];
            b.nearest = (Nearest){(double *)p[6].buf + q * k, (int64_t *)p[7].buf + q * k, k};
            if (b.first == 0)
                start(&b.nearest);
            round_tables(&b);
            raise_least(&b);
            scan(&b);
            if (b.first + b.n_rows == n_all)
                finish(&b.nearest);
        }
        Py_END_ALLOW_THREADS
    }
    return release(p, 8, good);
}
