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
static int first_from(const strips *self, float least)
{
    float strip = (least - self->bottom) * (1.0f / 16.0f);
    if (!(strip >= 1.0f)) return 0;
    if (strip >= (float)self->count) return self->starts[self->count - 1];
    return self->starts[(int)strip];
}

/* Pair each moved minutia with the one it is best for and that is best for it. */
static void assign(const impression *a, const impression *b, const strips *rows,
                   const uint8_t *alike, float reach, float least_cosine, pairing *self)
{
    float best_of_b[MATCH_MOST];
    int32_t chosen_by_b[MATCH_MOST];
    float inverse = 1.0f / (reach * reach), turning = 1.0f / (1.0f - least_cosine);
    for (int j = 0; j < b->room; j += LANES) {
        lanes_to(best_of_b + j, lanes_of(0.0f));
        memset(chosen_by_b + j, 0xff, LANES * sizeof *chosen_by_b);
    }
    for (int i = 0; i < a->n; i++) {
        const uint8_t *row = alike + (size_t)i * (size_t)b->n;
        float x = self->x[i], y = self->y[i], cosine = self->cosine[i], sine = self->sine[i];
        lanes_f top = {0}, top_close = {0};
        lanes_i top_j = lanes_of_int(-1);
        int hit = 0;
        for (int j = first_from(rows, y - reach) & -LANES; j < b->n; j += LANES) {
            if (b->y[j] > y + reach) break;
            lanes_f dx = x - lanes_at(b->x + j), dy = lanes_at(b->y + j) - y;
            lanes_f near = 1.0f - (dx * dx + dy * dy) * inverse;
            lanes_f along = cosine * lanes_at(b->cosine + j) + sine * lanes_at(b->sine + j);
            lanes_f straight = 1.0f - (1.0f - along) * turning;
            lanes_i fits = lanes_less(lanes_of(0.0f), near) & lanes_less(lanes_of(0.0f), straight);
            if (!lanes_any(fits)) continue;
            hit = 1;
            float same[LANES];
            for (int k = 0; k < LANES; k++) same[k] = (float)row[j + k];
            lanes_f close = near * straight;
            lanes_f rank = lanes_where(fits, close * (0.3f + lanes_at(same) * (1.0f / 255.0f)));
            lanes_i better = lanes_less(top, rank);
            top = lanes_pick(better, rank, top);
            top_close = lanes_pick(better, close, top_close);
            top_j = (better & (LANE_NUMBERS + j)) | (~better & top_j);
            lanes_f before = lanes_at(best_of_b + j);
            lanes_i first = lanes_less(before, rank);
            lanes_to(best_of_b + j, lanes_pick(first, rank, before));
            lanes_i owner;
            memcpy(&owner, chosen_by_b + j, sizeof owner);
            owner = (first & i) | (~first & owner);
            memcpy(chosen_by_b + j, &owner, sizeof owner);
        }
        self->partner[i] = -1;
        if (!hit) continue;
        float ranks[LANES], closes[LANES], most = 0.0f;
        int32_t whose[LANES];
        memcpy(ranks, &top, sizeof ranks);
        memcpy(closes, &top_close, sizeof closes);
        memcpy(whose, &top_j, sizeof whose);
        for (int k = 0; k < LANES; k++) {
            if (ranks[k] > most || (ranks[k] == most && most > 0.0f && whose[k] < self->partner[i])) {
                most = ranks[k];
                self->partner[i] = whose[k];
                self->closeness[i] = closes[k];
            }
        }
    }
    int count = 0;
    for (int i = 0; i < a->n; i++) {
        int j = self->partner[i];
        if (j >= 0 && chosen_by_b[j] != i) self->partner[i] = j = -1;
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

/* The rigid motion of the present pairs, in closed form. */
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
    float sum = lanes_sum(total) + 1e-9f;
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
        for (int k = 0; k < onto->corners && lanes_any(inside); k++) {
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
        for (int round = 0; round < 2; round++) {
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
}

#endif
