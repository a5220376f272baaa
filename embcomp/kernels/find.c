/* Words among those of a page. Twin: wordlist/pages.py. */
#include "keys.h"

typedef struct {
    const char *letters;
    const int32_t *ends;
    Py_ssize_t n_letters, n_words;
} Words;

/* How many bytes all words have in common: those of the first and the last, between which the others are. */
static Py_ssize_t shared(const Words *words)
{
    Py_ssize_t n = 0, last = words->n_words > 1 ? words->ends[words->n_words - 2] : 0;
    if (words->n_words < 2 || words->ends[0] < 0 || last < words->ends[0] || last > words->n_letters)
        return 0;
    while (n < words->ends[0] && last + n < words->n_letters && words->letters[n] == words->letters[last + n])
        n++;
    return n;
}

/* The number of a word, -1 if it is not there, or -2 and a ValueError. `skip` bytes are the same in all words. */
static Py_ssize_t find(const Words *words, Py_ssize_t skip, const char *word, Py_ssize_t n_bytes)
{
    Py_ssize_t low = 0, high = words->n_words, start = 0, end = 0;
    if (n_bytes < skip || memcmp(word, words->letters, (size_t)skip))
        return -1;
    uint64_t wanted = key_of(word, n_bytes, skip, n_bytes);
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        start = middle ? words->ends[middle - 1] : 0, end = words->ends[middle];
        if (start < 0 || start > end || end > words->n_letters) {
            PyErr_SetString(PyExc_ValueError, "ends must ascend within the letters");
            return -2;
        }
        uint64_t key = key_of(words->letters + start, end - start, skip, words->n_letters - start);
        if (key < wanted || (key == wanted && is_below(words->letters + start, end - start, word, n_bytes)))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == words->n_words)
        return -1;
    start = low ? words->ends[low - 1] : 0, end = words->ends[low];
    return end - start == n_bytes && !memcmp(words->letters + start, word, (size_t)n_bytes) ? low : -1;
}

/* page_find(letters, ends, words, chosen, start, out): out[i] = start + the number of words[i], for all i of `chosen`,
   unless it is not there. `words` is a list of bytes. */
PyObject *page_find(PyObject *self, PyObject *args)
{
    Py_buffer b[4];
    PyObject *list;
    Py_ssize_t start;
    if (!PyArg_ParseTuple(args, "y*y*O!y*nw*", b, b + 1, &PyList_Type, &list, b + 2, &start, b + 3))
        return NULL;
    Words words = {b[0].buf, b[1].buf, b[0].len, b[1].len / 4};
    const int64_t *chosen = b[2].buf;
    int64_t *out = b[3].buf;
    Py_ssize_t n_chosen = b[2].len / 8, n_bytes, number = -1;
    int good = in_range(start, 0, MOST_ROWS) && holds(b + 1, "ends", words.n_words, 4) && holds(b + 2, "chosen", n_chosen, 8)
               && holds(b + 3, "out", PyList_Size(list), 8);
    Py_ssize_t skip = good ? shared(&words) : 0;
    for (Py_ssize_t i = 0; good && i < n_chosen; i++) {
        PyObject *word = PyList_GetItem(list, (Py_ssize_t)chosen[i]); /* an IndexError if there is none */
        char *letters;
        good = word && !PyBytes_AsStringAndSize(word, &letters, &n_bytes)
               && (number = find(&words, skip, letters, n_bytes)) > -2;
        if (good && number >= 0)
            out[chosen[i]] = start + number;
    }
    return release(b, 4, good);
}
