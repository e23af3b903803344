/* SPDX-License-Identifier: Apache-2.0 */
/* The cells of the disc around a minutia, and the vectors' small arithmetic. */
#ifndef EKTP_PREPARE_DISC_H
#define EKTP_PREPARE_DISC_H
#include "../lanes.h"
#include "exact.h"

enum { OCTETS = CELLS / LANES };

/* Of the 10 x 10 cells around the middle, those whose centre lies in the disc, row by row. */
static const uint8_t DISC_COLUMN[CELLS] = {
    3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 3, 4, 5, 6};
static const uint8_t DISC_ROW[CELLS] = {
    0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8, 8, 9, 9, 9, 9};

typedef uint32_t lanes_u __attribute__((vector_size(32), may_alias));

static inline lanes_f lanes_either(lanes_i mask, lanes_f yes, lanes_f no)
{
    return (lanes_f)((mask & (lanes_i)yes) | (~mask & (lanes_i)no));
}

#if defined(__AVX2__)
static inline lanes_f lanes_least(lanes_f a, lanes_f b)
{
    return (lanes_f)_mm256_min_ps((__m256)a, (__m256)b);
}

static inline lanes_f lanes_most(lanes_f a, lanes_f b)
{
    return (lanes_f)_mm256_max_ps((__m256)a, (__m256)b);
}
#else
static inline lanes_f lanes_least(lanes_f a, lanes_f b)
{
    return lanes_either(lanes_less(a, b), a, b);
}

static inline lanes_f lanes_most(lanes_f a, lanes_f b)
{
    return lanes_either(lanes_less(a, b), b, a);
}
#endif

/* Bit k is set where lane k of a is less than that of b. */
static inline unsigned lanes_less_bits(lanes_f a, lanes_f b)
{
#if defined(__AVX512VL__)
    return _mm256_cmp_ps_mask((__m256)a, (__m256)b, _CMP_LT_OQ);
#else
    return lanes_bits(lanes_less(a, b));
#endif
}

static inline lanes_f lanes_size(lanes_f value)
{
    return (lanes_f)((lanes_u)value & 0x7fffffffu);
}

/* As many floats as a vector holds, eight or sixteen. */
#if defined(__AVX512VL__)
enum { WIDE = 2 * LANES };
#else
enum { WIDE = LANES };
#endif
typedef float wide_f __attribute__((vector_size(4 * WIDE), may_alias));
typedef int32_t wide_i __attribute__((vector_size(4 * WIDE), may_alias));
typedef uint32_t wide_u __attribute__((vector_size(4 * WIDE), may_alias));

static inline wide_f wide_of(float value) { return value - (wide_f){0.0f}; }

static inline wide_f wide_at(const float *from)
{
    wide_f value;
    memcpy(&value, from, sizeof value);
    return value;
}

#if defined(__AVX512VL__)
static inline wide_f wide_least(wide_f a, wide_f b)
{
    return (wide_f)_mm512_min_ps((__m512)a, (__m512)b);
}

static inline wide_f wide_most(wide_f a, wide_f b)
{
    return (wide_f)_mm512_max_ps((__m512)a, (__m512)b);
}

/* Bit k is set where lane k of a is less than that of b. */
static inline unsigned wide_less_bits(wide_f a, wide_f b)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ);
}

/* yes where a is less than b, else no. */
static inline wide_f wide_if_less(wide_f a, wide_f b, wide_f yes, wide_f no)
{
    __mmask16 less = _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ);
    return (wide_f)_mm512_mask_blend_ps(less, (__m512)no, (__m512)yes);
}
#else
static inline wide_f wide_least(wide_f a, wide_f b) { return lanes_least(a, b); }
static inline wide_f wide_most(wide_f a, wide_f b) { return lanes_most(a, b); }
static inline unsigned wide_less_bits(wide_f a, wide_f b) { return lanes_less_bits(a, b); }
static inline wide_f wide_if_less(wide_f a, wide_f b, wide_f yes, wide_f no)
{
    return lanes_either(lanes_less(a, b), yes, no);
}
#endif

static inline wide_f wide_size(wide_f value) { return (wide_f)((wide_u)value & 0x7fffffffu); }

/* e to the power of something from -80 to 80, to 2e-7 of itself. */
static inline wide_f wide_exp(wide_f power)
{
    wide_f shifted = power * 1.44269504f + 12582912.0f; /* its low bits are the whole number */
    wide_f whole = shifted - 12582912.0f;
    wide_f rest = power - whole * 0.693359375f + whole * 2.12194440e-4f;
    wide_f sum = rest * (1.0f / 720.0f) + 1.0f / 120.0f;
    sum = sum * rest + 1.0f / 24.0f;
    sum = sum * rest + 1.0f / 6.0f;
    sum = sum * rest + 0.5f;
    sum = sum * rest + 1.0f;
    sum = sum * rest + 1.0f;
    return sum * (wide_f)(((wide_u)shifted << 23) + 0x3f800000u);
}

/* Which of eight cells lie in the finger's area: bit k for cell 8 * octet + k. */
typedef struct {
    uint8_t seen[OCTETS];
} disc_mask;

/* The bands of each cell that are set: 48 bits for eight cells. */
typedef struct {
    uint64_t set[OCTETS];
} disc_bits;

#endif
