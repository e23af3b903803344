/* SPDX-License-Identifier: Apache-2.0 */
#include <arm_neon.h>

#include "patch.h"

static void sums_neon(int16_t (*filled)[PATCH_PITCH], size_t taps, const ektp_convolution *layer,
                      size_t from, int32_t *sums, size_t pixels)
{
    const int16_t *weights = layer->by_twos + from * taps;
    for (size_t p = 0; p < pixels; p++, sums += TWOS_BLOCK) {
        int32x4_t sum[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
        for (size_t k = 0; k < taps; k += 2) {
            const int16_t *weight = weights + k * TWOS_BLOCK;
            int16x8x2_t first = vld2q_s16(weight), last = vld2q_s16(weight + TWOS_BLOCK);
            for (int t = 0; t < 2; t++) {
                int16_t pixel = filled[p][k + (size_t)t];
                sum[0] = vmlal_n_s16(sum[0], vget_low_s16(first.val[t]), pixel);
                sum[1] = vmlal_n_s16(sum[1], vget_high_s16(first.val[t]), pixel);
                sum[2] = vmlal_n_s16(sum[2], vget_low_s16(last.val[t]), pixel);
                sum[3] = vmlal_n_s16(sum[3], vget_high_s16(last.val[t]), pixel);
            }
        }
        for (int q = 0; q < 4; q++) vst1q_s32(sums + 4 * q, sum[q]);
    }
}

void convolve_neon(const ektp_convolution *layer) { convolve_patches(layer, PATCH_PIXELS, sums_neon); }
