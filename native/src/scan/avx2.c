/* SPDX-License-Identifier: Apache-2.0 */
#include "bits_avx2.h"
#include "scan.h"

static inline __m256i load(const uint64_t *words)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)words);
}

/* Four sums whose total is the distance, each below 2^14. */
static inline __m256i differing(__m256i first, __m256i second, const uint64_t *code)
{
    __m256i bytes = _mm256_add_epi8(byte_counts(_mm256_xor_si256(first, load(code))),
                                    byte_counts(_mm256_xor_si256(second, load(code + 4))));
    return _mm256_sad_epu8(bytes, _mm256_setzero_si256());
}

static inline void distances_of(const uint64_t *probe, const uint64_t *codes, size_t count,
                                uint16_t *distances)
{
    const __m256i first = load(probe), second = load(probe + 4);
    size_t k = 0;
    for (; k + 4 <= count; k += 4) {
        const uint64_t *code = codes + k * SCAN_WORDS;
        /* Four codes side by side in the 16-bit fields of each lane, then the lanes added up. */
        __m256i even = _mm256_or_si256(
            differing(first, second, code),
            _mm256_slli_epi64(differing(first, second, code + 2 * SCAN_WORDS), 32));
        __m256i odd = _mm256_or_si256(
            differing(first, second, code + SCAN_WORDS),
            _mm256_slli_epi64(differing(first, second, code + 3 * SCAN_WORDS), 32));
        __m256i all = _mm256_or_si256(even, _mm256_slli_epi64(odd, 16));
        __m128i half =
            _mm_add_epi16(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
        _mm_storel_epi64((__m128i *)(void *)(distances + k),
                         _mm_add_epi16(half, _mm_unpackhi_epi64(half, half)));
    }
    for (; k < count; k++) {
        uint64_t distance = 0;
        for (size_t w = 0; w < SCAN_WORDS; w++) {
            uint64_t word = scan_word(codes, k * SCAN_WORDS + w);
            distance += (uint64_t)_mm_popcnt_u64(scan_word(probe, w) ^ word);
        }
        distances[k] = (uint16_t)distance;
    }
}

static inline void columns_within(const uint64_t *const rows[SCAN_ROWS], const uint64_t *turned,
                                  uint32_t most, uint64_t hits[SCAN_ROWS][SCAN_HITS])
{
    const __m256i limit = _mm256_set1_epi64x((long long)most + 1);
    for (size_t r = 0; r < SCAN_ROWS; r++)
        for (size_t c = 0; c < SCAN_COLUMNS; c += 8) {
            __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
            for (size_t w = 0; w < SCAN_WORDS; w++) {
                __m256i word = _mm256_set1_epi64x((long long)scan_word(rows[r], w));
                for (size_t half = 0; half < 2; half++) {
                    __m256i column = load(turned + w * SCAN_COLUMNS + c + 4 * half);
                    /* At most 8 a word: 64 in a byte. */
                    sums[half] = _mm256_add_epi8(sums[half],
                                                 byte_counts(_mm256_xor_si256(word, column)));
                }
            }
            unsigned bits = 0;
            for (size_t half = 0; half < 2; half++) {
                __m256i distance = _mm256_sad_epu8(sums[half], _mm256_setzero_si256());
                __m256i within = _mm256_cmpgt_epi64(limit, distance);
                bits |= (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(within)) << 4 * half;
            }
            ((uint8_t *)hits[r])[c / 8] = (uint8_t)bits;
        }
}

#define SCAN(name) name##_avx2
#include "scan/body.h"
