/* SPDX-License-Identifier: Apache-2.0 */
#include <arm_neon.h>

#include "glimpse.h"

static inline void nearest(const uint64_t *words, size_t minutiae, const uint8_t *reference,
                           uint8_t least[SKETCH_MINUTIAE])
{
    for (size_t j = 0; j < SKETCH_MINUTIAE; j += 2) {
        uint8x16_t columns = vld1q_u8(reference + 8 * j);
        uint32x4_t bits = vreinterpretq_u32_u64(vdupq_n_u64(255));
        for (size_t i = 0; i < minutiae; i++) {
            uint8x16_t word = vreinterpretq_u8_u64(vdupq_n_u64(words[i]));
            uint64x2_t sums =
                vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(vcntq_u8(veorq_u8(word, columns)))));
            bits = vminq_u32(bits, vreinterpretq_u32_u64(sums)); /* high halves are 0 */
        }
        least[j] = (uint8_t)vgetq_lane_u32(bits, 0);
        least[j + 1] = (uint8_t)vgetq_lane_u32(bits, 2);
    }
}

#define GLIMPSE glimpse_neon
#include "glimpse/nearest.h"
#include "glimpse/body.h"
