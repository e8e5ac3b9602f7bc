/* SPDX-License-Identifier: GPL-2.0 */
/*
 * oddvalues.S - debug information by hand, of what no compiler writes: pieces that are larger than what is in them, members
 * outside of their structures, more elements than there are addresses, locations that nobody can compute;
 * and numbers that not every compiler has.
 */
	.text
	.globl work
	.type work, @function
work:	push %rbp
	mov %rsp, %rbp
	pop %rbp
	ret
end:
	.size work, end - work
	.globl main
	.type main, @function
main:	mov $0x1234, %eax
	mov $0x5678, %edx
	call work
	xor %eax, %eax
	ret
main_end:
	.size main, main_end - main
	.section .note.GNU-stack, "", @progbits

/* abbreviation CODE, TAG, CHILDREN, pairs of attributes and forms */
	.macro abbrev code, tag, children, list:vararg
	.uleb128 \code, \tag
	.byte \children
	.uleb128 \list
	.uleb128 0, 0
	.endm

	.section .debug_abbrev, "", @progbits
abbrevs:
	abbrev 1, 0x11, 1, 0x03, 0x08, 0x11, 0x01, 0x12, 0x07, 0x13, 0x05	/* unit: name low_pc high_pc language */
	abbrev 2, 0x2e, 1, 0x3f, 0x19, 0x03, 0x08, 0x11, 0x01, 0x12, 0x07	/* function: external name low_pc high_pc */
	abbrev 3, 0x34, 0, 0x03, 0x08, 0x49, 0x13, 0x02, 0x18			/* variable: name type location */
	abbrev 4, 0x24, 0, 0x03, 0x08, 0x0b, 0x0b, 0x3e, 0x0b			/* base: name size encoding */
	abbrev 5, 0x01, 1, 0x49, 0x13						/* array: type */
	abbrev 6, 0x21, 0, 0x37, 0x07						/* range: count */
	abbrev 7, 0x13, 1, 0x03, 0x08, 0x0b, 0x0b				/* structure: name size */
	abbrev 8, 0x34, 0, 0x1c, 0x07						/* variable: constant; see nowhere */
	abbrev 9, 0x0d, 0, 0x03, 0x08, 0x49, 0x13, 0x38, 0x07			/* member: name type place */
	abbrev 10, 0x0f, 0, 0x49, 0x13, 0x0b, 0x0b				/* pointer: type size */
	.byte 0

	.macro base label, name, size, encoding
\label:	.uleb128 4
	.asciz "\name"
	.byte \size, \encoding
	.endm

/* an array of COUNTS elements, or of arrays of them */
	.macro array label, type, counts:vararg
\label:	.uleb128 5
	.4byte \type - info
	.irp count, \counts
	.uleb128 6
	.8byte \count
	.endr
	.byte 0
	.endm

	.macro member name, type, place
	.uleb128 9
	.asciz "\name"
	.4byte \type - info
	.8byte \place
	.endm

/* a structure of one member */
	.macro structure label, size, type, place
\label:	.uleb128 7
	.asciz "\label"
	.byte \size
	member m, \type, \place
	.byte 0
	.endm

/* a variable at an expression of bytes */
	.macro variable name, type, ops:vararg
	.uleb128 3
	.asciz "\name"
	.4byte \type - info
	.uleb128 8f - 7f
7:	.byte \ops
8:
	.endm

	.section .debug_info, "", @progbits
info:	.4byte info_end - info_begin
info_begin:
	.2byte 4
	.4byte abbrevs
address_size:
	.byte 8
	.uleb128 1
	.asciz "damaged.c"
	.8byte work, main_end - work
	.2byte 12
	base long, long, 8, 5
	base double, double, 8, 4
	base int128, int128, 16, 5
	base half, _Float16, 2, 4
	base brain, __bf16, 2, 4
	base quad, __float128, 16, 4
	base complex_half, complex_Float16, 4, 3
	array many, long, 0x2000000000000001
	array wraps, long, 0x100000000, 0x100000000
	structure outside, 8, long, 8
	structure far, 8, long, 0xfffffffffffffff8
	structure huge, 8, many, 0
	structure inner, 16, long, 8
	structure nested, 8, inner, 0
	array rows, nested, 2
	structure simple, 8, long, 0
to_simple:
	.uleb128 10
	.4byte simple - info
	.byte 8
	.uleb128 2
	.asciz "work"
	.8byte work, end - work
	/* an implicit value of two bytes that is to be a piece of eight */
	variable small_value, long, 0x9e, 2, 0x11, 0x22, 0x93, 8
	/* a constant, a register, that are to be pieces of sixteen */
	variable small_word, int128, 0x31, 0x9f, 0x93, 16
	variable small_register, int128, 0x50, 0x93, 16
	/* a piece of the largest size that there is */
	variable large_piece, int128, 0x50, 0x93, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1
	variable many_elements, many, 0x77, 0
	variable elements_wrap, wraps, 0x77, 0
	variable is_outside, outside, 0x50, 0x93, 8, 0x51, 0x93, 8
	variable is_far, far, 0x9e, 8, 1, 2, 3, 4, 5, 6, 7, 8
	variable is_huge, huge, 0x77, 0
	variable is_nested, nested, 0x77, 0
	variable of_rows, rows, 0x77, 0
	/* what is wrong by itself: a sum of nothing, a word of three bytes, the word below all others */
	variable no_words, long, 0x22
	variable odd_word, long, 0x77, 0, 0x94, 3
	variable no_word_there, long, 0x30, 0x15, 9, 0x9f
	/* a pointer to an entry that is none: it lies in the unit's header (gcc writes 0 in split files), but reads like one */
	.uleb128 3
	.asciz "nowhere"
	.4byte to_simple - info
	.uleb128 6
	.byte 0xf2
	.4byte address_size
	.byte 0
	/* as many steps as nobody would take */
	.uleb128 3
	.asciz "many_steps"
	.4byte long - info
	.uleb128 9002
	.byte 0x31
	.fill 9000, 1, 0x20
	.byte 0x9f
	/* a name that is no word */
	.uleb128 3
	.asciz "odd\"\\name"
	.4byte long - info
	.uleb128 2
	.byte 0x37, 0x9f
	variable after_all, long, 0x31, 0x9f
	.byte 0
	.uleb128 2
	.asciz "main"
	.8byte main, main_end - main
	variable tenth, half, 0x9e, 2, 0x66, 0x2e
	variable least, half, 0x9e, 2, 1, 0x80
	variable most, half, 0x9e, 2, 0xff, 0x7b
	variable none, half, 0x9e, 2, 0, 0
	variable endless, half, 0x9e, 2, 0, 0xfc
	variable one_and_half, brain, 0x9e, 2, 0xc0, 0x3f
	variable tiny, brain, 0x9e, 2, 1, 0
	variable both, complex_half, 0x9e, 4, 0, 0x3e, 0, 0xc0
	variable wide, quad, 0x9e, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f
	.byte 0
	.byte 0
info_end:
