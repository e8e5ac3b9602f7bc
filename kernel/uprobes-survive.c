// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes-survive.c - what the program needs to do without us.
 *
 * Purpose: a home may be killed at any moment.  Where it has put something into the program
 * that executes breakpoints then (target_ops.survive), it must know at any moment what
 * each int3 that has been met, or can be, leads to.
 *
 * A site that has been taken out leads to itself: a task may have executed
 * the int3 and not have reported it yet.
 *
 * Locks: mm->lock; all tasks quiet.
 */
#include "uprobes-internal.h"

/*
 * Nobody loads a scratch register, nor puts back what a stepped copy leaves behind: a stepped
 * call's return address leads through the slot, which ends in a jump back.
 */
static bool self_contained(const struct upr_bp *bp)
{
	if (!bp->slot)
		return false;
	return bp->slot_way == UPR_WAY_BOOST || !(bp->xol->insn.attr & UPR_INSN_RIPREL) ||
	       !upr_xol_needs_regs(bp->xol, bp->slot_way, bp->addr, bp->slot);
}

void upr_mm_each_slot(struct upr_mm *mm, void (*fn)(void *data, u64 addr, u64 to), void *data)
{
	struct upr_bp *bp;

	list_for_each_entry(bp, &upr_space(mm)->bps, all) {
		/* a jump needs nobody */
		if (bp->leader)
			continue;
		if (bp->trapped && (bp->state == UPR_BP_LEAVING || bp->state == UPR_BP_OFF))
			fn(data, bp->addr, bp->addr);
		else if ((bp->state == UPR_BP_ARMED || bp->state == UPR_BP_NEW) && self_contained(bp))
			fn(data, bp->addr, bp->slot);
	}
}

void upr_survive(struct upr_space *sp)
{
	if (sp->mm.target->survive)
		sp->mm.target->survive(&sp->mm);
}
