// SPDX-License-Identifier: GPL-2.0
/*
 * probe-usage.c - options of perf probe.
 *
 * Purpose: see probe-usage.h.
 * Locks: none.
 */
#include <stdio.h>
#include <string.h>

#include "../builtin.h"
#include "probe-usage.h"

#define DEF "[EVENT=]FUNC[@SRC][+OFF|%return|:RL|;PT]|SRC:AL|SRC;PT [[NAME=]ARG ...]"

enum takes { NOTHING, VALUE, PERHAPS };

static const struct option {
	int opt;
	const char *name;
	enum takes takes;
	const char *value;
	const char *help;
} options[] = {
	{'a', "add", VALUE, DEF,
	 "probe point definition, where\n"
	 "\t\tGROUP:\tGroup name (optional)\n"
	 "\t\tEVENT:\tEvent name\n"
	 "\t\tFUNC:\tFunction name\n"
	 "\t\tOFF:\tOffset from function entry (in byte)\n"
	 "\t\t%return:\tPut the probe at function return\n"
	 "\t\tSRC:\tSource code path\n"
	 "\t\tRL:\tRelative line number from function entry.\n"
	 "\t\tAL:\tAbsolute line number in file.\n"
	 "\t\tPT:\tLazy expression of line code.\n"
	 "\t\tARG:\tProbe argument (local variable name or\n"
	 "\t\t\tkprobe-tracer argument format.)\n"},
	{'D', "definition", VALUE, DEF, "Show trace event definition of given traceevent for k/uprobe_events."},
	{'d', "del", VALUE, "[GROUP:]EVENT", "delete a probe event."},
	{'f', "force", NOTHING, NULL, "forcibly add events with existing name"},
	{'F', "funcs", PERHAPS, "[FILTER]", "Show potential probe-able functions."},
	{'k', "vmlinux", VALUE, "file", "vmlinux pathname"},
	{'L', "line", VALUE, "FUNC[:RLN[+NUM|-RLN2]]|SRC:ALN[+NUM|-ALN2]", "Show source code lines."},
	{'l', "list", PERHAPS, "[GROUP:]EVENT", "list up probe events"},
	{'m', "module", VALUE, "modname|path", "target module name (for online) or path (for offline)"},
	{'n', "dry-run", NOTHING, NULL, "dry run"},
	{'q', "quiet", NOTHING, NULL, "be quiet (do not show any warnings or messages)"},
	{'s', "source", VALUE, "directory", "path to kernel source"},
	{'V', "vars", VALUE, "FUNC[@SRC][+OFF|%return|:RL|;PT]|SRC:AL|SRC;PT", "Show accessible variables on PROBEDEF"},
	{'v', "verbose", NOTHING, NULL, "be more verbose (show parsed arguments, etc)"},
	{'x', "exec", VALUE, "executable|path", "target executable name or path"},
	{PROBE_BOOTCONFIG, "bootconfig", NOTHING, NULL, "Output probe definition with bootconfig format"},
	{PROBE_CACHE, "cache", NOTHING, NULL, "Manipulate probe cache"},
	{PROBE_DEMANGLE, "demangle", NOTHING, NULL, "Enable symbol demangling"},
	{PROBE_DEMANGLE_KERNEL, "demangle-kernel", NOTHING, NULL, "Enable kernel symbol demangling"},
	{PROBE_EXTERNS, "externs", NOTHING, NULL, "Show external variables too (with --vars only)"},
	{PROBE_FILTER, "filter", VALUE, "[!]FILTER",
	 "Set a filter (with --vars/funcs only)\n"
	 "\t\t\t(default: \"!__k???tab_* & !__crc_*\" for --vars,\n"
	 "\t\t\t \"!_* & !*@plt\" for --funcs)"},
	{PROBE_MAX_PROBES, "max-probes", VALUE, "n", "Set how many probe points can be found for a probe."},
	{PROBE_NO_INLINES, "no-inlines", NOTHING, NULL, "Don't search inlined functions"},
	{PROBE_RANGE, "range", NOTHING, NULL, "Show variables location range in scope (with --vars only)"},
	{PROBE_SYMFS, "symfs", VALUE, "directory", "Look for files with symbols relative to this directory"},
	{PROBE_TARGET_NS, "target-ns", VALUE, "pid", "target pid for namespace contexts"},
};

#define NR_OPTIONS (sizeof(options) / sizeof(options[0]))

/* Ours, of which perf's usage says nothing; never cut short. */
static const struct option own_options[] = {
	{PROBE_JSON, "json", NOTHING, NULL, "with --list: an object a line, for programs"},
	{PROBE_WHY, "why", NOTHING, NULL, "with --vars: variables without a value there as well, and why"},
};

#define NR_OWN_OPTIONS (sizeof(own_options) / sizeof(own_options[0]))

/* --- telling ---------------------------------------------------------------------- */

static const char usage_text[] = "\n Usage: perf-uprobe probe [<options>] 'PROBEDEF' ['PROBEDEF' ...]\n"
				 "    or: perf-uprobe probe [<options>] --add 'PROBEDEF' [--add 'PROBEDEF' ...]\n"
				 "    or: perf-uprobe probe [<options>] --del '[GROUP:]EVENT' ...\n"
				 "    or: perf-uprobe probe --list [GROUP:]EVENT ...\n"
				 "    or: perf-uprobe probe [<options>] --line 'LINEDESC'\n"
				 "    or: perf-uprobe probe [<options>] --vars 'PROBEPOINT'\n"
				 "    or: perf-uprobe probe [<options>] --funcs\n\n";

/* Columns of names, and between them and the words. */
#define NAMES 24

static void tell(const struct option *o)
{
	int at;

	if (o->opt < 256)
		at = fprintf(stderr, "    -%c, --%s", o->opt, o->name);
	else
		at = fprintf(stderr, "        --%s", o->name);
	if (o->value)
		at += fprintf(stderr, " <%s>", o->value);
	if (at > NAMES)
		fprintf(stderr, "\n%*s%s\n", NAMES + 2, "", o->help);
	else
		fprintf(stderr, "%*s%s\n", NAMES + 2 - at, "", o->help);
}

int probe_usage(const int *opts)
{
	size_t i;

	fputs(usage_text, stderr);
	for (; opts && *opts; opts++)
		for (i = 0; i < NR_OPTIONS; i++)
			if (options[i].opt == *opts)
				tell(&options[i]);
	if (opts)
		return STATUS_USAGE;
	for (i = 0; i < NR_OPTIONS; i++)
		tell(&options[i]);
	fputc('\n', stderr);
	return STATUS_USAGE;
}

void probe_usage_own(void)
{
	size_t i;

	fputs("  More than perf has:\n", stderr);
	for (i = 0; i < NR_OWN_OPTIONS; i++)
		tell(&own_options[i]);
}

/* --- reading ------------------------------------------------------------------------ */

struct reader {
	char **argv;
	int argc;
	int at;
	int (*fn)(void *data, int opt, bool not, const char *value);
	void *data;
};

static int wrong(const struct option *o, const char *name, const char *what)
{
	const int only[] = {o->opt, 0};

	if (name)
		fprintf(stderr, " Error: option `%s' %s", name, what);
	else
		fprintf(stderr, " Error: switch `%c' %s", o->opt, what);
	return probe_usage(only);
}

static int unknown(const char *word, bool letter)
{
	if (letter)
		fprintf(stderr, "  Error: unknown switch `%c'\n", *word);
	else
		fprintf(stderr, "  Error: unknown option `%s'\n", word);
	return probe_usage(NULL);
}

/* With the value that stands in the same word, or the next. */
static int with_value(struct reader *r, const struct option *o, const char *name, const char *value)
{
	if (o->takes == NOTHING && value && name)
		return wrong(o, name, "takes no value");
	if (o->takes == VALUE && !value) {
		if (r->at == r->argc)
			return wrong(o, name, "requires a value");
		value = r->argv[r->at++];
	}
	if (o->takes == PERHAPS && !value && r->at < r->argc && r->argv[r->at][0] != '-')
		value = r->argv[r->at++];
	return r->fn(r->data, o->opt, false, o->takes == NOTHING ? NULL : value);
}

/* The option that a word means, if it is one or the beginning of just one; *not as it is written. */
static const struct option *by_name(const char *word, size_t len, bool * not )
{
	const struct option *found = NULL;
	size_t i;
	int pass;

	*not = false;
	for (i = 0; i < NR_OWN_OPTIONS; i++)
		if (strlen(own_options[i].name) == len && !strncmp(own_options[i].name, word, len))
			return &own_options[i];
	for (pass = 0; pass < 2; pass++) {
		*not = pass && len > 3 && !strncmp(word, "no-", 3);
		if (pass && !*not )
			break;
		for (i = 0; i < NR_OPTIONS; i++) {
			const char *name = options[i].name, *part = word + (*not ? 3 : 0);
			size_t part_len = len - (*not ? 3 : 0);

			if (strncmp(name, part, part_len))
				continue;
			if (!name[part_len])
				return &options[i];
			found = found ? NULL : &options[i];
		}
		if (found)
			return found;
	}
	return found;
}

static int read_long(struct reader *r, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct option *o;
	bool not ;

	if (!strcmp(word, "help"))
		return probe_usage(NULL);
	o = by_name(word, len, &not );
	if (!o)
		return unknown(word, false);
	if (not )
		return r->fn(r->data, o->opt, true, NULL);
	return with_value(r, o, o->name, equals ? equals + 1 : NULL);
}

static int read_short(struct reader *r, const char *word)
{
	while (*word) {
		const struct option *o = options;
		int ret;

		if (*word == 'h')
			return probe_usage(NULL);
		while (o < options + NR_OPTIONS && o->opt != *word)
			o++;
		if (o == options + NR_OPTIONS)
			return unknown(word, true);
		word++;
		ret = with_value(r, o, NULL, o->takes != NOTHING && *word ? word : NULL);
		if (ret || o->takes != NOTHING)
			return ret;
	}
	return 0;
}

int probe_options_read(int argc, char **argv, int *words, int (*fn)(void *data, int opt, bool not, const char *value),
		       void *data)
{
	struct reader r = {.argv = argv, .argc = argc, .at = 1, .fn = fn, .data = data};
	int ret = 0;

	/* a word ends them, even if what follows looks like one */
	while (!ret && r.at < argc && argv[r.at][0] == '-' && argv[r.at][1]) {
		const char *word = argv[r.at++];

		if (!strcmp(word, "--"))
			break;
		ret = word[1] == '-' ? read_long(&r, word + 2) : read_short(&r, word + 1);
	}
	*words = r.at;
	return ret;
}
