/* What the symbols of rows of code stand for: sums of words, and numbers that are added in one column. Twin: fields.py. */
#include "stream.h"

#define MOST_BITS 16 /* of a symbol */

typedef struct {
    int32_t n_bits, column, start; /* column: WORD, a column, or the number of columns for a factor of all */
} Place;
enum { WORD = -1 };

typedef struct {
    Stream stream;
    const Place *places;
    const float *numbers, *words, *centre;
    Py_ssize_t n_places, dim, n_numbers, n_words;
} Fields;

static int all_fit(const Fields *f)
{
    Py_ssize_t n_bits = 0;
    for (Py_ssize_t i = 0; i < f->n_places; i++) {
        Place p = f->places[i];
        Py_ssize_t n_entries = p.column == WORD ? f->n_words : f->n_numbers;
        if (p.n_bits < 0 || p.n_bits > MOST_BITS || p.column < WORD || p.column > f->dim || p.start < 0
            || p.start > n_entries - (1 << p.n_bits))
            return 0;
        n_bits += p.n_bits;
    }
    return n_bits <= f->stream.width;
}

static void add(float *restrict to, const float *from, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++)
        to[i] += from[i];
}

static void decode(const Fields *f, Py_ssize_t row, float *out)
{
    uint64_t bits = 0;
    int n_held = 0, after_words = 0;
    memset(out, 0, (size_t)f->dim * sizeof *out);
    for (Py_ssize_t i = 0, at = 0; i <= f->n_places; i++) {
        if (!after_words && (i == f->n_places || f->places[i].column != WORD)) {
            add(out, f->centre, f->dim);
            after_words = 1;
        }
        if (i == f->n_places)
            break;
        Place p = f->places[i];
        if (n_held < p.n_bits)
            bits = bits_from(&f->stream, row, at), n_held = 57;
        Py_ssize_t entry = p.start + (Py_ssize_t)(bits >> 1 >> (63 - p.n_bits));
        bits <<= p.n_bits, n_held -= p.n_bits, at += p.n_bits;
        if (p.column == WORD)
            add(out, f->words + entry * f->dim, f->dim);
        else if (p.column < f->dim)
            out[p.column] += f->numbers[entry];
        else
            for (Py_ssize_t d = 0; d < f->dim; d++)
                out[d] *= f->numbers[entry];
    }
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
        for (Py_ssize_t row = 0; row < f.stream.n_rows; row++)
            decode(&f, row, (float *)b[6].buf + row * f.dim);
        Py_END_ALLOW_THREADS
    }
    return release(b, 7, good);
}
