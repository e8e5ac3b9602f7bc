// SPDX-License-Identifier: GPL-2.0
/*
 * event-check.c - would the kernel take the arguments of an event?
 *
 * Purpose: see event-check.h.
 *
 *	ARG	[NAME=] FETCH [:TYPE]
 *	FETCH	%REG | $stack[N] | $retval | $comm | @0xADDR | @+0xOFFSET | \NUMBER | \"TEXT" | +|-[u]OFFSET(FETCH)
 *	TYPE	u|s|x 8|16|32|64, char, string, ustring, bWIDTH@OFFSET/SIZE; [COUNT] may follow
 *
 * Locks: none.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event-check.h"

/* As the kernel has them. */
#define ARGS_MAX     128
#define ARG_TEXT_MAX 63
#define ARG_NAME_MAX 32
#define ARRAY_MAX    64
#define DEPTH_MAX    15

/**
 * struct checker - one argument being looked at
 * @text:	of all arguments: where places are counted from
 * @fetch:	what is at the bottom of the dereferences: '%', '@', '$', '\\', '"', 'c' for $comm
 * @depth:	dereferences
 */
struct checker {
	const char *text;
	bool retprobe;
	char fetch;
	unsigned int depth;
	struct event_fault *fault;
};

static bool fault(struct checker *c, const char *at, const char *what)
{
	c->fault->what = what;
	c->fault->at = at - c->text;
	return false;
}

/* Nothing is wrong with it but that the kernel has no such thing for programs. */
static bool limit(struct checker *c, const char *at, const char *what)
{
	c->fault->limit = true;
	return fault(c, at, what);
}

static bool is_number(const char *s, size_t len)
{
	char buf[32], *end;

	if (!len || len >= sizeof(buf) || !isdigit((unsigned char)*s))
		return false;
	memcpy(buf, s, len);
	buf[len] = '\0';
	strtoull(buf, &end, 0);
	return !*end;
}

static bool is_one_of(const char *const *names, const char *s, size_t len)
{
	for (; *names; names++)
		if (strlen(*names) == len && !memcmp(*names, s, len))
			return true;
	return false;
}

/* --- names ------------------------------------------------------------------------ */

static bool check_name(struct checker *c, const char *s, size_t len)
{
	static const char *const reserved[] = {
		"common_type", "common_flags", "common_preempt_count", "common_pid", "common_tgid",
		"__probe_ip",  "__probe_func", "__probe_ret_ip",       NULL,
	};
	size_t i;

	if (!len)
		return fault(c, s, "Argument name is not specified");
	if (len > ARG_NAME_MAX)
		return limit(c, s, "Argument name is too long");
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			break;
	if (i < len || isdigit((unsigned char)*s))
		return fault(c, s, "Argument name must follow the same rules as C identifiers");
	if (is_one_of(reserved, s, len))
		return fault(c, s, "This argument name is already used");
	return true;
}

/* --- what is fetched ----------------------------------------------------------------- */

static bool check_fetch(struct checker *c, const char *s, size_t len);

static bool check_variable(struct checker *c, const char *s, size_t len)
{
	const char *name = s + 1;

	len--;
	c->fetch = '$';
	if (len == 6 && !memcmp(name, "retval", 6))
		return c->retprobe || fault(c, s, "$retval is not available on probe");
	if (len == 4 && !memcmp(name, "comm", 4)) {
		c->fetch = 'c';
		return true;
	}
	if (len >= 5 && !memcmp(name, "stack", 5) && (len == 5 || isdigit((unsigned char)name[5])))
		return len == 5 || is_number(name + 5, len - 5) || fault(c, s + 6, "Invalid stack number");
	if (len > 3 && !memcmp(name, "arg", 3) && is_number(name + 3, len - 3))
		return limit(c, s, "$arg* can be used only on function entry or exit");
	return fault(c, s, "Invalid $-variable specified");
}

static bool check_register(struct checker *c, const char *s, size_t len)
{
	static const char *const names[] = {
		"ax",  "bx",  "cx",  "dx",  "si",  "di", "bp", "sp", "r8",    "r9",	 "r10",
		"r11", "r12", "r13", "r14", "r15", "ip", "cs", "ss", "flags", "orig_ax", NULL,
	};

	c->fetch = '%';
	return is_one_of(names, s + 1, len - 1) || fault(c, s, "Invalid register name");
}

static bool check_memory(struct checker *c, const char *s, size_t len)
{
	c->fetch = '@';
	if (isdigit((unsigned char)*s))
		return is_number(s, len) || fault(c, s - 1, "Invalid memory address");
	if (*s == '+')
		return is_number(s + 1, len - 1) || fault(c, s - 1, "Invalid file offset value");
	return limit(c, s - 1, "Symbol is not available with uprobe");
}

static bool check_immediate(struct checker *c, const char *s, size_t len)
{
	c->fetch = *s == '"' ? '"' : '\\';
	if (*s == '"')
		return (len > 1 && s[len - 1] == '"') || fault(c, s + len, "String is not closed with '\"'");
	return is_number(s, len) || (*s == '-' && is_number(s + 1, len - 1)) || fault(c, s, "Invalid immediate value");
}

/* "+8(FETCH)", "-u8(FETCH)" */
static bool check_deref(struct checker *c, const char *s, size_t len)
{
	const char *begin = s + 1 + (s[1] == 'u'), *open = memchr(s, '(', len), *close;

	if (++c->depth > DEPTH_MAX)
		return limit(c, s, "Too many nested dereferences");
	if (!open)
		return fault(c, s, "Dereference needs a brace");
	if (!is_number(begin + (*begin == '-'), open - begin - (*begin == '-')))
		return fault(c, s, "Invalid dereference offset");
	close = memrchr(open, ')', s + len - open);
	if (!close)
		return fault(c, s + len, "Dereference brace is not closed");
	if (!check_fetch(c, open + 1, close - (open + 1)))
		return false;
	return (c->fetch != 'c' && c->fetch != '"') || fault(c, open + 1, "$comm can not be dereferenced");
}

static bool check_fetch(struct checker *c, const char *s, size_t len)
{
	switch (len ? *s : 0) {
	case '$':
		return check_variable(c, s, len);
	case '%':
		return check_register(c, s, len);
	case '@':
		return check_memory(c, s + 1, len - 1);
	case '\\':
		return check_immediate(c, s + 1, len - 1);
	case '+':
	case '-':
		return check_deref(c, s, len);
	default:
		return fault(c, s, "Invalid fetch argument");
	}
}

static bool has_memory(const struct checker *c)
{
	return c->depth || c->fetch == '@' || c->fetch == '\\';
}

static bool is_text(const struct checker *c)
{
	return !c->depth && (c->fetch == 'c' || c->fetch == '"');
}

/* --- types ------------------------------------------------------------------------------- */

/* "b4@2/32" */
static bool check_bits(struct checker *c, const char *s, size_t len)
{
	char buf[32], *end;
	unsigned long width, offset, size;

	if (len >= sizeof(buf))
		return fault(c, s, "Invalid bitfield");
	memcpy(buf, s, len);
	buf[len] = '\0';
	width = strtoul(buf + 1, &end, 0);
	if (*end != '@')
		return fault(c, s, "Unknown type is specified");
	offset = strtoul(end + 1, &end, 0);
	size = *end == '/' ? strtoul(end + 1, &end, 0) : 0;
	if (*end || (size != 8 && size != 16 && size != 32 && size != 64))
		return fault(c, s, "Unknown type is specified");
	return (width && width + offset <= size) || fault(c, s, "Invalid bitfield");
}

/* "[4]" behind a type, which begins at @type */
static bool check_array(struct checker *c, const char *type, const char *s, size_t len, bool text)
{
	unsigned long nr;

	if (len < 2 || s[len - 1] != ']')
		return fault(c, s + len, "Array is not closed");
	if (!is_number(s + 1, len - 2))
		return fault(c, s + 1, "Invalid array size");
	nr = strtoul(s + 1, NULL, 0);
	if (!nr)
		return fault(c, s + 1, "Invalid array size");
	if (nr > ARRAY_MAX)
		return limit(c, s + 1, "Array number is too big");
	return c->depth || c->fetch == '@' || text || fault(c, type, "String accepts only memory argument");
}

static bool check_type(struct checker *c, const char *s, size_t len)
{
	static const char *const plain[] = {
		"u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "x8", "x16", "x32", "x64", "char", NULL,
	};
	static const char *const strings[] = {"string", "ustring", NULL};
	const char *bracket = memchr(s, '[', len);
	size_t base = bracket ? (size_t)(bracket - s) : len;
	bool text;

	if (is_text(c))
		return (len == 6 && !memcmp(s, "string", 6)) ||
		       fault(c, s, "$comm and immediate-string only accepts string type");
	text = is_one_of(strings, s, base);
	if (bracket && !check_array(c, s, bracket, len - base, text))
		return false;
	if (text)
		return has_memory(c) || fault(c, s, "String accepts only memory argument");
	if (base && *s == 'b')
		return check_bits(c, s, base);
	return is_one_of(plain, s, base) || fault(c, s, "Unknown type is specified");
}

/* --- all of it --------------------------------------------------------------------------------- */

static bool check_arg(struct checker *c, const char *s, size_t len)
{
	const char *equals = memchr(s, '=', len), *colon;
	size_t name = equals ? (size_t)(equals - s) : 0, fetch;

	if (len > ARG_TEXT_MAX)
		return limit(c, s, "Argument expression is too long");
	if (equals) {
		if (!check_name(c, s, name))
			return false;
		s += name + 1;
		len -= name + 1;
	}
	if (!len)
		return fault(c, s, "No argument expression");
	c->depth = 0;
	colon = memchr(s, ':', len);
	fetch = colon ? (size_t)(colon - s) : len;
	return check_fetch(c, s, fetch) && (!colon || check_type(c, colon + 1, len - fetch - 1));
}

/* The name of the argument of a number, which is its number's without one of its own. */
static void name_of(const char *s, size_t len, unsigned int nr, char ret[ARG_NAME_MAX + 1])
{
	const char *equals = memchr(s, '=', len);

	if (equals)
		snprintf(ret, ARG_NAME_MAX + 1, "%.*s", (int)(equals - s), s);
	else
		snprintf(ret, ARG_NAME_MAX + 1, "arg%u", nr);
}

static bool is_taken(const char *text, const char *s, size_t len, unsigned int nr)
{
	char name[ARG_NAME_MAX + 1], other[ARG_NAME_MAX + 1];
	unsigned int i = 0;

	name_of(s, len, nr, name);
	while (text < s) {
		size_t its = strcspn(text, " ");

		name_of(text, its, ++i, other);
		if (!strcmp(name, other))
			return true;
		text += its;
		text += strspn(text, " ");
	}
	return false;
}

bool event_args_check(const char *args, bool retprobe, struct event_fault *ret)
{
	struct checker c = {.text = args, .retprobe = retprobe, .fault = ret};
	const char *s;
	unsigned int nr = 0;

	*ret = (struct event_fault){0};
	args += strspn(args, " ");
	for (s = args; *s; s += strspn(s, " ")) {
		size_t len = strcspn(s, " ");

		if (nr++ == ARGS_MAX)
			return limit(&c, s, "Too many arguments are specified");
		if (!check_arg(&c, s, len))
			return false;
		if (is_taken(args, s, len, nr))
			return fault(&c, s, "This argument name is already used");
		s += len;
	}
	return true;
}
