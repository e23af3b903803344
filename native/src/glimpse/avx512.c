/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "glimpse.h"

enum { GROUPS = SKETCH_MINUTIAE / 8 };

/* Which column each lane is once counts are packed. */
static inline __m512i columns_packed(void)
{
    return _mm512_set_epi16(31, 30, 23, 22, 15, 14, 7, 6, 29, 28, 21, 20, 13, 12, 5, 4, 27, 26, 19,
                            18, 11, 10, 3, 2, 25, 24, 17, 16, 9, 8, 1, 0);
}

static inline int32_t seen_in(const uint8_t *reference, const uint64_t *words, size_t minutiae,
                              int32_t reach)
{
    __m512i columns[GROUPS], bits[GROUPS];
    for (size_t g = 0; g < GROUPS; g++) {
        columns[g] = _mm512_loadu_si512(reference + 64 * g);
        bits[g] = _mm512_set1_epi64(255); /* never alike */
    }
    for (size_t i = 0; i < minutiae; i++) {
        __m512i word = _mm512_set1_epi64((long long)words[i]);
        /* Only the low half of a lane is ever set, and halves are compared faster than wholes. */
        for (size_t g = 0; g < GROUPS; g++)
            bits[g] = _mm512_min_epu32(
                bits[g], _mm512_popcnt_epi64(_mm512_xor_si512(word, columns[g])));
    }
    __m512i least = _mm512_packus_epi32(_mm512_packus_epi32(bits[0], bits[1]),
                                        _mm512_packus_epi32(bits[2], bits[3]));
    __m512i there = _mm512_set1_epi16((short)sketch_minutiae(reference));
    __mmask32 seen = _mm512_cmplt_epu16_mask(columns_packed(), there);
    __m512i alike = _mm512_maskz_subs_epu16(seen, _mm512_set1_epi16((short)reach), least);
    return (int32_t)_mm512_reduce_add_epi64(_mm512_sad_epu8(alike, _mm512_setzero_si512()));
}

#define GLIMPSE glimpse_avx512
#include "glimpse/body.h"
