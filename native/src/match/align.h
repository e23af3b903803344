/* SPDX-License-Identifier: Apache-2.0 */
/* Proposals of how one impression lies over another, by a vote of alike neighbourhoods. */
#ifndef EKTP_MATCH_ALIGN_H
#define EKTP_MATCH_ALIGN_H
#include <math.h>

#include "impression.h"

typedef struct {
    motion move;
    float votes;
} proposal;

typedef struct {
    int count;
    uint8_t first[MATCH_MOST_VOTES], second[MATCH_MOST_VOTES];
    uint8_t turn[MATCH_MOST_VOTES]; /* in 1/256 */
    float likeness[MATCH_MOST_VOTES];
    /* The same twice over, by the sector of their turn, so that no window wraps. */
    int starts[2 * MATCH_SECTORS + 1];
    float ax[2 * MATCH_MOST_VOTES + LANES], ay[2 * MATCH_MOST_VOTES + LANES];
    float bx[2 * MATCH_MOST_VOTES + LANES], by[2 * MATCH_MOST_VOTES + LANES];
    float weight[2 * MATCH_MOST_VOTES + LANES];
    float cosine[2 * MATCH_MOST_VOTES + LANES], sine[2 * MATCH_MOST_VOTES + LANES];
} electorate;

/* How many of the values, up to the end of the last block, are at least so large. */
static uint32_t count_from(const uint8_t *values, size_t size, int least)
{
    uint32_t count = 0;
    for (size_t k = 0; k < size;) {
        block counts = {0};
        size_t end = size - k > 255 * BLOCK ? k + 255 * BLOCK : size;
        for (; k < end; k += BLOCK) counts -= block_from(values + k, (uint8_t)least);
        uint64_t word[BLOCK / 8], pairs = 0;
        memcpy(word, &counts, sizeof word);
        for (int w = 0; w < BLOCK / 8; w++)
            pairs += (word[w] & 0x00ff00ff00ff00ffu) + (word[w] >> 8 & 0x00ff00ff00ff00ffu);
        count += (uint32_t)(pairs * 0x0001000100010001u >> 48);
    }
    return count;
}

/* The most alike pairs, most alike first and otherwise row by row. */
static void choose_voters(const impression *a, const impression *b, const uint8_t *alike, int limit,
                          electorate *voters)
{
    size_t size = (size_t)a->n * (size_t)b->n;
    int least = 0; /* the largest that enough pairs reach */
    for (int bit = 128; bit > 0; bit /= 2)
        if (count_from(alike, size, least + bit) >= (uint32_t)limit) least += bit;
    if (least < 1) least = 1;
    int above = least < 255 ? (int)count_from(alike, size, least + 1) : 0;
    uint16_t found[MATCH_MOST_VOTES + 1], places[256] = {0};
    int count = 0, spare = limit - above; /* of those that are just so alike */
    for (size_t start = 0; start < size; start += BLOCK) {
        uint32_t bits = block_bits(block_from(alike + start, (uint8_t)least));
        for (; bits; bits &= bits - 1) {
            size_t k = start + (size_t)__builtin_ctz(bits);
            int value = alike[k], taken = value > least || spare > 0;
            spare -= value == least;
            found[count] = (uint16_t)k;
            places[value] = (uint16_t)(places[value] + taken);
            count += taken;
        }
    }
    unsigned before = 0;
    for (int value = 255; value >= least; value--) {
        unsigned own = places[value];
        places[value] = (uint16_t)before;
        before += own;
    }
    /* Exact for every k below 65536. */
    uint64_t inverse = b->n ? (UINT64_C(1) << 32) / (unsigned)b->n + 1 : 0;
    for (int at = 0; at < count; at++) {
        unsigned k = found[at], i = (unsigned)(k * inverse >> 32);
        int place = places[alike[k]]++;
        voters->first[place] = (uint8_t)i;
        voters->second[place] = (uint8_t)(k - i * (unsigned)b->n);
    }
    voters->count = count;
}

static void sort_by_turn(const impression *a, const impression *b, const uint8_t *alike,
                         const float *cosines, electorate *voters)
{
    int n = voters->count, *starts = voters->starts;
    memset(starts, 0, sizeof voters->starts);
    for (int k = 0; k < n; k++) {
        int i = voters->first[k], j = voters->second[k];
        voters->turn[k] = (uint8_t)(b->step[j] - a->step[i]);
        voters->likeness[k] = (float)alike[(size_t)i * (size_t)b->n + (size_t)j] / 255.0f *
                              sqrtf(a->trust[i] * b->trust[j]);
        starts[voters->turn[k] * MATCH_SECTORS / 256 + 1]++;
    }
    for (int s = 0; s < MATCH_SECTORS; s++) starts[s + 1] += starts[s];
    int next[MATCH_SECTORS];
    memcpy(next, starts, sizeof next);
    for (int k = 0; k < n; k++) {
        int i = voters->first[k], j = voters->second[k], turn = voters->turn[k];
        int place = next[turn * MATCH_SECTORS / 256]++;
        for (int again = 0; again < 2; again++, place += n) {
            voters->ax[place] = a->x[i];
            voters->ay[place] = a->y[i];
            voters->bx[place] = b->x[j];
            voters->by[place] = b->y[j];
            voters->weight[place] = voters->likeness[k];
            voters->cosine[place] = cosines[turn];
            voters->sine[place] = cosines[(turn + 192) & 255];
        }
    }
    for (int s = 0; s < MATCH_SECTORS; s++) starts[MATCH_SECTORS + s + 1] = n + starts[s + 1];
    /* A window's last lanes may reach beyond the end; they do not count but must be numbers. */
    float *columns[] = {voters->ax,     voters->ay,     voters->bx,  voters->by,
                        voters->weight, voters->cosine, voters->sine};
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
        lanes_to(columns[k] + 2 * n, lanes_of(0.0f));
}

/* One proposal: its least-squares motion, and the votes for it. */
static proposal vote(const electorate *v, int low, int high, float aox, float aoy, float box,
                     float boy, float cosine, float sine, const ektp_match_parameters *p)
{
    float reach = p->align_reach * p->align_reach, stretch = p->stretch * p->stretch;
    lanes_f total = {0}, sax = {0}, say = {0}, sbx = {0}, sby = {0}, dots = {0}, crosses = {0};
    for (int at = low; at < high; at += LANES) {
        lanes_f ux = lanes_at(v->ax + at) - aox, uy = lanes_at(v->ay + at) - aoy;
        lanes_f vx = lanes_at(v->bx + at) - box, vy = lanes_at(v->by + at) - boy;
        lanes_f ex = cosine * ux - sine * uy - vx, ey = sine * ux + cosine * uy - vy;
        lanes_f allowed = reach + stretch * (ux * ux + uy * uy);
        lanes_f error = ex * ex + ey * ey;
        lanes_f along = lanes_at(v->cosine + at) * cosine + lanes_at(v->sine + at) * sine;
        lanes_i counts = ~lanes_less(allowed, error) & ~lanes_less(along, lanes_of(p->align_cosine)) &
                         lanes_less_int(LANE_NUMBERS, lanes_of_int(high - at));
        lanes_f weight = lanes_where(counts, lanes_at(v->weight + at) * (1.0f - error / allowed));
        total += weight;
        sax += weight * ux;
        say += weight * uy;
        sbx += weight * vx;
        sby += weight * vy;
        dots += weight * (ux * vx + uy * vy);
        crosses += weight * (ux * vy - uy * vx);
    }
    float votes = lanes_sum(total);
    float ax = lanes_sum(sax), ay = lanes_sum(say), bx = lanes_sum(sbx), by = lanes_sum(sby);
    proposal self = {{cosine, sine, 0, 0}, votes};
    if (votes <= 0.0f) return self;
    float dot = lanes_sum(dots) + p->align_rigidity * cosine - (ax * bx + ay * by) / votes;
    float cross = lanes_sum(crosses) + p->align_rigidity * sine - (ax * by - ay * bx) / votes;
    float norm = sqrtf(dot * dot + cross * cross);
    if (norm > 0.0f) {
        self.move.cosine = cosine = dot / norm;
        self.move.sine = sine = cross / norm;
    }
    self.move.x = box + (bx - cosine * ax + sine * ay) / votes - cosine * aox + sine * aoy;
    self.move.y = boy + (by - sine * ax - cosine * ay) / votes - sine * aox - cosine * aoy;
    return self;
}

/* The best supported proposals that are not near-copies of a better one; returns how many. */
static int choose_finalists(const proposal *all, int count, float middle_x, float middle_y,
                            const ektp_match_parameters *p, proposal *chosen)
{
    float shift = p->copy_shift * p->copy_shift;
    int found = 0;
    while (found < p->finalists) {
        int best = -1;
        float most = 0.0f;
        for (int k = 0; k < count; k++) {
            if (all[k].votes <= most) continue;
            motion m = all[k].move;
            int copy = 0;
            for (int q = 0; q < found && !copy; q++) {
                motion o = chosen[q].move;
                float dc = m.cosine - o.cosine, ds = m.sine - o.sine;
                float dx = dc * middle_x - ds * middle_y + m.x - o.x;
                float dy = ds * middle_x + dc * middle_y + m.y - o.y;
                copy = m.cosine * o.cosine + m.sine * o.sine > p->copy_cosine &&
                       dx * dx + dy * dy < shift;
            }
            if (!copy) {
                best = k;
                most = all[k].votes;
            }
        }
        if (best < 0) break;
        chosen[found++] = all[best];
    }
    return found;
}

static int align(const impression *a, const impression *b, const uint8_t *alike,
                 const ektp_match_parameters *p, proposal *finalists)
{
    electorate voters;
    choose_voters(a, b, alike, p->votes, &voters);
    if (voters.count == 0) return 0;
    sort_by_turn(a, b, alike, p->cosines, &voters);
    proposal all[MATCH_MOST_PROPOSALS];
    int count = voters.count < p->proposals ? voters.count : p->proposals;
    for (int k = 0; k < count; k++) {
        int i = voters.first[k], j = voters.second[k], turn = voters.turn[k];
        int sector = turn * MATCH_SECTORS / 256;
        if (sector < p->window) sector += MATCH_SECTORS;
        all[k] = vote(&voters, voters.starts[sector - p->window],
                      voters.starts[sector + p->window + 1], a->x[i], a->y[i], b->x[j], b->y[j],
                      p->cosines[turn], p->cosines[(turn + 192) & 255], p);
    }
    lanes_f sum_x = {0}, sum_y = {0};
    for (int i = 0; i < a->room; i += LANES) {
        lanes_i there = lanes_less_int(LANE_NUMBERS, lanes_of_int(a->n - i));
        sum_x += lanes_where(there, lanes_at(a->x + i));
        sum_y += lanes_where(there, lanes_at(a->y + i));
    }
    return choose_finalists(all, count, lanes_sum(sum_x) / (float)a->n,
                            lanes_sum(sum_y) / (float)a->n, p, finalists);
}

#endif
