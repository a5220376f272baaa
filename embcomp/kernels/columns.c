/* Sums of ± rows of a matrix, sixteen columns at a time, whose tables stay in the cache. Twin: signs.py. */
#include "stream.h"

#if HAS_VARIANTS
enum { PATTERNS = 32, GROUPS = 30 };

/* The sums of ± five rows of the matrix for all patterns of their signs. */
ALWAYS_INLINE void make_table(const float *numbers, Lanes *table)
{
    Lanes rows[GROUP];
    memcpy(rows, numbers, sizeof rows);
    table[0] = -rows[0] - rows[1] - rows[2] - rows[3] - rows[4];
    for (int i = 0; i < GROUP; i++)
        for (int pattern = 0; pattern < 1 << i; pattern++)
            table[pattern + (1 << i)] = table[pattern] + rows[GROUP - 1 - i] + rows[GROUP - 1 - i];
}

/* Write what there is and the sums of some rows to `out`, where rows are `dim` apart; no more than n columns. */
ALWAYS_INLINE void add_groups(const uint16_t *fives, const Lanes *tables, Py_ssize_t n_groups, const float *there,
                              float *out, Py_ssize_t dim, size_t n_rows, size_t n)
{
    Lanes sum[TOGETHER];
    for (int row = 0; row < TOGETHER; row++)
        sum[row] = there ? *(const Lanes *)(there + row * COLUMNS) : (Lanes){0};
    for (Py_ssize_t group = 0; group < n_groups; group++, tables += PATTERNS, fives += TOGETHER) {
        uint64_t low, high;
        memcpy(&low, fives, sizeof low);
        memcpy(&high, fives + 4, sizeof high);
        for (int row = 0; row < 4; row++, low >>= 16, high >>= 16) {
            sum[row] += *(const Lanes *)((const char *)tables + (uint16_t)low);
            sum[row + 4] += *(const Lanes *)((const char *)tables + (uint16_t)high);
        }
    }
    if (n_rows == TOGETHER && n == COLUMNS)
        for (size_t row = 0; row < TOGETHER; row++)
            memcpy(out + (Py_ssize_t)row * dim, sum + row, sizeof *sum);
    else
        for (size_t row = 0; row < n_rows; row++)
            memcpy(out + (Py_ssize_t)row * dim, sum + row, n * sizeof *out);
}

FOR_PROCESSOR("avx512f") void sum_columns(const Many *m, Py_ssize_t column, Py_ssize_t n_rows, float *out)
{
    Lanes tables[GROUPS * PATTERNS];
    size_t n_columns = (size_t)(m->dim - column < COLUMNS ? m->dim - column : COLUMNS);
    for (Py_ssize_t first = 0, n; first < m->n_groups; first += GROUPS) {
        n = m->n_groups - first < GROUPS ? m->n_groups - first : GROUPS;
        for (Py_ssize_t group = 0; group < n; group++)
            make_table(m->matrix + (column * m->n_groups + (first + group) * COLUMNS) * GROUP, tables + group * PATTERNS);
        for (Py_ssize_t row = 0; row < n_rows; row += TOGETHER) {
            const uint16_t *fives = m->fives + row * m->n_groups + first * TOGETHER;
            float *sums = m->sums + row * COLUMNS;
            size_t n_left = n_rows - row < TOGETHER ? (size_t)(n_rows - row) : TOGETHER;
            if (first + n < m->n_groups)
                add_groups(fives, tables, n, first ? sums : NULL, sums, COLUMNS, TOGETHER, COLUMNS);
            else
                add_groups(fives, tables, n, first ? sums : NULL, out + row * m->dim + column, m->dim, n_left, n_columns);
        }
    }
}
#endif
