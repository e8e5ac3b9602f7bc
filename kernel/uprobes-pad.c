// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes-pad.c - a task that has stopped in a pad.
 *
 * Purpose: nobody else is to meet a pad's address.  A task that is about to get a
 * signal leaves the pad first, by the shortest way that counts each hit once:
 *
 *   the first instruction has not begun	back to the site; if it has been counted
 *					already, that is taken back: it will be again
 *   all done				where the program goes on
 *   in between, signal from outside	on, step by step, to the end of the pad; the signal waits
 *   an instruction faulted		the site's text is restored, with everybody stopped,
 *					and the fault is the instruction's own, in its place; from
 *					then on the sites of the window are probed by traps: the
 *					handler may leave an instruction out, and go on in the middle of
 *					what was a jump
 *
 * A step cannot get through a restartable sequence: what is left to be counted on
 * the way is counted here.  What cannot well be stepped (a string instruction may take for ever, pushf
 * shows the step) has the text restored as a fault has, and so has a program that steps itself.
 *
 * A stop that takes a window out moves tasks to where they are in the text.  When they
 * have been counted there, and the place is armed again in the same stop, they are
 * not to be counted twice: upr_task.counted_at.
 *
 * Locks: none; RCU is read locked by the caller.  The task is stopped.
 */
#include "uprobes-internal.h"

/* Where a task stands, and its registers as the program would see them. */
struct stand {
	enum upr_pad_where where;
	unsigned int insn;
	bool counted;
	struct upr_regs regs;
};

static int look(struct utrace_task *task, const struct upr_bp *leader, struct stand *s)
{
	int r = task->target->regs_get(task, &s->regs);

	return r ? r : upr_pad_leave(&leader->window->pad, task, &s->regs, &s->where, &s->insn, &s->counted);
}

static struct upr_bp *member_at(const struct upr_bp *leader, unsigned int insn)
{
	const struct upr_window *window = leader->window;
	unsigned int i;

	for (i = 0; i < window->pad.nr_counts; i++)
		if (window->pad.counts[i].insn == insn)
			return window->members[i];
	return NULL;
}

/* Its hit has been counted, if somebody wants it, and the instruction has not been executed. */
static struct upr_bp *counted(const struct upr_bp *leader, const struct stand *s)
{
	struct upr_bp *bp = s->where == UPR_PAD_AT && s->counted ? member_at(leader, s->insn) : NULL;

	return bp && bp->probe ? bp : NULL;
}

/* The pad has counted for whoever was there. */
static void note_counters(struct upr_task *u, const struct upr_bp *bp)
{
	u->hit_id = READ_ONCE(bp->probe->session->last_id);
	u->by_pad = true;
}

/* The pad has counted what will be counted again. */
static void take_back(struct upr_task *u, struct upr_bp *bp)
{
	note_counters(u, bp);
	upr_take_back_hit(u, bp);
}

/* mm->lock is held.  Return: 1 moved, 0 not, -errno. */
int upr_pad_evict(struct upr_task *u, struct upr_bp *leader)
{
	struct utrace_task *task = u->task;
	bool armed = leader->state == UPR_BP_ARMED;
	struct upr_bp *bp;
	struct stand s;
	int r = look(task, leader, &s);

	if (r)
		return r;
	/* while the jump stands there is no way back to what it covers */
	if (armed && s.where == UPR_PAD_AT && s.insn)
		return 0;
	r = task->target->regs_set(task, &s.regs);
	if (r)
		return r;
	bp = counted(leader, &s);
	if (bp && armed) {
		take_back(u, bp);
	} else if (bp && !u->faulted) {
		note_counters(u, bp);
		u->counted_at = s.regs.ip;
	}
	if (u->padding && !u->held)
		utrace_control(u->engine, UTRACE_RESUME);
	u->padding = NULL;
	return 1;
}

/* --- into a pad ------------------------------------------------------------- */

static int enter(struct utrace_task *task, struct upr_bp *leader, struct upr_regs *regs, unsigned int insn)
{
	int r = upr_pad_enter(&leader->window->pad, task, regs, insn);

	return r ? r : task->target->regs_set(task, regs);
}

/* Displaced instruction at @pc; -1: none begins there. */
static int insn_at(const struct upr_bp *leader, u64 pc)
{
	const struct upr_jump *jump = &leader->window->jump;
	unsigned int i;

	for (i = 0; i < jump->nr; i++)
		if (leader->addr + jump->off[i] == pc)
			return (int)i;
	return -1;
}

/*
 * The text at @pc, where the task stands, is about to be covered by the jump of @leader: it
 * goes on in the pad.  What it executes next is a hit, as it would be with an int3
 * there.  Return: 0, -errno.
 */
int upr_pad_join(struct upr_task *u, struct upr_bp *leader, u64 pc)
{
	struct utrace_task *task = u->task;
	int insn = insn_at(leader, pc), r;
	struct upr_regs regs;
	struct upr_bp *bp;

	r = task->target->regs_get(task, &regs);
	if (!r)
		r = enter(task, leader, &regs, (unsigned int)insn);
	if (r)
		return r;
	bp = member_at(leader, (unsigned int)insn);
	if (bp && bp->probe && u->counted_at != pc)
		upr_count_hit(u, bp);
	u->counted_at = 0;
	return 0;
}

/* The jump that stands over @addr; NULL: none.  Atomic, under RCU. */
struct upr_bp *upr_pad_over(struct upr_mm *mm, u64 addr)
{
	const struct upr_bp_table *table = rcu_dereference(mm->bps);
	unsigned int off;

	for (off = 0; off < UPR_JUMP_CODE; off++) {
		struct upr_bp *bp = upr_bp_find(table, addr - off);

		if (bp && bp->window && READ_ONCE(bp->state) == UPR_BP_ARMED && off < bp->window->jump.patch)
			return bp;
	}
	return NULL;
}

/* Its text is wanted back, and then the signal comes again. */
static enum utrace_resume give_way(struct upr_task *u, struct upr_bp *leader)
{
	struct upr_space *sp = upr_space(u->task->mm);

	leader->broken = true;
	atomic_xchg(&sp->broken, 1);
	upr_arm_queue(sp);
	u->padding = NULL;
	return UTRACE_REPORT;
}

/*
 * An int3 that was met before a jump came in its place.  At the begin of the jump it
 * is executed now; within it the task goes on in the pad, and where that cannot be done
 * now it does not run before the text is its own again.
 */
enum utrace_resume upr_pad_met(struct upr_task *u, struct upr_bp *leader, u64 addr)
{
	struct utrace_task *task = u->task;
	struct upr_bp *bp;

	if (task->target->pc_set(task, addr) || addr == leader->addr)
		return UTRACE_RESUME;
	if (insn_at(leader, addr) >= 0 && !upr_pad_join(u, leader, addr))
		return UTRACE_RESUME;
	bp = upr_bp_find(rcu_dereference(task->mm->bps), addr);
	if (bp && bp->probe && bp->leader == leader) {
		upr_count_hit(u, bp);
		u->counted_at = addr;
	}
	return give_way(u, leader);
}

/* --- through a pad ------------------------------------------------------------ */

/* Each repetition is a step, and what pushf stores shows that there is one. */
static bool is_unsteppable(const struct upr_bp *leader, unsigned int i)
{
	const struct upr_jump *jump = &leader->window->jump;
	struct upr_insn insn;

	if (upr_insn_decode(&insn, jump->code + jump->off[i], jump->len - jump->off[i], UPR_INSN_64))
		return true;
	return (insn.attr & UPR_INSN_FLAGS_PUSH) ||
	       ((insn.attr & UPR_INSN_STRING) && (insn.prefixes & (UPR_PFX_REP | UPR_PFX_REPNE)));
}

/*
 * One step on from @s.  What has begun goes on where it is; what would be counted is
 * counted here.  Return: SINGLESTEP, or REPORT: the text is to be restored; RESUME: it
 * cannot be done.
 */
static enum utrace_resume go_on(struct upr_task *u, struct upr_bp *leader, struct stand *s)
{
	struct upr_bp *bp;

	if (!s->counted) {
		bp = member_at(leader, s->insn);
		if (enter(u->task, leader, &s->regs, s->insn))
			return UTRACE_RESUME;
		if (bp && bp->probe)
			upr_count_hit(u, bp);
	}
	if (is_unsteppable(leader, s->insn)) {
		u->gave_way = leader->addr;
		return give_way(u, leader);
	}
	return UTRACE_SINGLESTEP;
}

static struct upr_bp *current_pad(struct utrace_task *task)
{
	struct upr_bp *bp;
	u64 pc;

	if (!task->mm || task->target->pc_get(task, &pc))
		return NULL;
	bp = upr_slot_owner(task->mm, pc);
	return bp && bp->window ? bp : NULL;
}

/* One instruction of the pad has been executed. */
enum utrace_resume upr_pad_stepped(struct upr_task *u)
{
	enum utrace_resume how = UTRACE_RESUME;
	struct utrace_task *task = u->task;
	struct upr_bp *leader;
	struct stand s;

	rcu_read_lock();
	leader = current_pad(task);
	if (leader && leader == u->padding && !look(task, leader, &s)) {
		if (s.where == UPR_PAD_AT)
			how = go_on(u, leader, &s);
		else
			task->target->regs_set(task, &s.regs);
	}
	if (how != UTRACE_SINGLESTEP)
		u->padding = NULL;
	rcu_read_unlock();
	return how;
}

/*
 * The program steps itself: its trap is due after each of its own instructions, and is not
 * to be seen after those of a pad.  Return: it was, and the text is to be restored.
 */
bool upr_pad_own_step(struct upr_task *u)
{
	struct utrace_task *task = u->task;
	struct upr_bp *leader;
	struct upr_regs regs;
	bool own = false;

	rcu_read_lock();
	leader = current_pad(task);
	if (leader && !task->target->regs_get(task, &regs) && (regs.flags & UPR_FL_TF)) {
		give_way(u, leader);
		own = true;
	}
	rcu_read_unlock();
	return own;
}

/* --- signals -------------------------------------------------------------------- */

/* The signal tells where: SIGILL, SIGFPE and SIGTRAP report the pc. */
static void fix_address(struct upr_task *u, const struct upr_bp *leader, const struct stand *s,
			struct utrace_signal *sig, enum utrace_signal_action *action)
{
	if (!sig->fault || sig->addr - leader->slot >= (u64)leader->slots * UPR_SLOT_SIZE)
		return;
	/* a signal that is held comes again as it came */
	u->fault_from = sig->addr;
	u->fault_to = s->regs.ip;
	sig->addr = s->regs.ip;
	*action = UTRACE_SIG_REPLACE;
}

/* Its handler must not run here: there is no place in the text, or behind the place a piece of a jump. */
static enum utrace_resume not_here(struct upr_task *u, struct upr_bp *leader, struct stand *s,
				   struct utrace_signal *sig, enum utrace_signal_action *action)
{
	enum utrace_resume how;

	if (sig->fault) {
		fix_address(u, leader, s, sig, action);
		u->gave_way = leader->addr;
		u->faulted = true;
		*action = UTRACE_SIG_HOLD;
		return give_way(u, leader);
	}
	how = go_on(u, leader, s);
	if (how == UTRACE_SINGLESTEP)
		u->padding = leader;
	if (how != UTRACE_RESUME)
		*action = UTRACE_SIG_HOLD;
	return how;
}

enum utrace_resume upr_pad_signal(struct upr_task *u, struct upr_bp *leader, struct utrace_signal *sig,
				  enum utrace_signal_action *action)
{
	struct utrace_task *task = u->task;
	bool armed = leader->state == UPR_BP_ARMED, again = u->gave_way == leader->addr;
	struct upr_bp *bp;
	struct stand s;

	u->gave_way = 0;
	if (look(task, leader, &s))
		return u->padding ? UTRACE_SINGLESTEP : UTRACE_RESUME;
	if (armed && s.where == UPR_PAD_AT && (s.insn || (sig->fault && leader->window->jump.nr > 1))) {
		if (!again)
			return not_here(u, leader, &s, sig, action);
		/* a text that cannot be restored must not keep the program from its signals for ever */
		if (s.insn)
			return UTRACE_RESUME;
	}
	bp = counted(leader, &s);
	if (!task->target->regs_set(task, &s.regs) && bp && !sig->fault && armed)
		take_back(u, bp);
	u->padding = NULL;
	fix_address(u, leader, &s, sig, action);
	return UTRACE_RESUME;
}
