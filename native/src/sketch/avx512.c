/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "sketch/turns.h"

/* Two minutiae of the probe at once, k and k + 16: of 64 bytes each 16 hold eight columns of the
 * one, then the same eight of the other. In which order the columns come does not matter, as long
 * as it is the same everywhere; this one is what packing the counts of bits brings. */
enum { ROWS = SKETCH_MINUTIAE / 2, GROUPS = SKETCH_MINUTIAE / 8 };

typedef uint8_t two_rows[16];

/* The probe's columns, and its places after each turn that a reference has asked for. */
typedef struct {
    const uint8_t *sketch;
    uint32_t turned;      /* one bit a turn */
    uint64_t there[ROWS]; /* bytes of rows that are */
    uint8_t x[SKETCH_TURNS][SKETCH_MINUTIAE], y[SKETCH_TURNS][SKETCH_MINUTIAE];
    two_rows direction_rows[ROWS], x_rows[SKETCH_TURNS][ROWS], y_rows[SKETCH_TURNS][ROWS];
} turned_probe;

static const uint64_t FIRSTS = 0x00ff00ff00ff00ffu; /* bytes of the first of the two rows */

static void lay_rows(const uint8_t column[SKETCH_MINUTIAE], two_rows rows[ROWS])
{
    for (size_t k = 0; k < ROWS; k++) {
        memset(rows[k], column[k], 8);
        memset(rows[k] + 8, column[k + ROWS], 8);
    }
}

static void lay_out_probe(const uint8_t *sketch, turned_probe *probe)
{
    size_t minutiae = sketch_minutiae(sketch);
    probe->sketch = sketch;
    probe->turned = 0;
    lay_rows(sketch + SKETCH_DIRECTIONS, probe->direction_rows);
    for (size_t k = 0; k < ROWS; k++)
        probe->there[k] = (k < minutiae ? FIRSTS : 0) | (k + ROWS < minutiae ? ~FIRSTS : 0);
}

static inline void turn_probe(turned_probe *probe, size_t turn, const ektp_sketch_parameters *p)
{
    if (probe->turned >> turn & 1) return;
    turned_places(probe->sketch, p, turn, probe->x[turn], probe->y[turn]);
    lay_rows(probe->x[turn], probe->x_rows[turn]);
    lay_rows(probe->y[turn], probe->y_rows[turn]);
    probe->turned |= (uint32_t)1 << turn;
}

static inline __m512i four_times(const uint8_t bytes[16])
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)bytes));
}

static inline void store(uint8_t column[SKETCH_MINUTIAE], __m256i value)
{
    _mm256_storeu_si256((__m256i *)(void *)column, value);
}

/* A column of a reference, for both rows. */
static inline __m512i laid_out(const uint8_t column[SKETCH_MINUTIAE])
{
    const __m512i order = _mm512_set_epi16(15, 11, 7, 3, 15, 11, 7, 3, 14, 10, 6, 2, 14, 10, 6, 2,
                                           13, 9, 5, 1, 13, 9, 5, 1, 12, 8, 4, 0, 12, 8, 4, 0);
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)column);
    return _mm512_permutexvar_epi16(order, _mm512_castsi256_si512(bytes));
}

/* Bytes of the first so many columns. */
static inline uint64_t columns_before(size_t minutiae)
{
    static const uint8_t numbers[SKETCH_MINUTIAE] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                                     11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                                     22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    return _mm512_cmplt_epu8_mask(laid_out(numbers), _mm512_set1_epi8((char)minutiae));
}

/* What is most like each column of a reference, and the first of the rows that are. */
typedef struct {
    __m512i most, row;
} nominees;

/* A reference on its way to its score. */
typedef struct {
    __m512i alike[ROWS], x, y;
    uint64_t left[ROWS]; /* where there still is any likeness */
    nominees found;
    size_t turn;
    int32_t shift[2];
} comparison;

static inline void nominate(nominees *self, __m512i alike, size_t k)
{
    uint64_t more = _mm512_cmpgt_epu8_mask(alike, self->most);
    self->most = _mm512_max_epu8(self->most, alike);
    self->row = _mm512_mask_mov_epi8(self->row, more, _mm512_set1_epi8((char)k));
}

/* The first and the second words of a reference, eight minutiae a vector. */
typedef struct {
    __m512i word[2][GROUPS];
} code_words;

/* The bits that differ between a minutia of the probe and all of a reference, in 16 bits each. */
static inline __m512i apart(const turned_probe *probe, size_t i, const code_words *codes)
{
    __m512i first = _mm512_set1_epi64((long long)sketch_word(probe->sketch, 0, i));
    __m512i second = _mm512_set1_epi64((long long)sketch_word(probe->sketch, 1, i));
    __m512i bits[GROUPS];
    for (size_t g = 0; g < GROUPS; g++)
        bits[g] = _mm512_add_epi64(
            _mm512_popcnt_epi64(_mm512_xor_si512(first, codes->word[0][g])),
            _mm512_popcnt_epi64(_mm512_xor_si512(second, codes->word[1][g])));
    return _mm512_packus_epi32(_mm512_packus_epi32(bits[0], bits[1]),
                               _mm512_packus_epi32(bits[2], bits[3]));
}

static inline nominees likenesses(const turned_probe *probe, const uint8_t *reference,
                                  int32_t reach, __m512i alike[ROWS])
{
    nominees found = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    uint64_t columns = columns_before(sketch_minutiae(reference));
    __m512i within = _mm512_set1_epi8((char)reach);
    code_words codes;
    for (size_t half = 0; half < 2; half++)
        for (size_t g = 0; g < GROUPS; g++)
            codes.word[half][g] =
                _mm512_loadu_si512(reference + 8 * SKETCH_MINUTIAE * half + 64 * g);
    for (size_t k = 0; k < ROWS; k++) {
        __m512i bits =
            _mm512_packus_epi16(apart(probe, k, &codes), apart(probe, k + ROWS, &codes));
        alike[k] = _mm512_maskz_subs_epu8(columns & probe->there[k], within, bits);
        nominate(&found, alike[k], k);
    }
    return found;
}

/* What a column of the probe says of the nominees. */
static inline __m512i of_nominees(const nominees *from, const uint8_t column[SKETCH_MINUTIAE])
{
    return _mm512_mask_shuffle_epi8(_mm512_shuffle_epi8(four_times(column), from->row), ~FIRSTS,
                                    four_times(column + ROWS), from->row);
}

static inline __m512i swapped(__m512i rows) { return _mm512_shuffle_epi32(rows, _MM_PERM_BADC); }

/* The value of the first row where the second does not nominate one that is more alike. */
static inline __m256i chosen(uint64_t second, __m512i value)
{
    const __m512i firsts = _mm512_set_epi64(0, 0, 0, 0, 6, 4, 2, 0);
    __m512i either = _mm512_mask_mov_epi8(value, second, swapped(value));
    return _mm512_castsi512_si256(_mm512_permutexvar_epi64(firsts, either));
}

/* Where the second row's nominee is the better one. */
static inline uint64_t seconds(const nominees *from)
{
    return _mm512_cmpgt_epu8_mask(swapped(from->most), from->most);
}

static inline __m512i largest(__m512i values)
{
    __m256i most = _mm256_max_epu16(_mm512_castsi512_si256(values),
                                    _mm512_extracti64x4_epi64(values, 1));
    __m128i four = _mm_max_epu16(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
    __m128i least = _mm_minpos_epu16(_mm_xor_si128(four, _mm_set1_epi16(-1)));
    return _mm512_broadcastw_epi16(_mm_xor_si128(least, _mm_set1_epi16(-1)));
}

/* What a vote gives to the bins of a circle: 2 to its own (else a lone full bin would be no better
 * than those beside it) and 1 to those next to it. Read from where bin 0 stands to the vote's. */
static const uint16_t TURN_VOTE[2 * SKETCH_TURNS] = {
    [0] = 2, [1] = 1, [SKETCH_TURNS - 1] = 1, [SKETCH_TURNS] = 2, [SKETCH_TURNS + 1] = 1,
    [2 * SKETCH_TURNS - 1] = 1};
static const uint16_t SHIFT_VOTE[2 * SKETCH_SHIFTS] = {
    [0] = 2, [1] = 1, [SKETCH_SHIFTS - 1] = 1, [SKETCH_SHIFTS] = 2, [SKETCH_SHIFTS + 1] = 1,
    [2 * SKETCH_SHIFTS - 1] = 1};

/* Columns that vote, one bit each. */
static inline uint32_t voters_of(__m256i weights)
{
    return _mm256_test_epi8_mask(weights, weights);
}

static inline void count_vote(__m512i *sums, const uint16_t *vote, __m512i weight)
{
    *sums = _mm512_add_epi16(*sums, _mm512_mullo_epi16(weight, _mm512_loadu_si512(vote)));
}

/* The first of the bins that have most. */
static inline size_t elected_turn(__m512i sums)
{
    return (size_t)__builtin_ctz(_mm512_cmpeq_epi16_mask(sums, largest(sums)));
}

static inline size_t elected_shift(const __m512i sums[2])
{
    __m512i most = largest(_mm512_max_epu16(sums[0], sums[1]));
    uint64_t first = _mm512_cmpeq_epi16_mask(sums[0], most);
    uint64_t second = _mm512_cmpeq_epi16_mask(sums[1], most);
    return (size_t)__builtin_ctzll(first | second << 32);
}

static inline size_t voted_turn(const turned_probe *probe, const uint8_t *reference,
                                const nominees *from)
{
    uint8_t bins[SKETCH_MINUTIAE], weights[SKETCH_MINUTIAE];
    uint64_t second = seconds(from);
    __m256i weight = chosen(second, from->most);
    __m512i turns = _mm512_sub_epi8(laid_out(reference + SKETCH_DIRECTIONS),
                                    of_nominees(from, probe->sketch + SKETCH_DIRECTIONS));
    turns = _mm512_and_si512(_mm512_srli_epi16(turns, 3), _mm512_set1_epi8(SKETCH_TURNS - 1));
    store(bins, chosen(second, turns));
    store(weights, weight);
    __m512i sums = _mm512_setzero_si512();
    for (uint32_t voters = voters_of(weight); voters; voters &= voters - 1) {
        int j = __builtin_ctz(voters);
        count_vote(&sums, TURN_VOTE + SKETCH_TURNS - bins[j], _mm512_set1_epi16(weights[j]));
    }
    return elected_turn(sums);
}

static inline uint64_t at_most(__m512i value, int32_t most)
{
    return _mm512_cmple_epu8_mask(value, _mm512_set1_epi8((char)most));
}

/* Leaves only what is turned as voted. */
static inline nominees turned_alike(const turned_probe *probe, const uint8_t *reference,
                                    size_t turn, int32_t within, __m512i alike[ROWS])
{
    nominees found = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    __m512i directions = _mm512_sub_epi8(laid_out(reference + SKETCH_DIRECTIONS),
                                         _mm512_set1_epi8((char)(turn_of(turn) - within)));
    for (size_t k = 0; k < ROWS; k++) {
        __m512i off = _mm512_sub_epi8(directions, four_times(probe->direction_rows[k]));
        uint64_t near = at_most(off, 2 * within);
        alike[k] = _mm512_maskz_mov_epi8(near, alike[k]);
        nominate(&found, alike[k], k);
    }
    return found;
}

static inline void voted_shift(const turned_probe *probe, comparison *self)
{
    uint8_t bins[2][SKETCH_MINUTIAE], weights[SKETCH_MINUTIAE];
    uint64_t second = seconds(&self->found);
    __m256i weight = chosen(second, self->found.most);
    store(weights, weight);
    const uint8_t *columns[2] = {probe->x[self->turn], probe->y[self->turn]};
    __m512i places[2] = {self->x, self->y}, sums[2][2];
    for (size_t axis = 0; axis < 2; axis++) {
        __m512i off = _mm512_sub_epi8(places[axis], of_nominees(&self->found, columns[axis]));
        off = _mm512_and_si512(_mm512_srli_epi16(off, 2), _mm512_set1_epi8(SKETCH_SHIFTS - 1));
        store(bins[axis], chosen(second, off));
        sums[axis][0] = sums[axis][1] = _mm512_setzero_si512();
    }
    for (uint32_t voters = voters_of(weight); voters; voters &= voters - 1) {
        int j = __builtin_ctz(voters);
        for (size_t axis = 0; axis < 2; axis++) {
            const uint16_t *vote = SHIFT_VOTE + SKETCH_SHIFTS - bins[axis][j];
            count_vote(&sums[axis][0], vote, _mm512_set1_epi16(weights[j]));
            count_vote(&sums[axis][1], vote + SKETCH_SHIFTS / 2, _mm512_set1_epi16(weights[j]));
        }
    }
    for (size_t axis = 0; axis < 2; axis++) self->shift[axis] = shift_of(elected_shift(sums[axis]));
}

/* Where two rows come to lie within so much of their places after the shift. */
static inline uint64_t near_places(const turned_probe *probe, const comparison *self, size_t k,
                                   int32_t within)
{
    __m512i left = _mm512_sub_epi8(self->x, _mm512_set1_epi8((char)(self->shift[0] - within)));
    __m512i below = _mm512_sub_epi8(self->y, _mm512_set1_epi8((char)(self->shift[1] - within)));
    __m512i x = _mm512_sub_epi8(left, four_times(probe->x_rows[self->turn][k]));
    __m512i y = _mm512_sub_epi8(below, four_times(probe->y_rows[self->turn][k]));
    return at_most(_mm512_max_epu8(x, y), 2 * within);
}

/* Leaves only what is placed alike. */
static inline void gather(const turned_probe *probe, int32_t within, comparison *self)
{
    nominees found = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    for (size_t k = 0; k < ROWS; k++) {
        uint64_t near = near_places(probe, self, k, within);
        __m512i alike = _mm512_maskz_mov_epi8(near, self->alike[k]);
        self->left[k] = _mm512_test_epi8_mask(alike, alike);
        self->alike[k] = alike;
        nominate(&found, alike, k);
    }
    self->found = found;
}

static inline int32_t weighted_sum(__m256i weights, __m256i values)
{
    __m256i pairs = _mm256_maddubs_epi16(weights, values); /* of 128 by 127 at most */
    __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(fours),
                                 _mm256_extracti128_si256(fours, 1));
    sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(1, 0, 3, 2)));
    sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(sums);
}

/* Corrects the shift by what is left to the nominees, in the mean. */
static inline void correct(const turned_probe *probe, comparison *self)
{
    uint64_t second = seconds(&self->found);
    __m256i weights = chosen(second, self->found.most);
    int32_t weight = weighted_sum(weights, _mm256_set1_epi8(1));
    const uint8_t *columns[2] = {probe->x[self->turn], probe->y[self->turn]};
    __m512i places[2] = {self->x, self->y};
    for (size_t axis = 0; axis < 2; axis++) {
        __m512i moved = _mm512_sub_epi8(places[axis], _mm512_set1_epi8((char)self->shift[axis]));
        __m512i off = _mm512_sub_epi8(moved, of_nominees(&self->found, columns[axis]));
        self->shift[axis] += mean_of(weighted_sum(weights, chosen(second, off)), weight);
    }
}

/* In every byte of a row its largest. */
static inline __m512i likest_of_rows(__m512i alike)
{
    alike = _mm512_max_epu8(alike, _mm512_shuffle_i64x2(alike, alike, _MM_SHUFFLE(1, 0, 3, 2)));
    alike = _mm512_max_epu8(alike, _mm512_shuffle_i64x2(alike, alike, _MM_SHUFFLE(2, 3, 0, 1)));
    alike = _mm512_max_epu8(alike, _mm512_rol_epi64(alike, 32));
    alike = _mm512_max_epu8(alike, _mm512_rol_epi64(alike, 16));
    return _mm512_max_epu8(alike, _mm512_rol_epi64(alike, 8));
}

/* Leaves only what is placed alike after the corrected shift, and adds up the pairs that prefer
 * each other. */
static inline uint16_t agreed(const turned_probe *probe, int32_t within, comparison *self)
{
    __m512i most = _mm512_setzero_si512(), upper = _mm512_loadu_si512(self->left + 8);
    __m512i lower = _mm512_loadu_si512(self->left);
    uint32_t left = _mm512_test_epi64_mask(lower, lower) |
                    (uint32_t)_mm512_test_epi64_mask(upper, upper) << 8;
    for (uint32_t rest = left; rest; rest &= rest - 1) {
        size_t k = (size_t)__builtin_ctz(rest);
        uint64_t near = near_places(probe, self, k, within);
        self->alike[k] = _mm512_maskz_mov_epi8(near, self->alike[k]);
        most = _mm512_max_epu8(most, self->alike[k]);
    }
    most = _mm512_max_epu8(most, swapped(most));
    uint64_t both = 0;
    for (uint32_t rest = left; rest; rest &= rest - 1) {
        __m512i row = self->alike[__builtin_ctz(rest)];
        both |= _mm512_mask_cmpeq_epu8_mask(_mm512_cmpeq_epu8_mask(row, most), row,
                                            likest_of_rows(row));
    }
    both = (both | both >> 8) & FIRSTS;
    __m512i sums = _mm512_sad_epu8(_mm512_maskz_mov_epi8(both, most), _mm512_setzero_si512());
    return (uint16_t)_mm512_reduce_add_epi64(sums);
}

/* Each step waits for the one before, so that several references go through them side by side. */
static inline void compared(turned_probe *probe, const uint8_t *const *references, size_t count,
                            const ektp_sketch_parameters *p, uint16_t *scores)
{
    comparison all[SKETCH_AT_ONCE];
    for (size_t k = 0; k < count; k++) {
        comparison *one = all + k;
        one->x = laid_out(references[k] + SKETCH_X);
        one->y = laid_out(references[k] + SKETCH_Y);
        one->found = likenesses(probe, references[k], p->reach, one->alike);
    }
    for (size_t k = 0; k < count; k++) {
        all[k].turn = voted_turn(probe, references[k], &all[k].found);
        turn_probe(probe, all[k].turn, p);
    }
    for (size_t k = 0; k < count; k++)
        all[k].found = turned_alike(probe, references[k], all[k].turn, p->turn, all[k].alike);
    for (size_t k = 0; k < count; k++) voted_shift(probe, all + k);
    for (size_t k = 0; k < count; k++) gather(probe, p->place_first, all + k);
    for (size_t k = 0; k < count; k++) correct(probe, all + k);
    for (size_t k = 0; k < count; k++) scores[k] = agreed(probe, p->place, all + k);
}

#define SKETCH sketch_avx512
#include "sketch/kernel.h"
