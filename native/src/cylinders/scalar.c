/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cylinders.h"

/* Rows need not be aligned. */
static uint64_t load(const uint64_t *word)
{
    uint64_t value;
    memcpy(&value, (const void *)word, sizeof value);
    return value;
}

static uint32_t popcount(uint64_t word)
{
    word -= (word >> 1) & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (uint32_t)((word * 0x0101010101010101u) >> 56);
}

void cylinders_scalar(const uint64_t *probe_codes, const uint64_t *probe_masks, size_t probes,
                      const uint64_t *reference_codes, const uint64_t *reference_masks,
                      size_t references, uint32_t prior, uint8_t *similarities)
{
    for (size_t p = 0; p < probes; p++) {
        const uint64_t *code = probe_codes + p * CYLINDER_WORDS;
        const uint64_t *mask = probe_masks + p * CYLINDER_WORDS;
        for (size_t r = 0; r < references; r++) {
            const uint64_t *other_code = reference_codes + r * CYLINDER_WORDS;
            const uint64_t *other_mask = reference_masks + r * CYLINDER_WORDS;
            uint32_t both = 0, total = prior;
            for (size_t w = 0; w < CYLINDER_WORDS; w++) {
                uint64_t mine = load(code + w), its = load(other_code + w);
                both += popcount(mine & its);
                total += popcount(mine & load(other_mask + w)) + popcount(its & load(mask + w));
            }
            similarities[p * references + r] = (uint8_t)(510u * both / total);
        }
    }
}
