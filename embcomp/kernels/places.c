/* Words among ascending ones that are Python objects. Twin: wordlist/wordlist.py. */
#include "keys.h"

typedef struct {
    uint64_t key;
    char *letters;
    Py_ssize_t n_bytes;
} Word;

/* 0 and a TypeError, unless it is an object of bytes. */
static int take_word(PyObject *object, Word *word)
{
    if (PyBytes_AsStringAndSize(object, &word->letters, &word->n_bytes))
        return 0;
    word->key = key_of(word->letters, word->n_bytes, 0, word->n_bytes);
    return 1;
}

/* How many of some ascending words are not above another one. */
static Py_ssize_t place(const Word *firsts, Py_ssize_t n_firsts, const Word *word)
{
    Py_ssize_t low = 0, high = n_firsts;
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        const Word *first = firsts + middle;
        if (word->key < first->key
            || (word->key == first->key && is_below(word->letters, word->n_bytes, first->letters, first->n_bytes)))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* places(firsts, words, out): out[i] = how many of `firsts`, which ascend, are not above words[i]; lists of bytes. */
PyObject *places(PyObject *self, PyObject *args)
{
    Py_buffer b;
    PyObject *firsts, *words;
    if (!PyArg_ParseTuple(args, "O!O!w*", &PyList_Type, &firsts, &PyList_Type, &words, &b))
        return NULL;
    Py_ssize_t n_firsts = PyList_Size(firsts), n_words = PyList_Size(words);
    int good = holds(&b, "out", n_words, 8);
    Word *all = scratch((size_t)n_firsts * sizeof *all, &good), word;
    for (Py_ssize_t i = 0; good && i < n_firsts; i++)
        good = take_word(PyList_GetItem(firsts, i), all + i);
    for (Py_ssize_t i = 0; good && i < n_words; i++)
        if ((good = take_word(PyList_GetItem(words, i), &word)))
            ((int64_t *)b.buf)[i] = place(all, n_firsts, &word);
    PyMem_Free(all);
    return release(&b, 1, good);
}
