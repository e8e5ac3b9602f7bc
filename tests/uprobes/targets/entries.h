/* SPDX-License-Identifier: GPL-2.0 */
/*
 * entries.h - functions whose first instruction is known exactly.
 *
 * Purpose: what a probe costs and how it is executed depends on the
 * instruction under it; these are written by hand so that no compiler chooses.
 */
#ifndef UPROBES_TARGETS_ENTRIES_H
#define UPROBES_TARGETS_ENTRIES_H

long entry_push(long x);	/* push %rbp */
long entry_lea(long x);		/* lea: no emulation in mainline, which steps it */
long entry_nop(long x);		/* nop */
long entry_endbr(long x);	/* endbr64 */
long entry_sub(long x);		/* sub $8,%rsp */
long entry_riprel(long x);	/* mov of a word beside the instruction pointer */
long entry_hop(long x);		/* xor %ecx,%ecx, and a loop back to what follows; padding behind the function */

#define ENTRY(name, code)					\
	__asm__(".text\n"					\
		".p2align 4\n"					\
		".globl " name "\n"				\
		".type " name ",@function\n"			\
		name ":\n"					\
		"	.cfi_startproc\n"			\
		code						\
		"	ret\n"					\
		"	.cfi_endproc\n"				\
		".size " name ", . - " name "\n")

#ifdef ENTRIES_HERE
ENTRY("entry_push", "push %rbp\n mov %rsp,%rbp\n lea 1(%rdi),%rax\n pop %rbp\n");
ENTRY("entry_lea", "lea 1(%rdi),%rax\n");
ENTRY("entry_nop", "nop\n lea 1(%rdi),%rax\n");
ENTRY("entry_endbr", "endbr64\n lea 1(%rdi),%rax\n");
ENTRY("entry_sub", "sub $8,%rsp\n lea 1(%rdi),%rax\n add $8,%rsp\n");
ENTRY("entry_riprel", "mov entry_word(%rip),%rax\n add %rdi,%rax\n");
long entry_word = 1;
#endif
#ifdef HOP_HERE
ENTRY("entry_hop", "xor %ecx,%ecx\n 1: inc %ecx\n cmp $2,%ecx\n jne 1b\n lea 1(%rdi),%rax\n");
__asm__(".text\n .skip 9, 0x90\n");
#endif

#endif /* UPROBES_TARGETS_ENTRIES_H */
