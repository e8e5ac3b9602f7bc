// SPDX-License-Identifier: GPL-2.0
/*
 * probe-var.c - where a variable is at an address, and how the kernel would fetch it.
 *
 * Purpose: struct perf_arg -> "%di", "+8(%sp):s32".  The kernel's language knows registers, memory at
 * a register and an offset, and pointers to follow; what lies anywhere else is refused with perf's words.
 *
 * Locks: none.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe-finder.h"

#define REFS_MAX 64
#define BITS_MAX 64

/* Register numbers of the ABI ("DWARF Register Number Mapping"), in the kernel's names. */
static const char *const regs[] = {"%ax", "%dx", "%cx",	 "%bx",	 "%si",	 "%di",	 "%bp",	 "%sp",
				   "%r8", "%r9", "%r10", "%r11", "%r12", "%r13", "%r14", "%r15"};

/**
 * struct location - where it is
 * @base:	register, "@symbol" or "\value"
 * @refs:	offsets of memory references, the innermost first; @nr_refs of them
 */
struct location {
	char *base;
	long refs[REFS_MAX];
	bool user[REFS_MAX];
	unsigned int nr_refs;
};

/* Damaged debug information has any numbers: they wrap, as the addresses that they are added to. */
static long plus(long a, long b)
{
	__builtin_add_overflow(a, b, &a);
	return a;
}

static long times(long a, long b)
{
	__builtin_mul_overflow(a, b, &a);
	return a;
}

static int add_ref(struct location *l, long off, bool user)
{
	if (l->nr_refs == REFS_MAX)
		return -E2BIG;
	l->refs[l->nr_refs] = off;
	l->user[l->nr_refs++] = user;
	return 0;
}

/* --- where -------------------------------------------------------------------- */

static bool location_at(Dwarf_Attribute *attr, Dwarf_Addr addr, Dwarf_Op **op, size_t *nr)
{
	return dwarf_getlocation_addr(attr, addr, op, nr, 1) > 0;
}

/*
 * Some parameters are known a few bytes behind the entry only, where the instrumentation of
 * functions stands: nothing has moved them by then.
 */
static bool location_near_entry(struct finder *f, Dwarf_Die *var, Dwarf_Attribute *attr, Dwarf_Op **op, size_t *nr)
{
	Dwarf_Addr entry, end, base, from, to, first = -1;
	ptrdiff_t off = 0;

	if (dwarf_entrypc(&f->function, &entry) || f->addr != entry || dwarf_tag(var) != DW_TAG_formal_parameter ||
	    dwarf_highpc(&f->function, &end))
		return false;
	while ((off = dwarf_getlocations(attr, off, &base, &from, &to, op, nr)) > 0) {
		from = from > entry ? from : entry;
		if (from < to && from < first)
			first = from;
	}
	return first <= end && location_at(attr, first, op, nr);
}

static int set_base(struct location *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int set_base(struct location *l, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&l->base, fmt, ap);
	va_end(ap);
	if (r < 0)
		l->base = NULL;
	return r < 0 ? -ENOMEM : 0;
}

static int at_symbol(Dwarf_Die *var, struct location *l)
{
	int r = set_base(l, "@%s", dwarf_diename(var));

	return r ? r : add_ref(l, 0, false);
}

/* A register, or memory at one. */
static int by_register(struct finder *f, Dwarf_Op *op, struct location *l)
{
	Dwarf_Word reg;
	long off = 0;
	bool memory = false;

	if (op->atom == DW_OP_fbreg) {
		if (!f->frame_base)
			return -ENOTSUP;
		memory = true;
		off = (long)op->number;
		op = f->frame_base;
	}
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		reg = op->atom - DW_OP_breg0;
		off = plus(off, (long)op->number);
		memory = true;
	} else if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31) {
		reg = op->atom - DW_OP_reg0;
	} else if (op->atom == DW_OP_bregx) {
		reg = op->number;
		off = plus(off, (long)op->number2);
		memory = true;
	} else if (op->atom == DW_OP_regx) {
		reg = op->number;
	} else {
		return -ENOTSUP;
	}
	if (!l)
		return 0;
	if (reg >= sizeof(regs) / sizeof(regs[0])) {
		probe_say(f->opts, "Mapping for the register number %" PRIu64 " missing on this architecture.",
			  (uint64_t)reg);
		return -ENOTSUP;
	}
	if (set_base(l, "%s", regs[reg]))
		return -ENOMEM;
	return memory ? add_ref(l, off, false) : 0;
}

/* @l NULL: is there one?  Return: 0, -ENOENT, -ENOTSUP, -EINVAL, -ENOMEM */
static int locate(struct finder *f, Dwarf_Die *var, struct location *l)
{
	Dwarf_Attribute attr;
	Dwarf_Sword value;
	Dwarf_Op *op;
	size_t nr;

	if (dwarf_attr(var, DW_AT_external, &attr))
		return l ? at_symbol(var, l) : 0;
	if (dwarf_attr_integrate(var, DW_AT_const_value, &attr)) {
		if (dwarf_formsdata(&attr, &value))
			return -EINVAL;
		return l ? set_base(l, "\\%lld", (long long)value) : 0;
	}
	if (!dwarf_attr_integrate(var, DW_AT_location, &attr))
		return -EINVAL;
	if ((!location_at(&attr, f->addr, &op, &nr) && !location_near_entry(f, var, &attr, &op, &nr)) || !nr)
		return -ENOENT;
	if (op->atom == DW_OP_addr)
		return l ? at_symbol(var, l) : 0;
	return by_register(f, op, l);
}

bool probe_has_location(struct finder *f, Dwarf_Die *var)
{
	return !locate(f, var, NULL);
}

/* --- members and elements ---------------------------------------------------------- */

static int no_type(const struct finder *f, const char *name)
{
	probe_say(f->opts, "Failed to get the type of %s.", name);
	return -ENOENT;
}

static bool is_structure(Dwarf_Die *type)
{
	int tag = dwarf_tag(type);

	return tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
}

static int member_offset(Dwarf_Die *member, Dwarf_Word *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Op *op;
	size_t nr;

	if (!dwarf_attr(member, DW_AT_data_member_location, &attr))
		return -ENOENT;
	if (!dwarf_formudata(&attr, ret))
		return 0;
	if (dwarf_getlocation_addr(&attr, 0, &op, &nr, 1) <= 0 || !nr || op->atom != DW_OP_plus_uconst)
		return -ENOTSUP;
	*ret = op->number;
	return 0;
}

/* An element of what @type, a pointer or an array, has. */
static int take_element(struct finder *f, const struct perf_field *field, const char *name, bool user, Dwarf_Die *type,
			struct location *l, Dwarf_Die *ret)
{
	bool pointer = dwarf_tag(type) == DW_TAG_pointer_type;
	Dwarf_Die element;
	int r = 0;

	/* its type is the element's: what comes next asks for it */
	*ret = *type;
	if (!die_real_type(type, &element))
		return no_type(f, name);
	if (pointer)
		r = add_ref(l, 0, user);
	if (!r && !l->nr_refs)
		return -EINVAL;
	if (!r)
		l->refs[l->nr_refs - 1] = plus(l->refs[l->nr_refs - 1], times(dwarf_bytesize(&element), field->index));
	return r;
}

/* *type becomes the structure that @field is looked for in. */
static int enter_structure(struct finder *f, const struct perf_field *field, const char *name, bool user, bool named,
			   Dwarf_Die *type, struct location *l)
{
	if (dwarf_tag(type) == DW_TAG_pointer_type) {
		Dwarf_Die pointed;

		if (!field->ref) {
			probe_say(f->opts, "Semantic error: %s must be referred by '->'", field->name);
			return -EINVAL;
		}
		if (!die_real_type(type, &pointed))
			return no_type(f, name);
		*type = pointed;
		if (is_structure(type))
			return add_ref(l, 0, user);
	}
	if (!is_structure(type)) {
		probe_say(f->opts, "%s is not a data structure nor a union.", name);
		return -EINVAL;
	}
	if (field->name[0] == '[') {
		probe_say(f->opts, "Semantic error: %s is not a pointer nor array.", name);
		return -EINVAL;
	}
	if (field->ref && named) {
		probe_say(f->opts, "Semantic error: %s must be referred by '.'", field->name);
		return -EINVAL;
	}
	if (!l->nr_refs) {
		probe_say(f->opts, "Structure on a register is not supported yet.");
		return -ENOTSUP;
	}
	return 0;
}

static int no_member(const struct finder *f, const char *name, Dwarf_Die *type, const char *member)
{
	const char *type_name = dwarf_diename(type);

	probe_say(f->opts, "%s(type:%s) has no member %s.", name, type_name ? type_name : "(null)", member);
	return -EINVAL;
}

/* Return: 1: *ret has no name, and what @field means is in it */
static int take_member(struct finder *f, const struct perf_field *field, const char *name, bool user, bool named,
		       Dwarf_Die *type, struct location *l, Dwarf_Die *ret)
{
	int r = enter_structure(f, field, name, user, named, type, l);
	Dwarf_Word off = 0;

	if (r)
		return r;
	if (!die_member(type, field->name, ret))
		return no_member(f, name, type, field->name);
	if (dwarf_tag(type) != DW_TAG_union_type) {
		r = member_offset(ret, &off);
		if (r) {
			probe_say(f->opts, "Failed to get the offset of %s.", field->name);
			return r;
		}
	}
	l->refs[l->nr_refs - 1] = plus(l->refs[l->nr_refs - 1], (long)off);
	l->user[l->nr_refs - 1] |= user;
	return !dwarf_diename(ret);
}

static int take_fields(struct finder *f, Dwarf_Die *var, const char *name, const struct perf_field *field, bool user,
		       struct location *l, Dwarf_Die *ret)
{
	unsigned int unnamed = 0;
	Dwarf_Die type;
	int r, tag;

	for (*ret = *var; field; unnamed = r ? unnamed + 1 : 0) {
		if (!die_real_type(ret, &type))
			return no_type(f, name);
		tag = dwarf_tag(&type);
		if (field->name[0] == '[' && (tag == DW_TAG_array_type || tag == DW_TAG_pointer_type))
			r = take_element(f, field, name, user, &type, l, ret);
		else
			r = take_member(f, field, name, user, dwarf_diename(ret), &type, l, ret);
		if (r < 0)
			return r;
		/* damaged, a structure may be in itself */
		if (unnamed == DIE_CHAIN_MAX)
			return no_member(f, name, &type, field->name);
		if (r)
			continue;
		name = field->name;
		field = field->next;
	}
	return 0;
}

/* --- types ---------------------------------------------------------------------------- */

static bool is_string(const char *cast)
{
	return cast && (!strcmp(cast, "string") || !strcmp(cast, "ustring"));
}

static int string_type(struct finder *f, Dwarf_Die *var, Dwarf_Die *type, bool user, struct location *l)
{
	const char *name = dwarf_diename(var), *type_name = dwarf_diename(type);
	int tag = dwarf_tag(type), r = 0;
	Dwarf_Die chars;

	if (tag != DW_TAG_pointer_type && tag != DW_TAG_array_type) {
		probe_say(f->opts, "Failed to cast into string: %s(%s) is not a pointer nor array.",
			  name ? name : "(null)", type_name ? type_name : "(null)");
		return -EINVAL;
	}
	if (!die_real_type(type, &chars)) {
		probe_say(f->opts, "Failed to get a type information.");
		return -ENOENT;
	}
	if (tag == DW_TAG_pointer_type)
		r = add_ref(l, 0, user);
	type_name = dwarf_diename(&chars);
	if (!type_name || (strcmp(type_name, "char") && strcmp(type_name, "unsigned char"))) {
		probe_say(f->opts, "Failed to cast into string: %s is not (unsigned) char *.", name ? name : "(null)");
		return -EINVAL;
	}
	return r;
}

static int bitfield_type(Dwarf_Die *var, int bits, char **ret)
{
	int off = dwarf_bitoffset(var), bytes = dwarf_bytesize(var);

	if (off < 0 || bytes < 0)
		return -ENOENT;
	return asprintf(ret, "b%d@%d/%ld", bits, off, 8L * bytes) < 0 ? -ENOMEM : 0;
}

/* *ret: NULL if the size is not known */
static int basic_type(struct finder *f, Dwarf_Die *type, const char *cast, char **ret)
{
	long bits = dwarf_bytesize(type);
	const char *name;
	char prefix;

	if (bits <= 0)
		return 0;
	bits *= 8;
	if (bits > BITS_MAX) {
		name = dwarf_diename(type);
		probe_say(f->opts, "%s exceeds max-bitwidth. Cut down to %d bits.", name ? name : "(null)", BITS_MAX);
		bits = BITS_MAX;
	}
	prefix = cast ? *cast : die_is_signed(type) ? 's' : 'x';
	return asprintf(ret, "%c%ld", prefix, bits) < 0 ? -ENOMEM : 0;
}

static int find_type(struct finder *f, Dwarf_Die *var, const char *cast, bool user, struct location *l, char **ret)
{
	Dwarf_Die type;
	int bits, r;

	*ret = NULL;
	if (cast && !is_string(cast) && strcmp(cast, "x") && strcmp(cast, "s") && strcmp(cast, "u")) {
		*ret = strdup(cast);
		return *ret ? 0 : -ENOMEM;
	}
	bits = dwarf_bitsize(var);
	if (bits > 0)
		return bitfield_type(var, bits, ret);
	if (!die_real_type(var, &type)) {
		probe_say(f->opts, "Failed to get a type information of %s.", dwarf_diename(var));
		return -ENOENT;
	}
	if (!is_string(cast))
		return basic_type(f, &type, cast, ret);
	r = string_type(f, var, &type, user, l);
	if (!r) {
		*ret = strdup(cast);
		r = *ret ? 0 : -ENOMEM;
	}
	return r;
}

/* --- all of it --------------------------------------------------------------------------- */

/* "+8(+0(%di))"; an offset from a symbol stands behind it */
static char *location_text(const struct location *l)
{
	unsigned int i, first = 0;
	char *ret = NULL;
	size_t size;
	FILE *out = open_memstream(&ret, &size);

	if (!out)
		return NULL;
	if (l->base[0] == '@' && l->nr_refs)
		first = 1;
	for (i = l->nr_refs; i > first; i--)
		fprintf(out, l->user[i - 1] ? "%su%ld(" : "%s%ld(", l->refs[i - 1] < 0 && !l->user[i - 1] ? "" : "+",
			l->refs[i - 1]);
	fputs(l->base, out);
	if (first)
		fprintf(out, "%+ld", l->refs[0]);
	for (i = l->nr_refs; i > first; i--)
		fputc(')', out);
	return fclose(out) ? NULL : ret;
}

/* The name of an argument without one is how it is written, up to the kernel's taste. */
static char *name_of(const struct perf_arg *arg)
{
	char *ret;

	if (arg->name)
		return strdup(arg->name);
	if (!arg->type)
		return strdup(arg->var);
	return asprintf(&ret, "%s_%s", arg->var, arg->type) < 0 ? NULL : ret;
}

int probe_copy_arg(const struct perf_arg *arg, struct place_arg *ret)
{
	*ret = (struct place_arg){
		.name = probe_strdup(arg->name), .value = probe_strdup(arg->var), .type = probe_strdup(arg->type)};
	return !ret->value || (arg->name && !ret->name) || (arg->type && !ret->type) ? -ENOMEM : 0;
}

void probe_no_location(const struct finder *f, const char *name)
{
	probe_say(f->opts, "Failed to find the location of the '%s' variable at this address.", name);
	probe_say(f->opts, " Perhaps it has been optimized out.");
	probe_say(f->opts, " Use -V with the --range option to show '%s' location range.", name);
}

static int fetch(struct finder *f, Dwarf_Die *var, const struct perf_arg *arg, struct place_arg *ret)
{
	struct location l = {0};
	Dwarf_Die field;
	int r;

	ret->name = name_of(arg);
	if (!ret->name)
		return -ENOMEM;
	r = locate(f, var, &l);
	/* in another place there may be more */
	if (r == -ENOENT || r == -EINVAL) {
		free(l.base);
		return 0;
	}
	if (r == -ENOTSUP)
		probe_say(f->opts, "Sorry, we don't support this variable location yet.");
	if (r)
		goto out;
	if (arg->fields) {
		r = take_fields(f, var, arg->var, arg->fields, arg->user, &l, &field);
		var = &field;
	}
	if (!r)
		r = find_type(f, var, arg->type, arg->user, &l, &ret->type);
	if (r)
		goto out;
	ret->value = location_text(&l);
	r = ret->value ? 0 : -ENOMEM;
out:
	free(l.base);
	return r;
}

int probe_add_arg(struct finder *f, Dwarf_Die *scope, const struct perf_arg *arg, struct probe_place *place)
{
	struct place_arg *more = realloc(place->args, (place->nr_args + 1) * sizeof(*more)), *to;
	Dwarf_Die var;
	int r;

	if (!more)
		return -ENOMEM;
	place->args = more;
	to = &place->args[place->nr_args];
	*to = (struct place_arg){0};
	if (!perf_is_var(arg->var)) {
		r = probe_copy_arg(arg, to);
	} else if (!die_variable_at(scope, arg->var, f->addr, &var) && !cu_variable(f->di, &f->cu, arg->var, &var)) {
		to->name = name_of(arg);
		r = to->name ? 0 : -ENOMEM;
	} else {
		r = fetch(f, &var, arg, to);
	}
	place->nr_args++;
	return r;
}
