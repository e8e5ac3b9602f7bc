// SPDX-License-Identifier: GPL-2.0
/*
 * survive-code.c - the SIGTRAP handler that a probed program is given.
 *
 * Purpose: while the tool lives, a breakpoint never gets as far as a signal.  If
 * it has been killed, SIGTRAP is delivered, and this code leads the thread to the copy of
 * the instruction that its slot holds.  It writes no text, allocates nothing and asks
 * nothing of the kernel but to return; but once: a program that has not executed any code of its own yet
 * throws away all pages that have been changed (survive_head.young).
 *
 * Each image is the beginning of a page of its own (struct survive_head in survive.h); the table
 * that it looks into is a struct survive_table.
 *
 * Which signals are ours:
 *   SI_KERNEL, siginfo says where the thread stands now    the tool was killed between
 *             having moved it there and letting it go
 *   SI_KERNEL, the pc is in a slot                         the same
 *   SI_KERNEL, the pc is behind a site                     it goes on at the site's slot
 *   TRAP_TRACE, and no TF                                  a step of the tool's: the kernel
 *             has taken TF away.  A program with a handler of its own may step itself, and
 *             the last trap of that comes behind a popf: there only in a slot
 *   TRAP_BRKPT, but not behind int1                        the same, over a system call
 * Everything else is the program's, and goes to the handler that it has set itself, as
 * if it had been called.  Without one the program ends as the kernel would
 * end it: an int3 is executed again, where it stands, with SIGTRAP blocked, which resets the
 * action; for other causes the same is done with an int3 of ours.
 *
 * Offsets are those of the kernel's siginfo and ucontext, a part of its ABI.
 *
 * Locks: none.
 */
#include "host.h"

/* assembly, aligned by hand */
/* clang-format off */

__asm__(
"	.pushsection .rodata\n"
"	.globl	survive_image64, survive_entry64, survive_guard64, survive_restorer64, survive_end64\n"
"	.hidden	survive_image64, survive_entry64, survive_guard64, survive_restorer64, survive_end64\n"
"	.balign	64\n"
"survive_image64:\n"
"	.quad	0			# magic\n"
"	.quad	0			# table\n"
".Lown:	.fill	" SURVIVE_STRING(SURVIVE_OWN) ", 8, 0\n"
"	.quad	0, 0			# tables\n"
".Lyoung: .quad	0\n"
".Ltext:	.fill	2 * (" SURVIVE_STRING(SURVIVE_TEXTS) " + 1), 8, 0\n"
"	.set	.Lclaims, survive_image64 + " SURVIVE_STRING(SURVIVE_SIZE) " / 2\n"

	/* an entry for each of the program's actions: it is known by its address */
"	.balign	64\n"
"survive_entry64:\n"
"	.set	.Lnr, 0\n"
"	.rept	" SURVIVE_STRING(SURVIVE_OWN) "\n"
"	mov	.Lown + 8 * .Lnr(%rip), %r10\n"
"	jmp	0f\n"
"	.balign	" SURVIVE_STRING(SURVIVE_STEP) "\n"
"	.set	.Lnr, .Lnr + 1\n"
"	.endr\n"
".Lentry_of_claim:\n"
"	.set	.Lnr, 0\n"
"	.rept	" SURVIVE_STRING(SURVIVE_CLAIMS) "\n"
"	mov	.Lclaims + 8 + 40 * .Lnr(%rip), %r10\n"
"	jmp	0f\n"
"	.balign	" SURVIVE_STRING(SURVIVE_STEP) "\n"
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
"	cmp	$1, %eax		# TRAP_BRKPT\n"
"	je	11f\n"
"	cmp	$2, %eax		# TRAP_TRACE\n"
"	jne	7f\n"
"	testl	$0x100, 176(%rdx)	# TF\n"
"	jnz	7f\n"
"	cmp	$1, %r10\n"
"	jbe	9f\n"
"	test	$0xfff, %ecx		# what is before it need not be there\n"
"	jz	9f\n"
"	cmpb	$0x9d, -1(%rcx)		# popf\n"
"	je	2f\n"
"	ret\n"

"11:	cmpb	$0xf1, -1(%rcx)		# int1\n"
"	je	7f\n"
"	ret\n"

	/* moved already? */
"1:	cmp	16(%rsi), %rcx\n"
"	jne	2f\n"
"	mov	24(%rsi), %r8\n"
"	test	%r8, %r8\n"
"	jz	9f\n"
"	cmp	160(%rdx), %r8		# its stack pointer\n"
"	je	9f\n"

	/* in a slot? */
"2:	mov	survive_image64 + 8(%rip), %r8\n"
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
"	mov	survive_image64 + 8(%rip), %r9\n"
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
"	cmp	.Lyoung(%rip), %rcx\n"
"	je	.Lyouth\n"
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
"	orq	$0x10, 296(%rdx)	# its mask\n"
"	ret\n"
"3:	int3\n"
"	jmp	3b\n"

	/* its text is the file's again, all of it: no relocation has changed it */
".Lyouth:\n"
"	lea	.Ltext(%rip), %rbx\n"
"1:	mov	(%rbx), %rdi\n"
"	test	%rdi, %rdi\n"
"	jz	9b\n"
"	mov	8(%rbx), %rsi\n"
"	mov	$4, %edx		# MADV_DONTNEED\n"
"	mov	$28, %eax		# madvise\n"
"	syscall\n"
"	add	$16, %rbx\n"
"	jmp	1b\n"

	/*
	 * From a stub: rt_sigaction(SIGTRAP, rsi, rdx, r10) is about to be called, and rcx is where
	 * the program goes on then.  What a system call leaves undefined is free: rcx, r11.  Below
	 * the stack pointer there may be a red zone.
	 */
"	.balign	16\n"
"survive_guard64:\n"
"	lea	-256(%rsp), %rsp\n"
"	push	%rcx\n"
"	push	%rsi\n"
"	push	%r8\n"
"	push	%r9\n"
"	push	%rdi\n"
"	sub	$32, %rsp\n"
"	test	%rsi, %rsi\n"
"	jz	8f\n"
"	cmp	$8, %r10\n"
"	jne	8f\n"
"	testl	$0x80000000, 8(%rsi)	# SA_RESETHAND: cannot be kept\n"
"	jnz	8f\n"
"	lea	survive_image64(%rip), %rax\n"
"	mov	(%rsi), %rcx\n"
"	sub	%rax, %rcx\n"
"	cmp	$4096, %rcx		# ours, which it has been shown\n"
"	jb	8f\n"

	/* a claim that says the same, or else a new one */
"	lea	.Lclaims(%rip), %r8\n"
"	xor	%r9d, %r9d\n"
"1:	xor	%eax, %eax\n"
"	mov	$1, %ecx\n"
"	lock cmpxchg %rcx, (%r8)\n"
"	je	4f\n"
"	cmp	$2, %eax\n"
"	jne	3f\n"
"	xor	%ecx, %ecx\n"
"2:	mov	(%rsi, %rcx, 8), %rax\n"
"	cmp	8(%r8, %rcx, 8), %rax\n"
"	jne	3f\n"
"	inc	%ecx\n"
"	cmp	$4, %ecx\n"
"	jb	2b\n"
"	jmp	6f\n"
"3:	add	$40, %r8\n"
"	inc	%r9d\n"
"	cmp	$" SURVIVE_STRING(SURVIVE_CLAIMS) ", %r9d\n"
"	jb	1b\n"
"	jmp	8f\n"
"4:	xor	%ecx, %ecx\n"
"5:	mov	(%rsi, %rcx, 8), %rax\n"
"	mov	%rax, 8(%r8, %rcx, 8)\n"
"	inc	%ecx\n"
"	cmp	$4, %ecx\n"
"	jb	5b\n"
"	movq	$2, (%r8)\n"

	/* as survive_action() makes it */
"6:	shl	$4, %r9d\n"
"	lea	.Lentry_of_claim(%rip), %rax\n"
"	add	%r9, %rax\n"
"	mov	%rax, (%rsp)\n"
"	cmpq	$1, 8(%r8)\n"
"	jbe	7f\n"
"	mov	16(%r8), %rax\n"
"	or	$4, %rax		# SA_SIGINFO\n"
"	mov	%rax, 8(%rsp)\n"
"	mov	24(%r8), %rax\n"
"	mov	%rax, 16(%rsp)\n"
"	mov	32(%r8), %rax\n"
"	mov	%rax, 24(%rsp)\n"
"	mov	%rsp, %rsi\n"
"	jmp	8f\n"
"7:	movq	$0x1c000004, 8(%rsp)	# SIGINFO RESTART ONSTACK RESTORER\n"
"	lea	survive_restorer64(%rip), %rax\n"
"	mov	%rax, 16(%rsp)\n"
"	movq	$-1, 24(%rsp)\n"
"	mov	%rsp, %rsi\n"
"8:	mov	$13, %eax\n"
"	syscall\n"
"	add	$32, %rsp\n"
"	pop	%rdi\n"
"	pop	%r9\n"
"	pop	%r8\n"
"	pop	%rsi\n"
"	pop	%rcx\n"
"	lea	256(%rsp), %rsp\n"
"	jmp	*%rcx\n"

	/* in the shape by which unwinders know it */
"	.balign	16\n"
"	nop\n"
"survive_restorer64:\n"
"	mov	$15, %rax\n"
"	syscall\n"
"survive_end64:\n"
"	.org	survive_image64 + " SURVIVE_STRING(SURVIVE_STUBS) "	# no further\n"
"	.popsection\n");

/*
 * The same for 32-bit programs.  Nothing is relative to eip there: the address of the page is
 * written into the code.  4(%esp) signo, 8(%esp) siginfo, 12(%esp) ucontext; edi: own handler.
 */
__asm__(
"	.pushsection .rodata\n"
"	.globl	survive_image32, survive_entry32, survive_base32, survive_restorer32, survive_end32\n"
"	.hidden	survive_image32, survive_entry32, survive_base32, survive_restorer32, survive_end32\n"
"	.code32\n"
"	.balign	64\n"
"survive_image32:\n"
"	.quad	0			# magic\n"
"	.quad	0			# table\n"
"	.fill	" SURVIVE_STRING(SURVIVE_OWN) ", 8, 0\n"
"	.quad	0, 0			# tables\n"
"	.quad	0			# young\n"
"	.fill	2 * (" SURVIVE_STRING(SURVIVE_TEXTS) " + 1), 8, 0\n"

"	.balign	64\n"
"survive_entry32:\n"
"	.set	.Lnr, 0\n"
"	.rept	" SURVIVE_STRING(SURVIVE_OWN) "\n"
"	mov	$8 * .Lnr, %edi\n"
"	jmp	0f\n"
"	.balign	" SURVIVE_STRING(SURVIVE_STEP) "\n"
"	.set	.Lnr, .Lnr + 1\n"
"	.endr\n"

"0:	.byte	0xbd			# mov $page, %ebp\n"
"survive_base32:\n"
"	.long	0\n"
"	mov	16(%ebp, %edi), %edi\n"
"	mov	12(%esp), %ecx\n"
"	mov	8(%esp), %edx\n"
"	mov	76(%ecx), %ebx		# its pc\n"
"	mov	8(%edx), %esi		# si_code\n"
"	cmp	$0x80, %esi		# SI_KERNEL\n"
"	je	1f\n"
"	cmp	$1, %esi		# TRAP_BRKPT\n"
"	je	11f\n"
"	cmp	$2, %esi		# TRAP_TRACE\n"
"	jne	7f\n"
"	testl	$0x100, 84(%ecx)	# TF\n"
"	jnz	7f\n"
"	cmp	$1, %edi\n"
"	jbe	9f\n"
"	test	$0xfff, %ebx\n"
"	jz	9f\n"
"	cmpb	$0x9d, -1(%ebx)		# popf\n"
"	je	2f\n"
"	ret\n"

"11:	cmpb	$0xf1, -1(%ebx)		# int1\n"
"	je	7f\n"
"	ret\n"

	/* moved already? */
"1:	cmp	12(%edx), %ebx\n"
"	jne	2f\n"
"	mov	16(%edx), %eax\n"
"	test	%eax, %eax\n"
"	jz	9f\n"
"	cmp	48(%ecx), %eax		# its stack pointer\n"
"	je	9f\n"

	/* in a slot? */
"2:	mov	8(%ebp), %ebp		# table\n"
"	mov	8(%ebp), %eax		# nr_areas\n"
"	lea	16(%ebp), %edx\n"
"3:	test	%eax, %eax\n"
"	jz	4f\n"
"	mov	%ebx, %ecx\n"
"	sub	(%edx), %ecx\n"
"	add	$16, %edx\n"
"	dec	%eax\n"
"	cmp	-8(%edx), %ecx\n"
"	jae	3b\n"
"	ret\n"

	/* behind a site? */
"4:	cmp	$0x80, %esi\n"
"	jne	7f\n"
"	mov	(%ebp), %ebp		# nr_sites\n"
"	dec	%ebx\n"
"5:	test	%ebp, %ebp\n"
"	jz	7f\n"
"	mov	%ebp, %eax\n"
"	shr	%eax\n"
"	mov	%eax, %ecx\n"
"	shl	$4, %ecx\n"
"	add	%edx, %ecx\n"
"	cmp	(%ecx), %ebx\n"
"	je	8f\n"
"	jb	6f\n"
"	lea	16(%ecx), %edx\n"
"	sub	%eax, %ebp\n"
"	dec	%ebp\n"
"	jmp	5b\n"
"6:	mov	%eax, %ebp\n"
"	jmp	5b\n"
"8:	mov	8(%ecx), %eax\n"
"	mov	12(%esp), %ecx\n"
"	mov	%eax, 76(%ecx)\n"
"9:	ret\n"

	/* the program's: arguments are in registers, too, for handlers that take them there */
"7:	mov	12(%esp), %ecx\n"
"	mov	8(%esp), %edx\n"
"	mov	8(%edx), %esi\n"
"	cmp	$1, %edi\n"
"	jb	2f\n"
"	je	1f\n"
"	mov	4(%esp), %eax\n"
"	jmp	*%edi\n"

"1:	test	%esi, %esi\n"
"	jle	9b\n"

"2:	cmp	$0x80, %esi\n"
"	jne	3f\n"
"	mov	76(%ecx), %ebx\n"
"	cmpb	$0xcc, -1(%ebx)\n"
"	jne	3f\n"
"	decl	76(%ecx)\n"
"	orl	$0x10, 108(%ecx)	# its mask\n"
"	ret\n"
"3:	int3\n"
"	jmp	3b\n"

"	.balign	16\n"
"	nop\n"
"survive_restorer32:\n"
"	mov	$173, %eax\n"
"	int	$0x80\n"
"survive_end32:\n"
"	.org	survive_image32 + " SURVIVE_STRING(SURVIVE_STUBS) "	# no further\n"
"	.code64\n"
"	.popsection\n");
/* clang-format on */

extern const u8 survive_image64[], survive_entry64[], survive_guard64[], survive_restorer64[], survive_end64[];
extern const u8 survive_image32[], survive_entry32[], survive_base32[], survive_restorer32[], survive_end32[];

struct survive_code survive_code(bool mode32)
{
	const u8 *image = mode32 ? survive_image32 : survive_image64;

	return (struct survive_code){
		.image = image,
		.size = (unsigned int)((mode32 ? survive_end32 : survive_end64) - image),
		.entry = (unsigned int)((mode32 ? survive_entry32 : survive_entry64) - image),
		.handler_size = (unsigned int)(mode32 ? survive_restorer32 - survive_entry32 :
							survive_guard64 - survive_entry64),
		.guard = mode32 ? 0 : (unsigned int)(survive_guard64 - image),
		.restorer = (unsigned int)((mode32 ? survive_restorer32 : survive_restorer64) - image),
		.base = mode32 ? (unsigned int)(survive_base32 - image) : 0,
	};
}
