/* SPDX-License-Identifier: Apache-2.0 */
/* Family "glimpse": see ektp_native.cdef.h. One body (glimpse/body.h) around the score of one. */
#ifndef EKTP_GLIMPSE_H
#define EKTP_GLIMPSE_H
#include <string.h>

#include "sketch.h"

typedef void glimpse_kernel(const uint8_t *probe, const uint8_t *sketches, const uint32_t *rows,
                            size_t count, size_t minutiae, int32_t reach, uint16_t *scores);

glimpse_kernel glimpse_scalar, glimpse_avx2, glimpse_avx512, glimpse_neon;

#endif
