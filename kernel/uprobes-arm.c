// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes-arm.c - the arming state machine of an address space.
 *
 * Purpose: text is changed, and slots are handed out and taken back, only while
 * all tasks of the address space are quiet.
 *
 *   RUNNING --dirty: stop all tasks--> STOPPING --all quiet--> take out
 *      ^                                                          |
 *      |                                            areas needed? +--> MAPPING
 *      |                                                          |       | all answered
 *      +---- let the tasks go <---- trim areas <---- put in <-----+-------+
 *
 * Taking out goes text, then pcs out of the slots, then holes, then slots, then areas.
 * Putting in goes areas, then slots, then holes, then text.  After any one of these steps
 * the program could run on by itself: where the home can teach it how to (target_ops.survive),
 * it learns of a slot before text leads to it, and that it is not to be used
 * before it is given back.
 *
 * Nothing here waits: each report that may bring the machine on queues mm.work,
 * and the work goes as far as it can.  While an address space is stopped,
 * registrations and mappings go on piling up on the pending list; they are
 * done in the same stop.
 *
 * Locks: mm->lock is held throughout, across text_read and text_write, too.
 */
#include "uprobes-internal.h"

/* --- stopping and letting go -------------------------------------------- */

static bool all_quiet(const struct upr_space *sp)
{
	return sp->nr_quiet == sp->nr_tasks;
}

void upr_arm_queue(struct upr_space *sp)
{
	if (atomic_xchg(&sp->queued, 1))
		return;
	upr_mm_get(&sp->mm);
	sp->mm.target->defer(&sp->mm.work);
}

static void mark_quiet(struct upr_space *sp, struct upr_task *u)
{
	if (u->quiet)
		return;
	u->quiet = true;
	sp->nr_quiet++;
}

static void bring_on(struct upr_space *sp)
{
	if (sp->mm.state != UPR_MM_RUNNING && all_quiet(sp))
		upr_arm_queue(sp);
}

/* -EALREADY: it is stopped; -ESRCH: it is dead, and will be taken off the list. */
static void stop_task(struct upr_space *sp, struct upr_task *u)
{
	if (u->exiting)
		return;
	u->held = true;
	if (utrace_control(u->engine, UTRACE_STOP))
		mark_quiet(sp, u);
}

static void let_go(struct upr_space *sp, struct upr_task *u)
{
	if (u->quiet && !u->exiting) {
		u->quiet = false;
		sp->nr_quiet--;
	}
	if (!u->held)
		return;
	u->held = false;
	utrace_control(u->engine, u->stepping || u->padding ? UTRACE_SINGLESTEP : UTRACE_RESUME);
}

static void let_all_go(struct upr_space *sp)
{
	struct utrace_task *task;

	sp->mm.state = UPR_MM_RUNNING;
	list_for_each_entry(task, &sp->mm.tasks, mm_node)
		let_go(sp, task->upr);
}

static void put_off(struct upr_space *sp);

/* Start, if there is something to do and somebody to do it for. */
void upr_arm_kick(struct upr_space *sp)
{
	struct utrace_task *task;

	if (!sp->dirty || sp->mm.state != UPR_MM_RUNNING || !sp->nr_tasks || sp->dead)
		return;
	if (sp->mm.session->batch && !sp->detaching)
		return;
	/* sorting takes its time */
	put_off(sp);
	sp->mm.state = UPR_MM_STOPPING;
	sp->stops++;
	list_for_each_entry(task, &sp->mm.tasks, mm_node)
		stop_task(sp, task->upr);
	bring_on(sp);
}

void upr_arm_join(struct upr_space *sp, struct upr_task *u)
{
	sp->nr_tasks++;
	u->quiet = false;
	if (sp->mm.state != UPR_MM_RUNNING)
		stop_task(sp, u);
	else
		let_go(sp, u);
	upr_arm_kick(sp);
	bring_on(sp);
}

void upr_arm_part(struct upr_space *sp, struct upr_task *u)
{
	sp->nr_tasks--;
	if (u->quiet)
		sp->nr_quiet--;
	u->quiet = false;
	bring_on(sp);
}

static void collect_broken(struct upr_space *sp);

/* A quiesce report.  Return: the task is to stay stopped. */
bool upr_arm_quiet(struct upr_space *sp, struct upr_task *u)
{
	if (sp->mm.state == UPR_MM_RUNNING && atomic_read(&sp->broken)) {
		collect_broken(sp);
		u->held = true;
		mark_quiet(sp, u);
		upr_arm_kick(sp);
	}
	if (sp->mm.state == UPR_MM_RUNNING) {
		u->held = false;
		if (u->quiet && !u->exiting) {
			u->quiet = false;
			sp->nr_quiet--;
		}
		return false;
	}
	u->held = true;
	mark_quiet(sp, u);
	bring_on(sp);
	return true;
}

/* Past its last user instruction, perhaps long before it is reported dead. */
void upr_arm_exiting(struct upr_space *sp, struct upr_task *u)
{
	u->exiting = true;
	u->stepping = NULL;
	u->padding = NULL;
	mark_quiet(sp, u);
	bring_on(sp);
}

/* --- taking out --------------------------------------------------------- */

/* Sites that could not execute a hit: see give_up() in uprobes-hit.c. */
static void collect_broken(struct upr_space *sp)
{
	struct upr_bp *bp;

	if (!atomic_xchg(&sp->broken, 0))
		return;
	list_for_each_entry(bp, &sp->bps, all)
		if (bp->state == UPR_BP_ARMED && bp->broken)
			upr_bp_queue(sp, bp);
}

static bool to_be_disarmed(const struct upr_bp *bp)
{
	return bp->state == UPR_BP_ARMED && (!bp->want || bp->broken || bp->redo);
}

static bool is_led(const struct upr_bp *bp)
{
	return bp->leader && bp->leader != bp;
}

static bool to_be_armed(const struct upr_bp *bp)
{
	return bp->state == UPR_BP_NEW && bp->want;
}

/*
 * Pending breakpoints that @pick says yes to, as an array.  Return: how many;
 * 0 also without memory: callers then take what is left one by one.
 */
unsigned int upr_bp_collect(struct upr_space *sp, bool (*pick)(const struct upr_bp *bp), struct upr_bp ***ret)
{
	struct upr_bp *bp, **bps;
	unsigned int nr = 0;

	list_for_each_entry(bp, &sp->pending, node)
		nr += pick(bp);
	if (!nr)
		return 0;
	bps = kvmalloc(nr * sizeof(struct upr_bp *), GFP_KERNEL);
	if (!bps)
		return 0;
	nr = 0;
	list_for_each_entry(bp, &sp->pending, node)
		if (pick(bp))
			bps[nr++] = bp;
	*ret = bps;
	return nr;
}

/* Text first.  Those which cannot be taken out stay, and go on being executed. */
static void disarm_text(struct upr_space *sp)
{
	struct upr_bp *bp, *next, **bps;
	unsigned int nr = upr_bp_collect(sp, to_be_disarmed, &bps), led;

	if (nr) {
		upr_text_disarm(sp, bps, nr);
		kvfree(bps);
		return;
	}
	/* one by one, sites that a jump arms after it */
	for (led = 0; led < 2; led++)
		list_for_each_entry_safe(bp, next, &sp->pending, node)
			if (to_be_disarmed(bp) && is_led(bp) == led)
				upr_text_disarm(sp, &bp, 1);
}

static void evict_tasks(struct upr_space *sp)
{
	struct utrace_task *task;

	sp->blind = false;
	list_for_each_entry(task, &sp->mm.tasks, mm_node) {
		struct upr_task *u = task->upr;
		int r;

		u->waiting = NULL;
		if (u->exiting)
			continue;
		r = upr_task_evict(u, true);
		/* -ESRCH: it will not run in a slot or anywhere else */
		if (r < 0 && r != -ESRCH)
			sp->blind = true;
	}
	if (sp->mm.loose && !sp->blind)
		sp->blind = upr_area_is_awaited(sp);
}

/*
 * Its text is its own again, and it is still wanted.  A trap that could not execute its
 * instruction stays out; a jump comes back as a trap.
 */
static void settle_wanted(struct upr_space *sp, struct upr_bp *bp)
{
	bool jumped = bp->leader;

	if (bp->window && bp->window->jump.nr > 1 && !sp->blind)
		bp->cleared = sp->stops;
	if (jumped) {
		upr_window_leave(bp, sp->blind);
	} else if (bp->broken || bp->redo) {
		if (sp->blind)
			upr_slot_abandon(bp);
		else
			upr_slot_put(bp);
	}
	bp->redo = false;
	bp->again = true;
	if (bp->broken && !jumped) {
		bp->state = UPR_BP_UNARMED;
		bp->why = "the instruction could not be executed for the program";
		upr_bp_dequeue(bp);
		return;
	}
	bp->broken = false;
	bp->state = UPR_BP_NEW;
}

/* What has become of a pending breakpoint now that no task stands in a slot of those to go. */
static void settle(struct upr_space *sp, struct upr_bp *bp)
{
	switch (bp->state) {
	case UPR_BP_LEAVING:
		if (bp->want) {
			settle_wanted(sp, bp);
		} else {
			upr_bp_dequeue(bp);
			upr_bp_off(sp, bp);
		}
		break;
	case UPR_BP_ARMED:
		upr_bp_dequeue(bp);
		break;
	case UPR_BP_NEW:
	case UPR_BP_UNARMED:
		if (!bp->want)
			upr_bp_forget(sp, bp);
		else if (bp->state == UPR_BP_UNARMED)
			upr_bp_dequeue(bp);
		break;
	default:
		upr_bp_dequeue(bp);
	}
}

/* --- how many at a time --------------------------------------------------- */

static bool must_go(const struct upr_bp *bp)
{
	return to_be_disarmed(bp) && !bp->redo && !bp->broken;
}

static bool may_come(const struct upr_bp *bp)
{
	/* what was taken out in this very stop comes back in it, and what is planned is put in */
	return to_be_armed(bp) && !bp->again && !bp->leader;
}

static bool is_pending(const struct upr_bp *bp)
{
	return true;
}

static bool is_sorted(const struct upr_space *sp)
{
	const struct upr_bp *bp;
	u64 last = 0;

	list_for_each_entry(bp, &sp->pending, node) {
		if (bp->addr < last)
			return false;
		last = bp->addr;
	}
	return true;
}

/* Pages are touched once if those in one page are taken together.  Without memory they are not. */
static void sort_pending(struct upr_space *sp)
{
	struct upr_bp **bps;
	unsigned int nr, i;

	if (is_sorted(sp))
		return;
	nr = upr_bp_collect(sp, is_pending, &bps);
	if (!nr)
		return;
	upr_bp_sort(bps, nr);
	for (i = 0; i < nr; i++)
		list_move_tail(&bps[i]->node, &sp->pending);
	kvfree(bps);
}

static bool is_long(const struct upr_space *sp)
{
	const struct upr_bp *bp;
	unsigned int nr = 0;

	list_for_each_entry(bp, &sp->pending, node)
		if (nr++ == sp->mm.stop_sites)
			return true;
	return false;
}

/* Sites as near as this come and go in one stop: a row of windows that is cut is made anew as a whole. */
#define UPR_TOGETHER 64u

/*
 * Each stop is to be short: whoever is beyond what it has time for has to wait for the next.
 * A site in somebody's window goes and comes with that one.
 */
static void put_off(struct upr_space *sp)
{
	unsigned int room = sp->at_once ? ~0u : sp->mm.stop_sites;
	struct upr_bp *bp, *next;
	u64 last = 0;

	if (is_long(sp))
		sort_pending(sp);

	list_for_each_entry_safe(bp, next, &sp->pending, node) {
		bp->put_off = false;
		if (!must_go(bp) && !may_come(bp))
			continue;
		if (room || bp->addr - last <= UPR_TOGETHER) {
			room -= !!room;
			last = bp->addr;
			continue;
		}
		bp->put_off = true;
		list_move_tail(&bp->node, &sp->later);
	}
}

/* How many more are to be armed in the stops that follow. */
unsigned int upr_arm_later(const struct upr_space *sp)
{
	const struct upr_bp *bp;
	unsigned int nr = 0;

	list_for_each_entry(bp, &sp->later, node)
		nr += to_be_armed(bp);
	return nr;
}

/* The next ones. */
static void take_up(struct upr_space *sp)
{
	struct upr_bp *bp, *next;
	unsigned int nr = 0;
	u64 last = 0;

	list_for_each_entry_safe(bp, next, &sp->later, node) {
		if (nr++ >= sp->mm.stop_sites && bp->addr - last > UPR_TOGETHER)
			break;
		last = bp->addr;
		bp->put_off = false;
		list_move_tail(&bp->node, &sp->pending);
	}
}

/* Somebody may have met its int3. */
static bool is_leaving_trap(const struct upr_bp *bp)
{
	return bp->state == UPR_BP_LEAVING && bp->trapped;
}

static bool any_pending(const struct upr_space *sp, bool (*pick)(const struct upr_bp *bp))
{
	struct upr_bp *bp;

	list_for_each_entry(bp, &sp->pending, node)
		if (pick(bp))
			return true;
	return false;
}

static void take_out(struct upr_space *sp)
{
	struct upr_bp *bp, *next;

	disarm_text(sp);
	evict_tasks(sp);
	if (any_pending(sp, is_leaving_trap))
		upr_survive(sp);
	if (!sp->blind)
		list_for_each_entry(bp, &sp->pending, node)
			if (bp->state == UPR_BP_LEAVING)
				upr_hop_empty(sp, bp);
	list_for_each_entry_safe(bp, next, &sp->pending, node)
		settle(sp, bp);
	if (!sp->blind)
		list_splice_init(&sp->zombies, &sp->garbage);
}

/* --- putting in --------------------------------------------------------- */

static void arm_one_by_one(struct upr_space *sp)
{
	struct upr_bp *bp, *next;
	unsigned int led;

	list_for_each_entry(bp, &sp->pending, node)
		if (to_be_armed(bp))
			upr_bp_choose(bp, sp->mm.session->mode);
	if (any_pending(sp, to_be_armed))
		upr_survive(sp);
	for (led = 0; led < 2; led++)
		list_for_each_entry_safe(bp, next, &sp->pending, node)
			if (to_be_armed(bp) && is_led(bp) == led)
				upr_text_arm(sp, &bp, 1);
}

/* Return: false when some of them must be planned again: their jumps have failed. */
static bool put_in(struct upr_space *sp)
{
	unsigned int nr, i, chosen = 0;
	struct upr_bp *bp, *next, **bps;
	bool traps = false;

	upr_windows_aim(sp);
	upr_areas_fill(sp);
	upr_windows_enter(sp);
	if (sp->replan)
		return false;
	nr = upr_bp_collect(sp, to_be_armed, &bps);
	for (i = 0; i < nr; i++) {
		if (!upr_bp_choose(bps[i], sp->mm.session->mode))
			continue;
		bps[chosen++] = bps[i];
		traps |= !bps[i]->leader;
	}
	if (traps)
		upr_survive(sp);
	if (chosen)
		upr_text_arm(sp, bps, chosen);
	if (nr)
		kvfree(bps);
	else
		arm_one_by_one(sp);
	upr_windows_failed(sp);
	if (sp->replan)
		return false;
	list_for_each_entry_safe(bp, next, &sp->pending, node)
		upr_bp_dequeue(bp);
	return true;
}

/* --- the machine -------------------------------------------------------- */

/* All are quiet.  Again after areas have been waited for: there may be more to do by then. */
static void begin_stop(struct upr_space *sp)
{
	collect_broken(sp);
	if (sp->renew && sp->mm.state == UPR_MM_STOPPING) {
		upr_windows_learn(sp);
		/* pads whose rseq sections miscount: nobody is to run in one again */
		sp->at_once = sp->rseq == UPR_NO_RSEQ;
		sp->renew = upr_windows_renew(sp, sp->at_once ? ~0u : sp->mm.stop_sites);
	}
	put_off(sp);
	upr_windows_review(sp);
	take_out(sp);
}

static void end_stop(struct upr_space *sp)
{
	upr_windows_settle(sp);
	upr_semas_settle(sp);
	sp->at_once = false;
	upr_bp_free_garbage(sp);
	upr_areas_trim(sp);
	upr_blocks_trim(sp);
	sp->dirty = !list_empty(&sp->later) || sp->renew;
	take_up(sp);
	let_all_go(sp);
	if (sp->dirty && sp->mm.target->breathe)
		sp->mm.target->breathe(&sp->mm);
	else
		upr_arm_kick(sp);
}

static void advance(struct upr_space *sp)
{
	if (sp->mm.state == UPR_MM_RUNNING) {
		collect_broken(sp);
		upr_arm_kick(sp);
		return;
	}
	if (!sp->nr_tasks || sp->dead) {
		let_all_go(sp);
		return;
	}
	if (!all_quiet(sp))
		return;
	if (!sp->requested)
		begin_stop(sp);
	do {
		sp->replan = false;
		if (!sp->requested) {
			upr_windows_plan(sp);
			upr_areas_plan(sp);
		}
		if (sp->requested) {
			sp->mm.state = UPR_MM_MAPPING;
			return;
		}
	} while (sp->replan || !put_in(sp));
	end_stop(sp);
}

void upr_arm_work(struct upr_work *work)
{
	struct upr_mm *mm = container_of(work, struct upr_mm, work);
	struct upr_space *sp = upr_space(mm);

	atomic_xchg(&sp->queued, 0);
	mutex_lock(&mm->lock);
	advance(sp);
	mutex_unlock(&mm->lock);
	upr_mm_release(mm);
}
