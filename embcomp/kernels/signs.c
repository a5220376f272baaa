/* Vectors that are sums of ± rows, from tables of the sums of each four rows. Twin: compressors/binary.py. */
#include "kernels.h"

#define PATTERNS 16 /* of four bits */
#define STEP_ROWS 64 /* whose vectors stay in the cache while group after group is added */

typedef struct {
    const uint8_t *codes;
    const float *tables;
    float *out;
    Py_ssize_t n_rows, n_groups, dim;
} Signs;

ALWAYS_INLINE const float *entry(const Signs *s, Py_ssize_t row, Py_ssize_t group)
{
    unsigned byte = s->codes[row * ((s->n_groups + 1) / 2) + group / 2];
    return s->tables + (group * PATTERNS + (group % 2 ? byte & 15 : byte >> 4)) * s->dim;
}

ALWAYS_INLINE void add_one(const float *a, float *restrict out, Py_ssize_t dim)
{
    for (Py_ssize_t d = 0; d < dim; d++)
        out[d] += a[d];
}

ALWAYS_INLINE void add_four(const float *a, const float *b, const float *c, const float *e, float *restrict out,
                            Py_ssize_t dim)
{
    for (Py_ssize_t d = 0; d < dim; d++)
        out[d] += (a[d] + b[d]) + (c[d] + e[d]);
}

/* All sums are exact, so that their order does not matter. */
ALWAYS_INLINE void sum_step(const Signs *s, Py_ssize_t first, Py_ssize_t stop)
{
    Py_ssize_t group = 0;
    memset(s->out + first * s->dim, 0, (size_t)((stop - first) * s->dim) * sizeof *s->out);
    for (; group + 4 <= s->n_groups; group += 4)
        for (Py_ssize_t row = first; row < stop; row++)
            add_four(entry(s, row, group), entry(s, row, group + 1), entry(s, row, group + 2),
                     entry(s, row, group + 3), s->out + row * s->dim, s->dim);
    for (; group < s->n_groups; group++)
        for (Py_ssize_t row = first; row < stop; row++)
            add_one(entry(s, row, group), s->out + row * s->dim, s->dim);
}

ALWAYS_INLINE void sum_all(const Signs *s)
{
    for (Py_ssize_t first = 0; first < s->n_rows; first += STEP_ROWS)
        sum_step(s, first, s->n_rows - first < STEP_ROWS ? s->n_rows : first + STEP_ROWS);
}

static void sum_anywhere(const Signs *s)
{
    sum_all(s);
}

#if HAS_VARIANTS
FOR_PROCESSOR("avx2") static void sum_avx2(const Signs *s)
{
    sum_all(s);
}
#endif

static void sum(const Signs *s)
{
#if HAS_VARIANTS
    if (__builtin_cpu_supports("avx2")) {
        sum_avx2(s);
        return;
    }
#endif
    sum_anywhere(s);
}

/* signs(codes, tables, out, (n_rows, n_groups, dim)): codes are loose rows, tables float32 (n_groups, 16, dim). */
PyObject *signs(PyObject *self, PyObject *args)
{
    Py_buffer b[3];
    Signs s;
    if (!PyArg_ParseTuple(args, "y*y*w*(nnn)", b, b + 1, b + 2, &s.n_rows, &s.n_groups, &s.dim))
        return NULL;
    int good = in_range(s.n_rows, 0, MOST_ROWS) && in_range(s.n_groups, 1, MOST_LANES * PATTERNS)
               && in_range(s.dim, 1, MOST_ROWS / MOST_LANES / PATTERNS)
               && in_range(s.n_rows, 0, PY_SSIZE_T_MAX / 64 / (s.dim + s.n_groups))
               && holds(b, "codes", s.n_rows * ((s.n_groups + 1) / 2), 1)
               && holds(b + 1, "tables", s.n_groups * PATTERNS * s.dim, 4) && holds(b + 2, "out", s.n_rows * s.dim, 4);
    if (good) {
        s.codes = b[0].buf, s.tables = b[1].buf, s.out = b[2].buf;
        Py_BEGIN_ALLOW_THREADS
        sum(&s);
        Py_END_ALLOW_THREADS
    }
    return release(b, 3, good);
}
