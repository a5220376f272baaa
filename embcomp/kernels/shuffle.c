/* Sums of rounded table entries with AVX2, which looks up 32 bytes in tables of 16 at once: see blocks.c. */
#include "best.h"
#if HAS_VARIANTS
#include <immintrin.h>

#define INLINE_AVX2 FOR_PROCESSOR("avx2") static inline
#define HALVES _mm256_set1_epi8(15)
#define VECTORS 2 /* of 32 rows */

INLINE_AVX2 __m256i load(const uint8_t *at) { return _mm256_loadu_si256((const __m256i *)at); }

/* 16 entries, twice. */
INLINE_AVX2 __m256i load_half(const uint8_t *table)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
}

/* For each byte of `code` an entry of 256: of 16 times 16, chosen by one bit after the other. */
INLINE_AVX2 __m256i entries(const uint8_t *table, __m256i code)
{
    __m256i bit4 = _mm256_slli_epi16(code, 3), bit5 = _mm256_slli_epi16(code, 2), bit6 = _mm256_slli_epi16(code, 1);
    __m256i low = _mm256_and_si256(code, HALVES), four[4];
    for (int i = 0; i < WIDE / HALF; i += 2) {
        __m256i a = _mm256_shuffle_epi8(load_half(table + i * HALF), low);
        __m256i b = _mm256_blendv_epi8(a, _mm256_shuffle_epi8(load_half(table + i * HALF + HALF), low), bit4);
        four[i / 4] = i % 4 ? _mm256_blendv_epi8(four[i / 4], b, bit5) : b;
    }
    return _mm256_blendv_epi8(_mm256_blendv_epi8(four[0], four[1], bit6), _mm256_blendv_epi8(four[2], four[3], bit6), code);
}

/* To sums of pairs of rows as one number, and of the odd rows alone. */
INLINE_AVX2 void add(__m256i entries, __m256i *both, __m256i *odd)
{
    *both = _mm256_add_epi16(*both, entries);
    *odd = _mm256_add_epi16(*odd, _mm256_srli_epi16(entries, 8));
}

FOR_PROCESSOR("avx2") void sum_avx2(const Best *b, const uint8_t *codes, uint16_t *sums)
{
    __m256i both[VECTORS] = {_mm256_setzero_si256(), _mm256_setzero_si256()}, odd[VECTORS] = {both[0], both[0]};
    const uint8_t *table = b->rounded, *end = codes + b->n_columns * BLOCK_ROWS;
    for (const uint8_t *wide = codes + b->n_wide * BLOCK_ROWS; codes < wide; codes += BLOCK_ROWS, table += WIDE)
        for (int v = 0; v < VECTORS; v++)
            add(entries(table, load(codes + 32 * v)), both + v, odd + v);
    for (; codes < end; codes += BLOCK_ROWS, table += 2 * HALF)
        for (int v = 0; v < VECTORS; v++) {
            __m256i code = load(codes + 32 * v), high = _mm256_and_si256(_mm256_srli_epi16(code, 4), HALVES);
            add(_mm256_shuffle_epi8(load_half(table), high), both + v, odd + v);
            add(_mm256_shuffle_epi8(load_half(table + HALF), _mm256_and_si256(code, HALVES)), both + v, odd + v);
        }
    for (int v = 0; v < VECTORS; v++) {
        __m256i even = _mm256_sub_epi16(both[v], _mm256_slli_epi16(odd[v], 8));
        __m256i low = _mm256_unpacklo_epi16(even, odd[v]), high = _mm256_unpackhi_epi16(even, odd[v]);
        _mm256_storeu_si256((__m256i *)sums + 2 * v, _mm256_permute2x128_si256(low, high, 0x20));
        _mm256_storeu_si256((__m256i *)sums + 2 * v + 1, _mm256_permute2x128_si256(low, high, 0x31));
    }
}
#endif
