/* SPDX-License-Identifier: Apache-2.0 */
#include "bits_avx2.h"
#include "sketch.h"

static inline __m256i load(const uint8_t *bytes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

static inline void apart(const uint8_t *probe, size_t minutiae, const uint8_t *reference,
                         uint8_t distances[][SKETCH_MINUTIAE])
{
    const __m256i evens_then_odds = _mm256_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14,
                                                     7, 15, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13,
                                                     6, 14, 7, 15);
    for (size_t i = 0; i < minutiae; i++) {
        __m256i first = _mm256_set1_epi64x((long long)sketch_word(probe, 0, i));
        __m256i second = _mm256_set1_epi64x((long long)sketch_word(probe, 1, i));
        __m256i all = _mm256_setzero_si256(); /* byte g of lane l: minutia 4 g + l */
        for (size_t g = SKETCH_MINUTIAE / 4; g-- > 0;) {
            const uint8_t *words = reference + 32 * g;
            __m256i bytes = _mm256_add_epi8(
                byte_counts(_mm256_xor_si256(first, load(words))),
                byte_counts(_mm256_xor_si256(second, load(words + 8 * SKETCH_MINUTIAE))));
            all = _mm256_or_si256(_mm256_slli_epi64(all, 8),
                                  _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
        }
        all = _mm256_shuffle_epi8(all, evens_then_odds);
        __m128i low = _mm256_castsi256_si128(all), high = _mm256_extracti128_si256(all, 1);
        _mm_storeu_si128((__m128i *)(void *)distances[i], _mm_unpacklo_epi16(low, high));
        _mm_storeu_si128((__m128i *)(void *)(distances[i] + 16), _mm_unpackhi_epi16(low, high));
    }
}

#define SKETCH sketch_avx2
#include "sketch/body.h"
