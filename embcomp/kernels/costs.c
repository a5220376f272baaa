/* Costs of prefixes with every word of one more codebook, and the cheapest of them. Twin: beam.py. */
#include "costs.h"

ALWAYS_INLINE void step(const Beam *b, Py_ssize_t row)
{
    int32_t costs[MOST_WORDS + LANES], best[MOST_WIDTH];
    int64_t at[MOST_WIDTH]; /* prefix · words + word; of equal costs the first one wins */
    Py_ssize_t n_found = 0;
    memset(costs + b->n_words, INT8_MAX, LANES * sizeof *costs); /* the rest of the last block: large */
    for (Py_ssize_t kept = 0; kept < b->n_kept; kept++) {
        Py_ssize_t prefix = row * b->n_kept + kept;
        const uint16_t *code = b->codes + prefix * b->n_books;
        const int32_t *tables[MOST_BOOKS];
        for (Py_ssize_t book = 0; book < b->n_tables; book++)
            tables[book] = b->tables + (book * b->n_words + code[book]) * b->n_words;
        add_up(b->own + prefix / b->n_own * b->n_words, (int32_t)b->costs[prefix], tables, b->n_tables, b->n_words,
               costs);
        for (Py_ssize_t start = 0; start < b->n_words; start += LANES) {
            if (n_found == b->width && least_of(costs + start, LANES) >= best[n_found - 1])
                continue;
            for (Py_ssize_t w = start; w < start + LANES && w < b->n_words; w++)
                if (n_found < b->width || costs[w] < best[n_found - 1]) {
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
