/* Costs ‖w‖² − 2 x·w of rows x and codewords w, whole numbers of 16 bits. Twin: codewords.py. */
#include "costs.h"

static void tile_anywhere(TILE_ARGUMENTS)
{
    int32_t sums[GROUP][TILE];
    for (int r = 0; r < GROUP; r++)
        memcpy(sums[r], start + r * start_stride, sizeof *sums);
    for (Py_ssize_t pair = 0; pair < n_pairs; pair++, words += 2 * TILE) {
        int16_t first[TILE], second[TILE];
        for (int w = 0; w < TILE; w++)
            first[w] = words[2 * w], second[w] = words[2 * w + 1];
        for (int r = 0; r < GROUP; r++) {
            int16_t x = rows[2 * (r * n_pairs + pair)], y = rows[2 * (r * n_pairs + pair) + 1];
            for (int w = 0; w < TILE; w++)
                sums[r][w] += x * first[w] + y * second[w];
        }
    }
    for (int r = 0; r < GROUP; r++)
        memcpy(out + r * stride, sums[r], sizeof *sums);
}

void (*tile)(TILE_ARGUMENTS) = tile_anywhere;

#if HAS_VARIANTS
#include <immintrin.h>
ALWAYS_INLINE int32_t pair_of(const int16_t *row, Py_ssize_t pair)
{
    int32_t both;
    memcpy(&both, row + 2 * pair, sizeof both);
    return both;
}

FOR_PROCESSOR("avx2") static void tile_avx2(TILE_ARGUMENTS)
{
    __m256i sums[GROUP][2];
    for (int r = 0; r < GROUP; r++)
        for (int half = 0; half < 2; half++)
            sums[r][half] = _mm256_loadu_si256((const __m256i *)(start + r * start_stride) + half);
    for (Py_ssize_t pair = 0; pair < n_pairs; pair++) {
        __m256i low = _mm256_loadu_si256((const __m256i *)words + 2 * pair);
        __m256i high = _mm256_loadu_si256((const __m256i *)words + 2 * pair + 1);
        for (int r = 0; r < GROUP; r++) {
            __m256i x = _mm256_set1_epi32(pair_of(rows + 2 * r * n_pairs, pair));
            sums[r][0] = _mm256_add_epi32(sums[r][0], _mm256_madd_epi16(x, low));
            sums[r][1] = _mm256_add_epi32(sums[r][1], _mm256_madd_epi16(x, high));
        }
    }
    for (int r = 0; r < GROUP; r++)
        for (int half = 0; half < 2; half++)
            _mm256_storeu_si256((__m256i *)(out + r * stride) + half, sums[r][half]);
}

FOR_PROCESSOR("avx512f,avx512vnni") static void tile_vnni(TILE_ARGUMENTS)
{
    __m512i sums[GROUP];
    for (int r = 0; r < GROUP; r++)
        sums[r] = _mm512_loadu_si512(start + r * start_stride);
    for (Py_ssize_t pair = 0; pair < n_pairs; pair++) {
        __m512i some = _mm512_loadu_si512(words + 2 * TILE * pair);
        for (int r = 0; r < GROUP; r++)
            sums[r] = _mm512_dpwssd_epi32(sums[r], _mm512_set1_epi32(pair_of(rows + 2 * r * n_pairs, pair)), some);
    }
    for (int r = 0; r < GROUP; r++)
        _mm512_storeu_si512(out + r * stride, sums[r]);
}
#endif

int choose_tile(void)
{
#if HAS_VARIANTS
    if (__builtin_cpu_supports("avx512vnni"))
        tile = tile_vnni;
    else if (__builtin_cpu_supports("avx2"))
        tile = tile_avx2;
#endif
    return tile != tile_anywhere;
}

void costs_of_chunk(const int16_t *rows, Py_ssize_t n_rows, Py_ssize_t n_pairs, const int16_t *words,
                    const int32_t *norms, Py_ssize_t n_words, int32_t *costs)
{
    int32_t edge[GROUP * TILE];
    for (Py_ssize_t w = 0; w < n_words; w += TILE)
        for (Py_ssize_t row = 0; row < n_rows; row += GROUP) {
            const int16_t *first = rows + 2 * row * n_pairs, *some = words + 2 * w * n_pairs;
            int32_t *out = costs + row * n_words + w;
            if (w + TILE <= n_words && row + GROUP <= n_rows) {
                tile(first, n_pairs, some, norms + w, 0, out, n_words);
                continue;
            }
            tile(first, n_pairs, some, norms + w, 0, edge, TILE);
            size_t n_bytes = (size_t)(n_words - w < TILE ? n_words - w : TILE) * sizeof *edge;
            for (Py_ssize_t r = 0; r < GROUP && row + r < n_rows; r++)
                memcpy(out + r * n_words, edge + r * TILE, n_bytes);
        }
}
