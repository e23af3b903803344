/* SPDX-License-Identifier: Apache-2.0 */
/* The 16 bytes that tell templates of as many minutiae apart: BLAKE2b (RFC 7693) without a key. */
#ifndef EKTP_PREPARE_DIGEST_H
#define EKTP_PREPARE_DIGEST_H
#include "stored.h"

enum { DIGEST_SIZE = 16, DIGEST_BLOCK = 128 };

static const uint64_t DIGEST_START[8] = {
    0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u,
    0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u};

static const uint8_t DIGEST_ORDER[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}};

static inline uint64_t turned(uint64_t word, int by) { return word >> by | word << (64 - by); }

static inline void digest_mix(uint64_t v[16], int a, int b, int c, int d, uint64_t x, uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = turned(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = turned(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = turned(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = turned(v[b] ^ v[c], 63);
}

static void digest_block(uint64_t state[8], const uint8_t *from, uint64_t counted, int last)
{
    uint64_t v[16], words[16];
    for (int k = 0; k < 16; k++)
        words[k] =
            (uint64_t)four_bytes(from + 8 * k) | (uint64_t)four_bytes(from + 8 * k + 4) << 32;
    for (int k = 0; k < 8; k++) {
        v[k] = state[k];
        v[k + 8] = DIGEST_START[k];
    }
    v[12] ^= counted;
    if (last) v[14] = ~v[14];
    for (int round = 0; round < 12; round++) {
        const uint8_t *order = DIGEST_ORDER[round];
        for (int k = 0; k < 4; k++)
            digest_mix(v, k, k + 4, k + 8, k + 12, words[order[2 * k]], words[order[2 * k + 1]]);
        for (int k = 0; k < 4; k++)
            digest_mix(v, k, (k + 1) % 4 + 4, (k + 2) % 4 + 8, (k + 3) % 4 + 12,
                       words[order[2 * k + 8]], words[order[2 * k + 9]]);
    }
    for (int k = 0; k < 8; k++) state[k] ^= v[k] ^ v[k + 8];
}

static void digest_bytes(const uint8_t *bytes, size_t size, uint8_t digest[DIGEST_SIZE])
{
    uint64_t state[8];
    memcpy(state, DIGEST_START, sizeof state);
    state[0] ^= 0x01010000u ^ DIGEST_SIZE;
    size_t at = 0;
    for (; size - at > DIGEST_BLOCK; at += DIGEST_BLOCK)
        digest_block(state, bytes + at, at + DIGEST_BLOCK, 0);
    uint8_t rest[DIGEST_BLOCK] = {0};
    memcpy(rest, bytes + at, size - at);
    digest_block(state, rest, size, 1);
    for (int k = 0; k < DIGEST_SIZE; k++) digest[k] = (uint8_t)(state[k / 8] >> 8 * (k % 8));
}

/* The digest of the template's stored form of the present version. */
static void digest_of(const stored_template *from, const ektp_prepare_tables *tables,
                      uint8_t digest[DIGEST_SIZE])
{
    if (from->version == STORED_VERSION) {
        digest_bytes(from->bytes, from->size, digest);
        return;
    }
    enum { MOST_CELLS = PREPARE_MOST_CELLS * PREPARE_MOST_CELLS };
    uint8_t renewed[STORED_START + 6 * STORED_MOST_MINUTIAE + MOST_CELLS / 8 + 2 * MOST_CELLS +
                    STORED_CHECKSUM];
    size_t kinds = (size_t)(from->kinds - from->bytes), checked = from->size - STORED_CHECKSUM;
    memcpy(renewed, from->bytes, from->size);
    renewed[4] = STORED_VERSION;
    for (uint32_t i = 0; i < from->n; i++)
        renewed[kinds + i] =
            (uint8_t)((from->kinds[i] & 192u) + reliability_of(from, i, tables));
    put_four_bytes(renewed + checked, checksum_of(renewed, checked, tables->checksum));
    digest_bytes(renewed, from->size, digest);
}

#endif
