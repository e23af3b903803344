/* SPDX-License-Identifier: Apache-2.0 */
#include "bits_avx2.h"
#include "cylinders.h"

static inline __m256i load(const uint64_t *words)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)words);
}

static inline uint32_t sum(__m256i lanes)
{
    __m128i half =
        _mm_add_epi64(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi64(half, _mm_unpackhi_epi64(half, half)));
}

void cylinders_avx2(const uint64_t *probe_codes, const uint64_t *probe_masks, size_t probes,
                    const uint64_t *reference_codes, const uint64_t *reference_masks,
                    size_t references, uint32_t prior, uint8_t *similarities)
{
    const __m256i zero = _mm256_setzero_si256();
    for (size_t p = 0; p < probes; p++) {
        const uint64_t *code = probe_codes + p * CYLINDER_WORDS;
        const uint64_t *mask = probe_masks + p * CYLINDER_WORDS;
        const __m256i code0 = load(code), code1 = load(code + 4);
        const __m256i mask0 = load(mask), mask1 = load(mask + 4);
        for (size_t r = 0; r < references; r++) {
            const uint64_t *other_code = reference_codes + r * CYLINDER_WORDS;
            const uint64_t *other_mask = reference_masks + r * CYLINDER_WORDS;
            __m256i c0 = load(other_code), c1 = load(other_code + 4);
            __m256i m0 = load(other_mask), m1 = load(other_mask + 4);
            /* A byte counts at most 8 bits, so four sums of it stay below 256. */
            __m256i both = _mm256_add_epi8(byte_counts(_mm256_and_si256(code0, c0)),
                                           byte_counts(_mm256_and_si256(code1, c1)));
            __m256i mine = _mm256_add_epi8(byte_counts(_mm256_and_si256(code0, m0)),
                                           byte_counts(_mm256_and_si256(code1, m1)));
            __m256i its = _mm256_add_epi8(byte_counts(_mm256_and_si256(c0, mask0)),
                                          byte_counts(_mm256_and_si256(c1, mask1)));
            uint32_t agreed = sum(_mm256_sad_epu8(both, zero));
            uint32_t total = prior + sum(_mm256_sad_epu8(_mm256_add_epi8(mine, its), zero));
            similarities[p * references + r] = (uint8_t)(510u * agreed / total);
        }
    }
}
