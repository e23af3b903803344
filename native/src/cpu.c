/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#if defined(__x86_64__) || defined(_M_X64)

#if defined(_MSC_VER)
#include <intrin.h>
static void cpuid(int leaf, int subleaf, unsigned out[4]) { __cpuidex((int *)out, leaf, subleaf); }
static unsigned long long saved_state(void) { return _xgetbv(0); }
#else
#include <cpuid.h>
static void cpuid(int leaf, int subleaf, unsigned out[4])
{
    out[0] = out[1] = out[2] = out[3] = 0;
    __get_cpuid_count((unsigned)leaf, (unsigned)subleaf, &out[0], &out[1], &out[2], &out[3]);
}
static unsigned long long saved_state(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((unsigned long long)high << 32) | low;
}
#endif

/* Does the operating system save the registers named by this XCR0 mask? */
static int system_saves(unsigned long long mask)
{
    unsigned r[4];
    cpuid(1, 0, r);
    if (!(r[2] & (1u << 27))) return 0; /* OSXSAVE */
    return (saved_state() & mask) == mask;
}

int cpu_has_avx2(void)
{
    unsigned one[4], seven[4];
    cpuid(1, 0, one);
    cpuid(7, 0, seven);
    int fma = (one[2] >> 12) & 1, popcnt = (one[2] >> 23) & 1;
    int bmi1 = (seven[1] >> 3) & 1, avx2 = (seven[1] >> 5) & 1, bmi2 = (seven[1] >> 8) & 1;
    return fma && popcnt && bmi1 && avx2 && bmi2 && system_saves(0x6);
}

int cpu_has_avx512(void)
{
    unsigned seven[4];
    cpuid(7, 0, seven);
    int f = (seven[1] >> 16) & 1, dq = (seven[1] >> 17) & 1;
    int bw = (seven[1] >> 30) & 1, vl = (seven[1] >> 31) & 1;
    int vpopcntdq = (seven[2] >> 14) & 1;
    return f && dq && bw && vl && vpopcntdq && cpu_has_avx2() && system_saves(0xe6);
}

int cpu_has_avx512_vnni(void)
{
    unsigned seven[4];
    cpuid(7, 0, seven);
    return ((seven[2] >> 11) & 1) && cpu_has_avx512();
}

#else

int cpu_has_avx2(void) { return 0; }
int cpu_has_avx512(void) { return 0; }
int cpu_has_avx512_vnni(void) { return 0; }

#endif
