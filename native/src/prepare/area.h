/* SPDX-License-Identifier: Apache-2.0 */
/* Which cells around a minutia lie in the finger's area: the hull of all minutiae and a margin. */
#ifndef EKTP_PREPARE_AREA_H
#define EKTP_PREPARE_AREA_H
#include "disc.h"

/* The hull's edges in pixels. */
typedef struct {
    float x[PREPARE_MOST], y[PREPARE_MOST]; /* where each begins */
    float along_x[PREPARE_MOST], along_y[PREPARE_MOST], length[PREPARE_MOST], inverse[PREPARE_MOST];
} outline; /* inverse: 1 / length^2 */

/* Those edges that some cell around a minutia may lie beyond; x and y from the minutia. */
typedef struct {
    int count;
    float x[PREPARE_MOST], y[PREPARE_MOST];
    int32_t which[PREPARE_MOST];
} edges;

/* A guard around the margin, squared pixels: a hundredth of a pixel, where single precision errs by
 * a few thousandths even on the largest picture. */
static const float AREA_GUARD = 1.0f;

/* An edge counts as passed from one pixel inside of it: so no rounding makes a point outside look
 * as if it had passed none, and a point inside that has is nearer to the area than any margin. */
static const float AREA_NEAR = 1.0f;

static void draw_outline(const finger *self, outline *drawn)
{
    int count = self->corners;
    for (int k = 0; k < count; k++) {
        int next = k + 1 < count ? k + 1 : 0;
        float along_x = (float)(self->hull_x[next] - self->hull_x[k]) * (1.0f / 16.0f);
        float along_y = (float)(self->hull_y[next] - self->hull_y[k]) * (1.0f / 16.0f);
        float squared = along_x * along_x + along_y * along_y;
        drawn->x[k] = (float)self->hull_x[k] * (1.0f / 16.0f);
        drawn->y[k] = (float)self->hull_y[k] * (1.0f / 16.0f);
        drawn->along_x[k] = along_x;
        drawn->along_y[k] = along_y;
        drawn->length[k] = sqrtf(squared);
        drawn->inverse[k] = squared > 0.0f ? 1.0f / squared : 0.0f;
    }
}

/* Leaves out every edge if no cell can lie beyond the margin, because the minutia lies so far
 * inside that the whole disc is near enough. */
static void edges_from(const finger *self, const outline *drawn, int m, float radius, float margin,
                       edges *near)
{
    float x = (float)self->x[m] * (1.0f / 16.0f), y = (float)self->y[m] * (1.0f / 16.0f);
    float far = radius + 2.0f * AREA_NEAR, deep = radius - margin + 2.0f * AREA_NEAR;
    int close = 0, count = 0;
    for (int k = 0; k < self->corners; k++) {
        float dx = drawn->x[k] - x, dy = drawn->y[k] - y, length = drawn->length[k];
        float inside = drawn->along_y[k] * dx - drawn->along_x[k] * dy;
        near->x[count] = dx;
        near->y[count] = dy;
        near->which[count] = k;
        count += inside < far * length;
        close |= inside < deep * length;
    }
    near->count = close ? count : 0;
}

static void area_exactly(const finger *self, int m, const ektp_prepare_tables *tables, int octet,
                         unsigned doubtful, disc_mask *mask)
{
    for (; doubtful; doubtful &= doubtful - 1) {
        int k = __builtin_ctz(doubtful), cell = octet * LANES + k;
        int seen = exact_seen(self, m, DISC_COLUMN[cell], DISC_ROW[cell], tables);
        mask->seen[octet] = (uint8_t)((mask->seen[octet] & ~(1u << k)) | (unsigned)seen << k);
    }
}

static void find_area(const finger *self, int m, const ektp_prepare_tables *tables,
                      const outline *drawn, const float cell_x[CELLS], const float cell_y[CELLS],
                      disc_mask *mask)
{
    edges near;
    if (self->corners < 3) {
        for (int o = 0; o < OCTETS; o++) area_exactly(self, m, tables, o, 0xff, mask);
        return;
    }
    edges_from(self, drawn, m, (float)tables->radius, (float)tables->margin, &near);
    memset(mask->seen, 0xff, sizeof mask->seen);
    if (!near.count) return;
    float cosine = (float)tables->cosine[self->step[m]], sine = (float)tables->sine[self->step[m]];
    float limit = (float)(tables->margin * tables->margin);
    for (int cell = 0; cell < CELLS; cell += WIDE) {
        wide_f cx = wide_at(cell_x + cell), cy = wide_at(cell_y + cell);
        wide_f px = cosine * cx - sine * cy, py = sine * cx + cosine * cy;
        wide_f beyond = wide_of(1e30f), nearest = beyond;
        for (int e = 0; e < near.count; e++) {
            int k = near.which[e];
            float ex = drawn->along_x[k], ey = drawn->along_y[k];
            wide_f rx = px - near.x[e], ry = py - near.y[e];
            wide_f along = (rx * ex + ry * ey) * drawn->inverse[k];
            along = wide_least(wide_most(along, wide_of(0.0f)), wide_of(1.0f));
            wide_f gx = rx - along * ex, gy = ry - along * ey;
            wide_f squared = wide_if_less(ex * ry - ey * rx, wide_of(AREA_NEAR * drawn->length[k]),
                                          gx * gx + gy * gy, beyond); /* where it is passed */
            nearest = wide_least(squared, nearest);
        }
        unsigned inside = ~wide_less_bits(nearest, wide_of(1e29f)); /* no edge is passed */
        unsigned seen = inside | wide_less_bits(nearest, wide_of(limit));
        unsigned unsure = wide_less_bits(wide_size(nearest - limit), wide_of(AREA_GUARD));
        for (int k = 0; k < WIDE; k += LANES) {
            int octet = (cell + k) / LANES;
            mask->seen[octet] = (uint8_t)(seen >> k);
            area_exactly(self, m, tables, octet, unsure >> k & 0xffu, mask);
        }
    }
}

#endif
