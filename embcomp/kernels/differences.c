/* XOR and population count of rows of 64-bit words, in the processor's best instructions. */
#include "kernels.h"

#define ARGUMENTS const uint64_t *rows, const uint64_t *query, Py_ssize_t n_lanes, Py_ssize_t n, uint64_t *out

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

ALWAYS_INLINE uint64_t of_size(ARGUMENTS)
{
    uint64_t least = UINT64_MAX;
    for (Py_ssize_t r = 0; r < n; r++) {
        uint64_t sum = 0;
        for (Py_ssize_t lane = 0; lane < n_lanes; lane++)
            sum += count_bits(rows[r * n_lanes + lane] ^ query[lane]);
        out[r] = sum;
        least = sum < least ? sum : least;
    }
    return least;
}

/* Sizes that are known to the compiler have no inner loops. */
ALWAYS_INLINE uint64_t of_lanes(ARGUMENTS)
{
    switch (n_lanes) {
    case 1: return of_size(rows, query, 1, n, out);
    case 2: return of_size(rows, query, 2, n, out);
    case 3: return of_size(rows, query, 3, n, out);
    case 4: return of_size(rows, query, 4, n, out);
    case 5: return of_size(rows, query, 5, n, out);
    case 6: return of_size(rows, query, 6, n, out);
    default: return of_size(rows, query, n_lanes, n, out);
    }
}

static uint64_t differences_anywhere(ARGUMENTS)
{
    return of_lanes(rows, query, n_lanes, n, out);
}

Differences *differences = differences_anywhere;

#if HAS_VARIANTS
FOR_PROCESSOR("popcnt") static uint64_t differences_popcnt(ARGUMENTS)
{
    return of_lanes(rows, query, n_lanes, n, out);
}

FOR_PROCESSOR("popcnt,avx512f,avx512dq,avx512bw,avx512vl,avx512vpopcntdq")
static uint64_t differences_avx512(ARGUMENTS)
{
    return of_lanes(rows, query, n_lanes, n, out);
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
