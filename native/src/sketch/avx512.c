/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "sketch.h"

static inline void apart(const uint8_t *probe, size_t minutiae, const uint8_t *reference,
                         uint8_t distances[][SKETCH_MINUTIAE])
{
    __m512i words[2][SKETCH_MINUTIAE / 8];
    for (size_t half = 0; half < 2; half++)
        for (size_t g = 0; g < SKETCH_MINUTIAE / 8; g++)
            words[half][g] = _mm512_loadu_si512(reference + 8 * SKETCH_MINUTIAE * half + 64 * g);
    for (size_t i = 0; i < minutiae; i++) {
        __m512i first = _mm512_set1_epi64((long long)sketch_word(probe, 0, i));
        __m512i second = _mm512_set1_epi64((long long)sketch_word(probe, 1, i));
        for (size_t g = 0; g < SKETCH_MINUTIAE / 8; g++) {
            __m512i sums =
                _mm512_add_epi64(_mm512_popcnt_epi64(_mm512_xor_si512(first, words[0][g])),
                                 _mm512_popcnt_epi64(_mm512_xor_si512(second, words[1][g])));
            _mm_storel_epi64((__m128i *)(void *)(distances[i] + 8 * g),
                             _mm512_cvtepi64_epi8(sums));
        }
    }
}

#define SKETCH sketch_avx512
#include "sketch/body.h"
