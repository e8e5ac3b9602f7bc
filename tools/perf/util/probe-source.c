// SPDX-License-Identifier: GPL-2.0
/*
 * probe-source.c - source files.
 *
 * Purpose: see probe-source.h.
 * Locks: none.
 */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe-source.h"
#include "symbol-priv.h"

static char *joined(const char *a, const char *b)
{
	char *ret;

	if (asprintf(&ret, "%s/%s", a, b) < 0)
		return NULL;
	if (!access(ret, R_OK))
		return ret;
	free(ret);
	return NULL;
}

char *source_path(Dwarf_Die *cu, const char *file, const char *prefix)
{
	Dwarf_Attribute mem;
	const char *dir;
	char *ret;

	if (!prefix) {
		if (*file == '/' && !access(file, R_OK))
			return strdup(file);
		dir = dwarf_formstring(dwarf_attr_integrate(cu, DW_AT_comp_dir, &mem));
		return dir && *file != '/' ? joined(dir, file) : NULL;
	}
	/* the tree may have moved: with ever fewer of the leading directories */
	for (; file && *file; file = strchr(file + 1, '/')) {
		ret = joined(prefix, file);
		if (ret)
			return ret;
	}
	return NULL;
}

static size_t first_at(const struct source_lines *lines, int line)
{
	size_t lo = 0, hi = lines->nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (lines->v[mid] < line)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool source_lines_has(const struct source_lines *lines, int line)
{
	size_t at = first_at(lines, line);

	return at < lines->nr && lines->v[at] == line;
}

int source_lines_add(struct source_lines *lines, int line)
{
	size_t at = first_at(lines, line);

	if (at < lines->nr && lines->v[at] == line)
		return 0;
	if (!upr_grow(&lines->v, lines->nr, &lines->cap, sizeof(*lines->v)))
		return -ENOMEM;
	memmove(lines->v + at + 1, lines->v + at, (lines->nr - at) * sizeof(*lines->v));
	lines->v[at] = line;
	lines->nr++;
	return 0;
}

void source_lines_free(struct source_lines *lines)
{
	free(lines->v);
	*lines = (struct source_lines){0};
}

static void drop_blanks(char *s)
{
	char *out = s;

	for (; *s; s++)
		if (!isspace((unsigned char)*s))
			*out++ = *s;
	*out = '\0';
}

int source_lines_match(struct source_lines *lines, Dwarf_Die *cu, const char *file, const char *pattern)
{
	char *path = file ? source_path(cu, file, NULL) : NULL, *line = NULL, *glob;
	FILE *in = path ? fopen(path, "re") : NULL;
	int number = 0, r = 0;
	size_t cap = 0;

	free(path);
	if (!in)
		return -ENOENT;
	glob = strdup(pattern);
	if (glob)
		drop_blanks(glob);
	else
		r = -ENOMEM;
	while (!r && getline(&line, &cap, in) > 0) {
		number++;
		drop_blanks(line);
		if (!fnmatch(glob, line, 0))
			r = source_lines_add(lines, number);
	}
	free(glob);
	free(line);
	fclose(in);
	return r;
}
