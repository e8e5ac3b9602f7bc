// SPDX-License-Identifier: GPL-2.0
/*
 * workload.c - a command that only says how long to count.
 *
 * Purpose: see workload.h.
 * Locks: none.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

/* What goes through the pipe: first whether it could be started, then how it ended. */
struct message {
	int error;
	int wstatus;
};

static void send(int fd, int error, int wstatus)
{
	struct message m = {.error = error, .wstatus = wstatus};

	/* shorter than PIPE_BUF: all or nothing; without a reader nobody cares */
	if (write(fd, &m, sizeof(m)) != sizeof(m))
		_exit(1);
}

/* Runs in the helper. */
static void run(char *const argv[], int fd)
{
	int gate[2], error = 0, wstatus = 0;
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC))
		_exit(1);
	pid = fork();
	if (!pid) {
		execvp(argv[0], argv);
		error = errno;
		if (write(gate[1], &error, sizeof(error)) < 0)
			_exit(126);
		_exit(127);
	}
	close(gate[1]);
	/* an end of file says that the exec went well */
	if (pid < 0)
		error = errno;
	else if (read(gate[0], &error, sizeof(error)) < 0)
		error = EIO;
	send(fd, error, 0);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	if (pid > 0 && waitpid(pid, &wstatus, 0) == pid && !error)
		send(fd, 0, wstatus);
	_exit(0);
}

int workload_start(char *const argv[], struct upr_why *why)
{
	struct message m = {0};
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		if (fork())
			_exit(0);
		close(fds[0]);
		run(argv, fds[1]);
	}
	close(fds[1]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	if (pid < 0 || read(fds[0], &m, sizeof(m)) != sizeof(m))
		m.error = EAGAIN;
	if (m.error) {
		snprintf(why->text, sizeof(why->text), "cannot run %s: %s", argv[0],
			 m.error == ENOENT ? "command not found" : strerror(m.error));
		why->status = m.error == ENOENT ? 127 : 126;
		close(fds[0]);
		return -m.error;
	}
	/* SIGIO ends the home's wait at once */
	fcntl(fds[0], F_SETOWN, getpid());
	fcntl(fds[0], F_SETFL, O_NONBLOCK | O_ASYNC);
	return fds[0];
}

bool workload_done(int fd, int *status)
{
	struct message m;
	ssize_t n = read(fd, &m, sizeof(m));

	if (n < 0)
		return false;
	/* an end without a message: the helper was killed */
	*status = 0;
	if (n == sizeof(m))
		*status = WIFSIGNALED(m.wstatus) ? 128 + WTERMSIG(m.wstatus) : WEXITSTATUS(m.wstatus);
	return true;
}
