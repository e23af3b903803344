/* SPDX-License-Identifier: Apache-2.0 */
/* For files compiled for AVX-512. */
#ifndef EKTP_SUMS_AVX512_H
#define EKTP_SUMS_AVX512_H

#include <immintrin.h>

/* Lane i of the result is the sum of the lanes of t[i]. */
static inline __m512i sums_of_eight(const __m512i t[8])
{
    __m512i pairs[4];
    for (int i = 0; i < 4; i++)
        pairs[i] = _mm512_add_epi64(_mm512_unpacklo_epi64(t[2 * i], t[2 * i + 1]),
                                    _mm512_unpackhi_epi64(t[2 * i], t[2 * i + 1]));
    /* pairs[i]: (2i, 2i+1) four times over; fold the four 128-bit quarters. */
    __m512i a = _mm512_add_epi64(_mm512_shuffle_i64x2(pairs[0], pairs[1], 0x44),
                                 _mm512_shuffle_i64x2(pairs[0], pairs[1], 0xee));
    __m512i b = _mm512_add_epi64(_mm512_shuffle_i64x2(pairs[2], pairs[3], 0x44),
                                 _mm512_shuffle_i64x2(pairs[2], pairs[3], 0xee));
    return _mm512_add_epi64(_mm512_shuffle_i64x2(a, b, 0x88), _mm512_shuffle_i64x2(a, b, 0xdd));
}

#endif
