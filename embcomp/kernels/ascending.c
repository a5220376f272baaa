/* Words in the order of their bytes. Twin: Texts.ascending in wordlist/texts.py. */
#include "kernels.h"

typedef struct {
    uint64_t key; /* the first 8 bytes, zeros behind the last */
    int64_t number;
} Word;

typedef struct {
    const char *letters;
    const int64_t *ends;
    Py_ssize_t n_letters, n_words;
} Words;

/* Make the keys; 0 if a word does not lie within the letters. */
static int make_keys(const Words *words, Word *out)
{
    int64_t start = 0;
    for (Py_ssize_t i = 0; i < words->n_words; i++) {
        int64_t end = words->ends[i];
        if (end < start || end > words->n_letters)
            return 0;
        uint64_t key = 0;
        for (int64_t at = start; at < start + 8; at++)
            key = key << 8 | (at < end ? (uint8_t)words->letters[at] : 0);
        out[i] = (Word){key, i};
        start = end;
    }
    return 1;
}

static int comes_before(const Words *words, const Word *a, const Word *b)
{
    if (a->key != b->key)
        return a->key < b->key;
    int64_t start_a = a->number ? words->ends[a->number - 1] : 0, start_b = b->number ? words->ends[b->number - 1] : 0;
    return is_below(words->letters + start_a, words->ends[a->number] - start_a, words->letters + start_b,
                    words->ends[b->number] - start_b);
}

/* Merge runs of 1, 2, 4, … words from one array into the other; equal words stay in order. Return the last. */
static Word *sort(const Words *words, Word *from, Word *to)
{
    Py_ssize_t n = words->n_words;
    for (Py_ssize_t size = 1; size < n; size *= 2) {
        for (Py_ssize_t start = 0; start < n; start += 2 * size) {
            Py_ssize_t middle = start + size < n ? start + size : n, end = middle + size < n ? middle + size : n;
            for (Py_ssize_t out = start, left = start, right = middle; out < end; out++) {
                int takes_right = left == middle || (right < end && comes_before(words, from + right, from + left));
                to[out] = from[takes_right ? right++ : left++];
            }
        }
        Word *sorted = to;
        to = from;
        from = sorted;
    }
    return from;
}

/* ascending(letters, ends, order): the number of each word, in ascending order of the words; equal ones ascend. */
PyObject *ascending(PyObject *self, PyObject *args)
{
    Py_buffer b[3];
    if (!PyArg_ParseTuple(args, "y*y*w*", b, b + 1, b + 2))
        return NULL;
    Words words = {b[0].buf, b[1].buf, b[0].len, b[1].len / 8};
    Py_ssize_t n = words.n_words;
    int64_t *order = b[2].buf;
    int good = in_range(n, 0, MOST_ROWS) && holds(b + 1, "ends", n, 8) && holds(b + 2, "order", n, 8), within = 0;
    Word *room = scratch((size_t)(good ? n : 0) * 2 * sizeof(Word), &good);
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        within = make_keys(&words, room);
        const Word *sorted = within ? sort(&words, room, room + n) : room;
        for (Py_ssize_t i = 0; i < n && within; i++)
            order[i] = sorted[i].number;
        Py_END_ALLOW_THREADS
    }
    if (good && !within)
        PyErr_SetString(PyExc_ValueError, "words do not lie within the letters");
    PyMem_Free(room);
    return release(b, 3, good && within);
}
