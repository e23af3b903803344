/* Every function of the compiled core. Read by cffi (native/glue.py) and, through ektp_native.h, by
 * the compiler: one declaration, two readers. No preprocessor lines in this file.
 *
 * All functions are pure: they read and write only the arrays given, and hold no state but the
 * instruction set in use. */

/* Instruction sets, best last; what ektp_isa_best and ektp_isa_use speak of. */
enum ektp_isa { EKTP_SCALAR = 0, EKTP_NEON = 1, EKTP_AVX2 = 2, EKTP_AVX512 = 3 };

/* 1 if this processor (and operating system) runs the instruction set and it was built, else 0. */
int ektp_isa_available(int isa);

/* Route every kernel to this instruction set; returns 0, or -1 if it is not available. Not to be
 * called while another thread is inside a kernel. */
int ektp_isa_use(int isa);

/* Family "cylinders": how alike the neighbourhoods of minutiae are.
 *
 * Codes and masks are rows of 8 words (512 bits); a code has no bit outside its mask. For probe row
 * p and reference row r, with both = |code_p & code_r| and
 * total = |code_p & mask_r| + |code_r & mask_p|,
 *
 *     similarities[p * references + r] = floor(510 * both / (total + prior)),  0 to 255.
 *
 * prior is 1 to 65535: bits of disagreement that every pair starts with. */
void ektp_cylinders(const uint64_t *probe_codes, const uint64_t *probe_masks, size_t probes,
                    const uint64_t *reference_codes, const uint64_t *reference_masks,
                    size_t references, uint32_t prior, uint8_t *similarities);

/* Family "filter_cells": a picture under filters that change from cell (4 x 4 pixels) to cell.
 *
 * chosen[row * columns + column] is the cell's filter; below 0 the cell's output is left as it is.
 * Filter f has the taps first[f] to first[f + 1] - 1. A tap stands on one row of the picture, as
 * wide as a cell and one pixel more, and serves the four rows of the cell, each by two weights:
 * with at = (4 row + down[t]) * stride + 4 column + across[t],
 *
 *     sum[y][x] += weights[8 t + 2 y] * picture[at + x] + weights[8 t + 2 y + 1] * picture[at + x + 1]
 *
 * in 32 bits that wrap around, and filtered[4 row + y][4 column + x] = (float) sum[y][x] * scale.
 * Eight pixels are read at each tap. */
void ektp_filter_cells(const int16_t *picture, size_t stride, const int32_t *chosen, size_t rows,
                       size_t columns, const uint8_t *down, const uint8_t *across,
                       const int16_t *weights, const uint32_t *first, float scale,
                       float *filtered);

/* Family "match": one fingerprint against many, all of `ektp_hw.fingerprint.comparison` but the
 * weighing. Lengths are pixels at 500 ppi; cosines are of angles; what each is say the dataclasses
 * that fill this in, `ektp_hw.fingerprint.comparison_parameters`. */
typedef struct {
    int32_t prior;     /* of ektp_cylinders */
    int32_t votes;     /* at most 256 */
    int32_t proposals; /* at most 64 */
    int32_t finalists; /* at most 8 */
    int32_t window;    /* sectors of 1/64 turn each way, at most 31 */
    float align_reach, stretch, align_cosine, align_rigidity, copy_cosine, copy_shift;
    float hopeless, reach_first, reach, pair_cosine, smoothness, stiffness, pair_rigidity;
    float area_margin, ring;
    float cosines[256]; /* of k/256 of a turn */
} ektp_match_parameters;

/* Bytes of a packed template's start, see src/match.h; the columns follow as `ektp_hw.native.pack`
 * writes them. All of it lies at a multiple of 64. */
enum { EKTP_MATCH_HEADER = 64 };

/* cues: 9 floats for each reference: pairs, fit, likeness, common_a, common_b, flow_cells,
 * flow_agreement, period_gap (`ektp_hw.fingerprint.comparison.CUES`). partners: NULL, or room for
 * 256: for the last reference, whom each minutia of the impression laid over the other is paired
 * with, -1 for nobody. Packed templates are trusted. */
void ektp_match(const void *probe, const void *const *references, size_t count,
                const ektp_match_parameters *parameters, float *cues, int32_t *partners);

/* Family "scan": codes of 8 words (512 bits) by their distance, the number of bits that differ.
 *
 * ektp_scan: the distance of one code to each of many. */
void ektp_scan(const uint64_t *probe, const uint64_t *codes, size_t count, uint16_t *distances);

/* The `keep` codes nearest to the probe that are no further than most (at most 512), of equally far
 * ones the first; found in one pass. Writes their rows, rising, and their distances, and returns
 * how many there are. Both arrays are scratch in between: room is at least keep + 256. count is
 * below 2^32. */
size_t ektp_scan_nearest(const uint64_t *probe, const uint64_t *codes, size_t count, size_t keep,
                         uint32_t most, uint32_t *rows, uint16_t *distances, size_t room);

/* Every pair of a row of a and a row of b that is no further apart than most; if upper is not 0,
 * only those whose row of a is the lower number (for b = a: each pair once). The work is cut into
 * steps: EKTP_SCAN_COLUMNS rows of b (the outer loop) by EKTP_SCAN_ROWS rows of a. Does the steps
 * from *step to before stop, and leaves off early before a step that may not find room for all its
 * pairs; *step becomes the first step not done. Pairs (row of a, row of b) come step by step, in a
 * step in rising order; returns how many. room is at least EKTP_SCAN_ROWS * EKTP_SCAN_COLUMNS. */
enum { EKTP_SCAN_ROWS = 4, EKTP_SCAN_COLUMNS = 256 };
size_t ektp_scan_pairs(const uint64_t *a, size_t count_a, const uint64_t *b, size_t count_b,
                       uint32_t most, int upper, uint64_t *step, uint64_t stop, uint32_t *pairs,
                       uint16_t *distances, size_t room);

/* Family "sketch": up to 32 minutiae of a finger in 640 bytes, one finger against many.
 *
 * A sketch is columns of 32 minutiae: first and second word of the codes (uint64), direction in
 * 1/256 of a turn, x and y (upwards) in units of which 128 is the middle (uint8 each); then the
 * number of minutiae (uint8) and 31 bytes that are not read. Directions and coordinates wrap
 * around. Minutiae i of the probe and j of the reference are alike by
 * max(0, reach - bits of their codes that differ). Then
 *  1. each j votes, by how alike it is, for the turn to the first i that is most like it, in bins
 *     of 8/256; the turn is the middle of the bin that has most votes, where its own count twice
 *     and those of its two neighbours once;
 *  2. among the i whose direction, turned, is within `turn` of its own, each j votes likewise for
 *     the shift along x and that along y, in bins of 4 units;
 *  3. from here on i and j are alike by 0 unless i, turned and shifted, is within `turn` of j in
 *     direction and within `place_first` in x and in y. The shift is corrected by what is left
 *     between each j and the first i most like it, in the mean of all j weighted by how alike;
 *  4. with that shift, what is not within `place` counts no more. A pair counts if it is the
 *     likest of its row and of its column, each column once; the score is the sum of such pairs.
 * Of equal bins the first counts; means are rounded, halves up. */
enum { EKTP_SKETCH_MINUTIAE = 32, EKTP_SKETCH_BYTES = 640 };
typedef struct {
    int32_t reach;        /* bits, 0 to 128 */
    int32_t turn;         /* 1/256 of a turn, 0 to 127 */
    int32_t place_first;  /* units, 0 to 127 */
    int32_t place;        /* units, 0 to 127 */
    int16_t cosines[256]; /* of k/256 of a turn, 2^14 is 1 */
} ektp_sketch_parameters;

/* Scores of sketches[rows[k]], or of sketches[k] where rows is NULL. */
void ektp_sketch(const uint8_t *probe, const uint8_t *sketches, const uint32_t *rows, size_t count,
                 const ektp_sketch_parameters *parameters, uint16_t *scores);

/* Family "glimpse": half of each code of a sketch, without geometry, for a first look at everybody.
 *
 * Of sketches[rows[k]] (of sketches[k] where rows is NULL): the sum over its minutiae of
 * max(0, reach - bits) with the least number of bits in which the first word of its code differs
 * from that of one of the probe's first `minutiae` minutiae. reach is 0 to 64. */
void ektp_glimpse(const uint8_t *probe, const uint8_t *sketches, const uint32_t *rows, size_t count,
                  size_t minutiae, int32_t reach, uint16_t *scores);

/* Many probes, each with some of the sketches: which pairs reach both limits, the first sight's
 * (ektp_glimpse) and then the whole sketch's (ektp_sketch). Pair k is of the sketch
 * sketches[rows[pairs[2k]]] and of the probe pairs[2k + 1]; kept[k] is 1 or 0. starts has room for
 * probe_count + 1 numbers, room for 3 * count; what is in them afterwards means nothing. Returns -1
 * if a pair is of a row or a probe that is not there, else 0; rows are not looked at. */
typedef struct {
    uint32_t minutiae;             /* of the probe that count at first sight */
    int32_t reach;                 /* bits, as ektp_glimpse takes it */
    uint32_t least_at_first_sight; /* score */
    uint32_t least_alike;          /* score */
} ektp_sift_parameters;
int ektp_sift(const uint8_t *probes, size_t probe_count, const uint8_t *sketches,
              const uint32_t *rows, size_t row_count, const uint32_t *pairs, size_t count,
              const ektp_sift_parameters *limits, const ektp_sketch_parameters *parameters,
              uint64_t *starts, uint32_t *room, uint8_t *kept);

/* Family "prepare": stored templates (`ektp_hw.templates`) made ready for ektp_match. What the
 * tables hold says the function that fills them in, `ektp_hw.native.prepare_tables`; k is a stored
 * byte, 256 steps a turn. */
typedef struct {
    double direction[256], cosine[256], sine[256]; /* radians, and of them */
    float column_cosine[256], column_sine[256];    /* as the packed columns have them */
    double trust[64];                              /* of each step of reliability, not yet relative */
    uint8_t reliability_1[64];                     /* step of reliability of version 1 */
    uint8_t reserved[64];
    float flow_cosine[256], flow_sine[256], flow_period[256];
    float flow_unseen[3];                          /* the same of a cell without ridges: NaN */
    float band_weight[256][8]; /* of a neighbour turned by k, for each of 6 bands, then 0, 0 */
    double radius, reach, position_spread, direction_spread, threshold, most_trust, margin;
    uint32_t checksum[8][256]; /* of CRC-32, for eight bytes at once */
} ektp_prepare_tables;

/* Template t is the sizes[t] bytes at stored + offsets[t]; they are checked as
 * FingerprintTemplate.from_bytes does and copied nowhere. Each is written as a packed template
 * (src/match.h) into arena, which lies at a multiple of 64 and has room for so many bytes;
 * places[t] is its distance from the arena's start, UINT64_MAX if the bytes are no template.
 *
 * Returns how many bytes of the arena were used; without an arena (NULL), how many are enough. */
size_t ektp_prepare(const uint8_t *stored, const uint64_t *offsets, const uint64_t *sizes,
                    size_t count, const ektp_prepare_tables *tables, uint8_t *arena, size_t room,
                    uint64_t *places);

/* Family "convolve": one layer of a convolutional network in eight bits.
 *
 * Pictures are rows of pixels of `inputs` (or `outputs`) bytes, whole pixels side by side; a stride is
 * the distance in bytes from one row to the next. With taps numbered row by row, for pixel
 * (row, column) and output o
 *
 *     sum   = sum over i, j below side, c below inputs of weight[o][i][j][c] *
 *             source[(row * step + i * dilation) * source_stride
 *                    + (column * step + j * dilation) * inputs + c]
 *     value = (float) sum * scale[o] + shift[o]
 *
 * in 32 bits, then in single precision with every operation rounded. Where numbers is not NULL, it
 * gets the values of the first `kept` outputs, numbers[(row * columns + column) * kept + o]. Else
 * every pixel stands for repeat x repeat of the result, each of which is
 *
 *     out = value + added * added_scale (where added is not NULL), cut to 0 to 255, to the nearest
 *           whole number, of two the even one
 *
 * with added laid out as out, but by its own stride. The weights are told three times, in the orders
 * that the roads want (src/convolve.h); scale and shift hold outputs floats each. */
typedef struct {
    const uint8_t *source;
    size_t source_stride, rows, columns; /* rows and columns before the repetition */
    size_t inputs;                       /* a multiple of 4, at most 256 */
    size_t outputs;                      /* a multiple of 16 */
    size_t side, step, dilation;         /* side is 1 or 3 */
    const int8_t *by_rows, *by_fours;
    const int16_t *by_twos;
    const float *scale, *shift;
    size_t repeat;
    const uint8_t *added;
    size_t added_stride;
    float added_scale;
    uint8_t *out;
    size_t out_stride;
    float *numbers;
    size_t kept;
} ektp_convolution;

void ektp_convolve(const ektp_convolution *layer);
