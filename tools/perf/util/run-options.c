// SPDX-License-Identifier: GPL-2.0
/*
 * run-options.c - command lines of verbs that probe processes.
 *
 * Purpose: see run-options.h.  Locks: none.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../builtin.h"
#include "run-options.h"
#include "ui.h"

enum {
	OPT_WORD = 1, /* getopt's own: a word that is no option */
	OPT_CSV = 256,
	OPT_MODE,
	OPT_NO_CACHE,
	OPT_TOP,
	OPT_FOLLOW_FORK,
	OPT_PIN,
	OPT_NO_FOLLOW,
	OPT_APPEND,
	OPT_TIMEOUT,
	OPT_MAX_EVENTS,
};

static const struct option long_options[] = {
	{"event", required_argument, NULL, 'e'},
	{"exec", required_argument, NULL, 'x'},
	{"pid", required_argument, NULL, 'p'},
	{"json", no_argument, NULL, 'j'},
	{"json-output", no_argument, NULL, 'j'},
	{"csv", no_argument, NULL, OPT_CSV},
	{"output", required_argument, NULL, 'o'},
	{"append", no_argument, NULL, OPT_APPEND},
	{"mode", required_argument, NULL, OPT_MODE},
	{"no-cache", no_argument, NULL, OPT_NO_CACHE},
	{"top", required_argument, NULL, OPT_TOP},
	{"interval", required_argument, NULL, 'I'},
	{"interval-print", required_argument, NULL, 'I'},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"max-events", required_argument, NULL, OPT_MAX_EVENTS},
	{"follow-fork", no_argument, NULL, OPT_FOLLOW_FORK},
	{"no-inherit", no_argument, NULL, 'i'},
	{"no-follow", no_argument, NULL, OPT_NO_FOLLOW},
	{"pin", no_argument, NULL, OPT_PIN},
	{"verbose", no_argument, NULL, 'v'},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char stat_usage[] =
	"\n Usage: perf-uprobe stat [<options>] -x FILE DEF... [-x FILE DEF...] -- COMMAND [ARGS]\n"
	"    or: perf-uprobe stat [<options>] -x FILE DEF... -p PID[,PID...] [-- COMMAND [ARGS]]\n\n"
	"    DEF is [[GROUP:]EVENT=] FUNCTION | FUNCTION+OFFSET | FUNCTION%return | FUNCTION:LINE | FUNCTION;PATTERN |\n"
	"    SOURCE:LINE | 0xADDRESS | %PROVIDER:NAME; FUNCTION may hold * ? [...]\n\n"
	"    -e, --event <event>   count an event defined earlier (GROUP:EVENT, wildcards, commas)\n"
	"    -x, --exec <file>     program or library (path, or name as the loader knows it) of the DEFs that follow\n"
	"    -p, --pid <pid>       count in running processes, until they end, COMMAND ends, or Ctrl-C\n"
	"    -o, --output <file>   write the results there, not to stderr\n"
	"        --append          append to the output file\n"
	"    -j, --json            one JSON object a line\n"
	"        --csv             comma-separated, as perf stat -x,\n"
	"    -I, --interval <ms>   print what was counted every so many milliseconds\n"
	"        --top <n>         only the n events hit most often, sorted\n"
	"        --timeout <ms>    stop counting after so many milliseconds; the processes go on\n"
	"        --mode <mode>     auto (default); jump: no traps; trap: no jumps; step: single-step what can be stepped\n"
	"        --no-cache        neither use nor keep what was found out about files before\n"
	"    -i, --no-inherit      do not count in child processes (--follow-fork, the default, does)\n"
	"        --no-follow       once all places are jumps let the processes go: no ptrace, debuggers may attach;\n"
	"                          what they execute or load from then on is not counted\n"
	"        --pin             keep target and tool on one CPU while counting: cheaper hits\n"
	"    -v, --verbose         say how each place is executed, and why\n"
	"    -q, --quiet           no notes, no progress\n"
	"    -h, --help            this text\n\n";

static const char trace_usage[] =
	"\n Usage: perf-uprobe trace [<options>] -x FILE DEF... [-x FILE DEF...] -- COMMAND [ARGS]\n"
	"    or: perf-uprobe trace [<options>] -x FILE DEF... -p PID[,PID...] [-- COMMAND [ARGS]]\n\n"
	"    DEF is [[GROUP:]EVENT=] FUNCTION | FUNCTION+OFFSET | FUNCTION%return | FUNCTION:LINE | FUNCTION;PATTERN |\n"
	"    SOURCE:LINE | 0xADDRESS | %PROVIDER:NAME, and in the same word, behind blanks, the arguments to be shown:\n"
	"    variables (a, b->len, a[i], *p), $vars, $params, registers (%di), $stack0, $arg1, $retval, $comm; each with\n"
	"    :TYPE (string, x64, s32...)\n\n"
	"    -e, --event <event>   trace an event defined earlier (GROUP:EVENT, wildcards, commas)\n"
	"    -x, --exec <file>     program or library (path, or name as the loader knows it) of the DEFs that follow\n"
	"    -p, --pid <pid>       trace running processes, until they end, COMMAND ends, or Ctrl-C\n"
	"    -o, --output <file>   write the hits there, not to stderr\n"
	"        --append          append to the output file\n"
	"    -j, --json            one JSON object a hit\n"
	"        --max-events <n>  stop after n hits; the processes go on\n"
	"        --timeout <ms>    stop after so many milliseconds; the processes go on\n"
	"        --mode <mode>     auto (default), trap; step: single-step what can be stepped\n"
	"        --no-cache        neither use nor keep what was found out about files before\n"
	"    -i, --no-inherit      do not trace child processes (--follow-fork, the default, does)\n"
	"        --pin             keep target and tool on one CPU: cheaper hits\n"
	"    -v, --verbose         say how each place is executed, and why\n"
	"    -q, --quiet           no notes, no progress, no summary\n"
	"    -h, --help            this text\n\n";

const struct run_syntax stat_syntax = {.usage = stat_usage, .purpose = "count", .without = {OPT_MAX_EVENTS}};
const struct run_syntax trace_syntax = {
	.usage = trace_usage,
	.purpose = "trace",
	.without = {OPT_CSV, OPT_TOP, 'I', OPT_NO_FOLLOW},
	.no_jumps = true,
};

static int parse_number(const struct run_options *opts, const char *name, const char *text, unsigned int low,
			unsigned int *ret)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || *end || strchr(text, '-') || v < low || v > INT_MAX)
		return ui_usage_error(opts->syntax->usage, "--%s wants a number of at least %u, not `%s'", name, low,
				      text);
	*ret = v;
	return -1;
}

static int parse_mode(struct run_options *opts, const char *text)
{
	if (!strcmp(text, "auto")) {
		opts->mode = UPR_MODE_AUTO;
	} else if (!strcmp(text, "trap")) {
		opts->mode = UPR_MODE_TRAP;
	} else if (!strcmp(text, "step")) {
		opts->mode = UPR_MODE_STEP;
	} else if (!strcmp(text, "jump") && !opts->syntax->no_jumps) {
		opts->mode = UPR_MODE_JUMP;
	} else {
		return ui_usage_error(opts->syntax->usage, "unknown mode `%s'; there are auto, %strap and step", text,
				      opts->syntax->no_jumps ? "" : "jump, ");
	}
	return -1;
}

static int parse_pids(struct run_options *opts, char *text)
{
	char *word, *save = NULL;

	for (word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		int pid;
		const char *end = ui_parse_pid(word, &pid);
		size_t i;

		if (!end || *end)
			return ui_usage_error(opts->syntax->usage,
					      "-p wants process ids with commas between them, not `%s'", word);
		for (i = 0; i < opts->nr_pids && opts->pids[i] != pid; i++)
			;
		if (i < opts->nr_pids)
			continue;
		if (!room_for_one(&opts->pids, opts->nr_pids, sizeof(*opts->pids)))
			return ui_out_of_memory();
		opts->pids[opts->nr_pids++] = pid;
	}
	return opts->nr_pids ? -1 : ui_usage_error(opts->syntax->usage, "-p wants a process id");
}

static int parse_events(struct run_options *opts, char *text)
{
	char *word, *save = NULL;

	for (word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		if (!room_for_one(&opts->events, opts->nr_events, sizeof(*opts->events)))
			return ui_out_of_memory();
		opts->events[opts->nr_events++] = word;
	}
	return -1;
}

/* The file before must have got its definitions. */
static int check_last_file(const struct run_options *opts)
{
	const struct file_defs *last = opts->files.v + opts->files.nr - 1;

	if (!opts->files.nr || last->nr_defs)
		return -1;
	return ui_usage_error(opts->syntax->usage, "-x %s: no function follows it", last->name);
}

static int add_file(struct run_options *opts, const char *name)
{
	int status = check_last_file(opts);

	if (status < 0 && !file_list_add(&opts->files, name))
		status = ui_out_of_memory();
	return status;
}

static int add_def(struct run_options *opts, char *text)
{
	return file_list_define(&opts->files, text) ? -1 : ui_out_of_memory();
}

static bool is_without(const struct run_syntax *syntax, int c)
{
	size_t i;

	for (i = 0; i < sizeof(syntax->without) / sizeof(syntax->without[0]); i++)
		if (syntax->without[i] == c)
			return true;
	return false;
}

static int parse_option(struct run_options *opts, int c, const char *word)
{
	if (is_without(opts->syntax, c))
		return ui_unknown_option(opts->syntax->usage, c, word);
	switch (c) {
	case 'e':
		return parse_events(opts, optarg);
	case 'x':
		return add_file(opts, optarg);
	case 'p':
		return parse_pids(opts, optarg);
	case 'o':
		opts->output = optarg;
		return -1;
	case 'I':
		return parse_number(opts, "interval", optarg, 1, &opts->interval_ms);
	case OPT_TOP:
		return parse_number(opts, "top", optarg, 1, &opts->top);
	case OPT_MAX_EVENTS:
		return parse_number(opts, "max-events", optarg, 1, &opts->max_events);
	case OPT_TIMEOUT:
		return parse_number(opts, "timeout", optarg, 1, &opts->timeout_ms);
	case OPT_NO_CACHE:
		opts->no_cache = true;
		return -1;
	case OPT_MODE:
		return parse_mode(opts, optarg);
	case 'j':
	case OPT_CSV:
		if (opts->format && opts->format != (c == 'j' ? RUN_JSON : RUN_CSV))
			return ui_usage_error(opts->syntax->usage, "--json and --csv exclude each other");
		opts->format = c == 'j' ? RUN_JSON : RUN_CSV;
		return -1;
	case OPT_APPEND:
		opts->append = true;
		return -1;
	case OPT_FOLLOW_FORK:
	case 'i':
		opts->no_inherit = c == 'i';
		return -1;
	case OPT_NO_FOLLOW:
		opts->no_follow = true;
		return -1;
	case OPT_PIN:
		opts->pin = true;
		return -1;
	case 'v':
		ui_verbose++;
		return -1;
	case 'q':
		ui_quiet = true;
		return -1;
	case 'h':
		fputs(opts->syntax->usage, stdout);
		return 0;
	default:
		return ui_wrong_option(opts->syntax->usage, c, word);
	}
}

/* What only shows when all has been read. */
static int check(struct run_options *opts)
{
	int status = check_last_file(opts);

	if (status >= 0)
		return status;
	if (!opts->files.nr && !opts->nr_events)
		return ui_usage_error(opts->syntax->usage, "nothing to %s; give -x FILE FUNCTION... or -e EVENT",
				      opts->syntax->purpose);
	if (!opts->command && !opts->nr_pids)
		return ui_usage_error(opts->syntax->usage, "nothing to run; give -p PID, or -- and a command");
	return -1;
}

int run_options_parse(struct run_options *opts, const struct run_syntax *syntax, int argc, char **argv)
{
	int c, at, status = -1;

	opts->syntax = syntax;
	opterr = 0;
	optind = 1;
	/* "-": words come in their order, as OPT_WORD; ":" tells a missing value from an unknown option */
	while (at = optind, (c = getopt_long(argc, argv, "-:e:x:p:o:I:jivqh", long_options, NULL)) != -1) {
		if (c == OPT_WORD && !opts->files.nr) {
			optind--;
			break;
		}
		status = c == OPT_WORD ? add_def(opts, optarg) : parse_option(opts, c, argv[at]);
		if (status >= 0)
			return status;
	}
	if (optind < argc)
		opts->command = argv + optind;
	return check(opts);
}

void run_options_free(struct run_options *opts)
{
	file_list_free(&opts->files);
	free(opts->events);
	free(opts->pids);
}
