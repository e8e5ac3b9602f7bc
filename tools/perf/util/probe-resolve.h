/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-resolve.h - what the probe-resolve-*.c files share.
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_RESOLVE_H
#define PERF_UTIL_PROBE_RESOLVE_H

#include "probe-event.h"
#include "probe-finder.h"

/** upr_event_add() - append an event without sites; @name: the function's.  NULL without memory. */
struct upr_event *upr_event_add(struct upr_elf *elf, const struct upr_probe_def *def, const char *name,
				struct upr_event_list *list);
/** upr_event_add_site() - to an event of @list.  Return: 0 or -ENOMEM; @symbol must live as long as the event */
int upr_event_add_site(struct upr_event_list *list, struct upr_event *ev, const struct upr_func *func,
		       const char *symbol, u64 addr);
/** upr_elf_debug_info() - of a file, opened when first asked for and kept; NULL: there is none */
const struct debug_info *upr_elf_debug_info(struct upr_elf *elf);

/** struct upr_wanted - what the finder's places are for */
struct upr_wanted {
	struct upr_elf *elf;
	const struct upr_probe_def *def;
	struct upr_error *err;
};

/** upr_fetch_place() - for struct finder_options: the arguments there; @data: struct upr_wanted */
int upr_fetch_place(struct finder *f, Dwarf_Die *scope, struct probe_place *place, void *data);
/**
 * upr_resolve_args() - the arguments of all sites from event @first on
 * @variables: they need debug information: places may move behind prologues
 * Return: 0, -errno with @err
 */
int upr_resolve_args(struct upr_elf *elf, const struct upr_probe_def *def, bool variables, struct upr_event_list *list,
		     size_t first, struct upr_error *err);
/** upr_check_values() - does each argument have a value somewhere?  Return: 0, -ENOENT with @err */
int upr_check_values(struct upr_elf *elf, const struct upr_probe_def *def, const struct upr_event_list *list,
		     size_t first, struct upr_error *err);
/** upr_want_variable() - make a definition for the finder one that fetches variables.  Return: 0, -ENOMEM with @err */
int upr_want_variable(struct perf_def *perf, struct upr_error *err);
/** upr_add_inlined() - copies of an event's functions that were inlined become sites of it.  Return: 0, -errno with @err */
int upr_add_inlined(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list,
		    struct upr_event *ev, struct upr_error *err);
/** upr_resolve_sdt() - a statically defined probe: %[sdt_]PROVIDER:NAME, %NAME, sdt_PROVIDER:NAME.  Return: 0, -errno with @err */
int upr_resolve_sdt(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list,
		    struct upr_error *err);
/**
 * upr_resolve_returns() - %return: functions of events from @first on give way to the places where they are left
 * Return: 0, -errno with @err
 */
int upr_resolve_returns(struct upr_elf *elf, struct upr_event_list *list, size_t first, struct upr_error *err);
/** upr_fetch_again() - arguments at the entry of what an IFUNC stands for; *ret NULL: the definition has none */
int upr_fetch_again(struct upr_elf *elf, const char *text, struct fetch **ret);
/** upr_check_boundary() - does an instruction begin at @addr?  *func: the function, or NULL.  Return: 0, -errno with @err */
int upr_check_boundary(struct upr_elf *elf, u64 addr, const struct upr_func **func, struct upr_error *err);

/* probe-names.c */
/**
 * upr_name_claim() - make @event unique in its group by _1, _2, ...
 * Return: group:event, the list's own; NULL without memory.
 */
const char *upr_name_claim(struct upr_event_list *list, const char *group, char event[UPR_EVENT_NAME_MAX]);
/** upr_names_reserve() - there will be @more of them.  Return: false without memory. */
bool upr_names_reserve(struct upr_event_list *list, size_t more);
/** upr_name_expect() - it will be claimed soon: only faster then */
void upr_name_expect(const struct upr_event_list *list, const char *group, const char *event);
/** upr_name_release() - @name, as it was given */
void upr_name_release(struct upr_event_list *list, const char *name);

/** upr_elf_lacks() - debug_info_lacks() of what has been read of @elf so far */
const char *upr_elf_lacks(const struct upr_elf *elf);
/** upr_resolve_by_info() - lines and inlined functions: by debug information.  Return: 0, -errno with @err */
int upr_resolve_by_info(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list,
			struct upr_error *err);

#endif /* PERF_UTIL_PROBE_RESOLVE_H */
