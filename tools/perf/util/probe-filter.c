// SPDX-License-Identifier: GPL-2.0
/*
 * probe-filter.c - which names to show.
 *
 * Purpose: see probe-filter.h.  A filter is short and names are looked at once: it is
 * read anew for each.
 *
 *	or	and ["|" or]
 *	and	not ["&" and]
 *	not	"!" not  |  "(" or ")"  |  GLOB
 *
 * Locks: none.
 */
#include <ctype.h>
#include <fnmatch.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe-filter.h"

#define GLOB_MAX  256
#define DEPTH_MAX 64

/**
 * struct reader - a filter being read
 * @name:	to be fitted, NULL: it is only checked
 * @wrong:	the first thing that is not right, or NULL
 * @text:	what has been read last, as perf writes it; only if @name is NULL
 * @many:	and it is more than a name
 */
struct reader {
	const char *p;
	const char *name;
	const char *wrong;
	unsigned int depth;
	char *text;
	bool many;
};

static bool read_or(struct reader *r);

static char peek(struct reader *r)
{
	while (isspace((unsigned char)*r->p))
		r->p++;
	return *r->p;
}

static bool fail(struct reader *r)
{
	if (!r->wrong)
		r->wrong = r->p;
	return false;
}

/* An operation on what has been read last, and on what was read before (@left, NULL: nothing). */
static void combine(struct reader *r, char op, char *left, bool left_many)
{
	char *right = r->text;

	if (r->name)
		return;
	if (!right || asprintf(&r->text, "%s%s%s%c%s%s%s", left_many ? "(" : "", left ? left : "", left_many ? ")" : "",
			       op, r->many ? "(" : "", right, r->many ? ")" : "") < 0)
		r->text = NULL;
	r->many = true;
	free(left);
	free(right);
}

static bool read_glob(struct reader *r)
{
	char glob[GLOB_MAX];
	size_t len = 0;

	while (*r->p && !strchr("&|!()", *r->p) && !isspace((unsigned char)*r->p) && len < sizeof(glob) - 1) {
		if (*r->p == '\\' && r->p[1])
			glob[len++] = *r->p++;
		glob[len++] = *r->p++;
	}
	glob[len] = '\0';
	if (!len || len == sizeof(glob) - 1)
		return fail(r);
	if (r->name)
		return !fnmatch(glob, r->name, 0);
	r->text = strdup(glob);
	r->many = false;
	return false;
}

static bool read_not(struct reader *r)
{
	bool ret;

	if (r->depth++ > DEPTH_MAX)
		return fail(r);
	switch (peek(r)) {
	case '!':
		r->p++;
		ret = !read_not(r);
		combine(r, '!', NULL, false);
		break;
	case '(':
		r->p++;
		ret = read_or(r);
		if (peek(r) != ')')
			return fail(r);
		r->p++;
		break;
	default:
		ret = read_glob(r);
	}
	r->depth--;
	return ret;
}

static bool read_and(struct reader *r)
{
	bool ret = read_not(r);

	while (!r->wrong && peek(r) == '&') {
		char *left = r->text;
		bool many = r->many;

		r->p++;
		r->text = NULL;
		ret &= read_not(r);
		combine(r, '&', left, many);
	}
	return ret;
}

static bool read_or(struct reader *r)
{
	bool ret = read_and(r);

	while (!r->wrong && peek(r) == '|') {
		char *left = r->text;
		bool many = r->many;

		r->p++;
		r->text = NULL;
		ret |= read_and(r);
		combine(r, '|', left, many);
	}
	return ret;
}

static bool read_all(struct reader *r)
{
	bool ret = read_or(r);

	if (peek(r))
		fail(r);
	return ret;
}

const char *probe_filter_check(const char *filter)
{
	struct reader r = {.p = filter};

	read_all(&r);
	free(r.text);
	return r.wrong;
}

char *probe_filter_text(const char *filter)
{
	struct reader r = {.p = filter};

	read_all(&r);
	return r.text;
}

bool probe_filter_fits(const char *filter, const char *name)
{
	struct reader r = {.p = filter, .name = name};

	return read_all(&r);
}
