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

#if defined(__GNUC__) && defined(__x86_64__)
#define FOR_PROCESSOR(features) __attribute__((target(features)))
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define HAS_VARIANTS 1
#else
#define ALWAYS_INLINE static inline
#define HAS_VARIANTS 0
#endif

/* out[r] = 2 out[r] + number of bits of `mask` in which row r and `query` differ, for n rows of n_lanes words.
   Returns the least. */
typedef uint64_t Differences(const uint64_t *rows, const uint64_t *query, const uint64_t *mask, Py_ssize_t n_lanes,
                             Py_ssize_t n, uint64_t *out);
extern Differences *differences;
void choose_differences(void);

/* 0 and a ValueError, unless the buffer holds `count` items of `size` bytes, on addresses that are multiples of it. */
int holds(const Py_buffer *buffer, const char *name, Py_ssize_t count, Py_ssize_t size);

PyObject *hamming(PyObject *self, PyObject *args);
PyObject *weighted(PyObject *self, PyObject *args);
#endif
