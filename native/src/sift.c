/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of fingers through both looks at their sketches: see ektp_native.cdef.h. The looks are the
 * families "glimpse" and "sketch"; here the pairs are only put in order for them. */
#include "ektp_native.h"

/* Where each probe's pairs begin; the pairs of probe p end where those of p + 1 begin. Returns 0
 * if one is of a probe or a place that is not there. */
static int count_pairs(const uint32_t *pairs, size_t count, size_t probes, size_t places,
                       uint64_t *starts)
{
    int there = 1;
    for (size_t p = 0; p <= probes; p++) starts[p] = 0;
    for (size_t k = 0; k < count && there; k++) {
        there = pairs[2 * k] < places && pairs[2 * k + 1] < probes;
        if (there) starts[pairs[2 * k + 1] + 1]++;
    }
    for (size_t p = 0; p < probes; p++) starts[p + 1] += starts[p];
    return there;
}

/* Puts the pairs in order of their probes; afterwards starts[p] is where those of p end. */
static void order_pairs(const uint32_t *pairs, size_t count, const uint32_t *rows, uint64_t *starts,
                        uint32_t *ordered, uint32_t *order)
{
    for (size_t k = 0; k < count; k++) {
        uint64_t at = starts[pairs[2 * k + 1]]++;
        ordered[at] = rows[pairs[2 * k]];
        order[at] = (uint32_t)k;
    }
}

int ektp_sift(const uint8_t *probes, size_t probe_count, const uint8_t *sketches,
              const uint32_t *rows, size_t row_count, const uint32_t *pairs, size_t count,
              const ektp_sift_parameters *limits, const ektp_sketch_parameters *parameters,
              uint64_t *starts, uint32_t *room, uint8_t *kept)
{
    uint32_t *ordered = room, *order = room + count;
    uint16_t *scores = (uint16_t *)(void *)(room + 2 * count);
    for (size_t k = 0; k < count; k++) kept[k] = 0;
    if (!count_pairs(pairs, count, probe_count, row_count, starts)) return -1;
    order_pairs(pairs, count, rows, starts, ordered, order);
    for (size_t p = 0, first = 0; p < probe_count; first = (size_t)starts[p], p++) {
        const uint8_t *probe = probes + p * (size_t)EKTP_SKETCH_BYTES;
        uint32_t *mine = ordered + first, *which = order + first;
        size_t left = 0, met = (size_t)starts[p] - first;
        ektp_glimpse(probe, sketches, mine, met, limits->minutiae, limits->reach, scores);
        for (size_t k = 0; k < met; k++) {
            if (scores[k] < limits->least_at_first_sight) continue;
            mine[left] = mine[k];
            which[left++] = which[k];
        }
        ektp_sketch(probe, sketches, mine, left, parameters, scores);
        for (size_t k = 0; k < left; k++) kept[which[k]] = scores[k] >= limits->least_alike;
    }
    return 0;
}
