/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "filter_cells.h"

void filter_cells_avx512(const int16_t *picture, size_t stride, const int32_t *chosen, size_t rows,
                         size_t columns, const uint8_t *down, const uint8_t *across,
                         const int16_t *weights, const uint32_t *first, float scale,
                         float *filtered)
{
    /* Each pixel of four beside its right neighbour, for every row of the cell. */
    const __m512i couples = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8, 9));
    const __m512i own_row = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    const size_t width = columns * CELL;
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            int32_t which = chosen[row * columns + column];
            if (which < 0) continue;
            const int16_t *corner = picture + CELL * (row * stride + column);
            __m512i sums = _mm512_setzero_si512();
            for (uint32_t tap = first[which]; tap < first[which + 1]; tap++) {
                const void *at = corner + down[tap] * stride + across[tap];
                const void *own = weights + (size_t)tap * TAP_WEIGHTS;
                __m512i pixels =
                    _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128(at)), couples);
                __m512i weight = _mm512_permutexvar_epi32(
                    own_row, _mm512_castsi128_si512(_mm_loadu_si128(own)));
                sums = _mm512_add_epi32(sums, _mm512_madd_epi16(pixels, weight));
            }
            float *out = filtered + CELL * (row * width + column);
            __m512 cell = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), _mm512_set1_ps(scale));
            _mm_storeu_ps(out, _mm512_extractf32x4_ps(cell, 0));
            _mm_storeu_ps(out + width, _mm512_extractf32x4_ps(cell, 1));
            _mm_storeu_ps(out + 2 * width, _mm512_extractf32x4_ps(cell, 2));
            _mm_storeu_ps(out + 3 * width, _mm512_extractf32x4_ps(cell, 3));
        }
    }
}
