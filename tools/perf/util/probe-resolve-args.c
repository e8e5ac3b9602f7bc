// SPDX-License-Identifier: GPL-2.0
/*
 * probe-resolve-args.c - arguments of a definition at its places, and copies of its function that were inlined.
 *
 * Purpose: places that symbols have given are looked up in the debug information by their address, so that whatever
 * name a function was found under, its variables are known.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe-finder.h"
#include "probe-resolve.h"
#include "symbol-priv.h"

/* --- one place ---------------------------------------------------------------------------- */

int upr_fetch_place(struct finder *f, Dwarf_Die *scope, struct probe_place *place, void *data)
{
	const struct upr_wanted *w = data;
	const struct fetch_place at = {
		.elf = w->elf,
		.frame = {.info = f->di, .pc = f->addr, .cu = f->cu, .function = f->function, .has_function = true},
		.scope = *scope,
		.has_scope = true,
		.lenient = f->nr_found > 0,
		.at_entry = place->addr == place->entry};

	return fetch_compile(&at, w->def->args, w->def->nr_args, &place->fetch, w->err);
}

static int fetch_words(struct upr_elf *elf, const struct upr_probe_def *def, bool at_entry, enum upr_site_kind kind,
		       struct fetch **ret, struct upr_error *err)
{
	const struct fetch_place at = {
		.elf = elf, .at_entry = at_entry, .at_return = kind != UPR_SITE_HERE, .tail = kind == UPR_SITE_TAIL};

	return fetch_compile(&at, def->args, def->nr_args, ret, err);
}

int upr_fetch_again(struct upr_elf *elf, const char *text, struct fetch **ret)
{
	struct upr_probe_def def;
	int r = upr_probe_def_parse(&def, text, NULL);

	*ret = NULL;
	if (r)
		return r;
	if (def.nr_args)
		r = fetch_words(elf, &def, true, UPR_SITE_HERE, ret, NULL);
	upr_probe_def_free(&def);
	return r;
}

/* --- by address ------------------------------------------------------------------------------ */

/* Parameters that have one place throughout are put there by the prologue. */
static bool has_fixed_parameters(Dwarf_Die *function)
{
	Dwarf_Attribute attr;
	Dwarf_Die die;
	Dwarf_Op *ops;
	size_t nr;

	if (dwarf_child(function, &die))
		return false;
	do {
		if (dwarf_tag(&die) == DW_TAG_formal_parameter && dwarf_attr(&die, DW_AT_location, &attr) &&
		    !dwarf_getlocation(&attr, &ops, &nr) && nr && ops->atom == DW_OP_fbreg)
			return true;
	} while (!dwarf_siblingof(&die, &die));
	return false;
}

/* A function's beginning becomes the place where its variables are in theirs, if nobody has asked for an offset. */
static void skip_prologue(const struct upr_probe_def *def, struct upr_site *site, struct fetch_frame *frame)
{
	if (site->func_off || def->has_offset || def->is_addr || cu_is_optimized(&frame->cu) ||
	    !has_fixed_parameters(&frame->function))
		return;
	cu_skip_prologue(frame->info, &frame->cu, &frame->pc);
	site->func_off += frame->pc - site->addr;
	site->addr = frame->pc;
}

static int no_information(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_error *err)
{
	const char *lacks = upr_elf_lacks(elf);

	if (lacks)
		return upr_error_set(err, UPR_ERR_NO_FUNCTION, ENOENT, "'%s' in %s needs debug information, but %s",
				     def->text, elf->info.name, lacks);
	return upr_error_set(
		err, UPR_ERR_NO_FUNCTION, ENOENT,
		"'%s' needs debug information, and %s has none of that place: rebuild it with -g, or install its "
		"debug package; registers (%%di), the stack ($stack0) and arguments by number ($arg1) can be "
		"had without",
		def->text, elf->info.name);
}

static int fetch_at_site(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_site *site, bool lenient,
			 struct upr_error *err)
{
	const struct debug_info *info = upr_elf_debug_info(elf);
	struct fetch_place at = {.elf = elf,
				 .frame = {.info = info, .pc = site->addr, .has_function = true},
				 .has_scope = true,
				 .lenient = lenient,
				 .at_return = site->kind != UPR_SITE_HERE,
				 .tail = site->kind == UPR_SITE_TAIL,
				 .at_entry = site->kind == UPR_SITE_HERE && !site->func_off};

	if (!info || !debug_info_cu_at(info, site->addr, &at.frame.cu) ||
	    !die_function_at(&at.frame.cu, site->addr, &at.frame.function))
		return no_information(elf, def, err);
	if (!at.at_return)
		skip_prologue(def, site, &at.frame);
	if (!die_inlined_at(&at.frame.function, at.frame.pc, &at.scope) || !def->is_addr)
		at.scope = at.frame.function;
	upr_elf_addr_to_offset(elf, site->addr, &site->offset);
	return fetch_compile(&at, def->args, def->nr_args, &site->fetch, err);
}

/* Nobody can mean what is at none of the places; but what another function returns is there, only not to be seen. */
int upr_check_values(struct upr_elf *elf, const struct upr_probe_def *def, const struct upr_event_list *list,
		     size_t first, struct upr_error *err)
{
	const char *why = NULL;
	size_t i;
	u32 k, arg;

	for (arg = 0; arg < def->nr_args; arg++, why = NULL) {
		for (i = first; i < list->nr; i++) {
			const struct upr_event *ev = &list->events[i];

			for (k = 0; k < ev->nr_sites; k++) {
				const struct fetch *fetch = ev->sites[k].fetch;

				/* $vars: as many as there are */
				if (!fetch || fetch->nr_args != def->nr_args || !fetch->args[arg].why ||
				    fetch->args[arg].none)
					goto next;
				why = fetch->args[arg].why;
			}
		}
		if (why)
			return upr_error_set(
				err, UPR_ERR_NO_FUNCTION, ENOENT,
				"'%s' has no value at %s in %s: %s; `perf-uprobe probe -V' shows what there is",
				def->args[arg], def->point, elf->info.name, why);
	next:;
	}
	return 0;
}

/* What a function returns has a type, if there is debug information. */
static bool has_type(struct upr_elf *elf, const struct upr_site *site)
{
	const struct debug_info *info = site->kind == UPR_SITE_HERE ? NULL : upr_elf_debug_info(elf);
	Dwarf_Die cu, function;

	return info && debug_info_cu_at(info, site->addr, &cu) && die_function_at(&cu, site->addr, &function);
}

static size_t count_sites(const struct upr_event_list *list, size_t first)
{
	size_t nr = 0;

	for (; first < list->nr; first++)
		nr += list->events[first].nr_sites;
	return nr;
}

int upr_resolve_args(struct upr_elf *elf, const struct upr_probe_def *def, bool variables, struct upr_event_list *list,
		     size_t first, struct upr_error *err)
{
	bool lenient = count_sites(list, first) > 1;
	size_t i;
	u32 k;
	int r = 0;

	for (i = first; i < list->nr; i++) {
		struct upr_event *ev = &list->events[i];

		for (k = 0; k < ev->nr_sites && !r; k++) {
			struct upr_site *site = &ev->sites[k];

			/* of a copy that was inlined they are known already */
			if (site->fetch || site->refused)
				continue;
			r = variables || has_type(elf, site) ?
				    fetch_at_site(elf, def, site, lenient, err) :
				    fetch_words(elf, def, !site->func_off, site->kind, &site->fetch, err);
		}
	}
	return r ? r : upr_check_values(elf, def, list, first, err);
}

/* --- inlined copies ---------------------------------------------------------------------------- */

/* The finder asks whether variables are wanted: places behind the prologue are others. */
int upr_want_variable(struct perf_def *perf, struct upr_error *err)
{
	free(perf->args);
	perf->args = calloc(1, sizeof(*perf->args));
	if (!perf->args)
		return upr_error_nomem(err);
	perf->nr_args = 1;
	perf->args[0].var = strdup("variable");
	return perf->args[0].var ? 0 : upr_error_nomem(err);
}

/** struct copies - @ev: event of @list that gets them */
struct copies {
	struct upr_wanted wanted;
	struct upr_event_list *list;
	struct upr_event *ev;
	int r;
};

static bool has_site(const struct upr_event *ev, u64 addr)
{
	u32 i;

	for (i = 0; i < ev->nr_sites; i++)
		if (ev->sites[i].addr == addr)
			return true;
	return false;
}

static int add_copy(struct finder *f, Dwarf_Die *scope, void *data)
{
	struct copies *c = data;
	struct probe_place place = {.addr = f->addr};
	const struct upr_func *func;

	if (dwarf_tag(scope) != DW_TAG_inlined_subroutine || has_site(c->ev, f->addr))
		return 0;
	c->r = upr_check_boundary(c->wanted.elf, f->addr, &func, c->wanted.err);
	if (!c->r && c->wanted.def->nr_args)
		c->r = upr_fetch_place(f, scope, &place, &c->wanted);
	if (!c->r && upr_event_add_site(c->list, c->ev, func, func ? upr_name_pretty(c->wanted.elf, func->names) : NULL,
					f->addr))
		c->r = upr_error_nomem(c->wanted.err);
	if (c->r)
		fetch_free(place.fetch);
	else
		c->ev->sites[c->ev->nr_sites - 1].fetch = place.fetch;
	return c->r;
}

/* As the linker knows it: no two functions that a file shows to others have the same. */
static int add_copies_of(struct copies *c, const struct debug_info *info, const char *name)
{
	struct perf_def perf = {.point = {.func = (char *)name}};
	const struct finder_options opts = {.max = ~(size_t)0, .visit = add_copy, .visitor = c};

	probe_find(info, &perf, &opts, NULL);
	return c->r;
}

/* Nobody who counts calls waits for debug information to be downloaded, unless he has asked for lines or variables. */
static bool has_info_here(struct upr_elf *elf)
{
	Elf_Scn *scn = NULL;
	size_t names, nr;

	/* which looks for a debug file */
	upr_elf_funcs(elf, &nr, NULL);
	if (elf->info.debug_file || elf->debug_info)
		return true;
	while (!elf_getshdrstrndx(elf->elf, &names) && (scn = elf_nextscn(elf->elf, scn))) {
		GElf_Shdr shdr;
		const char *name = gelf_getshdr(scn, &shdr) ? elf_strptr(elf->elf, names, shdr.sh_name) : NULL;

		if (name && (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")))
			return true;
	}
	return false;
}

int upr_add_inlined(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list,
		    struct upr_event *ev, struct upr_error *err)
{
	const struct debug_info *info = has_info_here(elf) ? upr_elf_debug_info(elf) : NULL;
	struct copies c = {.wanted = {elf, def, err}, .list = list, .ev = ev};
	u32 nr = ev->nr_sites, i, k;
	int r = 0;

	for (i = 0; info && i < nr && !r; i++) {
		const struct upr_func *func = ev->sites[i].func;

		for (k = 0; k < i; k++)
			if (ev->sites[k].func && func && !strcmp(ev->sites[k].func->names->name, func->names->name))
				break;
		if (func && k == i && !is_glob(func->names->name))
			r = add_copies_of(&c, info, func->names->name);
	}
	return r;
}
