/* SPDX-License-Identifier: Apache-2.0 */
/* The comparison of one impression with many, for the instruction set of the including file, which
 * defines MATCH (the function's name) and MATCH_CYLINDERS (the cylinder kernel to call). */
#include "../cylinders.h"

#include "align.h"
#include "flow.h"
#include "impression.h"
#include "pair.h"

static int laid_over(const impression *one, const impression *other)
{
    if (one->n != other->n) return one->n < other->n ? -1 : 1;
    return memcmp(one->digest, other->digest, sizeof ((match_header *)0)->digest);
}

void MATCH(const void *probe, const void *const *references, size_t count,
           const ektp_match_parameters *parameters, float *cues, int32_t *partners)
{
    /* The last block may reach beyond the end. */
    _Alignas(64) uint8_t alike[MATCH_MOST * MATCH_MOST + BLOCK];
    impression own = impression_of(probe);
    for (size_t r = 0; r < count; r++, cues += MATCH_CUES) {
        impression other = impression_of(references[r]);
        int swapped = laid_over(&other, &own) < 0;
        const impression *a = swapped ? &other : &own, *b = swapped ? &own : &other;
        proposal finalists[MATCH_MOST_FINALISTS];
        memset(alike + (size_t)a->n * (size_t)b->n, 0, BLOCK);
        MATCH_CYLINDERS(a->codes, a->masks, a->n, b->codes, b->masks, b->n,
                        (uint32_t)parameters->prior, alike);
        int found = align(a, b, alike, parameters, finalists);
        motion best = {0, 0, 0, 0};
        for (int k = 0; k < MATCH_CUES; k++) cues[k] = 0.0f;
        pair(a, b, alike, finalists, found, parameters, cues, &best, partners);
        flow_agreement(a, b, &best, cues + 6);
    }
}
