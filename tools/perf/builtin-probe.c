// SPDX-License-Identifier: GPL-2.0
/*
 * builtin-probe.c - `perf-uprobe probe`: definitions of probes, in perf's words.
 *
 * Purpose: the verb that answers as perf probe 6.1 answers: options, texts, exit statuses
 * (256 - errno).  --plan, which perf has not, is builtin-plan.c.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "util/probe-define.h"
#include "util/probe-filter.h"
#include "util/probe-show.h"
#include "util/probe-usage.h"

/* As perf has it. */
#define MAX_PROBES 1024

enum command {
	NO_COMMAND = 0,
	ADD = 'a',
	DEFINE = 'D',
	LINE = 'L',
	VARS = 'V',
	FUNCS = 'F',
};

/**
 * struct probe_options - what was asked for
 * @defs:	definitions, as parsed; @nr_defs of them
 * @point:	what -V is about
 */
struct probe_options {
	enum command command;
	struct probe_file file;
	bool has_file;
	struct perf_def *defs;
	size_t nr_defs;
	struct perf_lines lines;
	char *filter;
	const char *source;
	bool quiet;
	bool no_demangle;
	struct finder_options find;
};

static void say(const char *text, void *data)
{
	const struct probe_options *o = data;

	if (!o->quiet)
		fprintf(stderr, "%s\n", text);
}

static int with_usage(int opt)
{
	const int only[] = {opt, 0};

	return probe_usage(only);
}

static int semantic_error(const struct upr_error *err, int opt)
{
	if (err->text[0])
		fprintf(stderr, "%s\n", err->text);
	return with_usage(opt);
}

/* perf's statuses: -errno, cut to a byte */
static int status_of(int r)
{
	return r & 0xff;
}

/* --- options ------------------------------------------------------------------------ */

static int set_command(struct probe_options *o, enum command command)
{
	const int both[] = {command, o->command, 0};

	if (o->command && o->command != command) {
		fprintf(stderr, " Error: switch `%c' cannot be used with switch `%c'", command, o->command);
		return probe_usage(both);
	}
	o->command = command;
	return 0;
}

static int add_def(struct probe_options *o, const char *text, int opt)
{
	struct perf_def *more = realloc(o->defs, (o->nr_defs + 1) * sizeof(*more));
	struct upr_error err = {0};
	int r;

	if (!more)
		return STATUS_FAILED;
	o->defs = more;
	r = perf_def_parse(&more[o->nr_defs++], text, &err);
	if (!r)
		return 0;
	if (opt)
		return semantic_error(&err, opt);
	if (err.text[0])
		fprintf(stderr, "%s\n", err.text);
	fputs("  Error: Command Parse Error.\n", stderr);
	return status_of(r);
}

static int open_file(struct probe_options *o, const char *path)
{
	static const int only[] = {'m', 'x', 0};
	int r;

	if (o->nr_defs) {
		fputs("  Error: -x/-m must follow the probe definitions.\n", stderr);
		probe_usage(only);
		return status_of(-EINVAL);
	}
	r = probe_file_open(&o->file, path);
	if (r) {
		fprintf(stderr, "Failed to get the absolute path of %s: %s\n", path, strerror(-r));
		return with_usage('x');
	}
	o->has_file = true;
	return 0;
}

static int set_vars(struct probe_options *o, const char *value)
{
	int r = set_command(o, VARS);

	if (!r)
		r = add_def(o, value, 'V');
	if (!r && o->defs[0].nr_args) {
		fputs("  Error: '--vars' doesn't accept arguments.\n", stderr);
		r = with_usage('V');
	}
	return r;
}

static int set_lines(struct probe_options *o, const char *value)
{
	struct upr_error err = {0};
	int r = set_command(o, LINE);

	if (!r && perf_lines_parse(&o->lines, value, &err))
		r = semantic_error(&err, 'L');
	return r;
}

static int set_filter(struct probe_options *o, const char *value, int opt)
{
	const char *wrong = probe_filter_check(value);
	char *filter = strdup(value);

	if (wrong) {
		fprintf(stderr, "Filter parse error at %td.\nSource: \"%s\"\n         %*s\n", wrong - value + 1, value,
			(int)(wrong - value) + 1, "^");
		free(filter);
		return with_usage(opt);
	}
	free(o->filter);
	o->filter = filter;
	return filter ? 0 : STATUS_FAILED;
}

static int set_max(struct probe_options *o, const char *value)
{
	char *end;
	long n = strtol(value, &end, 10);

	if (*end || !*value) {
		fputs(" Error: option `max-probes' expects a numerical value", stderr);
		return with_usage(PROBE_MAX_PROBES);
	}
	o->find.max = n > 0 ? (size_t)n : MAX_PROBES;
	return 0;
}

static int read_option(void *data, int opt, bool not, const char *value)
{
	struct probe_options *o = data;
	int r;

	switch (opt) {
	case 'x':
		return open_file(o, value);
	case 'D':
		r = set_command(o, DEFINE);
		return r ? r : add_def(o, value, 'D');
	case 'V':
		return set_vars(o, value);
	case 'L':
		return set_lines(o, value);
	case 'F':
		r = set_command(o, FUNCS);
		return r || !value ? r : set_filter(o, value, 'F');
	case PROBE_FILTER:
		return set_filter(o, value, PROBE_FILTER);
	case PROBE_MAX_PROBES:
		return set_max(o, value);
	case PROBE_NO_INLINES:
		o->find.no_inlines = !not ;
		return 0;
	case PROBE_DEMANGLE:
		o->no_demangle = not ;
		return 0;
	case PROBE_EXTERNS:
		o->find.externs = !not ;
		return 0;
	case PROBE_RANGE:
		o->find.range = !not ;
		return 0;
	case 's':
		o->source = value;
		return 0;
	case 'q':
		o->quiet = !not ;
		return 0;
	case 'v':
	case 'f':
	case 'n':
		return 0;
	case 0:
		/* as perf has it, a word makes an addition of a definition */
		if (o->command == DEFINE)
			o->command = ADD;
		r = set_command(o, ADD);
		return r ? r : add_def(o, value, 0);
	default:
		fputs("perf-uprobe: this option is not available yet\n", stderr);
		return STATUS_FAILED;
	}
}

/* --- commands ------------------------------------------------------------------------- */

static int failed(const char *what, int r)
{
	fprintf(stderr, "  Error: %s\n", what);
	return status_of(r);
}

static int define_one(struct probe_options *o, struct perf_def *def)
{
	struct traced_events events;
	size_t i;
	int r = probe_define(&o->file, def, &o->find, &events);

	for (i = 0; !r && i < events.nr; i++) {
		char *text = traced_event_text(&o->file, &events.v[i]);

		if (!text)
			r = -ENOMEM;
		else
			puts(text);
		free(text);
	}
	traced_events_free(&events);
	return r;
}

static int run_define(struct probe_options *o)
{
	size_t i;
	int r = o->has_file ? 0 : -ENOENT;

	for (i = 0; !r && i < o->nr_defs; i++)
		r = define_one(o, &o->defs[i]);
	return r ? failed("Failed to add events.", r) : 0;
}

static int run(struct probe_options *o)
{
	int r;

	switch (o->command) {
	case DEFINE:
		return run_define(o);
	case VARS:
		r = probe_show_vars(&o->file, &o->defs[0], o->filter, &o->find);
		return r ? failed("Failed to show vars.", r) : 0;
	case LINE:
		r = probe_show_lines(&o->file, &o->lines, o->source, &o->find);
		return r ? failed("Failed to show lines.", r) : 0;
	case FUNCS:
		r = probe_show_funcs(&o->file, o->filter, o->no_demangle, &o->find);
		return r ? failed("Failed to show functions.", r) : 0;
	case ADD:
		if (!o->has_file)
			return failed("Failed to add events.", -ENOENT);
		fputs("perf-uprobe: events cannot be kept yet; -D shows what they would be, and stat takes definitions as "
		      "they are\n",
		      stderr);
		return STATUS_FAILED;
	default:
		return probe_usage(NULL);
	}
}

static bool is_said(int argc, char **argv, const char *option)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], option))
			return true;
	return false;
}

int cmd_probe(int argc, char **argv)
{
	struct probe_options o = {.find = {.max = MAX_PROBES, .say = say}};
	size_t i;
	int ret;

	/* perf has neither; its own -h says nothing of ours */
	if (is_said(argc, argv, "--help")) {
		probe_usage(NULL);
		return cmd_plan(argc, argv);
	}
	if (is_said(argc, argv, "--plan"))
		return cmd_plan(argc, argv);
	o.find.data = &o;
	ret = probe_options_read(argc, argv, read_option, &o);
	if (!ret)
		ret = run(&o);
	for (i = 0; i < o.nr_defs; i++)
		perf_def_free(&o.defs[i]);
	free(o.defs);
	perf_lines_free(&o.lines);
	free(o.filter);
	probe_file_close(&o.file);
	return ret;
}
