// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes-hop.c - holes: padding that the jumps of hops stand in.
 *
 * Purpose: a hop changes two bytes at its site, which lead to five bytes that nobody
 * executes (struct upr_hole).  What is there while the site is armed is the pad's
 * front door: a task that stands at it has not done anything yet, and is put back to the
 * site (upr_slot_owner(), upr_pad_leave()).
 *
 * The hole is filled before the site, and emptied when the site is out of the text and no task
 * is between the two.  So at any moment the site leads somewhere, or is the program's.
 *
 * Each hole is one site's.  Padding may be probed as well, and covered by the jump of a
 * function's last instruction: those have the first claim, and a hop that comes into their
 * way is planned anew, as it is when its window changes (upr_windows_review()).
 *
 * Locks: mm->lock; all tasks quiet when holes are handed out and given back.
 * upr_hop_at() runs under RCU in the atomic half.
 */
#include "uprobes-internal.h"

static struct hlist_head *bucket(struct upr_space *sp, u64 hole)
{
	return &sp->holes[(hole ^ hole >> 8) % UPR_HOLE_BUCKETS];
}

static u64 hole_of(const struct upr_window *window)
{
	return upr_jump_hole(&window->jump, window->pad.addr);
}

/* Its text is still there. */
static bool is_held(const struct upr_window *window)
{
	return READ_ONCE(window->leader->state) != UPR_BP_GONE;
}

static struct upr_window *window_at(struct upr_space *sp, u64 hole)
{
	struct upr_window *window;

	hlist_for_each_entry_rcu(window, bucket(sp, hole), hole)
		if (hole_of(window) == hole && is_held(window))
			return window;
	return NULL;
}

/* Whose jump stands at @pc, in a hole; NULL: nobody's.  Atomic. */
struct upr_bp *upr_hop_at(struct upr_mm *mm, u64 pc)
{
	struct upr_window *window = window_at(upr_space(mm), pc);

	return window && window->filled ? window->leader : NULL;
}

/* Who has the hole that begins at @addr.  NULL: nobody. */
struct upr_bp *upr_hop_of(struct upr_space *sp, u64 addr)
{
	struct upr_window *window = window_at(sp, addr);

	return window ? window->leader : NULL;
}

/* Who has the first hole that reaches into [lo, hi).  NULL: nobody. */
struct upr_bp *upr_hop_over(struct upr_space *sp, u64 lo, u64 hi)
{
	u64 at;

	for (at = lo - (UPR_JUMP_SIZE - 1); at < hi; at++) {
		struct upr_window *window = window_at(sp, at);

		if (window)
			return window->leader;
	}
	return NULL;
}

bool upr_mm_in_hole(struct upr_mm *mm, u64 addr)
{
	struct upr_window *window = NULL;
	u64 at;

	mutex_lock(&mm->lock);
	for (at = addr - (UPR_JUMP_SIZE - 1); at <= addr && !(window && window->filled); at++)
		window = window_at(upr_space(mm), at);
	mutex_unlock(&mm->lock);
	return window && window->filled;
}

/* --- handing out ---------------------------------------------------------------- */

/* Bytes from a site on that it changes, or that must not change, whichever way it is armed. */
unsigned int upr_bp_extent(const struct upr_bp *bp)
{
	const struct upr_jump *jump = &bp->probe->jump;
	unsigned int len = max(bp->xol->insn.length, jump->len);

	/* a hop without a hole may be a pun, whose five bytes must not change */
	return jump->form == UPR_JUMP_NONE ? len : max(len, UPR_JUMP_SIZE);
}

static bool is_in_text(const struct upr_bp *bp)
{
	return bp->state == UPR_BP_ARMED || (bp->state == UPR_BP_NEW && bp->want);
}

static bool is_free(struct upr_space *sp, u64 hole)
{
	u64 at;

	if (upr_hop_over(sp, hole, hole + UPR_JUMP_SIZE))
		return false;
	for (at = hole - UPR_JUMP_CODE; at < hole + UPR_JUMP_SIZE; at++) {
		const struct upr_bp *bp = upr_bp_find(sp->mm.bps, at);

		if (bp && is_in_text(bp) && at + upr_bp_extent(bp) > hole)
			return false;
	}
	return true;
}

/* @jump, planned for @bp, gets one of the holes that are free.  Return: false: none is. */
bool upr_hop_choose(struct upr_space *sp, const struct upr_bp *bp, struct upr_jump *jump)
{
	const struct upr_facts *facts = &bp->probe->facts;
	unsigned int i;

	for (i = 0; i < facts->nr_holes; i++) {
		jump->hole = facts->holes[i];
		if (is_free(sp, upr_jump_hole(jump, bp->addr)))
			return true;
	}
	return false;
}

/* The hole of a window that has been planned is its own, until upr_hop_release(). */
void upr_hop_take(struct upr_space *sp, struct upr_window *window)
{
	INIT_HLIST_NODE(&window->hole);
	if (window->jump.form != UPR_JUMP_HOP)
		return;
	hlist_add_head_rcu(&window->hole, bucket(sp, hole_of(window)));
	sp->has_hops = true;
}

void upr_hop_release(struct upr_window *window)
{
	hlist_del_init_rcu(&window->hole);
}

/* --- text ------------------------------------------------------------------------- */

/* The jump, if @leader is a hop.  Return: 0; -ESTALE: memory differs from the file; -errno. */
int upr_hop_fill(struct upr_space *sp, struct upr_bp *leader)
{
	const struct target_ops *target = sp->mm.target;
	struct upr_window *window = leader->window;
	u8 bytes[UPR_JUMP_SIZE];
	u64 hole;
	int r;

	if (window->jump.form != UPR_JUMP_HOP)
		return 0;
	hole = hole_of(window);
	r = target->text_read(&sp->mm, hole, bytes, sizeof(bytes));
	if (r)
		return r;
	if (memcmp(bytes, window->jump.hole.code, sizeof(bytes)))
		return -ESTALE;
	upr_jump_fill(&window->jump, leader->addr, leader->slot, bytes);
	r = target->text_write(&sp->mm, hole, bytes, sizeof(bytes));
	window->filled = !r;
	return r;
}

/* The padding, if it is still ours.  Nobody comes here any more, and nobody stands here. */
void upr_hop_empty(struct upr_space *sp, struct upr_bp *leader)
{
	const struct target_ops *target = sp->mm.target;
	struct upr_window *window = leader->window;
	u8 bytes[UPR_JUMP_SIZE], ours[UPR_JUMP_SIZE];
	u64 hole;
	int r;

	if (!window || !window->filled)
		return;
	window->filled = false;
	hole = hole_of(window);
	upr_jump_fill(&window->jump, leader->addr, leader->slot, ours);
	r = target->text_read(&sp->mm, hole, bytes, sizeof(bytes));
	if (!r && !memcmp(bytes, ours, sizeof(bytes)))
		r = target->text_write(&sp->mm, hole, window->jump.hole.code, sizeof(bytes));
	if (r && r != -EFAULT && r != -ESRCH)
		sp->error = r;
}

/* What the program has in [addr, addr + len) where holes are filled. */
void upr_hop_orig(struct upr_space *sp, u64 addr, u8 *buf, size_t len)
{
	unsigned int i, k;

	for (i = 0; i < UPR_HOLE_BUCKETS; i++) {
		struct upr_window *window;

		hlist_for_each_entry(window, &sp->holes[i], hole) {
			if (!window->filled || !is_held(window))
				continue;
			for (k = 0; k < UPR_JUMP_SIZE; k++)
				if (hole_of(window) + k - addr < len)
					buf[hole_of(window) + k - addr] = window->jump.hole.code[k];
		}
	}
}
