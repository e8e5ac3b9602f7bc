// SPDX-License-Identifier: GPL-2.0
/*
 * target-map.S - functions whose facts are known by heart: see test-map.c, which has the expectations.
 *
 * at_NAME is the place that the expectation NAME is about.  Nothing here is executed.
 */
	.macro	func name
	.p2align 4, 0x90
	.globl	\name
	.type	\name, @function
\name:
	.endm
	.macro	end name
	.size	\name, . - \name
	.endm
	/* a mark, and not a label of the code: those are targets */
	.macro	at name
	.pushsection .marks, "", @progbits
	.quad	1f - text_begin
	.asciz	"\name"
	.popsection
1:
	.endm

	.text
	.p2align 4
	.globl	text_begin
text_begin:
	nop

/* --- windows ------------------------------------------------------------------ */

func plain
	at	plain
	push	%rbp
	mov	%rsp, %rbp
	sub	$32, %rsp
	leave
	ret
	end	plain

func loop_to_second
	at	loop_to_second
	mov	%rdi, %rax
2:	add	$1, %rax
	cmp	$100, %rax
	jb	2b
	ret
	end	loop_to_second

func far_jump_in
	mov	%rdi, %rax
	at	far_jump_in
	xchg	%ax, %ax
.Lfar_in:
	add	$4, %rax
	ret
	end	far_jump_in
func far_jumper
	lea	(%rdi,%rdi), %rdi
	.byte	0xe9
	.long	.Lfar_in - . - 4
	end	far_jumper

func tail_padded
	at	tail_padded
	ret
	end	tail_padded
func tail_tight
	nop
	at	tail_tight
	ret
	end	tail_tight
	.globl	tail_neighbour
	.type	tail_neighbour, @function
tail_neighbour:
	xor	%eax, %eax
	ret
	end	tail_neighbour

func tail_data
	at	tail_data
	ret
	end	tail_data
	.byte	0x90
.Lconstant:
	.byte	0x90, 0x90, 0x90, 0x90, 0x90, 0x90
func reads_constant
	lea	.Lconstant(%rip), %rax
	mov	(%rax), %eax
	ret
	end	reads_constant

func call_last
	at	call_last
	push	%rbx
	call	plain
	pop	%rbx
	ret
	end	call_last

func call_short
	push	%rbx
	at	call_short
	call	*%rax
	pop	%rbx
	ret
	end	call_short

/* a jump behind the lock prefix */
func lock_skip
	test	%esi, %esi
	je	3f
	at	lock_skip
	.byte	0xf0
3:	.byte	0x48, 0x0f, 0xb1, 0x17
	ret
	end	lock_skip

/* two names for neighbouring instructions */
func outer_name
	at	outer_name
	nop
	.globl	inner_name
	.type	inner_name, @function
inner_name:
	mov	%rdi, %rax
	ret
	end	inner_name
	end	outer_name

func long_insn
	at	long_insn
	movabs	$0x1122334455667788, %rax
	ret
	end	long_insn

/* bytes that look like short jumps into the window, and are none */
func looks_only
	at	looks_only
	push	%rbx
	mov	%rdi, %rbx
	mov	$0xf9ebfaeb, %eax
	vpbroadcastb %xmm0, %xmm1
	pop	%rbx
	ret
	end	looks_only

/* --- indirect jumps ------------------------------------------------------------ */

	.macro	cases prefix
\prefix\()_a:
	mov	$1, %eax
	at	\prefix\()_before
	nop
\prefix\()_b:
	mov	$2, %al
	ret
	.endm

func table_jump
	cmp	$1, %edi
	ja	.Ltj_a
	mov	%edi, %edi
	lea	.Ltj_table(%rip), %rdx
	movslq	(%rdx,%rdi,4), %rax
	add	%rdx, %rax
	jmp	*%rax
	cases	.Ltj
	end	table_jump
	.section .rodata
	.p2align 2
.Ltj_table:
	.long	.Ltj_a - .Ltj_table, .Ltj_b - .Ltj_table
	.text

/* the base is kept in a register that a call preserves */
func table_hoisted
	push	%rbx
	lea	.Lth_table(%rip), %rbx
4:	call	plain
	cmp	$1, %eax
	ja	4b
	mov	%eax, %eax
	movslq	(%rbx,%rax,4), %rax
	add	%rbx, %rax
	jmp	*%rax
.Lth_a:
	pop	%rbx
	mov	$1, %eax
	ret
	at	table_hoisted
	nop
.Lth_b:
	mov	$2, %al
	jmp	4b
	end	table_hoisted
	.section .rodata
	.p2align 2
.Lth_table:
	.long	.Lth_a - .Lth_table, .Lth_b - .Lth_table
	.text

/* into code that was split off, by the table only */
func table_cold
	at	table_cold_entry
	push	%rbx
	mov	%edi, %ebx
	cmp	$2, %ebx
	ja	.Ltc_a
	lea	.Ltc_table(%rip), %rdx
	movslq	(%rdx,%rbx,4), %rax
	add	%rdx, %rax
	jmp	*%rax
.Ltc_a:
	pop	%rbx
	ret
	end	table_cold
	.p2align 4, 0x90
	.type	table_cold.cold, @function
table_cold.cold:
	mov	$7, %eax
	jmp	.Ltc_a
	at	table_cold
	xchg	%ax, %ax
.Ltc_c:
	mov	$8, %al
	jmp	.Ltc_a
	.size	table_cold.cold, . - table_cold.cold
	.section .rodata
	.p2align 2
.Ltc_table:
	.long	.Ltc_a - .Ltc_table, table_cold.cold - .Ltc_table, .Ltc_c - .Ltc_table
	.text

/* differences of labels */
func label_difference
	lea	.Lld_base(%rip), %rcx
	lea	.Lld_table(%rip), %rdx
	movslq	(%rdx,%rdi,4), %rax
	add	%rcx, %rax
	jmp	*%rax
.Lld_base:
	mov	$1, %eax
	ret
	at	label_difference
	nop
.Lld_b:
	mov	$2, %al
	ret
	end	label_difference
	.section .rodata
	.p2align 2
.Lld_table:
	.long	.Lld_base - .Lld_base, .Lld_b - .Lld_base
	.text

/* the same label in more places than are counted */
func many_labels
	.rept	24
	lea	.Lml_base(%rip), %rcx
	lea	.Lml_table(%rip), %rdx
	movslq	(%rdx,%rdi,4), %rax
	add	%rcx, %rax
	jmp	*%rax
	.endr
.Lml_base:
	mov	$1, %eax
	ret
.Lml_b:
	mov	$2, %eax
	ret
	at	many_labels
	push	%rbx
	mov	%rdi, %rbx
	mov	%rbx, %rax
	pop	%rbx
	ret
	end	many_labels
	.section .rodata
	.p2align 2
.Lml_table:
	.long	.Lml_base - .Lml_base, .Lml_b - .Lml_base
	.text

/* arithmetic on an address of its own, which others have taken often */
func takes_often
	.rept	24
	lea	.Lco_label(%rip), %rax
	.endr
	ret
	end	takes_often
func computed_often
	at	computed_often
	push	%rbx
	lea	.Lco_label(%rip), %rax
	shl	$3, %rdi
	add	%rdi, %rax
	mov	%rax, 8(%rsi)
	pop	%rbx
	jmp	*8(%rsi)
.Lco_label:
	mov	$1, %eax
	ret
	.p2align 3, 0x90
	mov	$2, %eax
	ret
	end	computed_often

/* arithmetic on an address of its own */
func computed
	at	computed
	push	%rbx
	lea	5f(%rip), %rax
	shl	$3, %rdi
	add	%rdi, %rax
	pop	%rbx
	jmp	*%rax
5:	mov	$1, %eax
	ret
	.p2align 3, 0x90
	mov	$2, %eax
	ret
	end	computed

/* byte offsets: no table that we know */
func byte_table
	at	byte_table
	push	%rbx
	lea	.Lbt_table(%rip), %rdx
	movzbl	(%rdx,%rdi), %eax
	lea	.Lbt_table(%rip), %rdx
	sub	%rax, %rdx
	pop	%rbx
	jmp	*%rdx
6:	mov	$1, %eax
	ret
	end	byte_table
	.section .rodata
.Lbt_table:
	.byte	1, 2, 3, 4
	.text

func tail_call
	at	tail_call
	push	%rbx
	mov	%rdi, %rbx
	mov	(%rdi), %rax
	mov	8(%rax), %rax
	pop	%rbx
	jmp	*%rax
	end	tail_call

/* what was split off computes an address in the function */
func hot_part
	at	hot_part
	push	%rbx
	mov	%rdi, %rbx
	mov	%rsi, %rdi
	test	%edi, %edi
	jne	hot_part.cold
.Lhp_back:
	mov	%rbx, %rax
	pop	%rbx
	ret
	end	hot_part
	.p2align 4, 0x90
	.type	hot_part.cold, @function
hot_part.cold:
	cmp	$7, %edi
	je	.Lhp_back
	lea	.Lhp_back(%rip), %rax
	add	%rdi, %rax
	jmp	*%rax
	.size	hot_part.cold, . - hot_part.cold

/* --- addresses that are named ------------------------------------------------------ */

func pointed_to
	mov	%rdi, %rax
	at	pointed_to
	nop
.Lpointed:
	mov	$1, %al
	ret
	end	pointed_to
	.section .data.rel.ro, "aw"
	.p2align 3
	.quad	.Lpointed
	.text

func taken
	mov	%rdi, %rax
	at	taken
	nop
.Ltaken:
	mov	$1, %al
	ret
	end	taken
func taker
#ifdef __PIE__
	lea	.Ltaken(%rip), %rax
#else
	mov	$.Ltaken, %eax
#endif
	mov	%rax, (%rdi)
	ret
	end	taker

/* --- restartable sequences ------------------------------------------------------------ */

func critical
	at	critical_before
	push	%rbx
	nop
.Lcs_start:
	at	critical_inside
	mov	%rdi, %rax
	incq	(%rax,%rdi)
.Lcs_end:
	at	critical_after
	pop	%rbx
	mov	%rdi, %rax
	ret
	.byte	0x0f, 0xb9, 0x3d
	.long	0x53053053
.Lcs_abort:
	at	critical_abort
	mov	%rdi, %rbx
	jmp	.Lcs_start
	end	critical
	.section __rseq_cs, "aw"
	.p2align 5
	.long	0, 0
	.quad	.Lcs_start, .Lcs_end - .Lcs_start, .Lcs_abort
	.text

/* no descriptor is known: it may be made at run time */
func unlisted
	at	unlisted
	push	%rbx
	mov	%rdi, %rbx
	pop	%rbx
	ret
	.byte	0x0f, 0xb9, 0x3d
	.long	0x53053053
	mov	%rdi, %rbx
	ret
	end	unlisted

/* --- data among code ---------------------------------------------------------------------- */

func has_data
	at	has_data_entry
	push	%rbx
	jmp	7f
	.byte	0x48, 0xb8, 0xff, 0xff
7:	pop	%rbx
	mov	$1, %eax
	at	has_data_end
	ret
	.byte	0x06, 0x06, 0x06, 0x06, 0x06, 0x06, 0x06
	end	has_data

/* --- dead and alive --------------------------------------------------------------------- */

func dead_plain
	at	dead_plain
	xor	%eax, %eax
	mov	$2, %ecx
	ret
	end	dead_plain

func dead_moves
	at	dead_moves
	mov	$1, %eax
	mov	$2, %ecx
	adc	$0, %rdx
	ret
	end	dead_moves

func dead_partly
	at	dead_partly
	mov	$1, %al
	mov	$2, %cx
	test	%edi, %edi
	ret
	end	dead_partly

func dead_fork
	at	dead_fork
	test	%rdi, %rdi
	je	8f
	mov	$1, %eax
	mov	$2, %edx
	ret
8:	mov	$3, %eax
	ret
	end	dead_fork

func dead_inc
	at	dead_inc
	inc	%rax
	ret
	end	dead_inc

func dead_adc
	at	dead_adc
	adc	$0, %rax
	ret
	end	dead_adc

func dead_shift
	at	dead_shift
	shl	%cl, %rdx
	ret
	end	dead_shift

func dead_setcc
	at	dead_setcc
	sete	%al
	movzbl	%al, %eax
	ret
	end	dead_setcc

func dead_call
	at	dead_call
	call	dead_callee
	ret
	end	dead_call
func dead_callee
	sub	$8, %rsp
	xor	%ecx, %ecx
	mov	$1, %eax
	add	$8, %rsp
	ret
	end	dead_callee

func dead_return
	at	dead_return
	nop
	ret
	end	dead_return

func dead_rotate
	at	dead_rotate
	rcl	%cl, %rdx
	ret
	end	dead_rotate

func dead_syscall
	at	dead_syscall
	mov	$39, %eax
	syscall
	ret
	end	dead_syscall

/* Flags at a return are dead unless a caller reads them: here one does, through a jump and on the spot. */
func used_caller
	call	used_first
	jc	8f
	sub	$8, %rsp
	call	used_directly
	mov	%rax, %rdx
	sbb	%rax, %rax
	add	$8, %rsp
8:	ret
	end	used_caller
func used_directly
	at	used_directly
	mov	$1, %ecx
	ret
	end	used_directly
func used_first
	cmp	$3, %rdi
	je	used_second
	jmp	used_by_jump
	end	used_first
func used_by_jump
	at	used_by_jump
	mov	$1, %edx
	ret
	end	used_by_jump
func used_second
	at	used_in_turn
	mov	$1, %esi
	ret
	end	used_second

/* Those that are called as the convention has it: tested, compared, lost. */
func used_well
	sub	$8, %rsp
	call	used_by_nobody
	test	%rax, %rax
	je	8f
	call	used_by_others
	mov	%rax, %rdi
	jmp	9f
8:	xor	%edi, %edi
9:	add	$8, %rsp
	jc	8b
	ret
	end	used_well
func used_by_nobody
	at	used_by_nobody
	mov	$1, %eax
	ret
	end	used_by_nobody
func used_by_others
	at	used_by_others
	mov	$2, %eax
	ret
	end	used_by_others

/* A return that is no return */
func used_as_jump
	at	used_as_jump
	mov	%rax, (%rsp)
	ret
	end	used_as_jump
func used_pushed
	at	used_pushed
	push	%rax
	ret
	end	used_pushed

func dead_cmov
	at	dead_cmov
	test	%esi, %esi
	cmovne	%rdi, %rax
	ret
	end	dead_cmov

func dead_loop
	at	dead_loop
9:	dec	%rdi
	jne	9b
	xor	%r8d, %r8d
	ret
	end	dead_loop

	.globl	main
	.type	main, @function
main:
	xor	%eax, %eax
	ret
	.size	main, . - main
/* --- holes: padding that nothing leads to, and some that only looks so --------------- */

	/* far from everything: no instructions, and no padding */
	.macro	nothing
	.skip	160, 0x06
	.endm
	/* a site of two bytes, and a loop back to what follows it */
	.macro	hop_site name
	at	\name
	xor	%eax, %eax
2:	add	$1, %eax
	cmp	$100, %eax
	jb	2b
	.endm

	.text
	.p2align 12, 0x06
	nothing
func hole_behind
	hop_site hole_behind
	ret
	end	hole_behind
	nop
	at	hole_behind_first
	.skip	10, 0x90
	nothing

func hole_entered
	hop_site hole_entered
	ret
	end	hole_entered
	at	hole_entered_first
	.skip	5, 0x90
.Lhole_in:
	.skip	9, 0x90
	nothing
func hole_enterer
	jmp	.Lhole_in
	end	hole_enterer
	nothing

func hole_named
	hop_site hole_named
	ret
	end	hole_named
	at	hole_named_first
	.skip	5, 0x90
.Lhole_named:
	.skip	9, 0x90
	nothing

	/* by the two bytes of a branch that is short enough */
func hole_called
	hop_site hole_called
	jmp	.Lhole_short
	end	hole_called
.Lhole_short:
	.skip	12, 0x90
	nothing

	/* a call is trusted to return */
func hole_fallen
	hop_site hole_fallen
	call	plain
	end	hole_fallen
	.skip	12, 0x90
	nothing

func hole_inside
	hop_site hole_inside
	jmp	3f
	at	hole_inside_first
	.byte	0x0f, 0x1f, 0x44, 0, 0
3:	add	$4, %eax
	ret
	end	hole_inside
	nothing

func hole_computed
	hop_site hole_computed
	jmp	3f
	.byte	0x0f, 0x1f, 0x44, 0, 0
3:	add	%rdi, %rax
	jmp	*%rax
	end	hole_computed
	nothing

func hole_int3
	hop_site hole_int3
	ret
	end	hole_int3
	.skip	3, 0xcc
	at	hole_int3_first
	xchg	%ax, %ax
	.skip	3, 0xcc
	nothing

func hole_far
	hop_site hole_far
	ret
	end	hole_far
	.skip	128, 0x06
func hole_far_too
	mov	$1, %eax
	ret
	end	hole_far_too
	.skip	12, 0x90
	nothing

	/* the padding is another page's */
	.p2align 12, 0x06
	.skip	4096 - 16, 0x06
func hole_page
	hop_site hole_page
	jmp	*hole_pointer(%rip)
	end	hole_page
	.skip	12, 0x90
	nothing

	/* what lies there is no padding */
func hole_data
	hop_site hole_data
	ret
	end	hole_data
	.skip	4, 0x90
	.quad	0x1234
	nothing

	.data
	.quad	.Lhole_named
hole_pointer:
	.quad	plain

	.section .note.GNU-stack, "", @progbits
