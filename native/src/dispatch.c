/* SPDX-License-Identifier: Apache-2.0 */
/* Which file serves each kernel. The table is filled once, when Python imports the core. */
#include "convolve.h"
#include "cpu.h"
#include "cylinders.h"
#include "ektp_native.h"
#include "filter_cells.h"
#include "glimpse.h"
#include "match.h"
#include "prepare.h"
#include "scan.h"
#include "sketch.h"

typedef struct {
    convolve_kernel *convolve;
    cylinders_kernel *cylinders;
    filter_cells_kernel *filter_cells;
    glimpse_kernel *glimpse;
    match_kernel *match;
    prepare_kernel *prepare;
    scan_kernel *scan;
    scan_nearest_kernel *scan_nearest;
    scan_pairs_kernel *scan_pairs;
    sketch_kernel *sketch;
} kernel_table;

#define KERNELS_OF(set)                                                                            \
    {                                                                                              \
        convolve_##set, cylinders_##set, filter_cells_##set, glimpse_##set, match_##set,           \
            prepare_##set, scan_##set, scan_nearest_##set, scan_pairs_##set, sketch_##set,         \
    }

static kernel_table kernels = KERNELS_OF(scalar);

int ektp_isa_available(int isa)
{
    switch (isa) {
    case EKTP_SCALAR:
        return 1;
#if defined(__x86_64__) || defined(_M_X64)
    case EKTP_AVX2:
        return cpu_has_avx2();
    case EKTP_AVX512:
        return cpu_has_avx512();
#elif defined(__aarch64__) || defined(_M_ARM64)
    case EKTP_NEON:
        return 1;
#endif
    default:
        return 0;
    }
}

int ektp_isa_use(int isa)
{
    if (!ektp_isa_available(isa)) return -1;
    switch (isa) {
#if defined(__x86_64__) || defined(_M_X64)
    case EKTP_AVX512:
        kernels = (kernel_table)KERNELS_OF(avx512);
        if (!cpu_has_avx512_vnni()) kernels.convolve = convolve_avx2;
        break;
    case EKTP_AVX2:
        kernels = (kernel_table)KERNELS_OF(avx2);
        break;
#elif defined(__aarch64__) || defined(_M_ARM64)
    case EKTP_NEON:
        kernels = (kernel_table)KERNELS_OF(neon);
        break;
#endif
    default:
        kernels = (kernel_table)KERNELS_OF(scalar);
        break;
    }
    return 0;
}

void ektp_convolve(const ektp_convolution *layer) { kernels.convolve(layer); }

void ektp_cylinders(const uint64_t *probe_codes, const uint64_t *probe_masks, size_t probes,
                    const uint64_t *reference_codes, const uint64_t *reference_masks,
                    size_t references, uint32_t prior, uint8_t *similarities)
{
    kernels.cylinders(probe_codes, probe_masks, probes, reference_codes, reference_masks,
                      references, prior, similarities);
}

void ektp_filter_cells(const int16_t *picture, size_t stride, const int32_t *chosen, size_t rows,
                       size_t columns, const uint8_t *down, const uint8_t *across,
                       const int16_t *weights, const uint32_t *first, float scale, float *filtered)
{
    kernels.filter_cells(picture, stride, chosen, rows, columns, down, across, weights, first,
                         scale, filtered);
}

void ektp_match(const void *probe, const void *const *references, size_t count,
                const ektp_match_parameters *parameters, float *cues, int32_t *partners)
{
    kernels.match(probe, references, count, parameters, cues, partners);
}

void ektp_scan(const uint64_t *probe, const uint64_t *codes, size_t count, uint16_t *distances)
{
    kernels.scan(probe, codes, count, distances);
}

size_t ektp_scan_nearest(const uint64_t *probe, const uint64_t *codes, size_t count, size_t keep,
                         uint32_t most, uint32_t *rows, uint16_t *distances, size_t room)
{
    return kernels.scan_nearest(probe, codes, count, keep, most, rows, distances, room);
}

size_t ektp_scan_pairs(const uint64_t *a, size_t count_a, const uint64_t *b, size_t count_b,
                       uint32_t most, int upper, uint64_t *step, uint64_t stop, uint32_t *pairs,
                       uint16_t *distances, size_t room)
{
    return kernels.scan_pairs(a, count_a, b, count_b, most, upper, step, stop, pairs, distances,
                              room);
}

void ektp_sketch(const uint8_t *probe, const uint8_t *sketches, const uint32_t *rows, size_t count,
                 const ektp_sketch_parameters *parameters, uint16_t *scores)
{
    kernels.sketch(probe, sketches, rows, count, parameters, scores);
}

void ektp_glimpse(const uint8_t *probe, const uint8_t *sketches, const uint32_t *rows, size_t count,
                  size_t minutiae, int32_t reach, uint16_t *scores)
{
    kernels.glimpse(probe, sketches, rows, count, minutiae, reach, scores);
}

size_t ektp_prepare(const uint8_t *stored, const uint64_t *offsets, const uint64_t *sizes,
                    size_t count, const ektp_prepare_tables *tables, uint8_t *arena, size_t room,
                    uint64_t *places)
{
    return kernels.prepare(stored, offsets, sizes, count, tables, arena, room, places);
}
