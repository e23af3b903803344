/* SPDX-License-Identifier: Apache-2.0 */
#include <arm_neon.h>

#include "filter_cells.h"

void filter_cells_neon(const int16_t *picture, size_t stride, const int32_t *chosen, size_t rows,
                       size_t columns, const uint8_t *down, const uint8_t *across,
                       const int16_t *weights, const uint32_t *first, float scale, float *filtered)
{
    const size_t width = columns * CELL;
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            int32_t which = chosen[row * columns + column];
            if (which < 0) continue;
            const int16_t *corner = picture + CELL * (row * stride + column);
            int32x4_t a = vdupq_n_s32(0), b = a, c = a, d = a; /* one row of the cell each */
            for (uint32_t tap = first[which]; tap < first[which + 1]; tap++) {
                int16x8_t pixels = vld1q_s16(corner + down[tap] * stride + across[tap]);
                int16x4_t left = vget_low_s16(pixels);
                int16x4_t right = vget_low_s16(vextq_s16(pixels, pixels, 1));
                int16x8_t weight = vld1q_s16(weights + (size_t)tap * TAP_WEIGHTS);
                a = vmlal_laneq_s16(vmlal_laneq_s16(a, left, weight, 0), right, weight, 1);
                b = vmlal_laneq_s16(vmlal_laneq_s16(b, left, weight, 2), right, weight, 3);
                c = vmlal_laneq_s16(vmlal_laneq_s16(c, left, weight, 4), right, weight, 5);
                d = vmlal_laneq_s16(vmlal_laneq_s16(d, left, weight, 6), right, weight, 7);
            }
            float *out = filtered + CELL * (row * width + column);
            vst1q_f32(out, vmulq_n_f32(vcvtq_f32_s32(a), scale));
            vst1q_f32(out + width, vmulq_n_f32(vcvtq_f32_s32(b), scale));
            vst1q_f32(out + 2 * width, vmulq_n_f32(vcvtq_f32_s32(c), scale));
            vst1q_f32(out + 3 * width, vmulq_n_f32(vcvtq_f32_s32(d), scale));
        }
    }
}
