/* SPDX-License-Identifier: Apache-2.0 */
/* Family "sketch": see ektp_native.cdef.h. One body (sketch/body.h) around the counting of bits; with
 * vectors of 64 bytes another (sketch/avx512.c). */
#ifndef EKTP_SKETCH_H
#define EKTP_SKETCH_H
#include <string.h>

#include "ektp_native.h"

enum {
    SKETCH_MINUTIAE = EKTP_SKETCH_MINUTIAE,
    SKETCH_DIRECTIONS = 16 * SKETCH_MINUTIAE, /* where each column begins */
    SKETCH_X = SKETCH_DIRECTIONS + SKETCH_MINUTIAE,
    SKETCH_Y = SKETCH_X + SKETCH_MINUTIAE,
    SKETCH_COUNT = SKETCH_Y + SKETCH_MINUTIAE,
    SKETCH_TURNS = 32,  /* told apart, of a turn: 8 steps of 1/256 each */
    SKETCH_SHIFTS = 64, /* told apart, of 256 units: 4 units each */
    SKETCH_MIDDLE = 128 /* coordinates of what does not move when the finger turns */
};

typedef void sketch_kernel(const uint8_t *probe, const uint8_t *sketches, const uint32_t *rows,
                           size_t count, const ektp_sketch_parameters *parameters,
                           uint16_t *scores);

sketch_kernel sketch_scalar, sketch_avx2, sketch_avx512, sketch_neon;

/* How many minutiae a sketch has; what says more is read as full. */
static inline size_t sketch_minutiae(const uint8_t *sketch)
{
    return sketch[SKETCH_COUNT] < SKETCH_MINUTIAE ? sketch[SKETCH_COUNT] : SKETCH_MINUTIAE;
}

/* Word of a minutia's code; half is 0 or 1. Sketches need not be aligned. */
static inline uint64_t sketch_word(const uint8_t *sketch, size_t half, size_t minutia)
{
    uint64_t word;
    memcpy(&word, sketch + 8 * (half * SKETCH_MINUTIAE + minutia), sizeof word);
    return word;
}

#endif
