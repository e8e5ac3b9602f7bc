/* SPDX-License-Identifier: GPL-2.0 */
/*
 * debug-type.h - what debug information says of types: members, their places, sizes of arrays.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_DEBUG_TYPE_H
#define PERF_UTIL_DEBUG_TYPE_H

#include "debug-info.h"

#define DIE_DIMS_MAX 8

/**
 * struct die_place - where a member is
 * @offset:	bytes from the structure's start
 * @size:	bytes that have its bits; 0: it is no bit-field
 * @shift:	of its lowest bit in them
 * @bits:	how many; 0: it is no bit-field
 */
struct die_place {
	size_t offset;
	size_t size;
	unsigned int shift;
	unsigned int bits;
};

/** enum die_float - how a number of floating point is written */
enum die_float {
	DIE_FLOAT_NONE,
	DIE_FLOAT_HALF,
	DIE_FLOAT_BRAIN, /* the upper half of a single one */
	DIE_FLOAT_SINGLE,
	DIE_FLOAT_DOUBLE,
	DIE_FLOAT_EXTENDED, /* of the x87: 10 bytes and padding */
	DIE_FLOAT_QUAD,
	DIE_FLOAT_OTHER, /* decimal ones, and sizes that there are not */
};

/** die_float() - of a base type; of a complex number each of its parts, and *complex is set */
enum die_float die_float(Dwarf_Die *type, bool *complex);
/** die_member_place() - Return: false if it has no fixed place (a virtual base) */
bool die_member_place(Dwarf_Die *member, struct die_place *ret);
/** die_find_member() - by name, also in unnamed members and base classes; the place is that in @type.  Return: found? */
bool die_find_member(Dwarf_Die *type, const char *name, Dwarf_Die *member, struct die_place *place);
/** die_array_counts() - elements in each dimension, 0 where that is not known.  Return: dimensions */
unsigned int die_array_counts(Dwarf_Die *array, Dwarf_Word counts[DIE_DIMS_MAX]);
/** die_size() - bytes of a type, also of pointers and arrays that do not say; 0: not known, SIZE_MAX: more than there are */
size_t die_size(Dwarf_Die *type);
/** die_is_structure() - a structure, class or union; die_is_reference(): of C++ */
bool die_is_structure(Dwarf_Die *type);
bool die_is_reference(Dwarf_Die *type);

#endif /* PERF_UTIL_DEBUG_TYPE_H */
