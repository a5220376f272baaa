/* Lines of text: a word and `dim` numbers, with single spaces or tabs between. Twin: text.py. */
#include "kernels.h"

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Parse one line; return its line feed, or NULL if it is no such line. */
static const char *parse_line(const char *at, Py_ssize_t most_word, Py_ssize_t dim, float *vector, const char **cut)
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
        at = parse_number(at + 1, vector + i);
        if (at == NULL)
            return NULL;
    }
    while (is_blank(*at))
        at++;
    return *at == '\n' ? at : NULL;
}

/* Return whether there are n_rows lines, no more and no less; the text ends with a line feed. */
static int parse_lines(const char *text, Py_ssize_t n_bytes, Py_ssize_t n_rows, Py_ssize_t dim, Py_ssize_t most_word,
                       float *vectors, int64_t *spans, uint8_t *done)
{
    const char *at = text, *last = text + n_bytes - 1;
    for (Py_ssize_t row = 0; row < n_rows; row++) {
        if (at > last)
            return 0;
        const char *cut, *end = parse_line(at, most_word, dim, vectors + row * dim, &cut);
        done[row] = end != NULL;
        if (end == NULL)
            cut = end = memchr(at, '\n', (size_t)(last - at + 1));
        spans[2 * row] = at - text;
        spans[2 * row + 1] = cut - text;
        at = end + 1;
    }
    return at == last + 1;
}

/* text_rows(text, vectors, spans, done, (n_rows, dim, most_word)): for each line float32 (dim,); where it starts and
   where its word, or the line itself if it was not parsed, ends; and whether it was parsed. */
PyObject *text_rows(PyObject *self, PyObject *args)
{
    Py_buffer b[4];
    Py_ssize_t n_rows, dim, most_word;
    if (!PyArg_ParseTuple(args, "y*w*w*w*(nnn)", b, b + 1, b + 2, b + 3, &n_rows, &dim, &most_word))
        return NULL;
    const char *text = b[0].buf;
    int good = in_range(dim, 1, PY_SSIZE_T_MAX / 8) && in_range(n_rows, 0, PY_SSIZE_T_MAX / 8 / dim)
               && holds(b + 1, "vectors", n_rows * dim, 4) && holds(b + 2, "spans", 2 * n_rows, 8)
               && holds(b + 3, "done", n_rows, 1);
    if (good) {
        int complete = n_rows == 0 && b[0].len == 0;
        if (b[0].len && text[b[0].len - 1] == '\n') {
            Py_BEGIN_ALLOW_THREADS
            complete = parse_lines(text, b[0].len, n_rows, dim, most_word, b[1].buf, b[2].buf, b[3].buf);
            Py_END_ALLOW_THREADS
        }
        if (!complete) {
            PyErr_Format(PyExc_ValueError, "text does not consist of %zd lines", n_rows);
            good = 0;
        }
    }
    return release(b, 4, good);
}
