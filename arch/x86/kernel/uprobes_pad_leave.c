// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes_pad_leave.c - where a task stands in a pad.
 *
 * Purpose: a task may be stopped at any instruction of a pad.  The layout is gone through once
 * more, without emitting anything, up to that place; what was true there
 * says what has to be given back: saved registers, flags, the stack pointer.
 *
 * A position is undone, not completed: before the count of an instruction, or between
 * its count and itself, the task stands before that instruction, and what remains to be
 * done is the caller's choice.  The exception are direct calls whose return address has
 * been pushed: they are done.
 *
 * At a hole nothing has been done at all.
 *
 * Locks: none.
 */
#include "uprobes_jump.h"

#define FLAGS_AH (UPR_FL_CF | UPR_FL_PF | UPR_FL_AF | UPR_FL_ZF | UPR_FL_SF)

static void restore_flags(const struct upr_spot *spot, struct upr_regs *regs)
{
	u64 rax = regs->gpr[UPR_RAX];

	if (spot->flags == UPR_FLAGS_OWN)
		return;
	regs->flags = (regs->flags & ~(u64)FLAGS_AH) | (rax >> 8 & FLAGS_AH);
	if (spot->flags == UPR_FLAGS_RAX)
		regs->flags = (regs->flags & ~(u64)UPR_FL_OF) | (rax & 1 ? UPR_FL_OF : 0);
}

/* The first that was pushed lies highest. */
static int restore_saved(const struct upr_spot *spot, struct utrace_task *task, struct upr_regs *regs)
{
	u64 words[UPR_PAD_SAVED];
	unsigned int i;
	int err;

	if (spot->nr_saved) {
		err = task->target->mem_read(task, regs->gpr[UPR_RSP], words, 8ul * spot->nr_saved);
		if (err)
			return err;
	}
	for (i = 0; i < spot->nr_saved; i++)
		regs->gpr[spot->saved[i]] = words[spot->nr_saved - 1 - i];
	regs->gpr[UPR_RSP] += 8ul * spot->nr_saved + (spot->lowered ? UPR_RED_ZONE : 0) + spot->extra;
	return 0;
}

static bool is_on_its_way(const struct upr_pad *pad, u64 pc)
{
	return pad->jump->form == UPR_JUMP_HOP && pc == upr_jump_hole(pad->jump, pad->addr);
}

int upr_pad_leave(const struct upr_pad *pad, struct utrace_task *task, struct upr_regs *regs, enum upr_pad_where *where,
		  unsigned int *insn, bool *counted)
{
	struct upr_regs copy = *regs;
	struct upr_pad_asm pa;
	int err;

	if (is_on_its_way(pad, regs->ip)) {
		*where = UPR_PAD_AT;
		*insn = 0;
		*counted = false;
		regs->ip = pad->addr;
		return 0;
	}
	upr_pad_lay_out(&pa, pad, NULL, 0, (unsigned int)(regs->ip - pad->pad), false);
	/* nobody executes constants; should somebody all the same, nothing of the window has been done */
	if (WARN_ON_ONCE(pa.found.kind == UPR_SPOT_NONE))
		pa.found = (struct upr_spot){.kind = UPR_SPOT_AT};
	restore_flags(&pa.found, &copy);
	err = restore_saved(&pa.found, task, &copy);
	if (err)
		return err;
	*where = pa.found.kind == UPR_SPOT_AFTER ? UPR_PAD_AFTER : UPR_PAD_AT;
	*insn = pa.found.insn;
	*counted = pa.found.counted;
	copy.ip = *where == UPR_PAD_AFTER ? pa.found.ip : pad->addr + pad->jump->off[*insn];
	*regs = copy;
	return 0;
}

int upr_pad_enter(const struct upr_pad *pad, struct utrace_task *task, struct upr_regs *regs, unsigned int insn)
{
	u64 next = pad->addr + pad->jump->len, rsp = regs->gpr[UPR_RSP] - 8;
	struct upr_pad_asm pa;
	int err;

	upr_pad_lay_out(&pa, pad, NULL, 0, UPR_PAD_NOWHERE, false);
	if (pad->jump->form == UPR_JUMP_CALL) {
		err = task->target->mem_write(task, rsp, &next, sizeof(next));
		if (err)
			return err;
		regs->gpr[UPR_RSP] = rsp;
	}
	regs->ip = pad->pad + pa.copy[insn];
	return 0;
}
