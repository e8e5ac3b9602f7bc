// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-text.c - strings that are objects.
 *
 * Purpose: C++, Rust and Go have strings that know their length and need no NUL.  Their types are known by
 * the names that debug information has, and by their members.
 *
 * Locks: none.
 */
#include <string.h>

#include "fetch.h"

/* How deep the pointer of a Rust String lies, which changes from one version of its library to the next. */
#define DEPTH_MAX 8

/**
 * struct known - a type of strings
 * @type:	how its name begins; with "$" at the end: the whole of it
 * @chars, @len: members, with dots between; NULL: wherever there is a pointer, and a "len"
 */
static const struct known {
	const char *type;
	const char *chars;
	const char *len;
} known[] = {
	/* the pointer is all that there is in _M_dataplus, whose type some compilers leave out */
	{"basic_string<char,", "_M_dataplus", "_M_string_length"},
	{"basic_string_view<char,", "_M_str", "_M_len"},
	{"&str$", "data_ptr", "length"},
	{"string$", "str", "len"},
	{"String$", NULL, NULL},
};

static bool is_called(const char *name, const char *type)
{
	size_t len = strlen(type);

	if (type[len - 1] == '$')
		return !strncmp(name, type, len - 1) && !name[len - 1];
	return !strncmp(name, type, len);
}

/* "a.b" in @type: *ret is its offset. */
static bool path_offset(Dwarf_Die *type, const char *path, s64 *ret)
{
	size_t len = strcspn(path, ".");
	struct die_place place;
	Dwarf_Die member, inner;
	char name[64];

	if (len >= sizeof(name))
		return false;
	memcpy(name, path, len);
	name[len] = '\0';
	if (!die_find_member(type, name, &member, &place) || place.bits)
		return false;
	*ret += (s64)place.offset;
	return !path[len] || (die_real_type(&member, &inner) && path_offset(&inner, path + len + 1, ret));
}

/* The first pointer, or the first member called "len", at any depth. */
static bool deep_offset(Dwarf_Die *type, bool pointer, unsigned int depth, s64 *ret)
{
	Dwarf_Die die, inner;
	struct die_place place;

	if (depth == DEPTH_MAX || dwarf_child(type, &die))
		return false;
	do {
		const char *name = dwarf_diename(&die);
		s64 off = *ret;

		if (dwarf_tag(&die) != DW_TAG_member || !die_member_place(&die, &place) || !die_real_type(&die, &inner))
			continue;
		off += (s64)place.offset;
		if (pointer ? dwarf_tag(&inner) == DW_TAG_pointer_type : name && !strcmp(name, "len")) {
			*ret = off;
			return true;
		}
		if (die_is_structure(&inner) && deep_offset(&inner, pointer, depth + 1, &off)) {
			*ret = off;
			return true;
		}
	} while (!dwarf_siblingof(&die, &die));
	return false;
}

bool fetch_text(const struct fetch_value *v, s64 *chars, s64 *len)
{
	Dwarf_Die *type = (Dwarf_Die *)&v->type;
	const char *name = v->has_type && die_is_structure(type) ? dwarf_diename(type) : NULL;
	size_t i;

	for (i = 0; name && i < sizeof(known) / sizeof(known[0]); i++) {
		*chars = *len = 0;
		if (!is_called(name, known[i].type))
			continue;
		if (known[i].chars)
			return path_offset(type, known[i].chars, chars) && path_offset(type, known[i].len, len);
		return deep_offset(type, true, 0, chars) && deep_offset(type, false, 0, len);
	}
	return false;
}
