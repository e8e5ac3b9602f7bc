// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes-text.c - reading and writing text, many sites at a time.
 *
 * Purpose: on most homes a read or a write costs the same for one byte as for
 * a page.  Sites are taken in order of their addresses; those in one page, or
 * in pages that follow each other, make a run: read once, changed, written once.
 * A page without a site is never written.
 *
 * A trap changes one byte; a jump changes what its plan says, and the sites within its window
 * nothing: they are armed by it.  Holes (uprobes-hop.c) are written one by one, before all sites.
 *
 * Before arming, memory is compared with the bytes that were analysed: text
 * that the program or its loader has changed is not ours to execute as
 * something else.  A foreign int3 on the first byte is let pass.  When taking
 * out, only what still is an int3 is restored, always from the bytes of the file.
 *
 * Locks: mm->lock, across text_read and text_write.
 */
#include "uprobes-internal.h"

#define RUN_SIZE (16 * UPR_PAGE_SIZE)

static int by_addr(const void *a, const void *b)
{
	const struct upr_bp *x = *(struct upr_bp *const *)a, *y = *(struct upr_bp *const *)b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* By address.  Mostly they are so already. */
void upr_bp_sort(struct upr_bp **bps, unsigned int nr)
{
	unsigned int i;

	for (i = 1; i < nr && bps[i - 1]->addr <= bps[i]->addr; i++)
		;
	if (i < nr)
		sort(bps, nr, sizeof(*bps), by_addr, NULL);
}

static const char *why_not(int error)
{
	switch (error) {
	case -EACCES:
		return "the text is mapped shared: a write would reach the file";
	case -EFAULT:
		return "the text is not mapped";
	case -ESRCH:
		return "the process is gone";
	default:
		return "the text could not be written";
	}
}

static void unarmed(struct upr_bp *bp, const char *why)
{
	bp->state = UPR_BP_UNARMED;
	bp->why = why;
}

/* Bytes of text that change for a site. */
static unsigned int patch_size(const struct upr_bp *bp)
{
	if (!bp->leader)
		return 1;
	return bp->window ? bp->window->jump.patch : 0;
}

/* Bytes of text that must be what was analysed. */
static unsigned int known_size(const struct upr_bp *bp)
{
	if (!bp->leader)
		return bp->xol->insn.length;
	if (!bp->window)
		return 0;
	/* a pun jumps by the bytes that follow it */
	return max3(bp->window->jump.len, bp->window->jump.patch,
		    (u8)(bp->window->jump.form == UPR_JUMP_PUN ? UPR_JUMP_SIZE : 0));
}

static const u8 *original(const struct upr_bp *bp)
{
	return bp->window ? bp->window->jump.code : bp->xol->code;
}

/* It is about to be written: whoever meets it is known from now on. */
static void announce(struct upr_space *sp, const struct upr_bp *bp)
{
	if (!bp->leader && sp->mm.target->trap_planted)
		sp->mm.target->trap_planted(&sp->mm, bp->addr);
}

static void patch(const struct upr_bp *bp, u8 *buf)
{
	if (!bp->leader)
		buf[0] = UPR_BREAKPOINT;
	else if (bp->window)
		upr_jump_patch(&bp->window->jump, bp->addr, bp->slot, buf);
}

static bool is_patched(const struct upr_bp *bp, const u8 *bytes)
{
	u8 ours[UPR_JUMP_CODE];

	patch(bp, ours);
	return !memcmp(bytes, ours, patch_size(bp));
}

/* How many of bps[0..nr) make one run that fits @size bytes. */
static unsigned int run_length(struct upr_bp **bps, unsigned int nr, size_t size)
{
	u64 base = bps[0]->addr;
	unsigned int n;

	for (n = 1; n < nr; n++) {
		u64 prev = bps[n - 1]->addr & UPR_PAGE_MASK, page = bps[n]->addr & UPR_PAGE_MASK;

		if (page - prev > UPR_PAGE_SIZE || bps[n]->addr + UPR_JUMP_CODE - base > size)
			break;
	}
	return n;
}

/* --- arming ------------------------------------------------------------- */

/* @bytes: what memory holds at the site.  Our own int3s may stand inside (a jump over a prefix). */
static bool as_analysed(struct upr_space *sp, const struct upr_bp *bp, const u8 *bytes)
{
	unsigned int i;

	if (bp->leader)
		return !memcmp(bytes, original(bp), known_size(bp));
	for (i = 0; i < bp->xol->insn.length; i++) {
		const struct upr_bp *other;

		if (bytes[i] == bp->xol->code[i])
			continue;
		if (bytes[i] != UPR_BREAKPOINT)
			return false;
		if (!i)
			continue;
		other = upr_bp_find(sp->mm.bps, bp->addr + i);
		if (!other || other->state != UPR_BP_ARMED)
			return false;
	}
	return true;
}

/* A site that a jump arms. */
static bool is_led(const struct upr_bp *bp)
{
	return bp->leader && bp->leader != bp;
}

static void armed(struct upr_space *sp, struct upr_bp *bp)
{
	/* its leader comes first */
	if (is_led(bp) && bp->leader->state != UPR_BP_ARMED) {
		unarmed(bp, bp->leader->why);
		return;
	}
	bp->state = UPR_BP_ARMED;
	sp->highest = max(sp->highest, bp->addr);
	bp->probe->stood |= (u8)UPR_WAYS(bp->way);
	if (!bp->leader)
		bp->probe->no_jump = bp->no_jump;
	bp->again = false;
	bp->trapped |= !bp->leader;
	sp->mm.nr_bps++;
}

static void arm_one(struct upr_space *sp, struct upr_bp *bp)
{
	const struct target_ops *target = sp->mm.target;
	u8 bytes[UPR_JUMP_CODE];
	int r = 0;

	if (!is_led(bp))
		r = target->text_read(&sp->mm, bp->addr, bytes, known_size(bp));
	if (!r && !as_analysed(sp, bp, bytes)) {
		unarmed(bp, "memory differs from the file");
		return;
	}
	if (!r && !is_led(bp)) {
		announce(sp, bp);
		patch(bp, bytes);
		r = target->text_write(&sp->mm, bp->addr, bytes, patch_size(bp));
	}
	if (r)
		unarmed(bp, why_not(r));
	else
		armed(sp, bp);
}

/* Return: 0, or an error after which each site is to be tried by itself. */
static int arm_run(struct upr_space *sp, struct upr_bp **bps, unsigned int nr, u8 *buf)
{
	const struct target_ops *target = sp->mm.target;
	u64 base = bps[0]->addr, end = 0, first = 0, last = 0;
	unsigned int i;
	int r;

	for (i = 0; i < nr; i++)
		end = max(end, bps[i]->addr + known_size(bps[i]));
	r = target->text_read(&sp->mm, base, buf, end - base);
	if (r)
		return r;
	for (i = 0; i < nr; i++)
		if (!as_analysed(sp, bps[i], buf + (bps[i]->addr - base)))
			unarmed(bps[i], "memory differs from the file");
	for (i = 0; i < nr; i++) {
		if (bps[i]->state != UPR_BP_NEW || is_led(bps[i]))
			continue;
		announce(sp, bps[i]);
		patch(bps[i], buf + (bps[i]->addr - base));
		if (!last)
			first = bps[i]->addr;
		last = bps[i]->addr + patch_size(bps[i]);
	}
	r = last ? target->text_write(&sp->mm, first, buf + (first - base), last - first) : 0;
	if (r)
		return r;
	for (i = 0; i < nr; i++)
		if (bps[i]->state == UPR_BP_NEW)
			armed(sp, bps[i]);
	return 0;
}

static bool is_filled(const struct upr_bp *bp)
{
	return bp->window && bp->window->filled;
}

static void fill_holes(struct upr_space *sp, struct upr_bp **bps, unsigned int nr)
{
	unsigned int i;
	int r;

	for (i = 0; i < nr; i++) {
		r = bps[i]->window ? upr_hop_fill(sp, bps[i]) : 0;
		if (r)
			unarmed(bps[i], r == -ESTALE ? "memory differs from the file" : why_not(r));
	}
}

/* All tasks are quiet.  Each comes out ARMED, or UNARMED with its reason. */
void upr_text_arm(struct upr_space *sp, struct upr_bp **bps, unsigned int nr)
{
	unsigned int i, n, k;
	u8 *buf;

	upr_bp_sort(bps, nr);
	fill_holes(sp, bps, nr);
	buf = nr > 1 ? kvmalloc(RUN_SIZE, GFP_KERNEL) : NULL;
	for (i = 0; i < nr; i += n) {
		n = buf ? run_length(bps + i, nr - i, RUN_SIZE) : 1;
		if (n > 1 && !arm_run(sp, bps + i, n, buf))
			continue;
		for (k = 0; k < n; k++)
			if (bps[i + k]->state == UPR_BP_NEW)
				arm_one(sp, bps[i + k]);
	}
	/* no site leads there */
	for (i = 0; i < nr; i++)
		if (is_filled(bps[i]) && bps[i]->state != UPR_BP_ARMED)
			upr_hop_empty(sp, bps[i]);
	kvfree(buf);
}

/* --- taking out --------------------------------------------------------- */

/* -EFAULT and -ESRCH: the text is gone, and the int3 with it. */
static void disarmed(struct upr_space *sp, struct upr_bp *bp, int r)
{
	bool stays = r && r != -EFAULT && r != -ESRCH;

	if (stays)
		sp->error = r;
	if (stays || (is_led(bp) && bp->leader->state == UPR_BP_ARMED)) {
		bp->broken = false;
		bp->redo = false;
		upr_bp_dequeue(bp);
		return;
	}
	bp->state = UPR_BP_LEAVING;
	sp->mm.nr_bps--;
}

static void disarm_one(struct upr_space *sp, struct upr_bp *bp)
{
	const struct target_ops *target = sp->mm.target;
	u8 bytes[UPR_JUMP_CODE];
	int r = 0;

	if (!is_led(bp))
		r = target->text_read(&sp->mm, bp->addr, bytes, patch_size(bp));
	if (!r && !is_led(bp) && is_patched(bp, bytes))
		r = target->text_write(&sp->mm, bp->addr, original(bp), patch_size(bp));
	disarmed(sp, bp, r);
}

static int disarm_run(struct upr_space *sp, struct upr_bp **bps, unsigned int nr, u8 *buf)
{
	const struct target_ops *target = sp->mm.target;
	u64 base = bps[0]->addr;
	u64 end = base + 1;
	unsigned int i;
	size_t len;
	int r;

	for (i = 0; i < nr; i++)
		end = max(end, bps[i]->addr + patch_size(bps[i]));
	len = end - base;
	r = target->text_read(&sp->mm, base, buf, len);
	if (r)
		return r;
	for (i = 0; i < nr; i++)
		if (is_patched(bps[i], buf + (bps[i]->addr - base)))
			memcpy(buf + (bps[i]->addr - base), original(bps[i]), patch_size(bps[i]));
	r = target->text_write(&sp->mm, base, buf, len);
	if (r)
		return r;
	for (i = 0; i < nr; i++)
		disarmed(sp, bps[i], 0);
	return 0;
}

/* All tasks are quiet.  Each comes out LEAVING, or stays ARMED and sp->error says why. */
void upr_text_disarm(struct upr_space *sp, struct upr_bp **bps, unsigned int nr)
{
	unsigned int i, n, k;
	u8 *buf;

	upr_bp_sort(bps, nr);
	buf = nr > 1 ? kvmalloc(RUN_SIZE, GFP_KERNEL) : NULL;
	for (i = 0; i < nr; i += n) {
		n = buf ? run_length(bps + i, nr - i, RUN_SIZE) : 1;
		if (n > 1 && !disarm_run(sp, bps + i, n, buf))
			continue;
		for (k = 0; k < n; k++)
			disarm_one(sp, bps[i + k]);
	}
	kvfree(buf);
}
