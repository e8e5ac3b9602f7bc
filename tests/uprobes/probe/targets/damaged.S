/* SPDX-License-Identifier: GPL-2.0 */
/*
 * damaged.S - debug information that leads in circles, or says of itself that it is endless: see test-finder.c,
 * which has the questions.  Each of its units is damaged in one way, in small numbers of bytes that stand for much work.
 */
/* <dwarf.h> is not for the assembler */
#define DW_UT_compile 0x01
#define DW_CHILDREN_no 0
#define DW_CHILDREN_yes 1
#define DW_TAG_base_type 0x24
#define DW_TAG_compile_unit 0x11
#define DW_TAG_formal_parameter 0x05
#define DW_TAG_member 0x0d
#define DW_TAG_structure_type 0x13
#define DW_TAG_subprogram 0x2e
#define DW_AT_abstract_origin 0x31
#define DW_AT_byte_size 0x0b
#define DW_AT_data_member_location 0x38
#define DW_AT_encoding 0x3e
#define DW_AT_high_pc 0x12
#define DW_AT_location 0x02
#define DW_AT_low_pc 0x11
#define DW_AT_name 0x03
#define DW_AT_specification 0x47
#define DW_AT_stmt_list 0x10
#define DW_AT_type 0x49
#define DW_FORM_addr 0x01
#define DW_FORM_data1 0x0b
#define DW_FORM_data8 0x07
#define DW_FORM_exprloc 0x18
#define DW_FORM_flag_present 0x19
#define DW_FORM_ref4 0x13
#define DW_FORM_sec_offset 0x17
#define DW_FORM_string 0x08
#define DW_ATE_signed 0x5
#define DW_OP_breg7 0x77
#define DW_LNS_advance_line 3
#define DW_LNCT_timestamp 0x3

	/* so many levels of two ways each: nobody lives to see the end of them all */
#define LEVELS 60

	.macro	func name
	.globl	\name
	.type	\name, @function
\name:	ret
	.size	\name, . - \name
	.endm

	.text
	func	main
	func	within
	func	doubled

	/* --- abbreviations ------------------------------------------------------------ */

#define UNIT	 1 /* its name */
#define LINES	 2 /* and where its lines are */
#define FUNC	 3 /* with parameters */
#define PARAM	 4
#define STRUCT	 5
#define UNNAMED	 6
#define MEMBER	 7
#define INT	 8
#define BOTH	 9  /* a function that takes its names from two others */
#define NAMELESS 10

	.section .debug_abbrev, "", @progbits
	.macro	abbrev code, tag, children
	.uleb128 \code, \tag
	.byte	\children
	.endm
	abbrev	UNIT, DW_TAG_compile_unit, DW_CHILDREN_yes
	.uleb128 DW_AT_name, DW_FORM_string, 0, 0
	abbrev	LINES, DW_TAG_compile_unit, DW_CHILDREN_yes
	.uleb128 DW_AT_name, DW_FORM_string, DW_AT_stmt_list, DW_FORM_sec_offset
	.uleb128 DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc, DW_FORM_data8, 0, 0
	abbrev	FUNC, DW_TAG_subprogram, DW_CHILDREN_yes
	.uleb128 DW_AT_name, DW_FORM_string
	.uleb128 DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc, DW_FORM_data8, 0, 0
	abbrev	PARAM, DW_TAG_formal_parameter, DW_CHILDREN_no
	.uleb128 DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4, DW_AT_location, DW_FORM_exprloc, 0, 0
	abbrev	STRUCT, DW_TAG_structure_type, DW_CHILDREN_yes
	.uleb128 DW_AT_byte_size, DW_FORM_data1, 0, 0
	abbrev	UNNAMED, DW_TAG_member, DW_CHILDREN_no
	.uleb128 DW_AT_type, DW_FORM_ref4, DW_AT_data_member_location, DW_FORM_data1, 0, 0
	abbrev	MEMBER, DW_TAG_member, DW_CHILDREN_no
	.uleb128 DW_AT_name, DW_FORM_string, DW_AT_type, DW_FORM_ref4
	.uleb128 DW_AT_data_member_location, DW_FORM_data1, 0, 0
	abbrev	INT, DW_TAG_base_type, DW_CHILDREN_no
	.uleb128 DW_AT_byte_size, DW_FORM_data1, DW_AT_encoding, DW_FORM_data1, DW_AT_name, DW_FORM_string, 0, 0
	abbrev	BOTH, DW_TAG_subprogram, DW_CHILDREN_no
	.uleb128 DW_AT_abstract_origin, DW_FORM_ref4, DW_AT_specification, DW_FORM_ref4, 0, 0
	abbrev	NAMELESS, DW_TAG_subprogram, DW_CHILDREN_no
	.uleb128 0, 0
	.byte	0

	/* --- entries ---------------------------------------------------------------------- */

	.section .debug_info, "", @progbits
	.altmacro
	.macro	unit name
unit_\name:
	.long	end_\name - 1f
1:	.short	5
	.byte	DW_UT_compile, 8
	.long	0
	.endm
	.macro	lines name, where
	unit	\name
	.uleb128 LINES
	.asciz	"\name\().c"
	.long	\where
	.quad	main
	.quad	0
	.endm
	.macro	end name
	.byte	0
end_\name:
	.endm
	.macro	function name
	.uleb128 FUNC
	.asciz	"\name"
	.quad	\name, 1
	.endm
	.macro	param name, type, unit
	.uleb128 PARAM
	.asciz	"\name"
	.long	\type - unit_\unit
	.uleb128 2
	.byte	DW_OP_breg7, 8
	.endm
	.macro	unnamed type, unit
	.uleb128 UNNAMED
	.long	\type - unit_\unit
	.byte	4
	.endm
	.macro	int name
\name:	.uleb128 INT
	.byte	4, DW_ATE_signed
	.asciz	"int"
	.endm

	/* a structure in itself, without a name: what is looked for is in it, and in it, and so on */
	unit	within
	.uleb128 UNIT
	.asciz	"within.c"
	int	within_int
within_type:
	.uleb128 STRUCT
	.byte	8
	unnamed	within_type, within
	.uleb128 MEMBER
	.asciz	"x"
	.long	within_int - unit_within
	.byte	4
	.byte	0
	function within
	param	o, within_type, within
	.byte	0
	end	within

	/* structures that have the next one twice */
	.macro	two this, next
doubled_\this:
	.uleb128 STRUCT
	.byte	8
	unnamed	doubled_\next, doubled
	unnamed	doubled_\next, doubled
	.byte	0
	.endm
	unit	doubled
	.uleb128 UNIT
	.asciz	"doubled.c"
	int	doubled_int
	.set	i, 0
	.rept	LEVELS
	two	%i, %(i + 1)
	.set	i, i + 1
	.endr
	two	%i, int
	function doubled
	param	o, doubled_0, doubled
	.byte	0
	end	doubled

	/* functions that have the names of the next one in two ways */
	.macro	named_by this, next
names_\this:
	.uleb128 BOTH
	.long	names_\next - unit_names, names_\next - unit_names
	.endm
	.macro	nameless this
names_\this:
	.uleb128 NAMELESS
	.endm
	unit	names
	.uleb128 UNIT
	.asciz	"names.c"
	.set	i, 0
	.rept	1000
	.rept	15
	named_by %i, %(i + 1)
	.set	i, i + 1
	.endr
	nameless %i
	.set	i, i + 1
	.endr
	end	names

	/* files without end that take no room */
	lines	dirs, endless_dirs
	end	dirs
	lines	files, endless_files
	end	files

	/* --- lines -------------------------------------------------------------------------- */

	.section .debug_line, "", @progbits
	.macro	header
	.long	4f - 1f
1:	.short	5
	.byte	8, 0
	.long	3f - 2f
	/* the instructions up to DW_LNS_advance_line */
2:	.byte	1, 1, 1, 0xfb, 14, 4, 0, 1, 1
	.endm
endless_dirs:
	header
	.byte	1
	.uleb128 DW_LNCT_timestamp, DW_FORM_flag_present, 0x7fffffffffffffff
	.byte	0, 0
3:
4:
endless_files:
	header
	.byte	0, 0
	.byte	1
	.uleb128 DW_LNCT_timestamp, DW_FORM_flag_present, 0x7fffffffffffffff
3:
4:

	.section .note.GNU-stack, "", @progbits
