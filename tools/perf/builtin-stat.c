// SPDX-License-Identifier: GPL-2.0
/*
 * builtin-stat.c - `perf-uprobe stat`: count how often places are executed.
 *
 * Purpose: what is printed, and when; run.c does the rest.
 *
 * Locks: none; one thread does it all.
 */
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "builtin.h"
#include "util/run.h"
#include "util/stat-print.h"
#include "util/ui.h"

/** struct stat_state - @last: when the last interval ended */
struct stat_state {
	u64 last;
};

static struct stat_times times_at(const struct run *run, u64 now, u64 since)
{
	return (struct stat_times){
		.elapsed = (now - run->start) / 1e9,
		.span = (now - since) / 1e9,
		.user = -1,
	};
}

/* --- while it runs ---------------------------------------------------------------- */

static u64 interval_ns(const struct run *run)
{
	return run->opts.interval_ms * 1000000ull;
}

static u64 interval_began(const struct run *run)
{
	const struct stat_state *state = run->data;

	return state->last ? state->last : run->start;
}

static int print_interval(struct run *run, u64 now)
{
	struct stat_times times = times_at(run, now, interval_began(run));
	struct stat_state *state = run->data;

	state->last = now;
	return stat_print_interval(run->out, &run->opts, run->set, &times);
}

static u64 next_interval(const struct run *run)
{
	return run->opts.interval_ms ? interval_began(run) + interval_ns(run) : ~0ull;
}

static int tick(struct run *run, u64 now)
{
	return now >= next_interval(run) ? print_interval(run, now) : 0;
}

/* --- afterwards --------------------------------------------------------------------- */

static int report(struct run *run)
{
	u64 now = run_now();
	struct stat_times times = times_at(run, now, run->start);
	struct rusage usage;

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
	return run->opts.interval_ms ? print_interval(run, now) : stat_print(run->out, &run->opts, run->set, &times);
}

int cmd_stat(int argc, char **argv)
{
	static const struct run_verb verb = {
		.options = &stat_syntax,
		.doing = "counting",
		.title = true,
		.next = next_interval,
		.tick = tick,
		.report = report,
	};
	struct stat_state state = {0};

	return run_verb(&verb, &state, argc, argv);
}
