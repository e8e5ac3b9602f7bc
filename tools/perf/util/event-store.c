// SPDX-License-Identifier: GPL-2.0
/*
 * event-store.c - events defined earlier: -e GROUP:EVENT.
 *
 * Purpose: see event-store.h.  Locks: none.
 */
#include <limits.h>
#include <stdio.h>

#include "event-store.h"

/* A line of uprobe_events. */
struct stored {
	char kind;
	char name[2 * UPR_EVENT_NAME_MAX + 2]; /* group:event */
	char path[PATH_MAX];
	u64 offset;
};

static bool user_store(char *buf, size_t len)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	if (state && *state == '/')
		n = snprintf(buf, len, "%s/perf-uprobe/events", state);
	else if (home && *home)
		n = snprintf(buf, len, "%s/.local/state/perf-uprobe/events", home);
	else
		return false;
	return n > 0 && (size_t)n < len;
}

/* "p:GROUP/EVENT PATH:0xOFFSET[(REF)] [ARGS]" */
static bool parse_line(const char *line, struct stored *ret)
{
	char group[UPR_EVENT_NAME_MAX], event[UPR_EVENT_NAME_MAX], *colon, *end;
	int at = 0;

	if (sscanf(line, " %c%*[0-9]:%63[^/ ]/%63s %n", &ret->kind, group, event, &at) < 3 || !at) {
		at = 0;
		if (sscanf(line, " %c:%63[^/ ]/%63s %n", &ret->kind, group, event, &at) < 3 || !at)
			return false;
	}
	snprintf(ret->name, sizeof(ret->name), "%s:%s", group, event);
	if (sscanf(line + at, "%4095[^ \t\n]", ret->path) != 1)
		return false;
	colon = strrchr(ret->path, ':');
	if (!colon)
		return false;
	*colon = '\0';
	ret->offset = strtoull(colon + 1, &end, 0);
	if (end == colon + 1)
		return false;
	if (!strcmp(end, "%return"))
		ret->kind = 'r';
	return true;
}

static bool known(const struct uprobe_set *set, const char *name)
{
	size_t i;

	for (i = 0; i < set->nr_events; i++)
		if (!strcmp(set->events[i]->name, name))
			return true;
	return false;
}

static int define(struct uprobe_set *set, const struct stored *s, struct upr_error *err)
{
	char text[sizeof(s->name) + 32], *def = text;
	struct upr_elf *elf;
	bool found;
	u64 addr;

	if (s->kind == 'r')
		return upr_error_set(err, UPR_ERR_UNSUPPORTED, ENOTSUP,
				     "%s is a return probe, and those are not available yet", s->name);
	/* a definition names an address */
	elf = upr_elf_open(s->path, err);
	if (!elf)
		return err->code ? -err->code : -EINVAL;
	found = upr_elf_offset_to_addr(elf, s->offset, &addr);
	upr_elf_close(elf);
	if (!found)
		return upr_error_set(err, UPR_ERR_OFFSET, EINVAL,
				     "%s: nothing of %s is loaded from file offset 0x%llx; the file has changed since",
				     s->name, s->path, (unsigned long long)s->offset);
	snprintf(text, sizeof(text), "%s=0x%llx", s->name, (unsigned long long)addr);
	return uprobe_set_define(set, s->path, &def, 1, NULL, 0, err);
}

/* Return: how many of the file's events fitted, or -errno. */
static int define_from(struct uprobe_set *set, const char *path, const char *pattern, struct upr_error *err)
{
	struct stored *s = malloc(sizeof(*s));
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;
	int fits = 0, rc = 0;

	while (s && f && !rc && getline(&line, &cap, f) > 0) {
		if (!parse_line(line, s) || !upr_glob_match(pattern, s->name))
			continue;
		fits++;
		if (!known(set, s->name))
			rc = define(set, s, err);
	}
	free(line);
	if (f)
		fclose(f);
	free(s);
	return rc ? rc : fits;
}

int event_store_define(struct uprobe_set *set, const char *pattern, struct upr_error *err)
{
	static const char *const kernel[] = {
		"/sys/kernel/tracing/uprobe_events",
		"/sys/kernel/debug/tracing/uprobe_events",
	};
	char mine[PATH_MAX] = "";
	int found = 0, rc = 0;
	size_t i;

	if (user_store(mine, sizeof(mine)))
		rc = found = define_from(set, mine, pattern, err);
	for (i = 0; i < ARRAY_SIZE(kernel) && rc >= 0; i++) {
		rc = define_from(set, kernel[i], pattern, err);
		found += rc;
		/* the second path shows the same list */
		if (rc)
			break;
	}
	if (rc < 0)
		return rc;
	if (!found)
		return upr_error_set(err, UPR_ERR_NO_FUNCTION, ENOENT,
				     "no event %s is defined in %s or in the kernel's list (tracefs uprobe_events); "
				     "define one, or name functions by -x FILE FUNCTION",
				     pattern, *mine ? mine : "a store of this user");
	return 0;
}
