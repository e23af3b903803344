/* SPDX-License-Identifier: Apache-2.0 */
#include "cylinders.h"
#include "sums_avx512.h"

/* Each 64-bit lane: bits set in both codes in the high half, bits of either code that the other's
 * mask sees in the low half; one addition then sums both. */
static inline __m512i tally(__m512i code, __m512i mask, const uint64_t *other_code,
                            const uint64_t *other_mask)
{
    __m512i c = _mm512_loadu_si512(other_code), m = _mm512_loadu_si512(other_mask);
    __m512i both = _mm512_popcnt_epi64(_mm512_and_si512(code, c));
    __m512i total = _mm512_add_epi64(_mm512_popcnt_epi64(_mm512_and_si512(code, m)),
                                     _mm512_popcnt_epi64(_mm512_and_si512(c, mask)));
    return _mm512_add_epi64(_mm512_slli_epi64(both, 32), total);
}

static inline uint8_t quotient(uint64_t sum, uint32_t prior)
{
    return (uint8_t)(510u * (uint32_t)(sum >> 32) / ((uint32_t)sum + prior));
}

void cylinders_avx512(const uint64_t *probe_codes, const uint64_t *probe_masks, size_t probes,
                      const uint64_t *reference_codes, const uint64_t *reference_masks,
                      size_t references, uint32_t prior, uint8_t *similarities)
{
    const __m256 scale = _mm256_set1_ps(510.0f);
    const __m256i priors = _mm256_set1_epi32((int)prior);
    for (size_t p = 0; p < probes; p++) {
        const __m512i code = _mm512_loadu_si512(probe_codes + p * CYLINDER_WORDS);
        const __m512i mask = _mm512_loadu_si512(probe_masks + p * CYLINDER_WORDS);
        uint8_t *row = similarities + p * references;
        size_t r = 0;
        for (; r + 8 <= references; r += 8) {
            __m512i t[8];
            for (size_t i = 0; i < 8; i++)
                t[i] = tally(code, mask, reference_codes + (r + i) * CYLINDER_WORDS,
                             reference_masks + (r + i) * CYLINDER_WORDS);
            __m512i sums = sums_of_eight(t);
            __m256i both = _mm512_cvtepi64_epi32(_mm512_srli_epi64(sums, 32));
            __m256i total = _mm256_add_epi32(_mm512_cvtepi64_epi32(sums), priors);
            /* Exact: both operands are integers below 2^18 and the quotient at most 255, so it is
             * further from the next whole number than a float's rounding reaches. */
            __m256 ratio = _mm256_div_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(both), scale),
                                         _mm256_cvtepi32_ps(total));
            _mm_storel_epi64((__m128i *)(void *)(row + r),
                             _mm256_cvtepi32_epi8(_mm256_cvttps_epi32(ratio)));
        }
        for (; r < references; r++)
            row[r] = quotient((uint64_t)_mm512_reduce_add_epi64(
                                  tally(code, mask, reference_codes + r * CYLINDER_WORDS,
                                        reference_masks + r * CYLINDER_WORDS)),
                              prior);
    }
}
