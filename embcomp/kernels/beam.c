/* A step of beam search: prefixes of codes, each with every word of one more codebook; the cheapest are kept.
   Twin: beam.py. */
#include "kernels.h"

int are_words(const uint16_t *codes, Py_ssize_t n_codes, Py_ssize_t n_words)
{
    uint16_t largest = 0;
    for (Py_ssize_t i = 0; i < n_codes; i++)
        largest = codes[i] > largest ? codes[i] : largest;
    if (n_codes && largest >= n_words)
        PyErr_SetString(PyExc_ValueError, "codes must be numbers of words");
    return !n_codes || largest < n_words;
}

/* beam(own, tables, codes, costs, best_codes, best_costs, (n_rows, n_kept, n_own, n_words, n_books, n_tables, shift,
   width)):   n_own prefixes share a row of costs of their own. */
PyObject *beam(PyObject *self, PyObject *args)
{
    Py_buffer v[6];
    Beam b;
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*w*(nnnnnnnn)", v, v + 1, v + 2, v + 3, v + 4, v + 5, &b.n_rows, &b.n_kept,
                          &b.n_own, &b.n_words, &b.n_books, &b.n_tables, &b.shift, &b.width))
        return NULL;
    int good = in_range(b.n_rows, 0, MOST_ROWS / MOST_WORDS) && in_range(b.n_kept, 1, MOST_WIDTH)
               && in_range(b.n_own, 1, b.n_kept) && in_range(b.n_kept % b.n_own, 0, 0)
               && in_range(b.n_words, 1, MOST_WORDS) && in_range(b.n_books, 0, MOST_WORDS)
               && in_range(b.n_tables, 0, b.n_books < MOST_BOOKS ? b.n_books : MOST_BOOKS)
               && in_range(b.shift, 0, MOST_SHIFT)
               && in_range(b.width, 1, b.n_kept * b.n_words < MOST_WIDTH ? b.n_kept * b.n_words : MOST_WIDTH)
               && holds(v, "own", b.n_rows * (b.n_kept / b.n_own) * b.n_words, 4)
               && holds(v + 1, "tables", b.n_tables * b.n_words * b.n_words, 2)
               && holds(v + 2, "codes", b.n_rows * b.n_kept * b.n_books, 2)
               && holds(v + 3, "costs", b.n_rows * b.n_kept, 8)
               && holds(v + 4, "best_codes", b.n_rows * b.width * (b.n_books + 1), 2)
               && holds(v + 5, "best_costs", b.n_rows * b.width, 8);
    b.own = v[0].buf, b.tables = v[1].buf, b.codes = v[2].buf, b.costs = v[3].buf, b.best_codes = v[4].buf;
    b.best_costs = v[5].buf;
    if (good && (good = are_words(b.codes, b.n_rows * b.n_kept * b.n_books, b.n_words))) {
        Py_BEGIN_ALLOW_THREADS
        extend(&b);
        Py_END_ALLOW_THREADS
    }
    return release(v, 6, good);
}
