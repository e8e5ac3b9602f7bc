/* SPDX-License-Identifier: GPL-2.0 */
/*
 * target-asm.S - functions as people write them by hand: without size, without
 * type, with data among the code, with instructions that overlap.
 */
	.text

	.globl	asm_typed
	.type	asm_typed, @function
asm_typed:
	mov	%edi, %eax
	ret
	.size	asm_typed, . - asm_typed

/* type, no size: ends where asm_untyped begins */
	.globl	asm_nosize
	.type	asm_nosize, @function
asm_nosize:
	lea	1(%rdi), %eax
asm_inner_label:
	add	$1, %eax
	ret

/* neither type nor size */
	.globl	asm_untyped
asm_untyped:
	mov	%edi, %eax
	add	$2, %eax
	ret

/* no symbol type, local, but the unwinder knows it */
asm_local_cfi:
	.cfi_startproc
	mov	%edi, %eax
	ret
	.cfi_endproc

/* +0 jmp +2 table(6) +8 mov +13 ret: the table does not decode (06 is invalid) */
	.globl	asm_table
	.type	asm_table, @function
asm_table:
	.byte	0xeb, 6
	.byte	0x06, 0x06, 0x06, 0x06, 0x06, 0x06
	mov	$1, %eax
	ret
	.size	asm_table, . - asm_table

/*
 * +0 jmp +2 table(2) +4 add +7 nop +8 ret.  The table's last byte begins "mov
 * $imm32, %eax" and swallows the add: a linear reading comes out even, and wrong
 */
	.globl	asm_swallow
	.type	asm_swallow, @function
asm_swallow:
	.byte	0xeb, 2
	.byte	0x90, 0xb8
	.byte	0x83, 0xc7, 0x01	/* add $1, %edi */
	nop
	ret
	.size	asm_swallow, . - asm_swallow

/* +0 test +2 je to +5 +4 lock +5 incl (%rsp) +8 ret: two instructions share their bytes */
	.globl	asm_overlap
	.type	asm_overlap, @function
asm_overlap:
	.byte	0x85, 0xff
	.byte	0x74, 0x01
	.byte	0xf0
	.byte	0xff, 0x04, 0x24
	ret
	.size	asm_overlap, . - asm_overlap

/* a jump table in the text: what only the table reaches is not provable */
	.globl	asm_switch
	.type	asm_switch, @function
asm_switch:
	lea	1f(%rip), %rax		/* +0, 7 bytes */
	jmp	*%rax			/* +7 */
	.byte	0x06, 0x06		/* +9 */
1:	mov	$1, %eax		/* +11 */
	ret				/* +16 */
	.size	asm_switch, . - asm_switch

	.globl	asm_all
	.type	asm_all, @function
asm_all:
	mov	%edi, %eax
	ret
	.size	asm_all, . - asm_all

	.section .note.GNU-stack, "", @progbits
