// SPDX-License-Identifier: GPL-2.0
/*
 * probe-list.c - events that are kept (--list).
 *
 * Purpose: see probe-keep.h.  Places are shown as people would write them, by the debug information of
 * their files as they are now.
 *
 * Locks: that of the user's list, if it has to be brought up to date.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "event-store.h"
#include "probe-filter.h"
#include "probe-keep.h"
#include "probe-point.h"
#include "symbol-priv.h"
#include "ui.h"

bool probe_keep_fits(const struct stored_event *ev, const void *filter)
{
	char name[STORED_NAME_MAX];

	stored_event_name(ev, name);
	return probe_filter_fits(filter, ev->event) || probe_filter_fits(filter, name);
}

char *probe_event_text(const char *group, const char *event, const struct perf_point *point, const char *path,
		       const char *args)
{
	char *where = perf_point_text(point), *name = NULL, *ret = NULL;

	if (where && asprintf(&name, "%s:%s", group, event) < 0)
		name = NULL;
	if (name && asprintf(&ret, "  %-20s (on %s in %s%s%s)", name, where, path, *args ? " with " : "", args) < 0)
		ret = NULL;
	free(where);
	free(name);
	return ret;
}

/* --- lines ---------------------------------------------------------------------------- */

/**
 * struct row - a place to be shown
 * @key:	its line as the kernel shows it: what perf sorts by
 */
struct row {
	char *key;
	const struct stored_event *ev;
	const struct event_place *place;
};

struct rows {
	struct row *v;
	size_t nr;
	size_t cap;
};

/* Arguments as the kernel names them: one without a name is "arg" and its number. */
static void put_args(const char *args, bool names_only, FILE *out)
{
	unsigned int nr = 0;

	for (args += strspn(args, " "); *args; args += strspn(args, " ")) {
		size_t len = strcspn(args, " "), name = strcspn(args, " =");

		if (nr++ || !names_only)
			fputc(' ', out);
		if (args[name] != '=')
			fprintf(out, "arg%u", nr);
		else
			fwrite(args, 1, name, out);
		if (!names_only)
			fprintf(out, "=%.*s", (int)(args[name] == '=' ? len - name - 1 : len),
				args[name] == '=' ? args + name + 1 : args);
		args += len;
	}
}

static char *key_of(const struct stored_event *ev, const struct event_place *place)
{
	char *ret = NULL;
	size_t size;
	FILE *out = open_memstream(&ret, &size);

	if (!out)
		return NULL;
	fprintf(out, "%c:%s/%s %s:0x%016" PRIx64, place->retprobe ? 'r' : 'p', ev->group, ev->event, ev->path,
		(uint64_t)place->offset);
	if (place->semaphore)
		fprintf(out, "(0x%016" PRIx64 ")", (uint64_t)place->semaphore);
	put_args(place->args, false, out);
	return fclose(out) ? NULL : ret;
}

static char *names_of(const struct event_place *place)
{
	char *ret = NULL;
	size_t size;
	FILE *out = open_memstream(&ret, &size);

	if (!out)
		return NULL;
	put_args(place->args, true, out);
	return fclose(out) ? NULL : ret;
}

static int add_rows(struct rows *rows, const struct stored_events *list, const char *filter, bool gone)
{
	size_t i, j;

	for (i = 0; i < list->nr; i++) {
		const struct stored_event *ev = &list->v[i];

		if (!probe_keep_fits(ev, filter) || (ev->gone && !gone))
			continue;
		for (j = 0; j < ev->nr_places; j++) {
			struct row *row;

			if (!upr_grow(&rows->v, rows->nr, &rows->cap, sizeof(*rows->v)))
				return -ENOMEM;
			row = &rows->v[rows->nr];
			*row = (struct row){key_of(ev, &ev->places[j]), ev, &ev->places[j]};
			if (!row->key)
				return -ENOMEM;
			rows->nr++;
		}
	}
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	return order ? order : x->ev->kernel - y->ev->kernel;
}

/* --- showing ------------------------------------------------------------------------------ */

static void put_json(const struct row *row, const char *point, const char *args)
{
	const struct stored_event *ev = row->ev;
	char name[STORED_NAME_MAX];

	stored_event_name(ev, name);
	fputs("{\"event\":", stdout);
	ui_json_string(stdout, name);
	fputs(",\"file\":", stdout);
	ui_json_string(stdout, ev->path);
	printf(",\"offset\":%" PRIu64 ",\"return\":%s,\"point\":", (uint64_t)row->place->offset,
	       row->place->retprobe ? "true" : "false");
	ui_json_string(stdout, point);
	fputs(",\"args\":", stdout);
	ui_json_string(stdout, args);
	fputs(",\"fetch\":", stdout);
	ui_json_string(stdout, row->place->args);
	fputs(",\"definition\":", stdout);
	ui_json_string(stdout, ev->def);
	fputs(",\"file_id\":", stdout);
	ui_json_string(stdout, ev->file_id);
	printf(",\"list\":\"%s\",\"kernel_syntax\":%s,\"gone\":%s}\n", ev->kernel ? "kernel" : "user",
	       row->place->quoted ? "false" : "true", ev->gone ? "true" : "false");
}

static int show(const struct row *row, struct event_files *files, const struct probe_keep *how)
{
	struct event_file *f = event_files_get(files, row->ev->path);
	char *args = names_of(row->place), *text = NULL, *point_text = NULL;
	struct perf_point point = {0};
	int r = -ENOMEM;

	if (!f || !args)
		goto out;
	if (probe_point_at(&f->file, row->place->offset, how->find, &point))
		goto out;
	point.retprobe = row->place->retprobe;
	text = probe_event_text(row->ev->group, row->ev->event, &point, row->ev->path, args);
	point_text = perf_point_text(&point);
	if (!text || !point_text)
		goto out;
	if (how->json)
		put_json(row, point_text, args);
	else
		puts(text);
	r = 0;
out:
	probe_point_free(&point);
	free(point_text);
	free(text);
	free(args);
	return r;
}

static int show_rows(struct rows *rows, struct event_files *files, const struct probe_keep *how)
{
	size_t i;
	int r = 0;

	if (rows->nr)
		qsort(rows->v, rows->nr, sizeof(*rows->v), by_key);
	for (i = 0; !r && i < rows->nr; i++)
		if (!i || strcmp(rows->v[i].key, rows->v[i - 1].key))
			r = show(&rows->v[i], files, how);
	return r;
}

/* Definitions by the files that they were made of: the user's list is what perf's cache is. */
static void show_cached(const struct stored_events *list, const char *filter)
{
	size_t i, j;

	for (i = 0; i < list->nr; i++) {
		const struct stored_event *first = &list->v[i];
		bool said = false;

		for (j = 0; j < i && strcmp(list->v[j].path, first->path); j++)
			;
		/* with an earlier one */
		if (j < i)
			continue;
		for (j = i; j < list->nr; j++) {
			const struct stored_event *ev = &list->v[j];
			const char *id = ev->file_id ? strchr(ev->file_id, '=') : NULL;

			if (!ev->def || ev->gone || strcmp(ev->path, first->path) || !probe_keep_fits(ev, filter))
				continue;
			if (!said)
				printf("%s (%s):\n", ev->path, id ? id + 1 : "");
			said = true;
			printf("%s:%s=%s\n", ev->group, ev->event, ev->def);
		}
	}
}

int probe_list(const char *filter, const struct probe_keep *how)
{
	struct stored_events kernel = {0};
	struct event_files files = {0};
	struct event_registry reg;
	struct upr_error err = {0};
	struct rows rows = {0};
	size_t nr_gone;
	int r;

	r = event_store_open(&reg, &files, probe_keep_fits, filter, NULL, &nr_gone, &err);
	if (r)
		ui_error("%s", err.text);
	if (!r && how->cache)
		show_cached(&reg.list, filter);
	if (!r && !how->cache)
		r = kernel_events_read(&kernel);
	if (!r && !how->cache)
		r = add_rows(&rows, &reg.list, filter, how->json);
	if (!r)
		r = add_rows(&rows, &kernel, filter, how->json);
	if (!r)
		r = show_rows(&rows, &files, how);
	if (!r && nr_gone)
		r = -ENOENT;
	while (rows.nr)
		free(rows.v[--rows.nr].key);
	free(rows.v);
	stored_events_free(&kernel);
	event_files_free(&files);
	event_registry_close(&reg);
	return r;
}
