// SPDX-License-Identifier: GPL-2.0
/*
 * target-blocked.c - a thread in each kind of blocking call; none may see EINTR.
 *
 * Runs until its standard input ends, then prints "eintr CALL" for each call
 * that failed so, and "calls N": how many kinds there were.  A call with a time
 * limit is repeated; one without blocks until the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/futex.h>

static int empty_pipe[2], full_pipe[2], sock[2], timed_sock[2], epfd, evfd, semid, msgid;
static const struct timespec tick = {0, 30000000};

static long do_read(void)
{
	char c;

	return read(empty_pipe[0], &c, 1);
}

static long do_write(void)
{
	char buf[4096] = "";

	return write(full_pipe[1], buf, sizeof(buf));
}

static long do_recv(void)
{
	char c;

	return recv(sock[0], &c, 1, 0);
}

static long do_recv_timed(void)
{
	char c;

	return recv(timed_sock[0], &c, 1, 0);
}

static long do_accept(void)
{
	static int s;

	if (!s) {
		s = socket(AF_UNIX, SOCK_STREAM, 0);
		struct sockaddr sa = {.sa_family = AF_UNIX};

		bind(s, &sa, sizeof(sa_family_t));
		listen(s, 1);
	}
	return accept(s, NULL, NULL);
}

static long do_poll(void)
{
	struct pollfd p = {.fd = empty_pipe[0], .events = POLLIN};

	return poll(&p, 1, 30);
}

static long do_poll_forever(void)
{
	struct pollfd p = {.fd = empty_pipe[0], .events = POLLIN};

	return poll(&p, 1, -1);
}

static long do_ppoll(void)
{
	struct pollfd p = {.fd = empty_pipe[0], .events = POLLIN};

	return ppoll(&p, 1, &tick, NULL);
}

static long do_select(void)
{
	struct timeval tv = {0, 30000};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(empty_pipe[0], &set);
	return select(empty_pipe[0] + 1, &set, NULL, NULL, &tv);
}

static long do_pselect(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(empty_pipe[0], &set);
	return pselect(empty_pipe[0] + 1, &set, NULL, NULL, &tick, NULL);
}

static long do_epoll_wait(void)
{
	struct epoll_event ev;

	return epoll_wait(epfd, &ev, 1, 30);
}

static long do_epoll_pwait(void)
{
	struct epoll_event ev;
	sigset_t set;

	sigemptyset(&set);
	return epoll_pwait(epfd, &ev, 1, -1, &set);
}

static long do_nanosleep(void)
{
	return nanosleep(&tick, NULL);
}

static long do_clock_nanosleep(void)
{
	struct timespec t;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += 30000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	r = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	errno = r;
	return r ? -1 : 0;
}

static long do_futex(void)
{
	static int word;

	return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &tick, NULL, 0);
}

static long do_futex_forever(void)
{
	static int word;

	return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static long do_semop(void)
{
	struct sembuf op = {.sem_num = 0, .sem_op = -1};

	return semop(semid, &op, 1);
}

static long do_semtimedop(void)
{
	struct sembuf op = {.sem_num = 0, .sem_op = -1};

	return semtimedop(semid, &op, 1, &tick);
}

static long do_msgrcv(void)
{
	struct {
		long type;
		char c;
	} m;

	return msgrcv(msgid, &m, 1, 0, 0);
}

static long do_sigtimedwait(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigtimedwait(&set, NULL, &tick);
}

static long do_sigwait(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigwaitinfo(&set, NULL) < 0 ? -1 : (sig = 0, (long)sig);
}

static long do_eventfd(void)
{
	unsigned long v;

	return read(evfd, &v, sizeof(v));
}

static long do_waitpid(void)
{
	static pid_t child;

	if (!child) {
		child = fork();
		if (!child) {
			close(empty_pipe[1]);
			char c;

			while (read(0, &c, 1) > 0)
				;
			_exit(0);
		}
	}
	return waitpid(child, NULL, 0);
}

static long do_flock(void)
{
	static int a = -1, b;

	if (a < 0) {
		char name[] = "/tmp/blockedXXXXXX";

		a = mkstemp(name);
		b = open(name, O_RDWR);
		unlink(name);
		flock(a, LOCK_EX);
	}
	return flock(b, LOCK_EX);
}

static long do_sem_wait(void)
{
	static sem_t sem;
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 1;
	return sem_timedwait(&sem, &t);
}

static long do_pause(void)
{
	return pause();
}

static long do_sigsuspend(void)
{
	sigset_t set;

	sigemptyset(&set);
	return sigsuspend(&set);
}

static struct call {
	const char *name;
	long (*fn)(void);
	volatile long eintr, done;
} calls[] = {
	{"read", do_read},
	{"write", do_write},
	{"recv", do_recv},
	{"recv_timed", do_recv_timed},
	{"accept", do_accept},
	{"poll", do_poll},
	{"poll_forever", do_poll_forever},
	{"ppoll", do_ppoll},
	{"select", do_select},
	{"pselect", do_pselect},
	{"epoll_wait", do_epoll_wait},
	{"epoll_pwait", do_epoll_pwait},
	{"nanosleep", do_nanosleep},
	{"clock_nanosleep", do_clock_nanosleep},
	{"futex", do_futex},
	{"futex_forever", do_futex_forever},
	{"semop", do_semop},
	{"semtimedop", do_semtimedop},
	{"msgrcv", do_msgrcv},
	{"sigtimedwait", do_sigtimedwait},
	{"sigwaitinfo", do_sigwait},
	{"eventfd", do_eventfd},
	{"waitpid", do_waitpid},
	{"flock", do_flock},
	{"sem_timedwait", do_sem_wait},
	{"pause", do_pause},
	{"sigsuspend", do_sigsuspend},
};

#define NR (sizeof(calls) / sizeof(calls[0]))

__attribute__((noinline)) long went_round(long x)
{
	__asm__ volatile("");
	return x + 1;
}

static void *run(void *arg)
{
	struct call *c = arg;

	for (;;) {
		errno = 0;
		if (c->fn() < 0 && errno == EINTR)
			c->eintr++;
		c->done = went_round(c->done);
	}
	return NULL;
}

int main(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct timeval tv = {0, 30000};
	char buf[4096] = "";
	pthread_t th;
	unsigned int i;

	if (pipe(empty_pipe) || pipe(full_pipe) || socketpair(AF_UNIX, SOCK_STREAM, 0, sock) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, timed_sock))
		return 1;
	setsockopt(timed_sock[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	fcntl(full_pipe[1], F_SETFL, O_NONBLOCK);
	while (write(full_pipe[1], buf, sizeof(buf)) > 0)
		;
	fcntl(full_pipe[1], F_SETFL, 0);
	epfd = epoll_create1(0);
	epoll_ctl(epfd, EPOLL_CTL_ADD, empty_pipe[0], &ev);
	evfd = eventfd(0, 0);
	semid = semget(IPC_PRIVATE, 1, 0600);
	msgid = msgget(IPC_PRIVATE, 0600);
	for (i = 0; i < NR; i++)
		pthread_create(&th, NULL, run, &calls[i]);
	printf("%d\n", getpid());
	fflush(stdout);
	while (read(0, buf, 1) > 0)
		;
	for (i = 0; i < NR; i++)
		if (calls[i].eintr)
			printf("eintr %s %ld\n", calls[i].name, calls[i].eintr);
	printf("calls %zu\n", NR);
	semctl(semid, 0, IPC_RMID);
	msgctl(msgid, IPC_RMID, NULL);
	return 0;
}
