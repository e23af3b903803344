/* SPDX-License-Identifier: Apache-2.0 */
/* From sums to bytes: the same source for every road, so that all give the same bits. */
#ifndef EKTP_CONVOLVE_FINISH_H
#define EKTP_CONVOLVE_FINISH_H
#include "convolve.h"
#include "sixteen.h"

/* Write the outputs from .. from + 15 of pixels side by side; the sums of one pixel lie `pitch`
 * after those of the one before. */
static inline void finish(const ektp_convolution *layer, size_t row, size_t column, size_t pixels,
                          size_t from, const int32_t *sums, size_t pitch)
{
    const ektp_convolution l = *layer; /* so that no byte written can be one of these */
    const sixteen scale = sixteen_at(l.scale + from), shift = sixteen_at(l.shift + from);
    if (l.numbers) {
        float value[16], *to = l.numbers + (row * l.columns + column) * l.kept + from;
        size_t count = l.kept - from < 16 ? l.kept - from : 16;
        for (size_t p = 0; p < pixels; p++, sums += pitch, to += l.kept) {
            put_floats(value, valued(sums, scale, shift));
            memcpy(to, value, count * sizeof *to);
        }
        return;
    }
    for (size_t p = 0; p < pixels; p++, sums += pitch) {
        const sixteen value = valued(sums, scale, shift);
        for (size_t y = row * l.repeat; y < (row + 1) * l.repeat; y++) {
            size_t place = (column + p) * l.repeat * l.outputs + from;
            uint8_t *to = l.out + y * l.out_stride + place;
            if (!l.added) {
                for (size_t x = 0; x < l.repeat; x++) put_bytes(to + x * l.outputs, value);
                continue;
            }
            const uint8_t *more = l.added + y * l.added_stride + place;
            for (size_t x = 0; x < l.repeat; x++, more += l.outputs)
                put_bytes(to + x * l.outputs, plus(value, more, l.added_scale));
        }
    }
}

/* The taps that lie side by side in the source, and how far apart such runs begin. */
typedef struct {
    size_t count, length;
    size_t start[MOST_TAPS];
} runs;

static inline runs runs_of(const ektp_convolution *layer)
{
    int whole = layer->side == 1 || layer->dilation == 1;
    size_t across = whole ? 1 : layer->side;
    runs found = {layer->side * across, layer->inputs * layer->side / across, {0}};
    for (size_t r = 0; r < found.count; r++)
        found.start[r] = layer->dilation * (r / across * layer->source_stride +
                                            r % across * layer->inputs);
    return found;
}

/* The width of the tile that begins at the column, so that a row falls into tiles nearly equal. */
static inline size_t tile_width(size_t columns, size_t column, size_t most)
{
    size_t tiles = (columns - column + most - 1) / most;
    return (columns - column + tiles - 1) / tiles;
}

#endif
