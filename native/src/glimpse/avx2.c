/* SPDX-License-Identifier: Apache-2.0 */
#include "bits_avx2.h"
#include "glimpse.h"

enum { GROUPS = SKETCH_MINUTIAE / 4 };

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
#include "glimpse/nearest.h"
#include "glimpse/body.h"
