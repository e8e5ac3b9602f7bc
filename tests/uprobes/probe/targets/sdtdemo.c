// SPDX-License-Identifier: GPL-2.0
/*
 * sdtdemo.c - statically defined probes: two of one name, two providers, operands of all kinds, a semaphore.
 * ODD: and one that perf cannot read, which makes it fail for all.
 * UNUSUAL: and some that are written as compilers do not write them.
 *
 * The notes are those of <sys/sdt.h>, which need not be there.
 */
// clang-format off
#include <stdio.h>
#include <stdlib.h>

#define NOTE(provider, name, semaphore, args, ...)				\
	__asm__ volatile("990: nop\n"						\
			 ".pushsection .note.stapsdt,\"?\",\"note\"\n"		\
			 ".balign 4\n"						\
			 ".4byte 992f-991f, 994f-993f, 3\n"			\
			 "991: .asciz \"stapsdt\"\n"				\
			 "992: .balign 4\n"					\
			 "993: .8byte 990b\n"					\
			 ".8byte _.stapsdt.base\n"				\
			 ".8byte " semaphore "\n"				\
			 ".asciz \"" provider "\"\n"				\
			 ".asciz \"" name "\"\n"				\
			 ".asciz \"" args "\"\n"				\
			 "994: .balign 4\n"					\
			 ".popsection\n"					\
			 ".ifndef _.stapsdt.base\n"				\
			 ".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n" \
			 ".weak _.stapsdt.base\n"				\
			 ".hidden _.stapsdt.base\n"				\
			 "_.stapsdt.base: .space 1\n"				\
			 ".size _.stapsdt.base, 1\n"				\
			 ".popsection\n"					\
			 ".endif\n"						\
			 : : __VA_ARGS__)

__attribute__((section(".probes"), used)) unsigned short demo_asked_semaphore;

__attribute__((noinline)) long work(int i, const char *msg, long *arr, unsigned char c)
{
	long k = arr[i & 3];

	NOTE("demo", "step", "0", "-4@%0 8@%1 -8@%2 1@%3", "r"(i), "r"(msg), "m"(arr[i & 3]), "q"(c));
	NOTE("demo", "plain", "0", "", "r"(i));
	if (i & 1)
		NOTE("demo", "step", "0", "-4@%0 -4@$42", "r"(i + 1));
	NOTE("other", "step", "0", "-2@%0", "r"((short)i));
	NOTE("demo", "asked", "demo_asked_semaphore", "8@%0 -8@-8(%%rsp) 2@%1", "r"(k), "r"((unsigned short)i));
#ifdef ODD
	NOTE("demo", "odd", "0", "4f@%0 8@demo_asked_semaphore(%%rip) -8@(%%rdi,%%rsi,8) 16@%%xmm1 %1 3@%1 4@%%r9d 1@%%r10b 2@%%r11w 8@16(%%r12)",
	     "x"((float)i), "r"(k));
#endif
#ifdef UNUSUAL
	NOTE("demo", "blanks", "0", "\\n-4@%0\\n%1\\v\\t4@$7\\n", "r"(i), "r"(k));
	NOTE("demo", "constant", "0", "8@$demo_asked_semaphore 4@$7", "r"(i));
	NOTE("demo", "vector", "0", "16@%%xmm1 4294967300@%0", "r"(i));
	printf("unusual %d %ld %#lx\n", i, k, (unsigned long)&demo_asked_semaphore);
#endif
	NOTE("demo", "plus", "0", "%0 4@%%r9d 1@%%r10b 2@%%r11w 8@16(%%r12) -4@+8(%%rdi) 8@demo_asked_semaphore(%%rip) -8@(%%rdi,%%rsi,8)", "r"(k));
	return k;
}

int main(int argc, char **argv)
{
	static long arr[] = {1, 2, 3, 4};
	int n = argc > 1 ? atoi(argv[1]) : 3, i;
	long sum = 0;

	for (i = 0; i < n; i++)
		sum += work(i, "hello", arr, (unsigned char)('a' + i));
	printf("%ld\n", sum);
	return 0;
}
