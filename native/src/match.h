/* SPDX-License-Identifier: Apache-2.0 */
/* Family "match": see ektp_native.cdef.h. One body (match/body.h), compiled for each set. */
#ifndef EKTP_MATCH_H
#define EKTP_MATCH_H
#include "ektp_native.h"

enum {
    MATCH_MOST = 256,     /* minutiae of one impression, padded to whole lanes */
    MATCH_MOST_VOTES = 256,
    MATCH_MOST_PROPOSALS = 64,
    MATCH_MOST_FINALISTS = 8,
    MATCH_SECTORS = 64,   /* of a turn, for finding voters of about the same turn */
    MATCH_STRIPS = 260,   /* of 16 pixels: 4095 at most */
    MATCH_CUES = 9
};

/* Start of a packed template; the columns follow (`impression_of`), each with room for `room`. */
typedef struct {
    uint32_t minutiae, room; /* room: minutiae padded to a multiple of 16 */
    uint32_t corners, rows, columns;
    uint32_t reserved;
    uint8_t digest[16];
    uint8_t pad[24];
} match_header;

_Static_assert(sizeof(match_header) == EKTP_MATCH_HEADER, "columns begin where Python puts them");

typedef void match_kernel(const void *probe, const void *const *references, size_t count,
                          const ektp_match_parameters *parameters, float *cues, int32_t *partners);

match_kernel match_scalar, match_avx2, match_avx512, match_neon;

#endif
