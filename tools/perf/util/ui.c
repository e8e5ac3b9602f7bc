// SPDX-License-Identifier: GPL-2.0
/*
 * ui.c - what the commands say to people on stderr.
 *
 * Purpose: see ui.h.  Locks: none.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../builtin.h"
#include "ui.h"

/* Fewer probes than this are armed before a line could be read. */
#define PROGRESS_MIN 1000

bool ui_quiet;
int ui_verbose;
static bool line_drawn;

static bool on_terminal(void)
{
	static int cached = -1;

	if (cached < 0)
		cached = isatty(STDERR_FILENO);
	return cached;
}

static bool coloured(void)
{
	const char *no = getenv("NO_COLOR");

	return on_terminal() && !(no && *no);
}

static void say(const char *colour, const char *fmt, va_list ap)
{
	bool paint = colour && coloured();

	ui_progress_end();
	fprintf(stderr, "%sperf-uprobe:%s ", paint ? colour : "", paint ? "\033[m" : "");
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void ui_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("\033[31m", fmt, ap);
	va_end(ap);
}

int ui_usage_error(const char *usage, const char *fmt, ...)
{
	va_list ap;

	fputs("  Error: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	fputs(usage, stderr);
	return STATUS_USAGE;
}

static bool is_long_option(const char *word)
{
	return !strncmp(word, "--", 2);
}

int ui_unknown_option(const char *usage, int letter, const char *word)
{
	if (is_long_option(word))
		return ui_usage_error(usage, "unknown option `%s'", word + 2);
	return ui_usage_error(usage, "unknown switch `%c'", letter);
}

int ui_wrong_option(const char *usage, int c, const char *word)
{
	if (c == ':' && !is_long_option(word))
		return ui_usage_error(usage, "switch `%c' requires a value", optopt);
	if (c == ':')
		return ui_usage_error(usage, "option `%s' requires a value", word + 2);
	/* getopt knows it */
	if (is_long_option(word) && optopt)
		return ui_usage_error(usage, "option `%.*s' takes no value", (int)strcspn(word + 2, "="), word + 2);
	return ui_unknown_option(usage, optopt, word);
}

const char *ui_parse_pid(const char *text, int *ret)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(text, &end, 10);
	if (errno || end == text || pid <= 0 || pid > INT_MAX)
		return NULL;
	*ret = (int)pid;
	return end;
}

int ui_out_of_memory(void)
{
	ui_error("out of memory");
	return STATUS_FAILED;
}

void ui_note(const char *fmt, ...)
{
	va_list ap;

	if (ui_quiet)
		return;
	va_start(ap, fmt);
	say(NULL, fmt, ap);
	va_end(ap);
}

void ui_debug(const char *fmt, ...)
{
	va_list ap;

	if (!ui_verbose)
		return;
	va_start(ap, fmt);
	ui_progress_end();
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

void ui_progress(const char *what, size_t done, size_t total)
{
	static struct timespec last;
	struct timespec now;

	if (ui_quiet || total < PROGRESS_MIN || !on_terminal())
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (line_drawn && (now.tv_sec - last.tv_sec) * 1000 + (now.tv_nsec - last.tv_nsec) / 1000000 < 100)
		return;
	last = now;
	line_drawn = true;
	fprintf(stderr, "\r\033[K%s: %'zu of %'zu (%zu %%)", what, done, total, done * 100 / total);
	fflush(stderr);
}

void ui_progress_say(const char *what, size_t total)
{
	if (ui_quiet || total < PROGRESS_MIN || !on_terminal())
		return;
	line_drawn = true;
	fprintf(stderr, "\r\033[K%s: %'zu probes", what, total);
	fflush(stderr);
}

void ui_progress_end(void)
{
	if (!line_drawn)
		return;
	line_drawn = false;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}

void ui_json_string(FILE *out, const char *s)
{
	if (s)
		ui_json_text(out, s, strlen(s));
	else
		fputs("null", out);
}

void ui_json_text(FILE *out, const char *s, size_t len)
{
	const char *end = s + len;

	fputc_unlocked('"', out);
	for (; s < end; s++) {
		const char *plain = s;
		unsigned char c;

		while (s < end && (unsigned char)*s >= 0x20 && *s != '"' && *s != '\\' && *s != 0x7f)
			s++;
		if (s > plain)
			fwrite_unlocked(plain, 1, s - plain, out);
		if (s == end)
			break;
		c = *s;
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else
			fprintf(out, "\\u%04x", c);
	}
	fputc_unlocked('"', out);
}
