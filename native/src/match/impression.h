/* SPDX-License-Identifier: Apache-2.0 */
/* A packed template as the kernel reads it, and how one is moved onto another. */
#ifndef EKTP_MATCH_IMPRESSION_H
#define EKTP_MATCH_IMPRESSION_H
#include "../cylinders.h"
#include "../lanes.h"
#include "../match.h"

typedef struct {
    int n, room, corners, rows, columns;
    const uint8_t *digest;
    const float *x, *y, *cosine, *sine, *trust; /* room floats each */
    const int32_t *step;                        /* direction in 1/256 of a turn */
    const uint64_t *codes, *masks;              /* 8 words a minutia */
    const float *hull;                          /* x, y of each corner, counter-clockwise */
    const float *flow;                          /* cosine, sine, log period: rows x columns each */
} impression;

typedef struct {
    float cosine, sine, x, y;
} motion;

static inline impression impression_of(const void *packed)
{
    const match_header *header = (const match_header *)packed;
    const float *columns = (const float *)(const void *)(header + 1);
    size_t room = header->room;
    impression self = {
        .n = (int)header->minutiae,
        .room = (int)room,
        .corners = (int)header->corners,
        .rows = (int)header->rows,
        .columns = (int)header->columns,
        .digest = header->digest,
        .x = columns,
        .y = columns + room,
        .cosine = columns + 2 * room,
        .sine = columns + 3 * room,
        .trust = columns + 4 * room,
        .step = (const int32_t *)(const void *)(columns + 5 * room),
        .codes = (const uint64_t *)(const void *)(columns + 6 * room),
    };
    self.masks = self.codes + (size_t)CYLINDER_WORDS * room;
    self.hull = (const float *)(const void *)(self.masks + (size_t)CYLINDER_WORDS * room);
    self.flow = self.hull + 2 * (size_t)self.corners;
    return self;
}

#endif
