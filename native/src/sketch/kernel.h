/* SPDX-License-Identifier: Apache-2.0 */
/* One sketch against many, around what makes the scores of a few:
 *
 *     lay_out_probe(sketch, probe)                             what serves all references
 *     compared(probe, references, count, parameters, scores)   at most SKETCH_AT_ONCE of them
 *
 * The includer defines SKETCH, the name of its kernel. Everything is counted in whole numbers. */
#ifndef EKTP_SKETCH_KERNEL_H
#define EKTP_SKETCH_KERNEL_H

void SKETCH(const uint8_t *probe, const uint8_t *sketches, const uint32_t *rows, size_t count,
            const ektp_sketch_parameters *p, uint16_t *scores)
{
    turned_probe turned;
    lay_out_probe(probe, &turned);
    for (size_t first = 0; first < count; first += SKETCH_AT_ONCE) {
        const uint8_t *references[SKETCH_AT_ONCE];
        size_t few = count - first < SKETCH_AT_ONCE ? count - first : SKETCH_AT_ONCE;
        for (size_t k = first; k < first + few; k++) {
            references[k - first] = sketches + (rows ? rows[k] : k) * (size_t)EKTP_SKETCH_BYTES;
            if (!rows || k + SKETCH_AT_ONCE >= count) continue;
            const uint8_t *ahead =
                sketches + rows[k + SKETCH_AT_ONCE] * (size_t)EKTP_SKETCH_BYTES;
            for (size_t line = 0; line < EKTP_SKETCH_BYTES; line += 64)
                __builtin_prefetch(ahead + line);
        }
        compared(&turned, references, few, p, scores + first);
    }
}

#endif
