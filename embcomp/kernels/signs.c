/* Vectors that are sums of ± rows, from tables of the sums of each five rows. Twin: signs.py. */
#include "stream.h"

#define STEP_ROWS 64 /* whose vectors stay in the cache while group after group is added */

typedef struct {
    const Stream *stream;
    const float *tables;
    float *out;
    Py_ssize_t n_groups, dim;
} Signs;

typedef struct {
    const float *from;
    float sign;
} Entry;

/* Tables are of patterns that start with 1; one that starts with 0 is another one's negative. `five` are the low bits. */
ALWAYS_INLINE Entry entry(const Signs *s, Py_ssize_t group, uint64_t five)
{
    unsigned positive = (unsigned)(five >> 4) & 1, rest = (unsigned)five & 15;
    return (Entry){s->tables + (group * 16 + (positive ? rest : 15 - rest)) * s->dim, positive ? 1.0f : -1.0f};
}

ALWAYS_INLINE void add_one(Entry a, float *restrict out, Py_ssize_t dim)
{
    for (Py_ssize_t d = 0; d < dim; d++)
        out[d] += a.sign * a.from[d];
}

ALWAYS_INLINE void add_four(Entry a, Entry b, Entry c, Entry e, float *restrict out, Py_ssize_t dim)
{
    for (Py_ssize_t d = 0; d < dim; d++)
        out[d] += (a.sign * a.from[d] + b.sign * b.from[d]) + (c.sign * c.from[d] + e.sign * e.from[d]);
}

/* All sums are exact, so that their order does not matter. */
ALWAYS_INLINE void sum_step(const Signs *s, Py_ssize_t first, Py_ssize_t stop)
{
    Py_ssize_t group = 0;
    memset(s->out + first * s->dim, 0, (size_t)((stop - first) * s->dim) * sizeof *s->out);
    for (; group + 4 <= s->n_groups; group += 4)
        for (Py_ssize_t row = first; row < stop; row++) {
            uint64_t bits = bits_from(s->stream, row, 5 * group) >> 44;
            add_four(entry(s, group, bits >> 15), entry(s, group + 1, bits >> 10), entry(s, group + 2, bits >> 5),
                     entry(s, group + 3, bits), s->out + row * s->dim, s->dim);
        }
    for (; group < s->n_groups; group++)
        for (Py_ssize_t row = first; row < stop; row++)
            add_one(entry(s, group, bits_from(s->stream, row, 5 * group) >> 59), s->out + row * s->dim, s->dim);
}

ALWAYS_INLINE void sum_all(const Signs *s)
{
    for (Py_ssize_t first = 0; first < s->stream->n_rows; first += STEP_ROWS)
        sum_step(s, first, s->stream->n_rows - first < STEP_ROWS ? s->stream->n_rows : first + STEP_ROWS);
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

/* signs(stream, rows, tables, out, (n_rows, width, n_groups, dim)): tables are float32 (n_groups, 16, dim). */
PyObject *signs(PyObject *self, PyObject *args)
{
    Py_buffer b[4];
    Stream stream;
    Signs s = {.stream = &stream};
    if (!PyArg_ParseTuple(args, "y*y*y*w*(nnnn)", b, b + 1, b + 2, b + 3, &stream.n_rows, &stream.width, &s.n_groups,
                          &s.dim))
        return NULL;
    int good = open_stream(&stream, b) && in_range(s.n_groups, 1, MOST_LANES * 16)
               && in_range(s.dim, 1, MOST_ROWS / MOST_LANES / 16)
               && in_range(stream.n_rows, 0, PY_SSIZE_T_MAX / 64 / (s.dim + s.n_groups))
               && holds(b + 2, "tables", s.n_groups * 16 * s.dim, 4) && holds(b + 3, "out", stream.n_rows * s.dim, 4);
    if (good) {
        void (*sum)(const Signs *) = sum_anywhere;
#if HAS_VARIANTS
        sum = __builtin_cpu_supports("avx2") ? sum_avx2 : sum_anywhere;
#endif
        s.tables = b[2].buf, s.out = b[3].buf;
        Py_BEGIN_ALLOW_THREADS
        sum(&s);
        Py_END_ALLOW_THREADS
    }
    return release(b, 4, good);
}
