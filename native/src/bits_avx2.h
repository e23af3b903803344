/* SPDX-License-Identifier: Apache-2.0 */
/* For files compiled for AVX2. */
#ifndef EKTP_BITS_AVX2_H
#define EKTP_BITS_AVX2_H

#include <immintrin.h>

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

#endif
