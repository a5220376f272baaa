/* Costs of prefixes with every word of one more codebook, and the cheapest of them. Twin: beam.py. */
#include "costs.h"

#define BLOCKS 16

/* What at least `width` costs do not exceed, from the least costs of some blocks: so many of these do not. */
ALWAYS_INLINE int32_t limit_of(const int32_t *least, int32_t width)
{
    int32_t limit = INT32_MAX, n_below[BLOCKS] = {0};
    for (int j = 0; j < BLOCKS; j++)
        for (int i = 0; i < BLOCKS; i++)
            n_below[i] += least[j] <= least[i];
    for (int i = 0; i < BLOCKS; i++) {
        int32_t candidate = n_below[i] >= width ? least[i] : INT32_MAX;
        limit = candidate < limit ? candidate : limit;
    }
    return limit;
}

ALWAYS_INLINE void step(const Beam *b, Py_ssize_t row)
{
    int32_t costs[MOST_WORDS + LANES], least[MOST_WORDS / LANES + BLOCKS], best[MOST_WIDTH], limit = INT32_MAX;
    int32_t at[MOST_WIDTH]; /* prefix · MOST_WORDS + word; of equal costs the first one wins */
    Py_ssize_t n_found = 0, n_blocks = (b->n_words + LANES - 1) / LANES;
    for (int i = 0; i < LANES; i++)
        costs[b->n_words + i] = INT32_MAX;
    for (int i = 0; i < BLOCKS; i++)
        least[n_blocks + i] = INT32_MAX;
    for (Py_ssize_t kept = 0; kept < b->n_kept; kept++) {
        Py_ssize_t prefix = row * b->n_kept + kept;
        const uint16_t *code = b->codes + prefix * b->n_books;
        const int16_t *tables[MOST_BOOKS];
        for (Py_ssize_t book = 0; book < b->n_tables; book++)
            tables[book] = b->tables + (book * b->n_words + code[book]) * b->n_words;
        add_up(b->own + prefix / b->n_own * b->n_words, (int32_t)b->costs[prefix], tables, b->n_tables, (int)b->shift,
               b->n_words, costs);
        for (Py_ssize_t block = 0; block < n_blocks; block++)
            least[block] = least_of(costs + block * LANES, LANES);
        limit = kept ? limit : limit_of(least, (int32_t)b->width); /* of the best prefix: few costs get past it */
        for (Py_ssize_t block = 0; block < n_blocks; block++) {
            if (least[block] > limit)
                continue;
            for (Py_ssize_t w = block * LANES; w < (block + 1) * LANES; w++)
                if (costs[w] <= limit && w < b->n_words) {
                    Py_ssize_t place = n_found < b->width ? n_found++ : n_found - 1;
                    for (; place > 0 && best[place - 1] > costs[w]; place--)
                        best[place] = best[place - 1], at[place] = at[place - 1];
                    best[place] = costs[w], at[place] = (int32_t)(kept * MOST_WORDS + w);
                    limit = n_found < b->width ? limit : best[n_found - 1] - (best[n_found - 1] > INT32_MIN);
                }
        }
    }
    for (Py_ssize_t i = 0; i < n_found; i++) {
        uint16_t *code = b->best_codes + (row * b->width + i) * (b->n_books + 1);
        Py_ssize_t prefix = row * b->n_kept + at[i] / MOST_WORDS;
        memcpy(code, b->codes + prefix * b->n_books, (size_t)b->n_books * sizeof *code);
        code[b->n_books] = (uint16_t)(at[i] % MOST_WORDS);
        b->best_costs[row * b->width + i] = best[i];
    }
}

static void extend_anywhere(const Beam *b)
{
    for (Py_ssize_t row = 0; row < b->n_rows; row++)
        step(b, row);
}

#if HAS_VARIANTS
FOR_PROCESSOR("avx2") static void extend_avx2(const Beam *b)
{
    for (Py_ssize_t row = 0; row < b->n_rows; row++)
        step(b, row);
}
#endif

void extend(const Beam *b)
{
#if HAS_VARIANTS
    if (__builtin_cpu_supports("avx2")) {
        extend_avx2(b);
        return;
    }
#endif
    extend_anywhere(b);
}
