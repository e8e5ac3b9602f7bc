/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-grammar.h - definitions of probes to the letter of perf probe 6.1.
 *
 * Purpose: text -> struct perf_def, or the words with which perf refuses it.  What perf takes for
 * something else than people mean (numbers with base 0, a repeated part of which the last
 * one wins) is taken so here.
 *
 *	PROBE	[[GROUP:]EVENT=] POINT ARG...  |  %[sdt_PROVIDER:]NAME[@FILE]
 *	POINT	FUNC[@SRC][:LINE|+OFFSET|%return|;PATTERN]  |  SRC:LINE  |  SRC;PATTERN  |  0xADDRESS
 *	ARG	[NAME=]VALUE[:TYPE][@user], VALUE a variable with fields, or what the kernel takes
 *	LINES	FUNC[@SRC][:FROM[+NUMBER|-TO]]  |  SRC[:FROM[+NUMBER|-TO]]
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_GRAMMAR_H
#define PERF_UTIL_PROBE_GRAMMAR_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

/* What separates words. */
#define PERF_BLANKS " \t\n\v\f\r"

/* As many as perf takes. */
#define PERF_ARGS_MAX 128

/**
 * struct perf_field - one step from a variable to what is wanted
 * @name:	of the member; as written ("[3]") for an element
 * @ref:	by "->", or an element
 * @index:	of the element
 */
struct perf_field {
	char *name;
	bool ref;
	long index;
	struct perf_field *next;
};

/**
 * struct perf_arg - an argument
 * @name:	given, or that of the last member; NULL: none
 * @var:	variable, or anything else that is no variable
 * @type:	what follows ':', NULL: none
 * @user:	"@user" was said
 */
struct perf_arg {
	char *name;
	char *var;
	struct perf_field *fields;
	char *type;
	bool user;
};

/**
 * struct perf_point - where
 * @func:	also of an address: its text; NULL: a line of @file
 * @lazy:	pattern that source lines have to fit, NULL: none
 * @abs:	the address, or 0
 */
struct perf_point {
	char *func;
	char *file;
	char *lazy;
	int line;
	unsigned long offset;
	unsigned long abs;
	bool retprobe;
};

/** struct perf_def - a definition; @target: what stands behind the @ of an SDT name */
struct perf_def {
	char *group;
	char *event;
	char *target;
	bool sdt;
	struct perf_point point;
	struct perf_arg *args;
	size_t nr_args;
};

/** struct perf_lines - what -L takes; @to 0: as many as there are, as perf has it */
struct perf_lines {
	char *func;
	char *file;
	int from;
	int to;
};

/**
 * perf_def_parse() - Return: 0; -errno, with perf's own words in @err (none if it says nothing).
 * Free with perf_def_free() in either case.
 */
int perf_def_parse(struct perf_def *def, const char *text, struct upr_error *err);
void perf_def_free(struct perf_def *def);

/** perf_lines_parse() - the same of what -L takes */
int perf_lines_parse(struct perf_lines *lines, const char *text, struct upr_error *err);
void perf_lines_free(struct perf_lines *lines);

/** perf_point_text() - a point as perf writes it in messages; free(); NULL without memory */
char *perf_point_text(const struct perf_point *point);

/** perf_args_text() - arguments as perf writes them in messages, "" without any; free(); NULL without memory */
char *perf_args_text(const struct perf_def *def);

/** perf_def_wants_dwarf() - does it need debug information: lines, source files, variables? */
bool perf_def_wants_dwarf(const struct perf_def *def);

/** perf_def_wants_vars() - does it fetch any variable? */
bool perf_def_wants_vars(const struct perf_def *def);

/** perf_is_var() - does a name look like that of a variable? */
bool perf_is_var(const char *name);

/** perf_is_identifier() - letters, digits and _, no digit in front */
bool perf_is_identifier(const char *s);

#endif /* PERF_UTIL_PROBE_GRAMMAR_H */
