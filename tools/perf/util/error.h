/* SPDX-License-Identifier: GPL-2.0 */
/*
 * error.h - one sentence that says what went wrong.
 *
 * Purpose: the libraries below the commands never print; they fill in a
 * struct upr_error and the command prints its text.  The sentence says what,
 * where, and what to do; it has no newline and no program name in front.
 *
 * Locks: none; an upr_error belongs to its caller.
 */
#ifndef PERF_UTIL_ERROR_H
#define PERF_UTIL_ERROR_H

#include <stdarg.h>
#include <stddef.h>

/**
 * enum upr_error_kind - what kind of failure, for callers that act on it
 * @UPR_ERR_NONE:	no error
 * @UPR_ERR_SYSTEM:	memory, input/output
 * @UPR_ERR_NO_FILE:	no such file, library, command or process
 * @UPR_ERR_PERMISSION:	a rule forbade it
 * @UPR_ERR_NOT_ELF:	not an ELF file, or a damaged one
 * @UPR_ERR_ARCH:	ELF, but of another machine
 * @UPR_ERR_NO_CODE:	ELF, but nothing in it is mapped executable
 * @UPR_ERR_SYNTAX:	the definition does not follow the grammar
 * @UPR_ERR_NO_FUNCTION: nothing of that name
 * @UPR_ERR_OFFSET:	beyond the function, or not at an instruction
 * @UPR_ERR_UNPROVABLE:	cannot be proven to be an instruction's start
 * @UPR_ERR_UNSUPPORTED: understood, and not available yet
 */
enum upr_error_kind {
	UPR_ERR_NONE,
	UPR_ERR_SYSTEM,
	UPR_ERR_NO_FILE,
	UPR_ERR_PERMISSION,
	UPR_ERR_NOT_ELF,
	UPR_ERR_ARCH,
	UPR_ERR_NO_CODE,
	UPR_ERR_SYNTAX,
	UPR_ERR_NO_FUNCTION,
	UPR_ERR_OFFSET,
	UPR_ERR_UNPROVABLE,
	UPR_ERR_UNSUPPORTED,
};

/**
 * struct upr_error - a failure in words
 * @kind:	enum upr_error_kind
 * @code:	the errno that fits best, positive
 * @text:	one sentence, no newline but in front of what upr_error_point() shows
 */
struct upr_error {
	enum upr_error_kind kind;
	int code;
	char text[1024];
};

/**
 * upr_error_set() - fill in an error
 * @err:	may be NULL
 *
 * Control characters that came from a file or the user are shown as '?', so
 * that the sentence stays one line.
 *
 * Return: -code, so that a function can `return upr_error_set(...)`.
 */
int upr_error_set(struct upr_error *err, enum upr_error_kind kind, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** upr_error_point() - show where in @source, in two lines below the sentence */
void upr_error_point(struct upr_error *err, const char *source, size_t at);

/** upr_error_nomem() - out of memory.  Return: -ENOMEM. */
int upr_error_nomem(struct upr_error *err);

#endif /* PERF_UTIL_ERROR_H */
