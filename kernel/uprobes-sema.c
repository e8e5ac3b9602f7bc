// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes-sema.c - counters in the program that say how many probe one of its places.
 *
 * Purpose: a program that prepares arguments for a statically defined probe looks at a 16-bit counter
 * first ("semaphore", in systemtap's words): noughts mean that nobody wants them.  While such a place is probed in an
 * address space the counter is one higher there.
 *
 * The counter is in data of the file, which a loader maps after the text: where it is not there yet this is
 * tried again when the home says that mappings have changed, before the program can get there.
 * A child has its parent's counters with the rest of its memory.
 *
 * Locks: mm->lock.
 */
#include "uprobes-internal.h"

/**
 * struct upr_sema - a place with a counter, in one address space
 * @site:	probed
 * @addr:	of the counter
 * @raised:	by one, by us
 * @hopeless:	what is there is no such counter
 */
struct upr_sema {
	struct list_head node;
	u64 site;
	u64 addr;
	bool raised;
	bool hopeless;
};

static void drop(struct upr_space *sp, struct upr_sema *sema)
{
	struct upr_bp *bp = upr_bp_find(sp->mm.bps, sema->site);

	if (bp)
		bp->has_sema = false;
	list_del(&sema->node);
	kfree(sema);
}

static bool is_probed(const struct upr_bp *bp)
{
	return bp && bp->state == UPR_BP_ARMED && bp->want && READ_ONCE(bp->probe->semaphore);
}

static struct upr_sema *sema_find(struct upr_space *sp, u64 site)
{
	struct upr_sema *sema;

	list_for_each_entry(sema, &sp->semas, node)
		if (sema->site == site)
			return sema;
	return NULL;
}

/* Without memory the program does without its arguments; the place is hit if it does not ask. */
static bool sema_new(struct upr_space *sp, u64 site, u64 addr, bool raised)
{
	struct upr_sema *sema = kzalloc(sizeof(*sema), GFP_KERNEL);

	if (!sema)
		return false;
	sema->site = site;
	sema->addr = addr;
	sema->raised = raised;
	list_add_tail(&sema->node, &sp->semas);
	return true;
}

static void raise_all(struct upr_space *sp)
{
	struct upr_sema *sema;

	sp->semas_pending = false;
	list_for_each_entry(sema, &sp->semas, node) {
		int r;

		if (sema->raised || sema->hopeless)
			continue;
		r = sp->mm.target->data_add(&sp->mm, sema->addr, 1);
		sema->raised = !r;
		sema->hopeless = r && r != -EAGAIN;
		sp->semas_pending |= r == -EAGAIN;
	}
}

bool upr_sema_is_due(const struct upr_space *sp, const struct upr_bp *bp)
{
	return bp->state == UPR_BP_ARMED && bp->has_sema != is_probed(bp) && sp->mm.target->data_add;
}

void upr_semas_settle(struct upr_space *sp)
{
	struct upr_sema *sema, *next;
	struct upr_bp *bp;

	if (!sp->mm.session->has_semaphores || !sp->mm.target->data_add)
		return;
	list_for_each_entry_safe(sema, next, &sp->semas, node) {
		if (is_probed(upr_bp_find(sp->mm.bps, sema->site)))
			continue;
		if (sema->raised)
			sp->mm.target->data_add(&sp->mm, sema->addr, -1);
		drop(sp, sema);
	}
	list_for_each_entry(bp, &sp->bps, all) {
		if (bp->has_sema || !is_probed(bp))
			continue;
		/* a breakpoint may be new where one was before, or in a child */
		bp->has_sema = sema_find(sp, bp->addr) ||
			       sema_new(sp, bp->addr, bp->addr + (u64)bp->probe->semaphore, false);
	}
	raise_all(sp);
}

void upr_semas_unmap(struct upr_space *sp, u64 start, u64 len)
{
	struct upr_sema *sema, *next;

	/* the file's data is gone as well */
	list_for_each_entry_safe(sema, next, &sp->semas, node)
		if (sema->site - start < len)
			drop(sp, sema);
}

void upr_semas_clone(const struct upr_space *from, struct upr_space *to)
{
	struct upr_sema *sema;

	list_for_each_entry(sema, &from->semas, node)
		sema_new(to, sema->site, sema->addr, sema->raised);
	to->semas_pending = from->semas_pending;
}

void upr_semas_free(struct upr_space *sp)
{
	struct upr_sema *sema, *next;

	/* the breakpoints are gone already */
	list_for_each_entry_safe(sema, next, &sp->semas, node) {
		list_del(&sema->node);
		kfree(sema);
	}
}

void upr_report_data(struct upr_mm *mm)
{
	struct upr_space *sp = upr_space(mm);

	if (!READ_ONCE(sp->semas_pending))
		return;
	mutex_lock(&mm->lock);
	/* of several tasks one may have a child of which nobody has told yet: its memory is as it was then */
	if (sp->nr_tasks > 1) {
		sp->dirty = true;
		upr_arm_kick(sp);
	} else {
		raise_all(sp);
	}
	mutex_unlock(&mm->lock);
}
