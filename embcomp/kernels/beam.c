/* A step of beam search: prefixes of codes, each with every word of one more codebook; the cheapest are kept.
   Twin: beam.py. */
#include "kernels.h"

static int all_are_words(const Beam *b)
{
    for (Py_ssize_t i = 0; i < b->n_rows * b->n_kept * b->n_books; i++)
        if (b->codes[i] >= b->n_words)
            return 0;
    return 1;
}

/* beam(products, norms, tables, codes, costs, best_codes, best_costs,
        (n_rows, n_kept, n_own, n_words, n_books, n_tables, width)): n_own prefixes share a row of products. */
PyObject *beam(PyObject *self, PyObject *args)
{
    Py_buffer v[7];
    Beam b;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*w*w*(nnnnnnn)", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, &b.n_rows,
                          &b.n_kept, &b.n_own, &b.n_words, &b.n_books, &b.n_tables, &b.width))
        return NULL;
    int good = in_range(b.n_rows, 0, MOST_ROWS / MOST_WORDS) && in_range(b.n_kept, 1, MOST_WIDTH)
               && in_range(b.n_own, 1, b.n_kept) && in_range(b.n_kept % b.n_own, 0, 0)
               && in_range(b.n_words, 1, MOST_WORDS) && in_range(b.n_books, 0, MOST_WORDS)
               && in_range(b.n_tables, 0, b.n_books)
               && in_range(b.width, 1, b.n_kept * b.n_words < MOST_WIDTH ? b.n_kept * b.n_words : MOST_WIDTH)
               && holds(v, "products", b.n_rows * (b.n_kept / b.n_own) * b.n_words, 4)
               && holds(v + 1, "norms", b.n_words, 4) && holds(v + 2, "tables", b.n_tables * b.n_words * b.n_words, 4)
               && holds(v + 3, "codes", b.n_rows * b.n_kept * b.n_books, 2)
               && holds(v + 4, "costs", b.n_rows * b.n_kept, 8)
               && holds(v + 5, "best_codes", b.n_rows * b.width * (b.n_books + 1), 2)
               && holds(v + 6, "best_costs", b.n_rows * b.width, 8);
    b.products = v[0].buf, b.norms = v[1].buf, b.tables = v[2].buf, b.codes = v[3].buf, b.costs = v[4].buf;
    b.best_codes = v[5].buf, b.best_costs = v[6].buf;
    if (good && !all_are_words(&b)) {
        PyErr_SetString(PyExc_ValueError, "codes must be numbers of words");
        good = 0;
    }
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        extend(&b);
        Py_END_ALLOW_THREADS
    }
    return release(v, 7, good);
}
