// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-arg.c - arguments of a probe to its fetch program.
 *
 * Purpose: see fetch.h.  Each argument is found (fetch-value.c), given a type and a place in the record,
 * and the code that puts it there.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fetch-expr.h"
#include "fetch.h"
#include "symbol-priv.h"

/* Bytes of one argument: what is larger is no line to read. */
#define SIZE_MAX_ARG 4096
#define POINTER_SIZE 8

/** struct compiler - @ret: what is compiled so far; @cap: of ret->args */
struct compiler {
	const struct fetch_place *place;
	struct fetch *ret;
	size_t cap;
	struct upr_error *err;
};

void fetch_free(struct fetch *fetch)
{
	u32 i;

	if (!fetch)
		return;
	for (i = 0; i < fetch->nr_args; i++) {
		free(fetch->args[i].name);
		fetch_type_free(&fetch->args[i].type);
	}
	free(fetch->args);
	fetch_code_free(&fetch->code);
	free(fetch);
}

/* --- types ------------------------------------------------------------------------------ */

/* Of an array whose first dimensions are taken: what is left of it. */
static int value_type(const struct fetch_value *v, struct fetch_type *ret)
{
	struct fetch_type part;
	unsigned int i;
	int r;

	if (!v->has_type) {
		*ret = (struct fetch_type){.kind = FETCH_HEX, .size = POINTER_SIZE};
		if (v->loc.kind == FETCH_VECTOR)
			*ret = (struct fetch_type){.kind = FETCH_UNKNOWN, .size = 2 * POINTER_SIZE};
		return 0;
	}
	r = fetch_type_of((Dwarf_Die *)&v->type, ret);
	for (i = 0; i < v->dim && !r && ret->kind == FETCH_ARRAY; i++) {
		part = ret->parts[0];
		free(ret->parts);
		free(ret->name);
		*ret = part;
	}
	if (!r && v->bits)
		fetch_type_set_bits(ret, v->size, v->shift, v->bits);
	return r;
}

/* "string", "string[4]", "ustring". */
static bool is_string(const char *cast, bool array)
{
	size_t len = cast ? strcspn(cast, "[") : 0;

	return ((len == 6 && !strncmp(cast, "string", len)) || (len == 7 && !strncmp(cast, "ustring", len))) &&
	       !!cast[len] == array;
}

/* A cast gives the kind, and the size where it names one; bits stay where they are. */
static int cast_type(struct compiler *c, const char *cast, struct fetch_type *type)
{
	struct fetch_type to;
	size_t size = type->kind == FETCH_ARRAY && strchr(cast, '[') ? type->parts[0].size : type->size;
	int r = fetch_type_cast(cast, size, &to, c->err);

	if (r)
		return r;
	if (type->bits && !to.bits && to.kind <= FETCH_HEX)
		fetch_type_set_bits(&to, type->size, type->shift, type->bits);
	if (*cast == 'x' && to.kind == FETCH_UNSIGNED)
		to.kind = FETCH_HEX;
	fetch_type_free(type);
	*type = to;
	return 0;
}

/* Of a long double the last bytes are padding. */
static size_t bytes_of(const struct fetch_type *type)
{
	return type->kind == FETCH_FLOAT && type->size == 16 ? 10 : type->size;
}

/* Members of a structure that is in pieces, of which some are gone. */
static void mark_missing(struct fetch_type *type, const struct fetch_loc *loc, size_t off)
{
	size_t i;

	if (type->kind == FETCH_STRUCT) {
		for (i = 0; i < type->nr; i++)
			mark_missing(&type->parts[i], loc, off + type->parts[i].offset);
	} else if (!fetch_has(loc, off, bytes_of(type))) {
		type->kind = FETCH_MISSING;
	}
}

/* --- storing ------------------------------------------------------------------------------ */

static const char *store_parts(const struct fetch_type *type, const struct fetch_loc *loc, size_t off, u32 at,
			       struct fetch_code *code)
{
	const char *why = NULL;
	size_t i;

	if (type->kind == FETCH_MISSING)
		return NULL;
	if (type->kind != FETCH_STRUCT)
		return fetch_store(loc, (s64)off, bytes_of(type), at, code);
	for (i = 0; i < type->nr && !why; i++)
		why = store_parts(&type->parts[i], loc, off + type->parts[i].offset, at + (u32)type->parts[i].offset,
				  code);
	return why;
}

static bool all_missing(const struct fetch_type *type)
{
	size_t i;

	if (type->kind != FETCH_STRUCT)
		return type->kind == FETCH_MISSING;
	for (i = 0; i < type->nr; i++)
		if (!all_missing(&type->parts[i]))
			return false;
	return type->nr > 0;
}

static const char *store_value(struct fetch_type *type, const struct fetch_value *v, u32 at, struct fetch_code *code)
{
	if (v->loc.kind != FETCH_PIECES || type->kind != FETCH_STRUCT || v->off < 0)
		return fetch_store(&v->loc, v->off, bytes_of(type), at, code);
	mark_missing(type, &v->loc, (size_t)v->off);
	if (all_missing(type))
		return "optimized out";
	return store_parts(type, &v->loc, (size_t)v->off, at, code);
}

static int tag_of(const struct fetch_value *v)
{
	return v->has_type ? dwarf_tag((Dwarf_Die *)&v->type) : 0;
}

/* Where a string begins is left on the stack: what a pointer holds, or where the characters are. */
static const char *push_string(const struct fetch_value *v, struct fetch_code *code)
{
	/* memory without a type is where the kernel's words say that the string is */
	if (v->loc.kind == FETCH_MEMORY && (!v->has_type || tag_of(v) == DW_TAG_array_type)) {
		fetch_append(code, &v->loc.code);
		fetch_add(code, v->off);
		return NULL;
	}
	return fetch_value_push(v, POINTER_SIZE, code);
}

/* An array of characters without a NUL ends where it ends. */
static s64 longest_string(const struct fetch_value *v)
{
	Dwarf_Word counts[DIE_DIMS_MAX];
	Dwarf_Die element;

	if (tag_of(v) != DW_TAG_array_type || !die_array_counts((Dwarf_Die *)&v->type, counts) ||
	    !die_real_type((Dwarf_Die *)&v->type, &element) || die_size(&element) != 1 || !counts[v->dim] ||
	    counts[v->dim] >= UPR_FETCH_STRING)
		return UPR_FETCH_STRING;
	return (s64)counts[v->dim] + 1;
}

static const char *store_string(const struct fetch_value *v, u32 at, struct fetch_code *code)
{
	const char *why = push_string(v, code);

	fetch_emit_at(code, UPR_FETCH_STRING_AT, 0, longest_string(v), at);
	return why;
}

/* One string of an array of them: whether the others are there is another question. */
static const char *store_element(const struct fetch_value *v, u32 at, struct fetch_code *code)
{
	const char *why;

	if (tag_of(v) == DW_TAG_array_type && v->loc.kind != FETCH_MEMORY)
		why = v->loc.kind == FETCH_NOWHERE ? v->loc.why : "not in memory";
	else
		why = v->has_type ? push_string(v, code) : fetch_value_push(v, POINTER_SIZE, code);
	fetch_emit_at(code, UPR_FETCH_STRING_AT, 1, longest_string(v), at);
	return why;
}

/* An array of arrays of characters: its first row. */
static void take_first_row(struct fetch_value *v)
{
	struct fetch_value element = *v;

	while (fetch_value_element(&element, 0) && tag_of(&element) == DW_TAG_array_type)
		*v = element;
}

/* An array of strings, or a pointer to one, becomes its first string; *stride: how far it is to the next. */
static int take_first_string(struct compiler *c, const char *name, struct fetch_value *v, s64 *stride)
{
	struct fetch_value second;
	int r;

	*stride = POINTER_SIZE;
	if (!v->has_type)
		return 0;
	if (tag_of(v) == DW_TAG_pointer_type) {
		r = fetch_value_follow(c->place, v, c->err);
		if (r || !v->has_type)
			return r;
		*stride = (s64)die_size(&v->type);
	} else {
		second = *v;
		if (fetch_value_element(&second, 1) && fetch_value_element(v, 0))
			*stride = second.off - v->off;
	}
	if (*stride > 0 && *stride <= SIZE_MAX_ARG &&
	    (tag_of(v) == DW_TAG_pointer_type || tag_of(v) == DW_TAG_array_type))
		return 0;
	return upr_error_set(c->err, UPR_ERR_SYNTAX, EINVAL,
			     "'%s' is no array of strings: neither of pointers nor of arrays", name);
}

/* A string may be asked of pointers, arrays of characters, and words. */
static int check_string(struct compiler *c, const char *name, struct fetch_value *v, struct fetch_type *type)
{
	int tag = tag_of(v);

	if (v->has_type && tag != DW_TAG_pointer_type && tag != DW_TAG_array_type)
		return upr_error_set(c->err, UPR_ERR_SYNTAX, EINVAL,
				     "'%s' is no string: neither a pointer nor an array", name);
	take_first_row(v);
	/* characters that are in registers: they are the value */
	if (tag == DW_TAG_array_type && v->loc.kind != FETCH_MEMORY && v->loc.kind != FETCH_NOWHERE) {
		Dwarf_Word counts[DIE_DIMS_MAX] = {0};

		die_array_counts((Dwarf_Die *)&v->type, counts);
		fetch_type_free(type);
		*type = (struct fetch_type){.kind = FETCH_CHARS, .size = counts[v->dim]};
	}
	return 0;
}

/* --- one argument ---------------------------------------------------------------------------- */

/* What is wrong with one argument is no fault of the others.  Return: 0, -ENOMEM; *why: it cannot be run */
static int check_code(const struct fetch_code *code, u32 fixed, const char **why)
{
	struct fetch_code alone = {0};
	struct upr_fetch_prog prog = {.nr_args = 1, .fixed = fixed};
	u32 where, begin = fetch_emit(&alone, UPR_FETCH_ARG, 0, 0);
	int r;

	fetch_append(&alone, code);
	fetch_here(&alone, begin);
	prog.code = alone.v;
	prog.nr = alone.nr;
	r = alone.failed ? alone.failed : upr_fetch_verify(&prog, &where);
	if (r == -E2BIG)
		*why = "it takes too many steps to find";
	else if (r == -EINVAL)
		*why = "its location in the debug information cannot be computed";
	fetch_code_free(&alone);
	return r == -ENOMEM ? r : 0;
}

/* @code puts the argument @c->ret->nr_args in its place, or there is @why it cannot. */
static int add_code(struct compiler *c, const char *name, struct fetch_type *type, const struct fetch_code *code,
		    const char *why, u8 none)
{
	struct fetch *f = c->ret;
	struct fetch_arg *arg;
	u32 begin;

	if (!upr_grow(&f->args, f->nr_args, &c->cap, sizeof(*f->args)) ||
	    (!why && check_code(code, f->prog.fixed + (u32)type->size, &why)))
		return upr_error_nomem(c->err);
	if (!why && f->code.nr + code->nr + 1 > UPR_FETCH_INSNS)
		return upr_error_set(c->err, UPR_ERR_SYSTEM, E2BIG,
				     "'%s' and the arguments before it take more than %d steps to fetch; ask for fewer",
				     name, UPR_FETCH_INSNS);
	arg = &f->args[f->nr_args];
	*arg = (struct fetch_arg){
		.name = *name ? strdup(name) : NULL, .type = *type, .at = f->prog.fixed, .why = why, .none = none};
	if (!*name && asprintf(&arg->name, "arg%u", f->nr_args + 1) < 0)
		arg->name = NULL;
	if (!arg->name)
		return upr_error_nomem(c->err);
	begin = fetch_emit(&f->code, UPR_FETCH_ARG, 0, f->nr_args);
	if (why)
		fetch_emit(&f->code, UPR_FETCH_NONE, none ? none : FETCH_OPTIMIZED_OUT, 0);
	else
		fetch_append(&f->code, code);
	fetch_here(&f->code, begin);
	f->prog.fixed += (u32)type->size;
	f->nr_args++;
	*type = (struct fetch_type){0};
	return 0;
}

static int check_size(struct compiler *c, const char *name, const struct fetch_type *type)
{
	if (!type->size)
		return upr_error_set(c->err, UPR_ERR_SYNTAX, EINVAL,
				     "'%s' has no size that is known; fetch a member or an "
				     "element of it",
				     name);
	if (type->size > SIZE_MAX_ARG || c->ret->prog.fixed + type->size > UPR_FETCH_FIXED)
		return upr_error_set(c->err, UPR_ERR_SYNTAX, E2BIG,
				     "'%s' has %zu bytes, more than %d; fetch a member or an element of it", name,
				     type->size, SIZE_MAX_ARG);
	return 0;
}

/* A string that is an object; also where nobody asks for a string. */
static const char *store_text(const struct fetch_value *v, s64 chars, s64 len, u32 at, struct fetch_code *code)
{
	const char *why = fetch_push(&v->loc, v->off + chars, POINTER_SIZE, code);

	if (!why)
		why = fetch_push(&v->loc, v->off + len, POINTER_SIZE, code);
	fetch_emit_at(code, UPR_FETCH_STRING_OF, 0, UPR_FETCH_STRING, at);
	return why;
}

static int add_text_value(struct compiler *c, const char *name, const struct fetch_value *v, s64 chars, s64 len)
{
	struct fetch_type type = {.kind = FETCH_STRING, .size = sizeof(u32)};
	struct fetch_code code = {0};
	const char *why = store_text(v, chars, len, c->ret->prog.fixed, &code);
	int r = check_size(c, name, &type);

	if (!r)
		r = add_code(c, name, &type, &code, why, v->loc.none);
	fetch_code_free(&code);
	return r;
}

static const char *store(struct fetch_type *type, const struct fetch_value *v, s64 stride, u32 at,
			 struct fetch_code *code)
{
	struct fetch_value element = *v;
	const char *why = NULL;
	size_t i;

	if (type->kind == FETCH_STRING)
		return store_string(v, at, code);
	if (type->kind != FETCH_ARRAY || type->parts[0].kind != FETCH_STRING)
		return store_value(type, v, at, code);
	for (i = 0; i < type->nr && !why; i++, element.off += stride)
		why = store_element(&element, at + (u32)(i * sizeof(u32)), code);
	return why;
}

/* @v may become what it points to, or a part of it. */
static int add_value(struct compiler *c, const char *name, const char *cast, struct fetch_value *v)
{
	struct fetch_code code = {0};
	struct fetch_type type;
	s64 chars, len, stride = 0;
	const char *why;
	int r;

	if ((!cast || is_string(cast, false)) && fetch_text(v, &chars, &len))
		return add_text_value(c, name, v, chars, len);
	r = value_type(v, &type) ? upr_error_nomem(c->err) : 0;
	if (!r && cast)
		r = cast_type(c, cast, &type);
	if (!r && is_string(cast, false))
		r = check_string(c, name, v, &type);
	if (!r && is_string(cast, true))
		r = take_first_string(c, name, v, &stride);
	if (!r)
		r = check_size(c, name, &type);
	if (!r) {
		why = store(&type, v, stride, c->ret->prog.fixed, &code);
		r = add_code(c, name, &type, &code, why, v->loc.none);
	}
	fetch_type_free(&type);
	fetch_code_free(&code);
	return r;
}

/* $comm, and text that is its own value. */
static int add_text(struct compiler *c, const struct fetch_written *w)
{
	struct fetch_type type = {.kind = FETCH_STRING, .size = sizeof(u32)};
	struct fetch_code code = {0};
	size_t i, len;
	int r;

	if (w->type && !is_string(w->type, false))
		return upr_error_set(c->err, UPR_ERR_SYNTAX, EINVAL, "text has the type string, not %s", w->type);
	if (w->expr->kind == FETCH_TASK) {
		fetch_emit_at(&code, UPR_FETCH_COMM, 0, 0, c->ret->prog.fixed);
	} else {
		len = strlen(w->expr->name) + 1;
		type = (struct fetch_type){.kind = FETCH_CHARS, .size = len};
		for (i = 0; i < len; i++) {
			fetch_emit(&code, UPR_FETCH_PUSH, 0, w->expr->name[i]);
			fetch_emit_at(&code, UPR_FETCH_STORE, 1, 0, c->ret->prog.fixed + (u32)i);
		}
	}
	r = check_size(c, w->name, &type);
	if (!r)
		r = add_code(c, w->name, &type, &code, NULL, 0);
	fetch_code_free(&code);
	return r;
}

/* $arg2 of a statically defined probe has a type of its own. */
static int add_sdt_argument(struct compiler *c, const char *name, long long number)
{
	struct fetch_value v;
	char cast[8];
	int r = fetch_sdt_argument(c->place, number, &v, cast, c->err);

	if (r)
		return r;
	r = add_value(c, name, cast, &v);
	fetch_loc_free(&v.loc);
	return r;
}

static int add_written(struct compiler *c, const char *text)
{
	struct fetch_written w;
	struct fetch_value v;
	int r = fetch_expr_parse(text, &w, c->err);

	if (!r && w.expr->kind == FETCH_ARGUMENT && c->place->sdt && !w.type) {
		r = add_sdt_argument(c, w.name, w.expr->number);
	} else if (!r && (w.expr->kind == FETCH_TASK || w.expr->kind == FETCH_TEXT)) {
		r = add_text(c, &w);
	} else if (!r) {
		r = fetch_eval(c->place, w.expr, &v, c->err);
		if (r == -ENOENT && c->place->lenient) {
			v = (struct fetch_value){.loc = {.why = "there is no such variable"}};
			r = 0;
		}
		if (!r) {
			r = add_value(c, w.name, w.type, &v);
			fetch_loc_free(&v.loc);
		}
	}
	fetch_written_free(&w);
	return r;
}

/* A statically defined probe's own. */
static int add_sdt(struct compiler *c)
{
	unsigned int nr = fetch_sdt_count(c->place->sdt), i;
	int r = 0;

	for (i = 1; i <= nr && !r; i++)
		r = add_sdt_argument(c, "", i);
	return r;
}

/* --- $vars, $params --------------------------------------------------------------------------- */

static int add_variable(struct compiler *c, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	struct fetch_value v;
	int r;

	if (!name)
		return 0;
	r = fetch_eval_variable(c->place, die, &v, c->err);
	if (r)
		return r;
	/* those that are not there would only be in the way of the others */
	if (v.loc.kind != FETCH_NOWHERE)
		r = add_value(c, name, NULL, &v);
	fetch_loc_free(&v.loc);
	/* nor does one that is too big keep the others away */
	return r == -E2BIG || r == -EINVAL ? 0 : r;
}

static int add_variables(struct compiler *c, Dwarf_Die *scope, bool params_only)
{
	Dwarf_Die die;
	int r = 0;

	if (dwarf_child(scope, &die))
		return 0;
	do {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_formal_parameter || (tag == DW_TAG_variable && !params_only))
			r = add_variable(c, &die);
		else if (tag == DW_TAG_lexical_block && dwarf_haspc(&die, c->place->frame.pc) > 0)
			r = add_variables(c, &die, params_only);
	} while (!r && !dwarf_siblingof(&die, &die));
	return r;
}

static int add_all(struct compiler *c, const char *text)
{
	if (!c->place->has_scope)
		return upr_error_set(c->err, UPR_ERR_NO_FUNCTION, ENOENT,
				     "'%s' needs debug information, and there is none of that place", text);
	return add_variables(c, (Dwarf_Die *)&c->place->scope, !strcmp(text, "$params"));
}

static bool is_all(const char *text)
{
	return !strcmp(text, "$vars") || !strcmp(text, "$params");
}

/* --- the whole ------------------------------------------------------------------------------------ */

int fetch_compile(const struct fetch_place *place, char *const *args, size_t nr, struct fetch **ret,
		  struct upr_error *err)
{
	struct fetch *f = calloc(1, sizeof(*f));
	struct fetch_calls *calls = NULL;
	struct fetch_place here = *place;
	struct compiler c = {.place = &here, .ret = f, .err = err};
	size_t i;
	u32 where;
	int r = f ? 0 : upr_error_nomem(err);

	here.frame.calls = &calls;
	if (!r && !nr && place->sdt)
		r = add_sdt(&c);
	for (i = 0; i < nr && !r; i++)
		r = is_all(args[i]) ? add_all(&c, args[i]) : add_written(&c, args[i]);
	if (!r && f->code.failed)
		r = upr_error_set(err, UPR_ERR_SYSTEM, -f->code.failed,
				  "the arguments are too many, or too far to find: %s", strerror(-f->code.failed));
	if (!r) {
		f->prog.code = f->code.v;
		f->prog.nr = f->code.nr;
		f->prog.nr_args = f->nr_args;
		r = upr_fetch_verify(&f->prog, &where);
		if (r)
			upr_error_set(err, UPR_ERR_SYSTEM, -r,
				      "the arguments cannot be fetched together (%s at step %u); ask for fewer of them",
				      strerror(-r), where);
	}
	fetch_calls_free(calls);
	if (r)
		fetch_free(f);
	else
		*ret = f;
	return r;
}

int fetch_check(char *const *args, size_t nr, bool *variables, struct upr_error *err)
{
	struct fetch_written w;
	size_t i;
	int r = 0;

	*variables = false;
	for (i = 0; i < nr && !r; i++) {
		if (is_all(args[i])) {
			*variables = true;
			continue;
		}
		r = fetch_expr_parse(args[i], &w, err);
		if (!r)
			*variables |= fetch_expr_is_variable(w.expr);
		fetch_written_free(&w);
	}
	return r;
}
