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
#include <unistd.h>

#include "builtin.h"
#include "util/probe-any.h"
#include "util/probe-define.h"
#include "util/probe-filter.h"
#include "util/probe-keep.h"
#include "util/probe-show.h"
#include "util/probe-usage.h"
#include "util/ui.h"

/* As perf has it. */
#define MAX_PROBES 1024

enum command {
	NO_COMMAND = 0,
	ADD = 'a',
	DEFINE = 'D',
	DELETE = 'd',
	LINE = 'L',
	LIST = 'l',
	VARS = 'V',
	FUNCS = 'F',
};

/**
 * struct probe_options - what was asked for
 * @files:	all that were named
 * @file:	the last of them: where what follows is; NULL: none was named
 * @file_used:	something has followed it
 * @wants:	definitions
 */
struct probe_options {
	enum command command;
	struct probe_file **files;
	size_t nr_files;
	struct probe_file *file;
	bool file_used;
	struct probe_want *wants;
	size_t nr_wants;
	struct perf_lines lines;
	char *filter;
	const char *source;
	const char *symfs;
	int ns_pid;
	bool quiet;
	bool no_demangle;
	bool bootconfig;
	struct probe_keep keep;
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

static int failed(const struct probe_options *o, const char *what, int r)
{
	if (o->quiet)
		return status_of(r);
	fprintf(stderr, "  Error: %s", what);
	if (ui_verbose)
		fprintf(stderr, " Reason: %s (Code: %d)", strerror(-r), r);
	fputc('\n', stderr);
	return status_of(r);
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
	struct probe_want *more = realloc(o->wants, (o->nr_wants + 1) * sizeof(*more)), *want;
	struct upr_error err = {0};
	int r;

	if (!more)
		return STATUS_FAILED;
	o->wants = more;
	want = &more[o->nr_wants++];
	*want = (struct probe_want){.text = strdup(text), .file = o->file};
	o->file_used = true;
	r = want->text ? perf_def_parse(&want->def, text, &err) : upr_error_nomem(&err);
	if (!r)
		return 0;
	/* what perf cannot read may still be a definition */
	if (o->command == ADD && o->file && !probe_engine_takes(o->file, text, NULL)) {
		perf_def_free(&want->def);
		want->foreign = true;
		return 0;
	}
	if (opt)
		return semantic_error(&err, opt);
	if (err.text[0])
		fprintf(stderr, "%s\n", err.text);
	fputs("  Error: Command Parse Error.\n", stderr);
	return status_of(r);
}

static int add_file(struct probe_options *o, const char *path)
{
	struct probe_file **more = realloc(o->files, (o->nr_files + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	o->files = more;
	o->file = more[o->nr_files] = calloc(1, sizeof(struct probe_file));
	if (!o->file)
		return -ENOMEM;
	o->nr_files++;
	o->file_used = false;
	return probe_file_open_in(o->file, path, o->ns_pid, o->symfs);
}

static int open_file(struct probe_options *o, const char *path)
{
	int r = add_file(o, path);

	if (!r)
		return 0;
	fprintf(stderr, "Failed to get the absolute path of %s: %s\n", path, strerror(-r));
	return with_usage('x');
}

static int set_vars(struct probe_options *o, const char *value)
{
	int r = set_command(o, VARS);

	if (!r)
		r = add_def(o, value, 'V');
	if (!r && o->wants[0].def.nr_args) {
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

/* A further one means its names as well. */
static int set_filter(struct probe_options *o, const char *value, int opt)
{
	const char *wrong = probe_filter_check(value);
	char *filter;

	if (wrong) {
		fprintf(stderr, "Filter parse error at %td.\nSource: \"%s\"\n         %*s\n", wrong - value + 1, value,
			(int)(wrong - value) + 1, "^");
		return with_usage(opt);
	}
	if (!o->filter)
		filter = strdup(value);
	else if (asprintf(&filter, "(%s)|(%s)", o->filter, value) < 0)
		filter = NULL;
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

static int set_pid(struct probe_options *o, const char *value)
{
	/* as perf has it, what is no number is no other namespace either */
	o->ns_pid = (int)strtol(value, NULL, 10);
	return 0;
}

static int set_vmlinux(const char *value)
{
	if (!access(value, R_OK))
		return 0;
	fprintf(stderr, "Invalid file: %s\n", value);
	return status_of(-EINVAL);
}

static int no_kernel(void)
{
	fputs("  Error: modules of the kernel are for perf probe; name a program or a library by -x.\n", stderr);
	return status_of(-ENOTSUP);
}

static int set_command_filter(struct probe_options *o, enum command command, const char *value)
{
	int r = set_command(o, command);

	return r || !value ? r : set_filter(o, value, command);
}

static int set_command_def(struct probe_options *o, enum command command, const char *value)
{
	int r = set_command(o, command);

	return r ? r : add_def(o, value, command);
}

/* Options that only say how. */
static void set_flag(struct probe_options *o, int opt, bool on)
{
	switch (opt) {
	case PROBE_NO_INLINES:
		o->find.no_inlines = on;
		break;
	case PROBE_DEMANGLE:
		o->no_demangle = !on;
		break;
	case PROBE_EXTERNS:
		o->find.externs = on;
		break;
	case PROBE_RANGE:
		o->find.range = on;
		break;
	case PROBE_BOOTCONFIG:
		o->bootconfig = on;
		break;
	case PROBE_CACHE:
		o->keep.cache = on;
		break;
	case PROBE_JSON:
		o->keep.json = on;
		break;
	case 'f':
		o->keep.force = on;
		break;
	case 'n':
		o->keep.dry_run = on;
		break;
	case 'q':
		o->quiet = on;
		break;
	case 'v':
		ui_verbose = on ? ui_verbose + 1 : 0;
		break;
	}
}

static int read_option(void *data, int opt, bool not, const char *value)
{
	struct probe_options *o = data;

	switch (opt) {
	case 'x':
		return open_file(o, value);
	case 'a':
	case 'D':
		return set_command_def(o, opt, value);
	case 'd':
	case 'l':
	case 'F':
		return set_command_filter(o, opt, value);
	case 'V':
		return set_vars(o, value);
	case 'L':
		return set_lines(o, value);
	case PROBE_FILTER:
		return set_filter(o, value, PROBE_FILTER);
	case PROBE_MAX_PROBES:
		return set_max(o, value);
	case PROBE_TARGET_NS:
		return set_pid(o, value);
	case PROBE_SYMFS:
		o->symfs = value;
		return 0;
	case 'k':
		return set_vmlinux(value);
	case 'm':
		return no_kernel();
	case 's':
		o->source = value;
		return 0;
	default:
		set_flag(o, opt, !not );
		return 0;
	}
}

/* Words are one definition, the first perhaps the file that it is for. */
static int read_words(struct probe_options *o, char **words, int nr)
{
	char *text = NULL;
	size_t size;
	FILE *out;
	int r;

	if (!nr)
		return 0;
	if (!strcmp(words[0], "-") || (o->command && o->command != ADD)) {
		fprintf(stderr, "  Error: %s\n\n",
			strcmp(words[0], "-") ? "another command except --add is set." : "'-' is not supported.");
		return probe_usage(NULL);
	}
	o->command = ADD;
	if (!o->file && words[0][0] == '/') {
		r = add_file(o, words[0]);
		/* that there is none such is told when it is looked at */
		if (r && o->file && !o->file->path)
			r = probe_file_at(o->file, words[0]);
		if (r)
			return failed(o, strerror(-r), r);
		words++;
		nr--;
	}
	if (!nr)
		return 0;
	out = open_memstream(&text, &size);
	while (out && nr--)
		fprintf(out, "%s ", *words++);
	r = out && !fclose(out) ? add_def(o, text, 0) : STATUS_FAILED;
	free(text);
	return r;
}

/* --- commands ------------------------------------------------------------------------- */

static int define_one(const struct probe_options *o, struct probe_want *want)
{
	size_t i;
	int r = want->file ? probe_define(want->file, &want->def, &o->find, &want->events) : -ENOENT;

	for (i = 0; !r && i < want->events.nr; i++) {
		char *text = traced_event_text(want->file, &want->events.v[i]);

		if (!text)
			r = -ENOMEM;
		else
			puts(text);
		free(text);
	}
	return r;
}

static int run_define(struct probe_options *o)
{
	size_t i;
	int r = 0;

	if (o->bootconfig && o->file) {
		fputs("  Error: --bootconfig doesn't support uprobes.\n", stderr);
		return status_of(-EINVAL);
	}
	for (i = 0; !r && i < o->nr_wants; i++)
		r = define_one(o, &o->wants[i]);
	return r ? failed(o, "Failed to add events.", r) : 0;
}

static int unused_file(void)
{
	static const int only[] = {'m', 'x', 0};

	fputs("  Error: -x/-m must follow the probe definitions.\n", stderr);
	probe_usage(only);
	return status_of(-EINVAL);
}

static int run_list(struct probe_options *o)
{
	static const int only[] = {'l', 'x', 0};
	int r;

	if (o->file) {
		fputs("  Error: Don't use --list with --exec.\n", stderr);
		probe_usage(only);
		return status_of(-EINVAL);
	}
	r = probe_list(o->filter ? o->filter : "*", &o->keep);
	return r ? failed(o, "Failed to show event list.", r) : 0;
}

static int run_words(struct probe_options *o)
{
	static struct probe_file none;
	struct probe_file *file = o->file ? o->file : &none;
	int r;

	switch (o->command) {
	case VARS:
		r = probe_show_vars(o->wants[0].file ? o->wants[0].file : file, &o->wants[0].def, o->filter, &o->find);
		return r ? failed(o, "Failed to show vars.", r) : 0;
	case LINE:
		r = probe_show_lines(file, &o->lines, o->source, &o->find);
		return r ? failed(o, "Failed to show lines.", r) : 0;
	case FUNCS:
		r = probe_show_funcs(file, o->filter, o->no_demangle, &o->find);
		return r ? failed(o, "Failed to show functions.", r) : 0;
	default:
		return probe_usage(NULL);
	}
}

static int run(struct probe_options *o)
{
	int r;

	switch (o->command) {
	case ADD:
		if (o->file && !o->file_used)
			return unused_file();
		r = probe_add(o->wants, o->nr_wants, &o->keep);
		return r ? failed(o, "Failed to add events.", r) : 0;
	case DEFINE:
		return o->file && !o->file_used ? unused_file() : run_define(o);
	case DELETE:
		/* perf would leave the events there, of which its cache is a copy; here it is the list itself */
		if (o->keep.cache) {
			fputs("  Error: the list of events is the cache; --del without --cache deletes from it.\n",
			      stderr);
			return status_of(-ENOTSUP);
		}
		r = probe_del(o->filter, &o->keep);
		return r ? failed(o, "Failed to delete events.", r) : 0;
	case LIST:
		return run_list(o);
	default:
		return run_words(o);
	}
}

static int read_all(struct probe_options *o, int argc, char **argv)
{
	int words, r = probe_options_read(argc, argv, &words, read_option, o);

	if (r)
		return r;
	if (o->quiet && ui_verbose) {
		fputs("  Error: -v and -q are exclusive.\n", stderr);
		return status_of(-EINVAL);
	}
	ui_quiet = o->quiet;
	return read_words(o, argv + words, argc - words);
}

static bool is_said(int argc, char **argv, const char *option)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], option))
			return true;
	return false;
}

static void free_all(struct probe_options *o)
{
	while (o->nr_wants) {
		struct probe_want *want = &o->wants[--o->nr_wants];

		traced_events_free(&want->events);
		perf_def_free(&want->def);
		free(want->text);
	}
	free(o->wants);
	while (o->nr_files) {
		probe_file_close(o->files[--o->nr_files]);
		free(o->files[o->nr_files]);
	}
	free(o->files);
	perf_lines_free(&o->lines);
	free(o->filter);
}

int cmd_probe(int argc, char **argv)
{
	struct probe_options o = {.find = {.max = MAX_PROBES, .say = say}};
	int ret;

	/* perf has neither; its own -h says nothing of ours */
	if (is_said(argc, argv, "--help")) {
		probe_usage(NULL);
		probe_usage_own();
		return cmd_plan(argc, argv);
	}
	if (is_said(argc, argv, "--plan"))
		return cmd_plan(argc, argv);
	o.find.data = &o;
	o.keep.find = &o.find;
	ret = read_all(&o, argc, argv);
	if (!ret)
		ret = run(&o);
	free_all(&o);
	return ret;
}
