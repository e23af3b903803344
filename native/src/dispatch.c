/* SPDX-License-Identifier: Apache-2.0 */
/* Which file serves each kernel. The table is filled once, when Python imports the core. */
#include "cpu.h"
#include "ektp_native.h"

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
    return 0;
}
