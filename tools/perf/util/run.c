// SPDX-License-Identifier: GPL-2.0
/*
 * run.c - what all verbs share that probe processes: options -> probes -> processes -> the end.
 *
 * Purpose: see run.h.  Whatever can fail is tried before the command starts or a process is touched.
 *
 * Signals: SIGINT, SIGTERM, SIGHUP and SIGQUIT end it: everything is detached, results are
 * printed, and the signal is raised again.  A SIGINT typed at the terminal reaches
 * the command as well, which may handle it: then we go on until the
 * command ends or the key is pressed again.  The handlers stay while we detach, so that
 * impatience cannot leave breakpoints behind.
 *
 * Locks: none; one thread does it all.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../builtin.h"
#include "event-store.h"
#include "ifunc.h"
#include "run.h"
#include "ui.h"
#include "workload.h"

/* A signal that comes between a look at the flag and the wait is noticed after this long. */
#define POLL_MS 200
/* A command that was sent the same signal as we were has this long to end. */
#define GRACE_MS 200

static volatile sig_atomic_t signal_first, signal_count, signal_typed, workload_changed;

u64 run_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* --- signals -------------------------------------------------------------- */

static void on_signal(int sig, siginfo_t *info, void *context)
{
	if (!signal_first) {
		signal_first = sig;
		signal_typed = sig == SIGINT && info->si_code == SI_KERNEL;
	}
	signal_count++;
}

static void on_nothing(int sig)
{
}

/*
 * A command inherits what is ignored, and a shell starts what it puts into the
 * background with SIGINT ignored: before the command is started only those signals are
 * caught that exec will reset.
 */
static void catch_signals(bool started)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP};
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO}, old;
	size_t i;

	sigfillset(&sa.sa_mask);
	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		bool ignored = !sigaction(ends[i], NULL, &old) && old.sa_handler == SIG_IGN;

		/* nohup means it */
		if (!ignored || (started && ends[i] != SIGHUP))
			sigaction(ends[i], &sa, NULL);
	}
	/* a reader of ours that has gone is an error of write(), not the end */
	sa.sa_flags = 0;
	sa.sa_handler = on_nothing;
	sigaction(SIGPIPE, &sa, NULL);
}

/* A stopped tool would leave the processes of others waiting at their next hit: Ctrl-Z is not for it. */
static void stay_awake(void)
{
	struct sigaction sa = {.sa_handler = on_nothing};

	sigaction(SIGTSTP, &sa, NULL);
}

static void on_sigio(int sig)
{
	workload_changed = 1;
}

/* A workload's end sends it. */
static void catch_sigio(void)
{
	struct sigaction sa = {.sa_handler = on_sigio};

	sigaction(SIGIO, &sa, NULL);
}

/* --- the home's client ------------------------------------------------------ */

static void client_mapped(void *data, struct upr_mm *mm, int pid, const char *path, const char *open_path,
			  struct upr_file_key key)
{
	struct run *run = data;

	uprobe_set_mapped(run->set, pid, path, open_path, key);
}

static void client_ready(void *data, struct upr_mm *mm, int pid)
{
	struct run *run = data;

	ifunc_scan(run->set, run->home, mm, pid);
}

static void client_note(void *data, enum upr_home_note note, int pid, const char *text)
{
	/* of interest to whoever asks */
	if (note != UPR_NOTE_KILL || ui_verbose)
		ui_note("%s", text);
}

static void client_exited(void *data, int pid, int wstatus)
{
	struct run *run = data;
	size_t i;

	if (run->command && pid == run->command) {
		run->ended = true;
		run->wstatus = wstatus;
		run->status = WIFSIGNALED(wstatus) ? 128 + WTERMSIG(wstatus) : WEXITSTATUS(wstatus);
	}
	for (i = 0; i < run->opts.nr_pids; i++)
		if (run->opts.pids[i] == pid && !--run->alive)
			run->ended = true;
}

static const struct upr_home_client client = {
	.mapped = client_mapped,
	.ready = client_ready,
	.note = client_note,
	.exited = client_exited,
};

/* --- before anything runs ------------------------------------------------------ */

static char output_buffer[256 << 10];

static int open_output(struct run *run)
{
	const struct run_options *opts = &run->opts;
	time_t now;
	int fd;

	if (!opts->output) {
		/* a stream of our own: one write for a table, not one for a word */
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
		run->out = fd < 0 ? NULL : fdopen(fd, "w");
		if (!run->out)
			run->out = stderr;
		return 0;
	}
	run->out = fopen(opts->output, opts->append ? "ae" : "we");
	/* tens of thousands of lines; the C library takes no size without the room */
	if (run->out)
		setvbuf(run->out, output_buffer, _IOFBF, sizeof(output_buffer));
	if (!run->out) {
		ui_error("cannot write %s: %s", opts->output, strerror(errno));
		return STATUS_FAILED;
	}
	if (run->verb->title && opts->format == RUN_TEXT) {
		now = time(NULL);
		fprintf(run->out, "# started on %s\n", ctime(&now));
	}
	return 0;
}

static int define(struct run *run)
{
	const struct run_options *opts = &run->opts;
	struct upr_error err = {0};
	size_t i;
	int rc = 0;

	for (i = 0; i < opts->nr_events && !rc; i++)
		rc = event_store_define(run->set, opts->events[i], &err);
	for (i = 0; i < opts->files.nr && !rc; i++)
		rc = uprobe_set_define(run->set, opts->files.v[i].name, opts->files.v[i].defs, opts->files.v[i].nr_defs,
				       opts->pids, opts->nr_pids, &err);
	if (!rc) {
		uprobe_set_defined(run->set);
		return 0;
	}
	ui_error("%s", *err.text ? err.text : strerror(-rc));
	return STATUS_FAILED;
}

static int start_failed(const struct upr_why *why, int rc)
{
	ui_error("%s", *why->text ? why->text : strerror(-rc));
	return why->status ? why->status : STATUS_FAILED;
}

static int start_processes(struct run *run)
{
	const struct run_options *opts = &run->opts;
	struct upr_why why = {.status = 0};
	size_t i;
	int rc = 0;

	if (opts->nr_pids && opts->command) {
		catch_sigio();
		rc = run->workload = workload_start(opts->command, &why);
		if (rc < 0)
			return start_failed(&why, rc);
	}
	ui_progress_say("Arming", uprobe_set_nr_sites(run->set));
	run->alive = opts->nr_pids;
	catch_signals(opts->nr_pids);
	if (opts->nr_pids)
		stay_awake();
	for (i = 0; i < opts->nr_pids && !signal_count; i++) {
		rc = upr_home_attach(run->home, opts->pids[i], &why);
		if (rc)
			break;
	}
	if (!opts->nr_pids) {
		rc = upr_home_spawn(run->home, opts->command, &run->command, &why);
		catch_signals(true);
	}
	ui_progress_end();
	return rc ? start_failed(&why, rc) : 0;
}

/* --- while it runs ---------------------------------------------------------------- */

/* Return: milliseconds until something else than an event is to be looked at. */
static int next_timeout(const struct run *run, u64 now)
{
	u64 next = now + POLL_MS * 1000000ull;

	if (run->verb->next)
		next = min(next, run->verb->next(run));
	if (run->opts.timeout_ms)
		next = min(next, run->start + run->opts.timeout_ms * 1000000ull);
	return next > now ? (next - now + 999999) / 1000000 : 0;
}

/* Return: true to end counting. */
static bool stop_asked(const struct run *run, u64 now, u64 *signal_at)
{
	if (run->enough || (run->opts.timeout_ms && now - run->start >= run->opts.timeout_ms * 1000000ull))
		return true;
	if (!signal_count)
		return false;
	if (run->opts.nr_pids || signal_first != SIGINT || signal_count > 1)
		return true;
	/* the command was sent it as well, and decides */
	if (signal_typed)
		return false;
	if (!*signal_at)
		*signal_at = now;
	return now - *signal_at >= GRACE_MS * 1000000ull;
}

/* --no-follow: as soon as all programs are started up. */
static void let_go(struct run *run)
{
	struct upr_why why = {.status = 0};
	int rc;

	if (!run->opts.no_follow || run->settled)
		return;
	rc = upr_home_release(run->home, &why);
	run->settled = rc != -EAGAIN;
	if (rc && run->settled)
		ui_note("%s", *why.text ? why.text : strerror(-rc));
}

static int wait_for_end(struct run *run)
{
	u64 now = run_now(), signal_at = 0;
	int rc = 0;

	/* it may have ended before anybody listened */
	workload_changed = run->workload >= 0;
	while (!run->ended && !stop_asked(run, now, &signal_at)) {
		let_go(run);
		rc = upr_home_run(run->home, next_timeout(run, now));
		if (rc < 0)
			break;
		ifunc_poll(run->set);
		now = run_now();
		if (workload_changed) {
			workload_changed = 0;
			run->ended |= workload_done(run->workload, &run->status);
		}
		rc = run->verb->tick ? run->verb->tick(run, now) : 0;
		if (rc)
			break;
	}
	if (rc >= 0 || rc == -ECHILD)
		return 0;
	ui_error("%s ended early: %s", run->verb->doing, strerror(-rc));
	return STATUS_FAILED;
}

/* --- the whole ------------------------------------------------------------------------ */

static void output_failed(const struct run *run, int error)
{
	ui_error("cannot write the results to %s: %s", run->opts.output ? run->opts.output : "stderr", strerror(error));
}

/* Everything is prepared: from here on processes are touched. */
static int run_home(struct run *run)
{
	struct upr_home_options options = {.no_inherit = run->opts.no_inherit, .pin = run->opts.pin};
	struct upr_why why = {.status = 0};
	int status, failed, rc;
	u64 begin = run_now();
	bool reattached;

	run->home = upr_home_open(run->session, &client, run, &options);
	if (!run->home) {
		ui_error("cannot set up tracing: %s", strerror(errno));
		return STATUS_FAILED;
	}
	status = start_processes(run);
	run->start = run_now();
	run->arm_ns = run->start - begin;
	if (status) {
		upr_home_detach(run->home);
		return status;
	}
	failed = wait_for_end(run);
	begin = run_now();
	rc = upr_home_reattach(run->home, &why);
	if (rc)
		failed = start_failed(&why, rc);
	reattached = !rc;
	rc = upr_home_detach(run->home);
	if (rc && reattached) {
		ui_error("a process could not be given back in full: %s", strerror(-rc));
		failed = STATUS_FAILED;
	}
	run->out_ns = run_now() - begin;
	rc = run->verb->report(run);
	if (rc) {
		output_failed(run, -rc);
		failed = STATUS_FAILED;
	}
	return run->status ? run->status : failed;
}

static int run_session(struct run *run)
{
	u64 begin;
	int status;

	run->session = upr_session_new(run->opts.mode);
	run->set = run->session ? uprobe_set_new(run->session) : NULL;
	if (!run->set) {
		ui_error("out of memory");
		return STATUS_FAILED;
	}
	run->set->hit = run->verb->hit;
	run->set->unhit = run->verb->unhit;
	run->set->data = run;
	run->set->jumps = !run->verb->hit && (run->opts.mode == UPR_MODE_AUTO || run->opts.mode == UPR_MODE_JUMP);
	run->set->no_cache = run->opts.no_cache;
	begin = run_now();
	status = define(run);
	run->plan_ns = run_now() - begin;
	if (!status)
		status = open_output(run);
	if (!status)
		status = run_home(run);
	if (run->home)
		upr_home_close(run->home);
	uprobe_set_close(run->set);
	if (run->out && run->out != stderr && fclose(run->out) && !status) {
		output_failed(run, errno);
		status = STATUS_FAILED;
	}
	return status;
}

int run_verb(const struct run_verb *verb, void *data, int argc, char **argv)
{
	struct run run = {.verb = verb, .data = data, .workload = -1};
	int status = run_options_parse(&run.opts, verb->options, argc, argv);

	if (status < 0)
		status = run_session(&run);
	run_options_free(&run.opts);
	/* whoever waits for us shall see what ended us; unless the command had its say */
	if (signal_first && !run.ended) {
		signal(signal_first, SIG_DFL);
		raise(signal_first);
	}
	return status;
}
