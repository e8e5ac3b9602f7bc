// SPDX-License-Identifier: GPL-2.0
/*
 * shapes-asm.S - functions that no compiler would make, or not reliably: short ones back to
 * back, branches into the first bytes, entries that rely on what the caller left in
 * registers and flags, calls whose return address is looked at.
 *
 * long f(long x), called by shapes.c, which knows what each returns.  Nothing is
 * aligned unless it says so: what follows a short function is the next one.
 */

	.macro FUNC name
	.globl \name
	.type \name, @function
\name:
	.cfi_startproc
	.endm

	.macro END name
	.cfi_endproc
	.size \name, . - \name
	.endm

	.data
	.globl asm_word
asm_word:
	.quad 1000
asm_zero:
	.quad 0
/* by this only: the symbol is local, so that the other names the place */
	.globl over_alias_pointer
over_alias_pointer:
	.quad over_alias

	.text
	.p2align 4

/* --- functions of 1 to 4 bytes, back to back ------------------------------ */

FUNC tiny_ret
	ret
END tiny_ret
FUNC tiny_nop
	nop
	ret
END tiny_nop
FUNC tiny_ret_too
	ret
END tiny_ret_too
FUNC tiny_rep
	repz ret
END tiny_rep
FUNC tiny_push
	push %rdi
	pop %rax
	ret
END tiny_push
FUNC tiny_mov
	mov %edi, %eax
	ret
END tiny_mov
FUNC tiny_jmp
	jmp tiny_mov64
END tiny_jmp
FUNC tiny_mov64
	mov %rdi, %rax
	ret
END tiny_mov64
FUNC tiny_lea
	lea 1(%rdi), %eax
	ret
END tiny_lea
FUNC tiny_add
	add %rdi, %rax
	ret
END tiny_add

/* with padding behind them: nops of several bytes, int3 */
	.p2align 4
FUNC tiny_nops
	mov %rdi, %rax
	ret
END tiny_nops
	.p2align 4
FUNC tiny_int3
	mov %edi, %eax
	ret
END tiny_int3
	.balign 16, 0xcc
FUNC tiny_last
	xor %eax, %eax
	ret
END tiny_last
	.balign 16, 0xcc

/* --- branches into the first bytes ----------------------------------------- */

/* to the second instruction: 3x */
FUNC loop_to_second
	mov %rdi, %rax
1:	add $2, %rax
	dec %rdi
	jnz 1b
	ret
END loop_to_second

/* to the first: entered x times; 77 */
FUNC loop_to_entry
	lea -1(%rdi), %rdi
	test %rdi, %rdi
	jnz loop_to_entry
	mov $77, %eax
	ret
END loop_to_entry

/* to the first, all within five bytes: entered x times */
FUNC loop_tight
	dec %edi
	jnz loop_tight
	push $78
	pop %rax
	ret
END loop_tight

/* from another function: x + 3, and from there x + 4 */
FUNC jumped_into
	xor %eax, %eax
.Lmiddle:
	lea 3(%rax, %rdi), %rax
	ret
END jumped_into
FUNC jumps_into
	push $1
	pop %rax
	jmp .Lmiddle
END jumps_into

/* one function within the other's first bytes: 3(x + 5) and 3x */
FUNC over_outer
over_alias:
	add $5, %rdi
	.globl over_inner
	.type over_inner, @function
over_inner:
	lea (%rdi, %rdi, 2), %rax
	ret
	.cfi_endproc
	.size over_inner, . - over_inner
	.size over_outer, . - over_outer
	.type over_alias, @function
	.size over_alias, . - over_alias

/* over the prefix of an instruction, as old C libraries do where there is one thread: x */
FUNC over_lock
	mov %rdi, %rax
	test $1, %dil
	je 1f
	.byte 0xf0
1:	xadd %rax, asm_zero(%rip)
	mov asm_zero(%rip), %rax
	movq $0, asm_zero(%rip)
	ret
END over_lock

/* --- the second instruction is entered, and nothing but padding near has room for a jump --- */

/* all in one page, and more of them than the padding has room for */
	.p2align 8
FUNC hop_two
	xor %ecx, %ecx
1:	inc %ecx
	inc %rdi
	cmp $3, %ecx
	jne 1b
	mov %rdi, %rax
	ret
END hop_two
	.skip 12, 0x90
FUNC hop_one
	push %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	xor %ebx, %ebx
1:	inc %rbx
	cmp $4, %rbx
	jne 1b
	lea (%rdi, %rbx), %rax
	pop %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbx
	ret
END hop_one
	.skip 10, 0xcc
FUNC hop_syscall
	push $39
	pop %rax
	syscall
	lea 5(%rdi), %rax
	ret
END hop_syscall
FUNC hop_jmp
	jmp hop_last
END hop_jmp
FUNC hop_next
	lea 6(%rdi), %rax
	ret
END hop_next
FUNC hop_call
	call *%rax
	add $7, %rax
	ret
END hop_call
FUNC call_hop_call
	lea tiny_mov64(%rip), %rax
	jmp hop_call
END call_hop_call
FUNC hop_last
	lea 8(%rdi), %rax
	ret
END hop_last

/* the first instruction crosses into the next page, or ends there */
	.p2align 12
	.skip 4096 - 3, 0xcc
FUNC page_end
	mov %rdi, %rax
	add $1, %rax
	ret
END page_end
	.p2align 12
	.skip 4096 - 2, 0xcc
FUNC page_cross
	lea 0x100(%rdi), %rax
	ret
END page_cross

/* --- what the caller left -------------------------------------------------- */

FUNC needs_r11
	lea 1(%rdi), %rax
	add %r11, %rax
	ret
END needs_r11
FUNC call_needs_r11
	mov $1000, %r11d
	call needs_r11
	ret
END call_needs_r11

FUNC needs_rax
	add %rdi, %rax
	ret
END needs_rax
FUNC call_needs_rax
	mov $2000, %eax
	call needs_rax
	ret
END call_needs_rax

/* the carry: x + 2 */
FUNC needs_flags
	lea 1(%rdi), %rax
	adc $0, %rax
	ret
END needs_flags
FUNC call_needs_flags
	stc
	call needs_flags
	ret
END call_needs_flags

/* all six flags, one after the other, as bits */
FUNC needs_all_flags
	setc %al
	seto %cl
	sets %dl
	setz %sil
	setp %r8b
	pushf
	pop %r9
	and $0x10, %r9d
	movzbl %al, %eax
	movzbl %cl, %ecx
	lea (%rax, %rcx, 2), %eax
	movzbl %dl, %ecx
	lea (%rax, %rcx, 4), %eax
	movzbl %sil, %ecx
	lea (%rax, %rcx, 8), %eax
	movzbl %r8b, %ecx
	shl $5, %ecx
	or %ecx, %eax
	or %r9d, %eax
	ret
END needs_all_flags
/* flags by x: bit 0 carry, 1 overflow, 2 sign, 3 zero, 4 adjust, 5 parity */
FUNC call_needs_all_flags
	mov %edi, %eax
	and $1, %eax
	mov %edi, %ecx
	and $2, %ecx
	shl $10, %ecx
	or %ecx, %eax
	mov %edi, %ecx
	and $4, %ecx
	shl $5, %ecx
	or %ecx, %eax
	mov %edi, %ecx
	and $8, %ecx
	shl $3, %ecx
	or %ecx, %eax
	mov %edi, %ecx
	and $16, %ecx
	or %ecx, %eax
	mov %edi, %ecx
	and $32, %ecx
	shr $3, %ecx
	or %ecx, %eax
	pushf
	andl $~0x8d5, (%rsp)
	or %eax, (%rsp)
	popf
	call needs_all_flags
	ret
END call_needs_all_flags

/* the flags a function returns: 1 if x < 5 */
FUNC gives_flags
	cmp $5, %rdi
	ret
END gives_flags
FUNC call_gives_flags
	call gives_flags
	setb %al
	movzbl %al, %eax
	ret
END call_gives_flags

/* every register that a call may not preserve, and one of each kind of vector */
FUNC needs_all
	add %rcx, %rax
	add %rdx, %rax
	add %rsi, %rax
	add %rdi, %rax
	add %r8, %rax
	add %r9, %rax
	add %r10, %rax
	add %r11, %rax
	add %rbx, %rax
	add %rbp, %rax
	add %r12, %rax
	add %r13, %rax
	add %r14, %rax
	add %r15, %rax
	movq %xmm0, %rcx
	add %rcx, %rax
	movq %xmm15, %rcx
	add %rcx, %rax
	ret
END needs_all
FUNC call_needs_all
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov $1, %eax
	mov $2, %ebx
	mov $4, %ecx
	mov $8, %edx
	mov $0x10, %esi
	mov $0x20, %ebp
	mov $0x40, %r8d
	mov $0x80, %r9d
	mov $0x100, %r10d
	mov $0x200, %r11d
	mov $0x400, %r12d
	mov $0x800, %r13d
	mov $0x1000, %r14d
	mov $0x2000, %r15d
	movq %r14, %xmm0
	movq %r15, %xmm15
	call needs_all
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
END call_needs_all

/* below the stack pointer: x */
FUNC red_zone
	mov %rdi, -8(%rsp)
	mov %edi, -16(%rsp)
	mov %edi, -128(%rsp)
	xor %edi, %edi
	mov -8(%rsp), %rax
	cmp -16(%rsp), %eax
	jne 1f
	cmp -128(%rsp), %eax
	jne 1f
	ret
1:	ud2
END red_zone

/* --- calls and return addresses ---------------------------------------------- */

FUNC get_pc
	mov (%rsp), %rax
	ret
END get_pc
FUNC call_get_pc
	call get_pc
1:	lea 1b(%rip), %rcx
	sub %rcx, %rax
	add %rdi, %rax
	ret
END call_get_pc

FUNC call_next
	call 1f
1:	pop %rax
	lea 1b(%rip), %rcx
	sub %rcx, %rax
	add %rdi, %rax
	ret
END call_next

/* the callee takes its argument off the stack: x */
FUNC ret_pops
	mov 8(%rsp), %rax
	ret $8
END ret_pops
FUNC call_ret_pops
	push %rdi
	call ret_pops
	ret
END call_ret_pops

/* through memory relative to the stack pointer */
FUNC call_by_stack
	lea tiny_mov64(%rip), %rax
	push %rax
	call *(%rsp)
	pop %rcx
	push %rdi
	push %rcx
	push %rdi
	call *8(%rsp)
	add $24, %rsp
	ret
END call_by_stack

/* calls in the first bytes, behind what can and what cannot be done below a return address */
FUNC window_call
	xor %esi, %esi
	call tiny_mov64
	add %rsi, %rax
	ret
END window_call
FUNC window_push_call
	push %rbx
	mov %rdi, %rbx
	call tiny_mov64
	add %rbx, %rax
	pop %rbx
	ret
END window_push_call
FUNC window_stack_call
	mov 8(%rsp), %rdi
	call tiny_mov64
	ret
END window_stack_call
FUNC call_window_stack
	push %rdi
	call window_stack_call
	pop %rcx
	ret
END call_window_stack
FUNC window_red_call
	mov %edi, -4(%rsp)
	call tiny_mov64
	ret
END window_red_call
FUNC window_call_reg
	lea tiny_mov64(%rip), %rdx
	jmp window_reg
END window_call_reg
FUNC window_reg
	mov %edi, %edi
	call *%rdx
	inc %rax
	ret
END window_reg
FUNC call_first
	call tiny_mov64
	inc %rax
	ret
END call_first

/* --- first instructions of every kind: all of them return x + 1 -------------- */

FUNC first_jmp
	jmp 1f
	ud2
1:	lea 1(%rdi), %rax
	ret
END first_jmp
FUNC first_jmp_far
	jmp first_target
END first_jmp_far
	.skip 200, 0xcc
FUNC first_target
	lea 1(%rdi), %rax
	ret
END first_target
FUNC first_jcc
	js 1f
	lea 1(%rdi), %rax
	ret
1:	lea 1(%rdi), %rax
	ret
END first_jcc
FUNC call_first_jcc
	test %rdi, %rdi
	call first_jcc
	ret
END call_first_jcc
FUNC first_loop
	loop 1f
	ud2
1:	lea (%rcx, %rdi), %rax
	ret
END first_loop
FUNC call_first_loop
	mov $2, %ecx
	call first_loop
	ret
END call_first_loop
FUNC first_jrcxz
	jrcxz 1f
	ud2
1:	lea 1(%rdi), %rax
	ret
END first_jrcxz
FUNC call_first_jrcxz
	xor %ecx, %ecx
	call first_jrcxz
	ret
END call_first_jrcxz
FUNC first_enter
	enter $16, $0
	mov %rdi, -8(%rbp)
	mov -8(%rbp), %rax
	leave
	inc %rax
	ret
END first_enter
FUNC first_push_rsp
	push %rsp
	pop %rax
	sub %rsp, %rax
	lea 1(%rdi, %rax), %rax
	ret
END first_push_rsp
FUNC first_push_stack
	push (%rsp)
	pop %rax
	sub (%rsp), %rax
	lea 1(%rdi, %rax), %rax
	ret
END first_push_stack
FUNC first_push_mem
	push asm_word(%rip)
	pop %rax
	sub asm_word(%rip), %rax
	lea 1(%rdi, %rax), %rax
	ret
END first_push_mem
FUNC first_push_imm
	push $1
	pop %rax
	add %rdi, %rax
	ret
END first_push_imm
/* the carry, by way of the stack */
FUNC first_pushf
	pushf
	pop %rax
	and $1, %eax
	add %rdi, %rax
	ret
END first_pushf
FUNC call_first_pushf
	stc
	call first_pushf
	ret
END call_first_pushf
FUNC first_popf
	popf
	mov %rdi, %rax
	adc $0, %rax
	jmp *%rdx
END first_popf
/* flags on the stack where a return address would be */
FUNC jump_first_popf
	lea 1f(%rip), %rdx
	pushf
	orl $1, (%rsp)
	jmp first_popf
1:	ret
END jump_first_popf
FUNC first_movs
	rep movsb
	mov -8(%rsp), %rax
	inc %rax
	ret
END first_movs
FUNC call_first_movs
	push %rdi
	mov %rsp, %rsi
	lea -16(%rsp), %rdi
	mov $8, %ecx
	call first_movs
	pop %rcx
	ret
END call_first_movs
FUNC first_lock
	lock xadd %rdi, asm_zero(%rip)
	mov asm_zero(%rip), %rax
	inc %rax
	movq $0, asm_zero(%rip)
	ret
END first_lock
FUNC first_riprel
	mov asm_word(%rip), %rax
	lea -999(%rax, %rdi), %rax
	ret
END first_riprel
FUNC first_cmp_mem
	cmpl $1000, asm_word(%rip)
	sete %al
	movzbl %al, %eax
	add %rdi, %rax
	ret
END first_cmp_mem
FUNC first_lea_pc
	lea first_lea_pc(%rip), %rax
	lea first_lea_pc(%rip), %rcx
	sub %rcx, %rax
	lea 1(%rdi, %rax), %rax
	ret
END first_lea_pc
FUNC first_endbr
	endbr64
	lea 1(%rdi), %rax
	ret
END first_endbr
FUNC first_nop5
	.byte 0x0f, 0x1f, 0x44, 0, 0
	lea 1(%rdi), %rax
	ret
END first_nop5
FUNC first_hotpatch
	.byte 0x8b, 0xff
	xchg %ax, %ax
	lea 1(%rdi), %eax
	ret
END first_hotpatch
FUNC first_vector
	movq %rdi, %xmm3
	paddq first_ones(%rip), %xmm3
	movq %xmm3, %rax
	ret
END first_vector
FUNC first_x87
	fld1
	push %rdi
	fildq (%rsp)
	faddp
	fistpq (%rsp)
	pop %rax
	ret
END first_x87
FUNC first_imm64
	movabs $0x1122334455667788, %rax
	movabs $0x1122334455667787, %rcx
	sub %rcx, %rax
	add %rdi, %rax
	ret
END first_imm64
FUNC first_cmpxchg
	mov $-1, %eax
	cmpxchg %rdi, asm_zero(%rip)
	lea 1(%rdi, %rax), %rax
	ret
END first_cmpxchg
FUNC first_xchg
	xchg %rax, %rdi
	inc %rax
	ret
END first_xchg
FUNC first_leave
	leave
	pop %rcx
	lea 1(%rdi), %rax
	push %rcx
	ret
END first_leave
/* it undoes our frame, too */
FUNC jump_first_leave
	push %rbp
	mov %rsp, %rbp
	push %rdi
	push %rdi
	jmp first_leave
END jump_first_leave

/* jump tables: addresses relative to the table, without a bound that could be seen: x + 1 for x in 0..3 */
FUNC first_table
	lea first_cases(%rip), %rdx
	and $3, %edi
	movslq (%rdx, %rdi, 4), %rax
	add %rdx, %rax
	notrack jmp *%rax
.Lcase0:
	mov $1, %eax
	ret
.Lcase1:
	mov $2, %eax
	ret
.Lcase2:
	mov $3, %eax
	ret
.Lcase3:
	mov $4, %eax
	ret
END first_table
/* its cases lie two bytes apart: none of them may be overwritten for another */
FUNC dense_table
	lea (%rdi, %rdi), %edx
	and $6, %edx
	lea 1f(%rip), %rax
	add %rdx, %rax
	xor %edx, %edx
	notrack jmp *%rax
1:	inc %edx
	inc %edx
	inc %edx
	inc %edx
	lea (%rdx), %eax
	ret
END dense_table

/* system calls: the first instruction but one, and all within five bytes */
FUNC first_syscall
	push $39
	pop %rax
	syscall
	ret
END first_syscall
FUNC syscall_alone
	syscall
	ret
END syscall_alone
FUNC call_syscall_alone
	mov $39, %eax
	call syscall_alone
	ret
END call_syscall_alone

	.section .rodata
	.p2align 4
first_ones:
	.quad 1, 1
first_cases:
	.long .Lcase0 - first_cases, .Lcase1 - first_cases, .Lcase2 - first_cases, .Lcase3 - first_cases
	.section .note.GNU-stack, "", @progbits
