/* What the kernels share. Each takes buffers and sizes, checks that they fit, and works without the interpreter lock.

The stable interface of Python 3.11: one build serves every later Python. */
#ifndef EMBCOMP_KERNELS_H
#define EMBCOMP_KERNELS_H
#ifndef Py_GIL_DISABLED
#define Py_LIMITED_API 0x030B0000
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#if SIZE_MAX < UINT64_MAX
#error "sizes have fewer than 64 bits, and could overflow: the twins take the place of the kernels"
#endif
#if defined(__GNUC__) && defined(__x86_64__)
#define FOR_PROCESSOR(features) __attribute__((target(features)))
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define HAS_VARIANTS 1
#else
#define ALWAYS_INLINE static inline
#define HAS_VARIANTS 0
#endif

/* out[r] = number of bits in which row r and `query` differ, for n rows of n_lanes words. Returns the least. */
typedef uint64_t Differences(const uint64_t *rows, const uint64_t *query, Py_ssize_t n_lanes, Py_ssize_t n,
                             uint64_t *out);
extern Differences *differences;
void choose_differences(void);
int choose_tile(void); /* whether products of 16-bit numbers are quick here */

#define MOST_ROWS ((Py_ssize_t)(PY_SSIZE_T_MAX / 65536)) /* so that sizes do not overflow */
#define MOST_LANES 4096

/* The k rows of largest score, of equals those of lowest rank: a heap, the worst first; after `finish` the best first. */
typedef struct {
    double *scores;
    int64_t *ranks;
    Py_ssize_t k;
} Nearest;
void start(Nearest *nearest);
void offer(Nearest *nearest, double score, int64_t rank);
void finish(Nearest *nearest);

/* Prefixes of codes to be extended by a word each: see beam.py. `n_own` prefixes share a row of costs. */
typedef struct {
    const int32_t *own;
    const int16_t *tables;
    const uint16_t *codes;
    const int64_t *costs;
    uint16_t *best_codes;
    int64_t *best_costs;
    Py_ssize_t n_rows, n_kept, n_own, n_words, n_books, n_tables, shift, width;
} Beam;
void extend(const Beam *beam);
#define MOST_WORDS 4096 /* costs of one prefix: 16 kB */
#define MOST_WIDTH 64
#define MOST_BOOKS 256 /* whose tables are added */
#define MOST_SHIFT 17
#define MOST_DIM 65536

/* 0 and a ValueError, unless all codes are below n_words. */
int are_words(const uint16_t *codes, Py_ssize_t n_codes, Py_ssize_t n_words);

/* Parse the decimal number at `at`; return where it ends, or NULL if there is none that can be decided here. Something
   that is not part of a number must follow, before `stop`. `parse_usual` takes no sign. */
const char *parse_number(const char *at, const char *stop, float *number);
const char *parse_usual(const char *at, const char *stop, float *number);

/* The code of each symbol, first bit lowest, and its length, 0 where a count is 0; one count at least is not. Counts
   change where a code would be longer than `limit`. */
void huffman(uint32_t *counts, int n, int limit, uint8_t *lengths, uint16_t *codes);
#define MOST_SYMBOLS 257 /* bytes, and the end of a block */
#define MOST_HEADER 1024 /* bytes before the first literal: 258 lengths of up to 14 bits, and 74 bits; and 3 behind the last */

/* Whether the bytes of `a` come before those of `b`. */
int is_below(const void *a, Py_ssize_t n_a, const void *b, Py_ssize_t n_b);

/* 0 and a ValueError, unless low <= value <= high. */
int in_range(Py_ssize_t value, Py_ssize_t low, Py_ssize_t high);

/* 0 and a ValueError, unless the buffer holds `count` items of `size` bytes, on addresses that are multiples of it. */
int holds(const Py_buffer *buffer, const char *name, Py_ssize_t count, Py_ssize_t size);

/* Memory, for PyMem_Free later; NULL if not *good, or NULL, a MemoryError, and *good 0. */
void *scratch(size_t n_bytes, int *good);

/* Release buffers, and return None, or NULL if there was an error. */
PyObject *release(Py_buffer *buffers, int count, int good);

/* What Python calls; the arguments are those of METH_VARARGS, or an object. */
#define KERNEL(name) PyObject *name(PyObject *self, PyObject *args)
KERNEL(ascending); KERNEL(beam); KERNEL(best); KERNEL(cross); KERNEL(fields); KERNEL(hamming);
KERNEL(literals); KERNEL(many_signs); KERNEL(page_find); KERNEL(page_words); KERNEL(places);
KERNEL(search); KERNEL(shared_prefixes); KERNEL(signs); KERNEL(take); KERNEL(text_lines);
KERNEL(text_rows); KERNEL(totals); KERNEL(turned); KERNEL(words);
#endif
