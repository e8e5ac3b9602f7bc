// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes-bp.c - breakpoints of an address space and their table.
 *
 * Purpose: one struct upr_bp per site, found by address on every int3.  The
 * table is an array of pointers that is only ever replaced as a whole, so a
 * reader sees each entry or does not, and a hundred thousand sites cost one
 * cache miss more than ten.
 *
 * A breakpoint that was taken out stays in the table as OFF: a task may have
 * executed the int3 before it was stopped and report it only after it was let
 * go.  The entry is used again when the site is probed again.
 *
 * Locks: mm->lock for all that changes; upr_bp_find() also under RCU.
 */
#include "uprobes-internal.h"

#define TABLE_MIN_BITS 4

/* --- table -------------------------------------------------------------- */

static struct upr_bp_table *table_new(unsigned int bits)
{
	struct upr_bp_table *table;
	size_t size = sizeof(*table) + (sizeof(table->slots[0]) << bits);

	table = kvcalloc(1, size, GFP_KERNEL);
	if (table)
		table->bits = bits;
	return table;
}

static unsigned int table_next(const struct upr_bp_table *table, unsigned int i)
{
	return (i + 1) & ((1u << table->bits) - 1);
}

/* Who asks for an address asks for its neighbours as well: they lie together. */
#define NEIGHBOUR_BITS 4

static unsigned int table_first(const struct upr_bp_table *table, u64 addr)
{
	return hash_64(addr >> NEIGHBOUR_BITS, table->bits);
}

/* It will be asked for soon. */
void upr_bp_expect(const struct upr_bp_table *table, u64 addr)
{
	if (table)
		prefetch(&table->slots[table_first(table, addr)]);
}

struct upr_bp *upr_bp_find(const struct upr_bp_table *table, u64 addr)
{
	struct upr_bp *bp;
	unsigned int i;

	/* mostly they are put in in order, and each is looked for before */
	if (!table || addr > READ_ONCE(table->highest))
		return NULL;
	for (i = table_first(table, addr); (bp = rcu_dereference(table->slots[i].bp)); i = table_next(table, i))
		if (table->slots[i].addr == addr && bp != UPR_BP_DELETED)
			return bp;
	return NULL;
}

/* At which addresses from @from on, @len of at most 32, there are breakpoints: bit 0 is @from. */
u32 upr_bp_around(const struct upr_bp_table *table, u64 from, unsigned int len)
{
	u64 group, last = (from + len - 1) >> NEIGHBOUR_BITS;
	u32 mask = 0;

	for (group = from >> NEIGHBOUR_BITS; table && group <= last; group++) {
		unsigned int i = table_first(table, group << NEIGHBOUR_BITS);
		struct upr_bp *bp;

		for (; (bp = rcu_dereference(table->slots[i].bp)); i = table_next(table, i))
			if (table->slots[i].addr - from < len && bp != UPR_BP_DELETED)
				mask |= 1u << (table->slots[i].addr - from);
	}
	return mask;
}

/* A deleted entry is not used again: a reader may be on its way past it. */
static void table_put(struct upr_bp_table *table, struct upr_bp *bp)
{
	unsigned int i = table_first(table, bp->addr);

	while (table->slots[i].bp)
		i = table_next(table, i);
	WRITE_ONCE(table->highest, max(table->highest, bp->addr));
	table->slots[i].addr = bp->addr;
	rcu_assign_pointer(table->slots[i].bp, bp);
	table->used++;
}

static int table_grow(struct upr_space *sp, unsigned int more)
{
	struct upr_bp_table *old = sp->mm.bps, *table;
	unsigned int bits = TABLE_MIN_BITS, live = more;
	struct upr_bp *bp;

	list_for_each_entry(bp, &sp->bps, all)
		live++;
	/* two thirds full at most, and three quarters before it grows */
	while ((u64)2 << bits < (u64)live * 3)
		bits++;
	table = table_new(bits);
	if (!table)
		return -ENOMEM;
	list_for_each_entry(bp, &sp->bps, all)
		table_put(table, bp);
	rcu_assign_pointer(sp->mm.bps, table);
	if (old) {
		old->garbage = sp->old_tables;
		sp->old_tables = old;
	}
	return 0;
}

/* Room for @nr more. */
int upr_bp_reserve(struct upr_space *sp, unsigned int nr)
{
	struct upr_bp_table *table = sp->mm.bps;

	if (table && ((u64)table->used + nr) * 4 <= 3ull << table->bits)
		return 0;
	return table_grow(sp, nr);
}

int upr_bp_insert(struct upr_space *sp, struct upr_bp *bp)
{
	int r = upr_bp_reserve(sp, 1);

	if (r)
		return r;
	table_put(sp->mm.bps, bp);
	list_add_tail(&bp->all, &sp->bps);
	return 0;
}

static void table_del(struct upr_space *sp, struct upr_bp *bp)
{
	struct upr_bp_table *table = sp->mm.bps;
	unsigned int i;

	list_del_init(&bp->all);
	for (i = table_first(table, bp->addr); table->slots[i].bp; i = table_next(table, i)) {
		if (table->slots[i].bp != bp)
			continue;
		rcu_assign_pointer(table->slots[i].bp, UPR_BP_DELETED);
		return;
	}
}

/* --- life --------------------------------------------------------------- */

static void bp_aim(struct upr_space *sp, struct upr_bp *bp, struct upr_probe *probe, const struct upr_xol *xol)
{
	bp->probe = probe;
	bp->xol = xol;
	atomic_inc(&probe->nr_bps);
	bp->state = UPR_BP_NEW;
	bp->reach = UPR_REACH_NEAR;
	bp->broken = false;
	bp->redo = false;
	bp->slots = 1;
	bp->no_jump = NULL;
	bp->why = NULL;
	if (!xol->ways || (xol->ways == UPR_WAYS(UPR_WAY_REFUSE))) {
		bp->state = UPR_BP_UNARMED;
		bp->why = xol->reason;
	} else if (xol->insn.mode != sp->mm.insn_mode) {
		bp->state = UPR_BP_UNARMED;
		bp->why = "the code is of another width than the program";
	}
}

/* The breakpoint at @addr, found, revived or new; nobody wants it yet.  NULL without memory. */
struct upr_bp *upr_bp_get(struct upr_space *sp, u64 addr, struct upr_probe *probe)
{
	struct upr_bp *bp = upr_bp_find(sp->mm.bps, addr);
	const struct upr_xol *xol = upr_probe_xol(probe, sp->mm.env);

	if (bp && bp->state != UPR_BP_OFF) {
		if (bp->probe == probe)
			return bp;
		/* the mapping has changed without a report */
		upr_bp_forget(sp, bp);
		bp = NULL;
	}
	if (!xol)
		return NULL;
	if (bp) {
		bp_aim(sp, bp, probe, xol);
		return bp;
	}
	bp = kmem_cache_zalloc(sp->mm.session->caches.bps, GFP_KERNEL);
	if (!bp)
		return NULL;
	bp->addr = addr;
	INIT_LIST_HEAD(&bp->all);
	INIT_LIST_HEAD(&bp->node);
	bp_aim(sp, bp, probe, xol);
	if (upr_bp_insert(sp, bp)) {
		upr_probe_drop_bp(probe);
		kmem_cache_free(sp->mm.session->caches.bps, bp);
		return NULL;
	}
	return bp;
}

static void filter_retire(struct upr_space *sp, struct upr_bp *bp)
{
	struct upr_filter *filter = bp->filter;

	if (!filter)
		return;
	rcu_assign_pointer(bp->filter, NULL);
	filter->garbage = sp->old_filters;
	sp->old_filters = filter;
}

/* Its text is gone, or it has never been in the text. */
void upr_bp_forget(struct upr_space *sp, struct upr_bp *bp)
{
	upr_bp_dequeue(bp);
	table_del(sp, bp);
	if (bp->state == UPR_BP_ARMED)
		sp->mm.nr_bps--;
	WRITE_ONCE(bp->state, UPR_BP_GONE);
	if (bp->leader != bp) {
		upr_window_forget(bp);
		bp->leader = NULL;
	}
	/* tasks may stand in its slot: it goes when they have been looked at */
	if (bp->area && bp->slot)
		list_add_tail(&bp->node, &sp->zombies);
	else
		list_add_tail(&bp->node, &sp->garbage);
}

/* All tasks are quiet, and none stands in its slot. */
void upr_bp_off(struct upr_space *sp, struct upr_bp *bp)
{
	upr_window_leave(bp, sp->blind);
	if (sp->blind)
		upr_slot_abandon(bp);
	else
		upr_slot_put(bp);
	filter_retire(sp, bp);
	upr_probe_drop_bp(bp->probe);
	bp->probe = NULL;
	bp->xol = NULL;
	bp->why = NULL;
	bp->state = UPR_BP_OFF;
}

static void bp_free(struct upr_space *sp, struct upr_bp *bp)
{
	upr_window_leave(bp, false);
	upr_slot_put(bp);
	if (bp->probe)
		upr_probe_drop_bp(bp->probe);
	kfree(bp->filter);
	kmem_cache_free(sp->mm.session->caches.bps, bp);
}

static void free_list(struct upr_space *sp, struct list_head *list)
{
	struct upr_bp *bp, *next;

	list_for_each_entry_safe(bp, next, list, node) {
		list_del(&bp->node);
		bp_free(sp, bp);
	}
}

/* All tasks are quiet or gone: nobody is in the atomic half. */
void upr_bp_free_garbage(struct upr_space *sp)
{
	struct upr_bp_table *table;
	struct upr_filter *filter;

	free_list(sp, &sp->garbage);
	while ((table = sp->old_tables)) {
		sp->old_tables = table->garbage;
		kvfree(table);
	}
	while ((filter = sp->old_filters)) {
		sp->old_filters = filter->garbage;
		kfree(filter);
	}
}

void upr_bp_free_all(struct upr_space *sp)
{
	struct upr_bp_table *table = sp->mm.bps;
	struct upr_bp *bp, *next;

	list_for_each_entry_safe(bp, next, &sp->bps, all) {
		list_del_init(&bp->all);
		upr_bp_dequeue(bp);
		bp_free(sp, bp);
	}
	sp->mm.bps = NULL;
	kvfree(table);
	free_list(sp, &sp->zombies);
	upr_bp_free_garbage(sp);
}

/* --- who wants it ------------------------------------------------------- */

void upr_bp_queue(struct upr_space *sp, struct upr_bp *bp)
{
	if (!bp->queued) {
		bp->queued = true;
		list_add_tail(&bp->node, &sp->pending);
	}
	sp->dirty = true;
}

void upr_bp_dequeue(struct upr_bp *bp)
{
	if (!bp->queued)
		return;
	bp->queued = false;
	list_del_init(&bp->node);
}

/* Any context; a consumer without @want needs no entry. */
bool upr_bp_wanted_by(const struct upr_bp *bp, const struct upr_consumer *consumer)
{
	const struct upr_filter *filter;
	unsigned int lo = 0, hi;

	if (!consumer->want)
		return true;
	filter = rcu_dereference(bp->filter);
	if (!filter)
		return false;
	hi = filter->nr;
	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (filter->ids[mid] == consumer->id)
			return true;
		if (filter->ids[mid] < consumer->id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* Ids grow: the new one goes last.  Those of consumers that are gone are dropped on the way. */
static int filter_add(struct upr_space *sp, struct upr_bp *bp, u64 id)
{
	struct upr_filter *old = bp->filter, *filter;
	unsigned int nr = old ? old->nr : 0, kept = 0, i;
	struct upr_consumer *consumer;

	filter = kmalloc(sizeof(*filter) + (nr + 1) * sizeof(filter->ids[0]), GFP_KERNEL);
	if (!filter)
		return -ENOMEM;
	rcu_read_lock();
	list_for_each_entry_rcu(consumer, &bp->probe->consumers, node) {
		for (i = 0; i < nr; i++)
			if (old->ids[i] == consumer->id)
				filter->ids[kept++] = consumer->id;
	}
	rcu_read_unlock();
	filter->ids[kept++] = id;
	filter->nr = kept;
	filter_retire(sp, bp);
	rcu_assign_pointer(bp->filter, filter);
	return 0;
}

/* session->lock is held as well. */
int upr_bp_ask(struct upr_space *sp, struct upr_bp *bp, struct upr_consumer *consumer)
{
	int r;

	if (consumer->want) {
		if (!consumer->want(consumer, &sp->mm))
			return 0;
		r = filter_add(sp, bp, consumer->id);
		if (r)
			return r;
	}
	bp->want = true;
	/* a pad calls nobody back, and counts for all alike */
	if (bp->state == UPR_BP_ARMED && bp->leader && (consumer->want || consumer->hit)) {
		bp->redo = true;
		upr_bp_queue(sp, bp);
	}
	if (bp->state == UPR_BP_NEW || bp->state == UPR_BP_LEAVING)
		upr_bp_queue(sp, bp);
	return 0;
}

/* For a breakpoint that nobody has been asked about yet. */
int upr_bp_ask_all(struct upr_space *sp, struct upr_bp *bp)
{
	struct upr_consumer *consumer;
	u64 last = 0;
	int r = 0;

	/* who has no wish is not asked */
	if (upr_probe_is_plain(bp->probe)) {
		bp->want = !list_empty(&bp->probe->consumers);
		if (bp->want && (bp->state == UPR_BP_NEW || bp->state == UPR_BP_LEAVING))
			upr_bp_queue(sp, bp);
		return 0;
	}
	/*
	 * @want may sleep and consumers may be taken off meanwhile: each is looked
	 * up by its id.  Its memory stays: upr_sync() waits for session->lock.
	 */
	bp->want = false;
	do {
		struct upr_consumer *next = NULL;

		rcu_read_lock();
		list_for_each_entry_rcu(consumer, &bp->probe->consumers, node) {
			if (consumer->id > last) {
				next = consumer;
				break;
			}
		}
		rcu_read_unlock();
		if (!next)
			break;
		last = next->id;
		r = upr_bp_ask(sp, bp, next);
	} while (!r);
	return r;
}

/* The consumers have become fewer. */
void upr_bp_review(struct upr_space *sp, struct upr_bp *bp)
{
	struct upr_consumer *consumer;
	bool want = false;

	rcu_read_lock();
	list_for_each_entry_rcu(consumer, &bp->probe->consumers, node) {
		if (upr_bp_wanted_by(bp, consumer)) {
			want = true;
			break;
		}
	}
	rcu_read_unlock();
	if (sp->detaching)
		want = false;
	bp->want = want;
	if (want == (bp->state == UPR_BP_ARMED || bp->state == UPR_BP_UNARMED))
		return;
	if (!want && !bp->area && bp->state != UPR_BP_ARMED)
		upr_bp_forget(sp, bp);
	else
		upr_bp_queue(sp, bp);
}
