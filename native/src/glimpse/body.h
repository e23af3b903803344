/* SPDX-License-Identifier: Apache-2.0 */
/* The family "glimpse" around what each instruction set brings:
 *
 *     seen_in(reference, words, minutiae, reach)     the score
 *
 * for which glimpse/nearest.h is the usual way. The includer defines GLIMPSE, the name of its
 * kernel. */
#ifndef EKTP_GLIMPSE_BODY_H
#define EKTP_GLIMPSE_BODY_H

enum { LINES = 8 * SKETCH_MINUTIAE, AHEAD = 4 /* sketches fetched before they are needed */ };

void GLIMPSE(const uint8_t *probe, const uint8_t *sketches, const uint32_t *rows, size_t count,
             size_t minutiae, int32_t reach, uint16_t *scores)
{
    uint64_t words[SKETCH_MINUTIAE];
    if (minutiae > sketch_minutiae(probe)) minutiae = sketch_minutiae(probe);
    for (size_t i = 0; i < minutiae; i++) words[i] = sketch_word(probe, 0, i);
    for (size_t k = 0; k < count; k++) {
        const uint8_t *reference = sketches + (rows ? rows[k] : k) * (size_t)EKTP_SKETCH_BYTES;
        if (k + AHEAD < count) {
            size_t next = rows ? rows[k + AHEAD] : k + AHEAD;
            const uint8_t *ahead = sketches + next * (size_t)EKTP_SKETCH_BYTES;
            for (size_t line = 0; line < LINES; line += 64) __builtin_prefetch(ahead + line);
            __builtin_prefetch(ahead + SKETCH_COUNT);
        }
        scores[k] = (uint16_t)seen_in(reference, words, minutiae, reach);
    }
}

#endif
