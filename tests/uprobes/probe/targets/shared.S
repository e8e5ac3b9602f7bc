/* SPDX-License-Identifier: GPL-2.0 */
/*
 * shared.S - many units that share a long table of abbreviations, as dwz makes them.
 */
/* <dwarf.h> is not for the assembler */
#define DW_UT_compile 0x01
#define DW_CHILDREN_no 0
#define DW_CHILDREN_yes 1
#define DW_TAG_base_type 0x24
#define DW_TAG_compile_unit 0x11

	.text
	.globl	main
	.type	main, @function
main:	ret
	.size	main, . - main

	.section .debug_abbrev, "", @progbits
	.altmacro
	.macro	abbrev code, tag, children
	.uleb128 \code, \tag
	.byte	\children, 0, 0
	.endm
	abbrev	1, DW_TAG_compile_unit, DW_CHILDREN_yes
	.set	i, 2
	.rept	5000
	abbrev	%i, DW_TAG_base_type, DW_CHILDREN_no
	.set	i, i + 1
	.endr
	.byte	0

	.section .debug_info, "", @progbits
	.rept	10000
	.long	2f - 1f
1:	.short	5
	.byte	DW_UT_compile, 8
	.long	0
	.byte	1, 0
2:
	.endr

	.section .note.GNU-stack, "", @progbits
