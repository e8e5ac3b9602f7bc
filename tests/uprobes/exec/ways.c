// SPDX-License-Identifier: GPL-2.0
/*
 * ways.c - one instruction from one state, natively and in each way.
 *
 * Purpose: plays the part of the probe engine with nothing but the calls of
 * upr-arch.h.  Every way ends as the native run does: at the int3 behind the
 * instruction or at its target, or with the signal of a fault.
 *
 * Locks: none; one thread.
 */
#include <sys/ptrace.h>

#include "exec.h"

/* More iterations than any rep of the test has. */
#define MAX_STEPS 4096

char way_complaint[256];

void place_code(const u8 *code, unsigned int length, bool armed)
{
	u8 *orig = (u8 *)RAT_ORIG;

	memset(orig, UPR_BREAKPOINT, 64);
	memcpy(orig, code, length);
	if (armed)
		orig[0] = UPR_BREAKPOINT;
}

bool run_native(const u8 *code, unsigned int length, const struct rat_state *start, struct rat_state *end)
{
	bool in_time;

	place_code(code, length, false);
	rat_put(start);
	in_time = rat_run(PTRACE_CONT, end);
	rat_get(end);
	return in_time;
}

/*
 * pc names the fault in si_addr of SIGILL and SIGFPE: a home puts it right along
 * with pc.
 */
static void leave(const struct way_case *c, enum upr_way way, struct rat_state *end, struct upr_xol_step *step,
		  enum upr_slot_where *where)
{
	struct upr_regs regs;
	u64 before = end->regs.rip;

	rat_to_upr(&end->regs, &regs);
	*where = upr_xol_leave(c->xol, way, RAT_ORIG, c->area, &regs, step);
	rat_from_upr(&regs, &end->regs);
	if (end->addr == before && (end->signo == SIGILL || end->signo == SIGFPE))
		end->addr = end->regs.rip;
}

static enum way_result run_emulated(const struct way_case *c, struct rat_state *end)
{
	struct rat_state *start = (struct rat_state *)c->start;
	struct upr_regs regs, before;
	int err;

	rat_to_upr(&start->regs, &regs);
	before = regs;
	err = upr_xol_emulate(c->xol, &rat_task, RAT_ORIG, &regs);
	if (err) {
		if (memcmp(&regs, &before, sizeof(regs)) ||
		    memcmp((void *)RAT_DATA, start->data, sizeof(start->data)) ||
		    memcmp((void *)RAT_STACK, start->stack, sizeof(start->stack))) {
			snprintf(way_complaint, sizeof(way_complaint), "declined (%d), but something has changed", err);
			return WAY_BROKEN;
		}
		if (err == -EOPNOTSUPP) {
			snprintf(way_complaint, sizeof(way_complaint), "offered, but not supported");
			return WAY_BROKEN;
		}
		return WAY_FALLBACK;
	}
	end->regs = start->regs;
	rat_from_upr(&regs, &end->regs);
	rat_put_regs(&end->regs);
	return rat_run(PTRACE_CONT, end) ? WAY_DONE : WAY_HUNG;
}

static enum way_result run_boosted(const struct way_case *c, struct rat_state *end)
{
	enum upr_slot_where where;
	struct upr_regs regs;
	struct upr_xol_step none;

	rat_to_upr(&c->start->regs, &regs);
	upr_xol_enter(c->xol, UPR_WAY_BOOST, RAT_ORIG, c->area, &regs, &none);
	end->regs = c->start->regs;
	rat_from_upr(&regs, &end->regs);
	rat_put_regs(&end->regs);
	if (!rat_run(PTRACE_CONT, end))
		return WAY_HUNG;
	rat_get_regs(&end->regs);
	leave(c, UPR_WAY_BOOST, end, NULL, &where);
	rat_put_regs(&end->regs);
	return WAY_DONE;
}

static bool put_word_right(const struct upr_xol_step *step)
{
	if (!step->store_size)
		return true;
	return !rat_task.target->mem_write(&rat_task, step->store_addr, &step->store_value, step->store_size);
}

static enum way_result run_stepped(const struct way_case *c, struct rat_state *end)
{
	struct upr_regs regs;
	struct upr_xol_step step;
	enum upr_slot_where where = UPR_SLOT_BEFORE;
	unsigned int steps;

	end->regs = c->start->regs;
	for (steps = 0; where == UPR_SLOT_BEFORE; steps++) {
		if (steps == MAX_STEPS) {
			snprintf(way_complaint, sizeof(way_complaint), "still not past the instruction after %u steps",
				 steps);
			return WAY_BROKEN;
		}
		rat_to_upr(&end->regs, &regs);
		upr_xol_step_init(&step);
		if (upr_xol_needs_regs(c->xol, UPR_WAY_STEP, RAT_ORIG, c->area) || one_in(2))
			upr_xol_enter(c->xol, UPR_WAY_STEP, RAT_ORIG, c->area, &regs, &step);
		else
			regs.ip = c->area;
		rat_from_upr(&regs, &end->regs);
		rat_put_regs(&end->regs);
		if (!rat_run(PTRACE_SINGLESTEP, end))
			return WAY_HUNG;
		rat_get_regs(&end->regs);
		leave(c, UPR_WAY_STEP, end, &step, &where);
		rat_put_regs(&end->regs);
		if (!put_word_right(&step)) {
			snprintf(way_complaint, sizeof(way_complaint), "the stack word could not be put right");
			return WAY_BROKEN;
		}
		if (end->signo != SIGTRAP)
			return WAY_DONE;
		/* a program that steps itself hears of every iteration */
		if (c->start->regs.eflags & UPR_FL_TF)
			return WAY_DONE;
	}
	return rat_run(PTRACE_CONT, end) ? WAY_DONE : WAY_HUNG;
}

enum way_result run_way(enum upr_way way, const struct way_case *c, struct rat_state *end)
{
	enum way_result result;

	if (way != UPR_WAY_EMULATE) {
		int err = upr_xol_build(c->xol, way, RAT_ORIG, c->area, (u8 *)c->area);

		if (err == -ERANGE)
			return WAY_RANGE;
		if (err) {
			snprintf(way_complaint, sizeof(way_complaint), "upr_xol_build: %d", err);
			return WAY_BROKEN;
		}
	}
	place_code(c->xol->code, c->xol->insn.length, true);
	rat_put(c->start);
	result = way == UPR_WAY_EMULATE ? run_emulated(c, end) :
		 way == UPR_WAY_BOOST	? run_boosted(c, end) :
					  run_stepped(c, end);
	if (result != WAY_FALLBACK)
		rat_get(end);
	return result;
}
