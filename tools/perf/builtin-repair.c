// SPDX-License-Identifier: GPL-2.0
/*
 * builtin-repair.c - `perf-uprobe repair`: take away what a killed tool has left in processes.
 *
 * Purpose: the processes go on with whatever is in them; this is for those who want their text,
 * their memory and their SIGTRAP action back without restarting them.  One
 * sentence for each process.
 *
 * Locks: none.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utrace/home.h>

#include "builtin.h"
#include "util/ui.h"

enum { OPT_WORD = 1 /* getopt's own: a word that is no option */ };

static const struct option long_options[] = {
	{"pid", required_argument, NULL, 'p'},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char usage_text[] = "\n Usage: perf-uprobe repair [<options>] -p PID[,PID...]\n\n"
				 "    Takes out of running processes what a tool that was killed has left in them.\n\n"
				 "    -p, --pid <pid>       the processes; children are named by themselves\n"
				 "    -q, --quiet           no notes, and nothing about processes that are clean\n"
				 "    -h, --help            this text\n\n";

static void on_note(void *data, enum upr_home_note note, int pid, const char *text)
{
	ui_note("%s", text);
}

static void say(int pid, const struct upr_repaired *done)
{
	if (done->kept)
		printf("process %d: %u places put back; memory of ours stays mapped, since a thread may still return "
		       "there: run this again later\n",
		       pid, done->places);
	else if (done->places || done->pieces)
		printf("process %d: %u places put back, %u pieces of memory taken out%s\n", pid, done->places,
		       done->pieces,
		       done->handler_kept ? "; a handler for SIGTRAP that the program has been shown stays" : "");
	else if (!ui_quiet)
		printf("process %d: nothing to repair\n", pid);
}

static int repair(struct upr_home *home, int pid)
{
	struct upr_why why = {.status = 0};
	struct upr_repaired done;
	int rc = upr_home_repair(home, pid, &done, &why);

	if (!rc) {
		say(pid, &done);
		return 0;
	}
	ui_error("%s", *why.text ? why.text : strerror(-rc));
	return STATUS_FAILED;
}

static int repair_all(char *pids)
{
	static const struct upr_home_client client = {.note = on_note};
	struct upr_session *session = upr_session_new(UPR_MODE_TRAP);
	struct upr_home *home = session ? upr_home_open(session, &client, NULL, NULL) : NULL;
	char *word, *save = NULL;
	int status = 0;

	if (!home) {
		ui_error("cannot set up tracing: %s", strerror(errno));
		status = STATUS_FAILED;
	}
	for (word = strtok_r(pids, ",", &save); word && home; word = strtok_r(NULL, ",", &save))
		status |= repair(home, atoi(word));
	if (home)
		upr_home_close(home);
	if (session)
		upr_session_free(session);
	return status;
}

/* Nothing is touched before all of them are numbers. */
static bool are_pids(const char *text)
{
	int pid;

	do {
		text = ui_parse_pid(text, &pid);
		if (!text || (*text && *text != ','))
			return false;
	} while (*text++);
	return true;
}

static int not_an_option(const char *word)
{
	return ui_usage_error(usage_text, "`%s' is no option; processes are named with -p", word);
}

int cmd_repair(int argc, char **argv)
{
	char *pids = NULL;
	int c, at;

	opterr = 0;
	optind = 1;
	/* "-": words come in their order, as OPT_WORD; ":" tells a missing value from an unknown option */
	while (at = optind, (c = getopt_long(argc, argv, "-:p:qh", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_WORD:
			return not_an_option(optarg);
		case 'p':
			pids = optarg;
			break;
		case 'q':
			ui_quiet = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		default:
			return ui_wrong_option(usage_text, c, argv[at]);
		}
	}
	if (optind < argc)
		return not_an_option(argv[optind]);
	if (!pids)
		return ui_usage_error(usage_text, "no process; give -p PID");
	if (!are_pids(pids))
		return ui_usage_error(usage_text, "-p wants process ids with commas between them, not `%s'", pids);
	return repair_all(pids);
}
