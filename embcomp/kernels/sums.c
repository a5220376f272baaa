/* What the symbols of rows of code stand for: sums of words, and numbers that are added in one column. Twin: fields.py. */
#include "fields.h"

enum { AHEAD = 12 }; /* rows, whose codes are fetched into the cache */

ALWAYS_INLINE void add(float *restrict to, const float *from, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++)
        to[i] += from[i];
}

typedef struct {
    uint64_t bits;
    Py_ssize_t row, at;
    int n_held;
} Reader;

ALWAYS_INLINE Py_ssize_t next_entry(const Fields *f, Place p, Reader *r)
{
    if (r->n_held < p.n_bits)
        r->bits = bits_from(&f->stream, r->row, r->at), r->n_held = 57;
    Py_ssize_t entry = p.start + (Py_ssize_t)(r->bits >> 1 >> (63 - p.n_bits));
    r->bits <<= p.n_bits, r->n_held -= p.n_bits, r->at += p.n_bits;
    return entry;
}

ALWAYS_INLINE void decode(const Fields *f, Py_ssize_t row, float *restrict out)
{
    Reader r = {.row = row};
    Py_ssize_t i = 0;
    memset(out, 0, (size_t)f->dim * sizeof *out);
    for (; i < f->n_places && f->places[i].column == WORD; i++)
        add(out, f->words + next_entry(f, f->places[i], &r) * f->dim, f->dim);
    add(out, f->centre, f->dim);
    for (; i < f->n_places; i++) {
        float number = f->numbers[next_entry(f, f->places[i], &r)];
        if (f->places[i].column < f->dim)
            out[f->places[i].column] += number;
        else
            for (Py_ssize_t d = 0; d < f->dim; d++)
                out[d] *= number;
    }
}

/* Bring the words of a row into the cache. */
ALWAYS_INLINE void fetch(const Fields *f, Py_ssize_t row)
{
#if defined(__GNUC__)
    Reader r = {.row = row};
    for (Py_ssize_t i = 0; i < f->n_places && f->places[i].column == WORD; i++) {
        const float *word = f->words + next_entry(f, f->places[i], &r) * f->dim;
        for (Py_ssize_t d = 0; d < f->dim; d += 16)
            __builtin_prefetch(word + d);
    }
#endif
}

ALWAYS_INLINE void decode_rows(const Fields *f, float *out)
{
    for (Py_ssize_t row = 0; row < f->stream.n_rows; row++) {
        if (row + 1 < f->stream.n_rows)
            fetch(f, row + 1);
#if defined(__GNUC__)
        if (row + AHEAD < f->stream.n_rows)
            __builtin_prefetch(f->stream.bytes + f->stream.rows[row + AHEAD] * f->stream.width / 8);
#endif
        decode(f, row, out + row * f->dim);
    }
}

#if HAS_VARIANTS
FOR_PROCESSOR("avx2") static void decode_avx2(const Fields *f, float *out)
{
    decode_rows(f, out);
}
#endif

void decode_fields(const Fields *f, float *out)
{
#if HAS_VARIANTS
    if (__builtin_cpu_supports("avx2")) {
        decode_avx2(f, out);
        return;
    }
#endif
    decode_rows(f, out);
}
