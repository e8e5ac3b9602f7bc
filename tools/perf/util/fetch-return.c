// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-return.c - what a function returns.
 *
 * Purpose: $retval at a `ret', where the calling convention says that it is (System V psABI for x86-64, section 3.2.3).
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdlib.h>
#include <utrace/insn.h>

#include "fetch.h"

#define WORD 8u
/* What is larger is returned in memory. */
#define WORDS 2u
/* Structures in structures at most. */
#define DEPTH_MAX 8

/* How a word of a value is returned: ordered, the stronger one wins. */
enum word_class {
	CLASS_NONE,
	CLASS_SSE,
	CLASS_INTEGER,
	CLASS_MEMORY,
};

static void merge(enum word_class *class, enum word_class with)
{
	if (with > *class)
		*class = with;
}

static void classify(Dwarf_Die *type, size_t off, unsigned int depth, enum word_class class[WORDS]);

static void classify_members(Dwarf_Die *type, size_t off, unsigned int depth, enum word_class class[WORDS])
{
	struct die_place place;
	Dwarf_Die die, inner;

	if (dwarf_child(type, &die))
		return;
	do {
		int tag = dwarf_tag(&die);

		if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) || dwarf_hasattr(&die, DW_AT_external) ||
		    !die_real_type(&die, &inner))
			continue;
		if (!die_member_place(&die, &place))
			class[0] = CLASS_MEMORY;
		else
			classify(&inner, off + place.offset, depth + 1, class);
	} while (!dwarf_siblingof(&die, &die));
}

static void classify_array(Dwarf_Die *type, size_t off, unsigned int depth, enum word_class class[WORDS])
{
	Dwarf_Word counts[DIE_DIMS_MAX];
	unsigned int dims = die_array_counts(type, counts), i;
	Dwarf_Die element;
	size_t nr = 1, size, k;

	if (!die_real_type(type, &element) || !(size = die_size(&element)))
		return;
	for (i = 0; i < dims; i++)
		nr *= counts[i];
	for (k = 0; k < nr && off + k * size < WORDS * WORD; k++)
		classify(&element, off + k * size, depth + 1, class);
}

/* C++: objects that cannot be copied word by word are returned in memory, whatever their size. */
static bool by_reference(Dwarf_Die *type)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	return dwarf_attr(type, DW_AT_calling_convention, &attr) && !dwarf_formudata(&attr, &value) &&
	       value == DW_CC_pass_by_reference;
}

static void classify(Dwarf_Die *type, size_t off, unsigned int depth, enum word_class class[WORDS])
{
	Dwarf_Attribute attr;
	Dwarf_Word encoding = 0;
	size_t size = die_size(type), i;

	if (depth == DEPTH_MAX || off + size > WORDS * WORD || by_reference(type)) {
		class[0] = CLASS_MEMORY;
		return;
	}
	if (die_is_structure(type)) {
		classify_members(type, off, depth, class);
		return;
	}
	if (dwarf_tag(type) == DW_TAG_array_type) {
		classify_array(type, off, depth, class);
		return;
	}
	if (dwarf_tag(type) == DW_TAG_base_type && dwarf_attr_integrate(type, DW_AT_encoding, &attr))
		dwarf_formudata(&attr, &encoding);
	for (i = off / WORD; size && i <= (off + size - 1) / WORD; i++)
		merge(&class[i],
		      encoding == DW_ATE_float || encoding == DW_ATE_complex_float ? CLASS_SSE : CLASS_INTEGER);
}

/* --- where it is ------------------------------------------------------------------------ */

static struct fetch_loc integer(unsigned int reg)
{
	struct fetch_loc loc = {.kind = FETCH_VALUE, .span = WORD};

	fetch_emit(&loc.code, UPR_FETCH_REG, (u8)reg, 0);
	return loc;
}

static int in_registers(const enum word_class class[WORDS], size_t size, struct fetch_loc *ret)
{
	static const u8 regs[] = {UPR_RAX, UPR_RDX};
	unsigned int i, nr_int = 0, nr_sse = 0;

	ret->pieces = calloc(WORDS, sizeof(*ret->pieces));
	if (!ret->pieces)
		return -ENOMEM;
	ret->kind = FETCH_PIECES;
	for (i = 0; i < WORDS && i * WORD < size; i++) {
		ret->pieces[i] = class[i] == CLASS_SSE ?
					 (struct fetch_loc){.kind = FETCH_VECTOR, .reg = nr_sse++, .span = WORD} :
					 integer(regs[nr_int++]);
		ret->nr_pieces++;
	}
	return 0;
}

/* The extended numbers of the x87 are in a register of its own. */
static bool is_extended(Dwarf_Die *type)
{
	Dwarf_Attribute attr;
	Dwarf_Word encoding;

	return dwarf_tag(type) == DW_TAG_base_type && die_size(type) == 2 * WORD &&
	       dwarf_attr_integrate(type, DW_AT_encoding, &attr) && !dwarf_formudata(&attr, &encoding) &&
	       encoding == DW_ATE_float;
}

static int by_type(struct fetch_value *ret)
{
	enum word_class class[WORDS] = {CLASS_NONE, CLASS_NONE};
	size_t size = die_size(&ret->type);

	if (is_extended(&ret->type)) {
		ret->loc.why = "in a register of the x87 unit, which is not fetched";
		return 0;
	}
	if (size > WORDS * WORD)
		class[0] = CLASS_MEMORY;
	else
		classify(&ret->type, 0, 0, class);
	if (class[0] != CLASS_MEMORY)
		return in_registers(class, size, &ret->loc);
	/* the caller has said where, and is told */
	ret->loc = integer(UPR_RAX);
	ret->loc.kind = FETCH_MEMORY;
	return 0;
}

int fetch_return_value(const struct fetch_place *place, struct fetch_value *ret, struct upr_error *err)
{
	Dwarf_Die function = place->frame.function;

	*ret = (struct fetch_value){0};
	if (place->has_scope) {
		ret->has_type = die_real_type(&function, &ret->type) != NULL;
		if (!ret->has_type)
			return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL,
					     "there is no $retval: the function returns nothing");
	}
	if (place->tail) {
		ret->loc.why = "another function returns it";
		ret->loc.none = FETCH_TAIL_CALL;
		return 0;
	}
	if (ret->has_type)
		return by_type(ret) ? upr_error_nomem(err) : 0;
	ret->loc = integer(UPR_RAX);
	return ret->loc.code.failed ? upr_error_nomem(err) : 0;
}
