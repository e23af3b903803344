/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of up to 24 registers: P pixels by N times 16 outputs. Four inputs of a pixel are broadcast and
 * multiplied with the weights of 16 outputs at once, 64 multiply-adds an instruction. */
#include <immintrin.h>

#include "finish.h"

/* Pixels of a tile by its registers of outputs. */
static const size_t MOST_PIXELS[] = {0, 16, 12, 8, 6};
enum { MOST_SUMS = 24 };

static inline __attribute__((always_inline)) void tile(const uint8_t *source, size_t step,
                                                       const runs *taps, const int8_t *weights,
                                                       int32_t *sums, const int P, const int N)
{
    __m512i sum[MOST_SUMS];
#pragma GCC unroll 24
    for (int s = 0; s < P * N; s++) sum[s] = _mm512_setzero_si512();
    for (size_t r = 0; r < taps->count; r++) {
        const uint8_t *at = source + taps->start[r];
        for (size_t k = 0; k < taps->length; k += 4, weights += 64 * N) {
            __m512i weight[4];
#pragma GCC unroll 4
            for (int n = 0; n < N; n++) weight[n] = _mm512_loadu_si512(weights + 64 * n);
#pragma GCC unroll 16
            for (int p = 0; p < P; p++) {
                int32_t four;
                memcpy(&four, at + k + (size_t)p * step, sizeof four);
                __m512i pixel = _mm512_set1_epi32(four);
#pragma GCC unroll 4
                for (int n = 0; n < N; n++)
                    sum[p * N + n] = _mm512_dpbusd_epi32(sum[p * N + n], pixel, weight[n]);
            }
        }
    }
#pragma GCC unroll 24
    for (int s = 0; s < P * N; s++) _mm512_storeu_si512(sums + 16 * s, sum[s]);
}

#define CASE(P, N)                                              \
    case 16 * (N) + (P)-1:                                      \
        tile(source, step, taps, weights, sums, P, N);          \
        break;
#define SIX(N) CASE(1, N) CASE(2, N) CASE(3, N) CASE(4, N) CASE(5, N) CASE(6, N)
#define EIGHT(N) SIX(N) CASE(7, N) CASE(8, N)
#define TWELVE(N) EIGHT(N) CASE(9, N) CASE(10, N) CASE(11, N) CASE(12, N)
#define SIXTEEN(N) TWELVE(N) CASE(13, N) CASE(14, N) CASE(15, N) CASE(16, N)

static void sums_of(const uint8_t *source, size_t step, const runs *taps, const int8_t *weights,
                    int32_t *sums, size_t pixels, size_t registers)
{
    switch (16 * registers + pixels - 1) { SIXTEEN(1) TWELVE(2) EIGHT(3) SIX(4) }
}

void convolve_avx512(const ektp_convolution *layer)
{
    int32_t sums[MOST_SUMS * 16];
    const runs taps = runs_of(layer);
    const size_t step = layer->step * layer->inputs;
    for (size_t row = 0; row < layer->rows; row++) {
        const uint8_t *line = layer->source + row * layer->step * layer->source_stride;
        const int8_t *weights = layer->by_fours;
        for (size_t from = 0; from < layer->outputs; from += FOURS_BLOCK) {
            size_t block = layer->outputs - from;
            if (block > FOURS_BLOCK) block = FOURS_BLOCK;
            size_t registers = block / 16, width;
            for (size_t column = 0; column < layer->columns; column += width) {
                width = tile_width(layer->columns, column, MOST_PIXELS[registers]);
                sums_of(line + column * step, step, &taps, weights, sums, width, registers);
                for (size_t n = 0; n < registers; n++)
                    finish(layer, row, column, width, from + 16 * n, sums + 16 * n, block);
            }
            weights += block * taps.count * taps.length;
        }
    }
}
