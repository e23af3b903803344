/* SPDX-License-Identifier: Apache-2.0 */
/* Which file serves each kernel. The table is filled once, when Python imports the core. */
#include "cpu.h"
#include "cylinders.h"
#include "ektp_native.h"
#include "filter_cells.h"
#include "match.h"
#include "prepare.h"

static struct {
    cylinders_kernel *cylinders;
    filter_cells_kernel *filter_cells;
    match_kernel *match;
    prepare_kernel *prepare;
} kernels = {cylinders_scalar, filter_cells_scalar, match_scalar, prepare_scalar};

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
        kernels.cylinders = cylinders_avx512;
        kernels.filter_cells = filter_cells_avx512;
        kernels.match = match_avx512;
        kernels.prepare = prepare_avx512;
        break;
    case EKTP_AVX2:
        kernels.cylinders = cylinders_avx2;
        kernels.filter_cells = filter_cells_avx2;
        kernels.match = match_avx2;
        kernels.prepare = prepare_avx2;
        break;
#elif defined(__aarch64__) || defined(_M_ARM64)
    case EKTP_NEON:
        kernels.cylinders = cylinders_neon;
        kernels.filter_cells = filter_cells_neon;
        kernels.match = match_neon;
        kernels.prepare = prepare_neon;
        break;
#endif
    default:
        kernels.cylinders = cylinders_scalar;
        kernels.filter_cells = filter_cells_scalar;
        kernels.match = match_scalar;
        kernels.prepare = prepare_scalar;
        break;
    }
    return 0;
}

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

size_t ektp_prepare(const uint8_t *stored, const uint64_t *offsets, const uint64_t *sizes,
                    size_t count, const ektp_prepare_tables *tables, uint8_t *arena, size_t room,
                    uint64_t *places)
{
    return kernels.prepare(stored, offsets, sizes, count, tables, arena, room, places);
}
