/* Words that are compared eight bytes at a time. */
#ifndef EMBCOMP_KEYS_H
#define EMBCOMP_KEYS_H
#include "kernels.h"

/* Eight bytes of a word from `skip` on, as a number that is ordered as they are; zeros after its end.
   There are `n_readable` bytes to read from. */
static inline uint64_t key_of(const char *word, Py_ssize_t n_bytes, Py_ssize_t skip, Py_ssize_t n_readable)
{
    const uint8_t *at = (const uint8_t *)word + skip;
    Py_ssize_t n = n_bytes - skip;
    uint64_t key = 0;
    if (n <= 0)
        return 0;
    if (n_readable - skip < 8)
        for (Py_ssize_t byte = 0; byte < n && byte < 8; byte++)
            key |= (uint64_t)at[byte] << (56 - 8 * byte);
    else
        for (int byte = 0; byte < 8; byte++)
            key = key << 8 | at[byte];
    return n < 8 ? key & ~(UINT64_MAX >> 8 * n) : key;
}
#endif
