/* SPDX-License-Identifier: Apache-2.0 */
/* What a bit of a code and of a mask is, in double precision: the definition. Slow, and asked only
 * about bits that single precision leaves in doubt, and about fingers without an area. */
#ifndef EKTP_PREPARE_EXACT_H
#define EKTP_PREPARE_EXACT_H
#include <math.h>

#include "finger.h"

/* Cells along the disc's diameter and in the disc; bands of direction. */
enum { SIDE = 10, CELLS = 80, BANDS = 6 };

#define EXACT_TURN 6.283185307179586

/* Place of cell k along the diameter. */
static inline double cell_place(const ektp_prepare_tables *tables, int k)
{
    return (k + 0.5) * (2.0 * tables->radius / SIDE) - tables->radius;
}

/* Which bands of the cell at column and row get enough from the neighbours of minutia m. */
static unsigned exact_bands(const finger *self, int m, int column, int row,
                            const ektp_prepare_tables *tables)
{
    double sums[BANDS] = {0};
    double cosine = tables->cosine[self->step[m]], sine = tables->sine[self->step[m]];
    double cell_x = cell_place(tables, column), cell_y = cell_place(tables, row);
    double reach = tables->reach, far = tables->radius + reach;
    double spread = tables->position_spread;
    for (int t = 0; t < self->n; t++) {
        double dx = (self->x[t] - self->x[m]) / 16.0, dy = (self->y[t] - self->y[m]) / 16.0;
        if (t == m || dx * dx + dy * dy > far * far) continue;
        double along = cosine * dx + sine * dy, across = cosine * dy - sine * dx;
        double off_x = cell_x - along, off_y = cell_y - across;
        double squared = off_x * off_x + off_y * off_y;
        if (!(squared < reach * reach)) continue;
        double weight = exp(-0.5 * squared / (spread * spread));
        double trust = self->trust[t] < tables->most_trust ? self->trust[t] : tables->most_trust;
        double turned = tables->direction[self->step[t]] - tables->direction[self->step[m]];
        for (int b = 0; b < BANDS; b++) {
            double gap = fmod(turned - (b + 0.5) * EXACT_TURN / BANDS, EXACT_TURN);
            if (gap < 0.0) gap += EXACT_TURN;
            if (EXACT_TURN - gap < gap) gap = EXACT_TURN - gap;
            double off = gap / tables->direction_spread;
            sums[b] += weight * (trust * exp(-0.5 * (off * off)));
        }
    }
    unsigned bits = 0;
    for (unsigned b = 0; b < BANDS; b++) bits |= (unsigned)(sums[b] > tables->threshold) << b;
    return bits;
}

/* Squared distance from a point to the hull, 0 inside. */
static double exact_outside(const finger *self, double x, double y)
{
    int count = self->corners, inside = count > 2;
    double nearest = INFINITY;
    for (int k = 0; k < count; k++) {
        int next = k + 1 < count ? k + 1 : 0;
        double ax = self->hull_x[k] / 16.0, ay = self->hull_y[k] / 16.0;
        double ex = self->hull_x[next] / 16.0 - ax, ey = self->hull_y[next] / 16.0 - ay;
        double rx = x - ax, ry = y - ay;
        if (ex * ry - ey * rx < 0) inside = 0;
        double length = ex * ex + ey * ey, along = 0.0;
        if (length > 0) {
            along = (rx * ex + ry * ey) / length;
            along = along > 0.0 ? along : 0.0;
            along = along < 1.0 ? along : 1.0;
        }
        double gx = rx - along * ex, gy = ry - along * ey;
        double squared = gx * gx + gy * gy;
        nearest = squared < nearest ? squared : nearest;
    }
    return inside ? 0.0 : nearest;
}

/* Is the cell at column and row of minutia m near enough to the finger's area? */
static int exact_seen(const finger *self, int m, int column, int row,
                      const ektp_prepare_tables *tables)
{
    double cosine = tables->cosine[self->step[m]], sine = tables->sine[self->step[m]];
    double cell_x = cell_place(tables, column), cell_y = cell_place(tables, row);
    double x = self->x[m] / 16.0 + cosine * cell_x - sine * cell_y;
    double y = self->y[m] / 16.0 + sine * cell_x + cosine * cell_y;
    return !(exact_outside(self, x, y) > tables->margin * tables->margin);
}

#endif
