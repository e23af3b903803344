/* SPDX-License-Identifier: Apache-2.0 */
#include "sketch.h"

/* Set bits of each byte. */
static inline uint64_t byte_counts(uint64_t word)
{
    word -= (word >> 1) & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
    return (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
}

static void apart(const uint8_t *probe, size_t minutiae, const uint8_t *reference,
                  uint8_t distances[][SKETCH_MINUTIAE])
{
    for (size_t i = 0; i < minutiae; i++) {
        uint64_t first = sketch_word(probe, 0, i), second = sketch_word(probe, 1, i);
        for (size_t j = 0; j < SKETCH_MINUTIAE; j++) {
            uint64_t bytes = byte_counts(first ^ sketch_word(reference, 0, j)) +
                             byte_counts(second ^ sketch_word(reference, 1, j));
            distances[i][j] = (uint8_t)(bytes * 0x0101010101010101u >> 56); /* at most 128 */
        }
    }
}

#define SKETCH sketch_scalar
#include "sketch/body.h"
