/* Lines of text: a word and `dim` numbers, with single spaces or tabs between. Twin: text.py. */
#include "kernels.h"

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Parse one line; return its line feed, or NULL if it is no such line. */
static const char *parse_line(const char *at, const char *stop, Py_ssize_t most_word, Py_ssize_t dim, float *vector,
                              const char **cut)
{
    const char *start = at;
    while ((unsigned char)*at > ' ')
        at++;
    *cut = at;
    if (at - start > most_word)
        return NULL;
    for (Py_ssize_t i = 0; i < dim; i++) {
        if (*at != ' ' && *at != '\t')
            return NULL;
        at = parse_number(at + 1, stop, vector + i);
        if (at == NULL)
            return NULL;
    }
    while (is_blank(*at))
        at++;
    return *at == '\n' ? at : NULL;
}

/* Parse n_rows lines, and copy their words, or the lines themselves where they are not parsed, each with a line feed
   behind it. Return the bytes copied, or -1 if there are more or fewer lines; the text ends with a line feed. */
static Py_ssize_t parse_lines(const char *at, Py_ssize_t n_bytes, Py_ssize_t n_rows, Py_ssize_t dim,
                              Py_ssize_t most_word, char *words, float *vectors, uint8_t *done)
{
    const char *stop = at + n_bytes, *first_word = words;
    for (Py_ssize_t row = 0; row < n_rows; row++) {
        if (at == stop)
            return -1;
        const char *cut, *end = parse_line(at, stop, most_word, dim, vectors + row * dim, &cut);
        done[row] = end != NULL;
        if (end == NULL)
            cut = end = memchr(at, '\n', (size_t)(stop - at));
        memcpy(words, at, (size_t)(cut - at));
        words += cut - at;
        *words++ = '\n';
        at = end + 1;
    }
    return at == stop ? words - first_word : -1;
}

static Py_ssize_t count_lines(const char *at, Py_ssize_t n_bytes)
{
    Py_ssize_t n_lines = 0;
    for (const char *stop = at + n_bytes; at < stop && (at = memchr(at, '\n', (size_t)(stop - at))); at++)
        n_lines++;
    return n_lines;
}

/* text_lines(text): the number of line feeds. */
PyObject *text_lines(PyObject *self, PyObject *text)
{
    char *bytes;
    Py_ssize_t n_bytes, n_lines;
    if (PyBytes_AsStringAndSize(text, &bytes, &n_bytes))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    n_lines = count_lines(bytes, n_bytes);
    Py_END_ALLOW_THREADS
    return PyLong_FromSsize_t(n_lines);
}

/* text_rows(text, words, vectors, done, (n_rows, dim, most_word)): bytes of words. */
PyObject *text_rows(PyObject *self, PyObject *args)
{
    Py_buffer b[4];
    Py_ssize_t n_rows, dim, most_word, n_bytes = -1;
    if (!PyArg_ParseTuple(args, "y*w*w*w*(nnn)", b, b + 1, b + 2, b + 3, &n_rows, &dim, &most_word))
        return NULL;
    const char *text = b[0].buf;
    int good = in_range(dim, 1, PY_SSIZE_T_MAX / 8) && in_range(n_rows, 0, PY_SSIZE_T_MAX / 8 / dim)
               && holds(b + 1, "words", b[0].len, 1) && holds(b + 2, "vectors", n_rows * dim, 4)
               && holds(b + 3, "done", n_rows, 1);
    if (good && (!b[0].len || text[b[0].len - 1] == '\n')) {
        Py_BEGIN_ALLOW_THREADS
        n_bytes = parse_lines(text, b[0].len, n_rows, dim, most_word, b[1].buf, b[2].buf, b[3].buf);
        Py_END_ALLOW_THREADS
    }
    if (good && n_bytes < 0)
        PyErr_Format(PyExc_ValueError, "text does not consist of %zd lines", n_rows);
    PyObject *done = release(b, 4, n_bytes >= 0);
    Py_XDECREF(done);
    return done ? PyLong_FromSsize_t(n_bytes) : NULL;
}
