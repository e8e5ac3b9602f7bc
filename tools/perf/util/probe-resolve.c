// SPDX-License-Identifier: GPL-2.0
/*
 * probe-resolve.c - from a definition to named events and their places.
 *
 * Purpose: find the functions that a definition means, make events of them
 * (functions of one name are sites of one event, a wildcard makes one event
 * per name), check that every site is the start of an instruction, and say
 * in one sentence what is wrong when it is not.
 *
 * Locks: none.
 */
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>

#include "fetch.h"
#include "probe-event.h"
#include "probe-resolve.h"
#include "symbol-priv.h"

/* --- names of events --------------------------------------------------- */

bool upr_group_name(const char *path, char buf[UPR_EVENT_NAME_MAX])
{
	const size_t prefix = strlen("probe_");
	const char *base = strrchr(path, '/');
	size_t len = 0;
	bool fits;

	base = base ? base + 1 : path;
	while (isalnum((u8)base[len]) || base[len] == '_')
		len++;
	fits = prefix + len < UPR_EVENT_NAME_MAX;
	len = fits ? len : UPR_EVENT_NAME_MAX - 1 - prefix;
	memcpy(buf, "probe_", prefix);
	memcpy(buf + prefix, base, len);
	buf[prefix + len] = '\0';
	return fits;
}

/* A function's name as an event name: leading dots dropped, cut at '.', '@' or a clone's mark. */
static void event_base_name(const char *symbol, char buf[UPR_EVENT_NAME_MAX])
{
	/* of a hundred thousand names nearly every character is one of these */
	static const bool stays[256] = {['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['_'] = 1};
	static const char clone[] = " [clone ";
	size_t len = 0;

	symbol += strspn(symbol, ".");
	if (isdigit((u8)*symbol))
		buf[len++] = '_';
	for (; len < UPR_EVENT_NAME_MAX - 1; symbol++) {
		if (stays[(u8)*symbol]) {
			buf[len++] = *symbol;
			continue;
		}
		if (!*symbol || *symbol == '.' || *symbol == '@' || !strncmp(symbol, clone, sizeof(clone) - 1))
			break;
		buf[len++] = '_';
	}
	if (!len)
		buf[len++] = '_';
	buf[len] = '\0';
}

/* --- events ------------------------------------------------------------ */

/* What the list's arenas do not have. */
static void event_free(struct upr_event *ev)
{
	u32 i;

	for (i = 0; i < ev->nr_sites; i++)
		fetch_free(ev->sites[i].fetch);
}

void upr_event_list_forget(struct upr_event_list *list)
{
	size_t i;

	for (i = 0; i < list->nr; i++)
		event_free(&list->events[i]);
	free(list->events);
	list->events = NULL;
	list->nr = list->cap = 0;
	arena_free(&list->sites);
}

void upr_event_list_free(struct upr_event_list *list)
{
	upr_event_list_forget(list);
	free(list->names.slots);
	arena_free(&list->strings);
	*list = (struct upr_event_list){0};
}

/* Room for that many and no more: doubling would take half as much again, and move what is there. */
static bool reserve_events(struct upr_event_list *list, size_t more)
{
	struct upr_event *events;

	if (list->cap - list->nr >= more)
		return true;
	events = reallocarray(list->events, list->nr + more, sizeof(*events));
	if (!events)
		return false;
	list->events = events;
	list->cap = list->nr + more;
	return true;
}

/* Take back what was appended since the list had @nr events. */
static void roll_back(struct upr_event_list *list, size_t nr)
{
	while (list->nr > nr) {
		struct upr_event *ev = &list->events[--list->nr];

		upr_name_release(list, ev->name);
		event_free(ev);
	}
}

static const char *event_group(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list)
{
	char group[UPR_EVENT_NAME_MAX];

	if (def->group)
		return arena_strdup(&list->strings, def->group);
	upr_group_name(elf->info.real, group);
	return arena_strdup(&list->strings, group);
}

/* As perf has it, behind names that were given, too; those of events that are kept have it already. */
static void add_return(char event[UPR_EVENT_NAME_MAX])
{
	static const char suffix[] = "__return";
	size_t len = strlen(event), most = UPR_EVENT_NAME_MAX - sizeof(suffix);

	if (len >= sizeof(suffix) - 1 && !strcmp(event + len - (sizeof(suffix) - 1), suffix))
		return;
	strcpy(event + (len < most ? len : most), suffix);
}

struct upr_event *upr_event_add(struct upr_elf *elf, const struct upr_probe_def *def, const char *name,
				struct upr_event_list *list)
{
	const struct upr_event *last;
	char event[UPR_EVENT_NAME_MAX];
	struct upr_event *ev;

	if (def->event)
		snprintf(event, sizeof(event), "%s", def->event);
	else
		event_base_name(name, event);
	if (def->retprobe)
		add_return(event);
	if (!upr_grow(&list->events, list->nr, &list->cap, sizeof(*list->events)))
		return NULL;
	last = list->nr ? &list->events[list->nr - 1] : NULL;
	ev = &list->events[list->nr];
	*ev = (struct upr_event){.elf = elf};
	/* a wildcard makes many events of one definition */
	if (last && (last->elf != elf || strcmp(last->def, def->text)))
		last = NULL;
	ev->def = last ? last->def : arena_strdup(&list->strings, def->text);
	if (last && def->group && strcmp(last->group, def->group))
		last = NULL;
	ev->group = last ? last->group : event_group(elf, def, list);
	if (ev->group && ev->def)
		ev->name = upr_name_claim(list, ev->group, event);
	if (!ev->name)
		return NULL;
	ev->event = ev->name + strlen(ev->group) + 1;
	list->nr++;
	return ev;
}

int upr_event_add_site(struct upr_event_list *list, struct upr_event *ev, const struct upr_func *func,
		       const char *symbol, u64 addr)
{
	struct upr_site *sites = ev->sites, *s;

	/* the room goes up in powers of two */
	if (!(ev->nr_sites & (ev->nr_sites - 1))) {
		sites = arena_alloc(&list->sites, (ev->nr_sites ? 2 * ev->nr_sites : 1) * sizeof(*sites));
		if (!sites)
			return -ENOMEM;
		memcpy(sites, ev->sites ? ev->sites : sites, ev->nr_sites * sizeof(*sites));
		ev->sites = sites;
	}
	s = &sites[ev->nr_sites++];
	*s = (struct upr_site){
		.func = func,
		.symbol = symbol,
		.addr = addr,
		.func_off = func ? addr - func->addr : 0,
		.ifunc = func && func->kind == UPR_SYM_IFUNC && addr == func->addr,
	};
	upr_elf_addr_to_offset(ev->elf, addr, &s->offset);
	return 0;
}

/* --- is it an instruction ---------------------------------------------- */

static int beyond(const struct upr_func *f, const char *symbol, u64 off, const struct upr_boundaries *b,
		  struct upr_error *err)
{
	return upr_error_set(err, UPR_ERR_OFFSET, EINVAL,
			     "offset %llu is beyond the end of %s, which has %llu bytes; its last instruction is %s+%u",
			     (unsigned long long)off, symbol, (unsigned long long)f->size, symbol,
			     b->nr ? b->offs[b->nr - 1] : 0);
}

/* Index of the first proven boundary above @off. */
static size_t first_above(const struct upr_boundaries *b, u64 off)
{
	size_t lo = 0, hi = b->nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (b->offs[mid] <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int not_a_boundary(const char *symbol, u64 off, const struct upr_boundaries *b, struct upr_error *err)
{
	bool unknown = b->state[off] == UPR_PROOF_UNKNOWN;
	size_t above = first_above(b, off);
	char where[512];
	int n = 0;

	if (above)
		n = snprintf(where, sizeof(where), "%s+%u", symbol, b->offs[above - 1]);
	if (above < b->nr && n < (int)sizeof(where))
		snprintf(where + n, sizeof(where) - n, "%s%s+%u", n ? " and " : "", symbol, b->offs[above]);
	if (unknown)
		return upr_error_set(
			err, UPR_ERR_UNPROVABLE, EINVAL,
			"cannot prove that an instruction begins at %s+%llu: there is data or code that overlaps in "
			"this function; the nearest proven places are %s",
			symbol, (unsigned long long)off, where);
	return upr_error_set(err, UPR_ERR_OFFSET, EINVAL,
			     "%s+%llu is inside an instruction; the nearest instructions begin at %s", symbol,
			     (unsigned long long)off, where);
}

/* Offset 0 of a real function needs no proof: it is called there. */
static int check_offset(struct upr_elf *elf, const struct upr_func *f, const char *symbol, u64 off,
			struct upr_error *err)
{
	struct upr_boundaries b;
	int rc = 0;

	if (!off)
		return 0;
	rc = upr_func_boundaries(elf, f, &b, err);
	if (rc)
		return rc;
	if (off >= b.size)
		rc = beyond(f, symbol, off, &b, err);
	else if (b.state[off] != UPR_PROOF_LINEAR && b.state[off] != UPR_PROOF_FLOW)
		rc = not_a_boundary(symbol, off, &b, err);
	upr_boundaries_free(&b);
	return rc;
}

/* A local label may name a table: it must be an instruction of the function around it. */
static int check_label(struct upr_elf *elf, const struct upr_match *m, struct upr_error *err)
{
	const struct upr_func *around;

	if (m->func->kind != UPR_SYM_LABEL || m->func->entry)
		return 0;
	around = upr_elf_func_at(elf, m->func->addr);
	if (!around || around == m->func)
		return 0;
	return check_offset(elf, around, upr_name_pretty(elf, around->names), m->func->addr - around->addr, err);
}

/* --- functions --------------------------------------------------------- */

/* What an event made of a match is called; two functions of one key are sites of one event. */
struct key {
	const char *name;
	const char *version; /* only when it is not the default one */
};

static struct key key_of(struct upr_elf *elf, const struct upr_match *m)
{
	return (struct key){
		.name = upr_name_pretty(elf, m->name),
		.version = m->name->hidden && m->name->version ? m->name->version : "",
	};
}

static u32 hash_key(const struct key *key)
{
	return upr_hash_name(key->name, strlen(key->name)) ^ 31 * upr_hash_name(key->version, strlen(key->version));
}

/* The first match that has the key of match @i. */
static u32 first_of_key(struct upr_elf *elf, const struct upr_matches *matches, u32 *slots, size_t mask, u32 hash,
			u32 i)
{
	struct key key = key_of(elf, &matches->m[i]);
	size_t at = hash & mask;

	for (; slots[at]; at = (at + 1) & mask) {
		struct key other = key_of(elf, &matches->m[slots[at] - 1]);

		if (!strcmp(key.name, other.name) && !strcmp(key.version, other.version))
			return slots[at] - 1;
	}
	slots[at] = i + 1;
	return i;
}

/* A word of memory takes as long to come as that many of them. */
#define KEYS_AHEAD 8

/* first[i]: the first match that has the key of matches->m[i].  Return: NULL without memory. */
static u32 *group_matches(struct upr_elf *elf, const struct upr_matches *matches)
{
	u32 *first = calloc(matches->nr, sizeof(*first)), *slots, i;
	size_t size = 64;

	while (size < 2 * matches->nr)
		size *= 2;
	slots = calloc(size, sizeof(*slots));
	if (!first || !slots) {
		free(first);
		first = NULL;
		goto out;
	}
	for (i = 0; i < matches->nr; i++) {
		struct key key = key_of(elf, &matches->m[i]);

		first[i] = hash_key(&key);
	}
	for (i = 0; i < matches->nr; i++) {
		if (i + KEYS_AHEAD < matches->nr)
			prefetch(&slots[first[i + KEYS_AHEAD] & (size - 1)]);
		first[i] = first_of_key(elf, matches, slots, size - 1, first[i], i);
	}
out:
	free(slots);
	return first;
}

static int add_function_site(struct upr_elf *elf, struct upr_event_list *list, struct upr_event *ev,
			     const struct upr_match *m, u64 off, struct upr_error *err)
{
	const char *symbol = upr_name_pretty(elf, m->name);
	int rc = check_offset(elf, m->func, symbol, off, err);

	if (!rc)
		rc = check_label(elf, m, err);
	if (rc)
		return rc;
	return upr_event_add_site(list, ev, m->func, symbol, m->func->addr + off) ? upr_error_nomem(err) : 0;
}

static void expect_event(struct upr_elf *elf, const struct upr_match *m, const struct upr_event_list *list)
{
	char event[UPR_EVENT_NAME_MAX];

	event_base_name(upr_name_base(elf, m->name), event);
	upr_name_expect(list, list->events[list->nr - 1].group, event);
}

/* One event per name. */
static int add_wildcard_events(struct upr_elf *elf, const struct upr_probe_def *def, const struct upr_matches *matches,
			       struct upr_event_list *list, struct upr_error *err)
{
	u32 *first = group_matches(elf, matches);
	size_t *event_of = calloc(matches->nr, sizeof(*event_of)), i;
	bool memory = first && event_of && upr_names_reserve(list, matches->nr) && reserve_events(list, matches->nr);
	int rc = memory ? 0 : upr_error_nomem(err);

	for (i = 0; i < matches->nr && !rc; i++) {
		if (first[i] == i) {
			event_of[i] = list->nr;
			if (!upr_event_add(elf, def, upr_name_base(elf, matches->m[i].name), list))
				rc = upr_error_nomem(err);
			else if (i + 1 < matches->nr && first[i + 1] == i + 1)
				expect_event(elf, &matches->m[i + 1], list);
		}
		if (!rc)
			rc = add_function_site(elf, list, &list->events[event_of[first[i]]], &matches->m[i],
					       def->offset, err);
	}
	free(event_of);
	free(first);
	return rc;
}

/* What to call the event of an exact name: as typed, but without parameters. */
static const char *asked_name(struct upr_elf *elf, const char *typed, const struct upr_match *m)
{
	return strchr(typed, '(') || strchr(typed, ' ') ? upr_name_base(elf, m->name) : typed;
}

/* All functions of the name are sites of one event. */
static int add_named_event(struct upr_elf *elf, const struct upr_probe_def *def, const char *typed, u64 off,
			   const struct upr_matches *matches, struct upr_event_list *list, struct upr_error *err)
{
	struct upr_event *ev = upr_event_add(elf, def, asked_name(elf, typed, &matches->m[0]), list);
	size_t i;
	int rc = ev ? 0 : upr_error_nomem(err);

	for (i = 0; i < matches->nr && !rc; i++)
		rc = add_function_site(elf, list, ev, &matches->m[i], off, err);
	/* who asks for an instruction means that one */
	return rc || def->has_offset || def->retprobe ? rc : upr_add_inlined(elf, def, list, ev, err);
}

static int no_function(struct upr_elf *elf, const char *name, struct upr_error *err)
{
	const char *file = elf->info.name, *near, *lacks = upr_elf_lacks(elf);
	size_t nr;

	if (lacks)
		return upr_error_set(err, UPR_ERR_NO_FUNCTION, ENOENT, "no function %s in %s, but %s", name, file,
				     lacks);
	upr_elf_funcs(elf, &nr, NULL);
	if (!nr)
		return upr_error_set(
			err, UPR_ERR_NO_FUNCTION, ENOENT,
			"no function %s in %s: the file has no symbols and no unwind table; give an address (0x...) or "
			"install its debug file",
			name, file);
	near = upr_elf_nearest(elf, name);
	if (near)
		return upr_error_set(err, UPR_ERR_NO_FUNCTION, ENOENT, "no function %s in %s; the nearest name is %s",
				     name, file, near);
	return upr_error_set(err, UPR_ERR_NO_FUNCTION, ENOENT,
			     "no function %s in %s, and none of its %zu functions has a similar name", name, file, nr);
}

/* FUNC@WHAT of which there is none: a version that does not exist, or a source file. */
static int no_function_at(struct upr_elf *elf, const struct upr_probe_def *def, const char *name,
			  struct upr_event_list *list, struct upr_error *err)
{
	struct upr_matches matches;
	char versions[256];
	int rc;

	rc = upr_elf_find(elf, def->func, &matches, err);
	if (rc)
		return rc;
	upr_elf_versions(elf, def->func, versions, sizeof(versions));
	if (*versions)
		rc = upr_error_set(err, UPR_ERR_NO_FUNCTION, ENOENT, "no function %s in %s; its versions are %s", name,
				   elf->info.name, versions);
	else if (matches.nr)
		rc = upr_resolve_by_info(elf, def, list, err);
	else
		rc = no_function(elf, def->func, err);
	upr_matches_free(&matches);
	return rc;
}

/* It may have been inlined wherever it is called. */
static int no_symbol(struct upr_elf *elf, const struct upr_probe_def *def, const char *name,
		     struct upr_event_list *list, struct upr_error *err)
{
	struct upr_probe_def bare = *def;
	struct upr_error why = {0};
	size_t before = list->nr;
	bool found;

	if (!upr_resolve_by_info(elf, def, list, &why))
		return 0;
	roll_back(list, before);
	/* is it the function that is not there, or what is asked of it? */
	bare.nr_args = 0;
	found = def->nr_args && !upr_resolve_by_info(elf, &bare, list, NULL);
	roll_back(list, before);
	if (!found)
		return no_function(elf, name, err);
	if (err)
		*err = why;
	return -ENOENT;
}

static int resolve_function(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list,
			    struct upr_error *err)
{
	struct upr_matches matches = {0};
	char name[1024];
	int rc;

	snprintf(name, sizeof(name), "%s%s%s", def->func, def->source ? "@" : "", def->source ? def->source : "");
	rc = upr_elf_find(elf, name, &matches, err);
	if (rc)
		return rc;
	if (matches.nr) {
		rc = add_named_event(elf, def, name, def->offset, &matches, list, err);
	} else if (def->glob) {
		rc = upr_elf_match(elf, name, &matches, err);
		if (!rc && !matches.nr)
			rc = upr_error_set(err, UPR_ERR_NO_FUNCTION, ENOENT, "no function in %s matches '%s'",
					   elf->info.name, name);
		if (!rc)
			rc = add_wildcard_events(elf, def, &matches, list, err);
	} else {
		rc = def->source ? no_function_at(elf, def, name, list, err) : no_symbol(elf, def, name, list, err);
	}
	upr_matches_free(&matches);
	return rc;
}

/* --- addresses --------------------------------------------------------- */

static int no_code_at(struct upr_elf *elf, u64 value, struct upr_error *err)
{
	char spans[256] = "";
	size_t i, n = 0;

	for (i = 0; i < elf->nr_segs && n < sizeof(spans); i++) {
		const struct upr_segment *s = &elf->segs[i];

		if (s->exec)
			n += snprintf(spans + n, sizeof(spans) - n, "%s0x%llx-0x%llx", n ? ", " : "",
				      (unsigned long long)s->vaddr, (unsigned long long)(s->vaddr + s->filesz - 1));
	}
	return upr_error_set(err, UPR_ERR_OFFSET, EINVAL,
			     "0x%llx is neither an address nor a file offset of code in %s; its code is at %s",
			     (unsigned long long)value, elf->info.name, spans);
}

/* An address outside of all functions: the whole gap must read as code, or control flow must lead there. */
static int check_gap(struct upr_elf *elf, u64 addr, struct upr_error *err)
{
	struct upr_boundaries b;
	struct upr_func gap;
	u64 off;
	int rc;

	if (!upr_code_gap(elf, addr, &gap))
		return 0;
	rc = upr_func_boundaries(elf, &gap, &b, err);
	if (rc)
		return rc;
	off = addr - gap.addr;
	if (off >= b.size || b.state[off] == UPR_PROOF_UNKNOWN) {
		rc = upr_error_set(
			err, UPR_ERR_UNPROVABLE, EINVAL,
			"cannot prove that an instruction begins there: no symbol or unwind entry of %s covers it, "
			"and the bytes from 0x%llx on do not read as code throughout",
			elf->info.name, (unsigned long long)gap.addr);
	} else if (b.state[off] == UPR_PROOF_NO) {
		size_t above = first_above(&b, off);

		rc = upr_error_set(err, UPR_ERR_OFFSET, EINVAL,
				   "inside an instruction; the nearest instructions begin at 0x%llx and 0x%llx",
				   (unsigned long long)(gap.addr + b.offs[above ? above - 1 : 0]),
				   (unsigned long long)(gap.addr + (above < b.nr ? b.offs[above] : gap.size)));
	}
	upr_boundaries_free(&b);
	return rc;
}

int upr_check_boundary(struct upr_elf *elf, u64 addr, const struct upr_func **func, struct upr_error *err)
{
	const struct upr_func *f = upr_elf_func_at(elf, addr);

	*func = f;
	return f ? check_offset(elf, f, upr_name_pretty(elf, f->names), addr - f->addr, err) :
		   check_gap(elf, addr, err);
}

static int resolve_address(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list,
			   struct upr_error *err)
{
	u64 addr = def->addr, offset = 0;
	const struct upr_func *f;
	struct upr_error why;
	struct upr_event *ev;
	char name[32], note[512] = "";
	int rc;

	if (!upr_elf_is_text(elf, addr) &&
	    (!upr_elf_offset_to_addr(elf, def->addr, &addr) || !upr_elf_is_text(elf, addr)))
		return no_code_at(elf, def->addr, err);
	rc = upr_check_boundary(elf, addr, &f, &why);
	if (rc)
		return upr_error_set(err, why.kind, why.code, "0x%llx: %s", (unsigned long long)def->addr, why.text);
	snprintf(name, sizeof(name), "abs_%llx", (unsigned long long)def->addr);
	ev = upr_event_add(elf, def, name, list);
	if (!ev || upr_event_add_site(list, ev, f, f ? upr_name_pretty(elf, f->names) : NULL, addr))
		return upr_error_nomem(err);
	upr_elf_addr_to_offset(elf, addr, &offset);
	if (addr != def->addr)
		snprintf(note, sizeof(note),
			 "0x%llx is no address of code in %s and was taken as a file offset (address 0x%llx)",
			 (unsigned long long)def->addr, elf->info.name, (unsigned long long)addr);
	else if (offset != addr)
		snprintf(note, sizeof(note), "0x%llx was taken as an address in %s (file offset 0x%llx)",
			 (unsigned long long)addr, elf->info.name, (unsigned long long)offset);
	ev->note = *note ? arena_strdup(&list->strings, note) : NULL;
	return 0;
}

/* --- whole definitions ------------------------------------------------- */

/* A name with blanks or parameters may be meant whole: "operator new(unsigned long)". */
static int resolve_whole(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list, bool *done,
			 struct upr_error *err)
{
	struct upr_matches matches;
	int rc;

	*done = false;
	if (def->sdt || !def->raw || !strpbrk(def->raw, "( <{["))
		return 0;
	rc = upr_elf_find(elf, def->raw, &matches, err);
	if (rc || !matches.nr)
		return rc;
	*done = true;
	rc = add_named_event(elf, def, def->raw, 0, &matches, list, err);
	upr_matches_free(&matches);
	return rc;
}

static int resolve_place(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list,
			 struct upr_error *err)
{
	size_t first = list->nr;
	bool variables = false;
	int rc = fetch_check(def->args, def->nr_args, &variables, err);

	if (rc)
		return rc;
	if (def->sdt)
		return upr_resolve_sdt(elf, def, list, err);
	if (def->retprobe && (def->line || def->lazy || def->offset || !(def->func || def->is_addr)))
		return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL, "'%s': a function returns, not a place in it",
				     def->text);
	if (def->line || def->lazy || !(def->func || def->is_addr))
		return upr_resolve_by_info(elf, def, list, err);
	rc = def->is_addr ? resolve_address(elf, def, list, err) : resolve_function(elf, def, list, err);
	if (!rc && def->retprobe)
		rc = upr_resolve_returns(elf, list, first, err);
	return rc || !def->nr_args ? rc : upr_resolve_args(elf, def, variables, list, first, err);
}

int upr_resolve_def(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list,
		    struct upr_error *err)
{
	size_t before = list->nr;
	bool done = false;
	int rc;

	rc = resolve_whole(elf, def, list, &done, err);
	if (!rc && !done) {
		rc = resolve_place(elf, def, list, err);
	}
	if (rc)
		roll_back(list, before);
	return rc;
}

int upr_resolve(struct upr_elf *elf, const char *text, struct upr_event_list *list, struct upr_error *err)
{
	struct upr_probe_def def;
	int rc = upr_probe_def_parse(&def, text, err);

	if (rc)
		return rc;
	rc = upr_resolve_def(elf, &def, list, err);
	upr_probe_def_free(&def);
	return rc;
}
