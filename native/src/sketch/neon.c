/* SPDX-License-Identifier: Apache-2.0 */
#include <arm_neon.h>

#include "sketch.h"

/* Bytes of two minutiae side by side, whose sums are the bits that differ. */
static inline uint8x16_t differing(uint8x16_t first, uint8x16_t second, const uint8_t *words)
{
    return vaddq_u8(vcntq_u8(veorq_u8(first, vld1q_u8(words))),
                    vcntq_u8(veorq_u8(second, vld1q_u8(words + 8 * SKETCH_MINUTIAE))));
}

static inline void apart(const uint8_t *probe, size_t minutiae, const uint8_t *reference,
                         uint8_t distances[][SKETCH_MINUTIAE])
{
    for (size_t i = 0; i < minutiae; i++) {
        uint8x16_t first = vreinterpretq_u8_u64(vdupq_n_u64(sketch_word(probe, 0, i)));
        uint8x16_t second = vreinterpretq_u8_u64(vdupq_n_u64(sketch_word(probe, 1, i)));
        for (size_t j = 0; j < SKETCH_MINUTIAE; j += 16) {
            uint8x16_t part[8]; /* pairwise sums: 8 bytes a minutia, then 4, 2, 1 */
            for (size_t k = 0; k < 8; k++)
                part[k] = differing(first, second, reference + 8 * (j + 2 * k));
            for (size_t left = 4; left > 0; left /= 2)
                for (size_t k = 0; k < left; k++) part[k] = vpaddq_u8(part[2 * k], part[2 * k + 1]);
            vst1q_u8(distances[i] + j, part[0]);
        }
    }
}

#define SKETCH sketch_neon
#include "sketch/body.h"
