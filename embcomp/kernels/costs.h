/* Costs of a row with every word of a codebook, whole numbers, and the least. Twins: beam.py, codewords.py. */
#include "kernels.h"

#define LANES 16 /* words whose least cost says whether to look at them */
#define TILE 16  /* words that are multiplied together */
#define CHUNK 16 /* rows whose costs stay in the first cache */

/* Costs of up to CHUNK rows, pairs of numbers, and all words of a codebook: n_words a row. */
void costs_of_chunk(const int16_t *rows, Py_ssize_t n_rows, Py_ssize_t n_pairs, const int16_t *words,
                    const int32_t *norms, Py_ssize_t n_words, int32_t *costs);

/* costs[w] = own[w] + base + Σ_t tables[t][w]; several tables at once take fewer stores. */
ALWAYS_INLINE void add_up(const int32_t *restrict own, int32_t base, const int32_t *const *tables, Py_ssize_t n_tables,
                          Py_ssize_t n_words, int32_t *restrict costs)
{
    for (Py_ssize_t w = 0; w < n_words; w++)
        costs[w] = own[w] + base;
    for (; n_tables >= 3; n_tables -= 3, tables += 3) {
        const int32_t *s = tables[0], *t = tables[1], *u = tables[2];
        for (Py_ssize_t w = 0; w < n_words; w++)
            costs[w] += s[w] + t[w] + u[w];
    }
    for (; n_tables > 0; n_tables--, tables++) {
        const int32_t *table = tables[0];
        for (Py_ssize_t w = 0; w < n_words; w++)
            costs[w] += table[w];
    }
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
