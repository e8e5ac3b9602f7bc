// SPDX-License-Identifier: GPL-2.0
/*
 * probe-add.c - events to be kept (--add).
 *
 * Purpose: see probe-keep.h.  All definitions are resolved before any is kept; names are given while the
 * user's list is locked, as nobody else may take them then.
 *
 * Locks: that of the user's list.
 */
#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>

#include "event-check.h"
#include "event-refresh.h"
#include "event-registry.h"
#include "probe-any.h"
#include "probe-keep.h"
#include "probe-resolve.h"
#include "symbol-priv.h"
#include "ui.h"

/* As perf has it. */
#define SUFFIX_MAX 1024

/* --- places that cannot be ------------------------------------------------------------ */

/* perf takes a place inside an instruction, and who comes there dies. */
static int check_place(const struct probe_want *want, const struct traced_event *ev, const struct probe_keep *how)
{
	struct upr_elf *elf = want->file->elf;
	const struct upr_func *func;
	struct upr_error err = {0};
	u64 addr;

	if (!elf)
		return 0;
	if (!upr_elf_offset_to_addr(elf, ev->offset, &addr)) {
		probe_say(how->find, "Nothing of %s is loaded from file offset 0x%" PRIx64 ".", want->file->path,
			  (uint64_t)ev->offset);
		return -EINVAL;
	}
	if (!upr_check_boundary(elf, addr, &func, &err) || err.kind != UPR_ERR_OFFSET)
		return 0;
	probe_say(how->find, "%s.", err.text);
	return -EINVAL;
}

/*
 * What the kernel would not take: the user's mistake, or more than it can.
 * @engines: the engine has been asked for the whole definition, and takes it
 */
static int check_args(const struct probe_want *want, const struct traced_event *ev, const struct probe_keep *how,
		      bool *engines)
{
	char *args = traced_event_args(ev), *line;
	struct event_fault fault;
	struct upr_error err = {0};
	size_t before;
	int r = 0;

	if (!args)
		return -ENOMEM;
	if (event_args_check(args, ev->retprobe, &fault))
		goto out;
	/* the kernel has not got it: the engine has to */
	if (fault.limit) {
		r = *engines ? 0 : probe_engine_takes(want->file, want->text, &err);
		if (r)
			probe_say(how->find, "%s", err.text);
		*engines = !r;
		goto out;
	}
	line = traced_event_text(want->file, ev);
	if (!line) {
		r = -ENOMEM;
		goto out;
	}
	before = strlen(line) - strlen(args);
	probe_say(how->find, "Failed to write event: %s", fault.what);
	probe_say(how->find, "  %s", line);
	probe_say(how->find, "  %*s^", (int)(before + fault.at), "");
	free(line);
	r = -EINVAL;
out:
	free(args);
	return r;
}

static int check(const struct probe_want *want, const struct probe_keep *how)
{
	bool engines = false;
	size_t i;
	int r = 0;

	for (i = 0; !r && i < want->events.nr; i++) {
		r = check_place(want, &want->events.v[i], how);
		if (!r)
			r = check_args(want, &want->events.v[i], how, &engines);
	}
	return r;
}

/* --- names ------------------------------------------------------------------------------- */

/**
 * struct adding - in the middle of it
 * @names:	event names in use, without their groups as perf has it: a tree of strings
 * @ids:	which files there are
 */
struct adding {
	const struct probe_keep *how;
	struct event_registry reg;
	void *names;
	struct event_files files;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int take_name(struct adding *a, const char *name)
{
	char *copy, **found;

	if (tfind(name, &a->names, by_name))
		return 0;
	copy = strdup(name);
	found = copy ? tsearch(copy, &a->names, by_name) : NULL;
	if (!found)
		free(copy);
	return found ? 0 : -ENOMEM;
}

static int take_names(struct adding *a, const struct stored_events *list)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < list->nr; i++)
		r = take_name(a, list->v[i].event);
	return r;
}

/* A name that is free, @name itself or with a number behind it instead of its "__return". */
static int choose_name(struct adding *a, bool retprobe, bool suffix, char name[UPR_EVENT_NAME_MAX])
{
	size_t len = strlen(name) - (retprobe ? strlen("__return") : 0);
	char other[UPR_EVENT_NAME_MAX];
	int i;

	if (!tfind(name, &a->names, by_name))
		return 0;
	if (!suffix) {
		probe_say(a->how->find, "Error: event \"%s\" already exists.", name);
		probe_say(a->how->find, " Hint: Remove existing event by 'perf-uprobe probe -d'");
		probe_say(a->how->find, "       or force duplicates by 'perf-uprobe probe -f'");
		probe_say(a->how->find, "       or set 'force=yes' in BPF source.");
		return -EEXIST;
	}
	for (i = 1; i < SUFFIX_MAX; i++) {
		if (snprintf(other, sizeof(other), "%.*s_%d", (int)len, name, i) >= (int)sizeof(other))
			return -E2BIG;
		if (!tfind(other, &a->names, by_name)) {
			strcpy(name, other);
			return 0;
		}
	}
	probe_say(a->how->find, "Too many events are on the same function.");
	return -ERANGE;
}

/* Places of one name stay together; places behind the first may have a number in any case. */
static int name_events(struct adding *a, struct probe_want *want)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < want->events.nr; i++)
		r = choose_name(a, want->events.v[i].retprobe, i || a->how->force, want->events.v[i].event);
	for (i = 0; !r && i < want->events.nr; i++)
		r = take_name(a, want->events.v[i].event);
	return r;
}

/* --- what is kept of a definition ---------------------------------------------------------- */

/* What follows the function: none of it is part of its name, but "::" in between. */
static const char *behind_function(const char *s)
{
	for (; *s && !strchr("+@%;" PERF_BLANKS, *s); s++) {
		if (s[0] == ':' && s[1] != ':')
			break;
		if ((s[0] == '\\' || s[0] == ':') && s[1])
			s++;
	}
	return s;
}

static struct perf_def *perfs_def(struct probe_want *want)
{
	return want->foreign ? NULL : &want->def;
}

/* Does the definition mean a function for each event? */
static bool is_pattern(const struct probe_want *want)
{
	struct upr_probe_def other;
	bool ret;

	if (!want->foreign)
		return want->def.point.func && is_glob(want->def.point.func);
	if (upr_probe_def_parse(&other, want->text, NULL))
		return false;
	ret = other.glob;
	upr_probe_def_free(&other);
	return ret;
}

/**
 * struct named - the places of one name, in the order in which they were found
 * @v:		@nr of them; none if it is not the first place of its name
 */
struct named {
	const struct traced_event **v;
	size_t nr;
};

/* Are all of them in functions of one name?  Not where the user has named a pattern. */
static bool is_one_function(const struct named *named)
{
	size_t i;

	for (i = 0; i < named->nr; i++)
		if (!named->v[i]->place.real || strcmp(named->v[i]->place.real, named->v[0]->place.real))
			return false;
	return true;
}

/* Statically defined probes that only the engine can read, and that have kept the names that they have. */
static bool are_own_sdt(const struct probe_want *want)
{
	struct upr_probe_def other;
	bool ret;

	if (!want->own || upr_probe_def_parse(&other, want->text, NULL))
		return false;
	ret = other.sdt && !other.event;
	upr_probe_def_free(&other);
	return ret;
}

/* The probe of one provider, with what follows the name in @body. */
static char *sdt_source(const char *group, const char *event, const char *body)
{
	char *ret;

	return asprintf(&ret, "%%%s:%s%s", group, event, body + strcspn(body, PERF_BLANKS)) < 0 ? NULL : ret;
}

static char *function_source(const char *name, const char *body)
{
	char *ret = NULL;
	const char *c;
	size_t size;
	FILE *out = open_memstream(&ret, &size);

	if (!out)
		return NULL;
	for (c = name; *c; c++)
		fprintf(out, "%s%c", strchr("=@+:;%\\", *c) ? "\\" : "", *c);
	fputs(behind_function(body), out);
	return fclose(out) ? NULL : ret;
}

/* A pattern means one function in each event, if it can; @whole: it stays what it is. */
static char *source_of(struct probe_want *want, const struct named *named, bool *whole)
{
	const struct traced_event *ev = named->v[0];
	char *body = probe_def_body(want->text, perfs_def(want)), *ret;

	*whole = false;
	if (!body)
		return NULL;
	if (!want->own && want->def.sdt) {
		ret = sdt_source(ev->place.symbol, ev->place.real, body);
	} else if (are_own_sdt(want)) {
		ret = sdt_source(ev->group, ev->given, body);
	} else if (is_pattern(want) && is_one_function(named)) {
		ret = function_source(ev->place.real, body);
	} else {
		*whole = true;
		return body;
	}
	free(body);
	return ret;
}

/* Lines of a file may be in several functions, and a pattern's functions may share the name of an event. */
static bool has_many_names(const struct probe_want *want)
{
	size_t i;

	for (i = 1; i < want->events.nr; i++)
		if (strcmp(want->events.v[i].given, want->events.v[0].given))
			return true;
	return false;
}

/* @many: the definition has given several names */
static int keep_event(struct adding *a, struct probe_want *want, const struct named *named, bool many)
{
	bool quoted = want->own && probe_def_has_args(want->text, perfs_def(want)), whole;
	struct stored_event *ev = stored_events_add(&a->reg.list);
	struct event_file *f = event_files_get(&a->files, probe_file_reach(want->file));
	const struct traced_event *first = named->v[0];
	size_t i;
	int r = 0;

	if (!ev || !f)
		return -ENOMEM;
	strcpy(ev->group, first->group);
	strcpy(ev->event, first->event);
	ev->path = strdup(probe_file_reach(want->file));
	ev->def = source_of(want, named, &whole);
	ev->file_id = f->id ? strdup(f->id) : NULL;
	ev->no_inlines = a->how->find->no_inlines;
	if (whole && many)
		ev->as = strdup(first->given);
	if (!ev->path || !ev->def || (f->id && !ev->file_id) || (whole && many && !ev->as))
		return -ENOMEM;
	for (i = 0; i < named->nr && !r; i++)
		r = event_add_place(ev, named->v[i], quoted);
	return r;
}

static int by_event(const void *a, const void *b)
{
	const struct traced_event *x = *(const struct traced_event *const *)a;
	const struct traced_event *y = *(const struct traced_event *const *)b;
	int d = strcmp(x->event, y->event);

	if (!d)
		d = strcmp(x->group, y->group);
	return d ? d : (x > y) - (x < y);
}

/* The places of @sorted by their names: ret[i] are those of the event that the @i-th place is the first of. */
static void sort_names(const struct traced_events *events, const struct traced_event **sorted, struct named *ret)
{
	struct named *last = NULL;
	size_t i;

	for (i = 0; i < events->nr; i++)
		sorted[i] = &events->v[i];
	qsort(sorted, events->nr, sizeof(*sorted), by_event);
	for (i = 0; i < events->nr; i++) {
		if (!last || strcmp(sorted[i]->event, last->v[0]->event) ||
		    strcmp(sorted[i]->group, last->v[0]->group)) {
			last = &ret[sorted[i] - events->v];
			last->v = &sorted[i];
		}
		last->nr++;
	}
}

static void tell_line(const struct probe_want *want, const struct traced_event *ev, const struct probe_keep *how)
{
	char *line = ui_verbose ? traced_event_text(want->file, ev) : NULL;

	if (line)
		probe_say(how->find, "Writing event: %s", line);
	free(line);
}

static int keep(struct adding *a, struct probe_want *want)
{
	size_t nr = want->events.nr, i;
	const struct traced_event **sorted = calloc(nr, sizeof(*sorted));
	struct named *named = calloc(nr, sizeof(*named));
	bool many = has_many_names(want);
	int r = sorted && named ? 0 : -ENOMEM;

	if (!r)
		sort_names(&want->events, sorted, named);
	for (i = 0; !r && i < nr; i++) {
		tell_line(want, &want->events.v[i], a->how);
		if (named[i].nr)
			r = keep_event(a, want, &named[i], many);
	}
	free(sorted);
	free(named);
	return r;
}

/* --- all of it ------------------------------------------------------------------------------- */

static int resolve_all(struct probe_want *wants, size_t nr, const struct probe_keep *how)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < nr; i++) {
		struct probe_want *want = &wants[i];

		r = want->file ? probe_define_any(want->file, want->text, perfs_def(want), how->find, &want->events,
						  &want->own) :
				 -ENOENT;
		if (r && !want->file)
			probe_say(how->find,
				  "Name a program or a library by -x: functions of the kernel are perf probe's.");
	}
	return r;
}

static int open_list(struct adding *a)
{
	struct stored_events kernel = {0};
	struct upr_error err = {0};
	int r = a->how->dry_run ? event_registry_read(&a->reg, &err) : event_registry_lock(&a->reg, &err);

	if (r) {
		probe_say(a->how->find, "%s.", err.text);
		return r;
	}
	event_registry_tell_skipped(&a->reg);
	r = kernel_events_read(&kernel);
	if (!r)
		r = take_names(a, &a->reg.list);
	if (!r)
		r = take_names(a, &kernel);
	stored_events_free(&kernel);
	return r;
}

static int keep_all(struct adding *a, struct probe_want *wants, size_t nr)
{
	struct upr_error err = {0};
	size_t i;
	int r = 0;

	for (i = 0; !r && i < nr; i++) {
		r = name_events(a, &wants[i]);
		if (!r)
			r = check(&wants[i], a->how);
		if (!r)
			r = keep(a, &wants[i]);
	}
	if (r || a->how->dry_run)
		return r;
	r = event_registry_write(&a->reg, &err);
	if (r)
		probe_say(a->how->find, "%s.", err.text);
	return r;
}

static void show(const struct probe_want *want, const struct traced_event *ev, const struct probe_keep *how)
{
	char *args = perf_args_text(&want->def), *body = NULL, *text = NULL;
	struct perf_point point = want->def.point;

	/* in the user's own words */
	if (want->foreign)
		body = point.func = probe_def_body(want->text, NULL);
	if (args && (body || !want->foreign))
		text = probe_event_text(ev->group, ev->event, &point, want->file->path, args);
	if (text)
		how->find->say(text, how->find->data);
	free(text);
	free(args);
	free(body);
}

static void show_all(const struct probe_want *wants, size_t nr, const struct probe_keep *how)
{
	const struct traced_event *last = NULL;
	size_t i, j, all = 0;

	for (i = 0; i < nr; i++)
		all += wants[i].events.nr;
	probe_say(how->find, "Added new event%s", all > 1 ? "s:" : ":");
	for (i = 0; i < nr; i++)
		for (j = 0; j < wants[i].events.nr; j++) {
			last = &wants[i].events.v[j];
			show(&wants[i], last, how);
		}
	if (last)
		probe_say(how->find,
			  "\nYou can now use it in all perf tools, such as:\n\n\tperf record -e %s:%s -aR sleep 1\n",
			  last->group, last->event);
}

int probe_add(struct probe_want *wants, size_t nr, const struct probe_keep *how)
{
	struct adding a = {.how = how, .reg.lock = -1};
	int r = resolve_all(wants, nr, how);

	if (!r)
		r = open_list(&a);
	if (!r)
		r = keep_all(&a, wants, nr);
	event_registry_close(&a.reg);
	event_files_free(&a.files);
	tdestroy(a.names, free);
	if (!r)
		show_all(wants, nr, how);
	return r;
}
