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
#include "util/probe-options.h"
#include "util/probe-show.h"
#include "util/probe-usage.h"

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
		return probe_status(-EINVAL);
	}
	for (i = 0; !r && i < o->nr_wants; i++)
		r = define_one(o, &o->wants[i]);
	return r ? probe_failed(o, "Failed to add events.", r) : 0;
}

static int unused_file(void)
{
	static const int only[] = {'m', 'x', 0};

	fputs("  Error: -x/-m must follow the probe definitions.\n", stderr);
	probe_usage(only);
	return probe_status(-EINVAL);
}

static int run_list(struct probe_options *o)
{
	static const int only[] = {'l', 'x', 0};
	int r;

	if (o->file) {
		fputs("  Error: Don't use --list with --exec.\n", stderr);
		probe_usage(only);
		return probe_status(-EINVAL);
	}
	r = probe_list(o->filter ? o->filter : "*", &o->keep);
	return r ? probe_failed(o, "Failed to show event list.", r) : 0;
}

static int run_words(struct probe_options *o)
{
	static struct probe_file none;
	struct probe_file *file = o->file ? o->file : &none;
	int r;

	switch (o->command) {
	case VARS:
		r = probe_show_vars(o->wants[0].file ? o->wants[0].file : file, &o->wants[0].def, o->filter, &o->find);
		return r ? probe_failed(o, "Failed to show vars.", r) : 0;
	case LINE:
		r = probe_show_lines(file, &o->lines, o->source, &o->find);
		return r ? probe_failed(o, "Failed to show lines.", r) : 0;
	case FUNCS:
		r = probe_show_funcs(file, o->filter, o->no_demangle, &o->find);
		return r ? probe_failed(o, "Failed to show functions.", r) : 0;
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
		return r ? probe_failed(o, "Failed to add events.", r) : 0;
	case DEFINE:
		return o->file && !o->file_used ? unused_file() : run_define(o);
	case DELETE:
		/* perf would leave the events there, of which its cache is a copy; here it is the list itself */
		if (o->keep.cache) {
			fputs("  Error: the list of events is the cache; --del without --cache deletes from it.\n",
			      stderr);
			return probe_status(-ENOTSUP);
		}
		r = probe_del(o->filter, &o->keep);
		return r ? probe_failed(o, "Failed to delete events.", r) : 0;
	case LIST:
		return run_list(o);
	default:
		return run_words(o);
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

static void say(const char *text, void *data)
{
	const struct probe_options *o = data;

	if (!o->quiet)
		fprintf(stderr, "%s\n", text);
}

int cmd_probe(int argc, char **argv)
{
	struct probe_options o = {.find = {.say = say}};
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
	ret = probe_options_parse(&o, argc, argv);
	if (!ret)
		ret = run(&o);
	probe_options_free(&o);
	return ret;
}
