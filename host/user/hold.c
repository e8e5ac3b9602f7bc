// SPDX-License-Identifier: GPL-2.0
/*
 * hold.c - signals that wait until their thread has left a pad.
 *
 * Purpose: a signal answered UTRACE_SIG_HOLD is kept here, siginfo and all, while the
 * thread is stepped to a place where a handler may see it.  Then it is sent again, under our name,
 * comes in as a new one, gets its own siginfo back and is reported again.
 *
 * It could be delivered from the trap of the last step as well, with one stop less.  But if the
 * tool is killed just then the kernel delivers that trap, with another's siginfo, and the
 * program dies of it; a signal that was sent is in the kernel's hands.  For the same reason the
 * program's mask is left alone meanwhile: a program that never gets its signals
 * again is worse than one that has missed one.  So other signals come in between, and are
 * held as well if the engine says so.
 *
 * One that is sent again meets others of its number.  A standard signal is merged
 * with one that is pending already, a real-time signal queues up behind.  In both cases the first to come in
 * takes the place of the one sent again, and passes its own on: nothing is
 * lost, and the order is kept.
 *
 * No locks.
 */
#include "host.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

/* So many are kept; of more, a standard signal is kept once, as the kernel does it with pending ones. */
#define KEEP_ALL 64u

struct host_signal {
	struct list_head node;
	siginfo_t info;
};

void hold_init(struct host_task *t)
{
	INIT_LIST_HEAD(&t->kept);
	INIT_LIST_HEAD(&t->sent);
}

static void forget(struct host_signal *s)
{
	list_del(&s->node);
	free(s);
}

void hold_free(struct host_task *t)
{
	struct host_signal *s, *next;

	list_for_each_entry_safe(s, next, &t->kept, node)
		forget(s);
	list_for_each_entry_safe(s, next, &t->sent, node)
		forget(s);
}

static bool is_realtime(int signo)
{
	return signo >= 32;
}

static int put_info(struct host_task *t, const siginfo_t *info)
{
	return (int)host_ptrace(PTRACE_SETSIGINFO, t->tid, 0, (unsigned long)info);
}

/* --- sending again ------------------------------------------------------------------ */

/* To wait in the thread's queue until it can be delivered. */
int signal_send_again(struct host_task *t, const siginfo_t *info)
{
	struct host_signal *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->info = *info;
	if (syscall(SYS_tgkill, t->proc->pid, t->tid, info->si_signo)) {
		free(s);
		return -errno;
	}
	list_add_tail(&s->node, &t->sent);
	return 0;
}

/* From another pid namespace the sender is nobody. */
static bool sent_by_us(const siginfo_t *info)
{
	return info->si_code == SI_TKILL && (info->si_pid == getpid() || !info->si_pid);
}

static struct host_signal *first_sent(struct host_task *t, int signo)
{
	struct host_signal *s;

	list_for_each_entry(s, &t->sent, node)
		if (s->info.si_signo == signo)
			return s;
	return NULL;
}

/*
 * A signal has come in: if some of its number were sent again, it is the first one's turn,
 * whichever has come.  Of a standard signal one is pending for all of them.
 */
void signal_own_info(struct host_task *t, siginfo_t *info)
{
	struct host_signal *s = first_sent(t, info->si_signo);
	siginfo_t came = *info;

	t->again = s;
	if (!s)
		return;
	*info = s->info;
	put_info(t, info);
	if (sent_by_us(&came)) {
		forget(s);
	} else {
		s->info = came;
		list_move_tail(&s->node, &t->sent);
	}
	if (!is_realtime(came.si_signo) && first_sent(t, came.si_signo))
		syscall(SYS_tgkill, t->proc->pid, t->tid, came.si_signo);
}

/* --- keeping -------------------------------------------------------------------------- */

static bool too_many(const struct host_task *t, int signo)
{
	const struct host_signal *s;
	unsigned int nr = 0;
	bool same = false;

	list_for_each_entry(s, &t->kept, node) {
		nr++;
		same |= s->info.si_signo == signo;
	}
	return nr >= KEEP_ALL && same && !is_realtime(signo);
}

/* Return: 0, -ENOMEM: it has to be delivered now. */
int hold_keep(struct host_task *t, const siginfo_t *info)
{
	struct host_signal *s;

	if (too_many(t, info->si_signo))
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->info = *info;
	list_add_tail(&s->node, &t->kept);
	return 0;
}

/**
 * hold_settle() - the thread is about to run
 * What nobody holds any more comes in again before it executes anything.
 */
void hold_settle(struct host_task *t)
{
	struct host_signal *s, *next;

	if (utrace_signal_is_held(t->ut))
		return;
	/* one that cannot be sent now is tried again at the next stop */
	list_for_each_entry_safe(s, next, &t->kept, node)
		if (!signal_send_again(t, &s->info))
			forget(s);
}

/* --- letting go -------------------------------------------------------------------------- */

/* Nobody will be there to give it its own siginfo: as much of it as the kernel lets us send. */
static void send_for_good(struct host_task *t, siginfo_t *info)
{
	if (info->si_code < 0 && info->si_code != SI_TKILL &&
	    !syscall(SYS_rt_tgsigqueueinfo, t->proc->pid, t->tid, info->si_signo, info))
		return;
	syscall(SYS_tgkill, t->proc->pid, t->tid, info->si_signo);
}

static bool some_will_come(struct host_task *t)
{
	struct host_signal *s;
	u64 mask = 0;

	if (host_ptrace(PTRACE_GETSIGMASK, t->tid, sizeof(mask), (unsigned long)&mask) < 0)
		return false;
	list_for_each_entry(s, &t->sent, node)
		if (!(mask & (1ull << (s->info.si_signo - 1))))
			return true;
	return false;
}

/**
 * hold_flush() - the thread is about to be let go for good
 * Return: it has to run first: signals of its own are on their way to it.
 */
bool hold_flush(struct host_task *t)
{
	struct host_signal *s, *next;

	if (list_empty(&t->kept) && list_empty(&t->sent))
		return false;
	/* job control keeps it from taking them now */
	if (t->kind == STOP_GROUP) {
		list_for_each_entry_safe(s, next, &t->kept, node) {
			send_for_good(t, &s->info);
			forget(s);
		}
		return false;
	}
	list_for_each_entry_safe(s, next, &t->kept, node)
		if (!signal_send_again(t, &s->info))
			forget(s);
	return some_will_come(t);
}
