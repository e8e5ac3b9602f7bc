// SPDX-License-Identifier: GPL-2.0
/*
 * builtin-stat.c - `perf-uprobe stat`: count how often places are executed.
 *
 * Purpose: options -> probes -> processes -> results.  Whatever can fail is
 * tried before the command starts or a process is touched.
 *
 * Signals: SIGINT, SIGTERM, SIGHUP and SIGQUIT end counting: everything is detached, the results are
 * printed, and the signal is raised again.  A SIGINT typed at the terminal reaches
 * the command as well, which may handle it: then counting goes on until the
 * command ends or the key is pressed again.  The handlers stay while we detach, so that
 * impatience cannot leave breakpoints behind.
 *
 * Locks: none; one thread does it all.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "builtin.h"
#include "util/event-store.h"
#include "util/ifunc.h"
#include "util/stat-options.h"
#include "util/stat-print.h"
#include "util/ui.h"
#include "util/workload.h"

/* A signal that comes between a look at the flag and the wait is noticed after this long. */
#define POLL_MS 200
/* A command that was sent the same signal as we were has this long to end. */
#define GRACE_MS 200

/**
 * struct stat_run - one call of the verb
 * @command:	pid of the command that is counted, or 0
 * @workload:	see workload.h, or -1
 * @alive:	processes of -p that have not ended
 * @settled:	--no-follow: whether they are let go has been decided
 * @ended:	the command, or the workload, or all of -p have ended
 * @status:	exit status of the command, as a shell has it
 * @plan_ns, @arm_ns, @out_ns: what definitions took, putting probes in before anything is counted, taking
 *		them out
 */
struct stat_run {
	struct stat_options opts;
	struct upr_session *session;
	struct uprobe_set *set;
	struct upr_home *home;
	FILE *out;
	int command;
	int workload;
	size_t alive;
	bool settled;
	bool ended;
	int status;
	int wstatus;
	u64 start;
	u64 last_interval;
	u64 plan_ns, arm_ns, out_ns;
};

static volatile sig_atomic_t signal_first, signal_count, signal_typed, workload_changed;

static u64 now_ns(void)
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
	struct stat_run *run = data;

	uprobe_set_mapped(run->set, pid, path, open_path, key);
}

static void client_ready(void *data, struct upr_mm *mm, int pid)
{
	struct stat_run *run = data;

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
	struct stat_run *run = data;
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

static int open_output(struct stat_run *run)
{
	const struct stat_options *opts = &run->opts;
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
	/* tens of thousands of lines */
	if (run->out)
		setvbuf(run->out, NULL, _IOFBF, 1 << 16);
	if (!run->out) {
		ui_error("cannot write %s: %s", opts->output, strerror(errno));
		return STATUS_FAILED;
	}
	if (opts->format == STAT_TEXT) {
		now = time(NULL);
		fprintf(run->out, "# started on %s\n", ctime(&now));
	}
	return 0;
}

static int define(struct stat_run *run)
{
	const struct stat_options *opts = &run->opts;
	struct upr_error err = {0};
	size_t i;
	int rc = 0;

	for (i = 0; i < opts->nr_events && !rc; i++)
		rc = event_store_define(run->set, opts->events[i], &err);
	for (i = 0; i < opts->nr_files && !rc; i++)
		rc = uprobe_set_define(run->set, opts->files[i].name, opts->files[i].defs, opts->files[i].nr_defs,
				       opts->pids, opts->nr_pids, &err);
	if (!rc)
		return 0;
	ui_error("%s", *err.text ? err.text : strerror(-rc));
	return STATUS_FAILED;
}

static int start_failed(const struct upr_why *why, int rc)
{
	ui_error("%s", *why->text ? why->text : strerror(-rc));
	return why->status ? why->status : STATUS_FAILED;
}

static int start_processes(struct stat_run *run)
{
	const struct stat_options *opts = &run->opts;
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

static struct stat_times times_at(const struct stat_run *run, u64 now, u64 since)
{
	return (struct stat_times){
		.elapsed = (now - run->start) / 1e9,
		.span = (now - since) / 1e9,
		.user = -1,
	};
}

/* Return: 0 or -errno of the output. */
static int print_interval(struct stat_run *run, u64 now)
{
	struct stat_times times = times_at(run, now, run->last_interval);

	run->last_interval = now;
	return stat_print_interval(run->out, &run->opts, run->set, &times);
}

/* Return: milliseconds until something else than an event is to be looked at. */
static int next_timeout(const struct stat_run *run, u64 now)
{
	u64 next = now + POLL_MS * 1000000ull;

	if (run->opts.interval_ms)
		next = min(next, run->last_interval + run->opts.interval_ms * 1000000ull);
	if (run->opts.timeout_ms)
		next = min(next, run->start + run->opts.timeout_ms * 1000000ull);
	return next > now ? (next - now + 999999) / 1000000 : 0;
}

/* Return: true to end counting. */
static bool stop_asked(const struct stat_run *run, u64 now, u64 *signal_at)
{
	if (run->opts.timeout_ms && now - run->start >= run->opts.timeout_ms * 1000000ull)
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
static void let_go(struct stat_run *run)
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

static int count(struct stat_run *run)
{
	u64 now = now_ns(), signal_at = 0;
	int rc = 0;

	/* it may have ended before anybody listened */
	workload_changed = run->workload >= 0;
	while (!run->ended && !stop_asked(run, now, &signal_at)) {
		let_go(run);
		rc = upr_home_run(run->home, next_timeout(run, now));
		if (rc < 0)
			break;
		ifunc_poll(run->set);
		now = now_ns();
		if (workload_changed) {
			workload_changed = 0;
			run->ended |= workload_done(run->workload, &run->status);
		}
		if (run->opts.interval_ms && now - run->last_interval >= run->opts.interval_ms * 1000000ull) {
			rc = print_interval(run, now);
			if (rc)
				break;
		}
	}
	if (rc >= 0 || rc == -ECHILD)
		return 0;
	ui_error("counting ended early: %s", strerror(-rc));
	return STATUS_FAILED;
}

/* --- afterwards --------------------------------------------------------------------- */

static int report(struct stat_run *run)
{
	u64 now = now_ns();
	struct stat_times times = times_at(run, now, run->start);
	struct rusage usage;
	int rc;

	if (ui_verbose) {
		uprobe_set_explain(run->set);
		ui_note("planned in %.1f ms, armed in %.1f ms, taken out in %.1f ms", run->plan_ns / 1e6,
			run->arm_ns / 1e6, run->out_ns / 1e6);
	}
	if (run->command && run->ended && !getrusage(RUSAGE_CHILDREN, &usage)) {
		times.user = usage.ru_utime.tv_sec + usage.ru_utime.tv_usec / 1e6;
		times.sys = usage.ru_stime.tv_sec + usage.ru_stime.tv_usec / 1e6;
	}
	if (run->command && run->ended && WIFSIGNALED(run->wstatus) && !ui_quiet)
		fprintf(stderr, "%s: %s\n", run->opts.command[0], strsignal(WTERMSIG(run->wstatus)));
	rc = run->opts.interval_ms ? print_interval(run, now) : stat_print(run->out, &run->opts, run->set, &times);
	if (!rc)
		return 0;
	ui_error("cannot write the results to %s: %s", run->opts.output ? run->opts.output : "stderr", strerror(-rc));
	return STATUS_FAILED;
}

/* Everything is prepared: from here on processes are touched. */
static int run_home(struct stat_run *run)
{
	struct upr_home_options options = {.no_inherit = run->opts.no_inherit, .pin = run->opts.pin};
	struct upr_why why = {.status = 0};
	int status, failed, rc;
	u64 begin = now_ns();
	bool reattached;

	run->home = upr_home_open(run->session, &client, run, &options);
	if (!run->home) {
		ui_error("cannot set up tracing: %s", strerror(errno));
		return STATUS_FAILED;
	}
	status = start_processes(run);
	run->start = run->last_interval = now_ns();
	run->arm_ns = run->start - begin;
	if (status) {
		upr_home_detach(run->home);
		return status;
	}
	failed = count(run);
	begin = now_ns();
	rc = upr_home_reattach(run->home, &why);
	if (rc)
		failed = start_failed(&why, rc);
	reattached = !rc;
	rc = upr_home_detach(run->home);
	if (rc && reattached) {
		ui_error("a process could not be given back in full: %s", strerror(-rc));
		failed = STATUS_FAILED;
	}
	run->out_ns = now_ns() - begin;
	if (report(run))
		failed = STATUS_FAILED;
	return run->status ? run->status : failed;
}

static int run_session(struct stat_run *run)
{
	u64 begin;
	int status;

	run->session = upr_session_new(run->opts.mode);
	run->set = run->session ? uprobe_set_new(run->session) : NULL;
	if (!run->set) {
		ui_error("out of memory");
		return STATUS_FAILED;
	}
	run->set->jumps = run->opts.mode == UPR_MODE_AUTO || run->opts.mode == UPR_MODE_JUMP;
	run->set->no_cache = run->opts.no_cache;
	begin = now_ns();
	status = define(run);
	run->plan_ns = now_ns() - begin;
	if (!status)
		status = open_output(run);
	if (!status)
		status = run_home(run);
	if (run->home)
		upr_home_close(run->home);
	upr_session_free(run->session);
	uprobe_set_free(run->set);
	if (run->out && run->out != stderr && fclose(run->out) && !status) {
		ui_error("cannot write the results to %s: %s", run->opts.output ? run->opts.output : "stderr",
			 strerror(errno));
		status = STATUS_FAILED;
	}
	return status;
}

int cmd_stat(int argc, char **argv)
{
	struct stat_run run = {.workload = -1};
	int status = stat_options_parse(&run.opts, argc, argv);

	if (status < 0)
		status = run_session(&run);
	stat_options_free(&run.opts);
	/* whoever waits for us shall see what ended us; unless the command had its say */
	if (signal_first && !run.ended) {
		signal(signal_first, SIG_DFL);
		raise(signal_first);
	}
	return status;
}
