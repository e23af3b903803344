/* SPDX-License-Identifier: Apache-2.0 */
/* Family "prepare": see ektp_native.cdef.h. One body (prepare/body.h), compiled for each set.
 *
 * What is computed is defined in double precision (prepare/exact.h), and every bit that goes into a
 * packed template is that definition's. Nearly all bits are found in single precision, eight or
 * sixteen lanes at once: a bit is a sum or a squared distance on this side or that of a limit, and
 * single precision errs by much less than a guard around the limit. What falls within the guard,
 * one bit of some thousand, is found again by the definition. So the roads agree bit for bit. */
#ifndef EKTP_PREPARE_H
#define EKTP_PREPARE_H
#include "ektp_native.h"

enum {
    PREPARE_MOST = 256,      /* minutiae of one impression, padded to whole lanes */
    PREPARE_MOST_CELLS = 128, /* of ridge flow, each way */
    PREPARE_ALIGNMENT = 64
};

typedef size_t prepare_kernel(const uint8_t *stored, const uint64_t *offsets, const uint64_t *sizes,
                              size_t count, const ektp_prepare_tables *tables, uint8_t *arena,
                              size_t room, uint64_t *places);

prepare_kernel prepare_scalar, prepare_avx2, prepare_avx512, prepare_neon;

#endif
