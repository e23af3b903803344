/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen outputs of a pixel on their way from sums to bytes. Each road has its own registers for
 * them and the same operations, every one rounded alone, so that all give the same bits. */
#ifndef EKTP_CONVOLVE_SIXTEEN_H
#define EKTP_CONVOLVE_SIXTEEN_H
#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)

typedef __m512 sixteen;

static inline sixteen sixteen_at(const float *from) { return _mm512_loadu_ps(from); }

static inline sixteen valued(const int32_t *sums, sixteen scale, sixteen shift)
{
    __m512 sum = _mm512_cvtepi32_ps(_mm512_loadu_si512(sums));
    return _mm512_add_ps(_mm512_mul_ps(sum, scale), shift);
}

static inline sixteen plus(sixteen value, const uint8_t *added, float scale)
{
    __m512i byte = _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)added));
    return _mm512_add_ps(value, _mm512_mul_ps(_mm512_cvtepi32_ps(byte), _mm512_set1_ps(scale)));
}

static inline void put_bytes(uint8_t *to, sixteen value)
{
    value = _mm512_max_ps(value, _mm512_setzero_ps());
    value = _mm512_min_ps(value, _mm512_set1_ps(255.0f));
    _mm_storeu_si128((void *)to, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(value)));
}

static inline void put_floats(float *to, sixteen value) { _mm512_storeu_ps(to, value); }

#elif defined(__AVX2__)

typedef struct {
    __m256 low, high;
} sixteen;

static inline sixteen sixteen_at(const float *from)
{
    return (sixteen){_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
}

static inline __m256 valued_half(const int32_t *sums, __m256 scale, __m256 shift)
{
    __m256 sum = _mm256_cvtepi32_ps(_mm256_loadu_si256((const void *)sums));
    return _mm256_add_ps(_mm256_mul_ps(sum, scale), shift);
}

static inline sixteen valued(const int32_t *sums, sixteen scale, sixteen shift)
{
    return (sixteen){valued_half(sums, scale.low, shift.low),
                     valued_half(sums + 8, scale.high, shift.high)};
}

static inline __m256 plus_half(__m256 value, const uint8_t *added, float scale)
{
    __m256i byte = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)added));
    return _mm256_add_ps(value, _mm256_mul_ps(_mm256_cvtepi32_ps(byte), _mm256_set1_ps(scale)));
}

static inline sixteen plus(sixteen value, const uint8_t *added, float scale)
{
    return (sixteen){plus_half(value.low, added, scale), plus_half(value.high, added + 8, scale)};
}

static inline __m256i cut(__m256 value)
{
    value = _mm256_max_ps(value, _mm256_setzero_ps());
    return _mm256_cvtps_epi32(_mm256_min_ps(value, _mm256_set1_ps(255.0f)));
}

static inline void put_bytes(uint8_t *to, sixteen value)
{
    __m256i words = _mm256_packus_epi32(cut(value.low), cut(value.high)); /* 0-3 8-11 4-7 12-15 */
    words = _mm256_permute4x64_epi64(words, 0xd8);
    __m128i low = _mm256_castsi256_si128(words), high = _mm256_extracti128_si256(words, 1);
    _mm_storeu_si128((void *)to, _mm_packus_epi16(low, high));
}

static inline void put_floats(float *to, sixteen value)
{
    _mm256_storeu_ps(to, value.low);
    _mm256_storeu_ps(to + 8, value.high);
}

#else

typedef struct {
    float at[16];
} sixteen;

static inline sixteen sixteen_at(const float *from)
{
    sixteen value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline sixteen valued(const int32_t *sums, sixteen scale, sixteen shift)
{
    sixteen value;
    for (int o = 0; o < 16; o++) value.at[o] = (float)sums[o] * scale.at[o] + shift.at[o];
    return value;
}

static inline sixteen plus(sixteen value, const uint8_t *added, float scale)
{
    for (int o = 0; o < 16; o++) value.at[o] += (float)added[o] * scale;
    return value;
}

static inline void put_bytes(uint8_t *to, sixteen value)
{
    int32_t bits[16];
    for (int o = 0; o < 16; o++) value.at[o] = value.at[o] > 0.0f ? value.at[o] : 0.0f;
    for (int o = 0; o < 16; o++) value.at[o] = value.at[o] < 255.0f ? value.at[o] : 255.0f;
    /* Adding 1.5 * 2^23 rounds to a whole number, of two to the even one. */
    for (int o = 0; o < 16; o++) value.at[o] += 12582912.0f;
    memcpy(bits, &value, sizeof bits);
    for (int o = 0; o < 16; o++) to[o] = (uint8_t)bits[o];
}

static inline void put_floats(float *to, sixteen value) { memcpy(to, &value, sizeof value); }

#endif

#endif
