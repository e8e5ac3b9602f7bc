/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-define.h - definitions to what the kernel's uprobe_events list would hold.
 *
 * Purpose: struct perf_def -> struct traced_event, one for each place, named as perf names them.  By
 * debug information where there is some, else by symbols.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_DEFINE_H
#define PERF_UTIL_PROBE_DEFINE_H

#include "probe-event.h"
#include "probe-finder.h"

/**
 * struct traced_event - a line of uprobe_events
 * @event:	its name; @given: the one that the definition gives, if it has got another since
 * @offset:	in the file
 * @semaphore:	in the file, of a counter that is raised while the event is in use; 0: none
 * @place:	where, and the arguments
 */
struct traced_event {
	char group[UPR_EVENT_NAME_MAX];
	char event[UPR_EVENT_NAME_MAX];
	char given[UPR_EVENT_NAME_MAX];
	u64 offset;
	u64 semaphore;
	bool retprobe;
	struct probe_place place;
};

struct traced_events {
	struct traced_event *v;
	size_t nr;
};

/**
 * struct probe_file - the program or library
 * @path:	absolute, without symbolic links
 * @open_path:	where it can be read: another path in another namespace or below another root
 * @elf:	its symbols; NULL: it has no symbols that can be read
 * @info:	its debug information, if @has_info
 * @asked:	@info and @elf have been tried
 * @ifuncs:	there may be IFUNCs; @ifuncs_known: that has been looked up
 */
struct probe_file {
	char *path;
	char *open_path;
	struct upr_elf *elf;
	struct debug_info info;
	bool has_info;
	bool asked;
	bool ifuncs;
	bool ifuncs_known;
};

/**
 * probe_file_open() - what is in the file is not looked at yet
 * @pid:	whose mount namespace @path is of; 0: this one
 * @symfs:	where it is read from if it is there, too; NULL: nowhere else
 * Return: 0, -errno.
 */
int probe_file_open(struct probe_file *file, const char *path, int pid, const char *symfs);
/** probe_file_at() - of a path that is absolute and real already, be there such a file or not */
int probe_file_at(struct probe_file *file, const char *path);
void probe_file_close(struct probe_file *file);
/** probe_file_reach() - @file->path; another namespace's file is reached through the process for as long as it lives */
const char *probe_file_reach(const struct probe_file *file);
/** probe_file_load() - its symbols and its debug information */
void probe_file_load(struct probe_file *file);
/** probe_file_no_info() - tell the user that it has no debug information */
void probe_file_no_info(const struct probe_file *file, const struct finder_options *opts);
/** probe_file_lacks() - say of which part of its debug information has not been found, if something is known */
void probe_file_lacks(const struct probe_file *file, const struct finder_options *opts);

/**
 * probe_define() - the events of a definition
 * Return: 0 with at least one event; -errno, of which the user has been told as far as perf does.
 */
int probe_define(struct probe_file *file, struct perf_def *def, const struct finder_options *opts,
		 struct traced_events *ret);
void traced_events_free(struct traced_events *events);

/** traced_event_args() - its arguments as uprobe_events has them, "" without any; free(); NULL without memory */
char *traced_event_args(const struct traced_event *event);
/** traced_event_text() - as uprobe_events has it; free(); NULL without memory */
char *traced_event_text(const struct probe_file *file, const struct traced_event *event);

#endif /* PERF_UTIL_PROBE_DEFINE_H */
