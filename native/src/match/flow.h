/* SPDX-License-Identifier: Apache-2.0 */
/* How far the ridges of two impressions agree where one lies over the other. */
#ifndef EKTP_MATCH_FLOW_H
#define EKTP_MATCH_FLOW_H
#include "impression.h"

enum { FLOW_CELL = 32 }; /* pixels, as ektp_hw.templates.FLOW_CELL */

/* Cells that both show, NaN where a flow is not known; sum of the cosines of twice the angle
 * between the ridges; sum of the gaps of log period. */
static void flow_agreement(const impression *a, const impression *b, const motion *m, float cues[3])
{
    cues[0] = cues[1] = cues[2] = 0.0f;
    if (a->rows * a->columns == 0 || b->rows * b->columns == 0) {
        cues[0] = NAN;
        return;
    }
    if (m->cosine == 0.0f && m->sine == 0.0f) return;
    float twice_c = m->cosine * m->cosine - m->sine * m->sine, twice_s = 2.0f * m->cosine * m->sine;
    const float cell = (float)FLOW_CELL, per_cell = 1.0f / (float)FLOW_CELL;
    size_t own = (size_t)a->rows * (size_t)a->columns, other = (size_t)b->rows * (size_t)b->columns;
    size_t from = 0;
    for (int row = 0; row < a->rows; row++) {
        for (int column = 0; column < a->columns; column++, from++) {
            float period = a->flow[2 * own + from];
            if (period != period) continue;
            float x = ((float)column + 0.5f) * cell, y = -((float)row + 0.5f) * cell;
            float across = (m->cosine * x - m->sine * y + m->x) * per_cell;
            float down = -(m->sine * x + m->cosine * y + m->y) * per_cell;
            if (!(across >= 0.0f && down >= 0.0f && across < (float)b->columns &&
                  down < (float)b->rows))
                continue;
            size_t to = (size_t)down * (size_t)b->columns + (size_t)across;
            float its = b->flow[2 * other + to];
            if (its != its) continue;
            float cosine = a->flow[from], sine = a->flow[own + from];
            cues[0] += 1.0f;
            cues[1] += (cosine * twice_c - sine * twice_s) * b->flow[to] +
                       (sine * twice_c + cosine * twice_s) * b->flow[other + to];
            cues[2] += fabsf(period - its);
        }
    }
}

#endif
