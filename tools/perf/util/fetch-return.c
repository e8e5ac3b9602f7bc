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
/* The largest vector register. */
#define WORDS 8u
/* What is larger is returned in memory, unless it is one vector. */
#define REGISTERS 2u
/* Structures in structures at most. */
#define DEPTH_MAX 8

/* How a word of a value is returned: ordered, the stronger one wins. */
enum word_class {
	CLASS_NONE,
	CLASS_SSEUP, /* in the same vector register as the word before it */
	CLASS_SSE,
	CLASS_X87,
	CLASS_X87UP,
	CLASS_INTEGER,
	CLASS_MEMORY,
};

static void merge(enum word_class *class, enum word_class with)
{
	enum word_class stronger = with > *class ? with : *class;

	/* those of the x87 share with nobody */
	if (*class && with && *class != with && (stronger == CLASS_X87 || stronger == CLASS_X87UP))
		stronger = CLASS_MEMORY;
	*class = stronger;
}

static void merge_all(enum word_class class[WORDS], size_t off, size_t size, enum word_class first,
		      enum word_class others)
{
	size_t i;

	for (i = off / WORD; size && i <= (off + size - 1) / WORD; i++)
		merge(&class[i], i == off / WORD ? first : others);
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
		if (!die_member_place(&die, &place) || place.offset > WORDS * WORD - off)
			class[0] = CLASS_MEMORY;
		else if (!place.bits)
			classify(&inner, off + place.offset, depth + 1, class);
		/* where its bits are, whatever its type would need */
		else if (place.size > WORDS * WORD - off - place.offset)
			class[0] = CLASS_MEMORY;
		else
			merge_all(class, off + place.offset, place.size, CLASS_INTEGER, CLASS_INTEGER);
	} while (!dwarf_siblingof(&die, &die));
}

/* All of a vector is in one register, but gcc and clang have those of less than a word in a general one. */
static void classify_vector(size_t off, size_t size, enum word_class class[WORDS])
{
	if (off % size)
		class[0] = CLASS_MEMORY;
	else if (size < WORD)
		merge_all(class, off, size, CLASS_INTEGER, CLASS_INTEGER);
	else
		merge_all(class, off, size, CLASS_SSE, CLASS_SSEUP);
}

static void classify_array(Dwarf_Die *type, size_t off, unsigned int depth, enum word_class class[WORDS])
{
	size_t all = die_size(type), size, at;
	Dwarf_Die element;

	if (!all || !die_real_type(type, &element) || !(size = die_size(&element)))
		return;
	if (dwarf_hasattr(type, DW_AT_GNU_vector)) {
		classify_vector(off, all, class);
		return;
	}
	for (at = 0; at + size <= all; at += size)
		classify(&element, off + at, depth + 1, class);
}

/* Numbers and pointers. */
static void classify_scalar(Dwarf_Die *type, size_t off, size_t size, enum word_class class[WORDS])
{
	bool complex;
	enum die_float format = die_float(type, &complex);
	size_t align = complex ? size / 2 : dwarf_tag(type) == DW_TAG_ptr_to_member_type ? WORD : size;

	if (align && off % align)
		class[0] = CLASS_MEMORY;
	else if (format == DIE_FLOAT_NONE)
		merge_all(class, off, size, CLASS_INTEGER, CLASS_INTEGER);
	else if (format == DIE_FLOAT_EXTENDED)
		merge_all(class, off, size, CLASS_X87, CLASS_X87UP);
	else
		merge_all(class, off, size, CLASS_SSE, complex ? CLASS_SSE : CLASS_SSEUP);
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
	size_t size = die_size(type);

	if (depth == DEPTH_MAX || off > WORDS * WORD || size > WORDS * WORD - off || by_reference(type))
		class[0] = CLASS_MEMORY;
	else if (die_is_structure(type))
		classify_members(type, off, depth, class);
	else if (dwarf_tag(type) == DW_TAG_array_type)
		classify_array(type, off, depth, class);
	else
		classify_scalar(type, off, size, class);
}

/* What the words are together: in memory, if class[0] is. */
static void classify_whole(Dwarf_Die *type, size_t size, enum word_class class[WORDS])
{
	bool one_vector;
	size_t i;

	classify(type, 0, 0, class);
	one_vector = class[0] == CLASS_SSE;
	for (i = 1; i < WORDS && class[0] != CLASS_MEMORY; i++) {
		if (class[i] == CLASS_MEMORY || (class[i] == CLASS_X87UP && class[i - 1] != CLASS_X87))
			class[0] = CLASS_MEMORY;
		if (class[i] == CLASS_SSEUP && class[i - 1] != CLASS_SSE && class[i - 1] != CLASS_SSEUP)
			class[i] = CLASS_SSE;
		if (i * WORD < size && class[i] != CLASS_SSEUP)
			one_vector = false;
	}
	if (size > REGISTERS * WORD && !one_vector)
		class[0] = CLASS_MEMORY;
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

	ret->pieces = calloc(REGISTERS, sizeof(*ret->pieces));
	if (!ret->pieces)
		return -ENOMEM;
	ret->kind = FETCH_PIECES;
	for (i = 0; i < REGISTERS && i * WORD < size; i++) {
		if (class[i] == CLASS_SSEUP)
			ret->pieces[ret->nr_pieces - 1].span += WORD;
		else if (class[i] == CLASS_SSE)
			ret->pieces[ret->nr_pieces++] = (struct fetch_loc){
				.kind = FETCH_VECTOR, .reg = nr_sse++, .span = WORD};
		else
			ret->pieces[ret->nr_pieces++] = integer(regs[nr_int++]);
	}
	return 0;
}

static int by_type(struct fetch_value *ret)
{
	enum word_class class[WORDS] = {CLASS_NONE};
	size_t size = die_size(&ret->type);
	bool complex;

	/* alone among what is that large a complex number is in two registers */
	if (die_float(&ret->type, &complex) == DIE_FLOAT_EXTENDED)
		class[0] = CLASS_X87;
	else
		classify_whole(&ret->type, size, class);
	if (class[0] == CLASS_X87) {
		ret->loc.why = "in a register of the x87 unit, which is not fetched";
		return 0;
	}
	if (class[0] != CLASS_MEMORY && size > REGISTERS * WORD) {
		ret->loc.why = "in a vector register, of which no more than 16 bytes are fetched";
		return 0;
	}
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
