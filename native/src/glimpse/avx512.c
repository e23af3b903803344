/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "glimpse.h"

enum { GROUPS = SKETCH_MINUTIAE / 8 };

static inline void nearest(const uint64_t *words, size_t minutiae, const uint8_t *reference,
                           uint8_t least[SKETCH_MINUTIAE])
{
    __m512i columns[GROUPS], bits[GROUPS];
    for (size_t g = 0; g < GROUPS; g++) {
        columns[g] = _mm512_loadu_si512(reference + 64 * g);
        bits[g] = _mm512_set1_epi64(255);
    }
    for (size_t i = 0; i < minutiae; i++) {
        __m512i word = _mm512_set1_epi64((long long)words[i]);
        /* Only the low half of a lane is ever set, and halves are compared faster than wholes. */
        for (size_t g = 0; g < GROUPS; g++)
            bits[g] = _mm512_min_epu32(
                bits[g], _mm512_popcnt_epi64(_mm512_xor_si512(word, columns[g])));
    }
    for (size_t g = 0; g < GROUPS; g++)
        _mm_storel_epi64((__m128i *)(void *)(least + 8 * g), _mm512_cvtepi64_epi8(bits[g]));
}

#define GLIMPSE glimpse_avx512
#include "glimpse/body.h"
