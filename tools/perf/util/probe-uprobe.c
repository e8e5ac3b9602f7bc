// SPDX-License-Identifier: GPL-2.0
/*
 * probe-uprobe.c - from definitions to counting probes of the engine.
 *
 * Purpose: see probe-uprobe.h.
 * Locks: none here; upr_register() takes the session's.
 */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "code-map.h"
#include "fetch.h"
#include "ifunc.h"
#include "probe-resolve.h"
#include "probe-uprobe.h"
#include "ui.h"

/**
 * struct uprobe_wanted - what is to be counted in a file, and in others of its name when they are met
 * @text:	a definition
 * @event:	all that it means are places of this one; NULL: it makes events of its own
 * @here:	it means the file that it was given for, not what another build has at that address
 * @semaphore:	see struct uprobe_place
 */
struct uprobe_wanted {
	char *text;
	struct uprobe_event *event;
	bool here;
	u64 semaphore;
};

/**
 * struct uprobe_spec - a file as the user named it, and what is to be counted in it
 * @name:	as given
 * @real:	absolute path of what it means here; what a process calls by this name is meant as well
 * @library:	looked up by name: any file of that name is meant
 * @images:	the files that it turned out to be
 */
struct uprobe_spec {
	char *name;
	char *real;
	bool library;
	struct uprobe_wanted **wanted;
	size_t nr_wanted;
	struct uprobe_image **images;
	size_t nr_images;
};

bool uprobe_array_add(void *array, size_t *nr, void *item)
{
	void ***at = array, **p = *at;

	/* the size goes up in powers of two */
	if (!(*nr & (*nr - 1))) {
		p = realloc(p, (*nr ? 2 * *nr : 1) * sizeof(*p));
		if (!p)
			return false;
		*at = p;
	}
	p[(*nr)++] = item;
	return true;
}

static bool same_key(struct upr_file_key a, struct upr_file_key b)
{
	return a.dev == b.dev && a.ino == b.ino;
}

/* --- sites -------------------------------------------------------------- */

static const char *refusal(const u8 *code, size_t len, enum upr_insn_mode mode, int error)
{
	static struct upr_xol xol;

	if (error == -ENOMEM)
		return "out of memory";
	if (error == -EBUSY)
		return "the file was changed while it is in use";
	if (upr_xol_analyze(&xol, code, len, mode, 0) && xol.reason)
		return xol.reason;
	return error == -EINVAL ? "not an instruction" : "this instruction cannot be executed out of place";
}

/* What a jump must know: nothing, where nobody asks for jumps or nothing can be proven. */
static void find_facts(struct uprobe_set *set, const struct uprobe_site *site, const u8 *code, u64 avail,
		       struct upr_facts *ret)
{
	struct upr_elf *elf = site->image->elf;
	struct code_map *map = NULL;

	if (set->jumps && !upr_elf_info(elf)->mode32)
		map = code_map_get(elf, set->no_cache, NULL);
	if (map) {
		code_map_facts(map, site->addr, ret);
		return;
	}
	*ret = (struct upr_facts){.len = (u8)min(avail, (u64)UPR_SITE_CODE)};
	memcpy(ret->code, code, ret->len);
}

static void site_register(struct uprobe_set *set, struct uprobe_site *site)
{
	enum upr_insn_mode mode = upr_elf_info(site->image->elf)->mode32 ? UPR_INSN_32 : UPR_INSN_64;
	struct upr_facts facts;
	const u8 *code;
	u64 avail;
	int rc;

	code = upr_elf_bytes(site->image->elf, site->addr, &avail);
	if (!code || !upr_elf_addr_to_offset(site->image->elf, site->addr, &site->offset)) {
		site->refused = "the file has no bytes there";
		return;
	}
	find_facts(set, site, code, avail, &facts);
	rc = upr_register_facts(set->session, site->image->key, site->offset, &facts, mode, &site->consumer,
				&site->probe);
	if (!rc)
		return;
	site->probe = NULL;
	site->refused = refusal(code, min(avail, (u64)UPR_INSN_MAX), mode, rc);
}

static void site_hit(struct upr_consumer *consumer, struct utrace_task *task, u64 addr)
{
	struct uprobe_site *site = consumer->data;
	struct uprobe_set *set = site->event->set;

	set->hit(site, task, addr, set->data);
}

static void site_unhit(struct upr_consumer *consumer, struct utrace_task *task, u64 addr)
{
	struct uprobe_site *site = consumer->data;
	struct uprobe_set *set = site->event->set;

	set->unhit(site, task, addr, set->data);
}

/* The room for them goes up in powers of two. */
static bool add_site(struct uprobe_set *set, struct uprobe_event *event, struct uprobe_site *site)
{
	struct uprobe_site **sites = event->sites;
	size_t nr = event->nr_sites;

	if (!(nr & (nr - 1))) {
		sites = arena_alloc(&set->arena, (nr ? 2 * nr : 1) * sizeof(*sites));
		if (!sites)
			return false;
		memcpy(sites, nr ? event->sites : sites, nr * sizeof(*sites));
		event->sites = sites;
	}
	sites[event->nr_sites++] = site;
	return true;
}

struct uprobe_site *uprobe_site_new(struct uprobe_set *set, struct uprobe_event *event, struct uprobe_image *image,
				    const struct upr_site *at, struct fetch *fetch)
{
	struct uprobe_site *site = arena_alloc(&set->arena, sizeof(*site));

	if (!site || !add_site(set, event, site)) {
		fetch_free(fetch);
		return NULL;
	}
	site->event = event;
	site->image = image;
	site->addr = at->addr;
	site->symbol = at->symbol;
	site->func_off = at->func_off;
	site->fetch = fetch;
	site->chosen = true;
	site->consumer.data = site;
	site->consumer.semaphore = at->semaphore ? (s64)(at->semaphore - at->addr) : 0;
	if (set->hit) {
		site->consumer.hit = site_hit;
		site->consumer.unhit = site_unhit;
	}
	site->kind = at->kind;
	if (at->refused)
		site->refused = arena_strdup(&set->arena, at->refused);
	else
		site_register(set, site);
	return site;
}

/* --- events ------------------------------------------------------------- */

static struct uprobe_event *event_find(struct uprobe_set *set, const struct uprobe_spec *spec, const char *name)
{
	size_t i;

	for (i = 0; i < set->nr_events; i++)
		if (set->events[i]->spec == spec && !strcmp(set->events[i]->name, name))
			return set->events[i];
	return NULL;
}

/*
 * A wildcard's event is called after one function only when there is one.  Names live as long as
 * the file that they come from; @stays: and as long as the list that @from is in.
 */
static struct uprobe_event *event_new(struct uprobe_set *set, struct uprobe_spec *spec, const struct upr_event *from,
				      bool stays)
{
	struct uprobe_event *event = arena_alloc(&set->arena, sizeof(*event));

	if (!event)
		return NULL;
	event->name = stays ? from->name : arena_strdup(&set->arena, from->name);
	event->def = stays ? from->def : arena_strdup(&set->arena, from->def);
	event->symbol = from->sites[0].symbol;
	event->spec = spec;
	event->set = set;
	if (!event->name || !event->def || !uprobe_array_add(&set->events, &set->nr_events, event))
		return NULL;
	return event;
}

/* An address is meant literally, even if an IFUNC's resolver begins there. */
static bool names_address(const char *def)
{
	const char *equals = strchr(def, '=');

	def = equals ? equals + 1 : def;
	return def[0] == '0' && (def[1] == 'x' || def[1] == 'X');
}

static int add_sites(struct uprobe_set *set, struct uprobe_event *event, struct uprobe_image *image,
		     struct upr_event *from)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < from->nr_sites && !rc; i++) {
		struct upr_site *s = &from->sites[i];
		struct fetch *fetch = s->fetch;

		if (s->ifunc && !names_address(from->def)) {
			rc = ifunc_watch(set, event, image, s->func, s->symbol);
			continue;
		}
		s->fetch = NULL;
		if (!uprobe_site_new(set, event, image, s, fetch))
			rc = -ENOMEM;
	}
	return rc;
}

/* New ones, or further sites of those that the same name has already. */
static int add_events(struct uprobe_set *set, struct uprobe_spec *spec, struct uprobe_image *image,
		      const struct upr_event_list *list, bool fresh)
{
	size_t i;

	for (i = 0; i < list->nr; i++) {
		struct upr_event *from = &list->events[i];
		struct uprobe_event *event = fresh ? NULL : event_find(set, spec, from->name);

		if (!event)
			event = event_new(set, spec, from, fresh);
		if (!event || add_sites(set, event, image, from))
			return -ENOMEM;
		if (fresh && from->note)
			ui_note("%s: %s", event->name, from->note);
		ui_progress("Preparing probes", i, list->nr);
	}
	return 0;
}

/* A definition that names one function is not fulfilled by a place that cannot be probed. */
static int check_refused(struct uprobe_set *set, size_t first, struct upr_error *err)
{
	struct uprobe_event *event = set->nr_events > first ? set->events[first] : NULL;
	const struct uprobe_site *site;
	char at[512];

	if (set->nr_events != first + 1 || event->nr_sites != 1 || !event->sites[0]->refused)
		return 0;
	site = event->sites[0];
	if (site->symbol && site->func_off)
		snprintf(at, sizeof(at), "%s+%llu", site->symbol, (unsigned long long)site->func_off);
	else if (site->symbol)
		snprintf(at, sizeof(at), "%s", site->symbol);
	else
		snprintf(at, sizeof(at), "0x%llx", (unsigned long long)site->addr);
	return upr_error_set(err, UPR_ERR_UNSUPPORTED, EOPNOTSUPP,
			     "cannot probe %s in %s: %s; probe another instruction", at, site->image->path,
			     site->refused);
}

/* --- images ------------------------------------------------------------- */

static struct uprobe_image *image_find(struct uprobe_set *set, struct upr_file_key key)
{
	size_t i;

	for (i = 0; i < set->nr_images; i++)
		if (same_key(set->images[i]->key, key))
			return set->images[i];
	return NULL;
}

static bool spec_has(const struct uprobe_spec *spec, const struct uprobe_image *image)
{
	size_t i;

	for (i = 0; i < spec->nr_images; i++)
		if (spec->images[i] == image)
			return true;
	return false;
}

static struct uprobe_image *image_open(struct uprobe_set *set, const char *open_path, const char *path,
				       struct upr_file_key key, struct upr_error *err)
{
	struct upr_elf_options opts = {.name = path};
	struct uprobe_image *image = calloc(1, sizeof(*image));

	if (!image) {
		upr_error_nomem(err);
		return NULL;
	}
	image->key = key;
	image->path = strdup(path);
	image->elf = upr_elf_open_opts(open_path, strcmp(open_path, path) ? &opts : NULL, err);
	if (!image->elf)
		goto fail;
	if (image->path && uprobe_array_add(&set->images, &set->nr_images, image))
		return image;
	upr_elf_close(image->elf);
	upr_error_nomem(err);
fail:
	free(image->path);
	free(image);
	return NULL;
}

/* --- names of files ------------------------------------------------------ */

static struct uprobe_spec *spec_get(struct uprobe_set *set, const char *name)
{
	struct uprobe_spec *spec;
	size_t i;

	for (i = 0; i < set->nr_specs; i++)
		if (!strcmp(set->specs[i]->name, name))
			return set->specs[i];
	spec = calloc(1, sizeof(*spec));
	if (!spec)
		return NULL;
	spec->name = strdup(name);
	if (spec->name && uprobe_array_add(&set->specs, &set->nr_specs, spec))
		return spec;
	free(spec->name);
	free(spec);
	return NULL;
}

/* A bare name, or a path that only the process knows, found among the mappings of one of them. */
static bool find_in_processes(const char *name, const int *pids, size_t nr_pids, struct upr_mapped_file *ret)
{
	bool path = strchr(name, '/');
	size_t i;

	if (path && (*name != '/' || !access(name, F_OK)))
		return false;
	for (i = 0; i < nr_pids; i++)
		if (!upr_lib_find_in_maps(pids[i], name, ret, NULL))
			return true;
	return false;
}

/* The file that a spec means before any process is looked at. */
static struct uprobe_image *first_image(struct uprobe_set *set, struct uprobe_spec *spec, const int *pids,
					size_t nr_pids, struct upr_error *err)
{
	struct upr_mapped_file mapped = {0};
	struct uprobe_image *image = NULL;
	char *path = NULL, *open_path;
	struct upr_file_key key;
	int rc;

	if (find_in_processes(spec->name, pids, nr_pids, &mapped)) {
		path = strdup(mapped.path);
		open_path = mapped.open_path;
		spec->library = true;
	} else {
		if (upr_elf_file_find(spec->name, &path, err))
			return NULL;
		open_path = path;
		/* found under another name: looked up */
		spec->library = path && strcmp(path, spec->name);
	}
	if (!path) {
		upr_error_nomem(err);
		goto out;
	}
	spec->real = realpath(path, NULL);
	rc = upr_home_file_key(open_path, &key);
	image = rc ? NULL : image_find(set, key);
	/* opening explains what is wrong better than a key could */
	if (!image && !rc)
		image = image_open(set, open_path, path, key, err);
	else if (rc) {
		struct upr_elf *elf = upr_elf_open(open_path, err);

		if (elf)
			upr_error_set(err, UPR_ERR_SYSTEM, -rc, "cannot map %s: %s", path, strerror(-rc));
		upr_elf_close(elf);
	}
out:
	upr_mapped_file_free(&mapped);
	free(path);
	return image;
}

static struct uprobe_wanted *want(struct uprobe_spec *spec, const char *text)
{
	struct uprobe_wanted *wanted = calloc(1, sizeof(*wanted));

	if (!wanted)
		return NULL;
	wanted->text = strdup(text);
	if (wanted->text && uprobe_array_add(&spec->wanted, &spec->nr_wanted, wanted))
		return wanted;
	free(wanted->text);
	free(wanted);
	return NULL;
}

static int define_one(struct uprobe_set *set, struct uprobe_spec *spec, const char *def, struct upr_error *err)
{
	size_t first_event = set->nr_events;
	int rc;

	if (!want(spec, def))
		return upr_error_nomem(err);
	rc = upr_resolve(spec->images[0]->elf, def, &set->names, err);
	if (rc)
		return rc;
	rc = add_events(set, spec, spec->images[0], &set->names, true);
	/* room for what arming takes */
	upr_event_list_forget(&set->names);
	return rc ? upr_error_nomem(err) : check_refused(set, first_event, err);
}

/* The file that a spec means, opened.  NULL with @err. */
static struct uprobe_spec *spec_open(struct uprobe_set *set, const char *name, const int *pids, size_t nr_pids,
				     struct upr_error *err)
{
	struct uprobe_spec *spec = spec_get(set, name);
	struct uprobe_image *image;

	if (!spec)
		upr_error_nomem(err);
	if (!spec || spec->nr_images)
		return spec;
	image = first_image(set, spec, pids, nr_pids, err);
	if (!image)
		return NULL;
	if (uprobe_array_add(&spec->images, &spec->nr_images, image))
		return spec;
	upr_error_nomem(err);
	return NULL;
}

int uprobe_set_define(struct uprobe_set *set, const char *name, char *const *defs, size_t nr, const int *pids,
		      size_t nr_pids, struct upr_error *err)
{
	struct uprobe_spec *spec = spec_open(set, name, pids, nr_pids, err);
	size_t i;
	int rc = 0;

	if (!spec)
		return err->code ? -err->code : -EINVAL;
	upr_batch_begin(set->session);
	for (i = 0; i < nr && !rc; i++)
		rc = define_one(set, spec, defs[i], err);
	upr_batch_end(set->session);
	ui_progress_end();
	return rc;
}

/* --- one event of many places ------------------------------------------- */

/* Whatever @wanted means in a file becomes places of its event. */
static int add_places(struct uprobe_set *set, struct uprobe_image *image, const struct uprobe_wanted *wanted,
		      struct upr_error *err)
{
	struct upr_event_list list = {0};
	int rc = upr_resolve(image->elf, wanted->text, &list, err);
	size_t i;
	u32 k;

	for (i = 0; i < list.nr && !rc; i++) {
		struct upr_event *from = &list.events[i];

		for (k = 0; k < from->nr_sites && wanted->semaphore; k++)
			from->sites[k].semaphore = wanted->semaphore;
		if (!wanted->event->symbol)
			wanted->event->symbol = from->sites[0].symbol;
		if (add_sites(set, wanted->event, image, from))
			rc = upr_error_nomem(err);
	}
	upr_event_list_free(&list);
	return rc;
}

static struct uprobe_event *event_named(struct uprobe_set *set, struct uprobe_spec *spec, const char *group,
					const char *event, const char *def)
{
	static struct upr_site nowhere;
	struct upr_event from = {.def = def, .sites = &nowhere};
	char name[UPR_EVENT_NAME_MAX];

	snprintf(name, sizeof(name), "%s", event);
	from.name = upr_name_claim(&set->names, group, name);
	return from.name ? event_new(set, spec, &from, false) : NULL;
}

/* Under its own name, which no word in it can be taken for. */
static struct uprobe_wanted *want_place(struct uprobe_spec *spec, const char *group, const char *event,
					const struct uprobe_place *place)
{
	struct uprobe_wanted *wanted;
	char *text;

	if (asprintf(&text, "%s:%s=%s", group, event, place->def) < 0)
		return NULL;
	wanted = want(spec, text);
	free(text);
	if (!wanted)
		return NULL;
	wanted->here = place->here;
	wanted->semaphore = place->semaphore;
	return wanted;
}

int uprobe_set_define_places(struct uprobe_set *set, const char *name, const char *group, const char *event,
			     const struct uprobe_place *places, size_t nr, struct upr_error *err)
{
	struct uprobe_spec *spec = spec_open(set, name, NULL, 0, err);
	size_t first_event = set->nr_events, i;
	struct uprobe_event *all = NULL;
	int rc = 0;

	if (!spec)
		return err->code ? -err->code : -EINVAL;
	upr_batch_begin(set->session);
	for (i = 0; i < nr && !rc; i++) {
		struct uprobe_wanted *wanted = want_place(spec, group, event, &places[i]);

		if (wanted && !all)
			all = event_named(set, spec, group, event, wanted->text);
		if (wanted)
			wanted->event = all;
		rc = wanted && all ? add_places(set, spec->images[0], wanted, err) : upr_error_nomem(err);
	}
	upr_batch_end(set->session);
	return rc ? rc : check_refused(set, first_event, err);
}

/* --- files met in processes ---------------------------------------------- */

static bool spec_means(const struct uprobe_spec *spec, const char *path)
{
	static const char gone[] = " (deleted)";
	const char *base = strrchr(path, '/');
	size_t len = strlen(path), cut = sizeof(gone) - 1;

	if (spec->library && !strchr(spec->name, '/'))
		return base && upr_lib_name_fits(spec->name, base + 1);
	if (len > cut && !strcmp(path + len - cut, gone))
		len -= cut;
	return (spec->real && strlen(spec->real) == len && !memcmp(spec->real, path, len)) ||
	       (strlen(spec->name) == len && !memcmp(spec->name, path, len));
}

static bool same_build(const struct uprobe_image *a, const struct uprobe_image *b)
{
	const struct upr_elf_info *x = upr_elf_info(a->elf), *y = upr_elf_info(b->elf);

	return x->build_id_len && x->build_id_len == y->build_id_len &&
	       !memcmp(x->build_id, y->build_id, x->build_id_len);
}

/* Events of its own go to @list, places to the event that they are of. */
static int resolve_again(struct uprobe_set *set, struct uprobe_spec *spec, const struct uprobe_wanted *wanted,
			 struct uprobe_image *image, struct upr_event_list *list, struct upr_error *err)
{
	if (!wanted->event)
		return upr_resolve(image->elf, wanted->text, list, err);
	if (wanted->here && !same_build(image, spec->images[0]))
		return upr_error_set(err, UPR_ERR_OFFSET, EINVAL, "it is an address in another build");
	return add_places(set, image, wanted, err);
}

/* The same definitions in another file of the name. */
static void define_again(struct uprobe_set *set, struct uprobe_spec *spec, struct uprobe_image *image, int pid)
{
	struct upr_event_list list = {0};
	struct upr_error err = {0};
	size_t i;

	for (i = 0; i < spec->nr_wanted; i++)
		if (resolve_again(set, spec, spec->wanted[i], image, &list, &err))
			ui_note("process %d uses another %s (%s), where '%s' is not counted: %s", pid, spec->name,
				image->path, spec->wanted[i]->text, err.text);
	if (add_events(set, spec, image, &list, false))
		ui_note("process %d: out of memory for the probes in %s", pid, image->path);
	upr_event_list_free(&list);
}

static void spec_met(struct uprobe_set *set, struct uprobe_spec *spec, int pid, const char *path, const char *open_path,
		     struct upr_file_key key)
{
	struct uprobe_image *image = image_find(set, key);
	struct upr_error err = {0};

	if (image && spec_has(spec, image))
		return;
	if (!image)
		image = image_open(set, open_path, path, key, &err);
	if (!image || !uprobe_array_add(&spec->images, &spec->nr_images, image)) {
		ui_note("process %d uses another %s (%s), which is not counted: %s", pid, spec->name, path, err.text);
		return;
	}
	image->mapped = true;
	ui_debug("process %d uses another %s: %s", pid, spec->name, path);
	upr_batch_begin(set->session);
	define_again(set, spec, image, pid);
	upr_batch_end(set->session);
	ui_progress_end();
}

void uprobe_set_defined(struct uprobe_set *set)
{
	size_t i;

	for (i = 0; i < set->nr_images; i++)
		code_map_put(set->images[i]->elf);
}

void uprobe_set_mapped(struct uprobe_set *set, int pid, const char *path, const char *open_path,
		       struct upr_file_key key)
{
	struct uprobe_image *image = image_find(set, key);
	size_t i;

	if (image)
		image->mapped = true;
	for (i = 0; i < set->nr_specs; i++)
		if (spec_means(set->specs[i], path))
			spec_met(set, set->specs[i], pid, path, open_path, key);
}

/* --- results -------------------------------------------------------------- */

void uprobe_event_totals(const struct uprobe_event *event, struct uprobe_totals *ret)
{
	bool mapped = false;
	size_t i;

	*ret = (struct uprobe_totals){0};
	for (i = 0; i < event->nr_sites; i++) {
		const struct uprobe_site *site = event->sites[i];

		mapped |= site->image->mapped;
		if (site->ifunc && !site->chosen) {
			if (!ret->why)
				ret->why = ifunc_why(site->ifunc);
			ret->uncounted |= ifunc_uncounted(site->ifunc);
			continue;
		}
		if (!site->probe) {
			ret->refused++;
			ret->why = site->refused;
			continue;
		}
		if (upr_probe_way(site->probe) == UPR_WAY_REFUSE) {
			ret->refused++;
			ret->why = upr_probe_reason(site->probe);
			continue;
		}
		ret->sites++;
		ret->modes[upr_probe_way(site->probe)]++;
		ret->count += upr_consumer_hits(event->set->session, &((struct uprobe_site *)site)->consumer);
		ret->missed += atomic64_read(&site->consumer.missed);
	}
	/* candidates that were not taken need no excuse when one was */
	if (ret->sites && !ret->refused)
		ret->why = NULL;
	ret->uncounted = !ret->sites && mapped && (ret->uncounted || ret->refused);
	if (!mapped)
		ret->why = "no process has loaded the file";
}

size_t uprobe_set_nr_sites(const struct uprobe_set *set)
{
	size_t i, nr = 0;

	for (i = 0; i < set->nr_events; i++)
		nr += set->events[i]->nr_sites;
	return nr;
}

const char *uprobe_way_name(enum upr_way way)
{
	static const char *const names[UPR_NR_WAYS] = {
		[UPR_WAY_JUMP] = "jump", [UPR_WAY_EMULATE] = "emulate", [UPR_WAY_BOOST] = "boost",
		[UPR_WAY_STEP] = "step", [UPR_WAY_REFUSE] = "refuse",
	};

	return names[way];
}

static void explain_site(const struct uprobe_site *site)
{
	const char *reason = site->probe ? upr_probe_reason(site->probe) : site->refused;
	char at[256] = "";

	if (site->symbol)
		snprintf(at, sizeof(at), " (%s+%llu)", site->symbol, (unsigned long long)site->func_off);
	ui_debug("%s at %s:0x%llx%s: %s%s%s%s", site->event->name, site->image->path, (unsigned long long)site->offset,
		 at, site->probe ? uprobe_way_name(upr_probe_way(site->probe)) : "not armed",
		 reason && *reason ? ": " : "", reason ? reason : "",
		 site->ifunc && !site->chosen ? " [IFUNC candidate, not in use so far]" : "");
}

void uprobe_set_explain(const struct uprobe_set *set)
{
	size_t i, j;

	for (i = 0; i < set->nr_events; i++)
		for (j = 0; j < set->events[i]->nr_sites; j++)
			explain_site(set->events[i]->sites[j]);
}

/* --- the whole -------------------------------------------------------------- */

struct uprobe_set *uprobe_set_new(struct upr_session *session)
{
	struct uprobe_set *set = calloc(1, sizeof(*set));

	if (set)
		set->session = session;
	return set;
}

void uprobe_set_close(struct uprobe_set *set)
{
	size_t i;

	for (i = 0; i < set->nr_images; i++)
		upr_elf_close(set->images[i]->elf);
	set->nr_images = 0;
}
