// SPDX-License-Identifier: GPL-2.0
/*
 * perf-uprobe.c - the command: verbs, help, version.
 *
 * Purpose: `perf-uprobe VERB ...`; perf runs a perf-uprobe on PATH as `perf uprobe`.
 * Locks: none.
 */
#include <locale.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "builtin.h"
#include "util/ui.h"

#ifndef UPROBE_VERSION
#define UPROBE_VERSION "0.1"
#endif

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{"stat", cmd_stat, "Count how often functions and instructions are executed"},
	{"trace", cmd_trace, "Show each hit as it happens, with arguments"},
	{"probe", cmd_probe, "Define, keep and show events; say how they would be probed (--plan)"},
	{"list", cmd_list, "Show statically defined probes (SDT) of files"},
	{"repair", cmd_repair, "Take away what a killed tool has left in processes"},
};

static void usage(FILE *out)
{
	size_t i;

	fputs("\n Usage: perf-uprobe [--version] [--help] VERB [ARGS]\n\n The verbs are:\n", out);
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(out, "   %-12s %s\n", verbs[i].name, verbs[i].help);
	fputs("\n See 'perf-uprobe VERB -h' and perf-uprobe(1).  With perf installed, `perf uprobe VERB` is the same.\n\n",
	      out);
}

static int help(int argc, char **argv)
{
	char *verb_help[] = {NULL, "-h", NULL};
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[1], verbs[i].name))
			continue;
		verb_help[0] = argv[1];
		return verbs[i].run(2, verb_help);
	}
	usage(stdout);
	return 0;
}

/*
 * A hundred thousand probes are a hundred megabytes in small pieces and long tables, which live until the end.
 * All of it comes from one heap of large pages, where there are such, and is not given back on the way: a page
 * fault costs ten microseconds in some virtual machines, and there would be thirty thousand.
 */
static void take_memory_in_large_steps(void)
{
#ifdef __GLIBC__
	const size_t step = 64u << 20, huge = 2u << 20;
	uintptr_t start = (uintptr_t)sbrk(0), end = start;
	size_t size;

	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	/* less, where a limit is set */
	for (size = 4 * step; size > huge && end - start < size; size /= 2) {
		void *volatile first;

		mallopt(M_TOP_PAD, (int)size);
		first = malloc(huge);
		free(first);
		end = (uintptr_t)sbrk(0);
	}
	mallopt(M_TOP_PAD, (int)(size < step ? size : step));
	start = (start + huge - 1) & ~(huge - 1);
	if (start < end)
		madvise((void *)start, end - start, MADV_HUGEPAGE);
#endif
}

int main(int argc, char **argv)
{
	size_t i;

	take_memory_in_large_steps();
	setlocale(LC_ALL, "");
	if (argc < 2) {
		usage(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "version")) {
		puts("perf-uprobe version " UPROBE_VERSION);
		return 0;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return help(argc - 1, argv + 1);
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	}
	if (argv[1][0] == '-')
		fprintf(stderr, "  Error: unknown option `%s'\n", argv[1] + strspn(argv[1], "-"));
	else
		ui_error("'%s' is not a perf-uprobe verb; see 'perf-uprobe --help'", argv[1]);
	usage(stderr);
	return STATUS_USAGE;
}
