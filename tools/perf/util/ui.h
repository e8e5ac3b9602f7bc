/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ui.h - what the commands say to people on stderr.
 *
 * Purpose: one voice for messages ("perf-uprobe: sentence"), and a progress
 * line that exists on a terminal only and leaves nothing behind.
 *
 * Locks: none; one thread.
 */
#ifndef PERF_UTIL_UI_H
#define PERF_UTIL_UI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Set once by the command's options. */
extern bool ui_quiet;
extern int ui_verbose;

/** ui_error() - "perf-uprobe: ..." whatever the options say; red on a terminal */
void ui_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** ui_note() - the same for what does not stop us; silent with -q */
void ui_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** ui_debug() - with -v only */
void ui_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** ui_usage_error() - "  Error: ..." and how to use it.  Return: STATUS_USAGE */
int ui_usage_error(const char *usage, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/**
 * ui_wrong_option() - what getopt_long() could not take, told as perf tells it
 * @c:	its answer: '?', or ':' for a missing value; optopt is as it has left it
 * @word:	of the command line, where optind was before: behind it that may be the same word, the next one or
 *		the one after that.  So words must come in their order ("-").
 * Return: STATUS_USAGE
 */
int ui_wrong_option(const char *usage, int c, const char *word);
/** ui_unknown_option() - the same of one that getopt_long() could take */
int ui_unknown_option(const char *usage, int letter, const char *word);
/** ui_parse_pid() - the process id that @text begins with.  Return: what follows it; NULL: it does not */
const char *ui_parse_pid(const char *text, int *ret);
/** ui_out_of_memory() - Return: STATUS_FAILED */
int ui_out_of_memory(void);

/** ui_json_string() - a string in JSON, NULL as null */
void ui_json_string(FILE *out, const char *s);
/** ui_json_text() - the same of @len characters, NULs among them */
void ui_json_text(FILE *out, const char *s, size_t len);

/** ui_progress() - @done of @total; drawn ten times a second at most, and only for thousands */
void ui_progress(const char *what, size_t done, size_t total);
/** ui_progress_say() - what goes on now and cannot be counted, if @total is worth it */
void ui_progress_say(const char *what, size_t total);
/** ui_progress_end() - wipe the line */
void ui_progress_end(void);

#endif /* PERF_UTIL_UI_H */
