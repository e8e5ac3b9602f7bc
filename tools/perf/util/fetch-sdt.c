// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-sdt.c - arguments of statically defined probes.
 *
 * Purpose: a probe's note has its arguments as operands of the assembler (AT&T syntax), each with size and sign in front:
 *
 *	-4@%eax	8@$5	8@-24(%rbp)	4@8(%rax,%rbx,4)	8@symbol(%rip)	4f@%xmm0
 *
 * Locks: none.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utrace/insn.h>

#include "fetch.h"

/** struct operand - of a note; @at, @len: behind the @ */
struct operand {
	const char *at;
	size_t len;
	unsigned int size;
	bool is_signed;
	bool is_float;
};

static const char *skip_blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* Blanks stand between operands, and never in one but within brackets. */
static const char *next_operand(const char *s, struct operand *ret)
{
	const char *at = strchr(s, '@');
	unsigned int depth = 0;
	char *end;
	long size;

	size = strtol(s, &end, 10);
	ret->is_float = *end == 'f';
	/* operands without a size are words */
	if (!at || end + ret->is_float != at) {
		size = 8;
		at = s - 1;
	}
	ret->is_signed = size < 0;
	ret->size = size >= -8 && size <= 8 ? (unsigned int)labs(size) : 0;
	ret->at = at + 1;
	for (s = ret->at; *s && (depth || !isspace((unsigned char)*s)); s++)
		depth += *s == '(' ? 1 : *s == ')' && depth ? -1u : 0;
	ret->len = (size_t)(s - ret->at);
	return skip_blanks(s);
}

static bool find_operand(const char *args, long long number, struct operand *ret)
{
	args = skip_blanks(args);
	while (*args && number > 0) {
		args = next_operand(args, ret);
		if (!--number)
			return true;
	}
	return false;
}

unsigned int fetch_sdt_count(const char *args)
{
	struct operand o;
	unsigned int nr = 0;

	for (args = skip_blanks(args); *args; nr++)
		args = next_operand(args, &o);
	return nr;
}

/* --- registers --------------------------------------------------------------------------- */

/* Names of all sizes: rax eax ax al ah, rsi esi si sil, r8 r8d r8w r8b.  Return: number, -1; *high: ah and its kin */
static int register_number(const char *s, size_t len, bool *high)
{
	static const char *const legacy[] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
	unsigned int i, nr;
	char name[8];
	int end = 0;

	*high = false;
	if (len >= sizeof(name) || len < 2)
		return -1;
	memcpy(name, s, len);
	name[len] = '\0';
	if (sscanf(name, "r%u%n", &nr, &end) == 1 && nr >= 8 && nr < 16 && (!name[end] || strchr("dwb", name[end])))
		return (int)nr;
	for (i = 0; i < ARRAY_SIZE(legacy); i++) {
		const char *base = legacy[i];

		if (!strcmp(name, base) || ((name[0] == 'r' || name[0] == 'e') && !strcmp(name + 1, base)))
			return (int)i;
		/* al, sil */
		if (i < 4 ? name[0] == base[0] && name[1] == 'l' && !name[2] :
			    !strncmp(name, base, 2) && name[2] == 'l' && !name[3])
			return (int)i;
		if (i < 4 && name[0] == base[0] && name[1] == 'h' && !name[2]) {
			*high = true;
			return (int)i;
		}
	}
	return -1;
}

static bool register_operand(const char *s, size_t len, struct fetch_value *ret)
{
	unsigned int nr;
	bool high;
	int end = 0, reg;

	if (sscanf(s, "xmm%u%n", &nr, &end) == 1 && (size_t)end == len && nr < 16) {
		ret->loc.kind = FETCH_VECTOR;
		ret->loc.reg = nr;
		return true;
	}
	reg = register_number(s, len, &high);
	if (reg < 0)
		return false;
	ret->loc.kind = FETCH_VALUE;
	ret->off = high;
	fetch_emit(&ret->loc.code, UPR_FETCH_REG, (u8)reg, 0);
	return true;
}

/* --- memory ----------------------------------------------------------------------------------- */

/* "8", "-0x10", "symbol", "symbol+8", nothing.  *own: it is an address of the file */
static bool displacement(struct upr_elf *elf, const char *s, size_t len, s64 *ret, bool *own)
{
	char text[256], *end, *sign;
	u64 addr;

	*ret = 0;
	*own = false;
	if (len >= sizeof(text))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	*ret = strtoll(text, &end, 0);
	if (!*end)
		return true;
	*ret = 0;
	sign = strpbrk(text, "+-");
	if (sign) {
		*ret = strtoll(sign, &end, 0);
		if (*end)
			return false;
		*sign = '\0';
	}
	*own = true;
	if (!upr_elf_find_object(elf, text, &addr))
		return false;
	*ret += (s64)addr;
	return true;
}

/* "(%base,%index,scale)": any of them may be missing. */
static bool base_and_index(const char *s, size_t len, bool own, struct fetch_code *code)
{
	const char *end = s + len, *comma;
	unsigned int part, scale;
	bool high;
	int reg;

	fetch_emit(code, own ? UPR_FETCH_BIAS : UPR_FETCH_PUSH, 0, 0);
	for (part = 0; s <= end && part < 2; part++, s = comma + 1) {
		comma = memchr(s, ',', (size_t)(end - s));
		comma = comma ? comma : end;
		/* relative to the instruction: to where the file is */
		if (comma == s || (comma - s == 4 && !strncmp(s, "%rip", 4)))
			continue;
		reg = *s == '%' ? register_number(s + 1, (size_t)(comma - s - 1), &high) : -1;
		if (reg < 0)
			return false;
		fetch_emit(code, UPR_FETCH_REG, (u8)reg, 0);
		if (part && comma < end) {
			scale = (unsigned int)atoi(comma + 1);
			if (scale != 1 && scale != 2 && scale != 4 && scale != 8)
				return false;
			fetch_emit(code, UPR_FETCH_PUSH, 0, scale);
			fetch_emit(code, UPR_FETCH_MUL, 0, 0);
		}
		fetch_emit(code, UPR_FETCH_ADD, 0, 0);
	}
	return true;
}

static bool memory_operand(struct upr_elf *elf, const char *s, size_t len, struct fetch_value *ret)
{
	const char *open = memchr(s, '(', len);
	size_t before = open ? (size_t)(open - s) : len;
	bool own;

	if (!displacement(elf, s, before, &ret->off, &own))
		return false;
	ret->loc.kind = FETCH_MEMORY;
	if (open)
		return s[len - 1] == ')' && base_and_index(open + 1, len - before - 2, own, &ret->loc.code);
	return base_and_index("", 0, own, &ret->loc.code);
}

/* A number, or the address of a symbol where the program cannot be moved. */
static bool constant_operand(struct upr_elf *elf, const char *s, size_t len, struct fetch_value *ret)
{
	bool own;
	s64 number;

	if (!displacement(elf, s, len, &number, &own))
		return false;
	ret->loc.kind = FETCH_VALUE;
	fetch_emit(&ret->loc.code, own ? UPR_FETCH_BIAS : UPR_FETCH_PUSH, 0, own ? 0 : number);
	fetch_add(&ret->loc.code, own ? number : 0);
	return true;
}

static bool locate(struct upr_elf *elf, const struct operand *o, struct fetch_value *ret)
{
	if (!o->len || (o->size != 1 && o->size != 2 && o->size != 4 && o->size != 8))
		return false;
	if (*o->at == '%')
		return register_operand(o->at + 1, o->len - 1, ret);
	if (*o->at == '$')
		return constant_operand(elf, o->at + 1, o->len - 1, ret);
	return memory_operand(elf, o->at, o->len, ret);
}

int fetch_sdt_argument(const struct fetch_place *place, long long number, struct fetch_value *ret, char cast[8],
		       struct upr_error *err)
{
	struct operand o;

	*ret = (struct fetch_value){0};
	if (!find_operand(place->sdt, number, &o))
		return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL, "there is no $arg%lld: the probe has %u arguments",
				     number, fetch_sdt_count(place->sdt));
	if (locate(place->elf, &o, ret)) {
		snprintf(cast, 8, "%c%u", o.is_float ? 'f' : o.is_signed ? 's' : 'u', 8 * o.size);
		return 0;
	}
	fetch_loc_free(&ret->loc);
	return upr_error_set(err, UPR_ERR_UNSUPPORTED, ENOTSUP,
			     "argument %lld of the probe is written in an unusual way: %.*s", number, (int)o.len, o.at);
}
