// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-dwarf.c - DWARF expressions to code of fetch programs.
 *
 * Purpose: DWARF 5, sections 2.5 and 2.6, with the GNU names that its operations had before.  Both
 * are stack machines of address-sized words: most operations have a counterpart.  Numbers with types other than
 * integers are not computed with.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fetch-loc.h"

/* ABI: "DWARF Register Number Mapping" */
#define REG_VECTOR0  17
#define REG_VECTOR15 32

/**
 * struct expr - one being read
 * @start:	where the code of each operation begins
 * @loc:	what it comes to so far, without pieces
 * @whole:	with pieces, if there are any
 * @has_float:	some number on the stack is none that can be computed with
 */
struct expr {
	const struct fetch_frame *frame;
	const Dwarf_Op *ops;
	size_t nr;
	Dwarf_Attribute *attr;
	u32 *start;
	struct fetch_loc loc;
	struct fetch_loc whole;
	bool has_float;
};

/* --- operations of one instruction ------------------------------------------------ */

static const struct {
	u8 atom;
	u8 op;
} plain[] = {
	{DW_OP_abs, UPR_FETCH_ABS},    {DW_OP_and, UPR_FETCH_AND},   {DW_OP_div, UPR_FETCH_DIV},
	{DW_OP_minus, UPR_FETCH_SUB},  {DW_OP_mod, UPR_FETCH_MOD},   {DW_OP_mul, UPR_FETCH_MUL},
	{DW_OP_neg, UPR_FETCH_NEG},    {DW_OP_not, UPR_FETCH_NOT},   {DW_OP_or, UPR_FETCH_OR},
	{DW_OP_plus, UPR_FETCH_ADD},   {DW_OP_shl, UPR_FETCH_SHL},   {DW_OP_shr, UPR_FETCH_SHR},
	{DW_OP_shra, UPR_FETCH_SAR},   {DW_OP_xor, UPR_FETCH_XOR},   {DW_OP_eq, UPR_FETCH_EQ},
	{DW_OP_ge, UPR_FETCH_GE},      {DW_OP_gt, UPR_FETCH_GT},     {DW_OP_le, UPR_FETCH_LE},
	{DW_OP_lt, UPR_FETCH_LT},      {DW_OP_ne, UPR_FETCH_NE},     {DW_OP_dup, UPR_FETCH_PICK},
	{DW_OP_drop, UPR_FETCH_DROP},  {DW_OP_swap, UPR_FETCH_SWAP}, {DW_OP_rot, UPR_FETCH_ROT},
	{DW_OP_nop, UPR_NR_FETCH_OPS},
};

static bool plain_op(struct fetch_code *code, const Dwarf_Op *op)
{
	size_t i;

	for (i = 0; i < sizeof(plain) / sizeof(plain[0]) && plain[i].atom != op->atom; i++)
		;
	if (i == sizeof(plain) / sizeof(plain[0]))
		return false;
	if (plain[i].op != UPR_NR_FETCH_OPS)
		fetch_emit(code, plain[i].op, 0, 0);
	return true;
}

static bool computes(const Dwarf_Op *op)
{
	return (op->atom >= DW_OP_abs && op->atom <= DW_OP_xor) || (op->atom >= DW_OP_eq && op->atom <= DW_OP_ne);
}

static bool constant_op(struct fetch_code *code, const Dwarf_Op *op)
{
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31) {
		fetch_emit(code, UPR_FETCH_PUSH, 0, op->atom - DW_OP_lit0);
		return true;
	}
	switch (op->atom) {
	case DW_OP_const1u:
	case DW_OP_const2u:
	case DW_OP_const4u:
	case DW_OP_const8u:
	case DW_OP_constu:
	case DW_OP_const1s:
	case DW_OP_const2s:
	case DW_OP_const4s:
	case DW_OP_const8s:
	case DW_OP_consts:
		fetch_emit(code, UPR_FETCH_PUSH, 0, (s64)op->number);
		return true;
	case DW_OP_plus_uconst:
		fetch_add(code, (s64)op->number);
		return true;
	case DW_OP_over:
		fetch_emit(code, UPR_FETCH_PICK, 1, 0);
		return true;
	case DW_OP_pick:
		fetch_emit(code, UPR_FETCH_PICK, (u8)op->number, 0);
		return true;
	case DW_OP_deref:
		fetch_emit(code, UPR_FETCH_LOAD, 8, 0);
		return true;
	case DW_OP_deref_size:
		fetch_emit(code, UPR_FETCH_LOAD, (u8)op->number, 0);
		return true;
	default:
		return false;
	}
}

static const char *push_any_register(struct expr *x, unsigned int nr)
{
	if (nr < REG_VECTOR0 || nr > REG_VECTOR15)
		return fetch_push_register(x->frame, nr, &x->loc.code);
	if (x->frame->callee)
		return "it was in a vector register of a caller";
	fetch_emit(&x->loc.code, UPR_FETCH_VREG, (u8)(nr - REG_VECTOR0), 0);
	return NULL;
}

/* --- types of numbers ----------------------------------------------------------------- */

/**
 * struct number_type - of a number on the stack
 * Those of floating point are carried as the bits they are: they can be moved, not computed with.
 */
struct number_type {
	unsigned int bits;
	bool is_signed;
	bool is_float;
};

static const char no_float[] = "its location is computed with floating-point numbers";

static const char *number_type(struct expr *x, Dwarf_Off off, struct number_type *ret)
{
	Dwarf_Die type, *cu = (Dwarf_Die *)&x->frame->cu;
	Dwarf_Attribute attr;
	Dwarf_Word encoding;
	int size;

	*ret = (struct number_type){.bits = 64};
	/* the generic type */
	if (!off)
		return NULL;
	off += dwarf_dieoffset(cu) - dwarf_cuoffset(cu);
	if (!die_beside(cu, off, &type))
		return "its location has a type that the debug information does not have";
	size = dwarf_bytesize(&type);
	if (!dwarf_attr(&type, DW_AT_encoding, &attr) || dwarf_formudata(&attr, &encoding) || size <= 0 || size > 8)
		return "its location is computed with numbers of more than a word";
	ret->bits = 8 * (unsigned int)size;
	ret->is_float = encoding == DW_ATE_float;
	ret->is_signed = die_is_signed(&type);
	return NULL;
}

/* Cut the word on the stack to its type. */
static void cut(struct expr *x, const struct number_type *type)
{
	if (type->bits < 64)
		fetch_emit(&x->loc.code, type->is_signed ? UPR_FETCH_SEXT : UPR_FETCH_ZEXT, (u8)type->bits, 0);
	x->has_float |= type->is_float;
}

static const char *convert_op(struct expr *x, const Dwarf_Op *op, bool bits_only)
{
	struct number_type type;
	const char *why = number_type(x, op->number, &type);

	if (!why && !bits_only && (x->has_float || type.is_float))
		why = no_float;
	if (!why)
		cut(x, &type);
	return why;
}

static const char *constant_type_op(struct expr *x, const Dwarf_Op *op)
{
	struct number_type type;
	const char *why = number_type(x, op->number, &type);
	/* libdw: where the size and the bytes are */
	const u8 *block = (const u8 *)(uintptr_t)op->number2;
	u64 value = 0;

	if (why || !block || block[0] * 8u != type.bits)
		return why ? why : "a constant of its location cannot be read from the debug information";
	memcpy(&value, block + 1, block[0]);
	fetch_emit(&x->loc.code, UPR_FETCH_PUSH, 0, (s64)value);
	cut(x, &type);
	return NULL;
}

static const char *register_type_op(struct expr *x, const Dwarf_Op *op)
{
	struct number_type type;
	const char *why = number_type(x, op->number2, &type);

	if (!why)
		why = push_any_register(x, (unsigned int)op->number);
	if (!why)
		cut(x, &type);
	return why;
}

static const char *typed_op(struct expr *x, const Dwarf_Op *op)
{
	struct number_type type;
	const char *why;

	switch (op->atom) {
	case DW_OP_regval_type:
	case DW_OP_GNU_regval_type:
		return register_type_op(x, op);
	case DW_OP_deref_type:
	case DW_OP_GNU_deref_type:
		why = number_type(x, op->number2, &type);
		if (why)
			return why;
		fetch_emit(&x->loc.code, UPR_FETCH_LOAD, (u8)op->number, 0);
		cut(x, &type);
		return NULL;
	case DW_OP_const_type:
	case DW_OP_GNU_const_type:
		return constant_type_op(x, op);
	case DW_OP_convert:
	case DW_OP_GNU_convert:
		return convert_op(x, op, false);
	case DW_OP_reinterpret:
	case DW_OP_GNU_reinterpret:
		return convert_op(x, op, true);
	default:
		return "its location is described in a way that is not known";
	}
}

/* --- operations with operands of their own ------------------------------------------------ */

static const char *frame_base_op(struct expr *x, const Dwarf_Op *op)
{
	const struct fetch_frame within = fetch_frame_within(x->frame);
	struct fetch_loc base = {0};
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t nr;
	const char *why = NULL;

	if (!x->frame->has_function ||
	    !dwarf_attr_integrate((Dwarf_Die *)&x->frame->function, DW_AT_frame_base, &attr) ||
	    dwarf_getlocation_addr(&attr, x->frame->pc, &ops, &nr, 1) <= 0)
		return "its function has no frame there";
	if (within.nested == FETCH_NESTED_MAX)
		why = "its function's frame is described by itself";
	else if (fetch_locate_ops(&within, ops, nr, &attr, &base))
		why = "out of memory";
	else if (base.kind != FETCH_MEMORY && base.kind != FETCH_VALUE)
		why = base.why ? base.why : "its function's frame is not in memory";
	if (!why) {
		fetch_append(&x->loc.code, &base.code);
		fetch_add(&x->loc.code, (s64)op->number);
	}
	fetch_loc_free(&base);
	return why;
}

/* DW_OP_entry_value of a register, of memory at one, or of a register that holds a number of a type. */
static const char *entry_value_op(struct expr *x, const Dwarf_Op *op)
{
	static const char unusual[] = "its location is an entry value of an unusual kind";
	struct number_type type;
	Dwarf_Attribute inner;
	const char *why;
	Dwarf_Op *ops;
	size_t nr;

	if (!x->attr || dwarf_getlocation_attr(x->attr, op, &inner) || dwarf_getlocation(&inner, &ops, &nr) || nr != 1)
		return unusual;
	if (ops->atom >= DW_OP_reg0 && ops->atom <= DW_OP_reg31)
		return fetch_push_entry_value(x->frame, ops->atom - DW_OP_reg0, &x->loc.code);
	if (ops->atom == DW_OP_regx)
		return fetch_push_entry_value(x->frame, (unsigned int)ops->number, &x->loc.code);
	if (ops->atom >= DW_OP_breg0 && ops->atom <= DW_OP_breg31) {
		why = fetch_push_entry_value(x->frame, ops->atom - DW_OP_breg0, &x->loc.code);
		fetch_add(&x->loc.code, (s64)ops->number);
		return why;
	}
	if (ops->atom != DW_OP_regval_type && ops->atom != DW_OP_GNU_regval_type)
		return unusual;
	why = number_type(x, ops->number2, &type);
	if (!why)
		why = fetch_push_entry_value(x->frame, (unsigned int)ops->number, &x->loc.code);
	if (!why)
		cut(x, &type);
	return why;
}

/*
 * The entry that an operation names.  libdw takes any place for one that has the number of an abbreviation there;
 * gcc writes 0, the place of the unit's header, into split files.
 */
static bool entry_of(struct expr *x, const Dwarf_Op *op, Dwarf_Die *ret)
{
	Dwarf_Die unit;

	return x->attr && !dwarf_getlocation_die(x->attr, op, ret) && dwarf_diecu(ret, &unit, NULL, NULL) &&
	       dwarf_dieoffset(ret) > dwarf_dieoffset(&unit);
}

static const char *parameter_op(struct expr *x, const Dwarf_Op *op)
{
	Dwarf_Die param;

	if (!entry_of(x, op, &param))
		return "its caller's parameter cannot be read from the debug information";
	return fetch_push_passed(x->frame, &param, &x->loc.code);
}

static const char *implicit_pointer_op(struct expr *x, const Dwarf_Op *op)
{
	if (!entry_of(x, op, &x->loc.target))
		return "optimized out: the pointer itself is not there";
	x->loc.kind = FETCH_POINTER;
	x->loc.offset = (s64)op->number2;
	return NULL;
}

static const char *implicit_value_op(struct expr *x, const Dwarf_Op *op)
{
	Dwarf_Block block;

	if (!x->attr || dwarf_getlocation_implicit_value(x->attr, op, &block))
		return "its value cannot be read from the debug information";
	x->loc.kind = FETCH_BYTES;
	x->loc.bytes = block.data;
	x->loc.size = block.length;
	return NULL;
}

static const char *address_op(struct expr *x, const Dwarf_Op *op)
{
	Dwarf_Attribute attr;
	Dwarf_Addr addr = op->number;

	if (op->atom == DW_OP_addrx || op->atom == DW_OP_GNU_addr_index) {
		if (!x->attr || dwarf_getlocation_attr(x->attr, op, &attr) || dwarf_formaddr(&attr, &addr))
			return "its address cannot be read from the debug information";
	}
	fetch_emit(&x->loc.code, UPR_FETCH_BIAS, 0, 0);
	fetch_add(&x->loc.code, (s64)addr);
	return NULL;
}

/* A constant that is an offset into thread-local storage, by index. */
static const char *indexed_constant_op(struct expr *x, const Dwarf_Op *op)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!x->attr || dwarf_getlocation_attr(x->attr, op, &attr) || dwarf_formudata(&attr, &value))
		return "a constant of its location cannot be read from the debug information";
	fetch_emit(&x->loc.code, UPR_FETCH_PUSH, 0, (s64)fetch_tls_offset(x->frame->info, value));
	return NULL;
}

static const char *register_op(struct expr *x, const Dwarf_Op *op, bool *done)
{
	*done = true;
	if ((op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31) || op->atom == DW_OP_regx) {
		unsigned int nr = op->atom == DW_OP_regx ? (unsigned int)op->number :
							   op->atom - (unsigned int)DW_OP_reg0;

		if (nr >= REG_VECTOR0 && nr <= REG_VECTOR15) {
			if (x->frame->callee)
				return "it was in a vector register of a caller";
			x->loc.kind = FETCH_VECTOR;
			x->loc.reg = nr - REG_VECTOR0;
			return NULL;
		}
		x->loc.kind = FETCH_VALUE;
		return fetch_push_register(x->frame, nr, &x->loc.code);
	}
	if ((op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) || op->atom == DW_OP_bregx) {
		bool by_number = op->atom == DW_OP_bregx;
		const char *why = fetch_push_register(
			x->frame, by_number ? (unsigned int)op->number : op->atom - (unsigned int)DW_OP_breg0,
			&x->loc.code);

		fetch_add(&x->loc.code, (s64)(by_number ? op->number2 : op->number));
		return why;
	}
	*done = false;
	return NULL;
}

static const char *other_op(struct expr *x, const Dwarf_Op *op)
{
	bool done;
	const char *why = register_op(x, op, &done);

	if (done)
		return why;
	switch (op->atom) {
	case DW_OP_addr:
	case DW_OP_addrx:
	case DW_OP_GNU_addr_index:
		return address_op(x, op);
	case DW_OP_constx:
	case DW_OP_GNU_const_index:
		return indexed_constant_op(x, op);
	case DW_OP_fbreg:
		return frame_base_op(x, op);
	case DW_OP_call_frame_cfa:
		return fetch_push_cfa(x->frame, &x->loc.code);
	case DW_OP_entry_value:
	case DW_OP_GNU_entry_value:
		return entry_value_op(x, op);
	case DW_OP_GNU_parameter_ref:
		return parameter_op(x, op);
	case DW_OP_form_tls_address:
	case DW_OP_GNU_push_tls_address:
		return fetch_push_tls(x->frame->info, &x->loc.code);
	case DW_OP_implicit_pointer:
	case DW_OP_GNU_implicit_pointer:
		return implicit_pointer_op(x, op);
	case DW_OP_implicit_value:
		return implicit_value_op(x, op);
	case DW_OP_stack_value:
		x->loc.kind = FETCH_VALUE;
		return NULL;
	default:
		return typed_op(x, op);
	}
}

/* --- control flow, pieces -------------------------------------------------------------------- */

/* Forwards only: a fetch program has no loops. */
static const char *jump_op(struct expr *x, size_t i)
{
	const Dwarf_Op *op = &x->ops[i];
	/* both have an operand of two bytes, which the distance is counted from */
	Dwarf_Word to = op->offset + 3 + (Dwarf_Word)(int16_t)op->number;

	if (to <= op->offset)
		return "its location has a loop";
	/* the target's index, until all of them are known */
	fetch_emit(&x->loc.code, op->atom == DW_OP_bra ? UPR_FETCH_JNZ : UPR_FETCH_JMP, 0, (s64)to);
	return NULL;
}

static void resolve_jumps(struct expr *x)
{
	u32 k;
	size_t i;

	for (k = 0; k < x->loc.code.nr; k++) {
		struct upr_fetch_insn *insn = &x->loc.code.v[k];

		if ((insn->op != UPR_FETCH_JMP && insn->op != UPR_FETCH_JNZ) || !insn->imm)
			continue;
		for (i = 0; i < x->nr && x->ops[i].offset != (Dwarf_Word)insn->imm; i++)
			;
		insn->target = (u16)(i < x->nr ? x->start[i] : x->loc.code.nr);
		insn->imm = 0;
	}
}

/* The stack is empty behind it: what comes is another expression. */
static int add_piece(struct expr *x, size_t size)
{
	struct fetch_loc *more = reallocarray(x->whole.pieces, x->whole.nr_pieces + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	x->whole.pieces = more;
	x->loc.span = size;
	x->has_float = false;
	/* nothing before it: the part is not there */
	if (x->loc.kind == FETCH_MEMORY && !x->loc.code.nr) {
		x->loc.kind = FETCH_NOWHERE;
		x->loc.why = "optimized out in part";
	}
	more[x->whole.nr_pieces++] = x->loc;
	x->loc = (struct fetch_loc){.kind = FETCH_MEMORY};
	return 0;
}

static const char *piece_op(struct expr *x, const Dwarf_Op *op)
{
	Dwarf_Word size = op->number;

	if (op->atom == DW_OP_bit_piece) {
		if (op->number % 8 || op->number2)
			return "it is in pieces of bits";
		size /= 8;
	}
	resolve_jumps(x);
	return add_piece(x, size) ? "out of memory" : NULL;
}

static const char *one_op(struct expr *x, size_t i)
{
	const Dwarf_Op *op = &x->ops[i];

	x->start[i] = x->loc.code.nr;
	if (op->atom == DW_OP_piece || op->atom == DW_OP_bit_piece)
		return piece_op(x, op);
	if (op->atom == DW_OP_bra || op->atom == DW_OP_skip)
		return jump_op(x, i);
	if (x->has_float && computes(op))
		return no_float;
	if (constant_op(&x->loc.code, op) || plain_op(&x->loc.code, op))
		return NULL;
	return other_op(x, op);
}

int fetch_locate_ops(const struct fetch_frame *frame, const Dwarf_Op *ops, size_t nr, Dwarf_Attribute *attr,
		     struct fetch_loc *ret)
{
	struct expr x = {.frame = frame,
			 .ops = ops,
			 .nr = nr,
			 .attr = attr,
			 .loc = {.kind = FETCH_MEMORY},
			 .whole = {.kind = FETCH_PIECES}};
	const char *why = nr ? NULL : "optimized out";
	size_t i;

	*ret = (struct fetch_loc){0};
	x.start = calloc(nr + 1, sizeof(*x.start));
	if (!x.start)
		return -ENOMEM;
	for (i = 0; i < nr && !why; i++)
		why = one_op(&x, i);
	resolve_jumps(&x);
	free(x.start);
	if (!why && x.whole.nr_pieces) {
		fetch_loc_free(&x.loc);
		*ret = x.whole;
		return 0;
	}
	fetch_loc_free(&x.whole);
	if (why) {
		fetch_loc_free(&x.loc);
		x.loc.why = why;
	}
	*ret = x.loc;
	return 0;
}
