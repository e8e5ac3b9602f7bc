// SPDX-License-Identifier: GPL-2.0
/*
 * special.c - what the execution test cannot run at random: system calls, restart,
 * children born in a slot, returns from signal handlers, the vsyscall page, and
 * stacks that grow.
 *
 * Locks: none; one thread.
 */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "exec.h"

#define CODE(...) (const u8[]){__VA_ARGS__}, sizeof((u8[]){__VA_ARGS__})

static struct rat_state start, native, other;

/* Before each run, if the case needs it. */
static void (*prepare)(void);
/* After each run: what else must be the same. */
static u64 (*extra)(void);

static const char *area_name(u64 area)
{
	return area == RAT_FAR ? "far" : "near";
}

static void blank_start(const struct rat_state *blank, enum upr_insn_mode mode)
{
	struct upr_regs zero = {.ip = RAT_ORIG};

	memcpy(&start, blank, sizeof(start));
	rat_from_upr(&zero, &start.regs);
	start.regs.rip = RAT_ORIG;
	start.regs.rsp = RAT_STACK + 0x1000;
	start.regs.cs = mode == UPR_INSN_32 ? 0x23 : 0x33;
	start.regs.ss = 0x2b;
	start.regs.ds = 0x2b;
	start.regs.es = 0x2b;
	start.regs.eflags = 0x246;
	start.regs.orig_rax = ~0ull;
}

static bool same_as_native(enum upr_way way, const struct upr_xol *xol, u64 area, u64 want_extra, bool *declined,
			   char *why, size_t size)
{
	struct way_case c = {xol, &start, area};
	u64 got;

	if (prepare)
		prepare();
	switch (run_way(way, &c, &other)) {
	case WAY_DONE:
		break;
	case WAY_FALLBACK:
		*declined = true;
		return true;
	case WAY_RANGE:
		snprintf(why, size, "out of reach");
		return false;
	default:
		snprintf(why, size, "%s", way_complaint);
		return false;
	}
	if (!same_end(way, &xol->insn, &native, &other, why, size))
		return false;
	got = extra ? extra() : 0;
	if (got != want_extra)
		snprintf(why, size, "memory holds %#llx, natively %#llx", (unsigned long long)got,
			 (unsigned long long)want_extra);
	return got == want_extra;
}

/* From @start: natively, then in every way and area. */
static void try_all(const char *name, enum upr_insn_mode mode, const u8 *code, size_t len)
{
	static const u64 areas[] = {RAT_NEAR, RAT_FAR};
	u8 bytes[UPR_INSN_MAX] = {0};
	struct upr_xol xol;
	u64 want = 0;
	int way;
	size_t i;

	memcpy(bytes, code, len);
	if (!check(!upr_xol_analyze(&xol, bytes, sizeof(bytes), mode, 0), "%s: not refused", name))
		return;
	if (prepare)
		prepare();
	if (!check(run_native(bytes, xol.insn.length, &start, &native), "%s: stops natively", name))
		return;
	if (extra)
		want = extra();
	for (way = UPR_WAY_EMULATE; way <= UPR_WAY_STEP; way++) {
		for (i = 0; i < (way == UPR_WAY_EMULATE || mode == UPR_INSN_32 ? 1 : 2); i++) {
			static const char *const names[] = {"", "emulated", "boosted", "stepped"};
			char why[256] = "";
			bool declined = false, same;

			if (!(xol.ways & UPR_WAYS(way)))
				continue;
			same = same_as_native((enum upr_way)way, &xol, areas[i], want, &declined, why, sizeof(why));
			if (declined)
				check(same, "%s: emulation leaves it to the CPU", name);
			else if (!check(same, "%s: natively = %s, %s", name, names[way], area_name(areas[i])))
				note("%s", why);
		}
	}
}

/* --- system calls ------------------------------------------------------------ */

static void test_getpid(const struct rat_state *blank)
{
	blank_start(blank, UPR_INSN_64);
	start.regs.rax = SYS_getpid;
	try_all("syscall getpid", UPR_INSN_64, CODE(0x0f, 0x05));
	check(native.regs.rax == (u64)rat_pid && native.regs.rcx == RAT_ORIG + 2,
	      "syscall getpid: it is the pid, and rcx the next instruction");
	check(!(other.regs.r11 & UPR_FL_TF), "syscall getpid, stepped: no TF in r11");
	blank_start(blank, UPR_INSN_64);
	start.regs.rax = 20;
	try_all("int $0x80 getpid", UPR_INSN_64, CODE(0xcd, 0x80));
	note("int $0x80 natively: signal %d at %#llx", native.signo, native.regs.rip);
}

static void test_getpid_32(const struct rat_state *blank)
{
	if (!machine.code32) {
		leave_out("int $0x80 getpid, 32-bit", NO_CODE32);
		leave_out("sysenter, 32-bit", NO_CODE32);
		return;
	}
	blank_start(blank, UPR_INSN_32);
	start.regs.rax = 20;
	try_all("int $0x80 getpid, 32-bit", UPR_INSN_32, CODE(0xcd, 0x80));
	blank_start(blank, UPR_INSN_32);
	start.regs.rax = 20;
	start.regs.rbp = RAT_STACK + 0x1000;
	try_all("sysenter, 32-bit", UPR_INSN_32, CODE(0x0f, 0x34));
}

/*
 * nanosleep is interrupted by a signal that is then dropped: the kernel goes back
 * to the instruction to restart it.  @leave: as an engine does that has been told of the
 * signal; the restart is then met at the probe again.
 */
static bool sleep_once(enum upr_way way, const struct upr_xol *xol, u64 area, bool leave, struct rat_state *end)
{
	struct upr_xol_step step;
	struct upr_regs regs;
	int status;

	upr_xol_step_init(&step);
	rat_put(&start);
	rat_to_upr(&start.regs, &regs);
	end->regs = start.regs;
	if (way != UPR_WAY_JUMP) {
		upr_xol_enter(xol, way, RAT_ORIG, area, &regs, &step);
		rat_from_upr(&regs, &end->regs);
		rat_put_regs(&end->regs);
	}
	/* stopped on entry, so that the signal comes neither before nor after the call */
	if (!rat_run(PTRACE_SYSCALL, end) || end->signo != SIGTRAP)
		return false;
	kill(rat_pid, SIGUSR1);
	if (!rat_run(way == UPR_WAY_STEP ? PTRACE_SINGLESTEP : PTRACE_CONT, end))
		return false;
	while (end->signo == SIGTRAP && way == UPR_WAY_STEP) /* the step reports first */
		if (!rat_run(PTRACE_CONT, end))
			return false;
	if (end->signo != SIGUSR1)
		return false;
	rat_get_regs(&end->regs);
	if (end->regs.rip != (way == UPR_WAY_JUMP ? RAT_ORIG : area) + 2)
		return false;
	if (leave) {
		rat_to_upr(&end->regs, &regs);
		if (upr_xol_leave(xol, way, RAT_ORIG, area, &regs, way == UPR_WAY_STEP ? &step : NULL) !=
		    UPR_SLOT_AFTER)
			return false;
		rat_from_upr(&regs, &end->regs);
		rat_put_regs(&end->regs);
	}
	if (!rat_run(PTRACE_CONT, end))
		return false;
	rat_get_regs(&end->regs);
	if (leave && end->regs.rip == RAT_ORIG + 1) { /* restarted: the probe again */
		end->regs.rip = RAT_ORIG;
		rat_to_upr(&end->regs, &regs);
		upr_xol_enter(xol, UPR_WAY_BOOST, RAT_ORIG, area, &regs, &step);
		rat_from_upr(&regs, &end->regs);
		rat_put_regs(&end->regs);
		upr_xol_build(xol, UPR_WAY_BOOST, RAT_ORIG, area, (u8 *)area);
		if (!rat_run(PTRACE_CONT, end))
			return false;
	}
	rat_get(end);
	return waitpid(rat_pid, &status, WNOHANG) <= 0 && end->signo == SIGTRAP;
}

static void test_restart(const struct rat_state *blank)
{
	static const u8 code[UPR_INSN_MAX] = {0x0f, 0x05};
	static const u64 areas[] = {RAT_NEAR, RAT_FAR};
	struct timespec ts = {0, 2000000};
	struct upr_xol xol;
	int way, i, leave;

	upr_xol_analyze(&xol, code, sizeof(code), UPR_INSN_64, 0);
	blank_start(blank, UPR_INSN_64);
	start.regs.rax = SYS_nanosleep;
	start.regs.rdi = RAT_DATA;
	memcpy(start.data, &ts, sizeof(ts));
	place_code(code, 2, false);
	if (!check(sleep_once(UPR_WAY_JUMP, &xol, 0, false, &native) && !native.regs.rax,
		   "nanosleep, interrupted: restarts natively")) {
		note("signal %d, rip %#llx, rax %lld", native.signo, native.regs.rip, native.regs.rax);
		return;
	}
	for (way = UPR_WAY_BOOST; way <= UPR_WAY_STEP; way++)
		for (i = 0; i < 2; i++)
			for (leave = 0; leave < 2; leave++) {
				char why[256] = "it went astray";

				place_code(code, 2, true);
				upr_xol_build(&xol, (enum upr_way)way, RAT_ORIG, areas[i], (u8 *)areas[i]);
				/* a stepped one cannot be left alone: nobody would put rcx right */
				if (!check(sleep_once((enum upr_way)way, &xol, areas[i], leave || way == UPR_WAY_STEP,
						      &other) &&
						   same_end((enum upr_way)way, &xol.insn, &native, &other, why,
							    sizeof(why)),
					   "nanosleep, interrupted: natively = %s, %s, %s",
					   way == UPR_WAY_BOOST ? "boosted" : "stepped", area_name(areas[i]),
					   leave || way == UPR_WAY_STEP ? "taken off the slot" : "left alone"))
					note("%s", why);
			}
}

/* --- children -------------------------------------------------------------------- */

/* Over the signals of children that end. */
static bool run_on(int request, struct rat_state *end)
{
	bool in_time;

	do
		in_time = rat_run(request, end);
	while (in_time && end->signo == SIGCHLD);
	return in_time;
}

/* Makes a child by the system call at pc, reads its registers, and ends it.  Return: 0 on failure. */
static pid_t make_child(int request, struct user_regs_struct *child_regs)
{
	unsigned long child = 0;
	int status, rounds;

	if (ptrace(request, rat_pid, 0, 0))
		return 0;
	for (rounds = 0; rounds < 10 && !child; rounds++) {
		if (waitpid(rat_pid, &status, __WALL) < 0 || !WIFSTOPPED(status))
			return 0;
		if (status >> 16)
			ptrace(PTRACE_GETEVENTMSG, rat_pid, 0, &child);
		else
			return 0;
	}
	if (waitpid((pid_t)child, &status, __WALL) < 0 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_GETREGS, (pid_t)child, 0, child_regs))
		return 0;
	kill((pid_t)child, SIGKILL);
	waitpid((pid_t)child, &status, __WALL);
	return (pid_t)child;
}

static bool same_child(const struct user_regs_struct *a, const struct user_regs_struct *b)
{
	struct upr_regs ua, ub;

	rat_to_upr(a, &ua);
	rat_to_upr(b, &ub);
	return !memcmp(ua.gpr, ub.gpr, sizeof(ua.gpr)) && ua.ip == ub.ip && !((ua.flags ^ ub.flags) & 0xfd5);
}

static void test_child(const struct rat_state *blank, const char *name, long nr, u64 flags)
{
	static const u8 code[UPR_INSN_MAX] = {0x0f, 0x05};
	struct user_regs_struct want, got;
	struct upr_xol_step step, child_step;
	struct upr_regs regs;
	struct upr_xol xol;
	int way;

	upr_xol_analyze(&xol, code, sizeof(code), UPR_INSN_64, 0);
	blank_start(blank, UPR_INSN_64);
	start.regs.rax = (u64)nr;
	start.regs.rdi = flags;
	place_code(code, 2, false);
	rat_put(&start);
	if (!check(make_child(PTRACE_CONT, &want) && want.rip == RAT_ORIG + 2 && !want.rax, "%s: a child natively",
		   name))
		return;
	run_on(PTRACE_CONT, &native);
	rat_get(&native);
	for (way = UPR_WAY_BOOST; way <= UPR_WAY_STEP; way++) {
		char why[256] = "no child";
		bool born;

		place_code(code, 2, true);
		upr_xol_build(&xol, (enum upr_way)way, RAT_ORIG, RAT_NEAR, (u8 *)RAT_NEAR);
		rat_put(&start);
		rat_to_upr(&start.regs, &regs);
		upr_xol_enter(&xol, (enum upr_way)way, RAT_ORIG, RAT_NEAR, &regs, &step);
		other.regs = start.regs;
		rat_from_upr(&regs, &other.regs);
		rat_put_regs(&other.regs);
		born = make_child(way == UPR_WAY_STEP ? PTRACE_SINGLESTEP : PTRACE_CONT, &got);
		if (born) {
			child_step = step;
			rat_to_upr(&got, &regs);
			upr_xol_leave(&xol, (enum upr_way)way, RAT_ORIG, RAT_NEAR, &regs,
				      way == UPR_WAY_STEP ? &child_step : NULL);
			rat_from_upr(&regs, &got);
		}
		check(born && same_child(&want, &got), "%s: the child in the slot is as natively, %s", name,
		      way == UPR_WAY_BOOST ? "boosted" : "stepped");
		/* and the parent goes on */
		run_on(way == UPR_WAY_STEP ? PTRACE_SINGLESTEP : PTRACE_CONT, &other);
		rat_get_regs(&other.regs);
		if (way == UPR_WAY_STEP) {
			rat_to_upr(&other.regs, &regs);
			upr_xol_leave(&xol, UPR_WAY_STEP, RAT_ORIG, RAT_NEAR, &regs, &step);
			rat_from_upr(&regs, &other.regs);
			rat_put_regs(&other.regs);
			run_on(PTRACE_CONT, &other);
		}
		rat_get(&other);
		other.regs.rax = native.regs.rax; /* another child, another pid */
		if (!check(same_end((enum upr_way)way, &xol.insn, &native, &other, why, sizeof(why)),
			   "%s: so is the parent, %s", name, way == UPR_WAY_BOOST ? "boosted" : "stepped"))
			note("%s", why);
	}
}

/* --- signals --------------------------------------------------------------------- */

struct kernel_sigaction {
	u64 handler, flags, restorer, mask;
};

/* A real frame, made by the kernel, is left by a displaced rt_sigreturn. */
static void test_sigreturn(const struct rat_state *blank)
{
	struct kernel_sigaction sa = {RAT_CODE + 0x100, 0x04000000 /* SA_RESTORER */, RAT_ORIG, 0};
	struct user_regs_struct regs;

	blank_start(blank, UPR_INSN_64);
	start.regs.rip = RAT_CODE + 0x200;
	memcpy((void *)RAT_DATA, &sa, sizeof(sa));
	if (rat_syscall(SYS_rt_sigaction, SIGUSR1, RAT_DATA, 0, 8, 0, 0)) {
		check(false, "rt_sigaction in the rat");
		return;
	}
	rat_put(&start);
	kill(rat_pid, SIGUSR1);
	rat_run(PTRACE_CONT, &native);
	if (native.signo != SIGUSR1 || ptrace(PTRACE_CONT, rat_pid, 0, SIGUSR1) || waitpid(rat_pid, NULL, __WALL) < 0) {
		check(false, "a signal frame is made");
		return;
	}
	rat_get(&start);
	check(start.regs.rip == RAT_CODE + 0x101, "a signal frame is made: in the handler");
	start.regs.rip = RAT_ORIG;
	start.regs.rsp += 8;
	start.regs.rax = SYS_rt_sigreturn;
	start.regs.orig_rax = ~0ull;
	try_all("rt_sigreturn", UPR_INSN_64, CODE(0x0f, 0x05));
	check(native.regs.rip == RAT_CODE + 0x201, "rt_sigreturn: back where the signal came");
	rat_get_regs(&regs);
}

/* --- vsyscall ------------------------------------------------------------------------ */

static void test_vsyscall(const struct rat_state *blank)
{
	blank_start(blank, UPR_INSN_64);
	start.regs.rax = 0xffffffffff600800; /* getcpu */
	start.regs.rdi = RAT_DATA;
	start.regs.rsi = RAT_DATA + 8;
	try_all("call *%rax to the vsyscall page", UPR_INSN_64, CODE(0xff, 0xd0));
	note("vsyscall natively: signal %d at %#llx", native.signo, native.regs.rip);
	memcpy(start.data + 0x100, &start.regs.rax, 8);
	start.regs.rbx = RAT_DATA + 0x100;
	try_all("call *(%rbx) to the vsyscall page", UPR_INSN_64, CODE(0xff, 0x13));
}

/* --- stacks that grow ------------------------------------------------------------------ */

#define GROW	  0x28000000ull
#define GROW_SIZE 0x2000ull

static void map_growing(void)
{
	rat_syscall(SYS_munmap, GROW - 0x10000, GROW_SIZE + 0x10000, 0, 0, 0, 0);
	if ((u64)rat_syscall(SYS_mmap, GROW, GROW_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, ~0ull, 0) != GROW)
		check(false, "mapping a growing stack");
}

/* A sum over the page above and the page below the old end of the stack. */
static u64 sum_growing(void)
{
	u64 words[1024] = {0}, sum = 0;
	struct iovec local = {words, sizeof(words)}, remote = {(void *)(GROW - 0x1000), sizeof(words)};
	unsigned int i;

	if (process_vm_readv(rat_pid, &local, 1, &remote, 1, 0) != sizeof(words))
		return 1;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		sum = sum * 31 + words[i];
	return sum;
}

static void test_growing_stack(const struct rat_state *blank)
{
	static const struct {
		const char *name;
		u8 code[8];
		u8 len;
	} pushes[] = {
		{"push %rax", {0x50}, 1},
		{"push $1", {0x6a, 0x01}, 2},
		{"push (%rbx)", {0xff, 0x33}, 2},
		{"pushf", {0x9c}, 1},
		{"call", {0xe8, 0x00, 0x01, 0x00, 0x00}, 5},
		{"call *%rax", {0xff, 0xd0}, 2},
		{"call *(%rbx)", {0xff, 0x13}, 2},
		{"enter $0x20,$0", {0xc8, 0x20, 0x00, 0x00}, 4},
		{"mov %rax,-0x80(%rsp)", {0x48, 0x89, 0x44, 0x24, 0x80}, 5},
	};
	char name[80];
	size_t i;

	prepare = map_growing;
	extra = sum_growing;
	for (i = 0; i < ARRAY_SIZE(pushes); i++) {
		u64 target = RAT_CODE + 0x300;

		blank_start(blank, UPR_INSN_64);
		start.regs.rax = target;
		start.regs.rbx = RAT_DATA;
		memcpy(start.data, &target, 8);
		start.regs.rsp = GROW;
		snprintf(name, sizeof(name), "%s onto a growing stack", pushes[i].name);
		try_all(name, UPR_INSN_64, pushes[i].code, pushes[i].len);
		check(native.signo == SIGTRAP, "%s: it grew", name);
	}
	prepare = NULL;
	extra = NULL;
	rat_syscall(SYS_munmap, GROW - 0x10000, GROW_SIZE + 0x10000, 0, 0, 0, 0);
}

void test_special(const struct rat_state *blank)
{
	long options = PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;

	test_getpid(blank);
	test_getpid_32(blank);
	test_restart(blank);
	ptrace(PTRACE_SETOPTIONS, rat_pid, 0, options);
	test_child(blank, "fork", SYS_fork, 0);
	test_child(blank, "vfork", SYS_vfork, 0);
	test_child(blank, "clone(VM)", SYS_clone, 0x100 | SIGCHLD);
	ptrace(PTRACE_SETOPTIONS, rat_pid, 0, PTRACE_O_EXITKILL);
	test_sigreturn(blank);
	test_vsyscall(blank);
	test_growing_stack(blank);
}
