/* SPDX-License-Identifier: GPL-2.0 */
/*
 * inlined.S - thousands of functions of a unit, each inlined into one of another unit, as link-time optimisation
 * has it.
 */
/* <dwarf.h> is not for the assembler */
#define DW_UT_compile 0x01
#define DW_CHILDREN_no 0
#define DW_CHILDREN_yes 1
#define DW_TAG_compile_unit 0x11
#define DW_TAG_inlined_subroutine 0x1d
#define DW_TAG_subprogram 0x2e
#define DW_AT_name 0x03
#define DW_AT_low_pc 0x11
#define DW_AT_high_pc 0x12
#define DW_AT_inline 0x20
#define DW_AT_abstract_origin 0x31
#define DW_FORM_addr 0x01
#define DW_FORM_string 0x08
#define DW_FORM_data1 0x0b
#define DW_FORM_ref_addr 0x10
#define DW_INL_inlined 1

#define FUNCTIONS 4000

	.text
	.globl	main
	.type	main, @function
main:
	.rept	FUNCTIONS
	nop
	.endr
	ret
	.size	main, . - main

#define UNIT	 1
#define ABSTRACT 2
#define OUTER	 3
#define INLINED	 4

	.section .debug_abbrev, "", @progbits
	.macro	abbrev code, tag, children
	.uleb128 \code, \tag
	.byte	\children
	.endm
	abbrev	UNIT, DW_TAG_compile_unit, DW_CHILDREN_yes
	.uleb128 DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc, DW_FORM_data1, 0, 0
	abbrev	ABSTRACT, DW_TAG_subprogram, DW_CHILDREN_no
	.uleb128 DW_AT_name, DW_FORM_string, DW_AT_inline, DW_FORM_data1, 0, 0
	abbrev	OUTER, DW_TAG_subprogram, DW_CHILDREN_yes
	.uleb128 DW_AT_name, DW_FORM_string
	.uleb128 DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc, DW_FORM_data1, 0, 0
	abbrev	INLINED, DW_TAG_inlined_subroutine, DW_CHILDREN_no
	.uleb128 DW_AT_abstract_origin, DW_FORM_ref_addr
	.uleb128 DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc, DW_FORM_data1, 0, 0
	.byte	0

	.altmacro
	.macro	unit name, bytes
	.long	end_\name - 1f
1:	.short	5
	.byte	DW_UT_compile, 8
	.long	0
	.uleb128 UNIT
	.quad	main
	.byte	\bytes
	.endm
	.macro	end name
	.byte	0
end_\name:
	.endm
	.macro	abstract nr
in_\nr:	.uleb128 ABSTRACT
	.asciz	"in_\nr"
	.byte	DW_INL_inlined
	.endm
	.macro	outer nr
	.uleb128 OUTER
	.asciz	"out_\nr"
	.quad	main + \nr
	.byte	1
	.uleb128 INLINED
	.long	in_\nr
	.quad	main + \nr
	.byte	1
	.byte	0
	.endm

	.section .debug_info, "", @progbits
	unit	own, 0
	.set	i, 0
	.rept	FUNCTIONS
	abstract %i
	.set	i, i + 1
	.endr
	end	own
	unit	other, 1
	.set	i, 0
	.rept	FUNCTIONS
	outer	%i
	.set	i, i + 1
	.endr
	end	other

	.section .note.GNU-stack, "", @progbits
