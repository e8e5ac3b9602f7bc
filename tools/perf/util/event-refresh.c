// SPDX-License-Identifier: GPL-2.0
/*
 * event-refresh.c - events kept for later, in files as they are now.
 *
 * Purpose: see event-refresh.h.  Locks: none.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "event-check.h"
#include "event-refresh.h"
#include "probe-any.h"
#include "symbol-priv.h"
#include "ui.h"

/* --- files ------------------------------------------------------------------------ */

/* Of a file without a build-id. */
static int stamp(const char *path, char **ret)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (asprintf(ret, "size-mtime=%jd.%jd.%09ld", (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec,
		     st.st_mtim.tv_nsec) >= 0)
		return 0;
	*ret = NULL;
	return -ENOMEM;
}

int event_file_id(const char *path, char **ret)
{
	struct upr_error err = {0};
	struct upr_elf *elf = upr_elf_open(path, &err);
	const struct upr_elf_info *info;
	char *at;
	u32 i;

	*ret = NULL;
	if (!elf)
		return err.code ? -err.code : -ENOEXEC;
	info = upr_elf_info(elf);
	if (!info->build_id_len) {
		upr_elf_close(elf);
		return stamp(path, ret);
	}
	at = *ret = malloc(sizeof("build-id=") + 2 * (size_t)info->build_id_len);
	if (at) {
		at = stpcpy(at, "build-id=");
		for (i = 0; i < info->build_id_len; i++)
			at += sprintf(at, "%02x", info->build_id[i]);
	}
	upr_elf_close(elf);
	return at ? 0 : -ENOMEM;
}

struct event_file *event_files_get(struct event_files *files, const char *path)
{
	struct event_file *f;
	size_t i;

	for (i = 0; i < files->nr; i++)
		if (!strcmp(files->v[i]->path, path))
			return files->v[i];
	if (!upr_grow(&files->v, files->nr, &files->cap, sizeof(struct event_file *)))
		return NULL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->path = strdup(path);
	if (!f->path) {
		free(f);
		return NULL;
	}
	files->v[files->nr++] = f;
	f->error = probe_file_at(&f->file, path);
	if (!f->error)
		f->error = event_file_id(path, &f->id);
	return f;
}

void event_files_free(struct event_files *files)
{
	while (files->nr) {
		struct event_file *f = files->v[--files->nr];

		probe_file_close(&f->file);
		free(f->path);
		free(f->id);
		free(f);
	}
	free(files->v);
	*files = (struct event_files){0};
}

/* --- places ----------------------------------------------------------------------------- */

int event_add_place(struct stored_event *ev, const struct traced_event *from, bool quoted)
{
	struct event_place *place = stored_event_add_place(ev);
	struct event_fault fault;

	if (!place)
		return -ENOMEM;
	place->retprobe = from->retprobe;
	place->offset = from->offset;
	place->semaphore = from->semaphore;
	free(place->args);
	place->args = traced_event_args(from);
	if (!place->args)
		return -ENOMEM;
	place->quoted = quoted || !event_path_is_plain(ev->path) ||
			!event_args_check(place->args, place->retprobe, &fault);
	return 0;
}

/* Those called @as, NULL: all.  Return: 0, -ENOENT, -ENOMEM. */
static int add_places(struct stored_event *ev, const struct traced_events *events, const char *as, bool quoted)
{
	size_t i;
	int r = 0;

	for (i = 0; i < events->nr && !r; i++)
		if (!as || !strcmp(events->v[i].event, as))
			r = event_add_place(ev, &events->v[i], quoted);
	return r || ev->nr_places ? r : -ENOENT;
}

static bool same_places(const struct stored_event *a, const struct stored_event *b)
{
	size_t i;

	if (a->nr_places != b->nr_places)
		return false;
	for (i = 0; i < a->nr_places; i++)
		if (a->places[i].offset != b->places[i].offset || a->places[i].semaphore != b->places[i].semaphore ||
		    a->places[i].retprobe != b->places[i].retprobe || strcmp(a->places[i].args, b->places[i].args))
			return false;
	return true;
}

/* --- one event ------------------------------------------------------------------------------ */

/* As much as perf's sentences take. */
#define WORDS_MAX 2048

/* Sentences that perf would print become parts of one. */
static void keep_words(const char *text, void *data)
{
	char *words = data;
	size_t len = strlen(words);

	snprintf(words + len, WORDS_MAX - len, "%s%s", len ? "; " : "", text);
}

/* @quoted: as event_add_place() takes it */
static int resolve(const struct stored_event *ev, struct event_file *f, struct traced_events *events, char *words,
		   bool *quoted)
{
	struct finder_options opts = {.max = SIZE_MAX, .no_inlines = ev->no_inlines, .say = keep_words, .data = words};
	struct upr_error err = {0};
	struct perf_def def;
	int r = perf_def_parse(&def, ev->def, &err), parsed = r;
	bool own;

	if (r)
		keep_words(err.text, words);
	r = probe_define_any(&f->file, ev->def, parsed ? NULL : &def, &opts, events, &own);
	*quoted = own && probe_def_has_args(ev->def, parsed ? NULL : &def);
	perf_def_free(&def);
	return r;
}

bool event_is_stale(const struct stored_event *ev, struct event_files *files)
{
	struct event_file *f = ev->kernel || !ev->def ? NULL : event_files_get(files, ev->path);

	return f &&
	       !(f->id && ev->file_id && !strcmp(f->id, ev->file_id) && (!ev->stated || ev->stated == ev->nr_places));
}

static int gone(struct upr_error *why, struct stored_event *ev, const char *what)
{
	ev->gone = true;
	upr_error_set(why, UPR_ERR_NO_FUNCTION, ENOENT, "%s:%s (%s) is gone from %s: %s", ev->group, ev->event, ev->def,
		      ev->path, what);
	return EVENT_GONE;
}

/* @now has the new places; what @ev has becomes @before's if they are others. */
static int take_places(struct stored_event *ev, struct stored_event *now, struct stored_event *before)
{
	if (same_places(ev, now))
		return EVENT_STAMPED;
	*before = *ev;
	before->path = strdup(ev->path);
	before->file_id = before->def = before->as = before->above = NULL;
	ev->places = now->places;
	ev->nr_places = now->nr_places;
	ev->cap = now->cap;
	now->places = NULL;
	now->nr_places = 0;
	return before->path ? EVENT_MOVED : -ENOMEM;
}

int event_refresh(struct stored_event *ev, struct event_files *files, struct stored_event *before,
		  struct upr_error *why)
{
	char words[WORDS_MAX] = "";
	struct stored_event now = {.path = ev->path};
	struct traced_events events;
	struct event_file *f;
	bool quoted;
	int r;

	*before = (struct stored_event){0};
	if (!event_is_stale(ev, files))
		return EVENT_SAME;
	f = event_files_get(files, ev->path);
	if (!f)
		return -ENOMEM;
	if (!f->id)
		return gone(why, ev, strerror(-f->error));
	r = resolve(ev, f, &events, words, &quoted);
	if (!r)
		r = add_places(&now, &events, ev->as, quoted);
	if (!r) {
		char *id = strdup(f->id);

		r = id ? take_places(ev, &now, before) : -ENOMEM;
		free(ev->file_id);
		ev->file_id = id;
		ev->stated = 0;
	} else if (r != -ENOMEM) {
		r = gone(why, ev, *words ? words : strerror(-r));
	}
	traced_events_free(&events);
	now.path = NULL;
	stored_event_free(&now);
	return r;
}

/* --- all of them -------------------------------------------------------------------------------- */

static void put_lines(const struct stored_event *ev, char sign, FILE *out)
{
	size_t i;

	for (i = 0; i < ev->nr_places; i++) {
		char *line = stored_event_line(ev, &ev->places[i]);

		fprintf(out, "%c%s\n", sign, line ? line : "");
		free(line);
	}
}

static void tell_moved(const struct stored_event *before, const struct stored_event *ev)
{
	char name[STORED_NAME_MAX];

	stored_event_name(ev, name);
	ui_note("%s has moved, for %s is another file now:", name, ev->path);
	if (ui_quiet)
		return;
	put_lines(before, '-', stderr);
	put_lines(ev, '+', stderr);
}

int events_refresh(struct stored_events *list, struct event_files *files, event_filter fits, const void *data,
		   struct upr_error *gone, size_t *nr_gone)
{
	struct upr_error why = {0};
	bool changed = false;
	size_t i;

	*nr_gone = 0;
	for (i = 0; i < list->nr && !(gone && *nr_gone); i++) {
		struct stored_event *ev = &list->v[i], before;
		int state;

		if (!fits(ev, data))
			continue;
		state = event_refresh(ev, files, &before, gone ? gone : &why);
		if (state == EVENT_MOVED)
			tell_moved(&before, ev);
		if (state == EVENT_GONE && !gone)
			ui_error("%s", why.text);
		*nr_gone += state == EVENT_GONE;
		changed |= state == EVENT_MOVED || state == EVENT_STAMPED;
		stored_event_free(&before);
		if (state < 0)
			return state;
	}
	return changed;
}
