/* SPDX-License-Identifier: Apache-2.0 */
/* Minutiae paired under each proposed motion, rigidly first and then as the skin around stretched. */
#ifndef EKTP_MATCH_PAIR_H
#define EKTP_MATCH_PAIR_H
#include "align.h"

/* Impression a moved onto b, and who was paired; arrays of whole lanes. */
typedef struct {
    float x[MATCH_MOST], y[MATCH_MOST], cosine[MATCH_MOST], sine[MATCH_MOST];
    int32_t partner[MATCH_MOST]; /* in b, or -1 */
    float closeness[MATCH_MOST];
    /* The pairs side by side: minutia of a, its place, its partner's place, closeness. */
    int count;
    int32_t who[MATCH_MOST];
    float ax[MATCH_MOST], ay[MATCH_MOST], bx[MATCH_MOST], by[MATCH_MOST], close[MATCH_MOST];
} pairing;

static void move_onto(const impression *a, motion m, pairing *self)
{
    for (int i = 0; i < a->room; i += LANES) {
        lanes_f x = lanes_at(a->x + i), y = lanes_at(a->y + i);
        lanes_f cosine = lanes_at(a->cosine + i), sine = lanes_at(a->sine + i);
        lanes_to(self->x + i, m.cosine * x - m.sine * y + m.x);
        lanes_to(self->y + i, m.sine * x + m.cosine * y + m.y);
        lanes_to(self->cosine + i, m.cosine * cosine - m.sine * sine);
        lanes_to(self->sine + i, m.sine * cosine + m.cosine * sine);
    }
}

/* Where in b, whose minutiae ascend, each strip of 16 pixels begins. */
typedef struct {
    float bottom;
    int count;
    uint8_t starts[MATCH_STRIPS];
} strips;

static void cut_into_strips(const impression *b, strips *self)
{
    self->bottom = b->y[0];
    self->count = 0;
    for (int j = 0; j < b->n; j++) {
        int strip = (int)((b->y[j] - self->bottom) * (1.0f / 16.0f));
        while (self->count <= strip && self->count < MATCH_STRIPS)
            self->starts[self->count++] = (uint8_t)j;
    }
}

/* Return the place of a minutia of b below which none reaches up to `least`. */
static inline int first_from(const strips *self, float least)
{
    float strip = (least - self->bottom) * (1.0f / 16.0f), last = (float)(self->count - 1);
    strip = strip > 0.0f ? strip : 0.0f;
    return self->starts[(int)(strip < last ? strip : last)];
}

/* Minutiae that lie near each other, eight of b beside one of a: kept, and looked at by the dozen,
 * because whether any is near cannot be foretold and a processor's wrong guess costs more. */
enum { MATCH_MOST_NEAR = MATCH_MOST / LANES, MATCH_NEAR_ROOM = 2 * MATCH_MOST_NEAR };

typedef struct {
    int count;
    int32_t i[MATCH_NEAR_ROOM], j[MATCH_NEAR_ROOM];
    unsigned bits[MATCH_NEAR_ROOM]; /* which of the eight */
    float close[MATCH_NEAR_ROOM][LANES];
} neighbours;

/* For every minutia the best one of the other impression so far. */
typedef struct {
    float of_a[MATCH_MOST], of_b[MATCH_MOST];
    int32_t chosen_by_b[MATCH_MOST];
} bests;

static void choose(neighbours *near, const uint8_t *alike, int columns, bests *best, pairing *self)
{
    for (int at = 0; at < near->count; at++) {
        int i = near->i[at];
        const uint8_t *row = alike + (size_t)i * (size_t)columns;
        for (unsigned bits = near->bits[at]; bits; bits &= bits - 1) {
            int k = __builtin_ctz(bits), j = near->j[at] + k;
            float close = near->close[at][k];
            float rank = close * (0.3f + (float)row[j] * (1.0f / 255.0f));
            if (rank > best->of_a[i]) {
                best->of_a[i] = rank;
                self->partner[i] = j;
                self->closeness[i] = close;
            }
            if (rank > best->of_b[j]) {
                best->of_b[j] = rank;
                best->chosen_by_b[j] = i;
            }
        }
    }
    near->count = 0;
}

/* Pair each moved minutia with the one it is best for and that is best for it. */
static void assign(const impression *a, const impression *b, const strips *rows,
                   const uint8_t *alike, float reach, float least_cosine, pairing *self)
{
    neighbours near;
    bests best;
    float inverse = 1.0f / (reach * reach), turning = 1.0f / (1.0f - least_cosine);
    memset(best.of_a, 0, (size_t)a->room * sizeof *best.of_a);
    memset(best.of_b, 0, (size_t)b->room * sizeof *best.of_b);
    memset(self->partner, 0xff, (size_t)a->room * sizeof *self->partner);
    near.count = 0;
    for (int i = 0; i < a->n; i++) {
        float x = self->x[i], y = self->y[i], cosine = self->cosine[i], sine = self->sine[i];
        int j = first_from(rows, y - reach) & -LANES;
        if (j > b->room - 2 * LANES) j = b->room - 2 * LANES;
        int at_least = j + 2 * LANES;
        do {
            lanes_f dx = x - lanes_at(b->x + j), dy = lanes_at(b->y + j) - y;
            lanes_f nearness = 1.0f - (dx * dx + dy * dy) * inverse;
            lanes_f along = cosine * lanes_at(b->cosine + j) + sine * lanes_at(b->sine + j);
            lanes_f straight = 1.0f - (1.0f - along) * turning;
            unsigned bits = lanes_bits(lanes_less(lanes_of(0.0f), nearness) &
                                       lanes_less(lanes_of(0.0f), straight));
            lanes_to(near.close[near.count], nearness * straight);
            near.i[near.count] = i;
            near.j[near.count] = j;
            near.bits[near.count] = bits;
            near.count += bits != 0;
            j += LANES;
        } while (j < at_least || (j < b->n && b->y[j] <= y + reach));
        if (near.count >= MATCH_NEAR_ROOM - MATCH_MOST_NEAR)
            choose(&near, alike, b->n, &best, self);
    }
    choose(&near, alike, b->n, &best, self);
    int count = 0;
    for (int i = 0; i < a->n; i++) {
        int j = self->partner[i];
        if (j >= 0 && best.chosen_by_b[j] != i) self->partner[i] = j = -1;
        if (j < 0) continue;
        self->who[count] = i;
        self->ax[count] = a->x[i];
        self->ay[count] = a->y[i];
        self->bx[count] = b->x[j];
        self->by[count] = b->y[j];
        self->close[count] = self->closeness[i];
        count++;
    }
    self->count = count;
    for (int k = count; k % LANES; k++)
        self->ax[k] = self->ay[k] = self->bx[k] = self->by[k] = self->close[k] = 0.0f;
}

/* The rigid motion of the present pairs, of which there is one at least, in closed form. */
static motion refit(const pairing *self, float rigidity, motion m)
{
    lanes_f total = {0}, sax = {0}, say = {0}, sbx = {0}, sby = {0};
    for (int k = 0; k < self->count; k += LANES) {
        lanes_f w = lanes_at(self->close + k);
        total += w;
        sax += w * lanes_at(self->ax + k);
        say += w * lanes_at(self->ay + k);
        sbx += w * lanes_at(self->bx + k);
        sby += w * lanes_at(self->by + k);
    }
    float sum = lanes_sum(total);
    float cax = lanes_sum(sax) / sum, cay = lanes_sum(say) / sum;
    float cbx = lanes_sum(sbx) / sum, cby = lanes_sum(sby) / sum;
    lanes_f dots = {0}, crosses = {0};
    for (int k = 0; k < self->count; k += LANES) {
        lanes_f w = lanes_at(self->close + k);
        lanes_f ux = lanes_at(self->ax + k) - cax, uy = lanes_at(self->ay + k) - cay;
        lanes_f vx = lanes_at(self->bx + k) - cbx, vy = lanes_at(self->by + k) - cby;
        dots += w * (ux * vx + uy * vy);
        crosses += w * (ux * vy - uy * vx);
    }
    float dot = lanes_sum(dots) + rigidity * m.cosine;
    float cross = lanes_sum(crosses) + rigidity * m.sine;
    float norm = sqrtf(dot * dot + cross * cross);
    if (norm > 0.0f) {
        m.cosine = dot / norm;
        m.sine = cross / norm;
    }
    m.x = cbx - (m.cosine * cax - m.sine * cay);
    m.y = cby - (m.sine * cax + m.cosine * cay);
    return m;
}

/* Shift each moved minutia as its paired neighbours are shifted, never by its own partner. */
static void bend(const impression *a, const ektp_match_parameters *p, pairing *self)
{
    float rx[MATCH_MOST], ry[MATCH_MOST];
    float area = 1.0f / (p->smoothness * p->smoothness);
    for (int k = 0; k < self->count; k++) {
        rx[k] = self->bx[k] - self->x[self->who[k]];
        ry[k] = self->by[k] - self->y[self->who[k]];
    }
    for (int i = 0; i < a->room; i += LANES) {
        lanes_f x = lanes_at(a->x + i), y = lanes_at(a->y + i);
        lanes_f total = lanes_of(p->stiffness), sx = {0}, sy = {0};
        lanes_i numbers = LANE_NUMBERS + i;
        for (int k = 0; k < self->count; k++) {
            lanes_f dx = self->ax[k] - x, dy = self->ay[k] - y;
            lanes_f near = 1.0f + (dx * dx + dy * dy) * area;
            lanes_f weight = self->close[k] / (near * near);
            weight = lanes_where(lanes_differ(numbers, lanes_of_int(self->who[k])), weight);
            total += weight;
            sx += weight * rx[k];
            sy += weight * ry[k];
        }
        lanes_to(self->x + i, lanes_at(self->x + i) + sx / total);
        lanes_to(self->y + i, lanes_at(self->y + i) + sy / total);
    }
}

/* How many are paired, how close they are and how alike, each as much as trusted. */
static void sum_pairs(const impression *a, const impression *b, const uint8_t *alike,
                      const pairing *self, float sums[3])
{
    sums[0] = sums[1] = sums[2] = 0.0f;
    for (int k = 0; k < self->count; k++) {
        int i = self->who[k], j = self->partner[i];
        float trust = sqrtf(a->trust[i] * b->trust[j]);
        sums[0] += trust;
        sums[1] += trust * self->close[k];
        sums[2] += trust * ((float)alike[(size_t)i * (size_t)b->n + (size_t)j] * (1.0f / 255.0f));
    }
}

/* Trust of the minutiae that fall into the other's hull, widened by the margin. */
static float common_area(const impression *moved, const impression *onto, motion m, float margin)
{
    if (onto->corners < 3) return 0.0f;
    lanes_f total = {0};
    for (int i = 0; i < moved->room; i += LANES) {
        lanes_f x = lanes_at(moved->x + i), y = lanes_at(moved->y + i);
        lanes_f px = m.cosine * x - m.sine * y + m.x, py = m.sine * x + m.cosine * y + m.y;
        lanes_i inside = lanes_less_int(LANE_NUMBERS, lanes_of_int(moved->n - i));
        for (int k = 0; k < onto->corners && lanes_bits(inside); k++) {
            const float *from = onto->hull + 2 * k;
            const float *to = onto->hull + 2 * (k + 1 < onto->corners ? k + 1 : 0);
            float ex = to[0] - from[0], ey = to[1] - from[1];
            float least = -margin * sqrtf(ex * ex + ey * ey);
            inside &= ~lanes_less(ex * (py - from[1]) - ey * (px - from[0]), lanes_of(least));
        }
        total += lanes_where(inside, lanes_at(moved->trust + i));
    }
    return lanes_sum(total);
}

/* What would be paired by chance: minutiae of b of like direction in a ring around each moved one,
 * shrunk to the area in which partners are looked for; each as much as both are trusted. */
static float chance(const impression *a, const impression *b, const strips *rows, motion m,
                    const ektp_match_parameters *p)
{
    float inner = p->reach * p->reach, outer = p->ring * p->ring;
    float turning = 1.0f / (1.0f - p->pair_cosine);
    lanes_f total = {0};
    for (int i = 0; i < a->n; i++) {
        float x = m.cosine * a->x[i] - m.sine * a->y[i] + m.x;
        float y = m.sine * a->x[i] + m.cosine * a->y[i] + m.y;
        float cosine = m.cosine * a->cosine[i] - m.sine * a->sine[i];
        float sine = m.sine * a->cosine[i] + m.cosine * a->sine[i];
        for (int j = first_from(rows, y - p->ring) & -LANES; j < b->n; j += LANES) {
            if (b->y[j] > y + p->ring) break;
            lanes_f dx = x - lanes_at(b->x + j), dy = lanes_at(b->y + j) - y;
            lanes_f apart = dx * dx + dy * dy;
            lanes_f along = cosine * lanes_at(b->cosine + j) + sine * lanes_at(b->sine + j);
            lanes_f straight = 1.0f - (1.0f - along) * turning;
            lanes_i near = lanes_less(apart, lanes_of(outer)) &
                           ~lanes_less(apart, lanes_of(inner)) &
                           lanes_less(lanes_of(0.0f), straight);
            total += lanes_where(near, a->trust[i] * lanes_at(b->trust + j) * straight);
        }
    }
    return lanes_sum(total) * (inner / (outer - inner));
}

static void pair(const impression *a, const impression *b, const uint8_t *alike,
                 const proposal *finalists, int count, const ektp_match_parameters *p, float *cues,
                 motion *best, int32_t *partners)
{
    _Alignas(64) pairing self;
    float most = 0.0f, sums[3];
    strips rows;
    if (count > 0) cut_into_strips(b, &rows);
    for (int i = 0; partners && i < a->n; i++) partners[i] = -1;
    for (int f = 0; f < count; f++) {
        motion m = finalists[f].move;
        move_onto(a, m, &self);
        assign(a, b, &rows, alike, p->reach_first, p->pair_cosine, &self);
        sum_pairs(a, b, alike, &self, sums);
        if (sums[1] + sums[2] <= p->hopeless * most) continue;
        if (sums[1] + sums[2] > most) most = sums[1] + sums[2];
        for (int round = 0; round < 2 && self.count > 0; round++) {
            m = refit(&self, p->pair_rigidity, m);
            move_onto(a, m, &self);
            bend(a, p, &self);
            assign(a, b, &rows, alike, p->reach, p->pair_cosine, &self);
        }
        sum_pairs(a, b, alike, &self, sums);
        if (sums[1] + sums[2] <= cues[1] + cues[2]) continue;
        memcpy(cues, sums, sizeof sums);
        *best = m;
        for (int i = 0; partners && i < a->n; i++) partners[i] = self.partner[i];
    }
    if (cues[0] <= 0.0f) return;
    motion back = {best->cosine, -best->sine, -(best->cosine * best->x + best->sine * best->y),
                   best->sine * best->x - best->cosine * best->y};
    cues[3] = common_area(a, b, *best, p->area_margin);
    cues[4] = common_area(b, a, back, p->area_margin);
    cues[5] = chance(a, b, &rows, *best, p);
}

#endif
