/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "glimpse.h"

enum { GROUPS = SKETCH_MINUTIAE / 4 };

/* Set bits of each byte: half-byte table look-up (W. Mula). */
static inline __m256i byte_counts(__m256i words)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i first = _mm256_shuffle_epi8(table, _mm256_and_si256(words, low));
    __m256i second =
        _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(words, 4), low));
    return _mm256_add_epi8(first, second);
}

static inline void nearest(const uint64_t *words, size_t minutiae, const uint8_t *reference,
                           uint8_t least[SKETCH_MINUTIAE])
{
    for (size_t g = 0; g < GROUPS; g++) {
        __m256i columns = _mm256_loadu_si256((const __m256i *)(const void *)(reference + 32 * g));
        __m256i bits = _mm256_set1_epi64x(255);
        for (size_t i = 0; i < minutiae; i++) {
            __m256i word = _mm256_set1_epi64x((long long)words[i]);
            __m256i bytes = byte_counts(_mm256_xor_si256(word, columns));
            bits = _mm256_min_epu16(bits, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
        }
        uint64_t lanes[4];
        memcpy(lanes, &bits, sizeof lanes);
        for (size_t lane = 0; lane < 4; lane++) least[4 * g + lane] = (uint8_t)lanes[lane];
    }
}

#define GLIMPSE glimpse_avx2
#include "glimpse/body.h"
