// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-frame.c - registers of a frame.
 *
 * Purpose: the frame of the hit has the task's registers; those of its callers are found by the unwind tables.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fetch-loc.h"

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

	return debug_info_frame(frame->info, pc);
}

const char *fetch_push_cfa(const struct fetch_frame *frame, struct fetch_code *code)
{
	const struct fetch_frame within = fetch_frame_within(frame);
	Dwarf_Frame *rules = unwind_rules(frame);
	struct fetch_loc cfa = {0};
	const char *why = NULL;
	Dwarf_Op *ops;
	size_t nr;

	if (within.nested == FETCH_NESTED_MAX)
		why = "its frame is described by itself";
	else if (!rules || dwarf_frame_cfa(rules, &ops, &nr) || !nr)
		why = "no unwind table says where its frame is";
	else if (fetch_locate_ops(&within, ops, nr, NULL, &cfa))
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
	const struct fetch_frame within = fetch_frame_within(callee);
	Dwarf_Frame *rules;
	struct fetch_loc saved = {0};
	const char *why = NULL;
	Dwarf_Op mem[3], *ops;
	size_t nr_ops;

	/* the frame of the caller begins where that of the callee does */
	if (nr == DWARF_RSP)
		return fetch_push_cfa(callee, code);
	if (within.nested == FETCH_NESTED_MAX)
		return "its frame is described by itself";
	rules = unwind_rules(callee);
	if (!rules || dwarf_frame_register(rules, (int)nr, mem, &ops, &nr_ops))
		why = "no unwind table says where a register of the caller is";
	else if (!nr_ops && !kept_through_calls(nr))
		why = "the register is not kept through the call";
	else if (!nr_ops)
		why = fetch_push_register(callee, nr, code);
	else if (fetch_locate_ops(&within, ops, nr_ops, NULL, &saved))
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
