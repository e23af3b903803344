/* SPDX-License-Identifier: Apache-2.0 */
/* What every road to the score of a sketch does alike. */
#ifndef EKTP_SKETCH_TURNS_H
#define EKTP_SKETCH_TURNS_H
#include "sketch.h"

enum { SKETCH_AT_ONCE = 6 }; /* references compared side by side, and fetched ahead */

static inline int32_t turn_of(size_t bin) { return (int32_t)(8 * bin + 4); }
static inline int32_t shift_of(size_t bin) { return (int32_t)(4 * bin + 2); }

/* Where the minutiae lie once the sketch is turned by a bin's middle. */
static inline void turned_places(const uint8_t *sketch, const ektp_sketch_parameters *p, size_t bin,
                                 uint8_t to_x[SKETCH_MINUTIAE], uint8_t to_y[SKETCH_MINUTIAE])
{
    int32_t cosine = p->cosines[turn_of(bin)], sine = p->cosines[(turn_of(bin) + 192) % 256];
    for (size_t i = 0; i < SKETCH_MINUTIAE; i++) {
        int32_t x = sketch[SKETCH_X + i] - SKETCH_MIDDLE;
        int32_t y = sketch[SKETCH_Y + i] - SKETCH_MIDDLE;
        int32_t half = 1 << 13;
        to_x[i] = (uint8_t)(SKETCH_MIDDLE + ((cosine * x - sine * y + half) >> 14));
        to_y[i] = (uint8_t)(SKETCH_MIDDLE + ((sine * x + cosine * y + half) >> 14));
    }
}

/* To the nearest whole number, halves up; 0 of nothing. */
static inline int32_t mean_of(int32_t sum, int32_t weight)
{
    int32_t twice = 2 * sum + weight, divisor = weight ? 2 * weight : 1;
    return twice / divisor - (twice % divisor < 0);
}

#endif
