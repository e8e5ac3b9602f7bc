// SPDX-License-Identifier: GPL-2.0
/*
 * probe-any.c - definitions that can be counted and traced, be they perf's or not.
 *
 * Purpose: see probe-any.h.  Locks: none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe-any.h"
#include "symbol-priv.h"

/* --- what is said, later ---------------------------------------------------------------- */

static void keep(const char *text, void *data)
{
	fprintf(data, "%s%s", ftell(data) ? "\n" : "", text);
}

/* perf's answer; what it says goes to *@words, NULL if that is nothing. */
static int ask_perf(struct probe_file *file, struct perf_def *def, const struct finder_options *opts,
		    struct traced_events *ret, char **words)
{
	struct finder_options quiet = *opts;
	size_t size;
	FILE *out = open_memstream(words, &size);
	int r;

	if (!out)
		return -ENOMEM;
	quiet.say = keep;
	quiet.data = out;
	r = probe_define(file, def, &quiet, ret);
	if (fclose(out) || !size) {
		free(*words);
		*words = NULL;
	}
	return r;
}

/* --- the engine's ---------------------------------------------------------------------------- */

static int add_site(const struct upr_event *from, const struct upr_site *site, struct traced_events *ret)
{
	struct traced_event *ev = &ret->v[ret->nr];

	if (site->semaphore && !upr_elf_addr_to_offset(from->elf, site->semaphore, &ev->semaphore))
		return -ENOENT;
	if (snprintf(ev->group, sizeof(ev->group), "%s", from->group) >= (int)sizeof(ev->group) ||
	    snprintf(ev->event, sizeof(ev->event), "%s", from->event) >= (int)sizeof(ev->event))
		return -E2BIG;
	strcpy(ev->given, ev->event);
	ev->offset = site->offset;
	ev->place.addr = site->addr;
	/* as it is mangled: what people read is not always a definition */
	if (site->func && site->func->names) {
		ev->place.real = strdup(site->func->names->name);
		if (!ev->place.real)
			return -ENOMEM;
	}
	ret->nr++;
	return 0;
}

static int take_sites(const struct upr_event_list *list, struct traced_events *ret)
{
	size_t i, all = 0;
	u32 k;
	int r = 0;

	for (i = 0; i < list->nr; i++)
		all += list->events[i].nr_sites;
	ret->v = calloc(all + 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (i = 0; i < list->nr; i++)
		for (k = 0; k < list->events[i].nr_sites && !r; k++)
			if (!list->events[i].sites[k].refused)
				r = add_site(&list->events[i], &list->events[i].sites[k], ret);
	return r;
}

/* A place that is refused stands for one that there is not: it is nothing to be probed by anybody. */
static int check_sites(const struct upr_event_list *list, const char *text, struct upr_error *err)
{
	const char *why = NULL;
	size_t i;
	u32 k;

	for (i = 0; i < list->nr; i++)
		for (k = 0; k < list->events[i].nr_sites; k++) {
			if (!list->events[i].sites[k].refused)
				return 0;
			why = list->events[i].sites[k].refused;
		}
	return why ? upr_error_set(err, UPR_ERR_UNSUPPORTED, EOPNOTSUPP, "'%s' cannot be probed: %s", text, why) : 0;
}

static int ask_engine(struct probe_file *file, const char *text, struct traced_events *ret, struct upr_error *err)
{
	struct upr_event_list list = {0};
	int r;

	probe_file_load(file);
	if (!file->elf)
		return -ENOENT;
	r = upr_resolve(file->elf, text, &list, err);
	if (!r)
		r = check_sites(&list, text, err);
	if (!r && ret)
		r = take_sites(&list, ret);
	upr_event_list_free(&list);
	if (r && ret)
		traced_events_free(ret);
	return r;
}

int probe_engine_takes(struct probe_file *file, const char *text, struct upr_error *err)
{
	return ask_engine(file, text, NULL, err);
}

/* --- both ---------------------------------------------------------------------------------------- */

/* Limits are the user's, and names and memory are none of the engine's business. */
static bool may_differ(int r, const struct finder_options *opts)
{
	return r != -ENOMEM && r != -E2BIG && !opts->no_inlines;
}

int probe_define_any(struct probe_file *file, const char *text, struct perf_def *def, const struct finder_options *opts,
		     struct traced_events *ret, bool *own)
{
	char *words = NULL;
	int r = -EINVAL;

	*own = false;
	*ret = (struct traced_events){0};
	if (def)
		r = ask_perf(file, def, opts, ret, &words);
	if (r && may_differ(r, opts) && !ask_engine(file, text, ret, NULL)) {
		*own = ret->nr <= opts->max;
		if (*own)
			r = 0;
		else
			traced_events_free(ret);
	}
	if (words && !*own)
		probe_say(opts, "%s", words);
	free(words);
	return r;
}

char *probe_def_body(const char *text, const struct perf_def *def)
{
	const char *equals = def && def->event && !def->sdt ? strchr(text, '=') : NULL;
	struct upr_probe_def other;
	size_t len;
	char *ret;

	/* the engine's own */
	if (!def) {
		if (upr_probe_def_parse(&other, text, NULL))
			return NULL;
		ret = probe_strdup(other.raw);
		upr_probe_def_free(&other);
		return ret;
	}
	text = equals ? equals + 1 : text;
	text += strspn(text, PERF_BLANKS);
	len = strlen(text);
	while (len && strchr(PERF_BLANKS, text[len - 1]))
		len--;
	return strndup(text, len);
}

bool probe_def_has_args(const char *text, const struct perf_def *def)
{
	struct upr_probe_def other;
	bool ret;

	if (def)
		return def->nr_args > 0;
	if (upr_probe_def_parse(&other, text, NULL))
		return false;
	ret = other.nr_args > 0;
	upr_probe_def_free(&other);
	return ret;
}
