// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes-jump.c - windows: which sites jump, and with whom they share a pad.
 *
 * Purpose: a site that may jump has five bytes of text replaced, which other
 * sites may lie in.  The first of them leads: its pad displaces the whole window
 * and counts for each member where its instruction comes.  So sites at every
 * instruction of a function are a chain of windows, each jumping into the next.
 *
 * Who leads whom depends on which sites are probed.  When one comes or goes that
 * lies in a window, or has one in its own, the windows concerned are taken out and
 * planned anew, all in the same stop: upr_windows_review() marks them, the
 * usual taking out does it, upr_windows_plan() sees them as new.
 *
 * A plan can fail late (no memory in reach, no counters, a stack that points
 * into the window): then the site is refused its jump in this address space, with a reason, and
 * sp->replan says that it has to be planned as a trap.
 *
 * Locks: mm->lock; all tasks quiet but where said otherwise.
 */
#include "uprobes-internal.h"

/* Sites this near before or behind another may share its window. */
#define NEIGHBOURS (UPR_JUMP_SIZE - 1)

/* --- who may -------------------------------------------------------------- */

/* Pads can count for all of its consumers.  Any context. */
bool upr_probe_is_plain(const struct upr_probe *probe)
{
	struct upr_consumer *consumer;
	bool plain = true;

	rcu_read_lock();
	list_for_each_entry_rcu(consumer, &probe->consumers, node)
		plain &= upr_consumer_is_plain(consumer);
	rcu_read_unlock();
	return plain;
}

static bool home_can(const struct upr_space *sp)
{
	enum upr_mode mode = sp->mm.session->mode;

	return (mode == UPR_MODE_AUTO || mode == UPR_MODE_JUMP) && sp->mm.target->counters_map &&
	       sp->mm.insn_mode == UPR_INSN_64 && !sp->no_counters && !sp->no_area;
}

/* As a leader or as a member. */
static bool may_be_counted_in_a_pad(const struct upr_space *sp, const struct upr_bp *bp)
{
	return home_can(sp) && upr_probe_is_plain(bp->probe);
}

bool upr_bp_may_jump(const struct upr_space *sp, const struct upr_bp *bp)
{
	return !bp->no_jump && bp->probe->jump.form != UPR_JUMP_NONE && may_be_counted_in_a_pad(sp, bp);
}

/* --- what has to be done again ------------------------------------------------ */

/* It was to wait for another stop; those in one window go and come together. */
static void not_later(struct upr_space *sp, struct upr_bp *bp)
{
	if (!bp->queued || !bp->put_off)
		return;
	bp->put_off = false;
	list_move_tail(&bp->node, &sp->pending);
}

static void redo(struct upr_space *sp, struct upr_bp *bp)
{
	if (!bp || bp->state != UPR_BP_ARMED || bp->redo)
		return;
	bp->redo = true;
	not_later(sp, bp);
	upr_bp_queue(sp, bp);
}

static void redo_window(struct upr_space *sp, struct upr_bp *leader)
{
	unsigned int i;

	redo(sp, leader);
	for (i = 0; leader->window && i < leader->window->pad.nr_counts; i++)
		redo(sp, leader->window->members[i]);
}

/* Planned in this very stop, when @bp was not known yet. */
static void unplan(const struct upr_bp *other, const struct upr_bp *bp)
{
	if (other->state == UPR_BP_NEW && other->leader && !bp->leader)
		upr_window_leave(other->leader, false);
}

/* Whoever has its jump where @bp is about to come. */
static void disturb_hops(struct upr_space *sp, const struct upr_bp *bp)
{
	u64 end = bp->addr + upr_bp_extent(bp), at;

	for (at = bp->addr - (UPR_JUMP_SIZE - 1); sp->has_hops && at < end; at++) {
		struct upr_bp *other = upr_hop_of(sp, at);

		if (!other || other == bp)
			continue;
		unplan(other, bp);
		if (other->state == UPR_BP_ARMED)
			redo_window(sp, other);
	}
}

/* No site changes text farther from it than this: a hop's hole is what a jump of two bytes leads to. */
#define FARTHEST 256u

/* Sites about to come: whoever has them in its window, and whoever would be in theirs. */
static void disturb(struct upr_space *sp, const struct upr_bp *bp)
{
	u64 first = bp->addr - NEIGHBOURS;
	u32 around;

	/* mostly they come in order */
	if (bp->addr > sp->highest + FARTHEST)
		return;
	around = upr_bp_around(sp->mm.bps, first, 2 * NEIGHBOURS + 1) & ~(1u << NEIGHBOURS);
	for (; around; around &= around - 1) {
		u64 addr = first + (unsigned int)__builtin_ctz(around);
		struct upr_bp *other = upr_bp_find(sp->mm.bps, addr);

		if (!other)
			continue;
		unplan(other, bp);
		if (other->state != UPR_BP_ARMED)
			continue;
		if (other->leader)
			redo_window(sp, other->leader);
		/* an int3 in the way of a jump */
		else if (addr > bp->addr && bp->probe->jump.form != UPR_JUMP_NONE)
			redo(sp, other);
	}
	disturb_hops(sp, bp);
}

/*
 * Before anything is taken out: everything that has to go and come again is put
 * on the pending list.  It grows while it is walked.
 */
void upr_windows_review(struct upr_space *sp)
{
	struct upr_bp *bp;

	if (!home_can(sp) && list_empty(&sp->blocks))
		return;
	list_for_each_entry(bp, &sp->pending, node) {
		/* planned in this very stop, and not so any more */
		if (bp->state == UPR_BP_NEW && bp->leader && (!bp->want || !upr_probe_is_plain(bp->probe)))
			upr_window_leave(bp->leader, false);
		if (bp->window && bp->broken)
			upr_window_ban(bp, "an instruction of its window has faulted, or has been interrupted");
		if (bp->state == UPR_BP_ARMED && bp->leader && (!bp->want || bp->broken || bp->redo))
			redo_window(sp, bp->leader);
		if (bp->want && ((bp->state == UPR_BP_NEW && !bp->leader) || bp->redo))
			disturb(sp, bp);
	}
}

/* Pads that were built when nothing was known of the program's threads, @most of them.  Return: there are more. */
bool upr_windows_renew(struct upr_space *sp, unsigned int most)
{
	struct upr_bp *bp;

	list_for_each_entry(bp, &sp->bps, all) {
		if (!bp->window || bp->window->pad.env.rseq == sp->rseq)
			continue;
		if (!most--)
			return true;
		redo_window(sp, bp);
	}
	return false;
}

/* --- taking a window apart -------------------------------------------------------- */

static void member_drop(struct upr_bp *bp)
{
	upr_counter_put(bp->counter);
	bp->counter = NULL;
	bp->leader = NULL;
}

/*
 * A site is no part of a window any more: its text is its own.  The leader's pad goes, too;
 * @blind: but its memory is left alone, somebody may be in it.
 */
void upr_window_leave(struct upr_bp *bp, bool blind)
{
	struct upr_window *window = bp->window;
	unsigned int i;

	if (bp->leader && bp->leader != bp && bp->leader->window)
		upr_window_forget(bp);
	member_drop(bp);
	bp->redo = false;
	if (!window)
		return;
	for (i = 0; i < window->pad.nr_counts; i++)
		if (window->members[i] && window->members[i]->leader == bp)
			member_drop(window->members[i]);
	/* who is in it counts there */
	if (window->block && !blind)
		window->block->windows--;
	bp->window = NULL;
	upr_hop_release(window);
	kmem_cache_free(bp->probe->session->caches.windows, window);
	if (blind)
		upr_slot_abandon(bp);
	else
		upr_slot_put(bp);
	bp->slots = 1;
	bp->slot_way = UPR_WAY_BOOST;
}

/* What is true of the leader's instructions is true of all in its window. */
void upr_window_ban(struct upr_bp *leader, const char *why)
{
	struct upr_window *window = leader->window;
	unsigned int i;

	leader->no_jump = why;
	for (i = 0; window && i < window->pad.nr_counts; i++)
		if (window->members[i])
			window->members[i]->no_jump = why;
}

/* Hits at it have nobody to go to. */
void upr_window_forget(struct upr_bp *bp)
{
	struct upr_window *window = bp->leader ? bp->leader->window : NULL;
	unsigned int i;

	for (i = 0; window && i < window->pad.nr_counts; i++)
		if (window->members[i] == bp)
			window->members[i] = NULL;
}

/* It does not jump in this address space. */
void upr_window_refuse(struct upr_space *sp, struct upr_bp *leader, const char *why)
{
	upr_window_leave(leader, sp->blind);
	leader->no_jump = why;
	leader->reach = UPR_REACH_NEAR;
	sp->replan = true;
}

/* --- planning ------------------------------------------------------------------------ */

static int insn_at(const struct upr_jump *jump, unsigned int off)
{
	unsigned int i;

	for (i = 0; i < jump->nr; i++)
		if (jump->off[i] == off)
			return (int)i;
	return -1;
}

static void add_count(struct upr_window *window, struct upr_bp *bp, unsigned int insn)
{
	struct upr_pad_count *count = &window->pad.counts[window->pad.nr_counts];

	count->insn = (u8)insn;
	count->flags_dead = bp->probe->jump.flags_dead;
	count->dead_gpr = bp->probe->jump.dead_gpr;
	window->members[window->pad.nr_counts++] = bp;
}

/* The other sites that lie in the window.  Return: NULL, or why it cannot be. */
static const char *find_members(struct upr_space *sp, struct upr_bp *leader, struct upr_window *window)
{
	/* a hop depends on nothing behind it */
	unsigned int end = window->jump.form == UPR_JUMP_HOP ? window->jump.len : UPR_JUMP_SIZE;
	u32 around = end > 1 ? upr_bp_around(sp->mm.bps, leader->addr, end) & ~1u : 0;

	add_count(window, leader, 0);
	for (; around; around &= around - 1) {
		unsigned int off = (unsigned int)__builtin_ctz(around);
		struct upr_bp *bp = upr_bp_find(sp->mm.bps, leader->addr + off);
		int insn = insn_at(&window->jump, off);

		if (!bp || !(bp->state == UPR_BP_ARMED || (bp->state == UPR_BP_NEW && bp->want)))
			continue;
		/* a pun keeps what follows its one instruction */
		if (bp->state == UPR_BP_ARMED || insn < 0 || !may_be_counted_in_a_pad(sp, bp))
			return "another probe in the next bytes needs a trap";
		/* it led before this one came to be first; who it had in its window is planned after it */
		if (bp->window)
			upr_window_leave(bp, false);
		add_count(window, bp, (unsigned int)insn);
	}
	return NULL;
}

static const char *analyze(struct upr_space *sp, const struct upr_bp *bp, struct upr_jump *jump)
{
	const struct upr_probe *probe = bp->probe;
	struct upr_facts facts;

	*jump = probe->jump;
	if (sp->mm.env)
		upr_jump_analyze(jump, &probe->facts, probe->offset, sp->mm.insn_mode, sp->mm.env, &probe->xol->insn);
	if (jump->form == UPR_JUMP_HOP && !upr_hop_choose(sp, bp, jump)) {
		facts = probe->facts;
		facts.nr_holes = 0;
		upr_jump_analyze(jump, &facts, probe->offset, sp->mm.insn_mode, sp->mm.env, &probe->xol->insn);
	}
	return jump->form == UPR_JUMP_NONE ? jump->reason : NULL;
}

/* @bp comes to lead a window, or has its reason not to. */
static void plan_window(struct upr_space *sp, struct upr_bp *bp)
{
	struct kmem_cache *windows = sp->mm.session->caches.windows;
	struct upr_window *window = kmem_cache_zalloc(windows, GFP_KERNEL);
	unsigned int i;

	if (!window) {
		bp->no_jump = "out of memory";
		return;
	}
	bp->no_jump = analyze(sp, bp, &window->jump);
	if (!bp->no_jump)
		bp->no_jump = find_members(sp, bp, window);
	if (bp->no_jump) {
		kmem_cache_free(windows, window);
		return;
	}
	window->leader = bp;
	window->pad.jump = &window->jump;
	window->pad.addr = bp->addr;
	upr_hop_take(sp, window);
	window->pad.env.rseq = sp->rseq;
	window->pad.env.rdpid = sp->rdpid;
	window->pad.env.nr_cpus = sp->nr_cpus;
	/* a slot that it had for its trap is of no use */
	for (i = 0; i < window->pad.nr_counts; i++) {
		upr_slot_put(window->members[i]);
		window->members[i]->leader = bp;
		not_later(sp, window->members[i]);
	}
	sp->highest = max(sp->highest, bp->addr);
	bp->window = window;
	bp->slots = (u16)(upr_pad_size(&window->pad) / UPR_SLOT_SIZE);
	bp->reach = UPR_REACH_NEAR;
}

static bool is_new(const struct upr_bp *bp)
{
	return bp->state == UPR_BP_NEW && bp->want;
}

/*
 * Windows of several instructions that some stack may return into are not for now.  One
 * that was taken out in this very stop stands where nothing has been called from since.
 */
static void spare_stacks(struct upr_space *sp, struct upr_bp **bps, unsigned int nr)
{
	struct upr_text_range *ranges = kvcalloc(nr, sizeof(*ranges), GFP_KERNEL);
	unsigned int i, n = 0;
	int r = -ENOMEM;

	for (i = 0; i < nr; i++) {
		if (!bps[i]->window || bps[i]->window->jump.nr == 1 || bps[i]->cleared == sp->stops)
			continue;
		if (ranges) {
			ranges[n].lo = bps[i]->addr + 1;
			ranges[n].hi = bps[i]->addr +
				       (bps[i]->window->jump.form == UPR_JUMP_HOP ? UPR_HOP_SIZE : UPR_JUMP_SIZE);
		}
		bps[n++] = bps[i];
	}
	if (n && ranges)
		r = sp->mm.target->stacks_scan(&sp->mm, ranges, n);
	for (i = 0; i < n; i++) {
		if (r || ranges[i].hit)
			upr_window_refuse(sp, bps[i],
					  r ? "a thread's stack cannot be looked at" :
					      "a thread's stack points into its bytes");
	}
	kvfree(ranges);
}

/* Planning one takes about as long as a word of memory does to come. */
#define AHEAD 2u

/* What pads can rely on here. */
void upr_windows_learn(struct upr_space *sp)
{
	const struct target_ops *target = sp->mm.target;

	if (!sp->nr_cpus)
		target->machine(&sp->nr_cpus, &sp->rdpid);
	if (sp->ready && sp->rseq == UPR_NO_RSEQ && target->rseq(&sp->mm, &sp->rseq))
		sp->rseq = UPR_NO_RSEQ;
}

/* All that is pending and may jump: windows, and memory asked for to count in. */
void upr_windows_plan(struct upr_space *sp)
{
	unsigned int nr, i, counters = 0;
	struct upr_bp **bps;

	if (!home_can(sp))
		return;
	nr = upr_bp_collect(sp, is_new, &bps);
	if (!nr)
		return;
	upr_windows_learn(sp);
	upr_bp_sort(bps, nr);
	for (i = 0; i < nr; i++) {
		if (i + AHEAD < nr)
			upr_bp_expect(sp->mm.bps, bps[i + AHEAD]->addr);
		if (!bps[i]->leader && upr_bp_may_jump(sp, bps[i]))
			plan_window(sp, bps[i]);
		if (bps[i]->window && !bps[i]->window->block)
			counters += bps[i]->window->pad.nr_counts;
	}
	if (counters) {
		upr_blocks_reserve(sp, counters);
		spare_stacks(sp, bps, nr);
	}
	kvfree(bps);
}

/* --- building -------------------------------------------------------------------------- */

static const char *aim(struct upr_space *sp, struct upr_bp *leader)
{
	struct upr_window *window = leader->window;
	unsigned int i;

	window->block = upr_block_with_room(sp, window->pad.nr_counts);
	if (!window->block)
		return "no memory for counters can be had in the process";
	window->block->windows++;
	window->pad.env.table = upr_block_table(window->block);
	for (i = 0; i < window->pad.nr_counts; i++) {
		struct upr_bp *bp = window->members[i];

		bp->counter = upr_counter_new(bp->probe, window->block);
		if (!bp->counter)
			return "out of memory";
		window->pad.counts[i].counter = bp->counter->index;
	}
	return NULL;
}

static bool to_be_aimed(const struct upr_bp *bp)
{
	return bp->state == UPR_BP_NEW && bp->want && bp->window && !bp->window->block;
}

/* Counters for windows whose memory has come. */
void upr_windows_aim(struct upr_space *sp)
{
	struct upr_bp **bps;
	unsigned int nr, i;

	upr_blocks_write(sp);
	nr = upr_bp_collect(sp, to_be_aimed, &bps);

	for (i = 0; i < nr; i++) {
		const char *why = aim(sp, bps[i]);

		if (why)
			upr_window_refuse(sp, bps[i], why);
	}
	if (nr)
		kvfree(bps);
}

/* The pad's bytes, for its slot.  Return: 0, -errno. */
int upr_window_build(struct upr_bp *leader, u8 *buf)
{
	struct upr_pad *pad = &leader->window->pad;

	if (!leader->window->block)
		return -ENOMEM;
	pad->pad = leader->area->addr + (u64)leader->index * UPR_SLOT_SIZE;
	leader->slot_way = UPR_WAY_JUMP;
	return upr_pad_build(pad, buf, leader->slots * UPR_SLOT_SIZE);
}

/* --- tasks on their way in ---------------------------------------------------------------- */

/* Whose patch will cover the instruction at @pc, but for its own. */
static struct upr_bp *covers(struct upr_space *sp, u64 pc)
{
	unsigned int off;

	for (off = 1; off < UPR_JUMP_SIZE; off++) {
		struct upr_bp *bp = upr_bp_find(sp->mm.bps, pc - off);

		if (bp && bp->state == UPR_BP_NEW && bp->want && bp->window && bp->slot &&
		    insn_at(&bp->window->jump, off) > 0)
			return bp;
	}
	return NULL;
}

/* It may have executed the int3 that stood before its pc, and be about to report it: where does it stand? */
static bool may_have_trapped(const struct upr_space *sp, u64 pc)
{
	const struct upr_bp *bp = upr_bp_find(sp->mm.bps, pc - 1);

	return bp && bp->trapped;
}

static const char *enter(struct upr_space *sp, struct upr_task *u, struct upr_bp **ret)
{
	struct utrace_task *task = u->task;
	u64 pc;
	int r = task->target->pc_get(task, &pc);

	*ret = r ? NULL : covers(sp, pc);
	if (!*ret)
		return NULL;
	if (may_have_trapped(sp, pc))
		return "a thread may just have met a breakpoint in its bytes";
	r = upr_pad_join(u, *ret, pc);
	/* -ESRCH: it will not run there or anywhere else */
	return r && r != -ESRCH ? "a thread that stands in its bytes cannot be moved" : NULL;
}

/* The jump of @leader will not come: whoever is in its pad already goes back into the text. */
static void empty_pad(struct upr_space *sp, struct upr_bp *leader)
{
	struct utrace_task *task;
	u64 pc;

	rcu_read_lock();
	list_for_each_entry(task, &sp->mm.tasks, mm_node) {
		struct upr_task *u = task->upr;

		if (u->exiting || task->target->pc_get(task, &pc) || upr_slot_owner(&sp->mm, pc) != leader)
			continue;
		if (upr_pad_evict(u, leader) < 0)
			sp->blind = true;
	}
	rcu_read_unlock();
}

static void refuse_built(struct upr_space *sp, struct upr_bp *leader, const char *why)
{
	empty_pad(sp, leader);
	upr_window_refuse(sp, leader, why);
}

/*
 * Pads are there, the text is not yet patched: whoever stands in the middle of a
 * window goes on in the pad.
 */
void upr_windows_enter(struct upr_space *sp)
{
	struct utrace_task *task;

	rcu_read_lock();
	list_for_each_entry(task, &sp->mm.tasks, mm_node) {
		struct upr_task *u = task->upr;
		struct upr_bp *bp;
		const char *why;

		if (u->exiting)
			continue;
		why = enter(sp, u, &bp);
		if (why)
			refuse_built(sp, bp, why);
	}
	rcu_read_unlock();
}

static bool has_failed(const struct upr_bp *bp)
{
	return bp->state == UPR_BP_UNARMED && bp->want && bp->leader;
}

/* Jumps that could not be written: each of their sites is tried as a trap. */
void upr_windows_failed(struct upr_space *sp)
{
	struct upr_bp *bp;

	list_for_each_entry(bp, &sp->pending, node) {
		if (!has_failed(bp))
			continue;
		bp->state = UPR_BP_NEW;
		if (bp->window)
			refuse_built(sp, bp, bp->why);
		bp->why = NULL;
	}
}

/*
 * All is as it will be.  Tasks that were moved to a place and have been counted there
 * will be counted again if it is armed.
 */
void upr_windows_settle(struct upr_space *sp)
{
	struct utrace_task *task;

	rcu_read_lock();
	list_for_each_entry(task, &sp->mm.tasks, mm_node) {
		struct upr_task *u = task->upr;
		struct upr_bp *bp = u->counted_at ? upr_bp_find(sp->mm.bps, u->counted_at) : NULL;
		u64 pc;

		if (bp && bp->state == UPR_BP_ARMED && !u->exiting && !task->target->pc_get(task, &pc) &&
		    pc == u->counted_at)
			upr_take_back_hit(u, bp);
		u->counted_at = 0;
	}
	rcu_read_unlock();
}

/* --- fork ------------------------------------------------------------------------------------ */

/* @bp, a copy of the leader @from; its members have been copied already.  Return: 0, -ENOMEM. */
int upr_window_clone(struct upr_space *child, struct upr_bp *bp, const struct upr_bp *from)
{
	struct upr_window *window = kmem_cache_zalloc(child->mm.session->caches.windows, GFP_KERNEL);
	unsigned int i;

	if (!window)
		return -ENOMEM;
	*window = *from->window;
	window->leader = bp;
	window->pad.jump = &window->jump;
	upr_hop_take(child, window);
	window->block = upr_block_find(child, from->window->block->addr);
	if (window->block)
		window->block->windows++;
	for (i = 0; i < window->pad.nr_counts; i++) {
		const struct upr_bp *old = from->window->members[i];
		struct upr_bp *member = old ? old->twin : NULL;

		window->members[i] = member;
		if (!member)
			continue;
		member->leader = bp;
		member->counter = old->counter;
		upr_counter_get(member->counter);
	}
	bp->window = window;
	return 0;
}
