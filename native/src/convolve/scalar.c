/* SPDX-License-Identifier: Apache-2.0 */
/* A sum of products of 16 bits is what every vector unit has an instruction for, and what compilers
 * find by themselves; four pixels at a time share the weights. */
#include "patch.h"

enum { AT_ONCE = 4 };

static void four_sums(int16_t (*filled)[PATCH_PITCH], size_t taps, const int8_t *weights,
                      int32_t sums[AT_ONCE])
{
    const int16_t *a = filled[0], *b = filled[1], *c = filled[2], *d = filled[3];
    int32_t sum_a = 0, sum_b = 0, sum_c = 0, sum_d = 0;
    for (size_t k = 0; k < taps; k++) {
        int16_t weight = weights[k];
        sum_a += a[k] * weight;
        sum_b += b[k] * weight;
        sum_c += c[k] * weight;
        sum_d += d[k] * weight;
    }
    sums[0] = sum_a, sums[1] = sum_b, sums[2] = sum_c, sums[3] = sum_d;
}

static int32_t one_sum(const int16_t *filled, size_t taps, const int8_t *weights)
{
    int32_t sum = 0;
    for (size_t k = 0; k < taps; k++) sum += filled[k] * (int16_t)weights[k];
    return sum;
}

static void sums_scalar(int16_t (*filled)[PATCH_PITCH], size_t taps, const ektp_convolution *layer,
                        size_t from, int32_t *sums, size_t pixels)
{
    for (size_t o = 0; o < TWOS_BLOCK; o++) {
        const int8_t *weights = layer->by_rows + (from + o) * taps;
        size_t p = 0;
        for (; p + AT_ONCE <= pixels; p += AT_ONCE) {
            int32_t four[AT_ONCE];
            four_sums(filled + p, taps, weights, four);
            for (size_t q = 0; q < AT_ONCE; q++) sums[(p + q) * TWOS_BLOCK + o] = four[q];
        }
        for (; p < pixels; p++) sums[p * TWOS_BLOCK + o] = one_sum(filled[p], taps, weights);
    }
}

void convolve_scalar(const ektp_convolution *layer) { convolve_patches(layer, 8, sums_scalar); }
