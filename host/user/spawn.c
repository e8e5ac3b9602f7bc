// SPDX-License-Identifier: GPL-2.0
/*
 * spawn.c - commands from their first instruction.
 *
 * Purpose: the child waits on a pipe until it is seized, then executes the
 * command; the stop at that event is before its first instruction.  A second
 * pipe, closed by exec, brings back why it could not be executed.
 *
 * The command gets the signals, limits and descriptors that the tool itself was
 * started with.  No locks.
 */
#include "host.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct birth {
	struct upr_home *home;
	char *const *argv;
	int go[2];    /* the child waits for its end */
	int error[2]; /* errno of a failed exec */
};

/* Between fork and exec: nothing but system calls. */
static void child(struct birth *b)
{
	char c;
	int e;

	close(b->go[1]);
	while (read(b->go[0], &c, 1) < 0 && errno == EINTR)
		;
	close(b->go[0]);
	sigaction(SIGCHLD, &b->home->old_chld, NULL);
	setrlimit(RLIMIT_NOFILE, &b->home->file_limit);
	sched_short_slice(false);
	execvp(b->argv[0], b->argv);
	e = errno;
	if (write(b->error[1], &e, sizeof(e)) < 0)
		e = 0;
	_exit(e == ENOENT ? 127 : 126);
}

/* execvp() says EACCES as well when a directory of the path cannot be searched. */
static bool on_path(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char file[4096];
	struct stat st;

	if (strchr(name, '/'))
		return true;
	for (; path && *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		snprintf(file, sizeof(file), "%.*s/%s", (int)(end - path), path, name);
		if (!stat(file, &st) && S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

static int why_exec(struct upr_why *why, const char *name, int e)
{
	if (e == ENOENT || (e == EACCES && !on_path(name)))
		return why_set(why, -e, 127, "%s: command not found", name);
	if (e == EACCES)
		return why_set(why, -e, 126, "%s: permission denied; is it an executable file?", name);
	if (e == ENOEXEC)
		return why_set(why, -e, 126, "%s: not in an executable format", name);
	return why_set(why, -e, 126, "%s: cannot be executed: %s", name, strerror(e));
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Signals on the way are passed on; the stop that matters is the exec. */
static int wait_for_exec(pid_t pid)
{
	int status, signo, r;

	for (;;) {
		r = wait_tid(pid, &status, 30000);
		if (r)
			return r;
		switch (stop_decode(status, &signo)) {
		case STOP_EXEC:
			return 0;
		case STOP_EXITED:
			return -ENOEXEC;
		case STOP_SIGNAL:
		case STOP_TRAP:
			break;
		default:
			signo = 0;
		}
		host_ptrace(PTRACE_CONT, pid, 0, (unsigned long)signo);
	}
}

static int take_over(struct upr_home *home, pid_t pid)
{
	struct host_proc *proc = proc_new(home, pid);
	struct host_task *t = proc ? task_new(home, pid, proc) : NULL;
	struct host_mm *mm;

	if (!t)
		return -ENOMEM;
	t->state = TASK_STOPPED;
	t->kind = STOP_EXEC;
	t->parked = true;
	home->any_parked = true;
	mm = mm_new_of(t);
	if (!mm || mm_enter(t, mm))
		return -ENOMEM;
	mm->fresh = true;
	task_pin(t);
	sigtrap_snapshot(t);
	process_started(t);
	task_make_ready(t);
	return upr_home_sync(home);
}

static int start(struct birth *b, pid_t *pid)
{
	long r;

	b->go[0] = b->go[1] = b->error[0] = b->error[1] = -1;
	if (pipe2(b->go, O_CLOEXEC) || pipe2(b->error, O_CLOEXEC))
		return -errno;
	*pid = fork();
	if (*pid < 0)
		return -errno;
	if (!*pid)
		child(b);
	close_end(&b->go[0]);
	close_end(&b->error[1]);
	r = host_ptrace(PTRACE_SEIZE, *pid, 0, host_ptrace_options);
	/* closing is the sign to go: with nobody to trace it the child must not */
	if (r < 0)
		kill(*pid, SIGKILL);
	close_end(&b->go[1]);
	return (int)r;
}

static void clean_up(struct birth *b)
{
	close_end(&b->go[0]);
	close_end(&b->go[1]);
	close_end(&b->error[0]);
	close_end(&b->error[1]);
}

int upr_home_spawn(struct upr_home *home, char *const argv[], int *ret, struct upr_why *why)
{
	struct birth b = {.home = home, .argv = argv};
	int e = 0, status, r;
	pid_t pid = 0;

	r = start(&b, &pid);
	if (r) {
		if (pid > 0)
			waitpid(pid, &status, __WALL);
		clean_up(&b);
		return why_set(why, r, 1, "cannot start %s under trace: %s", argv[0], strerror(-r));
	}
	r = wait_for_exec(pid);
	if (r && read(b.error[0], &e, sizeof(e)) == sizeof(e))
		r = why_exec(why, argv[0], e);
	else if (r)
		why_set(why, r, 1, "%s: ended before it was executed", argv[0]);
	clean_up(&b);
	if (r)
		return r;
	r = take_over(home, pid);
	if (r)
		return why_set(why, r, 1, "%s: the probes could not be put in (%s)", argv[0], strerror(-r));
	*ret = pid;
	return 0;
}
