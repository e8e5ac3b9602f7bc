// SPDX-License-Identifier: GPL-2.0
/*
 * debug-type.c - what debug information says of types.
 *
 * Purpose: see debug-type.h.  Locks: none.
 */
#include <string.h>

#include "debug-type.h"

bool die_is_structure(Dwarf_Die *type)
{
	int tag = dwarf_tag(type);

	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

bool die_is_reference(Dwarf_Die *type)
{
	int tag = dwarf_tag(type);

	return tag == DW_TAG_reference_type || tag == DW_TAG_rvalue_reference_type;
}

/* Of what is no array, or says its size itself. */
static size_t own_size(Dwarf_Die *type)
{
	int size = dwarf_bytesize(type), tag = dwarf_tag(type);
	uint8_t address = 8;

	if (size >= 0)
		return (size_t)size;
	if (tag != DW_TAG_pointer_type && !die_is_reference(type) && tag != DW_TAG_ptr_to_member_type)
		return 0;
	dwarf_cu_info(type->cu, NULL, NULL, NULL, NULL, NULL, &address, NULL);
	return address;
}

size_t die_size(Dwarf_Die *type)
{
	Dwarf_Word counts[DIE_DIMS_MAX];
	Dwarf_Die at = *type, element;
	unsigned int depth, dims, i;
	size_t nr = 1, size;

	/* arrays of arrays, by the names that parts of them have; damaged ones are made of themselves */
	for (depth = 0; dwarf_tag(&at) == DW_TAG_array_type && !own_size(&at); depth++) {
		dims = die_array_counts(&at, counts);
		for (i = 0; i < dims; i++)
			if (__builtin_mul_overflow(nr, counts[i], &nr))
				return SIZE_MAX;
		if (!dims || depth == DIE_CHAIN_MAX || !die_real_type(&at, &element))
			return 0;
		at = element;
	}
	return __builtin_mul_overflow(nr, own_size(&at), &size) ? SIZE_MAX : size;
}

/* Names alone tell numbers of one size apart; these are those that gdb goes by, and Rust's. */
static bool is_quad(const char *name)
{
	static const char *const names[] = {"128", "kind=16", "(16)", "real*16", "quad complex"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasestr(name, names[i]))
			return true;
	return false;
}

enum die_float die_float(Dwarf_Die *type, bool *complex)
{
	const char *name = dwarf_diename(type);
	Dwarf_Attribute attr;
	Dwarf_Word encoding;

	*complex = false;
	if (dwarf_tag(type) != DW_TAG_base_type || !dwarf_attr_integrate(type, DW_AT_encoding, &attr) ||
	    dwarf_formudata(&attr, &encoding))
		return DIE_FLOAT_NONE;
	if (encoding == DW_ATE_decimal_float || encoding == DW_ATE_imaginary_float)
		return DIE_FLOAT_OTHER;
	*complex = encoding == DW_ATE_complex_float;
	if (!*complex && encoding != DW_ATE_float)
		return DIE_FLOAT_NONE;
	name = name ? name : "";
	switch (die_size(type) / (*complex ? 2 : 1)) {
	case 2:
		return strstr(name, "bf16") || strstr(name, "bfloat16") ? DIE_FLOAT_BRAIN : DIE_FLOAT_HALF;
	case 4:
		return DIE_FLOAT_SINGLE;
	case 8:
		return DIE_FLOAT_DOUBLE;
	case 16:
		return is_quad(name) ? DIE_FLOAT_QUAD : DIE_FLOAT_EXTENDED;
	default:
		return DIE_FLOAT_OTHER;
	}
}

/* --- places ----------------------------------------------------------------------- */

static bool number(Dwarf_Die *die, unsigned int name, Dwarf_Word *ret)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, name, &attr) && !dwarf_formudata(&attr, ret);
}

/* Old compilers say it by an expression.  Members of unions need not say it. */
static bool byte_offset(Dwarf_Die *member, Dwarf_Word *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Op *op;
	size_t nr;

	*ret = 0;
	if (!dwarf_attr_integrate(member, DW_AT_data_member_location, &attr) || !dwarf_formudata(&attr, ret))
		return true;
	if (dwarf_getlocation(&attr, &op, &nr) || nr != 1 || op->atom != DW_OP_plus_uconst)
		return false;
	*ret = op->number;
	return true;
}

/* In bytes and bits of little-endian memory: as few bytes as have them. */
static void set_bits(struct die_place *place, Dwarf_Word bit_offset, Dwarf_Word bits)
{
	place->offset += bit_offset / 8;
	place->shift = bit_offset % 8;
	place->bits = (unsigned int)bits;
	place->size = (place->shift + place->bits + 7) / 8;
}

bool die_member_place(Dwarf_Die *member, struct die_place *ret)
{
	Dwarf_Word bits, from, unit, bytes;
	Dwarf_Die type;

	*ret = (struct die_place){0};
	if (!byte_offset(member, &bytes))
		return false;
	ret->offset = bytes;
	if (!number(member, DW_AT_bit_size, &bits) || !bits || bits > 64)
		return true;
	if (number(member, DW_AT_data_bit_offset, &from)) {
		set_bits(ret, from, bits);
	} else if (number(member, DW_AT_bit_offset, &from)) {
		/* DWARF 2: counted from the highest bit of the unit */
		if (!number(member, DW_AT_byte_size, &unit))
			unit = die_real_type(member, &type) ? die_size(&type) : 0;
		if (from > 8 * unit || bits > 8 * unit - from)
			return false;
		set_bits(ret, 8 * unit - from - bits, bits);
	} else {
		set_bits(ret, 0, bits);
	}
	return true;
}

/**
 * struct member_search - for one of a name
 * @left:	so many more are looked at
 * @member, @place: where the one found goes; its place in the structure that is looked at
 */
struct member_search {
	const char *name;
	unsigned int left;
	Dwarf_Die *member;
	struct die_place *place;
};

static bool find_member(struct member_search *s, Dwarf_Die *type, unsigned int depth)
{
	struct die_place outer;
	Dwarf_Die die, inner;

	/* damaged, a type may be part of itself */
	if (depth == DIE_CHAIN_MAX || dwarf_child(type, &die))
		return false;
	do {
		int tag = dwarf_tag(&die);
		const char *own = dwarf_diename(&die);

		if (!s->left)
			return false;
		s->left--;
		if (tag == DW_TAG_member && own && !strcmp(own, s->name)) {
			*s->member = die;
			return die_member_place(&die, s->place);
		}
		if ((tag != DW_TAG_inheritance && (tag != DW_TAG_member || own)) || !die_member_place(&die, &outer) ||
		    !die_real_type(&die, &inner) || !die_is_structure(&inner))
			continue;
		if (find_member(s, &inner, depth + 1)) {
			s->place->offset += outer.offset;
			return true;
		}
	} while (!dwarf_siblingof(&die, &die));
	return false;
}

bool die_find_member(Dwarf_Die *type, const char *name, Dwarf_Die *member, struct die_place *place)
{
	struct member_search s = {name, DIE_MEMBERS_MAX, member, place};

	return find_member(&s, type, 0);
}

/* --- arrays ------------------------------------------------------------------------- */

static Dwarf_Word count_of(Dwarf_Die *range)
{
	Dwarf_Word count, upper, lower = 0;

	if (number(range, DW_AT_count, &count))
		return count;
	number(range, DW_AT_lower_bound, &lower);
	/* -1: none at all */
	if (!number(range, DW_AT_upper_bound, &upper) || upper + 1 < lower + 1)
		return 0;
	return upper - lower + 1;
}

unsigned int die_array_counts(Dwarf_Die *array, Dwarf_Word counts[DIE_DIMS_MAX])
{
	unsigned int dims = 0;
	Dwarf_Die die;

	if (dwarf_child(array, &die))
		return 0;
	do {
		if (dwarf_tag(&die) == DW_TAG_subrange_type && dims < DIE_DIMS_MAX)
			counts[dims++] = count_of(&die);
	} while (!dwarf_siblingof(&die, &die));
	return dims;
}
