// SPDX-License-Identifier: GPL-2.0
/*
 * permission.c - why a process cannot be traced.
 *
 * Purpose: the kernel answers EPERM to everything; which of its rules it was is
 * found out by looking, and said in one sentence with what helps.
 *
 * No locks.
 */
#include "host.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

static int yama_scope(void)
{
	char buf[16];

	return proc_read(buf, sizeof(buf), "/proc/sys/kernel/yama/ptrace_scope") > 0 ? atoi(buf) : 0;
}

static const char *user_name(unsigned int uid, char *buf, size_t size)
{
	struct passwd *pw = getpwuid(uid);

	if (pw)
		snprintf(buf, size, "%s", pw->pw_name);
	else
		snprintf(buf, size, "user %u", uid);
	return buf;
}

static bool privileged(void)
{
	char buf[8192], *at;

	if (proc_read(buf, sizeof(buf), "/proc/self/status") <= 0)
		return false;
	at = strstr(buf, "CapEff:\t");
	/* CAP_SYS_PTRACE */
	return at && (strtoull(at + 8, NULL, 16) >> 19 & 1);
}

/* /proc/PID of a process that must not be looked into belongs to root. */
static bool undumpable(pid_t pid, unsigned int uid)
{
	struct stat st;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	return uid && !stat(path, &st) && st.st_uid == 0;
}

static int why_yama(struct upr_why *why, pid_t pid, const char *name)
{
	switch (yama_scope()) {
	case 1:
		return why_set(
			why, -EPERM, 1,
			"cannot trace process %d (%s): Yama allows only descendants "
			"(kernel.yama.ptrace_scope is 1); start the command under this tool, run the tool as root, "
			"or set that to 0",
			pid, name);
	case 2:
		return why_set(why, -EPERM, 1,
			       "cannot trace process %d (%s): Yama demands CAP_SYS_PTRACE "
			       "(kernel.yama.ptrace_scope is 2); run the tool as root",
			       pid, name);
	case 3:
		return why_set(why, -EPERM, 1,
			       "cannot trace process %d (%s): Yama forbids all tracing until the next "
			       "boot (kernel.yama.ptrace_scope is 3)",
			       pid, name);
	default:
		return 0;
	}
}

static int why_eperm(struct upr_why *why, pid_t pid, const struct proc_status *st)
{
	char owner[64];
	int r;

	if (st->tracer) {
		struct proc_status other;

		return why_set(why, -EPERM, 1, "process %d (%s) is traced already, by process %d (%s); end that first",
			       pid, st->name, st->tracer, proc_status(st->tracer, &other) ? "?" : other.name);
	}
	if (st->uid != getuid() && !privileged())
		return why_set(why, -EPERM, 1,
			       "cannot trace process %d (%s): it belongs to %s; run the tool as that "
			       "user or as root",
			       pid, st->name, user_name(st->uid, owner, sizeof(owner)));
	if (!privileged() && undumpable(pid, st->uid))
		return why_set(why, -EPERM, 1,
			       "cannot trace process %d (%s): it is not dumpable (it runs a file that "
			       "cannot be read, has changed its user, or has forbidden it by prctl); run the tool "
			       "as root",
			       pid, st->name);
	r = why_yama(why, pid, st->name);
	if (r)
		return r;
	return why_set(why, -EPERM, 1,
		       "cannot trace process %d (%s): the kernel does not permit it (a security module, "
		       "a parent user namespace, or a container without ptrace may be why); run the tool as root in "
		       "the initial namespace",
		       pid, st->name);
}

/* Its first thread may be dead and others alive. */
static int is_alive(void *data, pid_t tid)
{
	char state = proc_state(tid);

	(void)data;
	return state && state != 'Z' && state != 'X';
}

/**
 * permission_why() - say why @pid cannot be traced
 * @error: of the attempt, or 0: is there anything that rules it out beforehand?
 * Return: @error, made more precise; 0 for nothing.
 */
int permission_why(struct upr_why *why, pid_t pid, int error)
{
	struct proc_status st;

	if (pid <= 0 || proc_status(pid, &st))
		return why_set(why, -ESRCH, 1, "there is no process %d; see ps -e for those there are", pid);
	if ((st.state == 'Z' || st.state == 'X') && !proc_each_task(pid, is_alive, NULL))
		return why_set(why, -ESRCH, 1,
			       "process %d (%s) has ended and waits for its parent; there is nothing left "
			       "to trace",
			       pid, st.name);
	if (st.kthread && st.state != 'Z')
		return why_set(why, -EPERM, 1, "process %d (%s) is a thread of the kernel; only programs can be traced",
			       pid, st.name);
	if (st.tgid == getpid())
		return why_set(why, -EPERM, 1, "process %d is this very tool; it cannot trace itself", pid);
	if (!error)
		return 0;
	if (error == -EPERM || error == -EACCES)
		return why_eperm(why, pid, &st);
	if (error == -ESRCH)
		return why_set(why, error, 1, "process %d (%s) went away while it was being attached to", pid, st.name);
	return why_set(why, error, 1, "cannot trace process %d (%s): %s", pid, st.name, strerror(-error));
}
