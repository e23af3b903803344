/* Every function of the compiled core. Read by cffi (native/glue.py) and, through ektp_native.h, by
 * the compiler: one declaration, two readers. No preprocessor lines in this file.
 *
 * All functions are pure: they read and write only the arrays given, and hold no state but the
 * instruction set in use. */

/* Instruction sets, best last; what ektp_isa_best and ektp_isa_use speak of. */
enum ektp_isa { EKTP_SCALAR = 0, EKTP_NEON = 1, EKTP_AVX2 = 2, EKTP_AVX512 = 3 };

/* 1 if this processor (and operating system) runs the instruction set and it was built, else 0. */
int ektp_isa_available(int isa);

/* Route every kernel to this instruction set; returns 0, or -1 if it is not available. Not to be
 * called while another thread is inside a kernel. */
int ektp_isa_use(int isa);
