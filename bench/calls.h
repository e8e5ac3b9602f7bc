/* SPDX-License-Identifier: GPL-2.0 */
/*
 * calls.h - functions of which each has a twin that nobody probes, byte for byte the same.
 */
#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

/* padded by int3 to 32 bytes: the same place in a cache line for both */
#define CALL_ONE(name, code)                                                                                           \
	__asm__(".text\n.balign 32, 0xcc\n.globl " name "\n.type " name ",@function\n" name ":\n.cfi_startproc\n"      \
		code " ret\n.cfi_endproc\n.size " name ", . - " name "\n.balign 32, 0xcc\n")

#define CALL_TWINS(name, code)                                                                                         \
	long name(long x);                                                                                             \
	long name##_twin(long x);                                                                                      \
	CALL_ONE(#name, code);                                                                                         \
	CALL_ONE(#name "_twin", code)

#endif /* BENCH_CALLS_H */
