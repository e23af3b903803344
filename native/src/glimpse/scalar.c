/* SPDX-License-Identifier: Apache-2.0 */
#include "glimpse.h"

static inline uint8_t bits_set(uint64_t word)
{
    word -= (word >> 1) & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (uint8_t)(word * 0x0101010101010101u >> 56);
}

static inline void nearest(const uint64_t *words, size_t minutiae, const uint8_t *reference,
                           uint8_t least[SKETCH_MINUTIAE])
{
    memset(least, 255, SKETCH_MINUTIAE);
    for (size_t i = 0; i < minutiae; i++)
        for (size_t j = 0; j < SKETCH_MINUTIAE; j++) {
            uint8_t bits = bits_set(words[i] ^ sketch_word(reference, 0, j));
            least[j] = bits < least[j] ? bits : least[j];
        }
}

#define GLIMPSE glimpse_scalar
#include "glimpse/nearest.h"
#include "glimpse/body.h"
