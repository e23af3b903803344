/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

/* Three bits of one weight become one of the same and one of twice the weight. */
static inline uint64_t add_three(uint64_t a, uint64_t b, uint64_t c, uint64_t *twice)
{
    uint64_t either = a ^ b;
    *twice = (a & b) | (either & c);
    return either ^ c;
}

/* Set bits of each byte. */
static inline uint64_t byte_counts(uint64_t word)
{
    word -= (word >> 1) & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
    return (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
}

/* Bits set in eight words: added up in place first (R. Seal), so that four are counted, not
 * eight. */
static inline uint64_t bits_set(const uint64_t x[SCAN_WORDS])
{
    uint64_t two[4], four[2], eight, one, twos, fours;
    one = add_three(x[0], x[1], x[2], &two[0]);
    one = add_three(one, x[3], x[4], &two[1]);
    one = add_three(one, x[5], x[6], &two[2]);
    two[3] = one & x[7];
    one ^= x[7];
    twos = add_three(two[0], two[1], two[2], &four[0]);
    four[1] = twos & two[3];
    twos ^= two[3];
    eight = four[0] & four[1];
    fours = four[0] ^ four[1];
    uint64_t bytes = byte_counts(one) + 2 * byte_counts(twos) + 4 * byte_counts(fours) +
                     8 * byte_counts(eight); /* at most 64 each */
    uint64_t pairs = (bytes & 0x00ff00ff00ff00ffu) + ((bytes >> 8) & 0x00ff00ff00ff00ffu);
    pairs += pairs >> 32;
    return (pairs + (pairs >> 16)) & 0xffffu;
}

static inline void distances_of(const uint64_t *probe, const uint64_t *codes, size_t count,
                                uint16_t *distances)
{
    for (size_t k = 0; k < count; k++) {
        uint64_t differing[SCAN_WORDS];
        for (size_t w = 0; w < SCAN_WORDS; w++)
            differing[w] = scan_word(probe, w) ^ scan_word(codes, k * SCAN_WORDS + w);
        distances[k] = (uint16_t)bits_set(differing);
    }
}

static inline void columns_within(const uint64_t *const rows[SCAN_ROWS], const uint64_t *turned,
                                  uint32_t most, uint64_t hits[SCAN_ROWS][SCAN_HITS])
{
    for (size_t r = 0; r < SCAN_ROWS; r++) {
        uint64_t sums[SCAN_COLUMNS];
        for (size_t c = 0; c < SCAN_COLUMNS; c++) {
            uint64_t differing[SCAN_WORDS];
            for (size_t w = 0; w < SCAN_WORDS; w++)
                differing[w] = scan_word(rows[r], w) ^ turned[w * SCAN_COLUMNS + c];
            sums[c] = bits_set(differing);
        }
        for (size_t h = 0; h < SCAN_HITS; h++) {
            hits[r][h] = 0;
            for (size_t k = 0; k < 64; k++)
                hits[r][h] |= (uint64_t)(sums[64 * h + k] <= most) << k;
        }
    }
}

#define SCAN(name) name##_scalar
#include "scan/body.h"
