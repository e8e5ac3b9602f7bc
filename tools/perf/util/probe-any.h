/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-any.h - definitions that can be counted and traced, be they perf's or not.
 *
 * Purpose: perf's answer where perf has one, else what the engine makes of it: names of other languages,
 * arguments that the kernel's syntax has no words for.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_ANY_H
#define PERF_UTIL_PROBE_ANY_H

#include "probe-define.h"

/**
 * probe_define_any() - the events of a definition, as probe_define() has them
 * @text:	the definition
 * @def:	as perf understands it, NULL: it does not
 * @own:	set if they are the engine's: places without arguments, that the definition has
 * Return: 0; -errno, of which the user has been told in perf's words (not if @def is NULL).
 */
int probe_define_any(struct probe_file *file, const char *text, struct perf_def *def, const struct finder_options *opts,
		     struct traced_events *ret, bool *own);

/** probe_engine_takes() - can it be counted and traced?  Return: 0, -errno with @err. */
int probe_engine_takes(struct probe_file *file, const char *text, struct upr_error *err);

/** probe_def_body() - a definition behind "[GROUP:]EVENT="; free(); NULL without memory */
char *probe_def_body(const char *text, const struct perf_def *def);
/** probe_def_has_args() - @def: NULL: the engine's own */
bool probe_def_has_args(const char *text, const struct perf_def *def);

#endif /* PERF_UTIL_PROBE_ANY_H */
