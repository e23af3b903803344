/* SPDX-License-Identifier: Apache-2.0 */
/* The only place that asks the processor what it can do. */
#ifndef EKTP_CPU_H
#define EKTP_CPU_H
int cpu_has_avx2(void);
int cpu_has_avx512(void); /* F, BW, VL, DQ and VPOPCNTDQ, with the state saved by the system */
int cpu_has_avx512_vnni(void); /* these and VNNI */
#endif
