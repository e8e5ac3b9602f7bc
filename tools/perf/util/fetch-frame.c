// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-frame.c - registers of a frame, and what its function was called with.
 *
 * Purpose: the frame of the hit has the task's registers; those of its callers are found by the unwind tables. What
 * a register held on entry is the caller's business: where it has noted how it set the register
 * before the call (DWARF 5, section 3.4.2), the return address tells which of all calls it was.
 *
 * A return address tells that only if nobody on the way has called in its stead: a function that is the last
 * thing another one does returns to the caller of that. Where this can have happened, the
 * value counts as unknown.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fetch-loc.h"
#include "symbol-priv.h"

/* Callers of callers at most. */
#define DEPTH_MAX 3
/* ABI: what is on the stack right above the frame of an entered function's caller. */
#define RETURN_ADDRESS (-8)

/* ABI: "DWARF Register Number Mapping" */
enum { DWARF_RBX = 3, DWARF_RBP = 6, DWARF_RSP = 7, DWARF_R12 = 12, DWARF_R15 = 15 };

/* By these numbers, as fetch programs number them. */
static const u8 registers[] = {0, 2, 1, 3, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15, UPR_FETCH_IP};

/* --- unwinding ----------------------------------------------------------------------- */

/* free() it. */
static Dwarf_Frame *unwind_rules(const struct fetch_frame *frame)
{
	/* behind a call that does not return there may be another function */
	Dwarf_Addr pc = frame->callee ? frame->pc - 1 : frame->pc;
	Dwarf_Frame *rules = NULL;

	if (frame->info->cfi_eh && !dwarf_cfi_addrframe(frame->info->cfi_eh, pc, &rules))
		return rules;
	if (frame->info->cfi_dbg && !dwarf_cfi_addrframe(frame->info->cfi_dbg, pc, &rules))
		return rules;
	return NULL;
}

const char *fetch_push_cfa(const struct fetch_frame *frame, struct fetch_code *code)
{
	Dwarf_Frame *rules = unwind_rules(frame);
	struct fetch_loc cfa = {0};
	const char *why = NULL;
	Dwarf_Op *ops;
	size_t nr;

	if (!rules || dwarf_frame_cfa(rules, &ops, &nr) || !nr)
		why = "no unwind table says where its frame is";
	else if (fetch_locate_ops(frame, ops, nr, NULL, &cfa))
		why = "out of memory";
	else if (cfa.kind != FETCH_MEMORY && cfa.kind != FETCH_VALUE)
		why = "its frame is described in an unusual way";
	if (!why)
		fetch_append(code, &cfa.code);
	fetch_loc_free(&cfa);
	free(rules);
	return why;
}

/* psABI: whom nobody says anything of.  (libdw takes rax for rbx.) */
static bool kept_through_calls(unsigned int nr)
{
	return nr == DWARF_RBX || nr == DWARF_RBP || (nr >= DWARF_R12 && nr <= DWARF_R15);
}

/* A register of the caller, by the rules of the frame it has called. */
static const char *push_callers(const struct fetch_frame *callee, unsigned int nr, struct fetch_code *code)
{
	Dwarf_Frame *rules;
	struct fetch_loc saved = {0};
	const char *why = NULL;
	Dwarf_Op mem[3], *ops;
	size_t nr_ops;

	/* the frame of the caller begins where that of the callee does */
	if (nr == DWARF_RSP)
		return fetch_push_cfa(callee, code);
	rules = unwind_rules(callee);
	if (!rules || dwarf_frame_register(rules, (int)nr, mem, &ops, &nr_ops))
		why = "no unwind table says where a register of the caller is";
	else if (!nr_ops && !kept_through_calls(nr))
		why = "the register is not kept through the call";
	else if (!nr_ops)
		why = fetch_push_register(callee, nr, code);
	else if (fetch_locate_ops(callee, ops, nr_ops, NULL, &saved))
		why = "out of memory";
	else
		why = fetch_push(&saved, 0, 8, code);
	fetch_loc_free(&saved);
	free(rules);
	return why;
}

const char *fetch_push_register(const struct fetch_frame *frame, unsigned int nr, struct fetch_code *code)
{
	if (nr >= sizeof(registers))
		return "it is in a register that cannot be read";
	if (frame->callee)
		return push_callers(frame->callee, nr, code);
	fetch_emit(code, UPR_FETCH_REG, registers[nr], 0);
	return NULL;
}

/* --- calls ------------------------------------------------------------------------------ */

/**
 * struct call_value - a call, and what it passes
 * @back:	return address, as the file has it
 */
struct call_value {
	Dwarf_Addr back;
	struct fetch_code code;
};

/**
 * struct calls - all calls of a function that the file knows of
 * @frame:	of the function
 * @param:	offset of the parameter that is asked for, 0: @reg is
 * @origin:	offset of the entry that it is an instance of, or its own
 * @entry:	where its code begins
 * @entered_by_jump: a function ends in this one, or may
 * @ends_in_jump: this one ends in others
 * @caller:	function being looked at, the one with code
 * @why:	why a call does not tell
 */
struct calls {
	const struct fetch_frame *frame;
	unsigned int reg;
	Dwarf_Off param;
	Dwarf_Off origin;
	Dwarf_Addr entry;
	bool entered_by_jump;
	bool ends_in_jump;
	Dwarf_Die cu;
	Dwarf_Die caller;
	struct call_value *v;
	size_t nr;
	size_t cap;
	const char *why;
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
static bool leads_to(struct calls *c, Dwarf_Die *call)
{
	Dwarf_Die target, *function = (Dwarf_Die *)&c->frame->function;
	Dwarf_Attribute attr, other;
	Dwarf_Addr entry;
	const char *a, *b;

	if (!call_target(call, &target))
		return false;
	if (dwarf_dieoffset(&target) == dwarf_dieoffset(function) || dwarf_dieoffset(&target) == c->origin)
		return true;
	if (!dwarf_entrypc(&target, &entry))
		return entry == c->entry;
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

/* Is the parameter the one that is passed in the register, or, where no register is meant, the one asked for? */
static bool passes(const struct calls *c, Dwarf_Die *param)
{
	unsigned int reg = c->reg;
	Dwarf_Attribute attr;
	Dwarf_Die formal;
	Dwarf_Op *ops;
	size_t nr;

	if (c->param)
		return (dwarf_attr(param, DW_AT_call_parameter, &attr) ||
			dwarf_attr(param, DW_AT_abstract_origin, &attr)) &&
		       dwarf_formref_die(&attr, &formal) && dwarf_dieoffset(&formal) == c->param;
	if (!dwarf_attr(param, DW_AT_location, &attr) || dwarf_getlocation(&attr, &ops, &nr) || nr != 1)
		return false;
	return (ops->atom == DW_OP_regx && ops->number == reg) ||
	       (ops->atom >= DW_OP_reg0 && ops->atom <= DW_OP_reg31 && ops->atom - (unsigned int)DW_OP_reg0 == reg);
}

/* What the caller has set the register to, left on the stack. */
static const char *passed_value(struct calls *c, Dwarf_Die *call, Dwarf_Addr back, struct fetch_code *code)
{
	const struct fetch_frame frame = {.info = c->frame->info,
					  .pc = back,
					  .cu = c->cu,
					  .function = c->caller,
					  .has_function = true,
					  .callee = c->frame,
					  .depth = c->frame->depth + 1};
	static const char silent[] = "its callers do not say what they pass";
	struct fetch_loc loc;
	Dwarf_Attribute attr;
	Dwarf_Die param;
	const char *why;
	Dwarf_Op *ops;
	size_t nr;

	if (dwarf_child(call, &param))
		return silent;
	while (!passes(c, &param))
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

static int add_call(struct calls *c, Dwarf_Die *call)
{
	struct call_value value = {0};
	const char *why;

	if (!return_address(call, &value.back))
		return 0;
	why = passed_value(c, call, value.back, &value.code);
	if (why) {
		c->why = why;
		fetch_code_free(&value.code);
		return 0;
	}
	if (!upr_grow(&c->v, c->nr, &c->cap, sizeof(*c->v))) {
		fetch_code_free(&value.code);
		return -ENOMEM;
	}
	c->v[c->nr++] = value;
	return 0;
}

static bool same_function(Dwarf_Die *a, const Dwarf_Die *b)
{
	return dwarf_dieoffset(a) == dwarf_dieoffset((Dwarf_Die *)b);
}

static int look_at_call(struct calls *c, Dwarf_Die *call)
{
	Dwarf_Die target;

	if (!is_tail(call))
		return leads_to(c, call) ? add_call(c, call) : 0;
	c->ends_in_jump |= same_function(&c->caller, &c->frame->function);
	c->entered_by_jump |= !call_target(call, &target) || leads_to(c, call);
	return 0;
}

/* Calls stand in functions, and in blocks and inlined functions in them. */
static int look_for_calls(struct calls *c, Dwarf_Die *parent, bool in_function)
{
	Dwarf_Die die;
	int r = 0;

	if (dwarf_child(parent, &die))
		return 0;
	do {
		int tag = dwarf_tag(&die);

		if (is_call(&die)) {
			if (in_function)
				r = look_at_call(c, &die);
		} else if (tag == DW_TAG_subprogram) {
			Dwarf_Die outer = c->caller;

			c->caller = die;
			r = look_for_calls(c, &die, true);
			c->caller = outer;
		} else if (tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine || tag == DW_TAG_namespace) {
			r = look_for_calls(c, &die, in_function);
		}
	} while (!r && !dwarf_siblingof(&die, &die));
	return r;
}

static int find_calls(struct calls *c)
{
	Dwarf_Die *function = (Dwarf_Die *)&c->frame->function;
	Dwarf_Attribute attr;
	Dwarf_Off off = 0;
	Dwarf_Die origin;
	int r = 0;

	c->origin = dwarf_dieoffset(function);
	if (dwarf_attr(function, DW_AT_abstract_origin, &attr) && dwarf_formref_die(&attr, &origin))
		c->origin = dwarf_dieoffset(&origin);
	/* nobody outside can call it by its name */
	if (!dwarf_hasattr_integrate(function, DW_AT_external)) {
		c->cu = c->frame->cu;
		return look_for_calls(c, &c->cu, false);
	}
	while (!r && debug_info_next_cu(c->frame->info, &off, &c->cu))
		r = look_for_calls(c, &c->cu, false);
	return r;
}

/* Which call was it?  Each has its return address; unknown ones have no value. */
static void emit_choice(const struct calls *c, struct fetch_code *code)
{
	u32 *jumps = calloc(c->nr, sizeof(*jumps)), *ends = calloc(c->nr, sizeof(*ends));
	size_t i;

	if (!jumps || !ends) {
		code->failed = -ENOMEM;
		goto out;
	}
	for (i = 0; i < c->nr; i++)
		jumps[i] = fetch_emit(code, UPR_FETCH_JEQ, 0, (s64)c->v[i].back);
	fetch_emit(code, UPR_FETCH_NONE, FETCH_UNKNOWN_CALLER, 0);
	for (i = 0; i < c->nr; i++) {
		fetch_here(code, jumps[i]);
		fetch_emit(code, UPR_FETCH_DROP, 0, 0);
		fetch_append(code, &c->v[i].code);
		ends[i] = i + 1 < c->nr ? fetch_emit(code, UPR_FETCH_JMP, 0, 0) : 0;
	}
	for (i = 0; i + 1 < c->nr; i++)
		fetch_here(code, ends[i]);
out:
	free(jumps);
	free(ends);
}

/* What all callers pass, and the choice among them. */
static const char *push_choice(struct calls *c, struct fetch_code *code)
{
	const char *why = NULL;
	size_t i;

	c->why = "its callers do not say what they pass";
	if (c->frame->depth == DEPTH_MAX)
		return "it was passed on by too many callers";
	if (find_calls(c))
		why = "out of memory";
	else if (c->ends_in_jump && c->entered_by_jump)
		why = "its function is entered by jumps, so that nobody can tell which call it was";
	else if (!c->nr)
		why = c->why;
	else
		why = fetch_push_cfa(c->frame, code);
	if (!why) {
		fetch_add(code, RETURN_ADDRESS);
		fetch_emit(code, UPR_FETCH_LOAD, 8, 0);
		fetch_emit(code, UPR_FETCH_BIAS, 0, 0);
		fetch_emit(code, UPR_FETCH_SUB, 0, 0);
		emit_choice(c, code);
	}
	for (i = 0; i < c->nr; i++)
		fetch_code_free(&c->v[i].code);
	free(c->v);
	return why;
}

const char *fetch_push_entry_value(const struct fetch_frame *frame, unsigned int nr, struct fetch_code *code)
{
	struct calls c = {.frame = frame, .reg = nr};

	if (!frame->has_function || dwarf_entrypc((Dwarf_Die *)&frame->function, &c.entry))
		return "its function's beginning is not known";
	if (!frame->callee && frame->pc == c.entry && nr < sizeof(registers))
		return fetch_push_register(frame, nr, code);
	return push_choice(&c, code);
}

const char *fetch_push_passed(const struct fetch_frame *frame, Dwarf_Off param, struct fetch_code *code)
{
	struct calls c = {.frame = frame, .param = param};

	if (!frame->has_function || dwarf_entrypc((Dwarf_Die *)&frame->function, &c.entry))
		return "its function's beginning is not known";
	return push_choice(&c, code);
}
