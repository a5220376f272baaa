/* The words of a page, each coded as what it keeps of another and what is new. Twin: wordlist/pages.py. */
#include "kernels.h"

typedef struct {
    const int32_t *kept;
    const int64_t *bounds;
    const uint8_t *text;
    uint8_t *letters;
    int32_t *ends;
    Py_ssize_t n_words, head_every, n_text, n_letters;
} Page;

int is_below(const void *a, Py_ssize_t n_a, const void *b, Py_ssize_t n_b)
{
    int order = memcmp(a, b, (size_t)(n_a < n_b ? n_a : n_b));
    return order < 0 || (order == 0 && n_a < n_b);
}

/* Append word `number`; 0 if it breaks a rule. A head is coded against the head before it. */
static int append(const Page *p, Py_ssize_t number)
{
    Py_ssize_t block = number / p->head_every, step = number % p->head_every;
    Py_ssize_t n_heads = (p->n_words - 1) / p->head_every;
    Py_ssize_t coded = step ? n_heads + block * (p->head_every - 1) + step - 1 : block - 1;
    Py_ssize_t other = step ? number - 1 : number - p->head_every;
    int64_t other_start = other ? p->ends[other - 1] : 0, begin = p->bounds[coded], end = p->bounds[coded + 1];
    int64_t at = p->ends[number - 1], kept = p->kept[coded], last_start = number > 1 ? p->ends[number - 2] : 0;
    if (kept < 0 || kept > p->ends[other] - other_start || begin < 0 || begin > end || end > p->n_text
        || end - begin > p->n_letters - at - kept)
        return 0;
    memcpy(p->letters + at, p->letters + other_start, (size_t)kept);
    memcpy(p->letters + at + kept, p->text + begin, (size_t)(end - begin));
    p->ends[number] = (int32_t)(at + kept + end - begin);
    return is_below(p->letters + last_start, at - last_start, p->letters + at, p->ends[number] - at);
}

/* page_words(first, kept, bounds, text, letters, ends, (n_words, head_every)): whether all words hold and ascend. */
PyObject *page_words(PyObject *self, PyObject *args)
{
    Py_buffer b[6];
    Page p;
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*w*(nn)", b, b + 1, b + 2, b + 3, b + 4, b + 5, &p.n_words, &p.head_every))
        return NULL;
    int good = in_range(p.n_words, 1, 1 << 16) && in_range(p.head_every, 2, 1 << 16)
               && in_range(b[4].len, b[0].len, INT32_MAX) && holds(b + 1, "kept", p.n_words - 1, 4)
               && holds(b + 2, "bounds", p.n_words, 8) && holds(b + 5, "ends", p.n_words, 4);
    int holds_all = good;
    if (good) {
        p.kept = b[1].buf, p.bounds = b[2].buf, p.text = b[3].buf, p.letters = b[4].buf, p.ends = b[5].buf;
        p.n_text = b[3].len, p.n_letters = b[4].len;
        memcpy(p.letters, b[0].buf, (size_t)b[0].len);
        p.ends[0] = (int32_t)b[0].len;
        for (Py_ssize_t number = 1; holds_all && number < p.n_words; number++)
            holds_all = append(&p, number);
    }
    PyObject *done = release(b, 6, good);
    Py_XDECREF(done);
    return done ? PyBool_FromLong(holds_all) : NULL;
}
