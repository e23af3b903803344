/* SPDX-License-Identifier: Apache-2.0 */
/* Eight floats side by side, in the compiler's own vector types: the same source becomes SSE2,
 * AVX2, AVX-512VL or NEON by the flags of the file that includes it. Every operation is IEEE single
 * precision, lane by lane, and sums are taken in one fixed order, so that all roads give the same
 * bits. Needs GCC or Clang. */
#ifndef EKTP_LANES_H
#define EKTP_LANES_H
#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

enum { LANES = 8 };

typedef float lanes_f __attribute__((vector_size(32), may_alias));
typedef int32_t lanes_i __attribute__((vector_size(32), may_alias));
typedef float lanes_f_anywhere __attribute__((vector_size(32), may_alias, aligned(4)));

static const lanes_i LANE_NUMBERS = {0, 1, 2, 3, 4, 5, 6, 7};

static inline lanes_f lanes_at(const float *from) { return *(const lanes_f_anywhere *)from; }

static inline void lanes_to(float *to, lanes_f value) { *(lanes_f_anywhere *)to = value; }

/* Masks, all bits of a lane set where it is so. Without vector comparisons of this width a compiler
 * would go lane by lane; there the sign of a difference tells the same (nothing here is NaN). */
#if defined(__AVX2__)
static inline lanes_i lanes_less(lanes_f a, lanes_f b) { return a < b; }
static inline lanes_i lanes_less_int(lanes_i a, lanes_i b) { return a < b; }
static inline lanes_i lanes_differ(lanes_i a, lanes_i b) { return a != b; }
#else
static inline lanes_i lanes_less(lanes_f a, lanes_f b) { return (lanes_i)(a - b) >> 31; }
static inline lanes_i lanes_less_int(lanes_i a, lanes_i b) { return (a - b) >> 31; }
static inline lanes_i lanes_differ(lanes_i a, lanes_i b) { return ((a - b) | (b - a)) >> 31; }
#endif

static inline lanes_f lanes_where(lanes_i mask, lanes_f yes) { return (lanes_f)(mask & (lanes_i)yes); }

static inline lanes_f lanes_of(float value)
{
    return (lanes_f){value, value, value, value, value, value, value, value};
}

static inline lanes_i lanes_of_int(int32_t value)
{
    return (lanes_i){value, value, value, value, value, value, value, value};
}

/* The first four lanes plus the last four, and so on down to one. */
static inline float lanes_sum(lanes_f value)
{
    float lane[LANES];
    memcpy(lane, &value, sizeof lane);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++) lane[k] += lane[k + half];
    return lane[0];
}

/* As many bytes as can be compared at once. */
#if defined(__AVX2__)
enum { BLOCK = 32 };
#else
enum { BLOCK = 16 };
#endif
typedef uint8_t block __attribute__((vector_size(BLOCK), may_alias));

/* All bits of those bytes that are at least so large. */
static inline block block_from(const uint8_t *values, uint8_t least)
{
    block value;
    memcpy(&value, values, sizeof value);
    return (block)(value >= least);
}

/* Bit k is set where byte k of the mask is. */
static inline uint32_t block_bits(block mask)
{
#if defined(__AVX2__)
    return (uint32_t)_mm256_movemask_epi8((__m256i)mask);
#else
    uint64_t word[2];
    memcpy(word, &mask, sizeof word);
    uint32_t bits[2];
    for (int w = 0; w < 2; w++) /* byte k of a word to bit k of its highest byte */
        bits[w] = (uint32_t)((word[w] & 0x0101010101010101u) * 0x0102040810204080u >> 56);
    return bits[0] | bits[1] << 8;
#endif
}

/* Bit k is set where lane k of the mask is. */
static inline unsigned lanes_bits(lanes_i mask)
{
#if defined(__AVX2__)
    return (unsigned)_mm256_movemask_ps((__m256)mask);
#else
    uint64_t word[4];
    memcpy(word, &mask, sizeof word);
    if (!(word[0] | word[1] | word[2] | word[3])) return 0;
    unsigned bits = 0;
    for (unsigned k = 0; k < 4; k++)
        bits |= (unsigned)(word[k] & 1) << 2 * k | (unsigned)(word[k] >> 63) << (2 * k + 1);
    return bits;
#endif
}

#endif
