/* SPDX-License-Identifier: Apache-2.0 */
/* Family "scan": see ektp_native.cdef.h. One body (scan/body.h) around two loops of each set. */
#ifndef EKTP_SCAN_H
#define EKTP_SCAN_H
#include <string.h>

#include "ektp_native.h"

enum {
    SCAN_WORDS = 8,                   /* of one code */
    SCAN_BITS = 64 * SCAN_WORDS,
    SCAN_STRIP = 256,                 /* codes whose distances are found before any is looked at */
    SCAN_GLANCE = 16,                 /* of these, how many are looked at together */
    SCAN_ROWS = EKTP_SCAN_ROWS,       /* of a tile: codes held against all its columns */
    SCAN_COLUMNS = EKTP_SCAN_COLUMNS, /* of a tile: 16 KB of codes that stay in the nearest cache */
    SCAN_HITS = SCAN_COLUMNS / 64     /* words with one bit a column */
};

typedef void scan_kernel(const uint64_t *probe, const uint64_t *codes, size_t count,
                         uint16_t *distances);
typedef size_t scan_nearest_kernel(const uint64_t *probe, const uint64_t *codes, size_t count,
                                   size_t keep, uint32_t most, uint32_t *rows,
                                   uint16_t *distances, size_t room);
typedef size_t scan_pairs_kernel(const uint64_t *a, size_t count_a, const uint64_t *b,
                                 size_t count_b, uint32_t most, int upper, uint64_t *step,
                                 uint64_t stop, uint32_t *pairs, uint16_t *distances,
                                 size_t room);

scan_kernel scan_scalar, scan_avx2, scan_avx512, scan_neon;
scan_nearest_kernel scan_nearest_scalar, scan_nearest_avx2, scan_nearest_avx512, scan_nearest_neon;
scan_pairs_kernel scan_pairs_scalar, scan_pairs_avx2, scan_pairs_avx512, scan_pairs_neon;

/* Word of a row of codes that need not be aligned. */
static inline uint64_t scan_word(const uint64_t *codes, size_t at)
{
    uint64_t word;
    memcpy(&word, (const uint8_t *)codes + at * sizeof word, sizeof word);
    return word;
}

#endif
