/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "filter_cells.h"

void filter_cells_avx2(const int16_t *picture, size_t stride, const int32_t *chosen, size_t rows,
                       size_t columns, const uint8_t *down, const uint8_t *across,
                       const int16_t *weights, const uint32_t *first, float scale, float *filtered)
{
    /* Each pixel of four beside its right neighbour, for both halves. */
    const __m256i couples = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8, 9));
    const __m256i upper_rows = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
    const __m256i lower_rows = _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3);
    const __m256 unit = _mm256_set1_ps(scale);
    const size_t width = columns * CELL;
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            int32_t which = chosen[row * columns + column];
            if (which < 0) continue;
            const int16_t *corner = picture + CELL * (row * stride + column);
            __m256i upper = _mm256_setzero_si256(), lower = upper;
            for (uint32_t tap = first[which]; tap < first[which + 1]; tap++) {
                const void *at = corner + down[tap] * stride + across[tap];
                const void *own = weights + (size_t)tap * TAP_WEIGHTS;
                __m256i pixels = _mm256_shuffle_epi8(
                    _mm256_broadcastsi128_si256(_mm_loadu_si128(at)), couples);
                __m256i weight = _mm256_broadcastsi128_si256(_mm_loadu_si128(own));
                upper = _mm256_add_epi32(
                    upper,
                    _mm256_madd_epi16(pixels, _mm256_permutevar8x32_epi32(weight, upper_rows)));
                lower = _mm256_add_epi32(
                    lower,
                    _mm256_madd_epi16(pixels, _mm256_permutevar8x32_epi32(weight, lower_rows)));
            }
            float *out = filtered + CELL * (row * width + column);
            __m256 above = _mm256_mul_ps(_mm256_cvtepi32_ps(upper), unit);
            __m256 below = _mm256_mul_ps(_mm256_cvtepi32_ps(lower), unit);
            _mm_storeu_ps(out, _mm256_castps256_ps128(above));
            _mm_storeu_ps(out + width, _mm256_extractf128_ps(above, 1));
            _mm_storeu_ps(out + 2 * width, _mm256_castps256_ps128(below));
            _mm_storeu_ps(out + 3 * width, _mm256_extractf128_ps(below, 1));
        }
    }
}
