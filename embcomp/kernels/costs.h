/* Costs of a row with every word of a codebook, whole numbers, and the least. Twins: beam.py, codewords.py. */
#include "kernels.h"

#define LANES 32 /* words whose least cost says whether to look at them */
#define TILE 16  /* words that are multiplied together */
#define GROUP 4  /* with so many rows */
#define CHUNK 16 /* rows whose costs stay in the first cache */

/* Products of GROUP rows and TILE words added to numbers that may be those of `out`. Rows of these are strides apart.
   Words come in tiles, of each tile pairs of numbers, of each pair all words: two numbers are multiplied at a time. */
#define TILE_ARGUMENTS                                                                                                \
    const int16_t *rows, Py_ssize_t n_pairs, const int16_t *words, const int32_t *start, Py_ssize_t start_stride,     \
        int32_t *out, Py_ssize_t stride
extern void (*tile)(TILE_ARGUMENTS);

/* Costs of up to CHUNK rows, pairs of numbers, and all words of a codebook: n_words a row. */
void costs_of_chunk(const int16_t *rows, Py_ssize_t n_rows, Py_ssize_t n_pairs, const int16_t *words,
                    const int32_t *norms, Py_ssize_t n_words, int32_t *costs);

/* costs[w] = own[w] + base + 2^shift · Σ_t tables[t][w]. Sums of four numbers of tables fit into 16 bits. */
ALWAYS_INLINE void add_up(const int32_t *restrict own, int32_t base, const int16_t *const *tables, Py_ssize_t n_tables,
                          int shift, Py_ssize_t n_words, int32_t *restrict costs)
{
    memset(costs, 0, (size_t)n_words * sizeof *costs);
    for (; n_tables >= 4; n_tables -= 4, tables += 4) {
        const int16_t *s = tables[0], *t = tables[1], *u = tables[2], *v = tables[3];
        for (Py_ssize_t w = 0; w < n_words; w++)
            costs[w] += (int16_t)(s[w] + t[w] + u[w] + v[w]);
    }
    for (; n_tables >= 2; n_tables -= 2, tables += 2) {
        const int16_t *s = tables[0], *t = tables[1];
        for (Py_ssize_t w = 0; w < n_words; w++)
            costs[w] += (int16_t)(s[w] + t[w]);
    }
    for (; n_tables > 0; n_tables--, tables++) {
        const int16_t *table = tables[0];
        for (Py_ssize_t w = 0; w < n_words; w++)
            costs[w] += table[w];
    }
    for (Py_ssize_t w = 0; w < n_words; w++)
        costs[w] = (int32_t)(((uint32_t)costs[w] << shift) + (uint32_t)own[w] + (uint32_t)base);
}

ALWAYS_INLINE int32_t least_of(const int32_t *costs, Py_ssize_t n_words)
{
    int32_t least = INT32_MAX;
    for (Py_ssize_t w = 0; w < n_words; w++)
        least = costs[w] < least ? costs[w] : least;
    return least;
}

/* The word of least cost, of equals the first. */
ALWAYS_INLINE Py_ssize_t cheapest_of(const int32_t *costs, Py_ssize_t n_words)
{
    int32_t least = least_of(costs, n_words);
    Py_ssize_t w = 0;
    for (int found = 0; w + LANES <= n_words; w += LANES) {
        for (int i = 0; i < LANES; i++)
            found |= costs[w + i] == least;
        if (found)
            break;
    }
    while (costs[w] != least)
        w++;
    return w;
}
