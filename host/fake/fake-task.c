// SPDX-License-Identifier: GPL-2.0
/*
 * fake-task.c - tasks of the fake host: what one scheduling step of a task
 * does, and how tasks come under the engine's eyes and go.
 *
 * Purpose: a task is a small state machine (enum fake_phase).  One step takes it
 * through at most one instruction and the reports that come with it; whenever
 * a report answers STOP it stays in its phase and goes on from there when let
 * go.  A trap that has been taken and its report are two steps, for that is
 * where a debugger's stop, or the removal of the breakpoint, gets in between.
 *
 * Locks: none, one thread.
 */
#include "fake-int.h"

/* --- coming and going ------------------------------------------------------ */

struct fake_task *fake_task_raw(struct fake_mm *mm, int tgid)
{
	struct fake_task *t = kzalloc(sizeof(*t), GFP_KERNEL);
	struct fake_world *w = mm->world;

	BUG_ON(!t);
	t->world = w;
	t->mm = mm;
	t->tid = w->next_tid++;
	t->tgid = tgid ? tgid : t->tid;
	t->how = UTRACE_RESUME;
	t->regs.flags = 0x202;
	t->regs.orig_ax = -1;
	list_add_tail(&t->node, &w->tasks);
	return t;
}

struct fake_task *fake_task_new(struct fake_mm *mm, u64 pc, struct fake_task *leader)
{
	struct fake_task *t = fake_task_raw(mm, leader ? leader->tgid : 0);
	u64 top = mm->next_stack;

	mm->next_stack -= 16 * FAKE_PAGE;
	fake_map_raw(mm, top - 2 * FAKE_PAGE, 2 * FAKE_PAGE, FAKE_R | FAKE_W, NULL, 0);
	t->regs.gpr[UPR_RSP] = top - 64;
	t->regs.ip = pc;
	t->started = true;
	return t;
}

int fake_task_adopt(struct fake_task *t)
{
	const struct fake_probes *probes = t->world->probes;

	int ret = 0;

	t->ut = utrace_task_new(&fake_target_ops, t, t->tid);
	if (!t->ut)
		return -ENOMEM;
	t->in_hand = true;
	if (t->mm->upr)
		ret = probes->set_mm(t, t->mm);
	t->in_hand = false;
	return ret;
}

int fake_attach(struct fake_mm *mm)
{
	struct fake_world *w = mm->world;
	struct fake_task *t;
	struct fake_map *map;
	int ret = 0;

	if (w->probes && !mm->dead) {
		ret = w->probes->adopt_mm(mm);
		if (ret)
			return ret;
	}
	list_for_each_entry(t, &w->tasks, node) {
		if (t->mm != mm || t->phase == FAKE_DEAD || t->ut)
			continue;
		ret = fake_task_adopt(t);
		if (ret)
			return ret;
	}
	list_for_each_entry(map, &mm->maps, node)
		if (mm->upr && map->file && (map->prot & FAKE_X))
			w->probes->mmap(mm, map);
	return 0;
}

/* To the engine a task that is let go is a task that is gone. */
static void task_forget(struct fake_task *t, int code)
{
	struct utrace_task *ut = t->ut;

	if (!ut)
		return;
	t->in_hand = true;
	if (t->mm->upr)
		t->world->probes->set_mm(t, NULL);
	t->world->nr_reports++;
	utrace_report_death(ut, code);
	t->in_hand = false;
	t->ut = NULL;
	t->held = false;
	t->interrupt = false;
	t->must_quiesce = false;
	t->how = UTRACE_RESUME;
	fake_check_unlocked(t->world, "after the report of a death");
}

void fake_detach(struct fake_mm *mm)
{
	struct fake_world *w = mm->world;
	struct fake_task *t;

	list_for_each_entry(t, &w->tasks, node)
		if (t->mm == mm && t->phase != FAKE_DEAD)
			task_forget(t, 0);
	if (mm->upr) {
		w->probes->drop_mm(mm);
		mm->upr = NULL;
	}
}

void fake_mm_check_dead(struct fake_mm *mm)
{
	struct fake_request *req, *next;
	struct fake_task *t;

	list_for_each_entry(t, &mm->world->tasks, node)
		if (t->mm == mm && t->phase != FAKE_DEAD)
			return;
	if (mm->dead)
		return;
	mm->dead = true;
	list_for_each_entry_safe(req, next, &mm->world->requests, node) {
		if (req->mm != mm)
			continue;
		list_del(&req->node);
		kfree(req);
	}
	if (mm->upr) {
		mm->world->probes->drop_mm(mm);
		mm->upr = NULL;
	}
}

void fake_task_die(struct fake_task *t, int code)
{
	struct fake_task *parent = t->vfork_parent;

	if (t->phase == FAKE_DEAD)
		return;
	fake_oracle_resolve(t);
	t->phase = FAKE_DEAD;
	t->code = code;
	task_forget(t, code);
	if (parent)
		parent->vfork_child = NULL;
	t->vfork_parent = NULL;
	fake_mm_check_dead(t->mm);
}

void fake_group_kill(struct fake_world *w, int tgid, int code)
{
	struct fake_task *t;

	list_for_each_entry(t, &w->tasks, node) {
		if (t->tgid != tgid || t->phase == FAKE_DEAD)
			continue;
		t->killed = true;
		t->code = code;
	}
}

bool fake_is_dead(const struct fake_task *t)
{
	return t->phase == FAKE_DEAD;
}

/* --- reports --------------------------------------------------------------- */

void fake_report_enter(struct fake_task *t, bool atomic)
{
	struct fake_world *w = t->world;

	if (w->reporting)
		fake_fatal(w, "report about task %d inside a report", t->tid);
	w->reporting = t;
	w->nr_reports++;
	if (atomic) {
		w->atomic++;
		upr_atomic_enter();
	}
}

void fake_report_leave(struct fake_task *t, bool atomic, enum utrace_resume how)
{
	struct fake_world *w = t->world;

	if (atomic) {
		upr_atomic_exit();
		w->atomic--;
	}
	w->reporting = NULL;
	fake_check_unlocked(w, "after a report");
	fake_apply(t, how);
}

/* What a report answered, or the engine lets the task go with. */
void fake_apply(struct fake_task *t, enum utrace_resume how)
{
	t->held = how == UTRACE_STOP;
	switch (how) {
	case UTRACE_STOP:
		break;
	case UTRACE_REPORT:
	case UTRACE_INTERRUPT:
		/* a step over the system call that the task is in is had nevertheless */
		t->must_quiesce = true;
		break;
	case UTRACE_SINGLESTEP:
	case UTRACE_BLOCKSTEP:
	case UTRACE_RESUME:
		t->how = how;
		break;
	default:
		fake_fatal(t->world, "task %d is told to go on with %d", t->tid, (int)how);
	}
}

static void report_trap(struct fake_task *t)
{
	u64 addr = t->regs.ip - 1;
	enum utrace_resume how;
	bool mine = false;
	u8 byte = 0xcc;

	t->regs.ip = addr;
	t->phase = FAKE_USER;
	if (t->ut) {
		fake_report_enter(t, true);
		how = utrace_report_breakpoint(t->ut, addr, &mine);
		fake_report_leave(t, true, how);
	}
	if (mine && !fake_is_planted(t->mm, addr))
		fake_fatal(t->world, "a trap at %#llx that was not announced", (unsigned long long)addr);
	if (mine) {
		/* what is executed in a pad is told there */
		if (!fake_in_pad(t))
			fake_oracle_hit(t, addr);
		return;
	}
	/* taken away while the trap was on its way: there is another instruction now */
	if (!fake_peek(t->mm, addr, &byte, 1) && byte != 0xcc)
		return;
	fake_oracle_count(t->mm, addr, 1);
	t->regs.ip = addr + 1;
	t->world->stray_traps++;
	fake_signal_fault(t, FAKE_SIGTRAP, 0x80, 0);
}

static void report_step(struct fake_task *t)
{
	bool mine = false, own = t->own_step;
	enum utrace_resume how;

	t->phase = FAKE_USER;
	t->trap_step = false;
	t->own_step = false;
	if (t->ut) {
		fake_report_enter(t, true);
		how = utrace_report_step(t->ut, &mine);
		fake_report_leave(t, true, how);
	}
	if (mine && !own)
		return;
	t->world->stray_traps++;
	fake_signal_fault(t, FAKE_SIGTRAP, 2, t->regs.ip);
}

void fake_task_quiesce(struct fake_task *t)
{
	enum utrace_resume how;

	t->interrupt = false;
	t->must_quiesce = false;
	fake_report_enter(t, false);
	how = utrace_report_quiesce(t->ut);
	fake_report_leave(t, false, how);
	/* a wait that does not know how it will go on: decided once the task is let go */
	if (t->phase == FAKE_BLOCKED && !t->vfork_child && !t->wake)
		t->wake = -1;
}

/* --- one instruction --------------------------------------------------------- */

static void take_trap(struct fake_task *t, bool step, bool own)
{
	t->phase = FAKE_TRAPPED;
	t->trap_step = step;
	t->own_step = own;
}

/* A system call stepped over traps behind it. */
void fake_take_step(struct fake_task *t)
{
	if (t->how == UTRACE_SINGLESTEP)
		take_trap(t, true, false);
}

/* The instruction is complete: what the program sees of it, and the step if one was asked for. */
static void completed(struct fake_task *t, u64 from, bool in_area, const struct fake_pad_step *pad,
		      const struct fake_cpu_event *ev, bool own_tf)
{
	struct fake_map *to = fake_map_at(t->mm, t->regs.ip);
	bool step = t->how == UTRACE_SINGLESTEP || (t->how == UTRACE_BLOCKSTEP && ev->branched);

	t->icount++;
	if (!in_area && !pad->active && !ev->unfinished)
		fake_oracle_count(t->mm, from, 1);
	if (in_area && !pad->active && t->site && !(to && to->area)) {
		fake_oracle_count(t->mm, t->site, 1);
		t->site = 0;
	}
	/* the program's TF traps in a pad as well, where nothing of its own is executed: nobody is to hear of that */
	if (step || own_tf)
		take_trap(t, true, own_tf && (!pad->active || pad->executed));
}

static void run_user(struct fake_task *t)
{
	struct fake_map *map;
	struct fake_pad_step pad;
	struct fake_cpu_event ev;
	u64 from = t->regs.ip;
	bool in_area, own_tf;

	fake_oracle_resolve(t);
	map = fake_map_at(t->mm, from);
	in_area = map && map->area;
	own_tf = t->regs.flags & UPR_FL_TF;
	fake_pad_before(t, &pad);
	fake_cpu_step(t->mm, &t->regs, t->how == UTRACE_SINGLESTEP, t->tid % t->world->nr_cpus, &ev);
	fake_pad_after(t, &pad, &ev);
	switch (ev.stop) {
	case FAKE_CPU_INT3:
		take_trap(t, false, false);
		break;
	case FAKE_CPU_FAULT:
		fake_signal_fault(t, ev.signo, ev.code, ev.addr);
		break;
	case FAKE_CPU_SYSCALL:
		t->icount++;
		t->sys_site = in_area ? t->site : from;
		t->site = 0;
		if (t->sys_site)
			fake_oracle_count(t->mm, t->sys_site, 1);
		fake_syscall_enter(t);
		break;
	case FAKE_CPU_DONE:
		completed(t, from, in_area, &pad, &ev, own_tf);
		break;
	}
}

/* --- the scheduler's view ------------------------------------------------------ */

bool fake_task_can_quiesce(const struct fake_task *t)
{
	return t->ut && t->phase != FAKE_DEAD && !t->killed && (t->interrupt || t->must_quiesce);
}

bool fake_task_can_run(const struct fake_task *t)
{
	if (t->phase == FAKE_DEAD)
		return false;
	if (t->killed)
		return true;
	if (t->held)
		return false;
	if (t->jctl_report)
		return true;
	if (t->jctl_stopped)
		return false;
	/* REPORT and INTERRUPT: not a user instruction before that */
	if (t->must_quiesce && (t->phase == FAKE_USER || t->phase == FAKE_BLOCKED))
		return false;
	if (t->phase == FAKE_BLOCKED)
		return !t->vfork_child && (t->wake || t->regs.orig_ax == FAKE_SYS_VFORK || fake_signal_ready(t));
	return true;
}

void fake_task_run(struct fake_task *t)
{
	t->started = true;
	if (t->killed) {
		fake_task_die(t, t->code);
		return;
	}
	if (t->jctl_report) {
		fake_jctl(t);
		return;
	}
	switch (t->phase) {
	case FAKE_USER:
		if (fake_signal_ready(t))
			fake_signal_next(t);
		else
			run_user(t);
		break;
	case FAKE_TRAPPED:
		if (t->trap_step)
			report_step(t);
		else
			report_trap(t);
		break;
	case FAKE_SIGNALLED:
		fake_signal_resume(t);
		break;
	case FAKE_DEAD:
		break;
	case FAKE_BLOCKED:
		if (fake_signal_ready(t) && t->wake <= 0 && t->regs.orig_ax != FAKE_SYS_VFORK) {
			fake_signal_next(t);
			break;
		}
		fallthrough;
	default:
		fake_syscall_go(t);
	}
}
