/* SPDX-License-Identifier: Apache-2.0 */
/* Family "filter_cells": a picture of whole cells, each under the filter chosen for it. */
#ifndef EKTP_FILTER_CELLS_H
#define EKTP_FILTER_CELLS_H
#include <stddef.h>
#include <stdint.h>

enum { CELL = 4, TAP_WEIGHTS = 2 * CELL };

typedef void filter_cells_kernel(const int16_t *picture, size_t stride, const int32_t *chosen,
                                 size_t rows, size_t columns, const uint8_t *down,
                                 const uint8_t *across, const int16_t *weights,
                                 const uint32_t *first, float scale, float *filtered);

filter_cells_kernel filter_cells_scalar, filter_cells_avx2, filter_cells_avx512, filter_cells_neon;

#endif
