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
 */
struct upr_sema {
	struct list_head node;
	u64 site;
	u64 addr;
	bool raised;
};

static void drop(struct upr_sema *sema)
{
	list_del(&sema->node);
	kfree(sema);
}

static bool is_probed(const struct upr_bp *bp)
{
	return bp && bp->state == UPR_BP_ARMED && bp->want && bp->probe->semaphore;
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
static void sema_new(struct upr_space *sp, u64 site, u64 addr, bool raised)
{
	struct upr_sema *sema = kzalloc(sizeof(*sema), GFP_KERNEL);

	if (!sema)
		return;
	sema->site = site;
	sema->addr = addr;
	sema->raised = raised;
	list_add_tail(&sema->node, &sp->semas);
}

static void raise_all(struct upr_space *sp)
{
	struct upr_sema *sema;

	sp->semas_pending = false;
	list_for_each_entry(sema, &sp->semas, node) {
		if (sema->raised)
			continue;
		sema->raised = !sp->mm.target->data_add(&sp->mm, sema->addr, 1);
		sp->semas_pending |= !sema->raised;
	}
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
		drop(sema);
	}
	list_for_each_entry(bp, &sp->bps, all)
		if (is_probed(bp) && !sema_find(sp, bp->addr))
			sema_new(sp, bp->addr, bp->addr + (u64)bp->probe->semaphore, false);
	raise_all(sp);
}

void upr_semas_unmap(struct upr_space *sp, u64 start, u64 len)
{
	struct upr_sema *sema, *next;

	/* the file's data is gone as well */
	list_for_each_entry_safe(sema, next, &sp->semas, node)
		if (sema->site - start < len)
			drop(sema);
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

	list_for_each_entry_safe(sema, next, &sp->semas, node)
		drop(sema);
}

void upr_report_data(struct upr_mm *mm)
{
	struct upr_space *sp = upr_space(mm);

	if (!READ_ONCE(sp->semas_pending))
		return;
	mutex_lock(&mm->lock);
	raise_all(sp);
	mutex_unlock(&mm->lock);
}
