// SPDX-License-Identifier: GPL-2.0
/*
 * error.c - one sentence that says what went wrong.
 *
 * Purpose: see error.h.  Locks: none.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

int upr_error_set(struct upr_error *err, enum upr_error_kind kind, int code, const char *fmt, ...)
{
	va_list ap;
	char *p;

	if (!err)
		return -code;
	err->kind = kind;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	/* names in files may hold anything: keep the sentence on one line */
	for (p = err->text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	return -code;
}

void upr_error_point(struct upr_error *err, const char *source, size_t at)
{
	size_t used, i;
	char *p;

	if (!err)
		return;
	used = strlen(err->text);
	/* whole or not at all */
	if (used + strlen(source) + at + sizeof("\n  \n  ^") > sizeof(err->text))
		return;
	p = err->text + used;
	p += sprintf(p, "\n  ");
	for (i = 0; source[i]; i++)
		*p++ = (unsigned char)source[i] < 0x20 || source[i] == 0x7f ? '?' : source[i];
	sprintf(p, "\n  %*s^", (int)at, "");
}

int upr_error_nomem(struct upr_error *err)
{
	return upr_error_set(err, UPR_ERR_SYSTEM, ENOMEM, "out of memory");
}
