// SPDX-License-Identifier: GPL-2.0
/*
 * ifuncs.c - an IFUNC of its own: one variant jumps into another.
 *
 * ifuncs CALLS	prints "chosen calls", "long 0/1" (which one was chosen), "direct calls" of variant_short
 *
 */
#include <stdio.h>
#include <stdlib.h>

long variant_short(long x);
long variant_long(long x);

/* variant_long does its own part, then goes on in variant_short */
__asm__(".text\n"
	".globl variant_short\n"
	".type variant_short,@function\n"
	"variant_short:\n"
	"	.cfi_startproc\n"
	"	lea 1(%rdi),%rax\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size variant_short, . - variant_short\n"
	".globl variant_long\n"
	".type variant_long,@function\n"
	"variant_long:\n"
	"	.cfi_startproc\n"
	"	mov %rdi,%rsi\n"
	"	jmp variant_short\n"
	"	.cfi_endproc\n"
	".size variant_long, . - variant_long\n");

typedef long variant(long x);

static variant *resolve(void)
{
#ifdef TAKE_LONG
	return variant_long;
#else
	unsigned int a = 7, b, c = 0, d;

	/* AVX2 decides: it does not matter which, as long as the program knows */
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return b & (1u << 5) ? variant_long : variant_short;
#endif
}

long chosen(long x) __attribute__((ifunc("resolve")));

int main(int argc, char **argv)
{
	long calls = argc > 1 ? atol(argv[1]) : 100, i, x = 0, y = 0;

	for (i = 0; i < calls; i++)
		x = chosen(x);
	for (i = 0; i < calls / 2; i++)
		y = variant_short(y);
	printf("chosen %ld\nlong %d\ndirect %ld\n", x, resolve() == variant_long, y);
	return 0;
}
