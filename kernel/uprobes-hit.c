// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes-hit.c - callbacks of a task: hit, step, signal, clone.
 *
 * Purpose: counts a hit and has the instruction executed, and sees to it
 * that whoever looks at the program (itself, in a signal handler, its child, a
 * debugger) never meets a slot's address.
 *
 * A hit is one execution of the instruction.  It is counted when the int3 is
 * met; if something comes first and the int3 will be met again for the same
 * execution, it is taken back (unhit).  An instruction that faults was executed.
 *
 * A pad counts by itself.  It is met here only when its task has stopped in it for
 * another reason: see uprobes-pad.c.
 *
 * Context: on_breakpoint, on_step and on_signal are atomic: RCU, no mutex, no
 * allocation.  The others sleep and take mm->lock.
 *
 * A task's struct upr_task is only touched in its own reports, while it is quiet,
 * and in upr_task_pc_fixup(), when it is stopped: never by two at a time.
 */
#include "uprobes-internal.h"

/* How the task goes on if nobody wants it stopped. */
static enum utrace_resume onward(const struct upr_task *u)
{
	return u->stepping || u->padding ? UTRACE_SINGLESTEP : UTRACE_RESUME;
}

/* --- counting ----------------------------------------------------------- */

void upr_count_hit(struct upr_task *u, struct upr_bp *bp)
{
	struct utrace_task *task = u->task;
	struct upr_consumer *consumer;
	bool pc_is_right = false;
	u64 last = 0;

	list_for_each_entry_rcu(consumer, &bp->probe->consumers, node) {
		void (*hit)(struct upr_consumer * consumer, struct utrace_task * task, u64 addr);

		if (!READ_ONCE(consumer->probe))
			continue;
		last = consumer->id;
		if (!upr_bp_wanted_by(bp, consumer))
			continue;
		atomic64_inc(&consumer->hits);
		hit = READ_ONCE(consumer->hit);
		if (!hit)
			continue;
		/* only who is called back may look at the registers */
		if (!pc_is_right)
			task->target->pc_set(task, bp->addr);
		pc_is_right = true;
		hit(consumer, task, bp->addr);
	}
	/* ids grow along the list: exactly those up to here have been asked */
	u->hit_id = last;
	u->by_pad = false;
}

void upr_take_back_hit(struct upr_task *u, struct upr_bp *bp)
{
	struct upr_consumer *consumer;

	rcu_read_lock();
	list_for_each_entry_rcu(consumer, &bp->probe->consumers, node) {
		if (consumer->id > u->hit_id)
			break;
		if (!READ_ONCE(consumer->probe) || !upr_bp_wanted_by(bp, consumer))
			continue;
		if (u->by_pad && !upr_consumer_is_plain(consumer))
			continue;
		atomic64_dec(&consumer->hits);
		if (consumer->unhit)
			consumer->unhit(consumer, u->task, bp->addr);
	}
	rcu_read_unlock();
	u->hit_id = 0;
}

static void count_missed(struct upr_bp *bp)
{
	struct upr_consumer *consumer;

	list_for_each_entry_rcu(consumer, &bp->probe->consumers, node)
		if (upr_bp_wanted_by(bp, consumer))
			atomic64_inc(&consumer->missed);
}

/* --- executing ---------------------------------------------------------- */

/*
 * Neither computed nor to be had as a copy: the int3 is taken out of this address
 * space, and the task, held meanwhile, executes the instruction where it stands.
 * This hit is counted; what comes after it is not, and upr_probe_unarmed() says so.
 */
static enum utrace_resume give_up(struct upr_task *u, struct upr_bp *bp)
{
	struct upr_space *sp = upr_space(u->task->mm);

	u->waiting = bp;
	bp->broken = true;
	atomic_xchg(&sp->broken, 1);
	u->task->target->pc_set(u->task, bp->addr);
	upr_arm_queue(sp);
	return UTRACE_REPORT;
}

/* -ESRCH: the task is dying.  Anything else should not be; the program would go astray. */
static enum utrace_resume failed(struct upr_task *u, struct upr_bp *bp, int r)
{
	if (r == -ESRCH)
		return UTRACE_RESUME;
	count_missed(bp);
	return give_up(u, bp);
}

/* Return: 0 done; -EAGAIN take the slot; other errors of the home. */
static int emulate(struct upr_task *u, struct upr_bp *bp)
{
	struct utrace_task *task = u->task;
	struct upr_regs regs;
	u64 pc;
	int r;

	if (upr_xol_emulate_pc(bp->xol, bp->addr, &pc))
		return task->target->pc_set(task, pc);
	r = task->target->regs_get(task, &regs);
	if (r)
		return r;
	regs.ip = bp->addr;
	if (upr_xol_emulate(bp->xol, task, bp->addr, &regs))
		return -EAGAIN;
	return task->target->regs_set(task, &regs);
}

static int enter_slot(struct upr_task *u, struct upr_bp *bp)
{
	struct utrace_task *task = u->task;
	struct upr_regs regs;
	int r;

	if (!upr_xol_needs_regs(bp->xol, bp->slot_way, bp->addr, bp->slot)) {
		upr_xol_step_init(&u->step);
		return task->target->pc_set(task, bp->slot);
	}
	r = task->target->regs_get(task, &regs);
	if (r)
		return r;
	regs.ip = bp->addr;
	upr_xol_enter(bp->xol, bp->slot_way, bp->addr, bp->slot, &regs, &u->step);
	return task->target->regs_set(task, &regs);
}

static enum utrace_resume execute(struct upr_task *u, struct upr_bp *bp)
{
	int r;

	if (bp->way == UPR_WAY_EMULATE) {
		r = emulate(u, bp);
		if (!r)
			return UTRACE_RESUME;
		if (r != -EAGAIN)
			return failed(u, bp, r);
	}
	if (!bp->slot)
		return give_up(u, bp);
	r = enter_slot(u, bp);
	if (r)
		return failed(u, bp, r);
	if (bp->slot_way == UPR_WAY_STEP)
		u->stepping = bp;
	return onward(u);
}

/*
 * In the table, and not armed: the int3 was met before it was taken out, or it
 * is somebody else's.  The byte decides.
 */
static enum utrace_resume stale(struct upr_task *u, u64 addr, bool *mine)
{
	struct utrace_task *task = u->task;
	u8 byte = 0;

	if (!task->target->mem_read(task, addr, &byte, 1) && byte == UPR_BREAKPOINT)
		return onward(u);
	task->target->pc_set(task, addr);
	*mine = true;
	return onward(u);
}

static enum utrace_resume upr_on_breakpoint(struct utrace_engine *engine, struct utrace_task *task, u64 addr,
					    bool *mine)
{
	struct upr_task *u = engine->data;
	struct upr_mm *mm = READ_ONCE(task->mm);
	enum utrace_resume how = UTRACE_RESUME;
	struct upr_bp *bp, *over;

	if (!mm)
		return UTRACE_RESUME;
	/* whatever was being stepped did not get its trap and will not */
	u->stepping = NULL;
	rcu_read_lock();
	bp = upr_bp_find(rcu_dereference(mm->bps), addr);
	over = bp && (bp->leader || READ_ONCE(bp->state) != UPR_BP_ARMED) ? upr_pad_over(mm, addr) : NULL;
	if (over) {
		*mine = true;
		how = upr_pad_met(u, over, addr);
	} else if (bp && READ_ONCE(bp->state) == UPR_BP_ARMED) {
		*mine = true;
		if (u->waiting != bp)
			upr_count_hit(u, bp);
		u->waiting = NULL;
		how = execute(u, bp);
	} else if (bp) {
		how = stale(u, addr, mine);
	}
	rcu_read_unlock();
	return how;
}

/* --- leaving ------------------------------------------------------------ */

/*
 * Take a stopped task off the slot of @bp.  @step: its own, a copy, or NULL when
 * it is not being stepped.  Return: 0, *where and @regs filled in; -errno.
 */
static int leave_slot(struct utrace_task *task, struct upr_bp *bp, struct upr_xol_step *step, struct upr_regs *regs,
		      enum upr_slot_where *where)
{
	const struct target_ops *target = task->target;
	struct upr_xol_step none;
	int r;

	r = target->regs_get(task, regs);
	if (r)
		return r;
	if (!step && bp->slot_way == UPR_WAY_STEP) {
		memset(&none, 0, sizeof(none));
		step = &none;
	}
	if (step)
		step->store_size = 0;
	*where = upr_xol_leave(bp->xol, bp->slot_way, bp->addr, bp->slot, regs,
			       bp->slot_way == UPR_WAY_STEP ? step : NULL);
	if (step && step->store_size)
		target->mem_write(task, step->store_addr, &step->store_value, step->store_size);
	return target->regs_set(task, regs);
}

/* The breakpoint that the task stands in the slot of, or is being stepped for. */
static struct upr_bp *current_slot(struct upr_task *u, int *error)
{
	struct utrace_task *task = u->task;
	u64 pc;

	*error = 0;
	if (u->stepping)
		return u->stepping;
	if (list_empty(&task->mm->areas))
		return NULL;
	*error = task->target->pc_get(task, &pc);
	return *error ? NULL : upr_slot_owner(task->mm, pc);
}

static bool leaving(const struct upr_bp *bp)
{
	return bp->state != UPR_BP_ARMED && bp->state != UPR_BP_NEW;
}

/*
 * mm->lock is held, the task is stopped.  @removed: only from slots that are
 * about to go; then the int3 is out of the text, and what had not begun is
 * executed where it stands: the hit remains.
 * Return: 1 moved, 0 it was not in a slot, -errno.
 */
int upr_task_evict(struct upr_task *u, bool removed)
{
	enum upr_slot_where where;
	struct upr_regs regs;
	struct upr_bp *bp;
	int r;

	rcu_read_lock();
	bp = current_slot(u, &r);
	if (bp && bp->window) {
		r = !removed || leaving(bp) ? upr_pad_evict(u, bp) : 0;
		rcu_read_unlock();
		return r;
	}
	if (bp && (!removed || leaving(bp)))
		r = leave_slot(u->task, bp, u->stepping ? &u->step : NULL, &regs, &where);
	else
		bp = NULL;
	if (bp && !r) {
		if (u->stepping && !u->held)
			utrace_control(u->engine, UTRACE_RESUME);
		u->stepping = NULL;
		/* out of the text, the instruction is executed where it stands, unless it is armed anew */
		if (where == UPR_SLOT_BEFORE && bp->state == UPR_BP_ARMED)
			upr_take_back_hit(u, bp);
		else if (where == UPR_SLOT_BEFORE)
			u->counted_at = regs.ip;
	}
	rcu_read_unlock();
	return r ? r : !!bp;
}

/* --- step --------------------------------------------------------------- */

static enum utrace_resume upr_on_step(struct utrace_engine *engine, struct utrace_task *task, bool *mine)
{
	struct upr_task *u = engine->data;
	struct upr_bp *bp = u->stepping;
	struct upr_xol_step step = u->step;
	enum upr_slot_where where;
	struct upr_regs regs;
	int r;

	if (u->padding) {
		*mine = true;
		return upr_pad_stepped(u);
	}
	if (!bp && task->mm && upr_pad_own_step(u)) {
		*mine = true;
		return UTRACE_REPORT;
	}
	/* a step that was called off comes in as ours: nobody is to hear of it */
	if (!bp)
		return UTRACE_RESUME;
	*mine = true;
	r = task->target->regs_get(task, &regs);
	if (r) {
		u->stepping = NULL;
		return UTRACE_RESUME;
	}
	step.store_size = 0;
	where = upr_xol_leave(bp->xol, UPR_WAY_STEP, bp->addr, bp->slot, &regs, &step);
	/* iterations are left: it stays in its slot */
	if (where == UPR_SLOT_BEFORE)
		return UTRACE_SINGLESTEP;
	u->stepping = NULL;
	if (step.store_size)
		task->target->mem_write(task, step.store_addr, &step.store_value, step.store_size);
	task->target->regs_set(task, &regs);
	/* the program steps itself: the trap is its, too */
	if ((step.flags_known ? step.flags : regs.flags) & UPR_FL_TF)
		*mine = false;
	return UTRACE_RESUME;
}

/* --- signal ------------------------------------------------------------- */

/* SIGILL, SIGFPE and SIGTRAP report the pc as si_addr. */
static void fix_signal(struct utrace_signal *sig, const struct upr_bp *bp, u64 pc, enum utrace_signal_action *action)
{
	if (!sig->fault || sig->addr - bp->slot >= UPR_SLOT_SIZE)
		return;
	sig->addr = pc;
	*action = UTRACE_SIG_REPLACE;
}

static enum utrace_resume upr_on_signal(struct utrace_engine *engine, struct utrace_task *task,
					struct utrace_signal *sig, enum utrace_signal_action *action)
{
	struct upr_task *u = engine->data;
	enum upr_slot_where where;
	struct upr_regs regs;
	struct upr_bp *bp;
	int r;

	if (!READ_ONCE(task->mm))
		return UTRACE_RESUME;
	rcu_read_lock();
	bp = current_slot(u, &r);
	if (bp && bp->window) {
		enum utrace_resume how = upr_pad_signal(u, bp, sig, action);

		rcu_read_unlock();
		return how;
	}
	/* the pad has been left */
	u->padding = NULL;
	u->gave_way = 0;
	u->faulted = false;
	if (sig->fault && u->fault_from && sig->addr == u->fault_from) {
		sig->addr = u->fault_to;
		*action = UTRACE_SIG_REPLACE;
	}
	u->fault_from = 0;
	if (bp && !leave_slot(task, bp, u->stepping ? &u->step : NULL, &regs, &where)) {
		if (where == UPR_SLOT_BEFORE && !sig->fault && READ_ONCE(bp->state) == UPR_BP_ARMED)
			upr_take_back_hit(u, bp);
		fix_signal(sig, bp, regs.ip, action);
		u->stepping = NULL;
	}
	rcu_read_unlock();
	return onward(u);
}

/* --- the rest of a task's life ------------------------------------------ */

static enum utrace_resume upr_on_quiesce(struct utrace_engine *engine, struct utrace_task *task)
{
	struct upr_task *u = engine->data;
	struct upr_mm *mm = task->mm;
	bool stay;

	if (!mm)
		return UTRACE_RESUME;
	mutex_lock(&mm->lock);
	stay = upr_arm_quiet(upr_space(mm), u);
	mutex_unlock(&mm->lock);
	return stay ? UTRACE_STOP : onward(u);
}

/* A child is born with its parent's registers: in the slot of the `syscall`. */
static void move_child(struct upr_task *parent, struct upr_task *child)
{
	struct upr_xol_step step = parent->step;
	enum upr_slot_where where;
	struct upr_regs regs;
	struct upr_bp *bp;
	int r;

	mutex_lock(&child->task->mm->lock);
	rcu_read_lock();
	bp = current_slot(child, &r);
	/* no system call is made in a pad */
	if (bp && !bp->window)
		leave_slot(child->task, bp, parent->stepping ? &step : NULL, &regs, &where);
	rcu_read_unlock();
	mutex_unlock(&child->task->mm->lock);
}

static enum utrace_resume upr_on_clone(struct utrace_engine *engine, struct utrace_task *parent,
				       struct utrace_task *child, unsigned int clone_flags)
{
	struct upr_task *u = engine->data;

	if (child->mm && child->upr)
		move_child(u, child->upr);
	/* it may be blocked for long, and probes taken out, before it can be looked at again */
	if ((clone_flags & UTRACE_CLONE_VFORK) && parent->mm) {
		mutex_lock(&parent->mm->lock);
		upr_task_evict(u, false);
		mutex_unlock(&parent->mm->lock);
	}
	return onward(u);
}

static enum utrace_resume upr_on_exec(struct utrace_engine *engine, struct utrace_task *task)
{
	struct upr_task *u = engine->data;

	u->stepping = NULL;
	u->padding = NULL;
	u->waiting = NULL;
	u->gave_way = 0;
	u->faulted = false;
	u->fault_from = 0;
	return UTRACE_RESUME;
}

static enum utrace_resume upr_on_exit(struct utrace_engine *engine, struct utrace_task *task, int code)
{
	struct upr_task *u = engine->data;
	struct upr_mm *mm = task->mm;

	if (!mm)
		return UTRACE_RESUME;
	mutex_lock(&mm->lock);
	/* the last look at it: killed before the instruction it was let go for, or exiting from a slot */
	upr_task_evict(u, false);
	upr_arm_exiting(upr_space(mm), u);
	mutex_unlock(&mm->lock);
	return UTRACE_RESUME;
}

static void upr_on_death(struct utrace_engine *engine, struct utrace_task *task, int code)
{
	struct upr_task *u = engine->data;

	u->stepping = NULL;
	u->padding = NULL;
}

static void upr_on_release(struct utrace_engine *engine)
{
	kfree(engine->data);
}

const struct utrace_engine_ops upr_engine_ops = {
	.on_quiesce = upr_on_quiesce,
	.on_signal = upr_on_signal,
	.on_clone = upr_on_clone,
	.on_exec = upr_on_exec,
	.on_exit = upr_on_exit,
	.on_death = upr_on_death,
	.on_breakpoint = upr_on_breakpoint,
	.on_step = upr_on_step,
	.release = upr_on_release,
};
