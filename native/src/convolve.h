/* SPDX-License-Identifier: Apache-2.0 */
/* Family "convolve": one layer of a convolutional network in eight bits.
 *
 * The weights come in three orders; k counts (i * side + j) * inputs + c, a pixel's taps in the order
 * they are read:
 *
 *   by_rows   [output][k]: plain, what compilers turn into sums of products by themselves;
 *   by_fours  outputs in blocks of 64 (the last one may be smaller), within a block
 *             [k / 4][output][k % 4]: what vpdpbusd multiplies by one broadcast of four inputs;
 *   by_twos   outputs in blocks of 16, within a block [k / 2][output][k % 2], each in 16 bits: what
 *             vpmaddwd multiplies by one broadcast of two. Its products of two bytes fit 32 bits,
 *             while those of vpmaddubsw would be cut to 16. */
#ifndef EKTP_CONVOLVE_H
#define EKTP_CONVOLVE_H
#include "ektp_native.h"

typedef void convolve_kernel(const ektp_convolution *layer);

convolve_kernel convolve_scalar, convolve_avx2, convolve_avx512, convolve_neon;

/* Outputs of a pixel that are finished at once are TWOS_BLOCK on every road. */
enum { MOST_INPUTS = 256, MOST_TAPS = 9, FOURS_BLOCK = 64, TWOS_BLOCK = 16 };

#endif
