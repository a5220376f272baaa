/* XOR, AND and population count of rows of 64-bit words, in the processor's best instructions. */
#include "kernels.h"

ALWAYS_INLINE uint64_t count_bits(uint64_t word)
{
#ifdef __GNUC__
    return (uint64_t)__builtin_popcountll(word);
#else
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    return ((word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu) * 0x0101010101010101u >> 56;
#endif
}

ALWAYS_INLINE void of_width(const uint64_t *rows, const uint64_t *query, const uint64_t *mask, Py_ssize_t n_lanes,
                            Py_ssize_t n, uint64_t *out)
{
    for (Py_ssize_t r = 0; r < n; r++) {
        uint64_t sum = 0;
        for (Py_ssize_t lane = 0; lane < n_lanes; lane++)
            sum += count_bits((rows[r * n_lanes + lane] ^ query[lane]) & mask[lane]);
        out[r] = 2 * out[r] + sum;
    }
}

/* Widths that are known to the compiler have no inner loop. */
ALWAYS_INLINE void of_any_width(const uint64_t *rows, const uint64_t *query, const uint64_t *mask, Py_ssize_t n_lanes,
                                Py_ssize_t n, uint64_t *out)
{
    switch (n_lanes) {
    case 1: of_width(rows, query, mask, 1, n, out); return;
    case 2: of_width(rows, query, mask, 2, n, out); return;
    case 3: of_width(rows, query, mask, 3, n, out); return;
    case 4: of_width(rows, query, mask, 4, n, out); return;
    case 5: of_width(rows, query, mask, 5, n, out); return;
    case 6: of_width(rows, query, mask, 6, n, out); return;
    case 8: of_width(rows, query, mask, 8, n, out); return;
    default: of_width(rows, query, mask, n_lanes, n, out);
    }
}

static void differences_anywhere(const uint64_t *rows, const uint64_t *query, const uint64_t *mask,
                                 Py_ssize_t n_lanes, Py_ssize_t n, uint64_t *out)
{
    of_any_width(rows, query, mask, n_lanes, n, out);
}

Differences *differences = differences_anywhere;

#if HAS_VARIANTS
FOR_PROCESSOR("popcnt")
static void differences_popcnt(const uint64_t *rows, const uint64_t *query, const uint64_t *mask,
                               Py_ssize_t n_lanes, Py_ssize_t n, uint64_t *out)
{
    of_any_width(rows, query, mask, n_lanes, n, out);
}

FOR_PROCESSOR("popcnt,avx512f,avx512dq,avx512bw,avx512vl,avx512vpopcntdq")
static void differences_avx512(const uint64_t *rows, const uint64_t *query, const uint64_t *mask,
                               Py_ssize_t n_lanes, Py_ssize_t n, uint64_t *out)
{
    of_any_width(rows, query, mask, n_lanes, n, out);
}
#endif

void choose_differences(void)
{
#if HAS_VARIANTS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
        differences = differences_avx512;
    else if (__builtin_cpu_supports("popcnt"))
        differences = differences_popcnt;
#endif
}
