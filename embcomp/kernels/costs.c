/* Costs of prefixes with every word of one more codebook, and the cheapest of them. Twin: beam.py. */
#include "kernels.h"

#define BLOCK 16 /* words whose least cost says whether to look at them */

ALWAYS_INLINE const int32_t *entry(const Beam *b, const uint16_t *code, Py_ssize_t book)
{
    return b->tables + (book * b->n_words + code[book]) * b->n_words;
}

/* Costs of a prefix with every word, and the least of each block of words. */
ALWAYS_INLINE void add_up(const Beam *b, Py_ssize_t prefix, int32_t *restrict costs, int32_t *restrict least)
{
    const float *product = b->products + prefix / b->n_own * b->n_words;
    const uint16_t *code = b->codes + prefix * b->n_books;
    int32_t base = (int32_t)b->costs[prefix];
    for (Py_ssize_t w = 0; w < b->n_words; w++)
        costs[w] = (int32_t)product[w] + b->norms[w] + base;
    Py_ssize_t book = 0;
    for (; book + 3 <= b->n_tables; book += 3) { /* several at once take fewer stores */
        const int32_t *s = entry(b, code, book), *t = entry(b, code, book + 1), *u = entry(b, code, book + 2);
        for (Py_ssize_t w = 0; w < b->n_words; w++)
            costs[w] += s[w] + t[w] + u[w];
    }
    for (; book < b->n_tables; book++) {
        const int32_t *table = entry(b, code, book);
        for (Py_ssize_t w = 0; w < b->n_words; w++)
            costs[w] += table[w];
    }
    for (Py_ssize_t w = b->n_words; w % BLOCK; w++)
        costs[w] = INT32_MAX;
    for (Py_ssize_t block = 0; block * BLOCK < b->n_words; block++) {
        least[block] = INT32_MAX;
        for (int i = 0; i < BLOCK; i++)
            least[block] = costs[block * BLOCK + i] < least[block] ? costs[block * BLOCK + i] : least[block];
    }
}

ALWAYS_INLINE void step(const Beam *b, Py_ssize_t row)
{
    int32_t costs[MOST_WORDS], least[MOST_WORDS / BLOCK], best[MOST_WIDTH];
    int64_t at[MOST_WIDTH]; /* prefix · words + word; of equal costs the first one wins */
    Py_ssize_t n_found = 0;
    for (Py_ssize_t kept = 0; kept < b->n_kept; kept++) {
        add_up(b, row * b->n_kept + kept, costs, least);
        for (Py_ssize_t w = 0; w < b->n_words; w++) {
            if (n_found == b->width && w % BLOCK == 0 && least[w / BLOCK] >= best[n_found - 1])
                w += BLOCK - 1;
            else if (n_found < b->width || costs[w] < best[n_found - 1]) {
                Py_ssize_t place = n_found < b->width ? n_found++ : n_found - 1;
                for (; place > 0 && best[place - 1] > costs[w]; place--)
                    best[place] = best[place - 1], at[place] = at[place - 1];
                best[place] = costs[w], at[place] = kept * b->n_words + w;
            }
        }
    }
    for (Py_ssize_t i = 0; i < n_found; i++) {
        uint16_t *code = b->best_codes + (row * b->width + i) * (b->n_books + 1);
        Py_ssize_t prefix = row * b->n_kept + at[i] / b->n_words;
        memcpy(code, b->codes + prefix * b->n_books, (size_t)b->n_books * sizeof *code);
        code[b->n_books] = (uint16_t)(at[i] % b->n_words);
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
