/* Which rows can have a good score: sums of rounded table entries, block of rows by block. See best.c. */
#include "best.h"

#define ROUNDING 0x1p-40 /* relative: more than that of all operations in float64 */

static void limits(const double *table, Py_ssize_t n, double *low, double *high)
{
    *low = *high = *table;
    for (Py_ssize_t i = 1; i < n; i++) {
        *low = table[i] < *low ? table[i] : *low;
        *high = table[i] > *high ? table[i] : *high;
    }
}

void round_tables(Best *b)
{
    Py_ssize_t n_tables = 2 * b->n_columns - b->n_wide, at = 0, size;
    double low, high, range = 0, error = b->base < 0 ? -b->base : b->base, top = n_tables > 257 ? 65535 / n_tables : 255;
    b->highest = b->base;
    for (Py_ssize_t t = 0; t < n_tables; t++, at += size) {
        limits(b->tables + at, size = t < b->n_wide ? WIDE : HALF, &low, &high);
        range = high - low > range ? high - low : range;
        error += high > -low ? high : -low;
    }
    b->highest += ROUNDING * error;
    b->step = range > 0 ? range / top : 1;
    at = 0;
    for (Py_ssize_t t = 0; t < n_tables; t++, at += size) {
        limits(b->tables + at, size = t < b->n_wide ? WIDE : HALF, &low, &high);
        error = 0;
        for (Py_ssize_t i = at; i < at + size; i++) {
            double steps = (b->tables[i] - low) / b->step + 0.5;
            b->rounded[i] = (uint8_t)(steps > 0 ? steps < top ? steps : top : 0);
            double missing = b->tables[i] - (low + b->step * b->rounded[i]);
            error = missing > error ? missing : error;
        }
        b->highest += low + error;
    }
}

/* Entries of both halves of a byte together: one table for each column. */
static void join_halves(const Best *b)
{
    const uint8_t *table = b->rounded;
    for (Py_ssize_t c = 0; c < b->n_columns; c++, table += c <= b->n_wide ? WIDE : 2 * HALF)
        for (int byte = 0; byte < WIDE; byte++)
            b->joined[c * WIDE + byte] = c < b->n_wide ? table[byte] : table[byte >> 4] + table[HALF + (byte & 15)];
}

static void sum_anywhere(const Best *b, const uint8_t *codes, uint16_t *sums)
{
    memset(sums, 0, BLOCK_ROWS * sizeof *sums);
    for (Py_ssize_t c = 0; c < b->n_columns; c++)
        for (int r = 0; r < BLOCK_ROWS; r++)
            sums[r] = (uint16_t)(sums[r] + b->joined[c * WIDE + codes[c * BLOCK_ROWS + r]]);
}

ALWAYS_INLINE void scan_by(Best *b, Sum *sum)
{
    uint16_t sums[BLOCK_ROWS];
    double most[BLOCK_ROWS];
    for (Py_ssize_t first = 0; first < b->n_rows; first += BLOCK_ROWS) {
        Py_ssize_t n = b->n_rows - first < BLOCK_ROWS ? b->n_rows - first : BLOCK_ROWS;
        int some = 0;
        sum(b, b->codes + first * b->n_columns, sums);
        for (Py_ssize_t r = 0; r < BLOCK_ROWS; r++)
            some |= sums[r] >= b->limit;
        if (!some)
            continue;
        some = 0;
        for (Py_ssize_t r = 0; r < n; r++)
            most[r] = (b->highest + b->step * sums[r]) * (b->gains ? (double)b->gains[first + r] : b->gain);
        for (Py_ssize_t r = 0; b->shifts && r < n; r++)
            most[r] += b->shift * (double)b->shifts[first + r];
        for (Py_ssize_t r = 0; r < n; r++)
            some |= most[r] >= b->least;
        for (Py_ssize_t r = 0; some && r < n; r++)
            if (most[r] >= b->least)
                compare(b, first + r);
    }
}

#if HAS_VARIANTS
FOR_PROCESSOR("avx2") static void scan_avx2(Best *b) { scan_by(b, sum_avx2); }
#endif

void scan(Best *b)
{
#if HAS_VARIANTS
    if (__builtin_cpu_supports("avx2")) {
        scan_avx2(b);
        return;
    }
#endif
    join_halves(b);
    scan_by(b, sum_anywhere);
}
