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
 *   in between, an instruction faulted	the site's text is restored, with everybody stopped,
 *					and the fault is the instruction's own, in its place; from
 *					then on the site is probed by a trap
 *
 * A step cannot get through a restartable sequence: what is left to be counted on
 * the way is counted here.
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

/* The pad has counted what will be counted again. */
static void take_back(const struct upr_bp *bp)
{
	struct upr_consumer *consumer;

	if (!bp || !bp->probe)
		return;
	list_for_each_entry_rcu(consumer, &bp->probe->consumers, node)
		if (READ_ONCE(consumer->probe))
			atomic64_dec(&consumer->hits);
}

/* mm->lock is held.  Return: 1 moved, 0 not, -errno. */
int upr_pad_evict(struct upr_task *u, struct upr_bp *leader)
{
	struct utrace_task *task = u->task;
	bool armed = leader->state == UPR_BP_ARMED;
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
	if (armed && s.where == UPR_PAD_AT && s.counted)
		take_back(leader);
	if (u->padding && !u->held)
		utrace_control(u->engine, UTRACE_RESUME);
	u->padding = NULL;
	return 1;
}

/* On to instruction @s->insn, whose hit has been counted one way or the other. */
static int go_on(struct upr_task *u, struct upr_bp *leader, struct stand *s)
{
	struct utrace_task *task = u->task;
	struct upr_bp *bp = s->counted ? NULL : member_at(leader, s->insn);
	int r = upr_pad_enter(&leader->window->pad, task, &s->regs, s->insn);

	if (!r)
		r = task->target->regs_set(task, &s->regs);
	if (!r && bp && bp->probe)
		upr_count_hit(u, bp);
	return r;
}

/* One instruction of the pad has been executed.  Return: there are more. */
bool upr_pad_stepped(struct upr_task *u)
{
	struct utrace_task *task = u->task;
	struct upr_bp *leader;
	struct stand s;
	u64 pc;
	bool more = false;

	rcu_read_lock();
	leader = task->target->pc_get(task, &pc) ? NULL : upr_slot_owner(task->mm, pc);
	if (leader && leader == u->padding && !look(task, leader, &s)) {
		if (s.where == UPR_PAD_AT)
			more = !go_on(u, leader, &s);
		else
			task->target->regs_set(task, &s.regs);
	}
	if (!more)
		u->padding = NULL;
	rcu_read_unlock();
	return more;
}

/* The signal tells where: SIGILL, SIGFPE and SIGTRAP report the pc. */
static void fix_address(const struct upr_bp *leader, const struct stand *s, struct utrace_signal *sig,
			enum utrace_signal_action *action)
{
	if (!sig->fault || sig->addr - leader->slot >= (u64)leader->slots * UPR_SLOT_SIZE)
		return;
	sig->addr = s->regs.ip;
	*action = UTRACE_SIG_REPLACE;
}

/* Its text is wanted back, and then the signal comes again. */
static enum utrace_resume give_way(struct upr_task *u, struct upr_bp *leader, enum utrace_signal_action *action)
{
	struct upr_space *sp = upr_space(u->task->mm);

	leader->broken = true;
	atomic_xchg(&sp->broken, 1);
	upr_arm_queue(sp);
	u->padding = NULL;
	*action = UTRACE_SIG_HOLD;
	return UTRACE_REPORT;
}

enum utrace_resume upr_pad_signal(struct upr_task *u, struct upr_bp *leader, struct utrace_signal *sig,
				  enum utrace_signal_action *action)
{
	struct utrace_task *task = u->task;
	struct stand s;

	if (look(task, leader, &s))
		return u->padding ? UTRACE_SINGLESTEP : UTRACE_RESUME;
	if (s.where == UPR_PAD_AT && s.insn) {
		if (sig->fault) {
			fix_address(leader, &s, sig, action);
			return give_way(u, leader, action);
		}
		if (!go_on(u, leader, &s)) {
			u->padding = leader;
			*action = UTRACE_SIG_HOLD;
			return UTRACE_SINGLESTEP;
		}
		return UTRACE_RESUME;
	}
	if (!task->target->regs_set(task, &s.regs) && s.where == UPR_PAD_AT && s.counted && !sig->fault &&
	    leader->state == UPR_BP_ARMED)
		take_back(leader);
	u->padding = NULL;
	fix_address(leader, &s, sig, action);
	return UTRACE_RESUME;
}
