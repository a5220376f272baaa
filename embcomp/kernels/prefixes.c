/* How much words have in common at their start. Twin: shared_prefixes in wordlist/texts.py. */
#include "kernels.h"

/* shared_prefixes(letters, firsts, seconds, limits, shared): for each pair of places in the letters, how many bytes are
   equal from there on, at most its limit. */
PyObject *shared_prefixes(PyObject *self, PyObject *args)
{
    Py_buffer b[5];
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*", b, b + 1, b + 2, b + 3, b + 4))
        return NULL;
    const char *letters = b[0].buf;
    const int64_t *firsts = b[1].buf, *seconds = b[2].buf, *limits = b[3].buf;
    int64_t *shared = b[4].buf, n_letters = b[0].len;
    Py_ssize_t n = b[4].len / 8;
    int good = holds(b + 1, "firsts", n, 8) && holds(b + 2, "seconds", n, 8) && holds(b + 3, "limits", n, 8)
               && holds(b + 4, "shared", n, 8), within = 1;
    if (good) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t i = 0; i < n && within; i++) {
            int64_t first = firsts[i], second = seconds[i], limit = limits[i];
            within = limit >= 0 && limit <= n_letters && first >= 0 && first <= n_letters - limit && second >= 0
                     && second <= n_letters - limit;
            for (shared[i] = 0; within && shared[i] < limit; shared[i]++)
                if (letters[first + shared[i]] != letters[second + shared[i]])
                    break;
        }
        Py_END_ALLOW_THREADS
    }
    if (!within)
        PyErr_SetString(PyExc_ValueError, "words do not lie within the letters");
    return release(b, 5, good && within);
}
