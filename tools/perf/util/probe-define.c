// SPDX-License-Identifier: GPL-2.0
/*
 * probe-define.c - definitions to lines of uprobe_events.
 *
 * Purpose: see probe-define.h.  The order in which things are tried, and which failure is the
 * one reported, is perf's.
 *
 * Locks: none.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe-define.h"
#include "probe-sdt.h"
#include "symbol-priv.h"

/* --- the file ---------------------------------------------------------------------- */

/* Are they other mounts than ours? */
static bool is_elsewhere(int pid)
{
	struct stat theirs, ours;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	return pid > 0 && !stat(path, &theirs) && !stat("/proc/self/ns/mnt", &ours) &&
	       (theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev);
}

/* Symbolic links mean what they mean there. */
static char *real_path_of(int pid, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	char buf[PATH_MAX], link[64];
	int root, fd;
	ssize_t len;

	snprintf(buf, sizeof(buf), "/proc/%d/root", pid);
	root = open(buf, O_PATH | O_CLOEXEC);
	if (root < 0)
		return NULL;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = fd < 0 ? -1 : readlink(link, buf, sizeof(buf) - 1);
	if (fd >= 0)
		close(fd);
	close(root);
	if (len < 0)
		return NULL;
	buf[len] = '\0';
	return strdup(buf);
}

/* The real path is one below our root, if theirs is a directory of it (chroot) */
static int root_path(char **ret, int pid, const char *path, const char *real)
{
	int r = asprintf(ret, "/proc/%d/root%s", pid, real);

	if (r < 0 || !access(*ret, F_OK) || *path != '/')
		return r;
	free(*ret);
	return asprintf(ret, "/proc/%d/root%s", pid, path);
}

int probe_file_open(struct probe_file *file, const char *path, int pid, const char *symfs)
{
	int r;

	if (!is_elsewhere(pid))
		pid = 0;
	*file = (struct probe_file){.path = pid ? real_path_of(pid, path) : realpath(path, NULL)};
	if (!file->path)
		return -errno;
	if (pid)
		r = root_path(&file->open_path, pid, path, file->path);
	else
		r = asprintf(&file->open_path, "%s%s", symfs ? symfs : "", file->path);
	if (r < 0) {
		file->open_path = NULL;
		return -ENOMEM;
	}
	if (symfs && access(file->open_path, R_OK))
		strcpy(file->open_path, file->path);
	return 0;
}

int probe_file_at(struct probe_file *file, const char *path)
{
	*file = (struct probe_file){.path = strdup(path), .open_path = strdup(path)};
	return file->path && file->open_path ? 0 : -ENOMEM;
}

const char *probe_file_reach(const struct probe_file *file)
{
	return strncmp(file->open_path, "/proc/", 6) ? file->path : file->open_path;
}

void probe_file_close(struct probe_file *file)
{
	if (file->info.dwfl)
		debug_info_close(&file->info);
	if (file->elf)
		upr_elf_close(file->elf);
	free(file->path);
	free(file->open_path);
	*file = (struct probe_file){0};
}

void probe_file_load(struct probe_file *file)
{
	if (file->asked)
		return;
	file->asked = true;
	file->elf = upr_elf_open(file->open_path, NULL);
	file->has_info = file->elf && !debug_info_open(&file->info, file->open_path) && file->info.dwarf;
}

void probe_file_no_info(const struct probe_file *file, const struct finder_options *opts)
{
	probe_say(opts, "The %s file has no debug information.", file->path);
	probe_say(opts, "Rebuild with -g, or install an appropriate debuginfo package.");
}

void probe_file_lacks(const struct probe_file *file, const struct finder_options *opts)
{
	const char *lacks = debug_info_lacks(&file->info);

	if (lacks)
		probe_say(opts, "%s.", lacks);
}

/* --- names ----------------------------------------------------------------------------- */

/* Without a dot in front, and what follows another one, or an @. */
static int name_event(const struct finder_options *opts, const char *base, bool retprobe, char *ret)
{
	size_t len;

	if (*base == '.')
		base++;
	len = strcspn(base, ".@");
	if (!len)
		len = strlen(base);
	if (snprintf(ret, UPR_EVENT_NAME_MAX, "%.*s%s", (int)len, base, retprobe ? "__return" : "") >=
	    UPR_EVENT_NAME_MAX)
		return -E2BIG;
	if (perf_is_identifier(ret))
		return 0;
	probe_say(opts, "Internal error: \"%s\" is an invalid event name.", ret);
	return -EINVAL;
}

static int name_traced(struct probe_file *file, const struct perf_def *def, const struct finder_options *opts,
		       struct traced_event *ev)
{
	const struct perf_point *p = &def->point;
	const char *base = def->sdt ? ev->place.real : def->event;
	const char *group = def->sdt ? ev->place.symbol : def->group;
	char buf[UPR_EVENT_NAME_MAX * 2];

	if (!base && p->abs) {
		snprintf(buf, sizeof(buf), "abs_%lx", p->abs);
		base = buf;
	}
	if (!base && p->func && !is_glob(p->func)) {
		base = p->func;
		if (p->line) {
			if (snprintf(buf, sizeof(buf), "%s_L%d", p->func, p->line) >= (int)sizeof(buf))
				return -E2BIG;
			base = buf;
		}
	}
	if (!base)
		base = ev->place.real;
	if (group && strlen(group) >= UPR_EVENT_NAME_MAX)
		return -E2BIG;
	if (group)
		strcpy(ev->group, group);
	else if (!upr_group_name(file->path, ev->group)) {
		probe_say(opts, "Failed to make a group name.");
		return -E2BIG;
	}
	ev->retprobe = p->retprobe;
	return name_event(opts, base, p->retprobe, ev->event);
}

/* --- arguments without debug information --------------------------------------------------- */

static int copy_args(const struct perf_def *def, struct probe_place *place)
{
	size_t i;
	int r = 0;

	place->args = calloc(def->nr_args + 1, sizeof(*place->args));
	if (!place->args)
		return -ENOMEM;
	for (i = 0; !r && i < def->nr_args; i++)
		r = probe_copy_arg(&def->args[i], &place->args[place->nr_args++]);
	return r;
}

static int add_plain(const struct perf_def *def, struct probe_places *places, const char *name, u64 addr)
{
	struct probe_place *place;

	if (!upr_grow(&places->p, places->nr, &places->cap, sizeof(*places->p)))
		return -ENOMEM;
	place = &places->p[places->nr++];
	*place = (struct probe_place){.symbol = probe_strdup(name), .real = probe_strdup(name), .addr = addr};
	if (name && (!place->symbol || !place->real))
		return -ENOMEM;
	return copy_args(def, place);
}

/* --- by symbols -------------------------------------------------------------------------------- */

static void warn_ifunc(const struct finder_options *opts, const char *name)
{
	probe_say(opts, "Warning: The probe function (%s) is a GNU indirect function.", name);
	probe_say(opts, "Consider identifying the final function used at run time and set the probe directly on that.");
}

static int find_symbols(struct probe_file *file, const char *name, struct upr_matches *matches)
{
	*matches = (struct upr_matches){0};
	return is_glob(name) ? upr_elf_match(file->elf, name, matches, NULL) :
			       upr_elf_find(file->elf, name, matches, NULL);
}

static int add_symbol(const struct perf_def *def, const struct finder_options *opts, const struct upr_match *match,
		      struct probe_places *places)
{
	const struct perf_point *p = &def->point;

	if (p->offset >= match->func->size && p->offset) {
		probe_say(opts, "Offset %lu is bigger than the size of %s", p->offset, match->name->name);
		return -ENOENT;
	}
	if (match->func->kind == UPR_SYM_IFUNC)
		warn_ifunc(opts, match->name->name);
	return add_plain(def, places, match->name->name, match->func->addr + p->offset);
}

/* What the unwind tables alone know has no name. */
static bool has_symbols(struct probe_file *file)
{
	const struct upr_func *funcs;
	size_t nr, i;

	funcs = file->elf ? upr_elf_funcs(file->elf, &nr, NULL) : NULL;
	for (i = 0; funcs && i < nr; i++)
		if (funcs[i].kind != UPR_SYM_FDE)
			return true;
	return false;
}

static int by_symbols(struct probe_file *file, const struct perf_def *def, const struct finder_options *opts,
		      struct probe_places *places)
{
	const char *name = def->point.func;
	struct upr_matches matches = {0};
	size_t i;
	int r;

	if (!has_symbols(file)) {
		probe_say(opts, "Failed to load symbols from %s", file->path);
		probe_say(opts, "Please ensure the file is not stripped.");
		return -ENOENT;
	}
	r = find_symbols(file, name, &matches);
	if (!r && !matches.nr) {
		probe_say(opts, "Failed to find symbol %s in %s", name, file->path);
		r = -ENOENT;
	}
	if (!r && matches.nr > opts->max) {
		probe_say(opts, "Too many functions matched in %s", file->path);
		r = -E2BIG;
	}
	for (i = 0; !r && i < matches.nr; i++)
		r = add_symbol(def, opts, &matches.m[i], places);
	upr_matches_free(&matches);
	return r;
}

/* --- by debug information ------------------------------------------------------------------------- */

static void not_found(const struct perf_def *def, const struct finder_options *opts)
{
	char *text = perf_point_text(&def->point);

	probe_say(opts, "Probe point '%s' not found.", text ? text : "");
	free(text);
}

/* The function that the debug information has where a symbol of another name is. */
static Dwarf_Die *function_at(struct probe_file *file, Dwarf_Addr addr, Dwarf_Die *mem)
{
	Dwarf_Die cu;

	return debug_info_cu_at(&file->info, addr, &cu) ? die_function_at(&cu, addr, mem) : NULL;
}

/* A name that only the symbol table has.  Return: 1 found, 0 not, -errno. */
static int by_alias(struct probe_file *file, struct perf_def *def, const struct finder_options *opts,
		    struct probe_places *places)
{
	struct upr_matches matches = {0};
	char *wanted = def->point.func, *name;
	Dwarf_Die mem;
	int r;

	if (!wanted || is_glob(wanted) || find_symbols(file, wanted, &matches))
		return 0;
	if (!matches.nr) {
		upr_matches_free(&matches);
		return 0;
	}
	name = NULL;
	if (function_at(file, matches.m[0].func->addr, &mem))
		name = probe_strdup(dwarf_diename(&mem));
	else
		probe_say(opts, "Failed to find debug information for address %" PRIx64,
			  (uint64_t)(matches.m[0].func->offset + def->point.offset));
	upr_matches_free(&matches);
	if (!name || !strcmp(name, wanted)) {
		free(name);
		return 0;
	}
	def->point.func = name;
	r = probe_find(&file->info, def, opts, places);
	def->point.func = wanted;
	free(name);
	return r < 0 ? r : places->nr > 0;
}

/* Return: 0 found; 1: symbols may know it; -errno */
static int by_info(struct probe_file *file, struct perf_def *def, const struct finder_options *opts,
		   struct probe_places *places)
{
	bool needed = perf_def_wants_dwarf(def);
	int r;

	/* perf asks the symbols for returns: gcc's debug information had them begin elsewhere (gcc's bug 98776) */
	if (def->point.retprobe)
		return 1;
	if (!file->has_info) {
		if (!needed || !file->elf)
			return 1;
		probe_file_no_info(file, opts);
		return -ENOENT;
	}
	r = probe_find(&file->info, def, opts, places);
	if (!r && !places->nr)
		r = by_alias(file, def, opts, places);
	if (r < 0)
		return needed ? r : 1;
	if (places->nr)
		return 0;
	not_found(def, opts);
	probe_file_lacks(file, opts);
	return -ENOENT;
}

/* --- by notes of statically defined probes ------------------------------------------------------------- */

static int by_notes(struct probe_file *file, const struct perf_def *def, struct probe_places *places)
{
	int r = file->elf ? probe_find_sdt(file->elf, def, places) : -ENOENT;

	return r || places->nr ? r : -ENOENT;
}

/* --- all of it ------------------------------------------------------------------------------------------ */

static int find_places(struct probe_file *file, struct perf_def *def, const struct finder_options *opts,
		       struct probe_places *places)
{
	int r;

	probe_file_load(file);
	if (def->point.abs)
		return add_plain(def, places, NULL, def->point.abs);
	if (def->sdt)
		return by_notes(file, def, places);
	if (!def->point.func && !def->point.file)
		return -ENOENT;
	r = by_info(file, def, opts, places);
	if (r <= 0)
		return r;
	probe_places_free(places);
	return by_symbols(file, def, opts, places);
}

void traced_events_free(struct traced_events *events)
{
	size_t i;

	for (i = 0; i < events->nr; i++)
		probe_place_free(&events->v[i].place);
	free(events->v);
	*events = (struct traced_events){0};
}

/* *full: there is a whole table, not only what other programs may use. */
static bool tables_have_ifunc(Elf *elf, bool *full)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Sym sym;

	while (elf && (scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;
		int i;

		if (!gelf_getshdr(scn, &sh) || (sh.sh_type != SHT_SYMTAB && sh.sh_type != SHT_DYNSYM))
			continue;
		data = elf_getdata(scn, NULL);
		for (i = 0; data && gelf_getsym(data, i, &sym); i++)
			if (GELF_ST_TYPE(sym.st_info) == STT_GNU_IFUNC)
				return true;
		*full |= sh.sh_type == SHT_SYMTAB && data && data->d_size;
	}
	return false;
}

/* To sort the functions of a big program takes longer than all the rest, and few have one of these. */
static bool may_have_ifunc(struct probe_file *file)
{
	bool full = false;

	if (!file->ifuncs_known) {
		file->ifuncs_known = true;
		file->ifuncs = tables_have_ifunc(file->elf->elf, &full) ||
			       (!full && tables_have_ifunc(dwarf_getelf(file->info.dwarf), &full)) || !full;
	}
	return file->ifuncs;
}

/* The debug information calls the resolver by the function's name. */
static void warn_of_ifunc(struct probe_file *file, const struct perf_def *def, const struct finder_options *opts,
			  const struct probe_place *place)
{
	const struct upr_func *func = file->elf && may_have_ifunc(file) ? upr_elf_func_at(file->elf, place->addr) :
									  NULL;

	if (func && func->addr == place->addr && func->kind == UPR_SYM_IFUNC)
		warn_ifunc(opts, def->point.func && !is_glob(def->point.func) ? def->point.func : place->symbol);
}

int probe_define(struct probe_file *file, struct perf_def *def, const struct finder_options *opts,
		 struct traced_events *ret)
{
	struct probe_places places = {0};
	size_t i;
	int r;

	*ret = (struct traced_events){0};
	r = find_places(file, def, opts, &places);
	if (!r) {
		ret->v = calloc(places.nr + 1, sizeof(*ret->v));
		r = ret->v ? 0 : -ENOMEM;
	}
	for (i = 0; !r && i < places.nr; i++) {
		struct traced_event *ev = &ret->v[ret->nr];
		u64 offset = places.p[i].addr;

		ev->place = places.p[i];
		if (file->elf && !upr_elf_addr_to_offset(file->elf, places.p[i].addr, &offset) && !def->point.abs)
			r = -ENOENT;
		ev->offset = offset;
		if (ev->place.semaphore && !upr_elf_addr_to_offset(file->elf, ev->place.semaphore, &ev->semaphore))
			r = -ENOENT;
		/* symbols have told of it already */
		if (!r && file->has_info && !def->point.abs && !def->sdt && !def->point.retprobe)
			warn_of_ifunc(file, def, opts, &ev->place);
		if (!r)
			r = name_traced(file, def, opts, ev);
		if (!r) {
			strcpy(ev->given, ev->event);
			/* it is theirs now */
			places.p[i] = (struct probe_place){0};
			ret->nr++;
		}
	}
	probe_places_free(&places);
	if (r)
		traced_events_free(ret);
	return r;
}

char *traced_event_args(const struct traced_event *ev)
{
	char *ret = NULL;
	size_t size, i;
	FILE *out = open_memstream(&ret, &size);

	if (!out)
		return NULL;
	for (i = 0; i < ev->place.nr_args; i++) {
		const struct place_arg *arg = &ev->place.args[i];

		fprintf(out, "%s%s%s%s%s%s", i ? " " : "", arg->name ? arg->name : "", arg->name ? "=" : "", arg->value,
			arg->type ? ":" : "", arg->type ? arg->type : "");
	}
	return fclose(out) ? NULL : ret;
}

char *traced_event_text(const struct probe_file *file, const struct traced_event *ev)
{
	char *args = traced_event_args(ev), semaphore[32] = "", *ret;

	if (ev->semaphore)
		snprintf(semaphore, sizeof(semaphore), "(0x%" PRIx64 ")", (uint64_t)ev->semaphore);
	if (!args || asprintf(&ret, "%c:%s/%s %s:0x%" PRIx64 "%s%s%s", ev->retprobe ? 'r' : 'p', ev->group, ev->event,
			      file->path, (uint64_t)ev->offset, semaphore, *args ? " " : "", args) < 0)
		ret = NULL;
	free(args);
	return ret;
}
