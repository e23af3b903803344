/* SPDX-License-Identifier: Apache-2.0 */
/* For roads that multiply in 16 bits: what a few pixels read, copied side by side in 16 bits. */
#ifndef EKTP_CONVOLVE_PATCH_H
#define EKTP_CONVOLVE_PATCH_H
#include "finish.h"

enum { PATCH_PIXELS = 8, PATCH_PITCH = MOST_INPUTS * MOST_TAPS };

typedef int16_t patch[PATCH_PIXELS][PATCH_PITCH];

static inline void fill(patch filled, const uint8_t *source, size_t step, const runs *taps,
                        size_t pixels)
{
    for (size_t p = 0; p < pixels; p++) {
        int16_t *to = filled[p];
        for (size_t r = 0; r < taps->count; r++) {
            const uint8_t *at = source + p * step + taps->start[r];
            for (size_t k = 0; k < taps->length; k++) to[k] = at[k];
            to += taps->length;
        }
    }
}

/* Sums of the outputs from .. from + 15 for some pixels of a patch; taps: numbers a pixel reads. */
typedef void patch_sums(int16_t (*filled)[PATCH_PITCH], size_t taps, const ektp_convolution *layer,
                        size_t from, int32_t *sums, size_t pixels);

/* Pixel tiles of at most `most`, up to PATCH_PIXELS, by whatever sums them. */
static inline void convolve_patches(const ektp_convolution *layer, size_t most,
                                    patch_sums *sums_of)
{
    patch filled;
    int32_t sums[PATCH_PIXELS * TWOS_BLOCK];
    const runs taps = runs_of(layer);
    const size_t step = layer->step * layer->inputs, all = taps.count * taps.length;
    for (size_t row = 0; row < layer->rows; row++) {
        const uint8_t *line = layer->source + row * layer->step * layer->source_stride;
        size_t width;
        for (size_t column = 0; column < layer->columns; column += width) {
            width = tile_width(layer->columns, column, most);
            fill(filled, line + column * step, step, &taps, width);
            for (size_t from = 0; from < layer->outputs; from += TWOS_BLOCK) {
                sums_of(filled, all, layer, from, sums, width);
                finish(layer, row, column, width, from, sums, TWOS_BLOCK);
            }
        }
    }
}

#endif
