// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-call.c - what a function was called with.
 *
 * Purpose: what a register held on entry is the caller's business: where it has noted how it set the register before the
 * call (DWARF 5, section 3.4.2), the return address tells which of all calls it was.
 *
 * A return address tells that only if nobody on the way has called in its stead: a function that is the last
 * thing another one does returns to the caller of that.  Where this can have happened, the value counts as unknown.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fetch-loc.h"
#include "symbol-priv.h"

/* Callers of callers at most, and how many of them. */
#define DEPTH_MAX 3
#define WIDTH_MAX 8
/* ABI: what is on the stack right above the frame of an entered function's caller. */
#define RETURN_ADDRESS (-8)

static const char silent[] = "its callers do not say what they pass";

/**
 * struct call_site - a call
 * @caller:	the function that has the code
 * @back:	return address, as the file has it
 */
struct call_site {
	Dwarf_Die call;
	Dwarf_Die caller;
	Dwarf_Die cu;
	Dwarf_Addr back;
};

/**
 * struct fetch_calls - all calls of a function that the file knows of
 * @function:	its entry
 * @entered_by_jump: a function ends in this one, or may
 * @ends_in_jump: this one ends in others
 */
struct fetch_calls {
	struct fetch_calls *next;
	Dwarf_Die function;
	struct call_site *v;
	size_t nr;
	size_t cap;
	bool entered_by_jump;
	bool ends_in_jump;
};

/** struct wanted - what was passed in register @reg, or for @param, if that is not NULL */
struct wanted {
	unsigned int reg;
	const Dwarf_Die *param;
};

/** struct choice - where a call returns to, and code for what it passes */
struct choice {
	Dwarf_Addr back;
	struct fetch_code code;
};

/* --- calls ---------------------------------------------------------------------------------- */

/**
 * struct search - one for calls
 * @origin:	the entry that the function is an instance of, or its own
 * @entry:	where its code begins
 * @caller:	being looked at
 */
struct search {
	struct fetch_calls *list;
	Dwarf_Die function;
	Dwarf_Die origin;
	Dwarf_Addr entry;
	Dwarf_Die cu;
	Dwarf_Die caller;
};

static bool is_call(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_call_site || tag == DW_TAG_GNU_call_site;
}

static bool flag(Dwarf_Die *die, unsigned int one, unsigned int other)
{
	Dwarf_Attribute attr;
	bool set = false;

	if (dwarf_attr(die, one, &attr) || dwarf_attr(die, other, &attr))
		dwarf_formflag(&attr, &set);
	return set;
}

/* The function that a call leads to.  Return: false if it is computed. */
static bool call_target(Dwarf_Die *call, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	return (dwarf_attr(call, DW_AT_call_origin, &attr) || dwarf_attr(call, DW_AT_abstract_origin, &attr)) &&
	       dwarf_formref_die(&attr, ret);
}

static bool is_tail(Dwarf_Die *call)
{
	return flag(call, DW_AT_call_tail_call, DW_AT_GNU_tail_call);
}

/* Entries of one function: its code, what it was made of, its declaration here and in other units. */
static bool leads_to(struct search *s, Dwarf_Die *call)
{
	Dwarf_Die target, *function = &s->function;
	Dwarf_Attribute attr, other;
	Dwarf_Addr entry;
	const char *a, *b;

	if (!call_target(call, &target))
		return false;
	if (die_is(&target, function) || die_is(&target, &s->origin))
		return true;
	if (!dwarf_entrypc(&target, &entry))
		return entry == s->entry;
	/* a declaration of a function of another unit */
	if (!dwarf_hasattr_integrate(&target, DW_AT_external) || !dwarf_hasattr_integrate(function, DW_AT_external))
		return false;
	a = dwarf_formstring(dwarf_attr_integrate(&target, DW_AT_linkage_name, &attr));
	b = dwarf_formstring(dwarf_attr_integrate(function, DW_AT_linkage_name, &other));
	a = a ? a : dwarf_diename(&target);
	b = b ? b : dwarf_diename(function);
	return a && b && !strcmp(a, b);
}

static bool return_address(Dwarf_Die *call, Dwarf_Addr *ret)
{
	Dwarf_Attribute attr;

	return (dwarf_attr(call, DW_AT_call_return_pc, &attr) || dwarf_attr(call, DW_AT_low_pc, &attr)) &&
	       !dwarf_formaddr(&attr, ret);
}

static int add_call(struct search *s, Dwarf_Die *call)
{
	struct fetch_calls *list = s->list;
	struct call_site site = {.call = *call, .caller = s->caller, .cu = s->cu};

	if (!return_address(call, &site.back))
		return 0;
	if (!upr_grow(&list->v, list->nr, &list->cap, sizeof(*list->v)))
		return -ENOMEM;
	list->v[list->nr++] = site;
	return 0;
}

static int look_at_call(struct search *s, Dwarf_Die *call)
{
	Dwarf_Die target;

	if (!is_tail(call))
		return leads_to(s, call) ? add_call(s, call) : 0;
	s->list->ends_in_jump |= die_is(&s->caller, &s->function);
	s->list->entered_by_jump |= !call_target(call, &target) || leads_to(s, call);
	return 0;
}

/* Calls stand in functions, and in blocks and inlined functions in them. */
static int look_for_calls(struct search *s, Dwarf_Die *parent, bool in_function, unsigned int depth)
{
	Dwarf_Die die;
	int r = 0;

	if (depth == DIE_CHAIN_MAX || dwarf_child(parent, &die))
		return 0;
	do {
		int tag = dwarf_tag(&die);

		if (is_call(&die)) {
			if (in_function)
				r = look_at_call(s, &die);
		} else if (tag == DW_TAG_subprogram) {
			Dwarf_Die outer = s->caller;

			s->caller = die;
			r = look_for_calls(s, &die, true, depth + 1);
			s->caller = outer;
		} else if (tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine || tag == DW_TAG_namespace) {
			r = look_for_calls(s, &die, in_function, depth + 1);
		}
	} while (!r && !dwarf_siblingof(&die, &die));
	return r;
}

static int search_all(struct search *s, const struct fetch_frame *frame)
{
	Dwarf_Attribute attr;
	Dwarf_Off off = 0;
	Dwarf_Die origin;
	int r = 0;

	s->origin = s->function;
	if (dwarf_attr(&s->function, DW_AT_abstract_origin, &attr) && dwarf_formref_die(&attr, &origin))
		s->origin = origin;
	/* nobody outside can call it by its name */
	if (!dwarf_hasattr_integrate(&s->function, DW_AT_external)) {
		s->cu = frame->cu;
		return look_for_calls(s, &s->cu, false, 0);
	}
	while (!r && debug_info_next_cu(frame->info, &off, &s->cu))
		r = look_for_calls(s, &s->cu, false, 0);
	return r;
}

/* All calls of the frame's function: looked for once.  NULL without memory. */
static const struct fetch_calls *calls_of(const struct fetch_frame *frame)
{
	struct search s = {.function = frame->function};
	struct fetch_calls *list;

	for (list = *frame->calls; list; list = list->next)
		if (die_is(&list->function, &s.function))
			return list;
	list = calloc(1, sizeof(*list));
	if (!list)
		return NULL;
	list->function = s.function;
	list->next = *frame->calls;
	*frame->calls = list;
	s.list = list;
	dwarf_entrypc(&s.function, &s.entry);
	return search_all(&s, frame) ? NULL : list;
}

void fetch_calls_free(struct fetch_calls *list)
{
	struct fetch_calls *next;

	for (; list; list = next) {
		next = list->next;
		free(list->v);
		free(list);
	}
}

/* --- what they pass ------------------------------------------------------------------------- */

/* Is the parameter the one that is passed in the register, or, where no register is meant, the one asked for? */
static bool passes(const struct wanted *w, Dwarf_Die *param)
{
	unsigned int reg = w->reg;
	Dwarf_Attribute attr;
	Dwarf_Die formal;
	Dwarf_Op *ops;
	size_t nr;

	if (w->param)
		return (dwarf_attr(param, DW_AT_call_parameter, &attr) ||
			dwarf_attr(param, DW_AT_abstract_origin, &attr)) &&
		       dwarf_formref_die(&attr, &formal) && die_is(&formal, w->param);
	if (!dwarf_attr(param, DW_AT_location, &attr) || dwarf_getlocation(&attr, &ops, &nr) || nr != 1)
		return false;
	return (ops->atom == DW_OP_regx && ops->number == reg) ||
	       (ops->atom >= DW_OP_reg0 && ops->atom <= DW_OP_reg31 && ops->atom - (unsigned int)DW_OP_reg0 == reg);
}

/* What the caller has set it to, left on the stack. */
static const char *passed_value(const struct fetch_frame *callee, const struct wanted *w, const struct call_site *site,
				size_t width, struct fetch_code *code)
{
	const struct fetch_frame frame = {.info = callee->info,
					  .pc = site->back,
					  .cu = site->cu,
					  .function = site->caller,
					  .has_function = true,
					  .callee = callee,
					  .calls = callee->calls,
					  .nested = callee->nested,
					  .depth = callee->depth + 1,
					  .width = width};
	struct fetch_loc loc;
	Dwarf_Attribute attr;
	Dwarf_Die param, call = site->call;
	const char *why;
	Dwarf_Op *ops;
	size_t nr;

	if (dwarf_child(&call, &param))
		return silent;
	while (!passes(w, &param))
		if (dwarf_siblingof(&param, &param))
			return silent;
	if ((!dwarf_attr(&param, DW_AT_call_value, &attr) && !dwarf_attr(&param, DW_AT_GNU_call_site_value, &attr)) ||
	    dwarf_getlocation(&attr, &ops, &nr))
		return silent;
	if (fetch_locate_ops(&frame, ops, nr, &attr, &loc))
		return "out of memory";
	/* the expression's result is the value, not where it is */
	if (loc.kind == FETCH_MEMORY)
		loc.kind = FETCH_VALUE;
	why = fetch_push(&loc, 0, 8, code);
	fetch_loc_free(&loc);
	return why;
}

/* Which call was it?  Each has its return address; unknown ones have no value. */
static void emit_choice(const struct choice *v, size_t nr, struct fetch_code *code)
{
	u32 *jumps = calloc(nr, sizeof(*jumps)), *ends = calloc(nr, sizeof(*ends));
	size_t i;

	if (!jumps || !ends) {
		code->failed = -ENOMEM;
		goto out;
	}
	for (i = 0; i < nr; i++)
		jumps[i] = fetch_emit(code, UPR_FETCH_JEQ, 0, (s64)v[i].back);
	fetch_emit(code, UPR_FETCH_NONE, FETCH_UNKNOWN_CALLER, 0);
	for (i = 0; i < nr; i++) {
		fetch_here(code, jumps[i]);
		fetch_emit(code, UPR_FETCH_DROP, 0, 0);
		fetch_append(code, &v[i].code);
		ends[i] = i + 1 < nr ? fetch_emit(code, UPR_FETCH_JMP, 0, 0) : 0;
	}
	for (i = 0; i + 1 < nr; i++)
		fetch_here(code, ends[i]);
out:
	free(jumps);
	free(ends);
}

/* What all callers pass.  Return: NULL, or why none of them tells */
static const char *find_choices(const struct fetch_frame *frame, const struct wanted *w,
				const struct fetch_calls *calls, struct choice *choices, size_t *nr)
{
	/* a caller's caller's caller is one of many */
	size_t width = calls->nr * (frame->width ? frame->width : 1), i;
	const char *last = silent, *why;

	*nr = 0;
	for (i = 0; i < calls->nr; i++) {
		struct choice *choice = &choices[*nr];

		*choice = (struct choice){.back = calls->v[i].back};
		why = passed_value(frame, w, &calls->v[i], width, &choice->code);
		if (why) {
			fetch_code_free(&choice->code);
			last = why;
		} else {
			++*nr;
		}
	}
	return *nr ? NULL : last;
}

static void emit_return_address(struct fetch_code *code)
{
	fetch_add(code, RETURN_ADDRESS);
	fetch_emit(code, UPR_FETCH_LOAD, 8, 0);
	fetch_emit(code, UPR_FETCH_BIAS, 0, 0);
	fetch_emit(code, UPR_FETCH_SUB, 0, 0);
}

static const char *push_passed(const struct fetch_frame *frame, const struct wanted *w, struct fetch_code *code)
{
	const struct fetch_calls *calls;
	struct choice *choices;
	const char *why;
	size_t nr, i;

	if (frame->depth == DEPTH_MAX || frame->width > WIDTH_MAX)
		return "it was passed on by too many callers";
	calls = calls_of(frame);
	if (!calls)
		return "out of memory";
	if (calls->ends_in_jump && calls->entered_by_jump)
		return "its function is entered by jumps, so that nobody can tell which call it was";
	choices = calloc(calls->nr + 1, sizeof(*choices));
	if (!choices)
		return "out of memory";
	why = find_choices(frame, w, calls, choices, &nr);
	if (!why)
		why = fetch_push_cfa(frame, code);
	if (!why) {
		emit_return_address(code);
		emit_choice(choices, nr, code);
	}
	for (i = 0; i < nr; i++)
		fetch_code_free(&choices[i].code);
	free(choices);
	return why;
}

const char *fetch_push_entry_value(const struct fetch_frame *frame, unsigned int nr, struct fetch_code *code)
{
	const struct wanted w = {.reg = nr};
	Dwarf_Addr entry;

	if (!frame->has_function || dwarf_entrypc((Dwarf_Die *)&frame->function, &entry))
		return "its function's beginning is not known";
	if (!frame->callee && frame->pc == entry && !fetch_push_register(frame, nr, code))
		return NULL;
	return push_passed(frame, &w, code);
}

const char *fetch_push_passed(const struct fetch_frame *frame, const Dwarf_Die *param, struct fetch_code *code)
{
	const struct wanted w = {.param = param};
	Dwarf_Addr entry;

	if (!frame->has_function || dwarf_entrypc((Dwarf_Die *)&frame->function, &entry))
		return "its function's beginning is not known";
	return push_passed(frame, &w, code);
}
