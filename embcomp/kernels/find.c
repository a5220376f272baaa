/* Words among ascending ones. Twin: wordlist/wordlist.py and wordlist/pages.py. */
#include "kernels.h"

typedef struct {
    const char *letters;
    const int32_t *ends;
    Py_ssize_t n_letters, n_words;
} Words;

/* The number of a word, -1 if it is not there, or -2 and a ValueError. */
static Py_ssize_t find(const Words *words, const char *word, Py_ssize_t n_bytes)
{
    Py_ssize_t low = 0, high = words->n_words;
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2, start = middle ? words->ends[middle - 1] : 0;
        Py_ssize_t end = words->ends[middle];
        if (start < 0 || start > end || end > words->n_letters) {
            PyErr_SetString(PyExc_ValueError, "ends must ascend within the letters");
            return -2;
        }
        if (is_below(words->letters + start, end - start, word, n_bytes))
            low = middle + 1;
        else if (end - start == n_bytes && !memcmp(words->letters + start, word, (size_t)n_bytes))
            return middle;
        else
            high = middle;
    }
    return -1;
}

/* page_find(letters, ends, words, chosen, start, out): out[i] = start + the number of words[i], for all i of `chosen`,
   unless it is not there. `words` is a list of bytes. */
PyObject *page_find(PyObject *self, PyObject *args)
{
    Py_buffer b[4];
    PyObject *list;
    long long start;
    if (!PyArg_ParseTuple(args, "y*y*O!y*Lw*", b, b + 1, &PyList_Type, &list, b + 2, &start, b + 3))
        return NULL;
    Words words = {b[0].buf, b[1].buf, b[0].len, b[1].len / 4};
    const int64_t *chosen = b[2].buf;
    int64_t *out = b[3].buf;
    Py_ssize_t n_chosen = b[2].len / 8, n_bytes, number = -1;
    int good = holds(b + 1, "ends", words.n_words, 4) && holds(b + 2, "chosen", n_chosen, 8)
               && holds(b + 3, "out", PyList_Size(list), 8);
    for (Py_ssize_t i = 0; good && i < n_chosen; i++) {
        PyObject *word = PyList_GetItem(list, (Py_ssize_t)chosen[i]); /* an IndexError if there is none */
        char *letters;
        good = word && !PyBytes_AsStringAndSize(word, &letters, &n_bytes)
               && (number = find(&words, letters, n_bytes)) > -2;
        if (good && number >= 0)
            out[chosen[i]] = start + number;
    }
    return release(b, 4, good);
}

/* places(firsts, words, out): out[i] = how many of `firsts`, which ascend, are not above words[i]; lists of bytes. */
PyObject *places(PyObject *self, PyObject *args)
{
    Py_buffer b;
    PyObject *firsts, *words;
    if (!PyArg_ParseTuple(args, "O!O!w*", &PyList_Type, &firsts, &PyList_Type, &words, &b))
        return NULL;
    int64_t *out = b.buf;
    int good = holds(&b, "out", PyList_Size(words), 8);
    for (Py_ssize_t i = 0; good && i < PyList_Size(words); i++) {
        char *word, *first;
        Py_ssize_t n_word, n_first, low = 0, high = PyList_Size(firsts);
        good = !PyBytes_AsStringAndSize(PyList_GetItem(words, i), &word, &n_word);
        while (good && low < high) {
            Py_ssize_t middle = low + (high - low) / 2;
            good = !PyBytes_AsStringAndSize(PyList_GetItem(firsts, middle), &first, &n_first);
            if (good && is_below(word, n_word, first, n_first))
                high = middle;
            else
                low = middle + 1;
        }
        out[i] = low;
    }
    return release(&b, 1, good);
}
