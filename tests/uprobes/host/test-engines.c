// SPDX-License-Identifier: GPL-2.0
/*
 * test-engines.c - other engines beside the probes on a real task: system calls
 * seen and answered, signals swallowed, every instruction stepped.
 */
#include "drive.h"
#include "../tap.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct drive d;
static struct utrace_engine *engine;
static long entries, exits, aborted, steps, clones, alarms, deaths, execs, want_steps;
static int exit_code = -1;

static enum utrace_resume on_entry(struct utrace_engine *e, struct utrace_task *task,
				   enum utrace_syscall_action *action, s64 *result)
{
	struct upr_regs regs;

	(void)e;
	entries++;
	if (!task->target->regs_get(task, &regs) && regs.orig_ax == SYS_getppid && ++aborted <= 50) {
		*action = UTRACE_SYSCALL_ABORT;
		*result = 4242;
	}
	return UTRACE_RESUME;
}

static enum utrace_resume on_exit_call(struct utrace_engine *e, struct utrace_task *task)
{
	(void)e;
	(void)task;
	exits++;
	return UTRACE_RESUME;
}

static enum utrace_resume on_step(struct utrace_engine *e, struct utrace_task *task, bool *mine)
{
	(void)e;
	(void)task;
	if (*mine)
		steps++;
	return steps < want_steps ? UTRACE_SINGLESTEP : UTRACE_RESUME;
}

static enum utrace_resume on_signal(struct utrace_engine *e, struct utrace_task *task, struct utrace_signal *sig,
				    enum utrace_signal_action *action)
{
	(void)e;
	(void)task;
	if (sig->signo == SIGALRM && ++alarms % 2)
		*action = UTRACE_SIG_IGNORE;
	return steps < want_steps ? UTRACE_SINGLESTEP : UTRACE_RESUME;
}

static enum utrace_resume on_clone(struct utrace_engine *e, struct utrace_task *parent, struct utrace_task *child,
				   unsigned int flags)
{
	(void)e;
	(void)parent;
	(void)child;
	(void)flags;
	clones++;
	return UTRACE_RESUME;
}

static enum utrace_resume on_exec(struct utrace_engine *e, struct utrace_task *task)
{
	(void)e;
	(void)task;
	execs++;
	return UTRACE_RESUME;
}

static enum utrace_resume on_exit_task(struct utrace_engine *e, struct utrace_task *task, int code)
{
	(void)e;
	(void)task;
	exit_code = code;
	return UTRACE_RESUME;
}

static void on_death(struct utrace_engine *e, struct utrace_task *task, int code)
{
	(void)e;
	(void)task;
	(void)code;
	deaths++;
}

static const struct utrace_engine_ops ops = {
	.on_syscall_entry = on_entry,
	.on_syscall_exit = on_exit_call,
	.on_step = on_step,
	.on_signal = on_signal,
	.on_clone = on_clone,
	.on_exec = on_exec,
	.on_exit = on_exit_task,
	.on_death = on_death,
};

/* The first hit of the probe is where the second engine comes in. */
static void join(struct drive_probe *p, struct utrace_task *task, u64 addr)
{
	(void)p;
	(void)addr;
	if (engine)
		return;
	engine = utrace_attach(task, &ops, want_steps ? UTRACE_EV_STEP | UTRACE_EV_SIGNAL : UTRACE_EV_ALL, NULL);
	if (!IS_ERR(engine) && want_steps)
		utrace_control(engine, UTRACE_SINGLESTEP);
}

static long run(const char *how, const char *n, const char *file, const char *symbol, enum upr_mode mode,
		const char *word)
{
	char *argv[] = {strdup(target_path("target-exec")), (char *)how, (char *)n, NULL}, *out, *at;
	int fd, saved, r;
	long own = -1;

	entries = exits = aborted = steps = clones = alarms = deaths = execs = 0;
	engine = NULL;
	drive_open(&d, mode, NULL);
	drive_count(&d, file, symbol)->hit = join;
	fd = pipe_stdout(&saved);
	r = drive_spawn(&d, argv);
	if (!r)
		r = drive_until_end(&d, 60000);
	out = drain_stdout(fd, saved);
	at = strstr(out, word);
	if (at)
		own = atol(at + strlen(word));
	if (r || d.wstatus)
		ok(0, "%s: run %d status %#x: %s", how, r, d.wstatus, out);
	free(out);
	free(argv[0]);
	return own;
}

static void end(void)
{
	if (engine && !IS_ERR(engine)) {
		utrace_detach(engine);
		utrace_engine_put(engine);
	}
	is_int(drive_close(&d), 0, "let go");
}

static void test_syscalls(void)
{
	want_steps = 0;
	is_int(run("syscalls", "100", "libc.so.6", "__libc_start_main", UPR_MODE_TRAP, "other "), 50,
	       "50 of 100 system calls were answered by the engine, the others ran");
	ok(entries > 100 && (exits == entries - 1 || exits == entries), "entries and exits were seen (%ld, %ld)",
	   entries, exits);
	is_int(exit_code, 0, "and the exit");
	is_int(deaths, 1, "and the death");
	end();
}

static void test_children(void)
{
	want_steps = 0;
	is_int(run("children", "20", "libc.so.6", "__libc_start_main", UPR_MODE_TRAP, "calls "), 20,
	       "an engine on a process that forks");
	is_int(clones, 20, "it hears of each child");
	end();
}

static void test_steps(enum upr_mode mode, const char *name)
{
	long own;

	want_steps = 20000;
	own = run("steps", "3000", "target-exec", "counted", mode, "calls ");
	is_int(drive_hits(&d.probes[0]), own, name);
	ok(steps > 3000, "and %ld instructions were stepped for another engine", steps);
	ok(alarms > 0, "every other signal was swallowed meanwhile (%ld came)", alarms);
	end();
}

int main(void)
{
	test_syscalls();
	test_children();
	test_steps(UPR_MODE_TRAP, "hits while another engine steps, one trap");
	test_steps(UPR_MODE_STEP, "hits while another engine steps, stepped");
	return done_testing();
}
