/* SPDX-License-Identifier: Apache-2.0 */
/* The score at first sight around the counting of bits, which the includer brings:
 *
 *     nearest(words, minutiae, reference, least)     least bits that differ, for each column; 255
 *                                                    for a probe without minutiae */
#ifndef EKTP_GLIMPSE_NEAREST_H
#define EKTP_GLIMPSE_NEAREST_H

static inline int32_t seen_in(const uint8_t *reference, const uint64_t *words, size_t minutiae,
                              int32_t reach)
{
    uint8_t least[SKETCH_MINUTIAE];
    nearest(words, minutiae, reference, least);
    size_t there = sketch_minutiae(reference);
    int32_t score = 0;
    for (size_t j = 0; j < SKETCH_MINUTIAE; j++) {
        int32_t alike = reach - (j < there ? least[j] : 255);
        score += alike > 0 ? alike : 0;
    }
    return score;
}

#endif
