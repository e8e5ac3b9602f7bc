/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fetch-type.h - what the bytes of a fetched value mean.
 *
 * Purpose: types of debug information, or the kernel's casts (u8 ... s64, x8 ... x64, string, char, b4@2/8, T[4]), as
 * a tree that prints itself.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_FETCH_TYPE_H
#define PERF_UTIL_FETCH_TYPE_H

#include <stdbool.h>
#include <stdio.h>
#include <upr-compat.h>

#include "debug-type.h"
#include "error.h"

enum fetch_type_kind {
	FETCH_SIGNED,
	FETCH_UNSIGNED,
	FETCH_HEX,
	FETCH_CHAR,
	FETCH_BOOL,
	FETCH_FLOAT,	/* 2, 4, 8 or 16 bytes: half, single, double, extended */
	FETCH_BRAIN,	/* a float of 2 bytes with the range of one of 4 */
	FETCH_ENUM,	/* @values, @nr of them */
	FETCH_STRING,	/* a string fetched from elsewhere: its place holds a u32 */
	FETCH_CHARS,	/* @size characters, up to the first NUL */
	FETCH_STRUCT,	/* @parts, @nr of them */
	FETCH_ARRAY,	/* @nr times @parts[0] */
	FETCH_UNKNOWN,	/* bytes */
	FETCH_MISSING,	/* optimized out */
};

struct fetch_enum_value {
	char *name;
	s64 value;
};

/**
 * struct fetch_type - a type
 * @name:	of a member; NULL: it has none
 * @offset:	of a member
 * @size:	bytes in the record
 * @shift, @bits: of a bit-field, from the lowest bit of @size bytes; @bits 0: it is none
 */
struct fetch_type {
	enum fetch_type_kind kind;
	char *name;
	size_t offset;
	size_t size;
	unsigned int shift;
	unsigned int bits;
	size_t nr;
	struct fetch_type *parts;
	struct fetch_enum_value *values;
};

/** fetch_type_of() - of an entry of a type, already without typedefs; NULL: void.  Return: 0; -ENOMEM */
int fetch_type_of(Dwarf_Die *type, struct fetch_type *ret);
/** fetch_type_set_bits() - it is a bit-field of @bits bits, @shift bits into @size bytes */
void fetch_type_set_bits(struct fetch_type *type, size_t size, unsigned int shift, unsigned int bits);

/**
 * fetch_type_cast() - by a cast
 * @size:	bytes of what is cast, for u, s and x without a number; 0: not known
 * Return: 0; -EINVAL, -ENOMEM with @err
 */
int fetch_type_cast(const char *cast, size_t size, struct fetch_type *ret, struct upr_error *err);
void fetch_type_free(struct fetch_type *type);

/** fetch_type_print() - a value of it at @at of a record of @size bytes, as perf script prints numbers and strings */
void fetch_type_print(FILE *out, const struct fetch_type *type, const u8 *record, size_t size, size_t at);
/** fetch_type_print_json() - the same as JSON */
void fetch_type_print_json(FILE *out, const struct fetch_type *type, const u8 *record, size_t size, size_t at);

#endif /* PERF_UTIL_FETCH_TYPE_H */
