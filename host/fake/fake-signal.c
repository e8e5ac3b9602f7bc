// SPDX-License-Identifier: GPL-2.0
/*
 * fake-signal.c - signals of the fake host: report, frame, return, job control.
 *
 * Purpose: a signal is reported, what the engines decided is carried out
 * when the task is let go: ignored, its default, or a frame on the task's own
 * stack and its handler.  The frame keeps the pc where the program can
 * see it, so one that lies in an area is counted as a leak.
 *
 * Locks: none, one thread.
 */
#include "fake-int.h"

#define BIT_OF(signo) (1ull << (signo))
#define FRAME_MAGIC   0x5167f4a3e0ull

struct fake_frame {
	u64 restorer;
	u64 magic;
	u64 gpr[16];
	u64 ip, flags, blocked;
};

/* Signals that an engine holds wait for it; once nobody looks any more, for nothing. */
static bool is_held(const struct fake_task *t)
{
	return (t->kept || t->fault_kept) && t->ut && utrace_signal_is_held(t->ut);
}

static u64 deliverable(const struct fake_task *t)
{
	return t->pending & ~t->blocked & ~(is_held(t) ? t->kept : 0);
}

bool fake_signal_ready(const struct fake_task *t)
{
	return t->forced || (t->fault_kept && !is_held(t)) || deliverable(t);
}

/* Raised by the instruction at pc: reported before the task runs on, after whatever else is due. */
void fake_signal_fault(struct fake_task *t, int signo, int code, u64 addr)
{
	t->forced = true;
	t->sig.signo = signo;
	t->sig.code = code;
	t->sig.addr = addr;
	t->sig.fault = true;
	t->sig.home = t;
}

/* Faults first: they belong to the instruction. */
static void pick(struct fake_task *t)
{
	int signo = 1;

	t->again = false;
	if (t->forced)
		return;
	if (t->fault_kept && !is_held(t)) {
		t->sig = t->kept_fault;
		t->fault_kept = false;
		t->forced = true;
		t->again = true;
		return;
	}
	while (!(deliverable(t) & BIT_OF(signo)))
		signo++;
	t->again = t->kept & BIT_OF(signo);
	t->pending &= ~BIT_OF(signo);
	t->kept &= ~BIT_OF(signo);
	t->sig = (struct utrace_signal){.signo = signo, .home = t};
}

static void report(struct fake_task *t)
{
	enum utrace_resume how;

	if (t->ut) {
		fake_report_enter(t, true);
		how = utrace_report_signal(t->ut, &t->sig, &t->action);
		fake_report_leave(t, true, how);
	}
	if (!t->held)
		fake_signal_act(t);
}

void fake_signal_next(struct fake_task *t)
{
	pick(t);
	if (t->phase == FAKE_BLOCKED)
		t->wake = 0;
	t->action = UTRACE_SIG_DELIVER;
	t->phase = FAKE_SIGNALLED;
	t->asked_again = false;
	report(t);
}

/* It has been held since.  If it was moved into memory of the engine's meanwhile, that one is asked once more. */
void fake_signal_resume(struct fake_task *t)
{
	struct fake_map *map = fake_map_at(t->mm, t->regs.ip);

	if (map && map->area && !t->asked_again) {
		t->asked_again = true;
		report(t);
	} else {
		fake_signal_act(t);
	}
}

static void group_stop(struct fake_task *t)
{
	struct fake_task *u;

	list_for_each_entry(u, &t->world->tasks, node) {
		if (u->tgid != t->tgid || u->phase == FAKE_DEAD)
			continue;
		u->jctl_stopped = true;
		u->jctl_report = FAKE_SIGSTOP;
	}
}

static void group_continue(struct fake_task *t)
{
	struct fake_task *u;

	list_for_each_entry(u, &t->world->tasks, node) {
		if (u->tgid != t->tgid || !u->jctl_stopped)
			continue;
		u->jctl_stopped = false;
		u->jctl_report = FAKE_SIGCONT;
	}
}

void fake_jctl(struct fake_task *t)
{
	enum utrace_resume how;
	int signo = t->jctl_report;

	t->jctl_report = 0;
	if (!t->ut)
		return;
	fake_report_enter(t, false);
	how = utrace_report_jctl(t->ut, signo);
	fake_report_leave(t, false, how);
}

static void by_default(struct fake_task *t, int signo)
{
	switch (signo) {
	case FAKE_SIGCHLD:
	case FAKE_SIGCONT:
		break;
	case FAKE_SIGSTOP:
		group_stop(t);
		break;
	default:
		fake_group_kill(t->world, t->tgid, 128 + signo);
	}
}

static void call_handler(struct fake_task *t, int signo, u64 handler)
{
	struct upr_regs *r = &t->regs;
	struct fake_frame frame = {.restorer = FAKE_VDSO, .magic = FRAME_MAGIC};
	u64 sp = ((r->gpr[UPR_RSP] - 128 - sizeof(frame)) & ~15ull) - 8;
	struct fake_map *map = fake_map_at(t->mm, r->ip);

	fake_oracle_resolve(t);
	if (map && map->area) {
		t->world->pc_leaks++;
		t->site = 0;
	}
	memcpy(frame.gpr, r->gpr, sizeof(frame.gpr));
	frame.ip = r->ip;
	frame.flags = r->flags;
	frame.blocked = t->blocked;
	if (fake_cpu_access(t->mm, sp, &frame, sizeof(frame), FAKE_ACC_W)) {
		fake_group_kill(t->world, t->tgid, 128 + FAKE_SIGSEGV);
		return;
	}
	r->gpr[UPR_RSP] = sp;
	r->gpr[UPR_RDI] = signo;
	r->ip = handler;
	r->flags &= ~(u64)(UPR_FL_TF | UPR_FL_DF);
	t->blocked |= BIT_OF(signo);
}

/* Held again, and for nothing: it would be for ever. */
static bool keep(struct fake_task *t)
{
	if (t->action != UTRACE_SIG_HOLD || (t->again && !utrace_signal_is_held(t->ut)))
		return false;
	if (t->regs.orig_ax != (u64)-1)
		fake_fatal(t->world, "task %d: a signal is held in a system call", t->tid);
	if (t->forced) {
		t->kept_fault = t->sig;
		t->fault_kept = true;
		t->forced = false;
	} else {
		t->pending |= BIT_OF(t->sig.signo);
		t->kept |= BIT_OF(t->sig.signo);
	}
	t->phase = FAKE_USER;
	return true;
}

/* What the engines decided is done, a system call under way goes on or not. */
void fake_signal_act(struct fake_task *t)
{
	bool forced = t->forced, in_call = t->regs.orig_ax != (u64)-1;
	int signo = t->sig.signo;
	u64 handler = t->mm->handlers[signo];

	if (t->ut && keep(t))
		return;
	t->forced = false;
	t->phase = FAKE_USER;
	if (forced && ((t->blocked & BIT_OF(signo)) || handler == 1))
		handler = 0;
	if (t->action == UTRACE_SIG_IGNORE)
		handler = 1;
	if (in_call)
		fake_syscall_restart(t, handler > 1);
	if (handler > 1)
		call_handler(t, signo, handler);
	else if (!handler)
		by_default(t, signo);
}

void fake_sigreturn(struct fake_task *t)
{
	struct fake_frame frame;

	/* ret has popped the restorer */
	if (fake_cpu_access(t->mm, t->regs.gpr[UPR_RSP] - 8, &frame, sizeof(frame), FAKE_ACC_R) ||
	    frame.magic != FRAME_MAGIC) {
		fake_group_kill(t->world, t->tgid, 128 + FAKE_SIGSEGV);
		return;
	}
	memcpy(t->regs.gpr, frame.gpr, sizeof(frame.gpr));
	t->regs.ip = frame.ip;
	t->regs.flags = frame.flags;
	t->regs.orig_ax = -1;
	t->blocked = frame.blocked;
}

void fake_kill(struct fake_task *t, int signo)
{
	if (t->phase == FAKE_DEAD)
		return;
	if (signo == FAKE_SIGKILL) {
		fake_group_kill(t->world, t->tgid, 128 + signo);
		return;
	}
	if (signo == FAKE_SIGCONT)
		group_continue(t);
	t->pending |= BIT_OF(signo);
}
