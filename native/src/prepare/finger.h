/* SPDX-License-Identifier: Apache-2.0 */
/* The minutiae of a template by ascending y (upwards), how far each is trusted, and their hull. */
#ifndef EKTP_PREPARE_FINGER_H
#define EKTP_PREPARE_FINGER_H
#include "stored.h"

typedef struct {
    int n, corners;
    int32_t x[PREPARE_MOST], y[PREPARE_MOST]; /* sixteenths of a pixel, y upwards: 0 or less */
    uint8_t step[PREPARE_MOST];
    double trust[PREPARE_MOST];
    float weight[PREPARE_MOST]; /* trust, cut off at the most that counts for a neighbour */
    /* Counter-clockwise. While it is made, the way back may hold two points of the way there. */
    int32_t hull_x[PREPARE_MOST + 2], hull_y[PREPARE_MOST + 2];
} finger;

/* Sort keys that all differ: each goes to the place that so many are less than it. For some dozen
 * keys, counting eight at a time is quicker than any branch that cannot be foretold. */
static void sort_keys(const int32_t *keys, int count, int32_t *sorted)
{
    for (int i = 0; i < count; i++) {
        int32_t key = keys[i], less = 0;
        for (int k = 0; k < count; k++) less += keys[k] < key;
        sorted[less] = key;
    }
}

/* Pairwise, in the order of NumPy's sum. */
static double sum_of(const double *values, int count)
{
    if (count > 128) {
        int half = count / 2;
        half -= half % 8;
        return sum_of(values, half) + sum_of(values + half, count - half);
    }
    double sum = 0.0;
    int whole = count < 8 ? 0 : count - count % 8;
    if (whole) {
        double part[8];
        memcpy(part, values, sizeof part);
        for (int k = 8; k < whole; k++) part[k % 8] += values[k];
        sum = ((part[0] + part[1]) + (part[2] + part[3])) +
              ((part[4] + part[5]) + (part[6] + part[7]));
    }
    for (int k = whole; k < count; k++) sum += values[k];
    return sum;
}

static int64_t turn_of(const finger *self, int a, int b, int32_t x, int32_t y)
{
    return (int64_t)(self->hull_x[b] - self->hull_x[a]) * (y - self->hull_y[a]) -
           (int64_t)(self->hull_y[b] - self->hull_y[a]) * (x - self->hull_x[a]);
}

/* Add a point to the chain that begins at corner `first`. */
static void chain_on(finger *self, int first, int32_t x, int32_t y)
{
    int count = self->corners;
    while (count - first >= 2 && turn_of(self, count - 2, count - 1, x, y) <= 0) count--;
    self->hull_x[count] = x;
    self->hull_y[count] = y;
    self->corners = count + 1;
}

/* A. M. Andrew's monotone chain; fewer than three corners where all points lie on a line. */
static void find_hull(finger *self)
{
    int32_t keys[PREPARE_MOST], sorted[PREPARE_MOST];
    int count = 0;
    for (int i = 0; i < self->n; i++) keys[i] = self->x[i] << 8 | i; /* i ascends with y */
    sort_keys(keys, self->n, sorted);
    for (int i = 0; i < self->n; i++) {
        int at = sorted[i] & 255, before = i ? sorted[i - 1] & 255 : 0;
        if (!i || self->x[at] != self->x[before] || self->y[at] != self->y[before])
            keys[count++] = at;
    }
    self->corners = 0;
    if (count < 3) {
        for (int k = 0; k < count; k++) {
            self->hull_x[k] = self->x[keys[k]];
            self->hull_y[k] = self->y[keys[k]];
        }
        self->corners = count;
        return;
    }
    for (int k = 0; k < count; k++) chain_on(self, 0, self->x[keys[k]], self->y[keys[k]]);
    int second = --self->corners; /* the last point begins the way back */
    for (int k = count; k-- > 0;) chain_on(self, second, self->x[keys[k]], self->y[keys[k]]);
    self->corners--;
}

static void lay_out(const stored_template *from, const ektp_prepare_tables *tables, finger *self)
{
    int32_t keys[PREPARE_MOST], sorted[PREPARE_MOST];
    int n = self->n = (int)from->n;
    for (int i = 0; i < n; i++) /* downwards from the lowest; equals stay in their order */
        keys[i] = (int32_t)(0xffffu - two_bytes(from->y + 2 * i)) << 8 | i;
    sort_keys(keys, n, sorted);
    for (int i = 0; i < n; i++) {
        uint32_t k = (uint32_t)sorted[i] & 255;
        self->x[i] = (int32_t)two_bytes(from->x + 2 * k);
        self->y[i] = -(int32_t)two_bytes(from->y + 2 * k);
        self->step[i] = from->direction[k];
        self->trust[i] = tables->trust[reliability_of(from, k, tables)];
    }
    double mean = sum_of(self->trust, n) / (double)(n ? n : 1);
    double most = tables->most_trust;
    for (int i = 0; i < n; i++) {
        self->trust[i] /= mean;
        self->weight[i] = (float)(self->trust[i] < most ? self->trust[i] : most);
    }
    find_hull(self);
}

#endif
