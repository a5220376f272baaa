/* The codes of rows: beam search over all codebooks, then local search. Twin: codewords.py. */
#include "costs.h"

#define ROWS 64 /* searched for together, so that tables of a book stay in a cache */
typedef struct {
    const int32_t *own;
    const int16_t *tables;
    uint16_t *codes, *prefixes[2];
    int64_t *costs[2];
    Py_ssize_t n_rows, n_books, n_words, shift, width, sweeps;
} Search;

/* Beam search for some rows. */
static void start_codes(const Search *s, Py_ssize_t first, Py_ssize_t n_rows)
{
    Py_ssize_t n_kept = 1, n_words = s->n_words;
    memset(s->costs[0], 0, (size_t)n_rows * sizeof(int64_t));
    for (Py_ssize_t book = 0; book < s->n_books; book++) {
        Py_ssize_t most = n_kept * n_words, last = book + 1 == s->n_books, width = last ? 1 : s->width;
        Beam b = {s->own + (book * s->n_rows + first) * n_words,
                  s->tables + book * s->n_books * n_words * n_words, s->prefixes[book % 2], s->costs[book % 2],
                  last ? s->codes + first * s->n_books : s->prefixes[1 - book % 2], s->costs[1 - book % 2],
                  n_rows, n_kept, n_kept, n_words, book, book, s->shift, width < most ? width : most};
        extend(&b);
        n_kept = b.width;
    }
}

/* Local search for some rows: one symbol after the other becomes the best beside the others. One that is the best
   already, since no other has changed, is left. */
ALWAYS_INLINE void improve_codes(const Search *s, Py_ssize_t first, Py_ssize_t n_rows)
{
    Py_ssize_t changed[ROWS] = {0}, n_words = s->n_words; /* when another symbol of the row was changed last */
    int32_t costs[MOST_WORDS];
    const int16_t *tables[MOST_BOOKS];
    for (Py_ssize_t at = 0; at < s->sweeps * s->n_books; at++)
        for (Py_ssize_t row = 0; row < n_rows; row++) {
            Py_ssize_t book = at % s->n_books, n_tables = 0;
            uint16_t *code = s->codes + (first + row) * s->n_books;
            if (at >= s->n_books && changed[row] <= at - s->n_books)
                continue;
            for (Py_ssize_t other = 0; other < s->n_books; other++)
                if (other != book)
                    tables[n_tables++] = s->tables + ((book * s->n_books + other) * n_words + code[other]) * n_words;
            const int32_t *own = s->own + (book * s->n_rows + first + row) * n_words;
            add_up(own, 0, tables, n_tables, (int)s->shift, n_words, costs);
            uint16_t best = (uint16_t)cheapest_of(costs, n_words);
            changed[row] = best == code[book] ? changed[row] : at;
            code[book] = best;
        }
}

#if HAS_VARIANTS
FOR_PROCESSOR("avx2") static void improve_avx2(const Search *s, Py_ssize_t first, Py_ssize_t n_rows)
{
    improve_codes(s, first, n_rows);
}
#endif

static void search_block(const Search *s, Py_ssize_t first, Py_ssize_t n_rows)
{
    if (s->width)
        start_codes(s, first, n_rows);
#if HAS_VARIANTS
    if (__builtin_cpu_supports("avx2"))
        improve_avx2(s, first, n_rows);
    else
#endif
        improve_codes(s, first, n_rows);
}

/* search(own, tables, codes, (n_rows, n_books, n_words, shift, width, sweeps)): a width of 0 starts from them. */
PyObject *search(PyObject *self, PyObject *args)
{
    Py_buffer v[3];
    Search s;
    if (!PyArg_ParseTuple(args, "y*y*w*(nnnnnn)", v, v + 1, v + 2, &s.n_rows, &s.n_books, &s.n_words, &s.shift,
                          &s.width, &s.sweeps))
        return NULL;
    int good = in_range(s.n_rows, 0, MOST_ROWS / MOST_WORDS) && in_range(s.n_books, 1, MOST_BOOKS)
               && in_range(s.n_words, 1, MOST_WORDS) && in_range(s.shift, 0, MOST_SHIFT)
               && in_range(s.width, 0, MOST_WIDTH) && in_range(s.sweeps, 0, MOST_ROWS) && holds(v, "own", s.n_books * s.n_rows * s.n_words, 4)
               && holds(v + 1, "tables", s.n_books * s.n_books * s.n_words * s.n_words, 2)
               && holds(v + 2, "codes", s.n_rows * s.n_books, 2);
    s.own = v[0].buf, s.tables = v[1].buf, s.codes = v[2].buf;
    good = good && (s.width || are_words(s.codes, s.n_rows * s.n_books, s.n_words));
    size_t n = good ? (size_t)(ROWS * s.width) : 0; /* prefixes */
    int64_t *room = scratch(n * (2 * sizeof(int64_t) + 2 * MOST_BOOKS * sizeof(uint16_t)) + 1, &good);
    if (good) {
        s.costs[0] = room, s.costs[1] = room + n, s.prefixes[0] = (uint16_t *)(room + 2 * n);
        s.prefixes[1] = s.prefixes[0] + n * MOST_BOOKS;
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t first = 0; first < s.n_rows; first += ROWS)
            search_block(&s, first, s.n_rows - first < ROWS ? s.n_rows - first : ROWS);
        Py_END_ALLOW_THREADS
    }
    PyMem_Free(room);
    return release(v, 3, good);
}
