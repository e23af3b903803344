/* SPDX-License-Identifier: Apache-2.0 */
/* The family "scan" around what each instruction set brings:
 *
 *     distances_of(probe, codes, count, distances)     one code against a row of them
 *     columns_within(rows, turned, most, hits)         SCAN_ROWS codes against SCAN_COLUMNS others
 *
 * The includer defines SCAN(name), the name of its kernels. */
#ifndef EKTP_SCAN_BODY_H
#define EKTP_SCAN_BODY_H

void SCAN(scan)(const uint64_t *probe, const uint64_t *codes, size_t count, uint16_t *distances)
{
    distances_of(probe, codes, count, distances);
}

/* The nearest so far: how many codes of each distance were kept, and below which distance the next
 * one must be to be kept. `nearer` codes were kept below that bound, always fewer than `keep`. */
typedef struct {
    size_t of_distance[SCAN_BITS + 1];
    size_t nearer;
    uint32_t bound;
} tally;

static void count_in(tally *kept, uint32_t distance, size_t keep)
{
    kept->of_distance[distance]++;
    kept->nearer++;
    while (kept->nearer >= keep) kept->nearer -= kept->of_distance[--kept->bound];
}

/* Drop what is further than the bound, and the last ones at the bound if there are too many. */
static size_t tidied(tally *kept, size_t keep, uint32_t *rows, uint16_t *distances, size_t used)
{
    size_t at_bound = keep - kept->nearer, left = 0;
    for (size_t k = 0; k < used; k++) {
        if (distances[k] > kept->bound) continue;
        if (distances[k] == kept->bound) {
            if (at_bound == 0) continue;
            at_bound--;
        }
        rows[left] = rows[k];
        distances[left++] = distances[k];
    }
    return left;
}

static inline int any_below(const uint16_t distances[SCAN_GLANCE], uint32_t bound)
{
    uint16_t least = UINT16_MAX;
    for (size_t k = 0; k < SCAN_GLANCE; k++) least = distances[k] < least ? distances[k] : least;
    return least < bound;
}

size_t SCAN(scan_nearest)(const uint64_t *probe, const uint64_t *codes, size_t count, size_t keep,
                          uint32_t most, uint32_t *rows, uint16_t *distances, size_t room)
{
    tally kept = {{0}, 0, most + 1};
    size_t used = 0;
    if (keep == 0) return 0;
    for (size_t first = 0; first < count; first += SCAN_STRIP) {
        size_t strip = count - first < SCAN_STRIP ? count - first : SCAN_STRIP;
        uint16_t found[SCAN_STRIP];
        distances_of(probe, codes + first * SCAN_WORDS, strip, found);
        for (size_t k = strip; k % SCAN_GLANCE; k++) found[k] = UINT16_MAX;
        if (room - used < strip) used = tidied(&kept, keep, rows, distances, used);
        for (size_t start = 0; start < strip; start += SCAN_GLANCE) {
            if (!any_below(found + start, kept.bound)) continue;
            for (size_t k = start; k < start + SCAN_GLANCE; k++) {
                if (found[k] >= kept.bound) continue;
                rows[used] = (uint32_t)(first + k);
                distances[used++] = found[k];
                count_in(&kept, found[k], keep);
            }
        }
    }
    return tidied(&kept, keep, rows, distances, used);
}

/* Word w of column c to turned[w * SCAN_COLUMNS + c]; columns that are missing become 0. */
static void turn(const uint64_t *codes, size_t count, uint64_t *turned)
{
    memset(turned, 0, sizeof(uint64_t) * SCAN_WORDS * SCAN_COLUMNS);
    for (size_t c = 0; c < count; c++)
        for (size_t w = 0; w < SCAN_WORDS; w++)
            turned[w * SCAN_COLUMNS + c] = scan_word(codes, c * SCAN_WORDS + w);
}

/* Forget the columns below `first` and from `end` on. */
static void keep_between(uint64_t hits[SCAN_HITS], size_t first, size_t end)
{
    for (size_t w = 0; w < SCAN_HITS; w++) {
        if (first >= 64 * (w + 1) || end <= 64 * w) {
            hits[w] = 0;
            continue;
        }
        if (first > 64 * w) hits[w] &= ~(uint64_t)0 << (first - 64 * w);
        if (end < 64 * (w + 1)) hits[w] &= ~(uint64_t)0 >> (64 * (w + 1) - end);
    }
}

static uint16_t distance_at(const uint64_t *row, const uint64_t *codes, size_t column)
{
    uint16_t distance;
    distances_of(row, codes + column * SCAN_WORDS, 1, &distance);
    return distance;
}

size_t SCAN(scan_pairs)(const uint64_t *a, size_t count_a, const uint64_t *b, size_t count_b,
                        uint32_t most, int upper, uint64_t *step, uint64_t stop, uint32_t *pairs,
                        uint16_t *distances, size_t room)
{
    const uint64_t groups = (count_a + SCAN_ROWS - 1) / SCAN_ROWS;
    uint64_t turned[SCAN_WORDS * SCAN_COLUMNS] __attribute__((aligned(64)));
    size_t found = 0, ready = (size_t)-1;
    while (*step < stop) {
        size_t block = (size_t)(*step / groups), group = (size_t)(*step % groups);
        size_t column = block * SCAN_COLUMNS, row = group * SCAN_ROWS;
        size_t columns = count_b - column < SCAN_COLUMNS ? count_b - column : SCAN_COLUMNS;
        if (upper && row + 1 >= column + columns) { /* every column left is at or before its row */
            uint64_t next = (block + 1) * groups;
            *step = next < stop ? next : stop;
            continue;
        }
        if (room - found < (size_t)SCAN_ROWS * SCAN_COLUMNS) break;
        if (ready != block) turn(b + column * SCAN_WORDS, columns, turned);
        ready = block;
        const uint64_t *rows[SCAN_ROWS];
        size_t real = count_a - row < SCAN_ROWS ? count_a - row : SCAN_ROWS;
        for (size_t r = 0; r < SCAN_ROWS; r++)
            rows[r] = a + (row + (r < real ? r : 0)) * SCAN_WORDS;
        uint64_t hits[SCAN_ROWS][SCAN_HITS];
        columns_within(rows, turned, most, hits);
        for (size_t r = 0; r < real; r++) {
            size_t first = upper && row + r + 1 > column ? row + r + 1 - column : 0;
            if (first > 0 || columns < SCAN_COLUMNS) keep_between(hits[r], first, columns);
            for (size_t w = 0; w < SCAN_HITS; w++)
                for (uint64_t left = hits[r][w]; left; left &= left - 1) {
                    size_t c = column + 64 * w + (size_t)__builtin_ctzll(left);
                    pairs[2 * found] = (uint32_t)(row + r);
                    pairs[2 * found + 1] = (uint32_t)c;
                    distances[found++] = distance_at(rows[r], b, c);
                }
        }
        ++*step;
    }
    return found;
}

#endif
