// SPDX-License-Identifier: GPL-2.0
/*
 * release.c - letting go of programs that need nobody, and coming back to them.
 *
 * Purpose: a program all of whose probes are jumps counts by itself.  So it can be let
 * go: signals cost nothing extra, and a debugger can have it.  Its address space stays known here
 * as it was, with no task in it.  At the end it is seized again, and with it all its
 * descendants that have the same counters mapped: they are found by the number of that
 * memory in /proc/PID/maps.
 *
 * What has executed another program in between has nothing of ours any more, and shows that by having
 * no such mapping.
 *
 * A handler for faults, if displaced instructions may fault, would see addresses in pads.  So a
 * program that has one is not let go; a new one gets the time to set its handlers first;
 * and one that sets a handler later is taken back as soon as that is seen.
 *
 * No locks.
 */
#include "host.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LET_GO_MS 5000
/* Threads that could not be let go yet are looked at this often. */
#define LATE_MS 20
/* A new program sets its handlers within this time, or is taken back later. */
#define SETTLE_MS 100
/* Handlers are looked for this often. */
#define LOOK_MS 50
/* Descendants may make descendants while they are looked for. */
#define SEARCHES 100

/**
 * struct let_go - a process that was let go
 * @fd:		pidfd, or -1: its end has been told
 * @mm:		what it had
 * @can_fault:	instructions in its pads may
 * @reaped:	@wstatus is how it ended
 */
struct let_go {
	struct list_head node;
	pid_t pid;
	int fd;
	struct host_mm *mm;
	bool can_fault;
	bool reaped;
	int wstatus;
};

static int pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* --- may they go? -------------------------------------------------------------------- */

static bool any_starting(const struct upr_home *home)
{
	const struct host_proc *proc;
	u64 now = home_now_ms();

	list_for_each_entry(proc, &home->procs, node)
		if (proc->starting || !proc->told_ready || (proc->ready_at && now - proc->ready_at < SETTLE_MS))
			return true;
	return home->any_parked || !list_empty(&home->early);
}

/* Does a handler look at where an instruction has faulted? */
static bool catches_faults(pid_t tid)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	struct proc_status st;
	unsigned int i;

	if (proc_status(tid, &st))
		return false;
	for (i = 0; i < ARRAY_SIZE(faults); i++)
		if (st.sig_caught & (1ull << (faults[i] - 1)))
			return true;
	return false;
}

static int check_faults(struct host_mm *mm, struct upr_why *why)
{
	struct host_task *t;

	if (!upr_mm_jumps_can_fault(mm->mm))
		return 0;
	list_for_each_entry(t, &mm->tasks, mm_node)
		if (catches_faults(t->tid))
			return why_set(
				why, -EBUSY, 1,
				"process %d is not let go: it has a handler for faults, and instructions that "
				"jumps have displaced may fault: left alone, the handler would see addresses that it "
				"does not know",
				t->proc->pid);
	return 0;
}

static int check_jumps(struct upr_home *home, struct upr_why *why)
{
	struct host_mm *mm;

	list_for_each_entry(mm, &home->mms, node) {
		if (upr_mm_jumps_only(mm->mm) || upr_mm_idle(mm->mm))
			continue;
		return why_set(why, -EBUSY, 1,
			       "process %d is not let go: some places in it are no jumps, and need somebody at its "
			       "side; stat -v says which, and why",
			       mm_any_pid(mm));
	}
	list_for_each_entry(mm, &home->mms, node) {
		int r = check_faults(mm, why);

		if (r)
			return r;
	}
	return 0;
}

/* Back to following: what was loaded meanwhile has not been seen. */
static void stay(struct upr_home *home)
{
	struct host_mm *mm;

	loader_resume(home);
	list_for_each_entry(mm, &home->mms, node)
		maps_scan(mm);
	upr_home_sync(home);
}

/* --- letting go -------------------------------------------------------------------------- */

static int remember(struct upr_home *home, struct host_proc *proc)
{
	struct host_task *t = list_first_entry(&proc->tasks, struct host_task, node);
	struct let_go *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->pid = proc->pid;
	l->fd = pidfd_open(proc->pid);
	l->mm = t->mm;
	if (l->mm) {
		l->mm->kept = true;
		l->mm->mm->loose = true;
		l->can_fault = upr_mm_jumps_can_fault(l->mm->mm);
	}
	list_add_tail(&l->node, &home->let_go);
	return 0;
}

static int remember_all(struct upr_home *home)
{
	struct host_proc *proc;
	int r = 0;

	list_for_each_entry(proc, &home->procs, node)
		if (!r)
			r = remember(home, proc);
	return r;
}

static void forget(struct let_go *l)
{
	list_del(&l->node);
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

static void forget_all(struct upr_home *home)
{
	struct let_go *l, *next;

	list_for_each_entry_safe(l, next, &home->let_go, node)
		forget(l);
}

int upr_home_release(struct upr_home *home, struct upr_why *why)
{
	int r;

	if (home->letting_go || !home->nr_tasks)
		return 0;
	if (any_starting(home))
		return -EAGAIN;
	loader_pause(home);
	r = upr_home_sync(home);
	if (r == -ETIMEDOUT)
		why_set(why, r, 1,
			"nobody is let go: a thread does not stop, so the loader's probe cannot be taken out");
	if (!r)
		r = check_jumps(home, why);
	if (!r)
		r = remember_all(home);
	if (r) {
		forget_all(home);
		stay(home);
		return r;
	}
	home->letting_go = true;
	home_park_all(home);
	home_remove_handlers(home);
	home_let_go(home, LET_GO_MS);
	home_unpin(home);
	return 0;
}

/* --- while they are on their own ------------------------------------------------------------- */

/* A wait for stragglers has met the end of one that is our child. */
void released_ended(struct upr_home *home, pid_t pid, int wstatus)
{
	struct let_go *l;

	list_for_each_entry(l, &home->let_go, node) {
		if (l->pid != pid || l->fd < 0)
			continue;
		l->reaped = true;
		l->wstatus = wstatus;
	}
}

static void has_ended(struct upr_home *home, struct let_go *l)
{
	/* a command is our child; of others the kernel does not tell how they ended */
	if (!l->reaped)
		waitpid(l->pid, &l->wstatus, WNOHANG);
	close(l->fd);
	l->fd = -1;
	if (home->client.exited)
		home->client.exited(home->data, l->pid, l->wstatus);
}

static unsigned int collect_fds(struct upr_home *home, struct pollfd **ret)
{
	struct let_go *l;
	unsigned int nr = 0;

	list_for_each_entry(l, &home->let_go, node)
		nr += l->fd >= 0;
	*ret = calloc(nr ? nr : 1, sizeof(**ret));
	BUG_ON(!*ret);
	nr = 0;
	list_for_each_entry(l, &home->let_go, node)
		if (l->fd >= 0)
			(*ret)[nr++] = (struct pollfd){.fd = l->fd, .events = POLLIN};
	return nr;
}

static int tell_ends(struct upr_home *home, const struct pollfd *fds, unsigned int nr)
{
	struct let_go *l;
	unsigned int i;
	int told = 0;

	list_for_each_entry(l, &home->let_go, node) {
		for (i = 0; i < nr; i++) {
			if (fds[i].fd != l->fd || !fds[i].revents)
				continue;
			has_ended(home, l);
			told = 1;
			break;
		}
	}
	return told;
}

/* --- coming back --------------------------------------------------------------------------------- */

static const struct host_area *counters_of(const struct host_mm *mm, struct upr_file_key key)
{
	const struct host_area *area;

	list_for_each_entry(area, &mm->areas, node)
		if (area->counters && area->key.dev == key.dev && area->key.ino == key.ino)
			return area;
	return NULL;
}

struct counters_search {
	struct upr_home *home;
	struct host_mm *mm;
	u64 addr;
};

/* Whose counters does it have, where that one has them? */
static int look_for_counters(void *data, const struct map_line *line)
{
	struct counters_search *s = data;
	const struct host_area *area;
	struct host_mm *mm;

	if (line->perms[3] != 's' || !line->key.ino)
		return 0;
	list_for_each_entry(mm, &s->home->mms, node) {
		area = mm->kept ? counters_of(mm, line->key) : NULL;
		if (!area || area->addr != line->start)
			continue;
		s->mm = mm;
		return 1;
	}
	return 0;
}

static int look_in(void *data, pid_t tid)
{
	return maps_each(tid, look_for_counters, data) == 1;
}

static struct host_mm *mm_by_counters(struct upr_home *home, pid_t pid)
{
	struct counters_search s = {.home = home};

	/* a first thread that is dead shows no mappings, the others do */
	if (maps_each(pid, look_for_counters, &s) == -ESRCH)
		proc_each_task(pid, look_in, &s);
	return s.mm;
}

static void keep_why(struct upr_why *why, const struct upr_why *first)
{
	if (why && !why->text[0])
		*why = *first;
}

static int cannot_have(struct upr_home *home, pid_t pid, int error, struct upr_why *why)
{
	struct upr_why own = {.text = ""}, all = {.text = ""};

	permission_why(&own, pid, error);
	why_set(&all, error, 1,
		"%.300s. What counts in it stays and does no harm; 'perf-uprobe repair -p %d' takes it away later",
		own.text, pid);
	keep_why(why, &all);
	attach_give_up(home);
	return error;
}

/* Stopped, and as it was when it was let go?  It may have executed another program just now. */
static int seize_again(struct upr_home *home, pid_t pid, struct host_mm *mm, bool forked, struct upr_why *why)
{
	struct host_proc *proc;
	int r = attach_seize(home, pid);

	if (r == -ESRCH)
		return 0;
	if (r) {
		/* a straggler may be here: without the others nothing must be changed */
		mm->left |= !forked;
		return cannot_have(home, pid, r, why);
	}
	proc = proc_find(home, pid);
	if (!proc)
		return 0;
	if (mm_by_counters(home, pid) != mm) {
		attach_give_up(home);
		return 0;
	}
	if (forked)
		proc->forked_from = mm;
	else
		proc->had = mm;
	return attach_enter(home);
}

static int come_back(struct upr_home *home, struct upr_why *why)
{
	struct let_go *l;
	int r, first = 0;

	list_for_each_entry(l, &home->let_go, node) {
		struct host_mm *mm = l->fd >= 0 && l->mm ? mm_by_counters(home, l->pid) : NULL;

		if (!mm)
			continue;
		r = seize_again(home, l->pid, mm, mm != l->mm, why);
		first = first ? first : r;
	}
	return first;
}

struct descendants {
	struct upr_home *home;
	struct upr_why *why;
	unsigned int news;
	int error;
};

static int is_descendant(void *data, pid_t pid)
{
	struct descendants *s = data;
	struct host_mm *mm;
	int r;

	if (proc_find(s->home, pid))
		return 0;
	mm = mm_by_counters(s->home, pid);
	if (!mm)
		return 0;
	r = seize_again(s->home, pid, mm, true, s->why);
	s->error = s->error ? s->error : r;
	s->news += !r;
	return 0;
}

/* Whatever can be had: 0, or the first error. */
static int bring_back(struct upr_home *home, struct upr_why *why)
{
	struct descendants s = {.home = home, .why = why};
	unsigned int i;
	int r = come_back(home, why);

	for (i = 0; i < SEARCHES; i++) {
		s.news = 0;
		proc_each_process(is_descendant, &s);
		if (!s.news)
			break;
	}
	forget_all(home);
	return r ? r : s.error;
}

int upr_home_reattach(struct upr_home *home, struct upr_why *why)
{
	if (!home->letting_go)
		return 0;
	if (why)
		why->text[0] = 0;
	home->detaching = true;
	home->letting_go = false;
	return bring_back(home, why);
}

/* --- taking them back ------------------------------------------------------------------------------- */

static struct let_go *has_got_handler(struct upr_home *home)
{
	struct let_go *l;

	list_for_each_entry(l, &home->let_go, node)
		if (l->fd >= 0 && l->can_fault && catches_faults(l->pid) && mm_by_counters(home, l->pid))
			return l;
	return NULL;
}

/* All of them, or nobody would be followed as he should. */
static void take_back(struct upr_home *home, const struct let_go *l)
{
	struct upr_why why = {.text = ""};
	pid_t pid = l->pid;
	int r;

	home->letting_go = false;
	r = bring_back(home, &why);
	loader_resume(home);
	if (attach_follow(home) && !r)
		r = -ETIMEDOUT;
	released_forget(home);
	if (home->client.note)
		home->client.note(home->data, UPR_NOTE_OTHER, pid,
				  r ? why.text : "a handler for faults has been set: the processes are traced again");
}

/* upr_home_run() for those that were let go.  One wait; stragglers are let go as they stop. */
int released_run(struct upr_home *home, int timeout_ms)
{
	struct let_go *l = has_got_handler(home);
	unsigned int nr;
	struct pollfd *fds;
	int r;

	if (l) {
		take_back(home, l);
		return 1;
	}
	timeout_ms = timeout_ms < 0 ? LOOK_MS : min(timeout_ms, LOOK_MS);
	if (home->nr_tasks) {
		while (home_step(home, false) > 0)
			;
		home_let_go(home, 0);
		timeout_ms = min(timeout_ms, LATE_MS);
	}
	nr = collect_fds(home, &fds);
	if (!nr && !home->nr_tasks) {
		free(fds);
		return -ECHILD;
	}
	r = poll(fds, nr, timeout_ms);
	r = r > 0 ? tell_ends(home, fds, nr) : 0;
	free(fds);
	return r;
}

/* Everything is over: address spaces that nobody has come back to. */
void released_forget(struct upr_home *home)
{
	struct host_mm *mm, *next;

	list_for_each_entry_safe(mm, next, &home->mms, node) {
		mm->kept = false;
		if (list_empty(&mm->tasks))
			mm_free(mm);
	}
}
