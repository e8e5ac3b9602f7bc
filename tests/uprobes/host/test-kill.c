// SPDX-License-Identifier: GPL-2.0
/*
 * test-kill.c - the tool is killed (SIGKILL) at every point, and the program goes on.
 *
 * In rounds of attaching, counting and letting go, to the end, the tool is killed after its Nth
 * system call that can change a program (ptrace, pwrite64, process_vm_writev), N = 1, 2, 3 ... until
 * a round gets through; in rounds of starting and counting, until so many hits are counted; and at
 * random moments.  Each time target-kill must end with "ok".  The tool is traced for the
 * first two, at full speed for the last.  A program that sets an action of its own for SIGTRAP after it has
 * been probed is told to at the first hit, and the tool is killed when it has noticed.
 *
 * UPR_KILL_STRIDE=N	only every Nth call (default: what make check has time for)
 * UPR_KILL_RANDOM=N	that many random moments for each program and mode (default 2)
 * UPR_KILL_MODES=LIST	of trap, step, auto, jump (default: all)
 * UPR_KILL_HOWS=LIST	of what target-kill can do, and 32, 32caught (kill32) (default: all)
 * UPR_KILL_SEED=N	of the random moments
 */
#include "child.h"
#include "drive.h"
#include "../tap.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOTICE_MS 100
#define HITS	  40 /* in a whole round */
#define MAX_CALLS 20000
#define LIMIT_S	  30 /* nothing waits longer */

static char tool[4096], target_64[4096], target_32[4096];

struct round {
	const char *mode;
	const char *how;
	bool spawned;
	unsigned int kill_after; /* call; 0 never */
	long kill_after_us;	 /* moment, when not traced; < 0 never */
	/* what has become of it */
	unsigned int calls;
	unsigned int hits;
	bool killed;
	u64 killed_ms;
	u64 started_ms;
	char last[64];
	int status;
	bool started;
	bool told, noticed; /* where changes_action() */
	struct child *child;
	char *out;
};

/* --- the tool --------------------------------------------------------------------- */

static const char *const defs_64[] = {
	"k_push", "k_lea",	"k_lea+4",  "k_endbr",	   "k_nop",	 "k_riprel", "k_jmp",	"k_jcc",
	"k_call", "k_call_mem", "k_popf+5", "k_syscall+6", "k_call_ret", "k_ret",    "k_aimed", "k_hop",
};

static const char *const defs_32[] = {
	"k_push", "k_mov", "k_nop", "k_jmp", "k_call", "k_call_mem", "k_popf+1", "k_ret", "k_aimed",
};

#define NR(array) (sizeof(array) / sizeof((array)[0]))

/* A program of its own. */
static bool is_32(const struct round *r)
{
	return !strncmp(r->how, "32", 2);
}

static char *target_of(const struct round *r)
{
	return is_32(r) ? target_32 : target_64;
}

static void exec_tool(const struct round *r, pid_t pid)
{
	const char *const *defs = is_32(r) ? defs_32 : defs_64;
	size_t nr_defs = is_32(r) ? NR(defs_32) : NR(defs_64), n = 0, i;
	const char *argv[NR(defs_64) + 16];
	char number[16];

	argv[n++] = tool;
	argv[n++] = "stat";
	argv[n++] = "-q";
	argv[n++] = "-o";
	argv[n++] = "/dev/null";
	argv[n++] = "--mode";
	argv[n++] = r->mode;
	argv[n++] = "-x";
	argv[n++] = target_of(r);
	for (i = 0; i < nr_defs; i++)
		argv[n++] = defs[i];
	if (r->spawned) {
		argv[n++] = "--";
		argv[n++] = target_of(r);
		argv[n++] = r->how;
	} else {
		snprintf(number, sizeof(number), "%d", pid);
		argv[n++] = "-p";
		argv[n++] = number;
	}
	argv[n] = NULL;
	execv(tool, (char *const *)argv);
	_exit(127);
}

static pid_t start_tool(const struct round *r, pid_t pid, bool traced, const int in[2], const int out[2])
{
	pid_t child = fork();

	if (child)
		return child;
	if (in) {
		dup2(in[0], 0);
		dup2(out[1], 1);
	}
	if (!strcmp(r->how, "ignored"))
		signal(SIGTRAP, SIG_IGN);
	if (traced) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
	}
	exec_tool(r, pid);
	return 0;
}

static void kill_it(struct round *r, pid_t pid)
{
	r->killed = true;
	r->killed_ms = now_ms();
	kill(pid, SIGKILL);
}

/* --- after its Nth call ------------------------------------------------------------------ */

static bool can_change_a_program(u64 nr)
{
	return nr == SYS_ptrace || nr == SYS_pwrite64 || nr == SYS_process_vm_writev;
}

struct call {
	u64 nr, args[6];
};

/* Once at each hit. */
static bool looks_at_signal(const struct call *call)
{
	return call->nr == SYS_ptrace && call->args[0] == PTRACE_GETSIGINFO;
}

/* While it is probed. */
static bool changes_action(const struct round *r)
{
	return !strcmp(r->how, "later") || !strcmp(r->how, "reset");
}

static bool has_noticed(struct round *r, const struct call *call)
{
	struct pollfd fd = {.fd = fileno(r->child->out), .events = POLLIN};

	if (!r->told && looks_at_signal(call)) {
		child_say(r->child, "now");
		r->told = true;
	}
	if (r->told && !r->noticed && poll(&fd, 1, 0) > 0)
		r->noticed = !strcmp(child_line(r->child), "noticed");
	return r->noticed;
}

static void end_call(struct round *r, pid_t pid, const struct call *call)
{
	if (!can_change_a_program(call->nr) || (changes_action(r) && !has_noticed(r, call)))
		return;
	r->calls++;
	snprintf(r->last, sizeof(r->last), "%s(%#llx, %d, %#llx)", call->nr == SYS_ptrace ? "ptrace" : "write",
		 (unsigned long long)call->args[0], (int)call->args[1], (unsigned long long)call->args[2]);
	if (looks_at_signal(call) && ++r->hits == HITS && !r->spawned)
		kill(pid, SIGINT);
	if (r->calls == r->kill_after || (r->spawned && r->hits == HITS))
		kill_it(r, pid);
}

static void at_call(struct round *r, pid_t pid, struct call *call)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		call->nr = info.entry.nr;
		memcpy(call->args, info.entry.args, sizeof(call->args));
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
		end_call(r, pid, call);
	}
}

/* Until it is gone.  Return: it is. */
static bool follow_tool(struct round *r, pid_t pid)
{
	struct call call = {.nr = ~0ull};
	int status, signo;

	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		return false;
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	while (waitpid(pid, &status, __WALL) == pid) {
		if (!WIFSTOPPED(status))
			return true;
		signo = WSTOPSIG(status);
		if (signo == (SIGTRAP | 0x80))
			at_call(r, pid, &call);
		ptrace(PTRACE_SYSCALL, pid, NULL, signo == SIGTRAP || signo & 0x80 ? 0 : signo);
	}
	/* the limit */
	kill(pid, SIGKILL);
	waitpid(pid, &status, __WALL);
	return false;
}

/* --- at some moment ------------------------------------------------------------------------- */

static bool kill_tool(struct round *r, pid_t pid)
{
	struct timespec ts = {r->kill_after_us / 1000000, r->kill_after_us % 1000000 * 1000};
	int status;

	if (changes_action(r)) {
		child_say(r->child, "now");
		r->noticed = !strcmp(child_line(r->child), "noticed");
	}
	/* it is the moment that is wanted, not something to have happened by then */
	nanosleep(&ts, NULL);
	kill_it(r, pid);
	return waitpid(pid, &status, 0) == pid;
}

/* --- one round ---------------------------------------------------------------------------------- */

static void on_limit(int signo)
{
	(void)signo;
}

static void limit(unsigned int seconds)
{
	struct sigaction sa = {.sa_handler = on_limit};

	sigaction(SIGALRM, &sa, NULL);
	alarm(seconds);
}

static void end_target(struct round *r, struct child *c)
{
	alarm(LIMIT_S);
	if (r->started && !strcmp(r->how, "after"))
		child_say(c, "now");
	close(c->in);
	r->out = calloc(1, 4096);
	if (fread(r->out, 1, 4095, c->out) == 0 && ferror(c->out))
		snprintf(r->out, 4096, "it hangs\n");
	fclose(c->out);
	if (c->pid <= 0 || waitpid(c->pid, &r->status, 0) == c->pid)
		return;
	kill(c->pid, SIGKILL);
	waitpid(c->pid, &r->status, 0);
}

static void attach_round(struct round *r)
{
	char *argv[] = {target_of(r), (char *)r->how, NULL};
	bool traced = r->kill_after_us < 0;
	struct child c;
	pid_t pid;

	child_start(&c, argv);
	r->started = true;
	r->child = &c;
	while (strcmp(child_line(&c), "ready") && !feof(c.out))
		;
	pid = start_tool(r, c.pid, traced, NULL, NULL);
	if (traced ? !follow_tool(r, pid) : !kill_tool(r, pid))
		diag("the tool does not end");
	end_target(r, &c);
}

/* The program may never have been started: then it says nothing. */
static void spawn_round(struct round *r)
{
	bool traced = r->kill_after_us < 0;
	struct child c = {0};
	int in[2], out[2];
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		abort();
	pid = start_tool(r, 0, traced, in, out);
	close(in[0]);
	close(out[1]);
	c.in = in[1];
	if (traced ? !follow_tool(r, pid) : !kill_tool(r, pid))
		diag("the tool does not end");
	alarm(LIMIT_S);
	c.out = fdopen(out[0], "r");
	r->started = sscanf(child_line(&c), "%d %lu", &c.pid, &r->started_ms) == 2;
	end_target(r, &c);
}

/* A program that the tool has started is ours when the tool is dead, whether it has said anything or not. */
static void reap_orphans(struct round *r)
{
	int status;

	while (waitpid(-1, &status, __WALL) > 0) {
		if (!WIFSIGNALED(status))
			continue;
		r->started = true;
		r->status = status;
	}
}

static void one_round(struct round *r)
{
	limit(LIMIT_S);
	if (r->spawned)
		spawn_round(r);
	else
		attach_round(r);
	reap_orphans(r);
	alarm(0);
}

static bool blocks(const struct round *r)
{
	return !strcmp(r->how, "blocked");
}

static bool sets_action(const struct round *r)
{
	return strstr(r->how, "caught") || !strcmp(r->how, "ignored");
}

/*
 * Of a 32-bit program, which nothing guards: an action for SIGTRAP takes the handler away if nobody is there any more
 * to notice, or nobody has noticed yet: that takes a tenth of a second (Documentation/uprobes.txt, 9).
 */
static bool set_action_alone(const struct round *r)
{
	const char *set = strstr(r->out, "set ");

	return is_32(r) && r->spawned && sets_action(r) && set &&
	       strtoull(set + 4, NULL, 10) + NOTICE_MS >= r->killed_ms;
}

static bool died_of_trap(const struct round *r)
{
	return WIFSIGNALED(r->status) && WTERMSIG(r->status) == SIGTRAP;
}

/* Two of them want to. */
static bool is_well(const struct round *r)
{
	bool dies = !strcmp(r->how, "int3") || !strcmp(r->how, "raise");

	if (!r->started)
		return true;
	if (changes_action(r) && !r->noticed)
		return false;
	return strstr(r->out, "ok\n") && (dies ? died_of_trap(r) : !r->status);
}

/* --- all of them ----------------------------------------------------------------------------------- */

struct tally {
	unsigned int rounds, well, blocked, alone, wrong;
	u64 start;
};

static void count_round(struct tally *tally, struct round *r, const char *when)
{
	tally->rounds++;
	if (is_well(r)) {
		tally->well++;
	} else if (blocks(r) && died_of_trap(r)) {
		tally->blocked++;
	} else if (set_action_alone(r)) {
		tally->alone++;
	} else {
		tally->wrong++;
		if (tally->wrong <= 5)
			diag("killed %s, %d ms after it was started: status %#x: %s", when,
			     r->started_ms ? (int)(r->killed_ms - r->started_ms) : 0, r->status, r->out);
	}
	free(r->out);
	r->out = NULL;
}

static void report(const struct tally *tally, const char *what, const struct round *r)
{
	ok(!tally->wrong && tally->rounds,
	   "%s, %s, %s, %s: %u kills, %u lived, %u died because they block SIGTRAP, %u because they set an action for it when the tool was dead",
	   r->mode, r->spawned ? "started" : "attached", r->how, what, tally->rounds, tally->well, tally->blocked,
	   tally->alone);
	diag("%.1f s", (double)(now_ms() - tally->start) / 1000);
}

static void after_each_call(const char *mode, const char *how, bool spawned, unsigned int stride)
{
	struct round r = {.mode = mode, .how = how, .spawned = spawned};
	struct tally tally = {.start = now_ms()};
	unsigned int n;
	char when[128];
	bool through = false;

	for (n = 1; !through && n < MAX_CALLS && tally.wrong < 5; n += stride) {
		r = (struct round){.mode = mode, .how = how, .spawned = spawned, .kill_after = n, .kill_after_us = -1};
		one_round(&r);
		through = !r.killed || (spawned && r.hits >= HITS);
		snprintf(when, sizeof(when), "after call %u, %s", n, r.last);
		count_round(&tally, &r, when);
	}
	if (!through)
		diag("no round got through");
	report(&tally, "after each call", &r);
	ok(through && r.hits >= HITS, "and a whole round of %u calls has been gone through", r.calls);
}

static long random_us(void)
{
	/* start, arming, and hits by the thousand */
	return random() % (random() % 2 ? 15000 : 80000);
}

static void at_random(const char *mode, const char *how, bool spawned, unsigned int nr)
{
	struct round r = {.mode = mode, .how = how, .spawned = spawned};
	struct tally tally = {.start = now_ms()};
	char when[64];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		r = (struct round){.mode = mode, .how = how, .spawned = spawned, .kill_after_us = random_us()};
		one_round(&r);
		snprintf(when, sizeof(when), "after %ld us", r.kill_after_us);
		count_round(&tally, &r, when);
	}
	report(&tally, "at random", &r);
}

static unsigned int number(const char *name, unsigned int fallback)
{
	const char *text = getenv(name);

	return text && atoi(text) > 0 ? (unsigned int)atoi(text) : fallback;
}

static bool in_list(const char *name, const char *fallback, const char *word)
{
	const char *list = getenv(name), *at;
	size_t len = strlen(word);

	list = list ? list : fallback;
	for (at = list; (at = strstr(at, word)); at += len)
		if ((at == list || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

static bool wanted(const char *mode, const char *how)
{
	return in_list("UPR_KILL_MODES", "trap auto step jump", mode) && in_list("UPR_KILL_HOWS", how, how);
}

static const char *const modes[] = {"trap", "step", "auto", "jump"};
static const char *const hows[] = {"plain", "caught", "ignored", "blocked", "children", "int3",
				   "raise", "later",  "after",	 "reset",   "32",	"32caught"};

/* In a mode, by every Nth call. */
static const struct {
	const char *mode, *how;
	bool spawned;
	unsigned int stride;
} plans[] = {
	{"trap", "plain", false, 13}, {"trap", "plain", true, 23},  {"trap", "caught", false, 23},
	{"trap", "caught", true, 23}, {"trap", "later", false, 23}, {"trap", "after", false, 23},
	{"trap", "reset", false, 23}, {"trap", "32", false, 23},    {"trap", "32caught", false, 23},
	{"step", "plain", false, 13}, {"auto", "plain", false, 23}, {"jump", "plain", false, 23},
};

static const char *why_no_32;

static bool possible(const char *how)
{
	return strncmp(how, "32", 2) || !why_no_32;
}

static void all_calls(void)
{
	size_t i;

	for (i = 0; i < NR(plans); i++)
		if (wanted(plans[i].mode, plans[i].how) && possible(plans[i].how))
			after_each_call(plans[i].mode, plans[i].how, plans[i].spawned,
					number("UPR_KILL_STRIDE", plans[i].stride));
}

static void all_random(unsigned int nr)
{
	size_t i, k;

	for (i = 0; i < NR(modes); i++) {
		for (k = 0; k < NR(hows); k++) {
			if (!wanted(modes[i], hows[k]) || !possible(hows[k]))
				continue;
			/* it is noticed when something traps, and nothing does */
			if (!strcmp(modes[i], "jump") && changes_action(&(struct round){.how = hows[k]}))
				continue;
			at_random(modes[i], hows[k], false, nr);
			/* only if somebody is there to tell it */
			if (!changes_action(&(struct round){.how = hows[k]}))
				at_random(modes[i], hows[k], true, (nr + 1) / 2);
		}
	}
}

int main(void)
{
	unsigned int nr = number("UPR_KILL_RANDOM", 2), seed = number("UPR_KILL_SEED", (unsigned int)time(NULL));

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(target_64, sizeof(target_64), "%s", target_path("target-kill"));
	snprintf(target_32, sizeof(target_32), "%s", target_path("kill32"));
	snprintf(tool, sizeof(tool), "%s", target_path("../../perf-uprobe"));
	diag("UPR_KILL_SEED=%u", seed);
	srandom(seed);
	why_no_32 = no_32();
	if (why_no_32)
		skip("a 32-bit program, 32 and 32caught", why_no_32);
	all_calls();
	all_random(nr);
	return done_testing();
}
