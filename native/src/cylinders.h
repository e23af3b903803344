/* SPDX-License-Identifier: Apache-2.0 */
/* Family "cylinders": see ektp_native.cdef.h. One signature, one file for each instruction set. */
#ifndef EKTP_CYLINDERS_H
#define EKTP_CYLINDERS_H
#include <stddef.h>
#include <stdint.h>

enum { CYLINDER_WORDS = 8 };

typedef void cylinders_kernel(const uint64_t *probe_codes, const uint64_t *probe_masks,
                              size_t probes, const uint64_t *reference_codes,
                              const uint64_t *reference_masks, size_t references, uint32_t prior,
                              uint8_t *similarities);

cylinders_kernel cylinders_scalar, cylinders_avx2, cylinders_avx512, cylinders_neon;

#endif
