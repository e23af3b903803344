/* SPDX-License-Identifier: Apache-2.0 */
/* The score of one sketch, around what each instruction set brings:
 *
 *     apart(probe, minutiae, reference, distances)     bits that differ, for every two minutiae
 *
 * AVX-512 has a road of its own. */
#ifndef EKTP_SKETCH_BODY_H
#define EKTP_SKETCH_BODY_H
#include "lanes.h"
#include "sketch/turns.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

typedef uint8_t sketch_column[SKETCH_MINUTIAE];

/* The probe's columns, and its places after each turn that a reference has asked for. */
typedef struct {
    const uint8_t *sketch;
    size_t minutiae;
    uint32_t turned; /* one bit a turn */
    sketch_column directions, x[SKETCH_TURNS], y[SKETCH_TURNS];
} turned_probe;

static void lay_out_probe(const uint8_t *sketch, turned_probe *probe)
{
    probe->sketch = sketch;
    probe->minutiae = sketch_minutiae(sketch);
    probe->turned = 0;
    memcpy(probe->directions, sketch + SKETCH_DIRECTIONS, SKETCH_MINUTIAE);
}

static inline void turn_probe(turned_probe *probe, size_t turn, const ektp_sketch_parameters *p)
{
    if (probe->turned >> turn & 1) return;
    turned_places(probe->sketch, p, turn, probe->x[turn], probe->y[turn]);
    probe->turned |= (uint32_t)1 << turn;
}

static inline block block_at(const uint8_t *bytes)
{
    block value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static inline block block_of(int32_t value)
{
    block zero = {0};
    return zero + (uint8_t)value;
}

#if defined(__AVX2__)
static inline block greater(block a, block b)
{
    return (block)_mm256_max_epu8((__m256i)a, (__m256i)b);
}
static inline block excess(block a, block b)
{
    return (block)_mm256_subs_epu8((__m256i)a, (__m256i)b);
}
#elif defined(__SSE2__)
static inline block greater(block a, block b)
{
    return (block)_mm_max_epu8((__m128i)a, (__m128i)b);
}
static inline block excess(block a, block b)
{
    return (block)_mm_subs_epu8((__m128i)a, (__m128i)b);
}
#else
static inline block greater(block a, block b)
{
    block more = (block)(a > b);
    return (more & a) | (~more & b);
}
static inline block excess(block a, block b) { return (block)(a > b) & (a - b); }
#endif

/* How much further than `within` the values are from the middle, in whichever sense around; 0 where
 * they are not. */
static inline block beyond(block value, int32_t middle, int32_t within)
{
    return excess(value - (uint8_t)(middle - within), block_of(2 * within));
}

static inline block where_none(block excesses, block value)
{
    return (block)(excesses == 0) & value;
}

static inline block same_or(block same, block yes, block no) { return (same & yes) | (~same & no); }

/* The bin that has most votes together with its neighbours on the circle, its own counted twice
 * (else a lone full bin would be no better than those beside it); the first of them.
 * votes[1] is bin 0; the ends are for its neighbours around. */
static inline size_t elected(uint16_t *votes, size_t bins)
{
    uint32_t best = 0;
    votes[0] = votes[bins];
    votes[bins + 1] = votes[1];
    for (size_t bin = 0; bin < bins; bin++) {
        uint32_t sum = (uint32_t)votes[bin] + 2u * votes[bin + 1] + votes[bin + 2];
        uint32_t ranked = sum * SKETCH_SHIFTS + (uint32_t)(bins - 1 - bin);
        best = ranked > best ? ranked : best;
    }
    return bins - 1 - best % SKETCH_SHIFTS;
}

/* Turns distances into likenesses, and finds the turn that they speak for. */
static size_t voted_turn(const turned_probe *probe, const uint8_t *reference,
                         sketch_column *distances, int32_t reach, size_t minutiae)
{
    uint16_t votes[SKETCH_TURNS + 2] = {0};
    sketch_column weights, turns;
    for (size_t b = 0; b < SKETCH_MINUTIAE; b += BLOCK) {
        block directions = block_at(reference + SKETCH_DIRECTIONS + b);
        /* Votes that weigh nothing had better not all wait for one bin. */
        block best = {0}, turn = directions;
        for (size_t i = 0; i < probe->minutiae; i++) {
            block alike = excess(block_of(reach), block_at(distances[i] + b));
            memcpy(distances[i] + b, &alike, sizeof alike);
            block most = greater(alike, best), same = (block)(most == best);
            turn = same_or(same, turn, directions - probe->directions[i]);
            best = most;
        }
        memcpy(weights + b, &best, sizeof best);
        memcpy(turns + b, &turn, sizeof turn);
    }
    for (size_t j = 0; j < minutiae; j++)
        votes[1 + turns[j] * SKETCH_TURNS / 256] += weights[j];
    return elected(votes, SKETCH_TURNS);
}

/* What is left to decide of one reference: likenesses that the geometry allows, their greatest in
 * each column, and the rows that have any. */
typedef struct {
    sketch_column alike[SKETCH_MINUTIAE];
    sketch_column most;
    uint8_t rows[SKETCH_MINUTIAE];
    size_t count;
} candidates;

/* Of the rows left, only those that still have any likeness. */
static inline void keep_rows(candidates *left, const uint32_t any[SKETCH_MINUTIAE])
{
    size_t count = 0;
    for (size_t k = 0; k < left->count; k++) {
        size_t i = left->rows[k];
        left->rows[count] = (uint8_t)i;
        count += any[i] != 0;
    }
    left->count = count;
}

/* Keeps what is turned alike, and finds the shift that it speaks for. */
static void voted_shift(const turned_probe *probe, const uint8_t *reference,
                        const sketch_column *likenesses, const ektp_sketch_parameters *p,
                        size_t turn, size_t minutiae, int32_t shift[2], candidates *left)
{
    uint16_t votes[2][SKETCH_SHIFTS + 2] = {{0}, {0}};
    uint32_t any[SKETCH_MINUTIAE] = {0};
    sketch_column weights, across, up;
    for (size_t b = 0; b < SKETCH_MINUTIAE; b += BLOCK) {
        block directions = block_at(reference + SKETCH_DIRECTIONS + b);
        block x = block_at(reference + SKETCH_X + b), y = block_at(reference + SKETCH_Y + b);
        block best = {0}, dx = x, dy = y; /* as in voted_turn */
        for (size_t i = 0; i < probe->minutiae; i++) {
            block far = beyond(directions, probe->directions[i] + turn_of(turn), p->turn);
            block alike = where_none(far, block_at(likenesses[i] + b));
            memcpy(left->alike[i] + b, &alike, sizeof alike);
            any[i] |= block_bits((block)(alike != 0));
            block most = greater(alike, best), same = (block)(most == best);
            dx = same_or(same, dx, x - probe->x[turn][i]);
            dy = same_or(same, dy, y - probe->y[turn][i]);
            best = most;
        }
        memcpy(weights + b, &best, sizeof best);
        memcpy(across + b, &dx, sizeof dx);
        memcpy(up + b, &dy, sizeof dy);
    }
    for (size_t j = 0; j < minutiae; j++) {
        votes[0][1 + across[j] * SKETCH_SHIFTS / 256] += weights[j];
        votes[1][1 + up[j] * SKETCH_SHIFTS / 256] += weights[j];
    }
    for (size_t axis = 0; axis < 2; axis++)
        shift[axis] = shift_of(elected(votes[axis], SKETCH_SHIFTS));
    left->count = probe->minutiae;
    for (size_t i = 0; i < probe->minutiae; i++) left->rows[i] = (uint8_t)i;
    keep_rows(left, any);
}

/* Keeps what lies within place_first, and corrects the shift by it. */
static void gather(const turned_probe *probe, const uint8_t *reference,
                   const ektp_sketch_parameters *p, size_t turn, size_t minutiae, int32_t shift[2],
                   candidates *left)
{
    uint32_t any[SKETCH_MINUTIAE] = {0};
    int8_t across[SKETCH_MINUTIAE], up[SKETCH_MINUTIAE];
    for (size_t b = 0; b < SKETCH_MINUTIAE; b += BLOCK) {
        block x = block_at(reference + SKETCH_X + b) - (uint8_t)shift[0];
        block y = block_at(reference + SKETCH_Y + b) - (uint8_t)shift[1];
        block best = {0}, dx = {0}, dy = {0};
        for (size_t k = 0; k < left->count; k++) {
            size_t i = left->rows[k];
            block right = x - probe->x[turn][i], above = y - probe->y[turn][i];
            block far = beyond(right, 0, p->place_first) | beyond(above, 0, p->place_first);
            block alike = where_none(far, block_at(left->alike[i] + b));
            memcpy(left->alike[i] + b, &alike, sizeof alike);
            any[i] |= block_bits((block)(alike != 0));
            block most = greater(alike, best), same = (block)(most == best);
            dx = same_or(same, dx, right);
            dy = same_or(same, dy, above);
            best = most;
        }
        memcpy(left->most + b, &best, sizeof best);
        memcpy(across + b, &dx, sizeof dx);
        memcpy(up + b, &dy, sizeof dy);
    }
    int32_t weight = 0, right = 0, above = 0;
    for (size_t j = 0; j < minutiae; j++) {
        weight += left->most[j];
        right += left->most[j] * across[j];
        above += left->most[j] * up[j];
    }
    shift[0] += mean_of(right, weight);
    shift[1] += mean_of(above, weight);
    keep_rows(left, any);
}

/* Keeps what lies within place of the corrected shift, and adds up the pairs that prefer each
 * other. */
static uint16_t score_of(const turned_probe *probe, const uint8_t *reference,
                         const ektp_sketch_parameters *p, size_t turn, size_t minutiae,
                         const int32_t shift[2], candidates *left)
{
    uint8_t likest[SKETCH_MINUTIAE] = {0};
    sketch_column agreed;
    for (size_t b = 0; b < SKETCH_MINUTIAE; b += BLOCK) {
        block x = block_at(reference + SKETCH_X + b), y = block_at(reference + SKETCH_Y + b);
        block most = {0};
        for (size_t k = 0; k < left->count; k++) {
            size_t i = left->rows[k];
            block far = beyond(x, probe->x[turn][i] + shift[0], p->place);
            far |= beyond(y, probe->y[turn][i] + shift[1], p->place);
            block alike = where_none(far, block_at(left->alike[i] + b));
            memcpy(left->alike[i] + b, &alike, sizeof alike);
            most = greater(most, alike);
        }
        memcpy(left->most + b, &most, sizeof most);
    }
    for (size_t k = 0; k < left->count; k++) {
        const uint8_t *row = left->alike[left->rows[k]];
        for (size_t j = 0; j < minutiae; j++) likest[k] = row[j] > likest[k] ? row[j] : likest[k];
    }
    for (size_t b = 0; b < SKETCH_MINUTIAE; b += BLOCK) {
        block most = block_at(left->most + b), counted = {0};
        for (size_t k = 0; k < left->count; k++) {
            block alike = block_at(left->alike[left->rows[k]] + b);
            block both = (block)(alike == most) & (block)(alike == block_of(likest[k]));
            counted |= both & alike;
        }
        memcpy(agreed + b, &counted, sizeof counted);
    }
    unsigned score = 0;
    for (size_t j = 0; j < minutiae; j++) score += agreed[j];
    return (uint16_t)score;
}

static inline uint16_t score_one(turned_probe *probe, const uint8_t *reference,
                                 const ektp_sketch_parameters *p)
{
    size_t minutiae = sketch_minutiae(reference);
    sketch_column alike[SKETCH_MINUTIAE]; /* row i, column j; distances at first */
    apart(probe->sketch, probe->minutiae, reference, alike);
    size_t turn = voted_turn(probe, reference, alike, p->reach, minutiae);
    turn_probe(probe, turn, p);
    const sketch_column *likenesses = (const sketch_column *)alike;
    int32_t shift[2];
    candidates left;
    voted_shift(probe, reference, likenesses, p, turn, minutiae, shift, &left);
    gather(probe, reference, p, turn, minutiae, shift, &left);
    return score_of(probe, reference, p, turn, minutiae, shift, &left);
}

static inline void compared(turned_probe *probe, const uint8_t *const *references, size_t count,
                            const ektp_sketch_parameters *p, uint16_t *scores)
{
    for (size_t k = 0; k < count; k++) scores[k] = score_one(probe, references[k], p);
}

#include "sketch/kernel.h"

#endif
