/* SPDX-License-Identifier: Apache-2.0 */
/* Stored templates made into packed ones, for the instruction set of the including file, which
 * defines PREPARE (the function's name). */
#include "../cylinders.h"
#include "../match.h"
#include "area.h"
#include "digest.h"
#include "neighbourhood.h"

static size_t padded_to(size_t size, size_t multiple)
{
    return (size + multiple - 1) / multiple * multiple;
}

static size_t packed_size(size_t minutiae, size_t corners, size_t cells)
{
    size_t room = padded_to(minutiae, 16);
    return sizeof(match_header) + room * (6 * 4 + 2 * CYLINDER_WORDS * 8) + corners * 8 +
           cells * 12;
}

/* Enough for this template, if it is one; 0 if it certainly is none. */
static size_t most_room(const uint8_t *bytes, size_t size)
{
    if (size < STORED_START) return 0;
    size_t n = two_bytes(bytes + 10), cells = bytes[5] ? (size - STORED_START) * 8 : 0;
    size_t most = PREPARE_MOST_CELLS * PREPARE_MOST_CELLS;
    if (n > STORED_MOST_MINUTIAE) return 0;
    return padded_to(packed_size(n, n, cells < most ? cells : most), PREPARE_ALIGNMENT);
}

/* Put 48 bits at the octet's place in a row of words. */
static void put_octet(uint64_t words[CYLINDER_WORDS], int octet, uint64_t bits)
{
    int at = 48 * octet, word = at / 64, shift = at % 64;
    words[word] |= bits << shift;
    if (shift > 16) words[word + 1] |= bits >> (64 - shift);
}

/* Each bit six times. */
static inline uint64_t bands_of(unsigned seen)
{
    uint64_t bits = (seen & 0x0fu) | (uint64_t)(seen & 0xf0u) << 20;
    bits = (bits & 0x3000003u) | (bits & 0xc00000cu) << 10;
    bits = (bits & 0x1001001001u) | (bits & 0x2002002002u) << 5;
    return bits * 63u;
}

static void write_columns(const finger *from, size_t room, const ektp_prepare_tables *tables,
                          float *columns)
{
    int32_t *steps = (int32_t *)(void *)(columns + 5 * room);
    memset(columns, 0, room * 6 * sizeof *columns);
    for (size_t i = 0; i < room; i++) {
        if (i >= (size_t)from->n) {
            columns[i] = columns[room + i] = 1e9f; /* padding lies far away */
            continue;
        }
        uint32_t step = from->step[i];
        columns[i] = (float)from->x[i] * (1.0f / 16.0f);
        columns[room + i] = -((float)-from->y[i] * (1.0f / 16.0f)); /* 0 upwards is -0 */
        columns[2 * room + i] = tables->column_cosine[step];
        columns[3 * room + i] = tables->column_sine[step];
        columns[4 * room + i] = (float)from->trust[i];
        steps[i] = (int32_t)step;
    }
}

static void write_codes(const finger *from, size_t room, const ektp_prepare_tables *tables,
                        uint64_t *codes)
{
    float cell_x[CELLS], cell_y[CELLS];
    for (int c = 0; c < CELLS; c++) {
        cell_x[c] = (float)cell_place(tables, DISC_COLUMN[c]);
        cell_y[c] = (float)cell_place(tables, DISC_ROW[c]);
    }
    uint64_t *masks = codes + room * CYLINDER_WORDS;
    bell shape = bell_of(tables);
    int32_t far = (int32_t)((tables->radius + tables->reach) * 16.0);
    int first = 0, last = 0;
    outline drawn;
    draw_outline(from, &drawn);
    memset(codes, 0, 2 * room * CYLINDER_WORDS * sizeof *codes);
    for (int m = 0; m < from->n; m++, codes += CYLINDER_WORDS, masks += CYLINDER_WORDS) {
        disc_mask mask = {{0}};
        disc_bits bits;
        neighbours near;
        find_area(from, m, tables, &drawn, cell_x, cell_y, &mask);
        find_neighbours(from, m, far, &first, &last, &near);
        find_code(from, m, &near, tables, &shape, &mask, &bits);
        for (int o = 0; o < OCTETS; o++) {
            uint64_t seen = bands_of(mask.seen[o]);
            put_octet(masks, o, seen);
            put_octet(codes, o, bits.set[o] & seen);
        }
    }
}

static void write_flow(const stored_template *from, const ektp_prepare_tables *tables, float *flow)
{
    size_t cells = (size_t)from->rows * from->columns, seen = 0;
    for (size_t c = 0; c < cells; c++) {
        int shows = from->cells[c / 8] >> (7 - c % 8) & 1;
        uint8_t turn = shows ? from->turns[seen] : 0, period = shows ? from->periods[seen] : 0;
        flow[c] = shows ? tables->flow_cosine[turn] : tables->flow_unseen[0];
        flow[cells + c] = shows ? tables->flow_sine[turn] : tables->flow_unseen[1];
        flow[2 * cells + c] = shows ? tables->flow_period[period] : tables->flow_unseen[2];
        seen += (size_t)shows;
    }
}

static void write_hull(const finger *from, float *hull)
{
    for (int k = 0; k < from->corners; k++) {
        hull[2 * k] = (float)from->hull_x[k] * (1.0f / 16.0f);
        hull[2 * k + 1] = -((float)-from->hull_y[k] * (1.0f / 16.0f));
    }
}

/* Returns the bytes written, all of them padded with zeros to the alignment. */
static size_t write_packed(const stored_template *from, const finger *laid_out,
                           const ektp_prepare_tables *tables, uint8_t *to)
{
    size_t room = padded_to(from->n, 16), cells = (size_t)from->rows * from->columns;
    size_t size = packed_size(from->n, (size_t)laid_out->corners, cells);
    match_header header = {.minutiae = from->n, .room = (uint32_t)room, .rows = from->rows,
                           .corners = (uint32_t)laid_out->corners, .columns = from->columns};
    digest_of(from, tables, header.digest);
    memcpy(to, &header, sizeof header);
    float *columns = (float *)(void *)(to + sizeof header);
    uint64_t *codes = (uint64_t *)(void *)(columns + 6 * room);
    float *hull = (float *)(void *)(codes + 2 * room * CYLINDER_WORDS);
    write_columns(laid_out, room, tables, columns);
    write_codes(laid_out, room, tables, codes);
    write_hull(laid_out, hull);
    write_flow(from, tables, hull + 2 * laid_out->corners);
    size_t padded = padded_to(size, PREPARE_ALIGNMENT);
    memset(to + size, 0, padded - size);
    return padded;
}

size_t PREPARE(const uint8_t *stored, const uint64_t *offsets, const uint64_t *sizes, size_t count,
               const ektp_prepare_tables *tables, uint8_t *arena, size_t room, uint64_t *places)
{
    size_t used = 0;
    for (size_t t = 0; t < count; t++) {
        const uint8_t *bytes = stored + offsets[t];
        stored_template from;
        finger laid_out;
        size_t most = most_room(bytes, (size_t)sizes[t]);
        if (!arena) {
            used += most;
            continue;
        }
        places[t] = UINT64_MAX;
        if (!read_stored(bytes, (size_t)sizes[t], tables, &from) || most > room - used) continue;
        lay_out(&from, tables, &laid_out);
        places[t] = used;
        used += write_packed(&from, &laid_out, tables, arena + used);
    }
    return used;
}
