// SPDX-License-Identifier: GPL-2.0
/*
 * probe-show-lines.c - source lines that can be probed (-L).
 *
 * Purpose: the lines of a function or a file, numbered where a statement begins that a definition
 * by this line would find again.
 *
 * Locks: none.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug-index.h"
#include "probe-show.h"
#include "probe-source.h"

/* Lines shown behind the last one, as perf does. */
#define LINES_BEHIND 2

/**
 * struct line_search - lines being looked for
 * @from, @to:	of the file
 * @base:	line that they are counted from: a function's declaration, or 0
 * @file:	as the debug information has it
 */
struct line_search {
	const struct perf_lines *wanted;
	const struct debug_info *di;
	Dwarf_Die cu;
	const char *file;
	int from, to, base;
	struct source_lines lines;
	int ret;
	bool found;
};

static int visit_line(const char *file, int line, Dwarf_Addr addr, void *data)
{
	struct line_search *s = data;
	const char *other_file;
	int other;

	if (!s->file || !path_ends_like(file, s->file) || line < s->from || line > s->to)
		return 0;
	/* would be found as another line */
	if (cu_line_at(s->di, &s->cu, addr, &other_file, &other) && (other != line || strcmp(other_file, file)))
		return 0;
	return source_lines_add(&s->lines, line);
}

static int lines_of(Dwarf_Die *die, void *data)
{
	struct line_search *s = data;
	Dwarf_Die own = s->cu;
	int r;

	/* what was inlined may be in another unit */
	dwarf_diecu(die, &s->cu, NULL, NULL);
	r = die_each_line(die, visit_line, s);
	s->cu = own;
	return r < 0 ? r : 0;
}

/* Where the next function of the file begins: what was inlined has lines of its callers among its code. */
static int visit_next(Dwarf_Die *die, void *data)
{
	struct line_search *s = data;
	const char *file = die_decl_file(die);
	int line = die_decl_line(die);

	if (file && s->file && !strcmp(file, s->file) && line > s->base && line <= s->to)
		s->to = line - 1;
	return DWARF_CB_OK;
}

static int lines_of_inlined(struct line_search *s, Dwarf_Die *die)
{
	int to = s->to, r;

	dwarf_getfuncs(&s->cu, visit_next, s, 0);
	if (s->from < s->base)
		s->from = s->base;
	r = cu_each_instance(s->di, die, lines_of, s);
	s->to = to;
	return r;
}

static int visit_function(Dwarf_Die *die, void *data)
{
	struct line_search *s = data;
	const char *file = die_decl_file(die);

	if (s->wanted->file && (!file || !path_ends_like(s->wanted->file, file)))
		return DWARF_CB_OK;
	if (!die_is_function(die) || !die_has_name(die, s->wanted->func))
		return DWARF_CB_OK;
	s->file = file;
	s->base = die_decl_line(die);
	if (__builtin_add_overflow(s->base, s->wanted->from, &s->from) || s->from < 0)
		s->from = INT_MAX;
	if (__builtin_add_overflow(s->base, s->wanted->to, &s->to) || s->to < 0)
		s->to = INT_MAX;
	s->ret = die_is_instance(die) ? lines_of(die, s) : lines_of_inlined(s, die);
	s->found = s->lines.nr;
	return DWARF_CB_ABORT;
}

static int search_cu(struct line_search *s, struct debug_search *search)
{
	const struct perf_lines *wanted = s->wanted;

	if (wanted->file && !cu_file(&s->cu, wanted->file))
		return 0;
	if (wanted->func) {
		debug_search_functions(search, &s->cu, visit_function, s);
		return s->ret;
	}
	s->file = cu_file(&s->cu, wanted->file);
	s->from = wanted->from;
	s->to = wanted->to;
	s->ret = lines_of(&s->cu, s);
	s->found = s->lines.nr;
	return s->ret;
}

/* Lines up to @to of the source; the numbers of those that can be probed.  Return: as far as there are any. */
static int print_lines(const struct line_search *s, FILE *in)
{
	int line = 1, last = s->lines.v[s->lines.nr - 1], to = s->to == INT_MAX ? last + 1 + LINES_BEHIND : s->to;
	char *text = NULL;
	size_t cap = 0;

	for (; line <= to && getline(&text, &cap, in) > 0; line++) {
		text[strcspn(text, "\n")] = '\0';
		if (line < s->from)
			continue;
		if (source_lines_has(&s->lines, line))
			printf("%7d  %s\n", line - s->base, text);
		else
			printf("         %s\n", text);
	}
	free(text);
	return 0;
}

static int show(struct line_search *s, const char *source)
{
	char *path = source_path(&s->cu, s->file, source);
	FILE *in;

	if (!path) {
		fprintf(stderr, "Failed to find source file path.\n");
		return -ENOENT;
	}
	if (s->wanted->func)
		printf("<%s@%s:%d>\n", s->wanted->func, path, s->from - s->base);
	else
		printf("<%s:%d>\n", path, s->from);
	in = fopen(path, "re");
	if (!in) {
		int r = -errno;

		fprintf(stderr, "Failed to open %s: %s\n", path, strerror(errno));
		free(path);
		return r;
	}
	free(path);
	print_lines(s, in);
	fclose(in);
	return 0;
}

int probe_show_lines(struct probe_file *file, const struct perf_lines *lines, const char *source,
		     const struct finder_options *opts)
{
	struct line_search s = {.wanted = lines, .di = &file->info};
	struct debug_search search;
	int r = 0;

	if (!file->path)
		return -ENOENT;
	probe_file_load(file);
	if (!file->has_info) {
		probe_file_no_info(file, opts);
		return -ENOENT;
	}
	debug_search_begin(&search, &file->info, lines->func, lines->file);
	while (!r && !s.found && debug_search_next(&search, &s.cu))
		r = search_cu(&s, &search);
	debug_search_end(&search);
	if (!r && !s.found) {
		probe_say(opts, "Specified source line is not found.");
		probe_file_lacks(file, opts);
		r = -ENOENT;
	}
	if (!r)
		r = show(&s, source);
	source_lines_free(&s.lines);
	return r;
}
