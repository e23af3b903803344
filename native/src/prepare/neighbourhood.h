/* SPDX-License-Identifier: Apache-2.0 */
/* The code of one minutia: which cells and bands of direction its neighbours fill. */
#ifndef EKTP_PREPARE_NEIGHBOURHOOD_H
#define EKTP_PREPARE_NEIGHBOURHOOD_H
#include "disc.h"

enum { WINDOW = 4 }; /* cells each way within reach of a neighbour: reach < 2 cells */

/* Guards: ten times what single precision errs by in a cell's squared distance from a neighbour,
 * and twice the most that it errs by in a sum near the threshold. */
static const float REACH_GUARD = 0.01f, SUM_GUARD = 1e-5f;

typedef struct {
    int count;
    int32_t who[PREPARE_MOST];
    float x[PREPARE_MOST], y[PREPARE_MOST]; /* from the minutia, pixels; whole lanes */
} neighbours;

/* Sums of what neighbours give to the cells, and the cells where single precision may be wrong. */
typedef struct {
    lanes_f sums[SIDE * SIDE];
    uint8_t doubtful[SIDE * SIDE];
} disc;

/* Those of the minutiae from first to last that lie within `far` of minutia m, itself left out. */
#if defined(__AVX512VL__)
static inline int pick_neighbours(const finger *self, int m, int32_t far, int first, int last,
                                  neighbours *near)
{
    const __m512i numbers = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i x = _mm512_set1_epi32(self->x[m]), y = _mm512_set1_epi32(self->y[m]);
    __m512i most = _mm512_set1_epi32(far + 1), least = _mm512_set1_epi32(-far - 1);
    __m512i squared = _mm512_set1_epi32(far * far);
    int count = 0;
    for (int t = first; t <= last; t += 16) {
        __m512i who = _mm512_add_epi32(numbers, _mm512_set1_epi32(t));
        __mmask16 there = _mm512_cmple_epi32_mask(who, _mm512_set1_epi32(last));
        there = _mm512_mask_cmpneq_epi32_mask(there, who, _mm512_set1_epi32(m));
        __m512i dx = _mm512_sub_epi32(_mm512_maskz_loadu_epi32(there, self->x + t), x);
        __m512i dy = _mm512_sub_epi32(_mm512_maskz_loadu_epi32(there, self->y + t), y);
        __m512i cut = _mm512_min_epi32(_mm512_max_epi32(dx, least), most); /* its square fits */
        __m512i sum = _mm512_add_epi32(_mm512_mullo_epi32(cut, cut), _mm512_mullo_epi32(dy, dy));
        __mmask16 within = _mm512_mask_cmple_epi32_mask(there, sum, squared);
        __m512 pixel = _mm512_set1_ps(1.0f / 16.0f);
        __m512 right = _mm512_mul_ps(_mm512_cvtepi32_ps(dx), pixel);
        __m512 above = _mm512_mul_ps(_mm512_cvtepi32_ps(dy), pixel);
        int found = __builtin_popcount(within);
        __mmask16 filled = (__mmask16)((1u << found) - 1);
        _mm512_mask_storeu_epi32(near->who + count, filled,
                                 _mm512_maskz_compress_epi32(within, who));
        _mm512_mask_storeu_ps(near->x + count, filled, _mm512_maskz_compress_ps(within, right));
        _mm512_mask_storeu_ps(near->y + count, filled, _mm512_maskz_compress_ps(within, above));
        count += found;
    }
    return count;
}
#else
static inline int pick_neighbours(const finger *self, int m, int32_t far, int first, int last,
                                  neighbours *near)
{
    int count = 0, x = self->x[m], y = self->y[m];
    int32_t squared = far * far;
    for (int t = first; t <= last; t++) {
        int32_t dx = self->x[t] - x, dy = self->y[t] - y, cut = dx < -far ? -far - 1 : dx;
        cut = cut > far ? far + 1 : cut; /* so that its square fits */
        near->who[count] = t;
        near->x[count] = (float)dx * (1.0f / 16.0f);
        near->y[count] = (float)dy * (1.0f / 16.0f);
        count += (t != m) & (cut * cut + dy * dy <= squared);
    }
    return count;
}
#endif

/* The minutiae from *first to *last are high enough; both only ascend as m does. */
static void find_neighbours(const finger *self, int m, int32_t far, int *first, int *last,
                            neighbours *near)
{
    int y = self->y[m];
    while (y - self->y[*first] > far) ++*first;
    while (*last + 1 < self->n && self->y[*last + 1] - y <= far) ++*last;
    int count = near->count = pick_neighbours(self, m, far, *first, *last, near);
    for (; count % LANES; count++) near->x[count] = near->y[count] = 1e4f; /* out of reach */
}

/* For eight neighbours, along one axis of the disc: first cell of the window, squared distances of
 * its cells from the neighbour and the weights that these give. */
typedef struct {
    int32_t start[LANES];
    lanes_f squared[WINDOW], weight[WINDOW];
} axis;

/* Of the Gaussian of position along one axis. */
typedef struct {
    float radius, step, per_step, first; /* first: adds up to the first cell within reach */
    float falling, growing;              /* -1 / (2 spread^2); -step / spread^2 */
    float shrinking[WINDOW];             /* weight of k steps */
} bell;

static bell bell_of(const ektp_prepare_tables *tables)
{
    float radius = (float)tables->radius, step = 2.0f * radius / (float)SIDE;
    float variance = (float)(tables->position_spread * tables->position_spread);
    bell self = {.radius = radius, .step = step, .per_step = 1.0f / step,
                 .falling = -0.5f / variance, .growing = -step / variance};
    /* Half a cell and one more, less a hair, so that rounding leaves none out. */
    self.first = (radius - (float)tables->reach) / step + 0.49f;
    for (int k = 0; k < WINDOW; k++)
        self.shrinking[k] = expf(self.falling * step * step * (float)(k * k));
    return self;
}

/* What eight neighbours give to the cells of their windows, and which of them reach the last row or
 * column of it (one in five). */
typedef struct {
    axis x, y;
    float weights[WINDOW][WINDOW][LANES];
    unsigned wide, doubtful;
} spread;

/* exp(-(off + k step)^2 / 2 spread^2) for every k, from two powers. */
static inline void spread_along(wide_f place, const bell *shape, wide_i *start,
                                wide_f squared[WINDOW], wide_f weight[WINDOW])
{
    wide_f first = place * shape->per_step + shape->first;
    first = wide_least(wide_most(first, wide_of(0.0f)), wide_of((float)(SIDE - WINDOW)));
    *start = __builtin_convertvector(first, wide_i);
    wide_f cell = (__builtin_convertvector(*start, wide_f) + 0.5f) * shape->step - shape->radius;
    wide_f off = cell - place;
    wide_f grown = wide_exp(wide_most(off * off * shape->falling, wide_of(-80.0f)));
    wide_f growth = wide_exp(wide_least(off * shape->growing, wide_of(20.0f)));
    for (int k = 0; k < WINDOW; k++, off += shape->step, grown *= growth) {
        squared[k] = off * off;
        weight[k] = grown * shape->shrinking[k];
    }
}

/* Along both axes, in one go where a vector holds both. */
#if defined(__AVX512VL__)
static inline void halve(wide_f both, lanes_f *lower, lanes_f *upper)
{
    *lower = (lanes_f)_mm512_castps512_ps256((__m512)both);
    *upper = (lanes_f)_mm512_extractf32x8_ps((__m512)both, 1);
}

static inline void spread_out(lanes_f along, lanes_f across, const bell *shape, spread *self)
{
    wide_f squared[WINDOW], weight[WINDOW];
    wide_i start;
    lanes_f x_start, y_start;
    __m512 place = _mm512_castps256_ps512((__m256)along);
    place = _mm512_insertf32x8(place, (__m256)across, 1);
    spread_along((wide_f)place, shape, &start, squared, weight);
    halve((wide_f)start, &x_start, &y_start);
    memcpy(self->x.start, &x_start, sizeof x_start);
    memcpy(self->y.start, &y_start, sizeof y_start);
    for (int k = 0; k < WINDOW; k++) {
        halve(squared[k], &self->x.squared[k], &self->y.squared[k]);
        halve(weight[k], &self->x.weight[k], &self->y.weight[k]);
    }
}
#else
static inline void spread_out(lanes_f along, lanes_f across, const bell *shape, spread *self)
{
    wide_i x_start, y_start;
    spread_along(along, shape, &x_start, self->x.squared, self->x.weight);
    spread_along(across, shape, &y_start, self->y.squared, self->y.weight);
    memcpy(self->x.start, &x_start, sizeof x_start);
    memcpy(self->y.start, &y_start, sizeof y_start);
}
#endif

static void doubt(const spread *from, unsigned lanes, int column, int row, disc *self)
{
    for (; lanes; lanes &= lanes - 1) {
        int k = __builtin_ctz(lanes);
        self->doubtful[(from->y.start[k] + row) * SIDE + from->x.start[k] + column] = 1;
    }
}

static inline void weigh_windows(float limit, spread *self, disc *out)
{
    lanes_i wide = lanes_of_int(0);
    self->doubtful = 0;
    for (int row = 0; row < WINDOW; row++) {
        for (int column = 0; column < WINDOW; column++) {
            lanes_f squared = self->x.squared[column] + self->y.squared[row];
            lanes_i within = lanes_less(squared, lanes_of(limit));
            lanes_f product = self->x.weight[column] * self->y.weight[row];
            lanes_to(self->weights[row][column], lanes_where(within, product));
            if (row == WINDOW - 1 || column == WINDOW - 1) wide |= within;
            unsigned unsure =
                lanes_less_bits(lanes_size(squared - limit), lanes_of(REACH_GUARD));
            self->doubtful |= unsure;
            if (unsure) doubt(self, unsure, column, row, out);
        }
    }
    self->wide = lanes_bits(wide);
}

/* Add up what the neighbours give to each cell and band. Returns whether any cell is doubtful. */
static int fill_disc(const finger *self, int m, const neighbours *near,
                     const ektp_prepare_tables *tables, const bell *shape, disc *out)
{
    enum { CORE = WINDOW - 1 };
    memset(out, 0, sizeof *out);
    unsigned step = self->step[m], doubtful = 0;
    float cosine = (float)tables->cosine[step], sine = (float)tables->sine[step];
    float limit = (float)(tables->reach * tables->reach);
    for (int first = 0; first < near->count; first += LANES) {
        lanes_f dx = lanes_at(near->x + first), dy = lanes_at(near->y + first);
        spread eight;
        spread_out(cosine * dx + sine * dy, cosine * dy - sine * dx, shape, &eight);
        weigh_windows(limit, &eight, out);
        doubtful |= eight.doubtful;
        int count = near->count - first < LANES ? near->count - first : LANES;
        for (int k = 0; k < count; k++) {
            int t = near->who[first + k];
            const float *turned = tables->band_weight[(self->step[t] - step) & 255];
            lanes_f bands = self->weight[t] * lanes_at(turned);
            lanes_f *cell = out->sums + eight.y.start[k] * SIDE + eight.x.start[k];
            for (int row = 0; row < CORE; row++)
                for (int column = 0; column < CORE; column++)
                    cell[row * SIDE + column] += eight.weights[row][column][k] * bands;
            if (!(eight.wide >> k & 1)) continue;
            for (int row = 0; row < WINDOW; row++)
                cell[row * SIDE + CORE] += eight.weights[row][CORE][k] * bands;
            for (int column = 0; column < CORE; column++)
                cell[CORE * SIDE + column] += eight.weights[CORE][column][k] * bands;
        }
    }
    return doubtful != 0;
}

/* The bands of eight cells that are above the threshold; *nearest: how near any comes to it. */
#if defined(__AVX512VL__)
static inline uint64_t bands_above(const disc *around, int octet, float threshold, lanes_f *nearest)
{
    uint64_t set = 0;
    wide_f gap = wide_of(1.0f);
    for (int k = 0; k < LANES; k += 2) { /* cells of even number have the next beside them */
        int cell = octet * LANES + k;
        wide_f sums =
            wide_at((const float *)(around->sums + DISC_ROW[cell] * SIDE + DISC_COLUMN[cell]));
        unsigned above = wide_less_bits(wide_of(threshold), sums);
        set |= (uint64_t)((above & 0x3fu) | (above >> (LANES - BANDS) & 0xfc0u)) << BANDS * k;
        gap = wide_least(gap, wide_size(sums - threshold));
    }
    lanes_f upper;
    halve(gap, nearest, &upper);
    *nearest = lanes_least(*nearest, upper);
    return set;
}
#else
static inline uint64_t bands_above(const disc *around, int octet, float threshold, lanes_f *nearest)
{
    uint64_t set = 0;
    *nearest = lanes_of(1.0f);
    for (int k = 0; k < LANES; k++) {
        int cell = octet * LANES + k;
        lanes_f sums = around->sums[DISC_ROW[cell] * SIDE + DISC_COLUMN[cell]];
        set |= (uint64_t)lanes_less_bits(lanes_of(threshold), sums) << BANDS * k;
        *nearest = lanes_least(*nearest, lanes_size(sums - threshold));
    }
    return set;
}
#endif

static void find_code(const finger *self, int m, const neighbours *near,
                      const ektp_prepare_tables *tables, const bell *shape, const disc_mask *mask,
                      disc_bits *bits)
{
    disc around;
    int anywhere = fill_disc(self, m, near, tables, shape, &around);
    float threshold = (float)tables->threshold;
    lanes_f guard = lanes_of(SUM_GUARD);
    for (int o = 0; o < OCTETS; o++) {
        lanes_f nearest;
        bits->set[o] = bands_above(&around, o, threshold, &nearest);
        if (!anywhere && !lanes_less_bits(nearest, guard)) continue;
        for (unsigned seen = mask->seen[o]; seen; seen &= seen - 1) {
            int k = __builtin_ctz(seen), cell = o * LANES + k;
            int column = DISC_COLUMN[cell], row = DISC_ROW[cell], at = row * SIDE + column;
            unsigned close = lanes_less_bits(lanes_size(around.sums[at] - threshold), guard);
            if (!around.doubtful[at] && !close) continue;
            uint64_t exact = exact_bands(self, m, column, row, tables);
            bits->set[o] = (bits->set[o] & ~((uint64_t)0x3f << BANDS * k)) | exact << BANDS * k;
        }
    }
}

#endif
