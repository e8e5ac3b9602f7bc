// SPDX-License-Identifier: GPL-2.0
/*
 * rat.c - a process that executes what it is given (see rat.h).
 *
 * Locks: none; one thread.
 */
#include <elf.h>
#include <errno.h>
#include <linux/rseq.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"
#include "rat.h"

#define EFLAGS_ID 0x200000

pid_t rat_pid;
size_t rat_xstate_size;

/* What does not stop by itself uses a CPU, or sleeps. */
#define LIMIT_CPU_S   2
#define LIMIT_SLEEP_S 60

static volatile sig_atomic_t alarmed;
static bool stop_owed; /* a SIGSTOP of ours that is still on its way */

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	if (rat_pid > 0)
		kill(rat_pid, SIGKILL);
	exit(1);
}

static void on_alarm(int sig)
{
	(void)sig;
	alarmed = 1;
}

/* --- memory -------------------------------------------------------------- */

static void map_region(u64 addr, u64 size, int fill)
{
	void *p = mmap((void *)addr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		       0);

	if (p != (void *)addr)
		die("mapping the rat's memory");
	memset(p, fill, size);
}

/* By address; what the rat may do with them.  The tracer goes on writing. */
static const struct {
	u64 addr, size;
	int prot, fill;
} regions[] = {
	{RAT_CODE, RAT_CODE_SIZE, PROT_READ | PROT_EXEC, 0xcc},
	{RAT_NEAR, RAT_AREA_SIZE, PROT_READ | PROT_EXEC, 0xcc},
	{RAT_PUN, RAT_PUN_SIZE, PROT_READ | PROT_EXEC, 0xcc},
	{RAT_DATA, RAT_DATA_SIZE, PROT_READ | PROT_WRITE, 0},
	{RAT_RO, RAT_RO_SIZE, PROT_READ, 0},
	{RAT_GUARD, 0x1000, PROT_NONE, 0},
	{RAT_COUNT, RAT_COUNT_SIZE, PROT_READ | PROT_WRITE, 0},
	{RAT_STACK, RAT_STACK_SIZE, PROT_READ | PROT_WRITE, 0},
	{RAT_HIGH, RAT_PADS_SIZE, PROT_READ | PROT_EXEC, 0xcc},
	{RAT_BLOCKS, RAT_BLOCKS_SIZE, PROT_READ | PROT_WRITE, 0},
	{RAT_FAR, RAT_AREA_SIZE, PROT_READ | PROT_EXEC, 0xcc},
};
#define NR_REGIONS (sizeof(regions) / sizeof(regions[0]))

static void map_regions(void)
{
	unsigned int i;

	for (i = 0; i < NR_REGIONS; i++)
		map_region(regions[i].addr, regions[i].size, regions[i].fill);
}

static void protect_regions(void)
{
	unsigned int i;

	for (i = 0; i < NR_REGIONS; i++)
		if (mprotect((void *)regions[i].addr, regions[i].size, regions[i].prot))
			_exit(3);
}

/* The C library's rseq area is about to be unmapped: the kernel would kill for it. */
static void forget_rseq(void)
{
	if (__rseq_size)
		syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32, RSEQ_FLAG_UNREGISTER,
			RSEQ_SIG);
}

static void unmap_between(u64 from, u64 to)
{
	if (rat_syscall(SYS_munmap, from, to - from, 0, 0, 0, 0))
		die("emptying the rat's address space");
}

static void unmap_the_rest(void)
{
	u64 from = 0x10000;
	unsigned int i;

	for (i = 0; i < NR_REGIONS; i++) {
		if (from < regions[i].addr)
			unmap_between(from, regions[i].addr);
		from = regions[i].addr + regions[i].size;
	}
	unmap_between(from, 0x7ffffffff000);
}

static int seam_read(struct utrace_task *task, u64 addr, void *buf, size_t len)
{
	struct iovec local = {buf, len}, remote = {(void *)addr, len};

	return process_vm_readv(rat_pid, &local, 1, &remote, 1, 0) == (ssize_t)len ? 0 : -EFAULT;
}

/* All or nothing: a page that cannot be written is found before the first byte is. */
static int seam_write(struct utrace_task *task, u64 addr, const void *buf, size_t len)
{
	u64 split = (addr | 0xfff) + 1;
	struct iovec local = {(void *)buf, len}, remote = {(void *)addr, len};

	if (split < addr + len) {
		u8 old;
		struct iovec l = {&old, 1}, r = {(void *)split, 1};

		if (process_vm_readv(rat_pid, &l, 1, &r, 1, 0) != 1 || process_vm_writev(rat_pid, &l, 1, &r, 1, 0) != 1)
			return -EFAULT;
	}
	return process_vm_writev(rat_pid, &local, 1, &remote, 1, 0) == (ssize_t)len ? 0 : -EFAULT;
}

static const struct target_ops seam = {.mem_read = seam_read, .mem_write = seam_write};
struct utrace_task rat_task = {.target = &seam};

/* --- registers ------------------------------------------------------------ */

static bool odd_selector(u64 selector)
{
	return selector && (selector & 3) != 3;
}

/*
 * wrfsbase takes addresses, and mov to a segment register null selectors, that
 * ptrace does not.  They are where they were, and everything before them in the
 * structure has been set.
 */
void rat_put_regs(const struct user_regs_struct *regs)
{
	if (!ptrace(PTRACE_SETREGS, rat_pid, 0, regs))
		return;
	if (errno != EIO || !((regs->fs_base | regs->gs_base) >> 47 || odd_selector(regs->ds) ||
			      odd_selector(regs->es) || odd_selector(regs->fs) || odd_selector(regs->gs)))
		die("PTRACE_SETREGS");
}

void rat_get_regs(struct user_regs_struct *regs)
{
	if (ptrace(PTRACE_GETREGS, rat_pid, 0, regs))
		die("PTRACE_GETREGS");
}

/* --- running ---------------------------------------------------------------- */

static double clock_s(clockid_t clock)
{
	struct timespec ts;

	return clock_gettime(clock, &ts) ? 0 : (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double cpu_used(void)
{
	clockid_t clock;

	return clock_getcpuclockid(rat_pid, &clock) ? 0 : clock_s(clock);
}

/* Return: it has stopped; or else an alarm has come. */
static bool wait_for_rat(int *status)
{
	while (waitpid(rat_pid, status, __WALL) < 0) {
		if (errno != EINTR)
			die("waiting for the rat");
		if (alarmed)
			return false;
	}
	if (!WIFSTOPPED(*status)) {
		errno = ESRCH;
		die("the rat is dead");
	}
	return true;
}

/*
 * Two seconds that a machine has not run in, or has given to others, are none of the rat's.
 * Return: it has stopped by itself.
 */
static bool wait_in_time(int *status)
{
	struct itimerval on = {.it_value.tv_sec = LIMIT_CPU_S, .it_interval.tv_sec = 1}, off = {0};
	double cpu = cpu_used() + LIMIT_CPU_S, end = clock_s(CLOCK_MONOTONIC) + LIMIT_SLEEP_S;
	bool stopped, late;

	setitimer(ITIMER_REAL, &on, NULL);
	do {
		alarmed = 0;
		stopped = wait_for_rat(status);
		late = !stopped && (cpu_used() >= cpu || clock_s(CLOCK_MONOTONIC) >= end);
	} while (!stopped && !late);
	setitimer(ITIMER_REAL, &off, NULL);
	alarmed = 0;
	if (!late)
		return true;
	kill(rat_pid, SIGSTOP);
	wait_for_rat(status);
	stop_owed = WSTOPSIG(*status) != SIGSTOP;
	return stop_owed;
}

/* Return: it has stopped by itself. */
static bool let_run(int request, int *status)
{
	if (ptrace(request, rat_pid, 0, 0))
		die("letting the rat run");
	/* a stop that is there at once needs no timer */
	if (waitpid(rat_pid, status, __WALL | WNOHANG) <= 0)
		return wait_in_time(status);
	if (!WIFSTOPPED(*status)) {
		errno = ESRCH;
		die("the rat is dead");
	}
	return true;
}

bool rat_run(int request, struct rat_state *state)
{
	siginfo_t info;
	bool in_time;
	int status;

	in_time = let_run(request, &status);
	/* it comes before the next instruction */
	if (stop_owed && WSTOPSIG(status) == SIGSTOP) {
		stop_owed = false;
		in_time = let_run(request, &status);
	}
	state->signo = WSTOPSIG(status) | status >> 16 << 8;
	state->code = 0;
	state->addr = 0;
	if (!ptrace(PTRACE_GETSIGINFO, rat_pid, 0, &info)) {
		state->code = info.si_code;
		if (info.si_signo == SIGSEGV || info.si_signo == SIGBUS || info.si_signo == SIGILL ||
		    info.si_signo == SIGFPE)
			state->addr = (u64)info.si_addr;
	}
	return in_time;
}

/* --- states --------------------------------------------------------------- */

void rat_put(const struct rat_state *state)
{
	struct iovec iov = {(void *)state->xstate, rat_xstate_size};

	rat_put_regs(&state->regs);
	if (ptrace(PTRACE_SETREGSET, rat_pid, NT_X86_XSTATE, &iov))
		die("PTRACE_SETREGSET NT_X86_XSTATE");
	memcpy((void *)RAT_DATA, state->data, sizeof(state->data));
	memcpy((void *)RAT_STACK, state->stack, sizeof(state->stack));
}

/* popf is the one way to change ID; ptrace leaves it as the last instruction has left it. */
static void clear_id(void)
{
	static const u8 popf[] = {0x9d, 0xcc};
	static struct rat_state why;
	struct user_regs_struct regs;
	u8 *stub = (u8 *)RAT_NEAR + 0x800;

	memcpy(stub, popf, sizeof(popf));
	*(u64 *)RAT_STACK = 0x202;
	rat_get_regs(&regs);
	regs.rip = (u64)stub;
	regs.rsp = RAT_STACK;
	regs.cs = 0x33;
	regs.orig_rax = ~0ull;
	regs.eflags = 0x202;
	rat_put_regs(&regs);
	rat_run(PTRACE_CONT, &why);
	memset(stub, 0xcc, sizeof(popf));
}

void rat_get(struct rat_state *state)
{
	struct iovec iov = {state->xstate, sizeof(state->xstate)};

	rat_get_regs(&state->regs);
	if (ptrace(PTRACE_GETREGSET, rat_pid, NT_X86_XSTATE, &iov))
		die("PTRACE_GETREGSET NT_X86_XSTATE");
	rat_xstate_size = iov.iov_len;
	memcpy(state->data, (void *)RAT_DATA, sizeof(state->data));
	memcpy(state->stack, (void *)RAT_STACK, sizeof(state->stack));
	if (state->regs.eflags & EFLAGS_ID)
		clear_id();
}

void rat_to_upr(const struct user_regs_struct *from, struct upr_regs *to)
{
	const u64 gpr[16] = {from->rax, from->rcx, from->rdx, from->rbx, from->rsp, from->rbp, from->rsi, from->rdi,
			     from->r8,	from->r9,  from->r10, from->r11, from->r12, from->r13, from->r14, from->r15};

	memcpy(to->gpr, gpr, sizeof(gpr));
	to->ip = from->rip;
	to->flags = from->eflags;
	to->orig_ax = from->orig_rax;
	to->fs_base = from->fs_base;
	to->gs_base = from->gs_base;
	to->mode32 = from->cs == 0x23;
}

void rat_from_upr(const struct upr_regs *from, struct user_regs_struct *to)
{
	unsigned long long *const gpr[16] = {&to->rax, &to->rcx, &to->rdx, &to->rbx, &to->rsp, &to->rbp,
					     &to->rsi, &to->rdi, &to->r8,  &to->r9,  &to->r10, &to->r11,
					     &to->r12, &to->r13, &to->r14, &to->r15};
	int i;

	for (i = 0; i < 16; i++)
		*gpr[i] = from->gpr[i];
	to->rip = from->ip;
	to->eflags = from->flags;
}

long rat_syscall(long nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	static const u8 code[] = {0x0f, 0x05, 0xcc};
	struct user_regs_struct regs, saved;
	static struct rat_state why;

	rat_get_regs(&saved);
	regs = saved;
	memcpy((void *)RAT_NEAR, code, sizeof(code));
	regs.rip = RAT_NEAR;
	regs.cs = 0x33;
	regs.orig_rax = ~0ull;
	regs.rax = (u64)nr;
	regs.rdi = a;
	regs.rsi = b;
	regs.rdx = c;
	regs.r10 = d;
	regs.r8 = e;
	regs.r9 = f;
	rat_put_regs(&regs);
	rat_run(PTRACE_CONT, &why);
	rat_get_regs(&regs);
	memset((void *)RAT_NEAR, 0xcc, sizeof(code));
	rat_put_regs(&saved);
	if (why.signo != SIGTRAP || regs.rip != RAT_NEAR + 3) {
		errno = EPROTO;
		die("a system call of the rat");
	}
	return (long)regs.rax;
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	/* a stop costs five times as much across CPUs; ours is the only affinity changed */
	sched_setaffinity(0, sizeof(set), &set);
}

void rat_start(struct rat_state *init)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	int status;

	sigaction(SIGALRM, &sa, NULL);
	pin();
	map_regions();
	fflush(stdout);
	rat_pid = fork();
	if (rat_pid < 0)
		die("fork");
	if (!rat_pid) {
		forget_rseq();
		protect_regions();
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		kill(getpid(), SIGSTOP);
		_exit(4);
	}
	wait_for_rat(&status);
	if (ptrace(PTRACE_SETOPTIONS, rat_pid, 0, PTRACE_O_EXITKILL))
		die("PTRACE_SETOPTIONS");
	unmap_the_rest();
	machine_try();
	rat_get(init);
}

void rat_stop(void)
{
	kill(rat_pid, SIGKILL);
	waitpid(rat_pid, NULL, __WALL);
}
