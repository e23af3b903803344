/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"
#include "sums_avx512.h"

static inline void distances_of(const uint64_t *probe, const uint64_t *codes, size_t count,
                                uint16_t *distances)
{
    const __m512i one = _mm512_loadu_si512(probe);
    size_t k = 0;
    for (; k + 8 <= count; k += 8) {
        __m512i t[8];
        for (size_t i = 0; i < 8; i++) {
            __m512i other = _mm512_loadu_si512(codes + (k + i) * SCAN_WORDS);
            t[i] = _mm512_popcnt_epi64(_mm512_xor_si512(one, other));
        }
        _mm_storeu_si128((__m128i *)(void *)(distances + k),
                         _mm512_cvtepi64_epi16(sums_of_eight(t)));
    }
    for (; k < count; k++) {
        __m512i other = _mm512_loadu_si512(codes + k * SCAN_WORDS);
        distances[k] = (uint16_t)_mm512_reduce_add_epi64(
            _mm512_popcnt_epi64(_mm512_xor_si512(one, other)));
    }
}

static inline void columns_within(const uint64_t *const rows[SCAN_ROWS], const uint64_t *turned,
                                  uint32_t most, uint64_t hits[SCAN_ROWS][SCAN_HITS])
{
    const __m512i limit = _mm512_set1_epi64(most);
    for (size_t c = 0; c < SCAN_COLUMNS; c += 16) {
        __m512i sums[SCAN_ROWS][2];
        for (size_t w = 0; w < SCAN_WORDS; w++) {
            __m512i low = _mm512_load_si512(turned + w * SCAN_COLUMNS + c);
            __m512i high = _mm512_load_si512(turned + w * SCAN_COLUMNS + c + 8);
            for (size_t r = 0; r < SCAN_ROWS; r++) {
                __m512i word = _mm512_set1_epi64((long long)scan_word(rows[r], w));
                __m512i first = _mm512_popcnt_epi64(_mm512_xor_si512(word, low));
                __m512i second = _mm512_popcnt_epi64(_mm512_xor_si512(word, high));
                sums[r][0] = w ? _mm512_add_epi64(sums[r][0], first) : first;
                sums[r][1] = w ? _mm512_add_epi64(sums[r][1], second) : second;
            }
        }
        for (size_t r = 0; r < SCAN_ROWS; r++) {
            const uint8_t bits[2] = {_mm512_cmple_epu64_mask(sums[r][0], limit),
                                     _mm512_cmple_epu64_mask(sums[r][1], limit)};
            memcpy((uint8_t *)hits[r] + c / 8, bits, 2);
        }
    }
}

#define SCAN(name) name##_avx512
#include "scan/body.h"
