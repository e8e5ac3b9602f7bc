// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-value.c - from an argument as written to the object it means.
 *
 * Purpose: variables are looked up as the compiler of the function would: its own, those of its unit, members of
 * `this', those of other units.  Pointers, members and elements are followed as in C, but "." does
 * for "->" as well, and references need no sign.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fetch-expr.h"
#include "fetch.h"

#define POINTER_SIZE 8

static int out_of_memory(struct fetch_value *v, struct upr_error *err)
{
	fetch_loc_free(&v->loc);
	return upr_error_nomem(err);
}

/* It stays what it is but has no value. */
static void lose(struct fetch_value *v, const char *why)
{
	fetch_loc_free(&v->loc);
	v->loc.why = why;
}

static int settle(struct fetch_value *v, struct upr_error *err)
{
	return v->loc.code.failed == -ENOMEM ? out_of_memory(v, err) : 0;
}

/* As addresses do it: past the end they begin again. */
static void move(struct fetch_value *v, u64 by)
{
	v->off = (s64)((u64)v->off + by);
}

const char *fetch_value_push(const struct fetch_value *v, unsigned int size, struct fetch_code *code)
{
	return fetch_push(&v->loc, v->off, size, code);
}

/* --- pointers --------------------------------------------------------------------------- */

/* A pointer that was optimized out, of which is known what it points to: at @v, or in the piece there. */
static const struct fetch_loc *known_target(const struct fetch_value *v)
{
	size_t i, off = (size_t)v->off;

	if (v->loc.kind == FETCH_POINTER && !off)
		return &v->loc;
	for (i = 0; v->loc.kind == FETCH_PIECES && i < v->loc.nr_pieces; i++) {
		if (!off && v->loc.pieces[i].kind == FETCH_POINTER)
			return &v->loc.pieces[i];
		if (off < v->loc.pieces[i].span)
			break;
		off -= v->loc.pieces[i].span;
	}
	return NULL;
}

/* *v, a pointer, becomes what it points to; its type is the caller's business. */
static int follow(const struct fetch_place *place, struct fetch_value *v, struct upr_error *err)
{
	const struct fetch_loc *known = known_target(v);
	struct fetch_loc to = {.kind = FETCH_MEMORY};
	const char *why;

	if (known) {
		Dwarf_Die target = known->target;
		s64 off = known->offset;

		if (fetch_locate(&place->frame, &target, &to))
			return out_of_memory(v, err);
		fetch_loc_free(&v->loc);
		v->loc = to;
		v->off = off;
		return settle(v, err);
	}
	why = fetch_push(&v->loc, v->off, POINTER_SIZE, &to.code);
	fetch_loc_free(&v->loc);
	if (why) {
		fetch_loc_free(&to);
		to.why = why;
	}
	v->loc = to;
	v->off = 0;
	return settle(v, err);
}

static bool is_pointer(const struct fetch_value *v)
{
	int tag = v->has_type ? dwarf_tag((Dwarf_Die *)&v->type) : 0;

	return tag == DW_TAG_pointer_type;
}

/* That of @die; where there is none @die itself stays, to tell why. */
static void set_type(struct fetch_value *v, Dwarf_Die *die)
{
	Dwarf_Die type;

	v->has_type = die_real_type(die, &type) != NULL;
	v->type = v->has_type ? type : *die;
}

/* What a pointer or a reference leads to: void has no type. */
int fetch_value_follow(const struct fetch_place *place, struct fetch_value *v, struct upr_error *err)
{
	Dwarf_Die type = v->type;

	set_type(v, &type);
	v->dim = 0;
	return follow(place, v, err);
}

static int follow_reference(const struct fetch_place *place, struct fetch_value *v, struct upr_error *err)
{
	return v->has_type && die_is_reference(&v->type) ? fetch_value_follow(place, v, err) : 0;
}

/* --- variables ----------------------------------------------------------------------------- */

int fetch_eval_variable(const struct fetch_place *place, Dwarf_Die *var, struct fetch_value *ret, struct upr_error *err)
{
	*ret = (struct fetch_value){0};
	set_type(ret, var);
	if (fetch_locate(&place->frame, var, &ret->loc))
		return upr_error_nomem(err);
	if (settle(ret, err))
		return -ENOMEM;
	return follow_reference(place, ret, err);
}

/* Units in units in units: as deep as dwz goes. */
#define IMPORTS_MAX 4

/* A namespace, class or variable in @parent, or in units that are part of it; of a variable the definition, if there is one. */
static bool find_below(Dwarf_Die *parent, const char *name, size_t len, bool scope, unsigned int imports,
		       Dwarf_Die *ret)
{
	Dwarf_Die die, unit, found;
	Dwarf_Attribute attr;
	bool declared = false;

	if (dwarf_child(parent, &die))
		return false;
	do {
		const char *own = dwarf_diename(&die);
		int tag = dwarf_tag(&die);
		bool fits = scope ? tag == DW_TAG_namespace || die_is_structure(&die) :
				    tag == DW_TAG_variable ||
					    (tag == DW_TAG_member && dwarf_hasattr(&die, DW_AT_external));

		if (tag == DW_TAG_imported_unit && imports < IMPORTS_MAX && dwarf_attr(&die, DW_AT_import, &attr) &&
		    dwarf_formref_die(&attr, &unit) && find_below(&unit, name, len, scope, imports + 1, &found)) {
			*ret = found;
			return true;
		}
		if (!fits || !own || strncmp(own, name, len) || own[len])
			continue;
		if (!declared)
			*ret = die;
		declared = true;
		if (scope || !dwarf_hasattr(&die, DW_AT_declaration)) {
			*ret = die;
			return true;
		}
	} while (!dwarf_siblingof(&die, &die));
	return declared;
}

static bool find_child(Dwarf_Die *parent, const char *name, size_t len, bool scope, Dwarf_Die *ret)
{
	return find_below(parent, name, len, scope, 0, ret);
}

/* NAME, or NAMESPACE::NAME, of a unit. */
static bool find_global(Dwarf_Die *cu, const char *name, Dwarf_Die *ret)
{
	const char *colon;
	Dwarf_Die at = *cu;

	if (!strncmp(name, "::", 2))
		name += 2;
	while ((colon = strstr(name, "::"))) {
		if (!find_child(&at, name, (size_t)(colon - name), true, &at))
			return false;
		name = colon + 2;
	}
	return find_child(&at, name, strlen(name), false, ret);
}

/* The namespaces that the function itself stands in. */
static bool find_beside(const struct fetch_place *place, const char *name, Dwarf_Die *ret)
{
	Dwarf_Die *scopes, decl, scope = place->scope;
	Dwarf_Attribute attr;
	bool found = false;
	int i, nr;

	while (dwarf_attr(&scope, DW_AT_abstract_origin, &attr) || dwarf_attr(&scope, DW_AT_specification, &attr)) {
		if (!dwarf_formref_die(&attr, &decl))
			break;
		scope = decl;
	}
	nr = dwarf_getscopes_die(&scope, &scopes);
	for (i = 1; i < nr && !found; i++)
		if (dwarf_tag(&scopes[i]) == DW_TAG_namespace || die_is_structure(&scopes[i]))
			found = find_child(&scopes[i], name, strlen(name), false, ret);
	if (nr > 0)
		free(scopes);
	return found;
}

static bool is_declaration(Dwarf_Die *var)
{
	return dwarf_hasattr(var, DW_AT_declaration);
}

/* Of the units that have it the one that defines it, if there is one. */
static bool find_elsewhere(const struct fetch_place *place, const char *name, Dwarf_Die *ret)
{
	bool declared = false;
	Dwarf_Off off = 0;
	Dwarf_Die cu, die;

	while (debug_info_next_cu(place->frame.info, &off, &cu)) {
		if (!find_global(&cu, name, &die) || !dwarf_hasattr_integrate(&die, DW_AT_external))
			continue;
		if (!declared || !is_declaration(&die))
			*ret = die;
		declared = true;
		if (!is_declaration(&die))
			return true;
	}
	return declared;
}

/*
 * "extern" in C says less than the definition: an array's size, where a variable of threads is.  Mangled names
 * need none of this, since symbols have them.
 */
static void find_definition(const struct fetch_place *place, const char *name, Dwarf_Die *var)
{
	Dwarf_Die *cu = (Dwarf_Die *)&place->frame.cu, die;

	if (!is_declaration(var) || dwarf_hasattr_integrate(var, DW_AT_linkage_name))
		return;
	if ((find_global(cu, name, &die) && !is_declaration(&die)) ||
	    (find_elsewhere(place, name, &die) && !is_declaration(&die)))
		*var = die;
}

static int no_variable(const struct fetch_place *place, const char *name, struct upr_error *err)
{
	const char *function = dwarf_diename((Dwarf_Die *)&place->scope);

	return upr_error_set(
		err, UPR_ERR_NO_FUNCTION, ENOENT,
		"there is no variable '%s' in %s, and none outside of functions; `perf-uprobe probe -V' shows "
		"what there is",
		name, function ? function : "that place");
}

static int take_member(const struct fetch_place *place, const char *name, struct fetch_value *v, struct upr_error *err);

/* x is this->x, where there is no other x. */
static int implied_member(const struct fetch_place *place, const char *name, Dwarf_Die *this, struct fetch_value *ret,
			  struct upr_error *err)
{
	struct fetch_value v;
	struct die_place at;
	Dwarf_Die member;
	int r = fetch_eval_variable(place, this, &v, err);

	if (r)
		return r;
	r = -ENOENT;
	if (is_pointer(&v) && die_real_type(&v.type, &member) && die_find_member(&member, name, &member, &at))
		r = take_member(place, name, &v, err);
	if (r)
		fetch_loc_free(&v.loc);
	else
		*ret = v;
	return r;
}

/* A parameter of the function that was inlined, of which nothing is left in this instance. */
static bool was_dropped(const struct fetch_place *place, const char *name, Dwarf_Die *ret)
{
	Dwarf_Die origin, scope = place->scope;
	Dwarf_Attribute attr;

	return dwarf_attr(&scope, DW_AT_abstract_origin, &attr) && dwarf_formref_die(&attr, &origin) &&
	       die_variable_at(&origin, name, 0, ret);
}

static int variable(const struct fetch_place *place, const char *name, struct fetch_value *ret, struct upr_error *err)
{
	Dwarf_Die *scope = (Dwarf_Die *)&place->scope, *cu = (Dwarf_Die *)&place->frame.cu, var;
	Dwarf_Die *function = (Dwarf_Die *)&place->frame.function;
	int r;

	if (!place->has_scope)
		return upr_error_set(
			err, UPR_ERR_NO_FUNCTION, ENOENT,
			"'%s' needs debug information, and there is none of that place; registers (%%di), the "
			"stack ($stack0) and arguments by number ($arg1) can be had",
			name);
	if (die_variable_at(scope, name, place->frame.pc, &var)) {
		find_definition(place, name, &var);
		return fetch_eval_variable(place, &var, ret, err);
	}
	/* of the function that it was inlined into */
	if (place->frame.has_function && die_variable_at(function, name, place->frame.pc, &var))
		return fetch_eval_variable(place, &var, ret, err);
	if (was_dropped(place, name, &var))
		return fetch_eval_variable(place, &var, ret, err);
	if (die_variable_at(scope, "this", place->frame.pc, &var)) {
		r = implied_member(place, name, &var, ret, err);
		if (r != -ENOENT)
			return r;
	}
	if (find_beside(place, name, &var) || find_global(cu, name, &var) || find_elsewhere(place, name, &var)) {
		find_definition(place, name, &var);
		return fetch_eval_variable(place, &var, ret, err);
	}
	return no_variable(place, name, err);
}

/* --- members and elements -------------------------------------------------------------------- */

/* What gcc has put in a type unit of a .dwo file; libdw reads one of them. */
static bool is_lost(struct fetch_value *v)
{
	Dwarf_Attribute attr;
	Dwarf_Die type;

	return !v->has_type && v->type.addr && dwarf_attr_integrate(&v->type, DW_AT_type, &attr) &&
	       dwarf_whatform(&attr) == DW_FORM_ref_sig8 && !dwarf_formref_die(&attr, &type);
}

static int no_structure(const char *name, struct fetch_value *v, struct upr_error *err)
{
	if (is_lost(v))
		return upr_error_set(
			err, UPR_ERR_NO_FUNCTION, ENOENT,
			"the type that '%s' would be a member of is in a type unit that cannot be read: of a .dwo file "
			"elfutils reads no more than one; rebuild without -fdebug-types-section",
			name);
	return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL,
			     "'%s' is no member: what stands before it is neither a structure nor a pointer to one",
			     name);
}

static int take_member(const struct fetch_place *place, const char *name, struct fetch_value *v, struct upr_error *err)
{
	const char *type_name;
	struct die_place at;
	Dwarf_Die member;
	int r;

	if (is_pointer(v)) {
		r = fetch_value_follow(place, v, err);
		if (r)
			return r;
	}
	if (!v->has_type || !die_is_structure(&v->type) || v->bits)
		return no_structure(name, v, err);
	type_name = dwarf_diename(&v->type);
	if (!die_find_member(&v->type, name, &member, &at))
		return upr_error_set(err, UPR_ERR_NO_FUNCTION, ENOENT, "%s has no member '%s' with a place of its own",
				     type_name ? type_name : "the structure", name);
	move(v, at.offset);
	v->size = at.size;
	v->shift = at.shift;
	v->bits = at.bits;
	set_type(v, &member);
	v->dim = 0;
	return follow_reference(place, v, err);
}

/* Bytes of an element of an array whose first @dim dimensions have been taken; 0: not known. */
static u64 element_size(Dwarf_Die *array, unsigned int dim)
{
	Dwarf_Word counts[DIE_DIMS_MAX];
	unsigned int dims = die_array_counts(array, counts), i;
	Dwarf_Die element;
	u64 size;

	if (dim >= dims || !die_real_type(array, &element))
		return 0;
	size = die_size(&element);
	for (i = dim + 1; i < dims; i++)
		if (__builtin_mul_overflow(size, counts[i], &size))
			return SIZE_MAX;
	return size;
}

/* Past the last dimension: the element itself. */
static void next_dimension(struct fetch_value *v)
{
	Dwarf_Word counts[DIE_DIMS_MAX];
	Dwarf_Die array = v->type;

	v->dim++;
	if (v->dim < die_array_counts(&array, counts))
		return;
	v->dim = 0;
	v->has_type = die_real_type(&array, &v->type) != NULL;
}

bool fetch_value_element(struct fetch_value *v, u64 index)
{
	u64 size;

	if (!v->has_type || dwarf_tag(&v->type) != DW_TAG_array_type)
		return false;
	size = element_size(&v->type, v->dim);
	if (!size || size > UPR_FETCH_FIXED)
		return false;
	next_dimension(v);
	move(v, index * size);
	return true;
}

static bool is_number(Dwarf_Die *type)
{
	bool complex;

	return !die_is_structure(type) && dwarf_tag(type) != DW_TAG_array_type &&
	       die_float(type, &complex) == DIE_FLOAT_NONE;
}

/* Old debug information does not say it but by its values. */
static bool has_negative(Dwarf_Die *type)
{
	Dwarf_Attribute attr;
	Dwarf_Sword value;
	Dwarf_Die die;

	if (dwarf_child(type, &die))
		return false;
	do {
		if (dwarf_attr(&die, DW_AT_const_value, &attr) && dwarf_whatform(&attr) == DW_FORM_sdata &&
		    !dwarf_formsdata(&attr, &value) && value < 0)
			return true;
	} while (!dwarf_siblingof(&die, &die));
	return false;
}

static bool is_signed(const struct fetch_value *v)
{
	Dwarf_Die type = v->type, under;

	if (!v->has_type)
		return false;
	if (dwarf_tag(&type) != DW_TAG_enumeration_type)
		return die_is_signed(&type);
	return die_real_type(&type, &under) ? die_is_signed(&under) : has_negative(&type);
}

/* All 64 bits of it, of @bytes and of fewer bits if it is a bit-field. */
static const char *push_number(const struct fetch_value *v, size_t bytes, struct fetch_code *code)
{
	unsigned int bits = v->bits ? v->bits : 8 * (unsigned int)bytes;
	const char *why = fetch_value_push(v, (unsigned int)bytes, code);

	if (v->shift) {
		fetch_emit(code, UPR_FETCH_PUSH, 0, v->shift);
		fetch_emit(code, UPR_FETCH_SHR, 0, 0);
	}
	if (bits < 64)
		fetch_emit(code, is_signed(v) ? UPR_FETCH_SEXT : UPR_FETCH_ZEXT, (u8)bits, 0);
	return why;
}

/* The address plus @index times @size, @index being a variable. */
static int add_index(struct fetch_value *v, const struct fetch_value *index, u64 size, struct upr_error *err)
{
	size_t bytes = index->bits ? index->size : index->has_type ? die_size((Dwarf_Die *)&index->type) : POINTER_SIZE;
	struct fetch_code *code = &v->loc.code;
	const char *why = NULL;

	if (!bytes || bytes > POINTER_SIZE || (index->has_type && !is_number((Dwarf_Die *)&index->type)))
		return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL, "an index must be a number of 8 bytes at most");
	if (v->loc.kind == FETCH_NOWHERE)
		return 0;
	if (v->loc.kind != FETCH_MEMORY)
		why = "not in memory: no variable can choose its element";
	else
		why = push_number(index, bytes, code);
	if (why) {
		lose(v, why);
		return 0;
	}
	fetch_emit(code, UPR_FETCH_PUSH, 0, (s64)size);
	fetch_emit(code, UPR_FETCH_MUL, 0, 0);
	fetch_emit(code, UPR_FETCH_ADD, 0, 0);
	return settle(v, err);
}

static int take_element(const struct fetch_place *place, const struct fetch_expr *index, struct fetch_value *v,
			struct upr_error *err)
{
	struct fetch_value by;
	u64 size;
	int r = 0;

	if (is_pointer(v)) {
		r = fetch_value_follow(place, v, err);
		size = v->has_type ? die_size(&v->type) : 1;
	} else if (v->has_type && dwarf_tag(&v->type) == DW_TAG_array_type) {
		size = element_size(&v->type, v->dim);
		next_dimension(v);
	} else {
		return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL,
				     "what [] is put behind is neither an array nor a pointer");
	}
	if (r || !size || size > UPR_FETCH_FIXED)
		return r ? r : upr_error_set(err, UPR_ERR_SYNTAX, EINVAL, "the size of the elements is not known");
	if (index->kind == FETCH_NUMBER) {
		move(v, (u64)index->number * size);
		return follow_reference(place, v, err);
	}
	r = fetch_eval(place, index, &by, err);
	if (r)
		return r;
	r = add_index(v, &by, size, err);
	fetch_loc_free(&by.loc);
	return r ? r : follow_reference(place, v, err);
}

static int dereference(const struct fetch_place *place, struct fetch_value *v, struct upr_error *err)
{
	if (v->has_type && dwarf_tag(&v->type) == DW_TAG_array_type) {
		next_dimension(v);
		return 0;
	}
	/* a word of the kernel's kind: what is there is a word again */
	if (!v->has_type)
		return follow(place, v, err);
	if (!is_pointer(v))
		return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL, "what * is put before is no pointer");
	return fetch_value_follow(place, v, err);
}

/* The address of what is in memory, as a word. */
static int address_of(struct fetch_value *v, struct upr_error *err)
{
	if (v->bits)
		return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL, "a bit-field has no address");
	if (v->loc.kind == FETCH_MEMORY) {
		fetch_add(&v->loc.code, v->off);
		v->loc.kind = FETCH_VALUE;
	} else if (v->loc.kind != FETCH_NOWHERE) {
		lose(v, "not in memory: it has no address");
	}
	v->off = 0;
	v->has_type = false;
	return settle(v, err);
}

/* --- the whole ------------------------------------------------------------------------ */

/* +8(EXPR): EXPR is an address, whatever type it has. */
static int at_offset(const struct fetch_place *place, const struct fetch_expr *expr, struct fetch_value *ret,
		     struct upr_error *err)
{
	int r = fetch_eval(place, expr->of, ret, err);

	if (r)
		return r;
	ret->has_type = false;
	r = follow(place, ret, err);
	move(ret, (u64)expr->number);
	return r;
}

int fetch_eval(const struct fetch_place *place, const struct fetch_expr *expr, struct fetch_value *ret,
	       struct upr_error *err)
{
	int r;

	if (expr->kind == FETCH_NAME)
		return variable(place, expr->name, ret, err);
	if (expr->kind == FETCH_OFFSET)
		return at_offset(place, expr, ret, err);
	if (!expr->of)
		return fetch_eval_word(place, expr, ret, err);
	r = fetch_eval(place, expr->of, ret, err);
	if (r)
		return r;
	if (expr->kind == FETCH_MEMBER)
		r = take_member(place, expr->name, ret, err);
	else if (expr->kind == FETCH_INDEX)
		r = take_element(place, expr->index, ret, err);
	else if (expr->kind == FETCH_DEREF)
		r = dereference(place, ret, err);
	else
		r = address_of(ret, err);
	if (r)
		fetch_loc_free(&ret->loc);
	return r;
}
