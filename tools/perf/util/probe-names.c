// SPDX-License-Identifier: GPL-2.0
/*
 * probe-names.c - names of events that are in use.
 *
 * Purpose: each event of a list has a name of its own within its group.  A wildcard makes tens of
 * thousands of them, so they are found by hash.
 *
 * Locks: none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe-event.h"
#include "probe-resolve.h"
#include "symbol-priv.h"

#define SLOTS_MIN 64u

/* group:event, its hash, whether an event has it, and the suffix to try next for another of the same. */
struct used_name {
	u32 hash;
	u32 next;
	bool used;
	char name[];
};

/* Where @name is, or would be. */
static struct used_name **slot_of(const struct upr_names *names, const char *name, u32 hash)
{
	size_t at = hash & names->mask;
	struct used_name *u;

	for (; (u = names->slots[at]); at = (at + 1) & names->mask)
		if (u->hash == hash && !strcmp(u->name, name))
			break;
	return &names->slots[at];
}

/* Room for @more of them.  Return: false without memory. */
static bool reserve(struct upr_names *names, size_t more)
{
	struct upr_names bigger = {.nr = names->nr};
	size_t size = SLOTS_MIN, i;

	if (names->slots && 2 * (names->nr + more) <= names->mask + 1)
		return true;
	while (size < 2 * (names->nr + more) || size <= names->mask)
		size *= 2;
	bigger.mask = size - 1;
	bigger.slots = calloc(size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (i = 0; names->slots && i <= names->mask; i++)
		if (names->slots[i])
			*slot_of(&bigger, names->slots[i]->name, names->slots[i]->hash) = names->slots[i];
	free(names->slots);
	*names = bigger;
	return true;
}

/* group:event in @buf.  Return: its length. */
static size_t put_name(char buf[2 * UPR_EVENT_NAME_MAX], const char *group, const char *event)
{
	size_t group_len = strlen(group), event_len = strlen(event);

	memcpy(buf, group, group_len);
	buf[group_len] = ':';
	memcpy(buf + group_len + 1, event, event_len + 1);
	return group_len + 1 + event_len;
}

/* Return: the entry of group:event; *fresh: nobody has it.  NULL without memory. */
static struct used_name *use_name(struct upr_event_list *list, const char *group, const char *event, bool *fresh)
{
	char name[2 * UPR_EVENT_NAME_MAX];
	size_t len = put_name(name, group, event);
	u32 hash = upr_hash_name(name, len);
	struct used_name *u, **at;

	if (!reserve(&list->names, 1))
		return NULL;
	at = slot_of(&list->names, name, hash);
	u = *at;
	if (!u) {
		u = arena_alloc(&list->strings, sizeof(*u) + len + 1);
		if (!u)
			return NULL;
		u->hash = hash;
		memcpy(u->name, name, len + 1);
		*at = u;
		list->names.nr++;
	}
	*fresh = !u->used;
	if (*fresh)
		u->next = 1;
	u->used = true;
	return u;
}

void upr_name_expect(const struct upr_event_list *list, const char *group, const char *event)
{
	char name[2 * UPR_EVENT_NAME_MAX];
	size_t len = put_name(name, group, event);

	if (list->names.slots)
		prefetch(&list->names.slots[upr_hash_name(name, len) & list->names.mask]);
}

bool upr_names_reserve(struct upr_event_list *list, size_t more)
{
	return reserve(&list->names, more);
}

const char *upr_name_claim(struct upr_event_list *list, const char *group, char event[UPR_EVENT_NAME_MAX])
{
	char base[UPR_EVENT_NAME_MAX], suffix[16];
	struct used_name *u, *first;
	bool fresh;

	u = first = use_name(list, group, event, &fresh);
	if (u && !fresh)
		memcpy(base, event, sizeof(base));
	while (u && !fresh) {
		int len = snprintf(suffix, sizeof(suffix), "_%u", first->next++);

		snprintf(event, UPR_EVENT_NAME_MAX, "%.*s%s", UPR_EVENT_NAME_MAX - 1 - len, base, suffix);
		u = use_name(list, group, event, &fresh);
	}
	return u ? u->name : NULL;
}

void upr_name_release(struct upr_event_list *list, const char *name)
{
	struct used_name *u = *slot_of(&list->names, name, upr_hash_name(name, strlen(name)));

	if (u)
		u->used = false;
}
