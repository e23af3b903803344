/* SPDX-License-Identifier: Apache-2.0 */
#include "filter_cells.h"

void filter_cells_scalar(const int16_t *picture, size_t stride, const int32_t *chosen, size_t rows,
                         size_t columns, const uint8_t *down, const uint8_t *across,
                         const int16_t *weights, const uint32_t *first, float scale,
                         float *filtered)
{
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            int32_t which = chosen[row * columns + column];
            if (which < 0) continue;
            const int16_t *corner = picture + CELL * (row * stride + column);
            uint32_t sums[CELL][CELL] = {{0}}; /* unsigned, for they may wrap around */
            for (uint32_t tap = first[which]; tap < first[which + 1]; tap++) {
                const int16_t *pixels = corner + down[tap] * stride + across[tap];
                const int16_t *weight = weights + (size_t)tap * TAP_WEIGHTS;
                for (size_t y = 0; y < CELL; y++)
                    for (size_t x = 0; x < CELL; x++)
                        sums[y][x] += (uint32_t)(weight[2 * y] * pixels[x]) +
                                      (uint32_t)(weight[2 * y + 1] * pixels[x + 1]);
            }
            float *out = filtered + CELL * (row * columns * CELL + column);
            for (size_t y = 0; y < CELL; y++)
                for (size_t x = 0; x < CELL; x++)
                    out[y * columns * CELL + x] = (float)(int32_t)sums[y][x] * scale;
        }
    }
}
