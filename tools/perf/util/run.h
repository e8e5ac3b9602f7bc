/* SPDX-License-Identifier: GPL-2.0 */
/*
 * run.h - what all verbs share that probe processes.
 *
 * Purpose: options -> probes -> processes -> the end.  A verb says what it wants to hear meanwhile, and
 * prints.
 *
 * Locks: none; one thread does it all.
 */
#ifndef PERF_UTIL_RUN_H
#define PERF_UTIL_RUN_H

#include <stdio.h>
#include <utrace/home.h>

#include "probe-uprobe.h"
#include "run-options.h"

struct run;

/**
 * struct run_verb - what a verb is made of; each but @options and @report may be NULL
 * @options:	what it understands
 * @doing:	"counting", for messages
 * @title:	an output file begins with a line that says when
 * @hit, @unhit: as in struct uprobe_set; their data is the struct run
 * @next:	when (nanoseconds of the monotonic clock) @tick wants to be called at the latest
 * @tick:	called after each wait.  Return: 0; -errno of the output: the end
 * @report:	everything is detached: print the results.  Return: 0, -errno of the output
 */
struct run_verb {
	const struct run_syntax *options;
	const char *doing;
	bool title;
	void (*hit)(struct uprobe_site *site, struct utrace_task *task, u64 addr, void *data);
	void (*unhit)(struct uprobe_site *site, struct utrace_task *task, u64 addr, void *data);
	u64 (*next)(const struct run *run);
	int (*tick)(struct run *run, u64 now);
	int (*report)(struct run *run);
};

/**
 * struct run - one call of a verb
 * @data:	the verb's
 * @out:	where results go
 * @command:	pid of the command that is probed, or 0
 * @workload:	see workload.h, or -1
 * @alive:	processes of -p that have not ended
 * @settled:	--no-follow: whether they are let go has been decided
 * @ended:	the command, or the workload, or all of -p have ended
 * @enough:	the verb has seen all that it wanted to see
 * @status:	exit status of the command, as a shell has it
 * @start:	probes were in place
 * @plan_ns, @arm_ns, @out_ns: what definitions took, putting probes in before anything is counted, taking
 *		them out
 */
struct run {
	const struct run_verb *verb;
	void *data;
	struct run_options opts;
	struct upr_session *session;
	struct uprobe_set *set;
	struct upr_home *home;
	FILE *out;
	int command;
	int workload;
	size_t alive;
	bool settled;
	bool ended;
	bool enough;
	int status;
	int wstatus;
	u64 start;
	u64 plan_ns, arm_ns, out_ns;
};

/** run_verb() - from the command line to the exit status */
int run_verb(const struct run_verb *verb, void *data, int argc, char **argv);

/** run_now() - nanoseconds of the monotonic clock */
u64 run_now(void);

#endif /* PERF_UTIL_RUN_H */
