/* SPDX-License-Identifier: Apache-2.0 */
#include <arm_neon.h>

#include "cylinders.h"

static inline uint8x16_t load(const uint64_t *words, size_t at)
{
    return vld1q_u8((const uint8_t *)(const void *)(words + at)); /* need not be aligned */
}

void cylinders_neon(const uint64_t *probe_codes, const uint64_t *probe_masks, size_t probes,
                    const uint64_t *reference_codes, const uint64_t *reference_masks,
                    size_t references, uint32_t prior, uint8_t *similarities)
{
    for (size_t p = 0; p < probes; p++) {
        const uint64_t *code = probe_codes + p * CYLINDER_WORDS;
        const uint64_t *mask = probe_masks + p * CYLINDER_WORDS;
        for (size_t r = 0; r < references; r++) {
            const uint64_t *other_code = reference_codes + r * CYLINDER_WORDS;
            const uint64_t *other_mask = reference_masks + r * CYLINDER_WORDS;
            /* A byte counts at most 8 bits; eight such counts stay below 256. */
            uint8x16_t both = vdupq_n_u8(0), total = vdupq_n_u8(0);
            for (size_t w = 0; w < CYLINDER_WORDS; w += 2) {
                uint8x16_t a = load(code, w), b = load(other_code, w);
                both = vaddq_u8(both, vcntq_u8(vandq_u8(a, b)));
                total = vaddq_u8(total, vcntq_u8(vandq_u8(a, load(other_mask, w))));
                total = vaddq_u8(total, vcntq_u8(vandq_u8(b, load(mask, w))));
            }
            similarities[p * references + r] =
                (uint8_t)(510u * vaddlvq_u8(both) / (prior + vaddlvq_u8(total)));
        }
    }
}
