// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-type.c - types of fetched values, from debug information and from casts.
 *
 * Purpose: see fetch-type.h.  Locks: none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fetch-type.h"
#include "symbol-priv.h"

/* Structures in structures at most; what is deeper is shown as bytes. */
#define DEPTH_MAX 8

static int type_of(Dwarf_Die *type, unsigned int depth, struct fetch_type *ret);

void fetch_type_free(struct fetch_type *type)
{
	size_t i;

	if (type->kind == FETCH_ENUM) {
		for (i = 0; i < type->nr; i++)
			free(type->values[i].name);
	} else if (type->parts) {
		for (i = 0; i < (type->kind == FETCH_ARRAY ? 1 : type->nr); i++)
			fetch_type_free(&type->parts[i]);
	}
	free(type->values);
	free(type->parts);
	free(type->name);
	*type = (struct fetch_type){0};
}

void fetch_type_set_bits(struct fetch_type *type, size_t size, unsigned int shift, unsigned int bits)
{
	type->size = size;
	type->shift = shift;
	type->bits = bits;
	/* as the kernel shows them */
	if (type->kind == FETCH_HEX)
		type->kind = FETCH_UNSIGNED;
}

/* --- debug information: numbers -------------------------------------------------------- */

static void base_type(Dwarf_Die *type, struct fetch_type *ret)
{
	const char *name = dwarf_diename(type);
	Dwarf_Attribute attr;
	Dwarf_Word encoding = DW_ATE_unsigned;

	if (dwarf_attr_integrate(type, DW_AT_encoding, &attr))
		dwarf_formudata(&attr, &encoding);
	switch (encoding) {
	case DW_ATE_boolean:
		ret->kind = FETCH_BOOL;
		break;
	case DW_ATE_signed_char:
	case DW_ATE_unsigned_char:
		/* "signed char" and "unsigned char" are small numbers to those who write them */
		if (!name || (!strstr(name, "signed") && name[0] != 'u'))
			ret->kind = FETCH_CHAR;
		else
			ret->kind = encoding == DW_ATE_signed_char ? FETCH_SIGNED : FETCH_HEX;
		break;
	case DW_ATE_UTF:
	case DW_ATE_ASCII:
	case DW_ATE_UCS:
		ret->kind = FETCH_CHAR;
		break;
	case DW_ATE_signed:
	case DW_ATE_signed_fixed:
		ret->kind = FETCH_SIGNED;
		break;
	default:
		/* as perf casts them */
		ret->kind = FETCH_HEX;
	}
	if (ret->size > 8)
		ret->kind = FETCH_UNKNOWN;
}

/* A number, or two of half the size. */
static int float_type(enum die_float format, bool complex, struct fetch_type *ret)
{
	enum fetch_type_kind kind = FETCH_FLOAT;

	/* shown as the bytes that they are */
	if (format == DIE_FLOAT_QUAD || format == DIE_FLOAT_OTHER)
		kind = FETCH_UNKNOWN;
	else if (format == DIE_FLOAT_BRAIN)
		kind = FETCH_BRAIN;
	ret->kind = kind;
	if (!complex)
		return 0;
	ret->parts = calloc(1, sizeof(*ret->parts));
	if (!ret->parts)
		return -ENOMEM;
	ret->kind = FETCH_ARRAY;
	ret->nr = 2;
	ret->parts[0] = (struct fetch_type){.kind = kind, .size = ret->size / 2};
	return 0;
}

static int add_enumerator(Dwarf_Die *die, size_t *cap, struct fetch_type *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Sword value;
	char *name;

	if (dwarf_tag(die) != DW_TAG_enumerator || !dwarf_attr(die, DW_AT_const_value, &attr) ||
	    dwarf_formsdata(&attr, &value))
		return 0;
	name = strdup(dwarf_diename(die) ? dwarf_diename(die) : "");
	if (!name || !upr_grow(&ret->values, ret->nr, cap, sizeof(*ret->values))) {
		free(name);
		return -ENOMEM;
	}
	ret->values[ret->nr++] = (struct fetch_enum_value){name, value};
	return 0;
}

static int enum_type(Dwarf_Die *type, struct fetch_type *ret)
{
	size_t cap = 0;
	Dwarf_Die die;
	int r = 0;

	ret->kind = FETCH_ENUM;
	if (dwarf_child(type, &die))
		return 0;
	do {
		r = add_enumerator(&die, &cap, ret);
	} while (!r && !dwarf_siblingof(&die, &die));
	return r;
}

/* --- debug information: structures and arrays ----------------------------------------------- */

/* Where in its structure; a bit-field's bits are counted from there.  Return: false if it is not at a fixed place. */
static bool place_member(Dwarf_Die *die, struct fetch_type *member)
{
	struct die_place place;

	if (!die_member_place(die, &place))
		return false;
	member->offset = place.offset;
	if (place.bits)
		fetch_type_set_bits(member, place.size, place.shift, place.bits);
	return true;
}

/* Damaged debug information has members outside of their structures. */
static bool fits(const struct fetch_type *type, size_t room)
{
	size_t i;

	if (type->kind != FETCH_STRUCT)
		return type->size <= room;
	for (i = 0; i < type->nr; i++)
		if (type->parts[i].offset > room || !fits(&type->parts[i], room - type->parts[i].offset))
			return false;
	return true;
}

static int add_member(Dwarf_Die *die, unsigned int depth, size_t *cap, struct fetch_type *ret)
{
	int tag = dwarf_tag(die);
	const char *name = dwarf_diename(die);
	struct fetch_type member = {0};
	Dwarf_Die mem;
	int r;

	/* static members are variables */
	if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) || dwarf_hasattr(die, DW_AT_external) ||
	    dwarf_hasattr(die, DW_AT_declaration))
		return 0;
	r = type_of(die_real_type(die, &mem), depth + 1, &member);
	if (!r && name && tag == DW_TAG_member) {
		member.name = strdup(name);
		r = member.name ? 0 : -ENOMEM;
	}
	if (!r && (!place_member(die, &member) || !member.size || member.offset > ret->size ||
		   !fits(&member, ret->size - member.offset))) {
		fetch_type_free(&member);
		return 0;
	}
	if (!r && !upr_grow(&ret->parts, ret->nr, cap, sizeof(*ret->parts)))
		r = -ENOMEM;
	if (r)
		fetch_type_free(&member);
	else
		ret->parts[ret->nr++] = member;
	return r;
}

static int struct_type(Dwarf_Die *type, unsigned int depth, struct fetch_type *ret)
{
	size_t cap = 0;
	Dwarf_Die die;
	int r = 0;

	if (depth >= DEPTH_MAX)
		return 0;
	ret->kind = FETCH_STRUCT;
	if (dwarf_child(type, &die))
		return 0;
	do {
		r = add_member(&die, depth, &cap, ret);
	} while (!r && !dwarf_siblingof(&die, &die));
	return r;
}

/* An array of arrays is one with several ranges: [2][3] is two times three. */
static int array_type(Dwarf_Die *type, unsigned int dim, unsigned int depth, struct fetch_type *ret)
{
	Dwarf_Word counts[DIE_DIMS_MAX];
	unsigned int dims = die_array_counts(type, counts);
	Dwarf_Die mem;
	int r;

	if (dim == dims)
		return type_of(die_real_type(type, &mem), depth + 1, ret);
	ret->parts = calloc(1, sizeof(*ret->parts));
	if (!ret->parts)
		return -ENOMEM;
	ret->kind = FETCH_ARRAY;
	ret->nr = counts[dim];
	r = array_type(type, dim + 1, depth, &ret->parts[0]);
	/* more than there is memory: too large for whoever looks at it */
	if (__builtin_mul_overflow(ret->nr, ret->parts[0].size, &ret->size))
		ret->size = SIZE_MAX;
	if (!r && ret->parts[0].kind == FETCH_CHAR && ret->parts[0].size == 1) {
		fetch_type_free(&ret->parts[0]);
		free(ret->parts);
		*ret = (struct fetch_type){.kind = FETCH_CHARS, .size = counts[dim]};
	}
	return r;
}

static int type_of(Dwarf_Die *type, unsigned int depth, struct fetch_type *ret)
{
	enum die_float format;
	bool complex;

	*ret = (struct fetch_type){.kind = FETCH_UNKNOWN, .size = type ? die_size(type) : 0};
	switch (type ? dwarf_tag(type) : 0) {
	case DW_TAG_base_type:
		format = die_float(type, &complex);
		if (format != DIE_FLOAT_NONE)
			return float_type(format, complex, ret);
		base_type(type, ret);
		return 0;
	case DW_TAG_enumeration_type:
		return enum_type(type, ret);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		return struct_type(type, depth, ret);
	case DW_TAG_array_type:
		return depth < DEPTH_MAX ? array_type(type, 0, depth, ret) : 0;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
	case DW_TAG_ptr_to_member_type:
	case DW_TAG_unspecified_type:
		ret->kind = FETCH_HEX;
		if (!ret->size)
			ret->size = 8;
		/* to a member function: two words */
		if (ret->size > 8)
			ret->kind = FETCH_UNKNOWN;
		return 0;
	default:
		return 0;
	}
}

int fetch_type_of(Dwarf_Die *type, struct fetch_type *ret)
{
	int r = type_of(type, 0, ret);

	if (r)
		fetch_type_free(ret);
	return r;
}

/* --- casts -------------------------------------------------------------------------------------- */

static int unknown_cast(const char *cast, struct upr_error *err)
{
	return upr_error_set(
		err, UPR_ERR_SYNTAX, EINVAL,
		"'%s' is no type; there are u8 to u64, s8 to s64, x8 to x64, u, s, x, f32, f64, char, string, bit-fields "
		"(b4@2/8) and arrays of them (u8[4])",
		cast);
}

/* b<width>@<offset>/<container> */
static int bitfield_cast(const char *cast, struct fetch_type *ret, struct upr_error *err)
{
	unsigned int bits, shift, container;
	int end = 0;

	if (sscanf(cast, "b%u@%u/%u%n", &bits, &shift, &container, &end) != 3 || cast[end] || !bits || bits > 64 ||
	    (container != 8 && container != 16 && container != 32 && container != 64) || shift > container ||
	    bits > container - shift)
		return unknown_cast(cast, err);
	ret->kind = FETCH_UNSIGNED;
	fetch_type_set_bits(ret, container / 8, shift, bits);
	return 0;
}

static int simple_cast(const char *cast, size_t size, struct fetch_type *ret, struct upr_error *err)
{
	char *end;
	unsigned long bits;

	*ret = (struct fetch_type){.kind = *cast == 's' ? FETCH_SIGNED : *cast == 'u' ? FETCH_UNSIGNED : FETCH_HEX};
	if (!strcmp(cast, "string") || !strcmp(cast, "ustring")) {
		ret->kind = FETCH_STRING;
		ret->size = sizeof(u32);
		return 0;
	}
	if (!strcmp(cast, "char")) {
		ret->kind = FETCH_CHAR;
		ret->size = 1;
		return 0;
	}
	/* not the kernel's: arguments of statically defined probes have it */
	if (!strcmp(cast, "f32") || !strcmp(cast, "f64")) {
		ret->kind = FETCH_FLOAT;
		ret->size = cast[1] == '3' ? 4 : 8;
		return 0;
	}
	if (*cast == 'b')
		return bitfield_cast(cast, ret, err);
	if (!*cast || !strchr("usx", *cast))
		return unknown_cast(cast, err);
	bits = cast[1] ? strtoul(cast + 1, &end, 10) : 8 * (size && size <= 8 ? size : 8);
	if ((cast[1] && *end) || (bits != 8 && bits != 16 && bits != 32 && bits != 64))
		return unknown_cast(cast, err);
	ret->size = bits / 8;
	return 0;
}

int fetch_type_cast(const char *cast, size_t size, struct fetch_type *ret, struct upr_error *err)
{
	const char *open = strchr(cast, '[');
	unsigned int nr;
	char *element;
	int end = 0, r;

	if (!open)
		return simple_cast(cast, size, ret, err);
	/* as the kernel has it */
	if (sscanf(open, "[%u]%n", &nr, &end) != 1 || open[end] || !nr || nr > 64)
		return unknown_cast(cast, err);
	*ret = (struct fetch_type){.kind = FETCH_ARRAY, .nr = nr, .parts = calloc(1, sizeof(*ret->parts))};
	element = strndup(cast, (size_t)(open - cast));
	r = ret->parts && element ? simple_cast(element, size, ret->parts, err) : upr_error_nomem(err);
	free(element);
	if (r)
		fetch_type_free(ret);
	else
		ret->size = nr * ret->parts[0].size;
	return r;
}
