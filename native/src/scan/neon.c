/* SPDX-License-Identifier: Apache-2.0 */
#include <arm_neon.h>

#include "scan.h"

static inline uint8x16_t load(const uint64_t *words)
{
    return vld1q_u8((const uint8_t *)(const void *)words); /* need not be aligned */
}

static inline void distances_of(const uint64_t *probe, const uint64_t *codes, size_t count,
                                uint16_t *distances)
{
    for (size_t k = 0; k < count; k++) {
        /* A byte counts at most 8 bits; four such counts stay below 256. */
        uint8x16_t bytes = vdupq_n_u8(0);
        for (size_t w = 0; w < SCAN_WORDS; w += 2) {
            uint8x16_t differing = veorq_u8(load(probe + w), load(codes + k * SCAN_WORDS + w));
            bytes = vaddq_u8(bytes, vcntq_u8(differing));
        }
        distances[k] = vaddlvq_u8(bytes);
    }
}

static inline void columns_within(const uint64_t *const rows[SCAN_ROWS], const uint64_t *turned,
                                  uint32_t most, uint64_t hits[SCAN_ROWS][SCAN_HITS])
{
    const uint64x2_t limit = vdupq_n_u64(most);
    memset(hits, 0, sizeof(uint64_t) * SCAN_ROWS * SCAN_HITS);
    for (size_t c = 0; c < SCAN_COLUMNS; c += 2) {
        uint8x16_t bytes[SCAN_ROWS]; /* at most 8 a word: 64 in a byte */
        for (size_t r = 0; r < SCAN_ROWS; r++) bytes[r] = vdupq_n_u8(0);
        for (size_t w = 0; w < SCAN_WORDS; w++) {
            uint8x16_t columns = load(turned + w * SCAN_COLUMNS + c);
            for (size_t r = 0; r < SCAN_ROWS; r++) {
                uint8x16_t word = vreinterpretq_u8_u64(vdupq_n_u64(scan_word(rows[r], w)));
                bytes[r] = vaddq_u8(bytes[r], vcntq_u8(veorq_u8(word, columns)));
            }
        }
        for (size_t r = 0; r < SCAN_ROWS; r++) {
            uint64x2_t sums = vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(bytes[r])));
            uint64x2_t within = vcleq_u64(sums, limit);
            uint64_t bits = (vgetq_lane_u64(within, 0) & 1) | (vgetq_lane_u64(within, 1) & 2);
            hits[r][c / 64] |= bits << c % 64;
        }
    }
}

#define SCAN(name) name##_neon
#include "scan/body.h"
