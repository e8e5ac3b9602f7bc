// SPDX-License-Identifier: GPL-2.0
/*
 * test-hold.c - signals that an engine holds while it steps the thread elsewhere: each is delivered
 * once, as it came, in its order, under the program's own mask.
 */
#include "child.h"
#include "drive.h"
#include "../tap.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct drive d;
static struct utrace_engine *engine;

/* How it holds: so many steps; 0: it keeps the thread stopped; -1: it steps for ever. */
static int how_long;
static int steps_left;
static unsigned int held, holds, delivered, faults;
static bool quiesce_between;

static enum utrace_resume go_on(void)
{
	if (!how_long)
		return UTRACE_STOP;
	return how_long < 0 || steps_left ? UTRACE_SINGLESTEP : UTRACE_RESUME;
}

static enum utrace_resume on_signal(struct utrace_engine *e, struct utrace_task *task, struct utrace_signal *sig,
				    enum utrace_signal_action *action)
{
	(void)e;
	(void)task;
	if (sig->fault) {
		faults++;
		return UTRACE_RESUME;
	}
	if (how_long > 0 && !steps_left && held) {
		held--;
		delivered++;
		return UTRACE_RESUME;
	}
	if (!steps_left)
		steps_left = how_long;
	held++;
	holds++;
	*action = UTRACE_SIG_HOLD;
	return go_on();
}

static enum utrace_resume on_quiesce(struct utrace_engine *e, struct utrace_task *task)
{
	(void)e;
	(void)task;
	return go_on();
}

static enum utrace_resume on_step(struct utrace_engine *e, struct utrace_task *task, bool *mine)
{
	(void)e;
	(void)task;
	if (!*mine)
		return UTRACE_RESUME;
	if (steps_left > 0)
		steps_left--;
	/* the last step ends in another kind of stop */
	if (quiesce_between && !steps_left)
		return UTRACE_REPORT;
	return go_on();
}

static const struct utrace_engine_ops ops = {.on_signal = on_signal, .on_step = on_step, .on_quiesce = on_quiesce};

/* The first hit of the probe is where the holder comes in. */
static void join(struct drive_probe *p, struct utrace_task *task, u64 addr)
{
	(void)p;
	(void)addr;
	if (!engine)
		engine = utrace_attach(task, &ops, UTRACE_EV_SIGNAL | UTRACE_EV_STEP | UTRACE_EV_QUIESCE, NULL);
}

static void reset(int steps)
{
	engine = NULL;
	how_long = steps;
	steps_left = 0;
	held = holds = delivered = faults = 0;
}

static void leave(void)
{
	if (engine && !IS_ERR(engine)) {
		utrace_detach(engine);
		utrace_engine_put(engine);
	}
	engine = NULL;
}

static void run(const char *program, const char *how, int steps, enum upr_mode mode, bool between)
{
	char *argv[] = {strdup(target_path(program)), (char *)how, NULL}, *out, *at;
	int fd, saved, r;

	reset(steps);
	quiesce_between = between;
	drive_open(&d, mode, NULL);
	drive_count(&d, program, "counted")->hit = join;
	fd = pipe_stdout(&saved);
	r = drive_spawn(&d, argv);
	if (!r)
		r = drive_until_end(&d, 60000);
	out = drain_stdout(fd, saved);
	ok(!r && !d.wstatus && strstr(out, "ok\n"), "%s %s, %d steps%s: the program saw nothing wrong", program, how,
	   steps, between ? " and a report" : "");
	if (r || d.wstatus || !strstr(out, "ok\n"))
		diag("run %d status %#x: %s", r, d.wstatus, out);
	/* a timer's last ones may come when the program has ended */
	ok(holds && delivered <= holds && delivered + 8 >= holds, "each was held and came back (%u, %u)", holds,
	   delivered);
	at = strstr(out, "calls ");
	if (at)
		is_int(drive_hits(&d.probes[0]), atol(at + 6), "all calls were counted");
	leave();
	is_int(drive_close(&d), 0, "let go");
	free(out);
	free(argv[0]);
}

/* --- let go while it is held ---------------------------------------------------------------- */

static bool some_held(void *data)
{
	(void)data;
	return held;
}

static bool joined(void *data)
{
	(void)data;
	return engine;
}

static void send(pid_t pid, int queue)
{
	siginfo_t info = {0};

	if (!queue) {
		kill(pid, SIGUSR1);
		return;
	}
	info.si_signo = SIGRTMIN + 5;
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_value.sival_ptr = (void *)0x1234567;
	syscall(SYS_rt_sigqueueinfo, pid, info.si_signo, &info);
}

static void let_go(int how, int queue, const char *what)
{
	char *argv[] = {strdup(target_path("target-hold")), (char *)"once", NULL}, *out;
	char want[64];
	struct child c;
	int status, r;

	snprintf(want, sizeof(want), queue ? "signal 1 code %d value 0x1234567" : "signal %d code 0",
		 queue ? SI_QUEUE : SIGUSR1);
	reset(how);
	quiesce_between = false;
	child_start(&c, argv);
	drive_open(&d, UPR_MODE_TRAP, NULL);
	drive_count(&d, "target-hold", "counted")->hit = join;
	r = drive_attach(&d, c.pid);
	ok(!r && drive_until(&d, joined, NULL, 10000), "%s: attached", what);
	send(c.pid, queue);
	ok(drive_until(&d, some_held, NULL, 10000), "%s: the signal is held", what);
	drive_for(&d, 20);
	is_int(drive_close(&d), 0, "let go");
	leave();
	out = child_end(&c, &status);
	ok(!status && strstr(out, want), "%s: it has got it, as it was sent", what);
	if (status || !strstr(out, want))
		diag("status %#x: %s (want %s)", status, out, want);
	free(out);
	free(argv[0]);
}

int main(void)
{
	static const int steps[] = {1, 5, 40};
	unsigned int i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		run("target-hold", "queue", steps[i], UPR_MODE_TRAP, false);
		run("target-hold", "ack", steps[i], UPR_MODE_TRAP, false);
		run("target-hold", "two", steps[i], UPR_MODE_TRAP, false);
	}
	run("target-hold", "queue", 2, UPR_MODE_TRAP, true);
	run("target-hold", "two", 2, UPR_MODE_STEP, true);
	run("target-sigs", "storm", 3, UPR_MODE_TRAP, false);
	run("target-sigs", "sent-trap", 3, UPR_MODE_TRAP, false);
	let_go(0, 0, "held with the thread stopped");
	let_go(0, 1, "a queued one held with the thread stopped");
	let_go(-1, 0, "held while stepping");
	let_go(-1, 1, "a queued one held while stepping");
	return done_testing();
}
