// SPDX-License-Identifier: GPL-2.0
/*
 * signal.c - signals on their way to the program, and SIGTRAP kept as it was.
 *
 * Purpose: every signal goes on as it came, siginfo and all, unless an engine
 * has changed it.
 *
 * The kernel forces SIGTRAP on a thread that executes int3 or is stepped.  Where
 * it is blocked or ignored, that resets its action to the default and unblocks it,
 * even though the program never sees it.  What the program had asked for is known
 * from other stops: its mask is put back at once, and the action by an injected
 * call.  Where calls must not be injected an ignored SIGTRAP is at least ignored
 * here, on the program's behalf.  As a rule the action is a handler of ours while probes are in
 * (survive.c): then only a blocked SIGTRAP resets it.
 *
 * One more thing is lost: a SIGTRAP sent to a thread and still pending swallows
 * the siginfo of an int3, which then comes in as the sent one.  trap.c tells
 * them apart; the sent one is sent again, and gets its own siginfo when it is
 * delivered.
 *
 * A mask that the program has changed since the last stop that showed it is
 * guessed: whoever blocks all other signals is taken to block this one.
 *
 * No locks.
 */
#include "host.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIG_BIT(n) (1ull << ((n)-1))
#define TRAP_BIT   SIG_BIT(SIGTRAP)

/* Signals that can be blocked, and that a program which blocks "all" has in its mask. */
#define ORDINARY (0x7fffffffull & ~(SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP) | TRAP_BIT))

/* --- delivery ------------------------------------------------------------------------- */

/* Raised by the instruction, with an address that has to do with it. */
bool signal_is_fault(const siginfo_t *info)
{
	if (info->si_code <= 0)
		return false;
	switch (info->si_signo) {
	case SIGSEGV:
	case SIGILL:
	case SIGFPE:
	case SIGTRAP:
	case SIGSYS:
		return true;
	case SIGBUS:
		return info->si_code != BUS_MCEERR_AO;
	default:
		return false;
	}
}

static void replace_info(struct host_task *t, siginfo_t *info, const struct utrace_signal *sig)
{
	info->si_signo = sig->signo;
	info->si_code = sig->code;
	if (sig->fault)
		info->si_addr = (void *)sig->addr;
	host_ptrace(PTRACE_SETSIGINFO, t->tid, 0, (unsigned long)info);
}

static bool may_hold(const struct host_task *t)
{
	/* about to be let go, whatever anybody wants */
	if (home_closing(t->home) && t->parked)
		return false;
	/* held again, and for nothing: it would be for ever */
	return !t->again || utrace_signal_is_held(t->ut);
}

/* What the engines want done with it: t->signo and t->wish */
static void ask(struct host_task *t, siginfo_t *info)
{
	enum utrace_signal_action action = UTRACE_SIG_DELIVER;
	struct utrace_signal sig = {
		.signo = info->si_signo,
		.code = info->si_code,
		.fault = signal_is_fault(info),
		.home = info,
	};

	if (sig.fault)
		sig.addr = (u64)info->si_addr;
	t->wish = utrace_report_signal(t->ut, &sig, &action);
	if (action == UTRACE_SIG_REPLACE)
		replace_info(t, info, &sig);
	t->signo = action == UTRACE_SIG_IGNORE ? 0 : sig.signo;
	/* by then the thread will be where it belongs */
	if (action == UTRACE_SIG_HOLD && sig.fault)
		info->si_addr = (void *)sig.addr;
	if (action == UTRACE_SIG_HOLD && may_hold(t) && !hold_keep(t, info))
		t->signo = 0;
}

void signal_report(struct host_task *t, siginfo_t *info)
{
	/* the program ignores it; only the kernel does not know any more */
	if (info->si_signo == SIGTRAP && !signal_is_fault(info) && t->proc->trap.ignored &&
	    (t->proc->trap.spoiled || t->proc->trap.installed))
		t->signo = 0;
	else
		ask(t, info);
	task_settle(t);
}

void signal_stopped(struct host_task *t)
{
	siginfo_t info;

	if (host_ptrace(PTRACE_GETSIGINFO, t->tid, 0, (unsigned long)&info) < 0)
		return;
	sigtrap_mask_seen(t);
	signal_own_info(t, &info);
	survive_leave(t);
	signal_report(t, &info);
}

/*
 * It was reported, and then its thread was held: text has changed under it, and it has been moved into
 * memory of ours.  Its handler is not to see that: the engines are asked once more.
 * Return: they were.
 */
bool signal_again(struct host_task *t)
{
	siginfo_t info;
	u64 pc;

	if (!t->signo || t->kind != STOP_SIGNAL || t->asked_again || !t->mm || regs_pc(t, &pc) ||
	    !area_has(t->mm, pc, 1) || host_ptrace(PTRACE_GETSIGINFO, t->tid, 0, (unsigned long)&info) < 0)
		return false;
	t->asked_again = true;
	ask(t, &info);
	return true;
}

/* --- the mask ---------------------------------------------------------------------------- */

static int get_mask(struct host_task *t, u64 *mask)
{
	return (int)host_ptrace(PTRACE_GETSIGMASK, t->tid, sizeof(*mask), (unsigned long)mask);
}

/* At a stop that is no trap the mask is the program's. */
void sigtrap_mask_seen(struct host_task *t)
{
	t->mask_known = !get_mask(t, &t->mask);
	t->trap_mask_known = false;
}

static bool was_blocked(const struct host_task *t, u64 mask)
{
	if (t->mask_known && (t->mask & ~TRAP_BIT) == mask)
		return t->mask & TRAP_BIT;
	return (mask & ORDINARY) == ORDINARY;
}

static void put_back(struct host_task *t, u64 mask)
{
	struct trap_disposition *trap = &t->proc->trap;

	mask |= TRAP_BIT;
	host_ptrace(PTRACE_SETSIGMASK, t->tid, sizeof(mask), (unsigned long)&mask);
	if (trap->ignored || trap->caught || trap->installed)
		trap->spoiled = true;
	survive_blocked(t);
}

bool sigtrap_blocked(struct host_task *t)
{
	u64 mask;

	return !get_mask(t, &mask) && (mask & TRAP_BIT || was_blocked(t, mask));
}

/* A trap was forced on the thread: undo what that did to its mask. */
void sigtrap_after_trap(struct host_task *t)
{
	u64 mask;

	if (t->proc->trap.ignored && !t->proc->trap.installed)
		t->proc->trap.spoiled = true;
	if (get_mask(t, &mask))
		return;
	if (!t->trap_mask_known || t->trap_mask != mask) {
		t->trap_mask = mask;
		t->trap_mask_known = true;
		t->trap_blocked = was_blocked(t, mask);
	}
	if (t->trap_blocked)
		put_back(t, mask);
}

/*
 * The second trap of a hit.  What was blocked at the first was put back then,
 * and is unblocked again; nothing else has happened to the mask since.
 */
void sigtrap_after_step(struct host_task *t)
{
	if (t->trap_blocked || (t->proc->trap.ignored && !t->proc->trap.installed))
		sigtrap_after_trap(t);
}

/* --- the action ---------------------------------------------------------------------------- */

/*
 * 64 bytes of the stack beyond the red zone, put back afterwards.  The kernel writes to them, so that they
 * are not taken from memory of ours, which is not writable; other threads may run, but so little any stack has left.
 */
int scratch_take(struct host_task *t, struct scratch *s)
{
	if (regs_load(t))
		return -ESRCH;
	s->addr = (t->regs.rsp - 256) & ~(u64)15;
	return mem_get(t->mm, s->addr, s->saved, sizeof(s->saved));
}

void scratch_put(struct host_task *t, const struct scratch *s)
{
	/* also if a stop of its own is queued: it has not run yet */
	if (t->mm)
		mem_put(t->mm, s->addr, s->saved, sizeof(s->saved));
}

static int call_sigaction(struct host_task *t, u64 new_action, u64 old_action)
{
	u64 args[6] = {SIGTRAP, new_action, old_action, 8};

	return (int)inject(t, CALL_SIGACTION, args);
}

/* The kernel's struct sigaction of a 32-bit program. */
struct action32 {
	u32 handler, flags, restorer;
	u32 mask[2];
};

static void action_to_32(u8 *buf, const u64 action[4])
{
	struct action32 a = {
		.handler = (u32)action[0],
		.flags = (u32)action[1],
		.restorer = (u32)action[2],
		.mask = {(u32)action[3], (u32)(action[3] >> 32)},
	};

	memcpy(buf, &a, sizeof(a));
}

static void action_from_32(u64 action[4], const u8 *buf)
{
	struct action32 a;

	memcpy(&a, buf, sizeof(a));
	action[0] = a.handler;
	action[1] = a.flags;
	action[2] = a.restorer;
	action[3] = a.mask[0] | (u64)a.mask[1] << 32;
}

/* A struct sigaction of the kernel's, in the program's memory. */
int sigtrap_read(struct host_mm *mm, u64 addr, u64 action[4])
{
	size_t size = mm->mode32 ? sizeof(struct action32) : 32;
	u8 buf[32];
	int r = mem_get(mm, addr, buf, size);

	if (!r && mm->mode32)
		action_from_32(action, buf);
	else if (!r)
		memcpy(action, buf, sizeof(buf));
	return r;
}

int sigtrap_write(struct host_mm *mm, u64 addr, const u64 action[4])
{
	u8 buf[sizeof(struct action32)];

	if (!mm->mode32)
		return mem_put(mm, addr, action, 32);
	action_to_32(buf, action);
	return mem_put(mm, addr, buf, sizeof(buf));
}

/* One call: @new_action is set, if there is one; @old_action is what was there. */
int sigtrap_exchange(struct host_task *t, const u64 new_action[4], u64 old_action[4])
{
	struct scratch s;
	int r = scratch_take(t, &s);

	if (!r && new_action)
		r = sigtrap_write(t->mm, s.addr, new_action);
	if (!r)
		r = call_sigaction(t, new_action ? s.addr : 0, s.addr + 32);
	if (!r)
		r = sigtrap_read(t->mm, s.addr + 32, old_action);
	scratch_put(t, &s);
	return r;
}

static void read_action(struct host_task *t, struct trap_disposition *trap)
{
	trap->action_known = !sigtrap_exchange(t, NULL, trap->action);
}

/* Ours, where it is in place of the program's. */
static int write_action(struct host_task *t, struct trap_disposition *trap)
{
	u64 action[4], old[4];

	memcpy(action, trap->action, sizeof(action));
	if (trap->installed)
		survive_action(t, action);
	return sigtrap_exchange(t, action, old);
}

static void look_at_status(struct host_proc *proc, pid_t tid)
{
	struct trap_disposition *trap = &proc->trap;
	struct proc_status st;

	if (proc_status(tid, &st))
		return;
	trap->ignored = st.sig_ignored & TRAP_BIT;
	trap->caught = st.sig_caught & TRAP_BIT;
}

/* At attach, before any trap of ours; @t is stopped. */
void sigtrap_snapshot(struct host_task *t)
{
	struct trap_disposition *trap = &t->proc->trap;

	memset(trap, 0, sizeof(*trap));
	look_at_status(t->proc, t->tid);
	if (trap->caught || trap->ignored)
		read_action(t, trap);
	survive_recognise(t);
}

void sigtrap_inherit(struct host_proc *proc, const struct host_proc *from)
{
	proc->trap = from->trap;
}

/*
 * Give the program its action back.  If it has set one itself since, that stands.
 * Return: 0, or why it could not be done.
 */
int sigtrap_restore(struct host_task *t)
{
	struct trap_disposition *trap = &t->proc->trap;
	struct proc_status st;
	int r = 0;

	if (!trap->spoiled)
		return 0;
	if (proc_status(t->tid, &st))
		return -ESRCH;
	if (!((st.sig_ignored | st.sig_caught) & TRAP_BIT)) {
		if (trap->ignored && !trap->action_known) {
			memset(trap->action, 0, sizeof(trap->action));
			trap->action[0] = (u64)SIG_IGN;
			trap->action_known = true;
		}
		r = trap->action_known || trap->installed ? write_action(t, trap) : -ENODATA;
	}
	if (r && r != -ESRCH && (trap->ignored || trap->caught))
		home_note(t->home, UPR_NOTE_SIGTRAP, t->proc,
			  "process %d blocks or ignores SIGTRAP; probes reset that, and it could not be put back: %s",
			  t->proc->pid, r == -EPERM ? "its seccomp filter is not to be provoked" : strerror(-r));
	trap->spoiled = r;
	return r;
}

/* An ignored signal stays ignored in the new program. */
void sigtrap_after_exec(struct host_task *t)
{
	if (t->proc->trap.spoiled && t->proc->trap.ignored)
		sigtrap_restore(t);
	if (t->state == TASK_STOPPED && !t->proc->trap.spoiled && !t->proc->trap.installed)
		look_at_status(t->proc, t->tid);
}
