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

/* The minutiae from *first to *last are high enough; both only ascend as m does. */
static void find_neighbours(const finger *self, int m, int32_t far, int *first, int *last,
                            neighbours *near)
{
    int count = 0, x = self->x[m], y = self->y[m];
    int32_t squared = far * far;
    while (y - self->y[*first] > far) ++*first;
    while (*last + 1 < self->n && self->y[*last + 1] - y <= far) ++*last;
    for (int t = *first; t <= *last; t++) {
        int32_t dx = self->x[t] - x, dy = self->y[t] - y, cut = dx < -far ? -far - 1 : dx;
        cut = cut > far ? far + 1 : cut; /* so that its square fits */
        near->who[count] = t;
        near->x[count] = (float)dx * (1.0f / 16.0f);
        near->y[count] = (float)dy * (1.0f / 16.0f);
        count += (t != m) & (cut * cut + dy * dy <= squared);
    }
    near->count = count;
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

/* exp(-(off + k step)^2 / 2 spread^2) for every k, from two powers. */
static inline void spread_along(lanes_f place, const bell *shape, axis *self)
{
    lanes_f first = place * shape->per_step + shape->first;
    first = lanes_least(lanes_most(first, lanes_of(0.0f)), lanes_of((float)(SIDE - WINDOW)));
    lanes_i start = __builtin_convertvector(first, lanes_i);
    memcpy(self->start, &start, sizeof start);
    lanes_f cell = (__builtin_convertvector(start, lanes_f) + 0.5f) * shape->step - shape->radius;
    lanes_f off = cell - place;
    lanes_f grown = lanes_exp(lanes_most(off * off * shape->falling, lanes_of(-80.0f)));
    lanes_f growth = lanes_exp(lanes_least(off * shape->growing, lanes_of(20.0f)));
    for (int k = 0; k < WINDOW; k++, off += shape->step, grown *= growth) {
        self->squared[k] = off * off;
        self->weight[k] = grown * shape->shrinking[k];
    }
}

/* What eight neighbours give to the cells of their windows, and which of them reach the last row or
 * column of it (one in five). */
typedef struct {
    axis x, y;
    float weights[WINDOW][WINDOW][LANES];
    unsigned wide, doubtful;
} spread;

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
        spread_along(cosine * dx + sine * dy, shape, &eight.x);
        spread_along(cosine * dy - sine * dx, shape, &eight.y);
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

static void find_code(const finger *self, int m, const neighbours *near,
                      const ektp_prepare_tables *tables, const bell *shape, const disc_mask *mask,
                      disc_bits *bits)
{
    disc around;
    int anywhere = fill_disc(self, m, near, tables, shape, &around);
    lanes_f threshold = lanes_of((float)tables->threshold), guard = lanes_of(SUM_GUARD);
    for (int o = 0; o < OCTETS; o++) {
        uint64_t set = 0;
        lanes_f nearest = lanes_of(1.0f);
        for (int k = 0; k < LANES; k++) {
            int cell = o * LANES + k;
            lanes_f sums = around.sums[DISC_ROW[cell] * SIDE + DISC_COLUMN[cell]];
            set |= (uint64_t)lanes_less_bits(threshold, sums) << BANDS * k;
            nearest = lanes_least(nearest, lanes_size(sums - threshold));
        }
        bits->set[o] = set;
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
