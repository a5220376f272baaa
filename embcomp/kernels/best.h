/* What the files of one kernel share: best.c and, for what is fast, blocks.c and shuffle.c. */
#ifndef EMBCOMP_BEST_H
#define EMBCOMP_BEST_H
#include "kernels.h"

#define BLOCK_ROWS 64 /* rows whose bytes of one column stand together */
#define WIDE 256      /* entries of the table of a byte */
#define HALF 16       /* and of half a byte */

typedef struct {
    const uint8_t *codes;
    const double *tables;
    const float *gains, *shifts; /* NULL if all rows have `gain`, and no shift */
    uint8_t *rounded;            /* the tables, in whole numbers of `step` above the least of each */
    uint16_t *joined;            /* the same, of both halves of a byte together */
    Nearest nearest;
    Py_ssize_t n_rows, n_columns, n_wide;
    Py_ssize_t first; /* rank */
    double base, gain, shift, step, highest, least;
    uint16_t limit;
} Best;

/* Set `rounded`, `step`, and `highest` such that highest + step · Σ rounded ≥ base + Σ tables for every row. */
void round_tables(Best *b);

/* Compare the rows that can have a score of `least`, and where all have one gain a rounded sum of `limit`. */
void scan(Best *b);

/* Offer the score of a row, and raise `least` and `limit`. */
void compare(Best *b, Py_ssize_t row);

/* The sums of the rounded entries of a block of rows. */
typedef void Sum(const Best *b, const uint8_t *codes, uint16_t *sums);
Sum sum_avx2;
#endif
