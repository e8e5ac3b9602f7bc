// SPDX-License-Identifier: GPL-2.0
/*
 * process.c - processes and address spaces come and go.
 *
 * Purpose: fork, vfork, clone in every flavour, exec, exit.  A child's first
 * stop may come before or after its parent's event: when the event comes, the
 * child's stop is waited for (it is attached and cannot but stop), so that both are
 * there when the engine hears of it.  A stop that came first waits on home->early.
 *
 * No locks.
 */
#include "host.h"

#include <linux/kcmp.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CHILD_MS 5000

/* --- processes --------------------------------------------------------------------- */

struct host_proc *proc_find(struct upr_home *home, pid_t pid)
{
	struct host_task *t = task_find(home, pid);
	struct host_proc *proc;

	if (t && t->proc->pid == pid)
		return t->proc;
	/* its first thread may be gone */
	list_for_each_entry(proc, &home->procs, node)
		if (proc->pid == pid)
			return proc;
	return NULL;
}

struct host_proc *proc_new(struct upr_home *home, pid_t pid)
{
	struct host_proc *proc = calloc(1, sizeof(*proc));

	if (!proc)
		return NULL;
	proc->home = home;
	proc->pid = pid;
	INIT_LIST_HEAD(&proc->tasks);
	list_add_tail(&proc->node, &home->procs);
	return proc;
}

/* A thread leaves; the last one takes the process with it. */
void proc_put_task(struct host_task *t, int status)
{
	struct host_proc *proc = t->proc;
	struct upr_home *home = t->home;

	list_del_init(&t->node);
	t->proc = NULL;
	if (t->tid == proc->pid)
		proc->wstatus = status;
	if (!list_empty(&proc->tasks))
		return;
	list_del(&proc->node);
	if (!proc->released && home->client.exited) {
		home->client.exited(home->data, proc->pid, proc->wstatus);
		home->spent = true;
	}
	free(proc);
}

/* --- address spaces ------------------------------------------------------------------- */

/* Is its program a 32-bit one?  The code segment tells, the file need not be readable. */
bool task_mode32(struct host_task *t)
{
	return !regs_load(t) && t->regs.cs == 0x23;
}

/* Both alive. */
bool same_vm(pid_t a, pid_t b)
{
	return syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0) == 0;
}

struct host_mm *mm_new(struct upr_home *home, bool mode32, unsigned int env)
{
	struct host_mm *mm = calloc(1, sizeof(*mm));

	if (!mm)
		return NULL;
	mm->home = home;
	mm->fd = -1;
	mm->mode32 = mode32;
	mm->env = env;
	INIT_LIST_HEAD(&mm->areas);
	INIT_LIST_HEAD(&mm->tasks);
	mm->mm = upr_mm_new(home->session, &host_ops, mm, mode32 ? UPR_INSN_32 : UPR_INSN_64, env);
	if (!mm->mm) {
		free(mm);
		return NULL;
	}
	if (home->detaching)
		upr_mm_disarm(mm->mm);
	list_add_tail(&mm->node, &home->mms);
	return mm;
}

struct host_mm *mm_new_of(struct host_task *t)
{
	return mm_new(t->home, task_mode32(t), proc_shadow_stack(t->tid) ? UPR_ENV_SHSTK : 0);
}

void mm_free(struct host_mm *mm)
{
	list_del(&mm->node);
	area_forget(mm);
	upr_mm_put(mm->mm);
	mem_close(mm);
	maps_free(&mm->maps);
	addr_set_free(&mm->planted);
	free(mm->seen);
	free(mm);
}

int mm_enter(struct host_task *t, struct host_mm *mm)
{
	struct host_mm *old = t->mm;
	int r;

	if (old)
		list_del_init(&t->mm_node);
	t->mm = mm;
	list_add_tail(&t->mm_node, &mm->tasks);
	r = upr_task_set_mm(t->ut, mm->mm);
	if (old && list_empty(&old->tasks) && !old->kept)
		mm_free(old);
	return r;
}

void mm_leave(struct host_task *t)
{
	struct host_mm *old = t->mm;

	if (!old)
		return;
	list_del_init(&t->mm_node);
	t->mm = NULL;
	upr_task_set_mm(t->ut, NULL);
	if (list_empty(&old->tasks) && !old->kept)
		mm_free(old);
}

/* Somebody through whom /proc shows this address space; 0 nobody.  A zombie shows none. */
static struct host_task *mm_any_task(const struct host_mm *mm)
{
	struct host_task *t, *last = NULL;

	list_for_each_entry(t, &mm->tasks, mm_node) {
		last = t;
		if (t->state != TASK_ZOMBIE)
			return t;
	}
	return last;
}

pid_t mm_any_tid(const struct host_mm *mm)
{
	struct host_task *t = mm_any_task(mm);

	return t ? t->tid : 0;
}

pid_t mm_any_pid(const struct host_mm *mm)
{
	struct host_task *t = mm_any_task(mm);

	return t ? t->proc->pid : 0;
}

struct host_task *mm_stopped_task(const struct host_mm *mm)
{
	struct host_task *t;

	list_for_each_entry(t, &mm->tasks, mm_node)
		if (t->state == TASK_STOPPED)
			return t;
	return NULL;
}

/* --- clone, fork, vfork ------------------------------------------------------------------ */

/* The child has its own copy of everything: breakpoints, slots, what is known of the maps. */
static struct host_mm *fork_mm(struct host_mm *from, bool inherit)
{
	struct host_mm *mm = mm_new(from->home, from->mode32, from->env);

	if (!mm)
		return NULL;
	if (!inherit)
		upr_mm_disarm(mm->mm);
	mm->rendezvous = from->rendezvous;
	mm->syscall_insn = from->syscall_insn;
	mm->ready = from->ready;
	mm->rseq = from->rseq;
	mm->rseq_used = from->rseq_used;
	maps_copy(&mm->maps, &from->maps);
	addr_set_copy(&mm->planted, &from->planted);
	areas_copy(mm, from);
	survive_copy(mm, from);
	mm->seen = malloc(from->nr_seen * sizeof(*mm->seen));
	if (mm->seen) {
		memcpy(mm->seen, from->seen, from->nr_seen * sizeof(*mm->seen));
		mm->nr_seen = from->nr_seen;
	}
	return mm;
}

static struct host_task *child_task(struct host_task *parent, pid_t tid, pid_t tgid)
{
	struct upr_home *home = parent->home;
	struct host_proc *proc = proc_find(home, tgid);
	struct host_task *child;

	if (!proc) {
		proc = proc_new(home, tgid);
		if (!proc)
			return NULL;
		proc->starting = parent->proc->starting;
		proc->told_ready = parent->proc->told_ready;
		proc->unfollowed = home->options.no_inherit || parent->proc->unfollowed;
		sigtrap_inherit(proc, parent->proc);
	}
	child = task_new(home, tid, proc);
	if (!child && list_empty(&proc->tasks)) {
		list_del(&proc->node);
		free(proc);
	}
	return child;
}

/* Tid of a thread that is sure to be ours and about to stop. */
static int first_stop(struct upr_home *home, pid_t tid, int *status)
{
	if (home_take_early(home, tid, status))
		return 0;
	return wait_tid(tid, status, CHILD_MS);
}

/* An int3 would kill it, and it cannot be given its text back: say so at least. */
static void lost_child(struct host_task *parent, pid_t tid)
{
	home_note(parent->home, UPR_NOTE_UNFOLLOWED, parent->proc,
		  "child %d of process %d could not be followed: out of memory", tid, parent->proc->pid);
	host_ptrace(PTRACE_DETACH, tid, 0, 0);
}

/* @child, stopped, has a copy of @from, and has not been told of. */
int mm_enter_forked(struct host_task *child, struct host_mm *from, bool inherit)
{
	struct host_mm *mm = fork_mm(from, inherit);

	if (!mm)
		return -ENOMEM;
	/* through whom its memory is reached while its text is put right */
	child->mm = mm;
	list_add_tail(&child->mm_node, &mm->tasks);
	upr_report_fork(from->mm, mm->mm);
	list_del_init(&child->mm_node);
	child->mm = NULL;
	return mm_enter(child, mm);
}

static unsigned int enter_child_mm(struct host_task *parent, struct host_task *child, enum stop_kind kind)
{
	unsigned int flags = kind == STOP_VFORK ? UTRACE_CLONE_VFORK : 0;

	if (child->proc == parent->proc) {
		mm_enter(child, parent->mm);
		return flags | UTRACE_CLONE_THREAD | UTRACE_CLONE_VM;
	}
	if (same_vm(parent->tid, child->tid)) {
		mm_enter(child, parent->mm);
		return flags | UTRACE_CLONE_VM;
	}
	mm_enter_forked(child, parent->mm, !child->proc->unfollowed);
	return flags;
}

static void adopt(struct host_task *parent, pid_t tid, int status, enum stop_kind kind)
{
	struct proc_status st;
	struct host_task *child;
	unsigned int flags;
	bool doubled;

	if (proc_status(tid, &st))
		return;
	child = child_task(parent, tid, st.tgid);
	if (!child) {
		lost_child(parent, tid);
		return;
	}
	task_mark_stopped(child, status);
	child->parked = home_closing(parent->home);
	sigtrap_mask_seen(child);
	task_pin_inherit(child, parent);
	flags = enter_child_mm(parent, child, kind);
	doubled = child->mm == parent->mm && rseq_child_born(parent, child);
	parent->wish = utrace_report_clone(parent->ut, child->ut, flags);
	if (doubled)
		upr_report_ready(child->mm->mm);
	/* it stays where it is until its text is its own, and is then let go */
	if (child->mm != parent->mm && child->proc->unfollowed) {
		child->parked = true;
		parent->home->releasing = true;
	}
	task_make_ready(child);
}

void clone_stopped(struct host_task *t)
{
	unsigned long msg = 0;
	int status;

	if (host_ptrace(PTRACE_GETEVENTMSG, t->tid, 0, (unsigned long)&msg) < 0)
		return;
	/* known already: the event was so late that the child was taken for an orphan */
	if (!task_find(t->home, (pid_t)msg) && !first_stop(t->home, (pid_t)msg, &status) && WIFSTOPPED(status))
		adopt(t, (pid_t)msg, status, t->kind);
	task_settle(t);
}

static struct host_task *likely_parent(struct upr_home *home, pid_t tid)
{
	struct host_proc *proc, *own;
	struct proc_status st;

	if (proc_status(tid, &st))
		return NULL;
	own = proc_find(home, st.tgid);
	proc = own ? own : proc_find(home, st.ppid);
	if (!proc || list_empty(&proc->tasks))
		return NULL;
	return list_first_entry(&proc->tasks, struct host_task, node);
}

/*
 * Its parent was killed before it could tell of it.  Return: 0, or -ESRCH when
 * nobody knows whose it is (its text may hold breakpoints of ours: keep it).
 */
int process_adopt_orphan(struct upr_home *home, pid_t tid, int status)
{
	struct host_task *parent = likely_parent(home, tid);

	if (!parent || !parent->mm)
		return -ESRCH;
	adopt(parent, tid, status, STOP_CLONE);
	return 0;
}

/* --- exec ------------------------------------------------------------------------------------ */

static bool is_privileged(const char *path, const struct proc_status *st)
{
	struct statvfs fs;
	struct stat file;

	if (stat(path, &file) || (!statvfs(path, &fs) && (fs.f_flag & ST_NOSUID)) || st->no_new_privs)
		return false;
	if ((file.st_mode & S_ISUID) && file.st_uid != st->euid)
		return true;
	if ((file.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && file.st_gid != st->egid)
		return true;
	return st->euid && getxattr(path, "security.capability", NULL, 0) > 0;
}

/* Under a tracer without privilege the kernel ignores set-user-ID. */
static void note_setuid(struct host_task *t)
{
	char exe[40], path[4096];
	struct proc_status st;
	ssize_t n;

	snprintf(exe, sizeof(exe), "/proc/%d/exe", t->tid);
	if (proc_status(t->tid, &st) || !is_privileged(exe, &st))
		return;
	n = readlink(exe, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = 0;
	home_note(t->home, UPR_NOTE_SETUID, t->proc,
		  "%s (process %d) runs without the privilege its set-user-ID or capabilities would give it: "
		  "it is traced by a user who has not got that",
		  path, t->proc->pid);
}

/* The thread that executed takes the name of the first thread, which is gone without a word. */
static struct host_task *exec_survivor(struct host_task *t, pid_t former)
{
	struct host_task *self = former == t->tid ? NULL : task_find(t->home, former);
	struct host_proc *proc = t->proc;
	struct host_task *other, *next;
	pid_t tid = t->tid;

	if (self) {
		self->kind = t->kind;
		self->state = TASK_STOPPED;
		self->signo = 0;
		regs_forget(self);
		task_uninterrupted(self);
		task_gone(t, 0);
		task_rename(self, tid);
		t = self;
	}
	list_for_each_entry_safe(other, next, &proc->tasks, node)
		if (other != t)
			task_gone(other, 0);
	return t;
}

static void forget_process_image(struct host_proc *proc)
{
	proc->starting = false;
	proc->told_ready = false;
	proc->notes = 0;
	survive_after_exec(proc);
	proc->trap.caught = false;
	proc->trap.action_known = false;
}

void exec_stopped(struct host_task *t)
{
	unsigned long former = (unsigned long)t->tid;
	struct host_mm *mm;

	host_ptrace(PTRACE_GETEVENTMSG, t->tid, 0, (unsigned long)&former);
	t = exec_survivor(t, (pid_t)former);
	t->group_stopped = false;
	forget_process_image(t->proc);
	if (t->proc->unfollowed) {
		task_release(t);
		return;
	}
	mm = mm_new_of(t);
	if (!mm || mm_enter(t, mm)) {
		home_note(t->home, UPR_NOTE_UNFOLLOWED, t->proc, "process %d is not followed any more: out of memory",
			  t->proc->pid);
		task_release(t);
		return;
	}
	mm->fresh = true;
	t->wish = utrace_report_exec(t->ut);
	process_started(t);
	sigtrap_after_exec(t);
	task_settle(t);
}

/* A new program stands before its first instruction. */
void process_started(struct host_task *t)
{
	if (home_closing(t->home))
		return;
	note_setuid(t);
	sigtrap_mask_seen(t);
	upr_batch_begin(t->home->session);
	loader_init(t, true);
	maps_scan(t->mm);
	loader_started(t);
	upr_batch_end(t->home->session);
}

/* --- exit ------------------------------------------------------------------------------------- */

void exit_stopped(struct host_task *t)
{
	unsigned long code = 0;

	host_ptrace(PTRACE_GETEVENTMSG, t->tid, 0, (unsigned long)&code);
	t->wish = utrace_report_exit(t->ut, (int)code);
	task_settle(t);
}
