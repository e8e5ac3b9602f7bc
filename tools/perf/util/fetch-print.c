// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-print.c - fetched values, for people and as JSON.
 *
 * Purpose: see fetch.h and fetch-type.h.  Numbers, strings and arrays look as in perf script; what perf does not know looks
 * as in C: 'c', true, NAME, {a=1,b=2}.
 *
 * Locks: none.
 */
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fetch.h"
#include "ui.h"

/**
 * struct printer - a record being printed
 * @json:	as JSON
 */
struct printer {
	FILE *out;
	const u8 *record;
	size_t size;
	bool json;
};

static void print(const struct printer *p, const struct fetch_type *type, size_t at);

static bool within(const struct printer *p, size_t at, size_t size)
{
	return at <= p->size && size <= p->size - at;
}

/* --- numbers --------------------------------------------------------------------------- */

static u64 raw(const struct printer *p, const struct fetch_type *type, size_t at)
{
	unsigned int bits = type->bits ? type->bits : 8 * (unsigned int)type->size;
	size_t size = type->size < 8 ? type->size : 8;
	u64 value = 0;

	memcpy(&value, p->record + at, size);
	if (!type->bits)
		return value;
	value >>= type->shift;
	/* a field of many bits may need a ninth byte */
	if (type->size > 8 && type->shift)
		value |= (u64)p->record[at + 8] << (64 - type->shift);
	return bits < 64 ? value & ((1ull << bits) - 1) : value;
}

static s64 signed_value(const struct fetch_type *type, u64 value)
{
	unsigned int bits = type->bits ? type->bits : 8 * (unsigned int)type->size;

	return bits && bits < 64 ? (s64)(value << (64 - bits)) >> (64 - bits) : (s64)value;
}

/* The same wherever the user lives. */
static void put_number(FILE *out, char *text)
{
	const char *point = localeconv()->decimal_point;
	char *at = strstr(text, point);

	if (at) {
		*at = '.';
		memmove(at + 1, at + strlen(point), strlen(at + strlen(point)) + 1);
	}
	fputs(text, out);
}

/* As few digits as are read back as the same number. */
static void print_double(FILE *out, double value, bool single)
{
	char text[40];
	int digits = 0;

	do {
		snprintf(text, sizeof(text), "%.*g", ++digits, value);
	} while (digits < 17 && (single ? strtof(text, NULL) != (float)value : strtod(text, NULL) != value));
	put_number(out, text);
}

/* Of two bytes; the sign is the uppermost bit. */
static double small_float(u16 bits, bool brain)
{
	unsigned int exponent = bits >> 10 & 31, fraction = bits & 1023;
	u32 wide = (u32)bits << 16;
	double value;
	float single;

	if (brain) {
		memcpy(&single, &wide, sizeof(single));
		return single;
	}
	if (exponent == 31)
		value = fraction ? NAN : INFINITY;
	else
		value = exponent ? ldexp(1024 + fraction, (int)exponent - 25) : ldexp(fraction, -24);
	return bits >> 15 ? -value : value;
}

/* Is there no other number of two bytes that @text is as near to? */
static bool means(const char *text, u16 bits, bool brain)
{
	double value = small_float(bits, brain), above = small_float(bits + 1, brain);
	double below = small_float(bits - 1, brain), number = strtod(text, NULL), off = fabs(number - value);

	/* where the next one would be, if it were not too large */
	if (isinf(above))
		above = 2 * value - below;
	return !off || (off < fabs(number - above) && off < fabs(number - below));
}

static void print_small_float(const struct printer *p, size_t at, bool brain)
{
	char text[40];
	double value;
	int digits = 0;
	u16 bits;

	memcpy(&bits, p->record + at, sizeof(bits));
	value = small_float(bits, brain);
	if (!isfinite(value)) {
		fprintf(p->out, p->json ? "\"%g\"" : "%g", value);
		return;
	}
	do {
		snprintf(text, sizeof(text), "%.*g", ++digits, value);
	} while (digits < 17 && !means(text, bits, brain));
	put_number(p->out, text);
}

static void print_float(const struct printer *p, const struct fetch_type *type, size_t at)
{
	long double wide = 0;
	double value = 0;
	float single = 0;

	if (type->size == sizeof(u16)) {
		print_small_float(p, at, type->kind == FETCH_BRAIN);
		return;
	}
	if (type->size == sizeof(single)) {
		memcpy(&single, p->record + at, sizeof(single));
		value = single;
	} else if (type->size == sizeof(value)) {
		memcpy(&value, p->record + at, sizeof(value));
	} else {
		memcpy(&wide, p->record + at, type->size < sizeof(wide) ? type->size : sizeof(wide));
		value = (double)wide;
	}
	if (!isfinite(value) && p->json)
		fprintf(p->out, "\"%g\"", value);
	else if (!isfinite(value) || type->size <= sizeof(value))
		print_double(p->out, value, type->size == sizeof(single));
	else {
		char text[48];

		snprintf(text, sizeof(text), "%.21Lg", wide);
		put_number(p->out, text);
	}
}

/* --- characters ------------------------------------------------------------------------ */

static void put_utf8(FILE *out, u64 c)
{
	if (c < 0x80) {
		putc((int)c, out);
	} else if (c < 0x800) {
		putc((int)(0xc0 | c >> 6), out);
		putc((int)(0x80 | (c & 0x3f)), out);
	} else if (c < 0x10000) {
		putc((int)(0xe0 | c >> 12), out);
		putc((int)(0x80 | (c >> 6 & 0x3f)), out);
		putc((int)(0x80 | (c & 0x3f)), out);
	} else {
		putc((int)(0xf0 | c >> 18), out);
		putc((int)(0x80 | (c >> 12 & 0x3f)), out);
		putc((int)(0x80 | (c >> 6 & 0x3f)), out);
		putc((int)(0x80 | (c & 0x3f)), out);
	}
}

/* What a terminal or a line of text would take for something else is escaped. */
static void put_char(FILE *out, u64 c, char quote)
{
	if (c == (u64)quote || c == '\\')
		fprintf(out, "\\%c", (char)c);
	else if (c == '\n')
		fputs("\\n", out);
	else if (c == '\t')
		fputs("\\t", out);
	else if (c < 0x20 || c == 0x7f)
		fprintf(out, "\\x%02x", (unsigned int)c);
	else
		putc((int)c, out);
}

static void print_char(const struct printer *p, const struct fetch_type *type, u64 value)
{
	/* beyond Unicode, or half of a character */
	if (value > 0x10ffff || (value >= 0x80 && type->size == 1) || (value >= 0xd800 && value < 0xe000)) {
		fprintf(p->out, p->json ? "%" PRIu64 : "'\\x%" PRIx64 "'", value);
		return;
	}
	if (p->json) {
		char text[2] = {(char)value};

		if (value && value < 0x80)
			ui_json_string(p->out, text);
		else
			fprintf(p->out, "%" PRIu64, value);
		return;
	}
	putc('\'', p->out);
	if (value < 0x80)
		put_char(p->out, value, '\'');
	else
		put_utf8(p->out, value);
	putc('\'', p->out);
}

static void print_text(const struct printer *p, const char *text, size_t len)
{
	size_t i;

	if (p->json) {
		ui_json_text(p->out, text, len);
		return;
	}
	putc('"', p->out);
	for (i = 0; i < len; i++)
		put_char(p->out, (unsigned char)text[i], '"');
	putc('"', p->out);
}

static void print_string(const struct printer *p, size_t at)
{
	u32 loc;
	size_t start, len;

	memcpy(&loc, p->record + at, sizeof(loc));
	start = loc & 0xffff;
	len = loc >> 16;
	if (!len || !within(p, start, len))
		fputs(p->json ? "null" : "(fault)", p->out);
	else
		print_text(p, (const char *)p->record + start, len - 1);
}

/* --- names ---------------------------------------------------------------------------------- */

static const char *enum_name(const struct fetch_type *type, s64 value)
{
	size_t i;

	for (i = 0; i < type->nr; i++)
		if (type->values[i].value == value)
			return type->values[i].name;
	return NULL;
}

/* A set of flags: all of its bits have names. */
static bool print_flags(FILE *out, const struct fetch_type *type, u64 value)
{
	u64 left = value;
	const char *bar = "";
	size_t i;

	for (i = 0; i < type->nr; i++) {
		u64 bit = (u64)type->values[i].value;

		if (bit && !(bit & (bit - 1)) && (left & bit))
			left &= ~bit;
	}
	if (left || !value)
		return false;
	for (i = 0; i < type->nr; i++) {
		u64 bit = (u64)type->values[i].value;

		if (!bit || (bit & (bit - 1)) || !(value & bit))
			continue;
		fprintf(out, "%s%s", bar, type->values[i].name);
		value &= ~bit;
		bar = "|";
	}
	return true;
}

static void print_enum(const struct printer *p, const struct fetch_type *type, u64 value)
{
	s64 number = signed_value(type, value);
	const char *name = enum_name(type, number);

	/* of an unsigned type */
	if (!name)
		name = enum_name(type, (s64)value);
	if (name && p->json)
		ui_json_string(p->out, name);
	else if (name)
		fputs(name, p->out);
	else if (p->json || !print_flags(p->out, type, value))
		fprintf(p->out, "%" PRId64, number);
}

/* --- what is made of others ------------------------------------------------------------------- */

/* Bytes nobody knows the meaning of, as one number. */
static void print_unknown(const struct printer *p, const struct fetch_type *type, size_t at)
{
	size_t i;

	fputs(p->json ? "\"0x" : "0x", p->out);
	for (i = type->size; i; i--)
		fprintf(p->out, "%02x", p->record[at + i - 1]);
	if (p->json)
		putc('"', p->out);
}

static void print_struct(const struct printer *p, const struct fetch_type *type, size_t at)
{
	size_t i;

	putc('{', p->out);
	for (i = 0; i < type->nr; i++) {
		const struct fetch_type *part = &type->parts[i];

		if (i)
			putc(',', p->out);
		if (p->json) {
			ui_json_string(p->out, part->name ? part->name : "");
			putc(':', p->out);
		} else if (part->name) {
			fprintf(p->out, "%s=", part->name);
		}
		print(p, part, at + part->offset);
	}
	putc('}', p->out);
}

static void print_array(const struct printer *p, const struct fetch_type *type, size_t at)
{
	size_t i;

	putc(p->json ? '[' : '{', p->out);
	for (i = 0; i < type->nr; i++) {
		if (i)
			putc(',', p->out);
		print(p, type->parts, at + i * type->parts[0].size);
	}
	putc(p->json ? ']' : '}', p->out);
}

static void print_number(const struct printer *p, const struct fetch_type *type, u64 value)
{
	switch (type->kind) {
	case FETCH_SIGNED:
		fprintf(p->out, "%" PRId64, signed_value(type, value));
		break;
	case FETCH_HEX:
		fprintf(p->out, p->json ? "\"0x%" PRIx64 "\"" : "0x%" PRIx64, value);
		break;
	case FETCH_CHAR:
		print_char(p, type, value);
		break;
	case FETCH_ENUM:
		print_enum(p, type, value);
		break;
	case FETCH_BOOL:
		if (value <= 1) {
			fputs(value ? "true" : "false", p->out);
			break;
		}
		/* fall through */
	default:
		fprintf(p->out, "%" PRIu64, value);
	}
}

static void print(const struct printer *p, const struct fetch_type *type, size_t at)
{
	if (!within(p, at, type->size)) {
		fputs(p->json ? "null" : "?", p->out);
		return;
	}
	switch (type->kind) {
	case FETCH_FLOAT:
	case FETCH_BRAIN:
		print_float(p, type, at);
		break;
	case FETCH_STRING:
		print_string(p, at);
		break;
	case FETCH_CHARS:
		print_text(p, (const char *)p->record + at, strnlen((const char *)p->record + at, type->size));
		break;
	case FETCH_STRUCT:
		print_struct(p, type, at);
		break;
	case FETCH_ARRAY:
		print_array(p, type, at);
		break;
	case FETCH_UNKNOWN:
		print_unknown(p, type, at);
		break;
	case FETCH_MISSING:
		fputs(p->json ? "null" : "<optimized out>", p->out);
		break;
	default:
		print_number(p, type, raw(p, type, at));
	}
}

void fetch_type_print(FILE *out, const struct fetch_type *type, const u8 *record, size_t size, size_t at)
{
	const struct printer p = {out, record, size, false};

	print(&p, type, at);
}

void fetch_type_print_json(FILE *out, const struct fetch_type *type, const u8 *record, size_t size, size_t at)
{
	const struct printer p = {out, record, size, true};

	print(&p, type, at);
}

/* --- arguments ------------------------------------------------------------------------------------------ */

static const char *no_value(u8 status)
{
	switch (status) {
	case UPR_FETCH_FAULT:
		return "(fault)";
	case UPR_FETCH_NO_ROOM:
		return "(no room)";
	case FETCH_TAIL_CALL:
		return "<tail call>";
	case FETCH_UNKNOWN_CALLER:
		return "<unknown caller>";
	default:
		return "<optimized out>";
	}
}

void fetch_print(FILE *out, const struct fetch *fetch, const u8 *record, size_t size, const u8 *status)
{
	u32 i;

	for (i = 0; i < fetch->nr_args; i++) {
		const struct fetch_arg *arg = &fetch->args[i];

		fprintf(out, " %s=", arg->name);
		if (status[i])
			fputs(no_value(status[i]), out);
		else
			fetch_type_print(out, &arg->type, record, size, arg->at);
	}
}

void fetch_print_json(FILE *out, const struct fetch *fetch, const u8 *record, size_t size, const u8 *status)
{
	u32 i;

	putc('{', out);
	for (i = 0; i < fetch->nr_args; i++) {
		const struct fetch_arg *arg = &fetch->args[i];

		fputs(i ? "," : "", out);
		ui_json_string(out, arg->name);
		putc(':', out);
		if (status[i])
			fputs("null", out);
		else
			fetch_type_print_json(out, &arg->type, record, size, arg->at);
	}
	putc('}', out);
}
