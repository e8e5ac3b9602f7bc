// SPDX-License-Identifier: GPL-2.0
/*
 * survive-code.c - the SIGTRAP handler that a probed program is given.
 *
 * Purpose: while the tool lives, a breakpoint never gets as far as a signal.  If
 * it has been killed, SIGTRAP is delivered, and this code leads the thread to the copy of
 * the instruction that its slot holds.  It writes no text, allocates nothing and asks
 * nothing of the kernel but to return.
 *
 * The image is the beginning of a page of its own (struct survive_head); the table that
 * it looks into is described at survive_table in survive.h.
 *
 * Which signals are ours:
 *   SI_KERNEL, siginfo says where the thread stands now    the tool was killed between
 *             having moved it there and letting it go
 *   SI_KERNEL, the pc is in a slot                         the same
 *   SI_KERNEL, the pc is behind a site                     it goes on at the site's slot
 *   TRAP_TRACE, and no TF                                  a step of the tool's: the kernel
 *             has taken TF away.  A program with a handler of its own may step itself:
 *             there only in a slot
 * Everything else is the program's, and goes to the handler that it has set itself, as
 * if it had been called.  Without one the program ends as the kernel would
 * end it: an int3 is executed again, where it stands, with SIGTRAP blocked, which resets the
 * action; for other causes the same is done with an int3 of ours.
 *
 * Offsets are those of the kernel's siginfo and ucontext, a part of its ABI.
 *
 * Locks: none.
 */
#include "survive.h"

__asm__(".pushsection .rodata\n"
	".globl survive_image, survive_entry, survive_restorer, survive_end\n"
	".hidden survive_image, survive_entry, survive_restorer, survive_end\n"
	"	.balign	64\n"
	"survive_image:\n"
	"	.quad	0	# magic\n"
	"	.quad	0	# table\n"
	".Lown:\n"
	"	.fill	" SURVIVE_STRING(
		SURVIVE_OWN) ", 8, 0\n"
			     "	.quad	0, 0	# tables\n"

			     /* one for each action, so that it is known by its address */
			     "	.balign	64\n"
			     "survive_entry:\n"
			     "	.set	.Lnr, 0\n"
			     "	.rept	" SURVIVE_STRING(
				     SURVIVE_OWN) "\n"
						  "	mov	.Lown + 8 * .Lnr(%rip), %r10\n"
						  "	jmp	0f\n"
						  "	.balign	" SURVIVE_STRING(
							  SURVIVE_STEP) "\n"
									"	.set	.Lnr, .Lnr + 1\n"
									"	.endr\n"

									/*
	 * rdi signo, rsi siginfo, rdx ucontext: kept for the program's own handler,
	 * which is in r10
	 */
									"0:	mov	168(%rdx), %rcx		# its pc\n"
									"	mov	8(%rsi), %eax		# si_code\n"
									"	cmp	$0x80, %eax		# SI_KERNEL\n"
									"	je	1f\n"
									"	cmp	$2, %eax		# TRAP_TRACE\n"
									"	jne	7f\n"
									"	testl	$0x100, 176(%rdx)	# TF\n"
									"	jnz	7f\n"
									"	cmp	$1, %r10\n"
									"	jbe	9f\n"
									"	jmp	2f\n"

									/* moved already? */
									"1:	cmp	16(%rsi), %rcx\n"
									"	jne	2f\n"
									"	mov	24(%rsi), %r8\n"
									"	test	%r8, %r8\n"
									"	jz	9f\n"
									"	cmp	160(%rdx), %r8		# its rsp\n"
									"	je	9f\n"

									/* in a slot? */
									"2:	mov	survive_image+8(%rip), %r8\n"
									"	mov	8(%r8), %r9		# nr_areas\n"
									"	add	$16, %r8\n"
									"3:	test	%r9, %r9\n"
									"	jz	4f\n"
									"	mov	%rcx, %r11\n"
									"	sub	(%r8), %r11\n"
									"	add	$16, %r8\n"
									"	dec	%r9\n"
									"	cmp	-8(%r8), %r11\n"
									"	jae	3b\n"
									"	ret\n"

									/* behind a site? */
									"4:	cmp	$0x80, %eax\n"
									"	jne	7f\n"
									"	mov	survive_image+8(%rip), %r9\n"
									"	mov	(%r9), %r9		# nr_sites\n"
									"	dec	%rcx\n"
									"5:	test	%r9, %r9\n"
									"	jz	7f\n"
									"	mov	%r9, %rax\n"
									"	shr	%rax\n"
									"	mov	%rax, %r11\n"
									"	shl	$4, %r11\n"
									"	add	%r8, %r11\n"
									"	cmp	(%r11), %rcx\n"
									"	je	8f\n"
									"	jb	6f\n"
									"	lea	16(%r11), %r8\n"
									"	sub	%rax, %r9\n"
									"	dec	%r9\n"
									"	jmp	5b\n"
									"6:	mov	%rax, %r9\n"
									"	jmp	5b\n"
									"8:	mov	8(%r11), %rax\n"
									"	mov	%rax, 168(%rdx)\n"
									"9:	ret\n"

									/* the program's */
									"7:	mov	8(%rsi), %eax\n"
									"	cmp	$1, %r10\n"
									"	jb	2f\n"
									"	je	1f\n"
									"	xor	%eax, %eax\n"
									"	jmp	*%r10\n"

									/* ignored: only what was sent can be */
									"1:	test	%eax, %eax\n"
									"	jle	9b\n"

									/* the end */
									"2:	cmp	$0x80, %eax\n"
									"	jne	3f\n"
									"	mov	168(%rdx), %rcx\n"
									"	cmpb	$0xcc, -1(%rcx)\n"
									"	jne	3f\n"
									"	decq	168(%rdx)\n"
									"	orq	$0x10, 296(%rdx)	# uc_sigmask\n"
									"	ret\n"
									"3:	int3\n"
									"	jmp	3b\n"

									/* in the shape by which unwinders know it */
									"	.balign	16\n"
									"	nop\n"
									"survive_restorer:\n"
									"	mov	$15, %rax\n"
									"	syscall\n"
									"survive_end:\n"
									"	.popsection\n");
