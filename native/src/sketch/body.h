/* SPDX-License-Identifier: Apache-2.0 */
/* The family "sketch" around what each instruction set brings:
 *
 *     apart(probe, minutiae, reference, distances)     bits that differ, for every two minutiae
 *
 * The includer defines SKETCH, the name of its kernel. Everything is counted in whole numbers. */
#ifndef EKTP_SKETCH_BODY_H
#define EKTP_SKETCH_BODY_H
#include "lanes.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { BLOCKS = SKETCH_MINUTIAE / BLOCK, AHEAD = 3 /* sketches fetched before they are needed */ };

typedef uint8_t sketch_column[SKETCH_MINUTIAE];

/* The probe's columns, and its places after each turn that is told apart. */
typedef struct {
    size_t minutiae;
    sketch_column directions, x[SKETCH_TURNS], y[SKETCH_TURNS];
} turned_probe;

static inline int32_t turn_of(size_t bin) { return (int32_t)(8 * bin + 4); }
static inline int32_t shift_of(size_t bin) { return (int32_t)(4 * bin + 2); }

static void turn_probe(const uint8_t *sketch, const ektp_sketch_parameters *p, turned_probe *probe)
{
    probe->minutiae = sketch[SKETCH_COUNT] < SKETCH_MINUTIAE ? sketch[SKETCH_COUNT]
                                                             : SKETCH_MINUTIAE;
    memcpy(probe->directions, sketch + SKETCH_DIRECTIONS, SKETCH_MINUTIAE);
    for (size_t bin = 0; bin < SKETCH_TURNS; bin++) {
        int32_t cosine = p->cosines[turn_of(bin)], sine = p->cosines[(turn_of(bin) + 192) % 256];
        for (size_t i = 0; i < SKETCH_MINUTIAE; i++) {
            int32_t x = sketch[SKETCH_X + i] - SKETCH_MIDDLE;
            int32_t y = sketch[SKETCH_Y + i] - SKETCH_MIDDLE;
            int32_t half = 1 << 13;
            probe->x[bin][i] = (uint8_t)(SKETCH_MIDDLE + ((cosine * x - sine * y + half) >> 14));
            probe->y[bin][i] = (uint8_t)(SKETCH_MIDDLE + ((sine * x + cosine * y + half) >> 14));
        }
    }
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
        block directions = block_at(reference + SKETCH_DIRECTIONS + b), best = {0}, turn = {0};
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

static void voted_shift(const turned_probe *probe, const uint8_t *reference,
                        const sketch_column *likenesses, const ektp_sketch_parameters *p,
                        size_t turn, size_t minutiae, int32_t shift[2])
{
    uint16_t votes[2][SKETCH_SHIFTS + 2] = {{0}, {0}};
    sketch_column weights, across, up;
    for (size_t b = 0; b < SKETCH_MINUTIAE; b += BLOCK) {
        block directions = block_at(reference + SKETCH_DIRECTIONS + b);
        block x = block_at(reference + SKETCH_X + b), y = block_at(reference + SKETCH_Y + b);
        block best = {0}, dx = {0}, dy = {0};
        for (size_t i = 0; i < probe->minutiae; i++) {
            block far = beyond(directions, probe->directions[i] + turn_of(turn), p->turn);
            block alike = where_none(far, block_at(likenesses[i] + b));
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
}

/* What is left to decide of one reference: likenesses that the geometry allows, their greatest in
 * each column, and the rows that have any. */
typedef struct {
    sketch_column alike[SKETCH_MINUTIAE];
    sketch_column most;
    uint8_t rows[SKETCH_MINUTIAE];
    size_t count;
} candidates;

static inline int32_t rounded(int32_t sum, int32_t weight)
{
    int32_t twice = 2 * sum + weight, divisor = 2 * weight;
    return twice / divisor - (twice % divisor < 0);
}

/* Keeps what lies within place_first, and corrects the shift by it. */
static void gather(const turned_probe *probe, const uint8_t *reference,
                   const sketch_column *likenesses, const ektp_sketch_parameters *p, size_t turn,
                   size_t minutiae, int32_t shift[2], candidates *left)
{
    uint32_t any[SKETCH_MINUTIAE] = {0};
    int8_t across[SKETCH_MINUTIAE], up[SKETCH_MINUTIAE];
    for (size_t b = 0; b < SKETCH_MINUTIAE; b += BLOCK) {
        block directions = block_at(reference + SKETCH_DIRECTIONS + b);
        block x = block_at(reference + SKETCH_X + b) - (uint8_t)shift[0];
        block y = block_at(reference + SKETCH_Y + b) - (uint8_t)shift[1];
        block best = {0}, dx = {0}, dy = {0};
        for (size_t i = 0; i < probe->minutiae; i++) {
            block right = x - probe->x[turn][i], above = y - probe->y[turn][i];
            block far = beyond(directions, probe->directions[i] + turn_of(turn), p->turn);
            far |= beyond(right, 0, p->place_first) | beyond(above, 0, p->place_first);
            block alike = where_none(far, block_at(likenesses[i] + b));
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
    shift[0] += weight ? rounded(right, weight) : 0;
    shift[1] += weight ? rounded(above, weight) : 0;
    left->count = 0;
    for (size_t i = 0; i < probe->minutiae; i++) {
        left->rows[left->count] = (uint8_t)i;
        left->count += any[i] != 0;
    }
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

void SKETCH(const uint8_t *probe, const uint8_t *sketches, const uint32_t *rows, size_t count,
            const ektp_sketch_parameters *p, uint16_t *scores)
{
    turned_probe turned;
    turn_probe(probe, p, &turned);
    for (size_t k = 0; k < count; k++) {
        const uint8_t *reference = sketches + (rows ? rows[k] : k) * (size_t)EKTP_SKETCH_BYTES;
        if (rows && k + AHEAD < count)
            for (size_t line = 0; line < EKTP_SKETCH_BYTES; line += 64)
                __builtin_prefetch(sketches + rows[k + AHEAD] * (size_t)EKTP_SKETCH_BYTES + line);
        size_t minutiae = reference[SKETCH_COUNT] < SKETCH_MINUTIAE ? reference[SKETCH_COUNT]
                                                                    : SKETCH_MINUTIAE;
        sketch_column alike[SKETCH_MINUTIAE]; /* row i, column j; distances at first */
        apart(probe, turned.minutiae, reference, alike);
        size_t turn = voted_turn(&turned, reference, alike, p->reach, minutiae);
        const sketch_column *likenesses = (const sketch_column *)alike;
        int32_t shift[2];
        candidates left;
        voted_shift(&turned, reference, likenesses, p, turn, minutiae, shift);
        gather(&turned, reference, likenesses, p, turn, minutiae, shift, &left);
        scores[k] = score_of(&turned, reference, p, turn, minutiae, shift, &left);
    }
}

#endif
