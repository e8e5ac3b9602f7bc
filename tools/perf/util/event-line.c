// SPDX-License-Identifier: GPL-2.0
/*
 * event-line.c - events kept for later, and the lines that they are kept as.
 *
 * Purpose: see event-line.h.  Locks: none.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "event-line.h"
#include "symbol-priv.h"

static const char head[] = "#:";

/* --- lists ------------------------------------------------------------------------ */

void stored_event_free(struct stored_event *ev)
{
	while (ev->nr_places)
		free(ev->places[--ev->nr_places].args);
	free(ev->places);
	free(ev->path);
	free(ev->file_id);
	free(ev->def);
	free(ev->as);
	free(ev->above);
	*ev = (struct stored_event){0};
}

void stored_events_free(struct stored_events *list)
{
	while (list->nr)
		stored_event_free(&list->v[--list->nr]);
	free(list->v);
	free(list->below);
	*list = (struct stored_events){0};
}

struct stored_event *stored_events_add(struct stored_events *list)
{
	if (!upr_grow(&list->v, list->nr, &list->cap, sizeof(*list->v)))
		return NULL;
	list->v[list->nr] = (struct stored_event){0};
	return &list->v[list->nr++];
}

struct event_place *stored_event_add_place(struct stored_event *ev)
{
	struct event_place *place;

	if (!upr_grow(&ev->places, ev->nr_places, &ev->cap, sizeof(*ev->places)))
		return NULL;
	place = &ev->places[ev->nr_places];
	*place = (struct event_place){.args = strdup("")};
	if (!place->args)
		return NULL;
	ev->nr_places++;
	return place;
}

void stored_event_name(const struct stored_event *ev, char buf[STORED_NAME_MAX])
{
	snprintf(buf, STORED_NAME_MAX, "%s:%s", ev->group, ev->event);
}

/* --- words in comments --------------------------------------------------------------- */

static bool is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' && s[2] <= '7';
}

/* @last: nothing follows in the line, blanks may stay; one at the start would be taken for what separates */
static void put_quoted(const char *s, bool last, FILE *out)
{
	bool first = true;

	for (; *s; s++, first = false) {
		unsigned char c = *s;

		if (c < ' ' || c == 0x7f || (c == ' ' && (first || !last)) || (c == '\\' && is_octal(s + 1)))
			fprintf(out, "\\%03o", c);
		else
			fputc(c, out);
	}
}

/* In place. */
static char *unquote(char *s)
{
	char *from = s, *to = s;

	while (*from) {
		if (*from == '\\' && is_octal(from + 1)) {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	return s;
}

/* --- reading --------------------------------------------------------------------------- */

/**
 * struct reader - a list being read
 * @head:	what the comment above said of the event that follows; used up by it
 * @head_line:	that comment, NULL: there is none
 * @open:	the last event may get further places
 * @other:	lines that are no event's, so far
 */
struct reader {
	struct stored_events *list;
	struct stored_event head;
	char *head_line;
	bool open;
	bool kernel;
	char *other;
	size_t skipped;
};

static int take(char **at, const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		return -ENOMEM;
	free(*at);
	*at = copy;
	return 0;
}

static int keep_line(struct reader *r, const char *line)
{
	char *more;

	r->open = false;
	if (r->kernel)
		return 0;
	if (asprintf(&more, "%s%s\n", r->other ? r->other : "", line) < 0)
		return -ENOMEM;
	free(r->other);
	r->other = more;
	return 0;
}

static int read_word(struct stored_event *ev, char *word)
{
	if (!strncmp(word, "build-id=", 9) || !strncmp(word, "size-mtime=", 11))
		return take(&ev->file_id, word);
	if (!strncmp(word, "as=", 3))
		return take(&ev->as, word + 3);
	if (!strncmp(word, "places=", 7))
		ev->stated = strtoul(word + 7, NULL, 10);
	if (!strcmp(word, "no-inlines"))
		ev->no_inlines = true;
	return 0;
}

static void drop_head(struct reader *r)
{
	stored_event_free(&r->head);
	free(r->head_line);
	r->head_line = NULL;
}

/* What is not whole stays for people: as a line of its own it might become whole by accident. */
static int keep_cut(struct reader *r, const char *line)
{
	char *comment;
	int rc;

	r->skipped++;
	if (asprintf(&comment, "# cut off: %s", line) < 0)
		return -ENOMEM;
	rc = keep_line(r, comment);
	free(comment);
	return rc;
}

/* A definition is of the event right below it: it must not become another one's. */
static int lose_head(struct reader *r)
{
	int rc = r->head_line ? keep_cut(r, r->head_line) : 0;

	drop_head(r);
	return rc;
}

static int read_head(struct reader *r, char *s)
{
	int rc = lose_head(r);

	r->open = false;
	while (!rc && *(s += strspn(s, " "))) {
		size_t len = strcspn(s, " ");
		bool more = s[len];

		if (!strncmp(s, "def=", 4))
			return take(&r->head.def, unquote(s + 4));
		s[len] = '\0';
		rc = read_word(&r->head, unquote(s));
		s += len + more;
	}
	return rc;
}

/**
 * struct line - a place as it is written
 * @path:	NUL-terminated, as the other strings
 */
struct line {
	bool retprobe;
	char *group;
	char *event;
	char *path;
	u64 offset;
	u64 semaphore;
	char *args;
};

static bool is_name(const char *s)
{
	return *s && strlen(s) < UPR_EVENT_NAME_MAX && !strpbrk(s, "/:");
}

/* "p[N]:GROUP/EVENT PATH:0xOFFSET[(REF)][%return] [ARGS]"; @s is cut up. */
static bool cut_line(char *s, struct line *ret)
{
	char *end, *name, *slash, *colon;

	if (*s != 'p' && *s != 'r')
		return false;
	ret->retprobe = *s++ == 'r';
	name = s + strspn(s, "0123456789");
	if (*name++ != ':')
		return false;
	end = name + strcspn(name, " \t");
	if (!*end)
		return false;
	*end++ = '\0';
	slash = strchr(name, '/');
	if (!slash)
		return false;
	*slash = '\0';
	ret->group = name;
	ret->event = slash + 1;
	ret->path = end + strspn(end, " \t");
	end = ret->path + strcspn(ret->path, " \t");
	ret->args = *end ? end + 1 : end;
	ret->args += strspn(ret->args, " \t");
	*end = '\0';
	colon = strrchr(ret->path, ':');
	if (!colon || colon == ret->path || strncmp(colon, ":0x", 3))
		return false;
	*colon = '\0';
	ret->offset = strtoull(colon + 1, &end, 16);
	ret->semaphore = *end == '(' ? strtoull(end + 1, NULL, 16) : 0;
	if (!strcmp(end, "%return"))
		ret->retprobe = true;
	return end > colon + 3 && (!*end || *end == '(' || *end == '%') && is_name(ret->group) && is_name(ret->event);
}

/* A further place of the last event, or the first of a new one. */
static struct stored_event *event_of(struct reader *r, const struct line *line)
{
	struct stored_event *ev = r->list->nr ? &r->list->v[r->list->nr - 1] : NULL;

	if (ev && r->open && !strcmp(ev->group, line->group) && !strcmp(ev->event, line->event) &&
	    !strcmp(ev->path, line->path))
		return ev;
	ev = stored_events_add(r->list);
	if (!ev)
		return NULL;
	*ev = r->head;
	r->head = (struct stored_event){0};
	drop_head(r);
	r->open = true;
	ev->kernel = r->kernel;
	ev->above = r->other;
	r->other = NULL;
	strcpy(ev->group, line->group);
	strcpy(ev->event, line->event);
	ev->path = strdup(line->path);
	return ev->path ? ev : NULL;
}

static int read_place(struct reader *r, const struct line *line, bool quoted)
{
	struct stored_event *ev = event_of(r, line);
	struct event_place *place = ev ? stored_event_add_place(ev) : NULL;

	if (!place)
		return -ENOMEM;
	place->quoted = quoted;
	place->retprobe = line->retprobe;
	place->offset = line->offset;
	place->semaphore = line->semaphore;
	return take(&place->args, line->args);
}

static int read_definition(struct reader *r, char *s, const char *line)
{
	int rc = read_head(r, s);

	if (rc)
		return rc;
	if (r->head.file_id || r->head.def)
		return take(&r->head_line, line);
	/* says nothing of an event: a line like any other */
	drop_head(r);
	return keep_line(r, line);
}

static int read_other(struct reader *r, const char *line, bool quoted)
{
	bool bad = *line && *line != '#';
	int rc = bad || quoted ? lose_head(r) : 0;

	r->skipped += bad;
	return rc ? rc : keep_line(r, line);
}

static int read_line(struct reader *r, char *s)
{
	bool quoted = !r->kernel && s[0] == '#' && (s[1] == 'p' || s[1] == 'r');
	char *copy = strdup(s);
	struct line line;
	int rc;

	if (!copy)
		return -ENOMEM;
	if (!strncmp(s, head, strlen(head))) {
		rc = read_definition(r, s + strlen(head), copy);
	} else if (cut_line(s + quoted, &line)) {
		if (quoted) {
			unquote(line.path);
			unquote(line.args);
		}
		rc = read_place(r, &line, quoted);
	} else {
		rc = read_other(r, copy, quoted);
	}
	free(copy);
	return rc;
}

int stored_events_parse(struct stored_events *list, const char *text, bool kernel, size_t *skipped)
{
	struct reader r = {.list = list, .kernel = kernel};
	int rc = 0;

	while (!rc && *text) {
		size_t len = strcspn(text, "\n");
		char *line = strndup(text, len);

		/* without its end it may be anything */
		if (!line)
			rc = -ENOMEM;
		else if (text[len])
			rc = read_line(&r, line);
		else
			rc = lose_head(&r) ?: keep_cut(&r, line);
		free(line);
		text += len + !!text[len];
	}
	/* a definition without a place */
	if (!rc)
		rc = lose_head(&r);
	drop_head(&r);
	free(list->below);
	list->below = r.other;
	if (skipped)
		*skipped = r.skipped;
	return rc;
}

/* --- writing ------------------------------------------------------------------------------- */

bool event_path_is_plain(const char *path)
{
	for (; *path; path++)
		if ((unsigned char)*path <= ' ' || *path == 0x7f)
			return false;
	return true;
}

static void put_place(const struct stored_event *ev, const struct event_place *place, bool quoted, FILE *out)
{
	fprintf(out, "%s%c:%s/%s ", quoted ? "#" : "", place->retprobe ? 'r' : 'p', ev->group, ev->event);
	if (quoted)
		put_quoted(ev->path, false, out);
	else
		fputs(ev->path, out);
	fprintf(out, ":0x%" PRIx64, (uint64_t)place->offset);
	if (place->semaphore)
		fprintf(out, "(0x%" PRIx64 ")", (uint64_t)place->semaphore);
	if (*place->args)
		fputc(' ', out);
	if (quoted)
		put_quoted(place->args, true, out);
	else
		fputs(place->args, out);
}

char *stored_event_line(const struct stored_event *ev, const struct event_place *place)
{
	char *ret = NULL;
	size_t size;
	FILE *out = open_memstream(&ret, &size);

	if (!out)
		return NULL;
	put_place(ev, place, false, out);
	return fclose(out) ? NULL : ret;
}

static void put_event(const struct stored_event *ev, FILE *out)
{
	/* places that got lost are missed until they are found again */
	size_t all = ev->stated ? ev->stated : ev->nr_places, i;

	if (ev->above)
		fputs(ev->above, out);
	if (ev->file_id || ev->def) {
		fprintf(out, "%s ", head);
		put_quoted(ev->file_id ? ev->file_id : "build-id=", false, out);
		if (ev->as) {
			fputs(" as=", out);
			put_quoted(ev->as, false, out);
		}
		if (ev->no_inlines)
			fputs(" no-inlines", out);
		if (all > 1 || all != ev->nr_places)
			fprintf(out, " places=%zu", all);
		if (ev->def) {
			fputs(" def=", out);
			put_quoted(ev->def, true, out);
		}
		fputc('\n', out);
	}
	for (i = 0; i < ev->nr_places; i++) {
		put_place(ev, &ev->places[i], ev->places[i].quoted, out);
		fputc('\n', out);
	}
}

void stored_events_print(const struct stored_events *list, FILE *out)
{
	size_t i;

	for (i = 0; i < list->nr; i++)
		put_event(&list->v[i], out);
	if (list->below)
		fputs(list->below, out);
}
