/* SPDX-License-Identifier: Apache-2.0 */
/* The stored form of a template (ektp_hw/templates.py), checked before anything is believed. */
#ifndef EKTP_PREPARE_STORED_H
#define EKTP_PREPARE_STORED_H
#include <string.h>

#include "../prepare.h"

enum {
    STORED_START = 12,
    STORED_CHECKSUM = 4,
    STORED_VERSION = 2,
    STORED_FLOW_CELL = 32, /* pixels */
    STORED_MOST_MINUTIAE = 255,
    STORED_MOST_PIXELS = 4095,
    STORED_PIXEL = 16 /* steps */
};

typedef struct {
    uint32_t n, rows, columns; /* rows and columns of ridge flow, 0 where it is not known */
    int version;
    const uint8_t *x, *y;      /* two bytes each, the lower first */
    const uint8_t *direction, *kinds;
    const uint8_t *cells, *turns, *periods;
    const uint8_t *bytes;
    size_t size;
} stored_template;

static inline uint32_t two_bytes(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static inline uint32_t four_bytes(const uint8_t *at)
{
    return two_bytes(at) | two_bytes(at + 2) << 16;
}

static inline void put_four_bytes(uint8_t *at, uint32_t value)
{
    for (int k = 0; k < 4; k++) at[k] = (uint8_t)(value >> 8 * k);
}

/* CRC-32 of ISO/IEC 3309 as zlib has it, eight bytes at once (M. Kounavis, F. Berry, 2005). */
static uint32_t checksum_of(const uint8_t *bytes, size_t size, const uint32_t table[8][256])
{
    uint32_t sum = 0xffffffffu;
    for (; size >= 8; bytes += 8, size -= 8) {
        uint32_t low = sum ^ four_bytes(bytes), high = four_bytes(bytes + 4);
        sum = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^
              table[4][low >> 24] ^ table[3][high & 255] ^ table[2][high >> 8 & 255] ^
              table[1][high >> 16 & 255] ^ table[0][high >> 24];
    }
    for (; size; bytes++, size--) sum = sum >> 8 ^ table[0][(sum ^ *bytes) & 255];
    return ~sum;
}

static uint32_t largest(const uint8_t *column, uint32_t n)
{
    uint32_t most = STORED_PIXEL;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t value = two_bytes(column + 2 * i);
        most = value > most ? value : most;
    }
    return most;
}

static int flow_is_sound(stored_template *self, size_t size)
{
    size_t count = (size_t)self->rows * self->columns, bits = (count + 7) / 8, seen = 0;
    if (size < bits) return 0;
    for (size_t k = 0; k < bits; k++)
        for (unsigned byte = self->cells[k]; byte; byte &= byte - 1) seen++;
    if (count % 8 && self->cells[bits - 1] & (0xffu >> count % 8)) return 0;
    if (size != bits + 2 * seen) return 0;
    self->turns = self->cells + bits;
    self->periods = self->turns + seen;
    for (size_t k = 0; k < seen; k++)
        if (!self->periods[k]) return 0;
    return 1;
}

/* Return whether the bytes are a template, and where in them everything lies. */
static int read_stored(const uint8_t *bytes, size_t size, const ektp_prepare_tables *tables,
                       stored_template *self)
{
    if (size < STORED_START + STORED_CHECKSUM || memcmp(bytes, "EKFT", 4)) return 0;
    uint32_t version = bytes[4], has_flow = bytes[5];
    uint32_t width = two_bytes(bytes + 6), height = two_bytes(bytes + 8), n = two_bytes(bytes + 10);
    size_t end = STORED_START + 6 * (size_t)n;
    if (version < 1 || version > STORED_VERSION || has_flow > 1) return 0;
    if (has_flow ? size < end + STORED_CHECKSUM : size != end + STORED_CHECKSUM) return 0;
    size_t checked = size - STORED_CHECKSUM;
    if (checksum_of(bytes, checked, tables->checksum) != four_bytes(bytes + checked)) return 0;
    *self = (stored_template){.n = n, .version = (int)version, .bytes = bytes, .size = size};
    self->x = bytes + STORED_START;
    self->y = self->x + 2 * (size_t)n;
    self->direction = self->y + 2 * (size_t)n;
    self->kinds = self->direction + n;
    if (n > STORED_MOST_MINUTIAE || width > STORED_MOST_PIXELS || height > STORED_MOST_PIXELS)
        return 0;
    if (largest(self->x, n) > width * STORED_PIXEL || largest(self->y, n) > height * STORED_PIXEL)
        return 0;
    for (uint32_t i = 0; i < n; i++)
        if (self->kinds[i] >> 6 > 2) return 0;
    if (!has_flow) return 1;
    self->rows = (height + STORED_FLOW_CELL - 1) / STORED_FLOW_CELL;
    self->columns = (width + STORED_FLOW_CELL - 1) / STORED_FLOW_CELL;
    self->cells = bytes + end;
    return flow_is_sound(self, checked - end);
}

/* Step of reliability, 0 to 63, of minutia i. */
static inline uint32_t reliability_of(const stored_template *self, uint32_t i,
                                      const ektp_prepare_tables *tables)
{
    uint32_t step = self->kinds[i] & 63u;
    return self->version == 1 ? tables->reliability_1[step] & 63u : step;
}

#endif
