// SPDX-License-Identifier: GPL-2.0
/*
 * builtin-trace.c - `perf-uprobe trace`: each hit on a line, as it happens.
 *
 * Purpose: a hit's line looks as perf script prints it: comm, tid, CPU, time, event, address, arguments.  Values are
 * fetched while the task stands at the probe.
 *
 * A hit may turn out not to have happened: a signal came first, and the instruction will be hit again when its handler
 * has returned.  Its line is printed already; then the one that comes in its place is not.
 *
 * Locks: none; one thread does it all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utrace/insn.h>
#include <utrace/utrace.h>

#include "builtin.h"
#include "util/fetch.h"
#include "util/run.h"
#include "util/ui.h"

/**
 * struct owed - a task whose next hit has its line already
 * @task:	with a reference, so that no other is taken for it: thread ids are used again
 * @mm:		where the hit was; another one since, or none, and it will not come
 */
struct owed {
	struct utrace_task *task;
	struct upr_mm *mm;
	u64 addr;
	struct uprobe_site *site;
};

/**
 * struct trace_state - one call of the verb
 * @record:	of the hit being shown, and the status of its arguments
 * @lines:	printed
 * @owed:	@nr_owed tasks whose last hit was taken back and has its line already
 * @failed:	-errno of the output
 */
struct trace_state {
	u8 record[65536];
	u8 *status;
	size_t nr_status;
	struct owed *owed;
	size_t nr_owed;
	size_t cap_owed;
	u64 lines;
	int failed;
};

/* --- the task ------------------------------------------------------------------------- */

/** struct task_info - what is said of a task; @cpu: where it ran last, -1: not known */
struct task_info {
	char comm[32];
	int cpu;
};

/* proc(5): "pid (comm) state ...", field 39 is the CPU. */
static void task_info(s64 tid, struct task_info *ret)
{
	char path[48], text[1024], *name, *end, *p;
	int fd, field;
	ssize_t len;

	*ret = (struct task_info){.comm = "?", .cpu = -1};
	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return;
	text[len] = '\0';
	name = strchr(text, '(');
	end = strrchr(text, ')');
	if (!name || !end)
		return;
	snprintf(ret->comm, sizeof(ret->comm), "%.*s", (int)(end - name - 1), name + 1);
	for (p = end, field = 2; p && field < 39; field++)
		p = strchr(p + 1, ' ');
	if (p)
		ret->cpu = atoi(p);
}

/* --- lines ------------------------------------------------------------------------------- */

/* At a return perf shows where to, and from which function. */
static u64 returns_to(struct utrace_task *task)
{
	struct upr_regs regs;
	u64 to = 0;

	if (!task->target->regs_get(task, &regs))
		task->target->mem_read(task, regs.gpr[UPR_RSP], &to, regs.mode32 ? 4 : 8);
	return to;
}

static void print_text(FILE *out, const struct uprobe_site *site, struct utrace_task *task,
		       const struct task_info *info, u64 now, u64 addr)
{
	fprintf(out, "%16s %5lld [%03d] %5llu.%06llu: %s: ", info->comm, (long long)task->id,
		info->cpu < 0 ? 0 : info->cpu, (unsigned long long)(now / 1000000000),
		(unsigned long long)(now / 1000 % 1000000), site->event->name);
	if (site->kind == UPR_SITE_HERE)
		fprintf(out, "(%llx)", (unsigned long long)addr);
	else
		fprintf(out, "(%llx <- %llx)", (unsigned long long)returns_to(task),
			(unsigned long long)(addr - site->func_off));
}

static void print_json(FILE *out, const struct uprobe_site *site, struct utrace_task *task,
		       const struct task_info *info, u64 now, u64 addr)
{
	fprintf(out, "{\"time\":%llu.%09llu,\"comm\":", (unsigned long long)(now / 1000000000),
		(unsigned long long)(now % 1000000000));
	ui_json_string(out, info->comm);
	fprintf(out, ",\"tid\":%lld,\"cpu\":%d,\"event\":", (long long)task->id, info->cpu);
	ui_json_string(out, site->event->name);
	fprintf(out, ",\"addr\":\"0x%llx\"", (unsigned long long)addr);
	if (site->kind != UPR_SITE_HERE)
		fprintf(out, ",\"to\":\"0x%llx\"", (unsigned long long)returns_to(task));
	fputs(",\"args\":", out);
}

/* Return: bytes of the record, -errno: nothing could be fetched. */
static int fetch(struct trace_state *state, const struct uprobe_site *site, struct utrace_task *task, u64 addr,
		 const char *comm)
{
	const struct upr_fetch_at at = {.task = task, .bias = addr - site->addr, .comm = comm};
	const struct fetch *fetch = site->fetch;

	if (fetch->nr_args > state->nr_status) {
		u8 *more = realloc(state->status, fetch->nr_args);

		if (!more)
			return -ENOMEM;
		state->status = more;
		state->nr_status = fetch->nr_args;
	}
	return upr_fetch_run(&fetch->prog, &at, state->record, sizeof(state->record), state->status);
}

static void print_hit(struct run *run, const struct uprobe_site *site, struct utrace_task *task, u64 addr)
{
	struct trace_state *state = run->data;
	bool json = run->opts.format == RUN_JSON;
	struct task_info info;
	int size = -ENODATA;

	task_info(task->id, &info);
	(json ? print_json : print_text)(run->out, site, task, &info, run_now(), addr);
	if (site->fetch && site->fetch->nr_args)
		size = fetch(state, site, task, addr, info.comm);
	if (size >= 0 && json)
		fetch_print_json(run->out, site->fetch, state->record, (size_t)size, state->status);
	else if (size >= 0)
		fetch_print(run->out, site->fetch, state->record, (size_t)size, state->status);
	else if (json)
		fputs(size == -ENODATA ? "{}" : "null", run->out);
	fputs(json ? "}\n" : "\n", run->out);
	state->lines++;
}

/* --- hits ----------------------------------------------------------------------------------- */

static void forget(struct trace_state *state, struct owed *o)
{
	utrace_task_put(o->task);
	*o = state->owed[--state->nr_owed];
}

static bool stands_already(struct trace_state *state, const struct uprobe_site *site, const struct utrace_task *task,
			   u64 addr)
{
	size_t i;

	for (i = 0; i < state->nr_owed; i++) {
		struct owed *o = &state->owed[i];

		if (o->task != task || o->mm != task->mm || o->addr != addr || o->site != site)
			continue;
		forget(state, o);
		return true;
	}
	return false;
}

/* Tasks that have died, or execute another program, will not come for it. */
static void forget_gone(struct trace_state *state)
{
	size_t i = state->nr_owed;

	while (i--)
		if (state->owed[i].mm != state->owed[i].task->mm)
			forget(state, &state->owed[i]);
}

static void on_hit(struct uprobe_site *site, struct utrace_task *task, u64 addr, void *data)
{
	struct run *run = data;
	struct trace_state *state = run->data;

	/* of several functions that a name may stand for, it is not the one in use */
	if (run->enough || !site->chosen || stands_already(state, site, task, addr))
		return;
	print_hit(run, site, task, addr);
	if (ferror(run->out))
		state->failed = -EIO;
	run->enough = run->opts.max_events && state->lines >= run->opts.max_events;
}

static void on_unhit(struct uprobe_site *site, struct utrace_task *task, u64 addr, void *data)
{
	struct run *run = data;
	struct trace_state *state = run->data;
	struct owed *more;

	if (!site->chosen)
		return;
	forget_gone(state);
	if (state->nr_owed == state->cap_owed) {
		size_t cap = state->cap_owed ? 2 * state->cap_owed : 16;

		more = reallocarray(state->owed, cap, sizeof(*more));
		/* then the hit has two lines */
		if (!more)
			return;
		state->owed = more;
		state->cap_owed = cap;
	}
	utrace_task_get(task);
	state->owed[state->nr_owed++] = (struct owed){task, task->mm, addr, site};
}

/* --- the run --------------------------------------------------------------------------------- */

static int tick(struct run *run, u64 now)
{
	struct trace_state *state = run->data;

	return fflush(run->out) ? -errno : state->failed;
}

/* Hits that have no line, and events that had no chance of one. */
static int report(struct run *run)
{
	struct trace_state *state = run->data;
	size_t i;

	if (ui_verbose)
		uprobe_set_explain(run->set);
	for (i = 0; i < run->set->nr_events; i++) {
		const struct uprobe_event *event = run->set->events[i];
		struct uprobe_totals totals;

		uprobe_event_totals(event, &totals);
		if (totals.missed)
			ui_note("%s: %llu hits were missed", event->name, (unsigned long long)totals.missed);
		if (!totals.count && totals.why)
			ui_note("%s: %s", event->name, totals.why);
	}
	while (state->nr_owed)
		forget(state, state->owed);
	free(state->status);
	free(state->owed);
	return fflush(run->out) ? -errno : state->failed;
}

int cmd_trace(int argc, char **argv)
{
	static const struct run_verb verb = {
		.options = &trace_syntax,
		.doing = "tracing",
		.hit = on_hit,
		.unhit = on_unhit,
		.tick = tick,
		.report = report,
	};
	static struct trace_state state;

	return run_verb(&verb, &state, argc, argv);
}
