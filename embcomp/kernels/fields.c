/* Rows of code made of symbols: checks, see sums.c. Twin: fields.py. */
#include "fields.h"

static int all_fit(const Fields *f)
{
    Py_ssize_t n_bits = 0;
    for (Py_ssize_t i = 0; i < f->n_places; i++) {
        Place p = f->places[i];
        Py_ssize_t n_entries = p.column == WORD ? f->n_words : f->n_numbers;
        int late = i && p.column == WORD && f->places[i - 1].column != WORD;
        if (late || p.n_bits < 0 || p.n_bits > MOST_BITS || p.column < WORD || p.column > f->dim || p.start < 0
            || p.start > n_entries - (1 << p.n_bits))
            return 0;
        n_bits += p.n_bits;
    }
    return n_bits <= f->stream.width;
}

/* fields(stream, rows, places, numbers, words, centre, out, (n_rows, width, n_places, dim, n_numbers, n_words)) */
PyObject *fields(PyObject *self, PyObject *args)
{
    Py_buffer b[7];
    Fields f;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*w*(nnnnnn)", b, b + 1, b + 2, b + 3, b + 4, b + 5, b + 6, &f.stream.n_rows,
                          &f.stream.width, &f.n_places, &f.dim, &f.n_numbers, &f.n_words))
        return NULL;
    int good = open_stream(&f.stream, b) && in_range(f.dim, 0, INT32_MAX)
               && in_range(f.stream.n_rows, 0, MOST_ROWS / (f.dim + 1))
               && in_range(f.n_words, 0, MOST_ROWS / (f.dim + 1)) && in_range(f.n_places, 0, MOST_ROWS)
               && in_range(f.n_numbers, 0, MOST_ROWS) && holds(b + 2, "places", 3 * f.n_places, 4)
               && holds(b + 3, "numbers", f.n_numbers, 4) && holds(b + 4, "words", f.n_words * f.dim, 4)
               && holds(b + 5, "centre", f.dim, 4) && holds(b + 6, "out", f.stream.n_rows * f.dim, 4);
    f.places = b[2].buf, f.numbers = b[3].buf, f.words = b[4].buf, f.centre = b[5].buf;
    if (good && !all_fit(&f)) {
        PyErr_SetString(PyExc_ValueError, "a symbol must fit its row and what it stands for");
        good = 0;
    }
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        decode_fields(&f, b[6].buf);
        Py_END_ALLOW_THREADS
    }
    return release(b, 7, good);
}
