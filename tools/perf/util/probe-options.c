// SPDX-License-Identifier: GPL-2.0
/*
 * probe-options.c - what perf-uprobe probe is asked for.
 *
 * Purpose: see probe-options.h.  The order in which things are found wrong is perf's.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../builtin.h"
#include "probe-any.h"
#include "probe-filter.h"
#include "probe-options.h"
#include "probe-usage.h"
#include "ui.h"

/* As perf has it. */
#define MAX_PROBES 1024

int probe_with_usage(int opt)
{
	const int only[] = {opt, 0};

	return probe_usage(only);
}

static int semantic_error(const struct upr_error *err, int opt)
{
	if (err->text[0])
		fprintf(stderr, "%s\n", err->text);
	return probe_with_usage(opt);
}

/* perf's statuses: -errno, cut to a byte */
int probe_status(int r)
{
	return r & 0xff;
}

int probe_failed(const struct probe_options *o, const char *what, int r)
{
	if (o->quiet)
		return probe_status(r);
	fprintf(stderr, "  Error: %s", what);
	if (ui_verbose)
		fprintf(stderr, " Reason: %s (Code: %d)", strerror(-r), r);
	fputc('\n', stderr);
	return probe_status(r);
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
	return probe_status(r);
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
	return probe_file_open(o->file, path, o->ns_pid, o->symfs);
}

static int open_file(struct probe_options *o, const char *path)
{
	int r = add_file(o, path);

	if (!r)
		return 0;
	fprintf(stderr, "Failed to get the absolute path of %s: %s\n", path, strerror(-r));
	return probe_with_usage('x');
}

static int set_vars(struct probe_options *o, const char *value)
{
	int r = set_command(o, VARS);

	if (!r)
		r = add_def(o, value, 'V');
	if (!r && o->wants[0].def.nr_args) {
		fputs("  Error: '--vars' doesn't accept arguments.\n", stderr);
		r = probe_with_usage('V');
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
		return probe_with_usage(opt);
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
		return probe_with_usage(PROBE_MAX_PROBES);
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
	return probe_status(-EINVAL);
}

static int no_kernel(void)
{
	fputs("  Error: modules of the kernel are for perf probe; name a program or a library by -x.\n", stderr);
	return probe_status(-ENOTSUP);
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
	case PROBE_WHY:
		o->find.why = on;
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
			return probe_failed(o, strerror(-r), r);
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

int probe_options_parse(struct probe_options *o, int argc, char **argv)
{
	int words, r;

	o->find.max = MAX_PROBES;
	r = probe_options_read(argc, argv, &words, read_option, o);

	if (r)
		return r;
	if (o->quiet && ui_verbose) {
		fputs("  Error: -v and -q are exclusive.\n", stderr);
		return probe_status(-EINVAL);
	}
	ui_quiet = o->quiet;
	return read_words(o, argv + words, argc - words);
}

void probe_options_free(struct probe_options *o)
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
