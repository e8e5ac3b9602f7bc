/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-resolve.h - what the probe-resolve-*.c files share.
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_RESOLVE_H
#define PERF_UTIL_PROBE_RESOLVE_H

#include "probe-event.h"

/** upr_event_add() - append an event without sites; @name: the function's.  NULL without memory. */
struct upr_event *upr_event_add(struct upr_elf *elf, const struct upr_probe_def *def, const char *name,
				struct upr_event_list *list);
/** upr_event_add_site() - Return: 0 or -ENOMEM; @symbol must live as long as the event */
int upr_event_add_site(struct upr_event *ev, const struct upr_func *func, const char *symbol, u64 addr);
/** upr_fetch_words() - a definition's arguments that need no debug information.  Return: 0, -errno with @err */
int upr_fetch_words(struct upr_elf *elf, const struct upr_probe_def *def, bool at_entry, struct fetch **ret,
		    struct upr_error *err);
/** upr_fetch_again() - the same at the entry of what an IFUNC stands for, from the definition's text; *ret NULL: no arguments */
int upr_fetch_again(struct upr_elf *elf, const char *text, struct fetch **ret);
/** upr_check_boundary() - does an instruction begin at @addr?  *func: the function, or NULL.  Return: 0, -errno with @err */
int upr_check_boundary(struct upr_elf *elf, u64 addr, const struct upr_func **func, struct upr_error *err);

/** upr_resolve_by_info() - lines and inlined functions: by debug information.  Return: 0, -errno with @err */
int upr_resolve_by_info(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list,
			struct upr_error *err);

#endif /* PERF_UTIL_PROBE_RESOLVE_H */
