/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "patch.h"

/* Two registers of sums each, and room for the weights, a pixel and a product. */
enum { MOST_PIXELS = 6 };

static inline __attribute__((always_inline)) void tile(int16_t (*filled)[PATCH_PITCH], size_t taps,
                                                       const int16_t *weights, int32_t *sums,
                                                       const int P)
{
    __m256i low[MOST_PIXELS], high[MOST_PIXELS];
#pragma GCC unroll 6
    for (int p = 0; p < P; p++) low[p] = high[p] = _mm256_setzero_si256();
    for (size_t k = 0; k < taps; k += 2, weights += 2 * TWOS_BLOCK) {
        __m256i first = _mm256_loadu_si256((const void *)weights);
        __m256i last = _mm256_loadu_si256((const void *)(weights + TWOS_BLOCK));
#pragma GCC unroll 6
        for (int p = 0; p < P; p++) {
            int32_t two;
            memcpy(&two, &filled[p][k], sizeof two);
            __m256i pixel = _mm256_set1_epi32(two);
            low[p] = _mm256_add_epi32(low[p], _mm256_madd_epi16(pixel, first));
            high[p] = _mm256_add_epi32(high[p], _mm256_madd_epi16(pixel, last));
        }
    }
#pragma GCC unroll 6
    for (int p = 0; p < P; p++, sums += TWOS_BLOCK) {
        _mm256_storeu_si256((void *)sums, low[p]);
        _mm256_storeu_si256((void *)(sums + 8), high[p]);
    }
}

static void sums_avx2(int16_t (*filled)[PATCH_PITCH], size_t taps, const ektp_convolution *layer,
                      size_t from, int32_t *sums, size_t pixels)
{
    const int16_t *weights = layer->by_twos + from * taps;
    switch (pixels) {
    case 1: tile(filled, taps, weights, sums, 1); break;
    case 2: tile(filled, taps, weights, sums, 2); break;
    case 3: tile(filled, taps, weights, sums, 3); break;
    case 4: tile(filled, taps, weights, sums, 4); break;
    case 5: tile(filled, taps, weights, sums, 5); break;
    default: tile(filled, taps, weights, sums, 6); break;
    }
}

void convolve_avx2(const ektp_convolution *layer) { convolve_patches(layer, MOST_PIXELS, sums_avx2); }
