/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fetch-expr.h - an argument of a definition, as written.
 *
 * Purpose: text -> tree.  perf's and the kernel's words, and what C has beside them:
 *
 *	ARG	[NAME=]EXPR[:TYPE][@user]
 *	EXPR	"*" EXPR | "&" EXPR | PRIMARY { "->" NAME | "." NAME | "[" NUMBER or EXPR "]" }
 *	PRIMARY	NAME | NAME::NAME | "(" EXPR ")"
 *		| %REG | $stack | $stackN | $comm | $retval | $argN | @ADDRESS | @+FILEOFFSET | @SYMBOL[+-OFFSET]
 *		| +|-[u]OFFSET(EXPR) | \NUMBER | \"TEXT"
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_FETCH_EXPR_H
#define PERF_UTIL_FETCH_EXPR_H

#include "error.h"

#include <stdbool.h>

enum fetch_expr_kind {
	FETCH_NAME,	/* variable @name of the program */
	FETCH_MEMBER,	/* @name of @of, or of what it points to */
	FETCH_INDEX,	/* @of[@index] */
	FETCH_DEREF,	/* *@of */
	FETCH_ADDRESS,	/* &@of */
	FETCH_REGISTER,	/* @name without the % */
	FETCH_STACK,	/* word @number of the stack */
	FETCH_SP,	/* $stack: where the stack is */
	FETCH_TASK,	/* $comm */
	FETCH_RETVAL,
	FETCH_ARGUMENT,	/* @number, from 1 on, by the calling convention */
	FETCH_AT,	/* memory at address @number */
	FETCH_AT_OFFSET, /* memory that file offset @number is loaded to */
	FETCH_AT_SYMBOL, /* memory at symbol @name plus @number */
	FETCH_OFFSET,	/* memory at @of plus @number */
	FETCH_NUMBER,	/* @number itself */
	FETCH_TEXT,	/* @name itself */
};

struct fetch_expr {
	enum fetch_expr_kind kind;
	char *name;
	long long number;
	struct fetch_expr *of;
	struct fetch_expr *index;
};

/**
 * struct fetch_written - an argument
 * @name:	never NULL: given, or made as perf makes it; empty: arg1, arg2, ... by its place
 * @type:	what follows ':', or NULL
 */
struct fetch_written {
	char *name;
	struct fetch_expr *expr;
	char *type;
};

/** fetch_expr_parse() - Return: 0; -errno with @err, which shows the place.  fetch_written_free() in either case. */
int fetch_expr_parse(const char *text, struct fetch_written *ret, struct upr_error *err);
void fetch_written_free(struct fetch_written *written);
/** fetch_expr_is_variable() - does it need debug information? */
bool fetch_expr_is_variable(const struct fetch_expr *expr);

#endif /* PERF_UTIL_FETCH_EXPR_H */
