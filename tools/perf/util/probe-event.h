/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-event.h - definitions of probes, as perf probe writes them, and the
 * events and places they mean.
 *
 * Purpose: text of a definition -> struct upr_probe_def (grammar only) ->
 * events with their sites in a file.
 *
 *	[[GROUP:]EVENT=] FUNC | FUNC+OFF | 0xADDR
 *
 * FUNC may hold wildcards (* ? [...]), a symbol version (memcpy@GLIBC_2.2.5; @* for all of them),
 * be in quotes, where no character has a meaning of its own, or a demangled C++ or Rust name (ns::cls::f,
 * ns::cls::f(int)).  A backslash takes the meaning from the character that follows.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_EVENT_H
#define PERF_UTIL_PROBE_EVENT_H

#include "arena.h"
#include "symbol.h"

struct fetch;

/* Longest group or event name, NUL included (the kernel's and perf's limit). */
#define UPR_EVENT_NAME_MAX 64

/**
 * struct upr_probe_def - a parsed definition
 * @text:	as given
 * @group:	given group or NULL
 * @event:	given event name or NULL
 * @func:	function, escapes still in when it is a pattern (@glob), else taken out; NULL for an address
 *		or a source line
 * @raw:	the definition after GROUP:EVENT=, untouched: a demangled name with blanks fits only whole
 * @point:	the definition without GROUP:EVENT= and without arguments
 * @glob:	@func holds wildcards
 * @has_offset:	+OFF was given
 * @offset:	it
 * @is_addr:	0xADDR was given
 * @addr:	it
 * @retprobe:	%return
 * @source:	FUNC@SRC or SRC, or NULL
 * @line:	what follows ':', or NULL
 * @lazy:	what follows ';', or NULL
 * @sdt:	a statically defined probe (%NAME, sdt_PROVIDER:NAME)
 * @args:	arguments, @nr_args of them
 */
struct upr_probe_def {
	char *text;
	char *group;
	char *event;
	char *func;
	char *raw;
	char *point;
	bool glob;
	bool has_offset;
	u64 offset;
	bool is_addr;
	u64 addr;
	bool retprobe;
	char *source;
	char *line;
	char *lazy;
	bool sdt;
	char **args;
	u32 nr_args;
};

/** upr_probe_def_parse() - Return: 0, or -errno with @err; free with upr_probe_def_free(). */
int upr_probe_def_parse(struct upr_probe_def *def, const char *text, struct upr_error *err);
void upr_probe_def_free(struct upr_probe_def *def);

/* What a place is to its event. */
enum upr_site_kind {
	UPR_SITE_HERE,	 /* itself */
	UPR_SITE_RETURN, /* a return of the function: a ret instruction */
	UPR_SITE_TAIL,	 /* another one: a jump to a function that returns in its stead */
};

/**
 * struct upr_site - one place of an event
 * @func:	the function it is in; NULL for an address outside of all known functions
 * @symbol:	that function's name as shown to people
 * @addr:	virtual address in the file
 * @offset:	file offset
 * @func_off:	@addr minus the function's start
 * @fetch:	its arguments, NULL: there are none
 * @kind:	enum upr_site_kind
 * @refused:	why it cannot be probed, known already; NULL
 * @semaphore:	address in the file of the counter that is to be raised while the place is probed, 0: there is none
 * @ifunc:	the function is an IFUNC and @addr its resolver: the home probes what the resolver
 *		returned in the target instead (only set for func_off 0)
 */
struct upr_site {
	const struct upr_func *func;
	const char *symbol;
	u64 addr;
	u64 offset;
	u64 func_off;
	struct fetch *fetch;
	const char *refused;
	u64 semaphore;
	u8 kind;
	bool ifunc;
};

/**
 * struct upr_event - a named event and its sites
 * @group:	probe_FILE unless given
 * @event:	unique within its group and list
 * @name:	group:event; @event is its end
 * @def:	the definition's text
 * @elf:	the file
 * @sites:	by address, @nr_sites of them, at least one
 * @note:	something the user should know (how an address was understood), or NULL
 * All of it belongs to the list.
 */
struct upr_event {
	const char *group;
	const char *event;
	const char *name;
	const char *def;
	struct upr_elf *elf;
	struct upr_site *sites;
	u32 nr_sites;
	const char *note;
};

struct used_name;

/**
 * struct upr_names - names in use, by hash
 * @slots:	@mask + 1 of them
 * @nr:		of those that are taken; a name that was given back keeps its place
 */
struct upr_names {
	struct used_name **slots;
	size_t mask;
	size_t nr;
};

/** struct upr_event_list - events in the order of their definitions; start with all zeros */
struct upr_event_list {
	struct upr_event *events;
	size_t nr;
	size_t cap;
	struct upr_names names; /* group:event */
	struct arena strings;	/* names and texts of events */
	struct arena sites;	/* upr_event.sites */
};

/**
 * upr_resolve() - append the events that a definition means in a file
 * Adds all or nothing.  Return: 0, or -errno with @err.
 */
int upr_resolve(struct upr_elf *elf, const char *text, struct upr_event_list *list, struct upr_error *err);

/** upr_resolve_def() - the same from a parsed definition */
int upr_resolve_def(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list,
		    struct upr_error *err);

void upr_event_list_free(struct upr_event_list *list);

/**
 * upr_event_list_forget() - the events have been taken over
 * The list is empty then; their names stay in use, and every string of theirs where it is.
 */
void upr_event_list_forget(struct upr_event_list *list);

/** upr_group_name() - probe_ + file name up to the first odd character.  Return: false when too long. */
bool upr_group_name(const char *path, char buf[UPR_EVENT_NAME_MAX]);

#endif /* PERF_UTIL_PROBE_EVENT_H */
