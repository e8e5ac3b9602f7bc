// SPDX-License-Identifier: GPL-2.0
/*
 * probe-finder.c - places of a definition.
 *
 * Purpose: functions by name (defined, inlined), lines of functions and files, lines that fit a
 * pattern.  In the order in which the debug information has them, as perf has it.
 *
 * Locks: none.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug-index.h"
#include "probe-finder.h"
#include "probe-source.h"
#include "symbol-priv.h"

void probe_say(const struct finder_options *opts, const char *fmt, ...)
{
	char *text;
	va_list ap;

	if (!opts->say)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		opts->say(text, opts->data);
	free(text);
}

char *probe_strdup(const char *s)
{
	return s ? strdup(s) : NULL;
}

/* --- one place ------------------------------------------------------------------- */

void probe_place_free(struct probe_place *place)
{
	size_t i;

	for (i = 0; i < place->nr_args; i++) {
		free(place->args[i].name);
		free(place->args[i].value);
		free(place->args[i].type);
	}
	free(place->args);
	free(place->symbol);
	free(place->real);
	fetch_free(place->fetch);
}

void probe_places_free(struct probe_places *places)
{
	size_t i;

	for (i = 0; i < places->nr; i++)
		probe_place_free(&places->p[i]);
	free(places->p);
	*places = (struct probe_places){0};
}

/* Where it is, in words of the function that has the code. */
int probe_name_place(struct finder *f, struct probe_place *place, Dwarf_Die *scope)
{
	const char *name = dwarf_diename(&f->function), *real = dwarf_diename(scope);
	Dwarf_Addr entry;
	GElf_Sym sym;

	if (dwarf_haspc(&f->function, f->addr) <= 0) {
		probe_say(f->opts, "Specified offset is out of %s", name ? name : "(null)");
		return -EINVAL;
	}
	if (dwarf_entrypc(&f->function, &entry)) {
		name = dwfl_module_addrsym(f->di->mod, f->addr, &sym, NULL);
		entry = sym.st_value;
	}
	if (!name) {
		probe_say(f->opts, "Failed to find symbol at 0x%" PRIx64, (uint64_t)f->addr);
		return -ENOENT;
	}
	if (f->def->point.retprobe && entry != f->addr)
		return -EINVAL;
	place->addr = f->addr;
	place->entry = entry;
	place->symbol = strdup(name);
	place->real = strdup(real ? real : name);
	return place->symbol && place->real ? 0 : -ENOMEM;
}

struct expansion {
	struct finder *f;
	Dwarf_Die *scope;
	struct probe_place *place;
	bool params_only;
	int ret;
};

/* $vars and $params: all that can be seen, and fetched, from there. */
static enum die_walk visit_visible(Dwarf_Die *die, void *data)
{
	struct expansion *e = data;
	int tag = dwarf_tag(die);
	struct perf_arg arg;

	if (tag == DW_TAG_formal_parameter || (tag == DW_TAG_variable && !e->params_only)) {
		arg = (struct perf_arg){.var = (char *)dwarf_diename(die)};
		if (arg.var && probe_has_location(e->f, die))
			e->ret = probe_add_arg(e->f, e->scope, &arg, e->place);
		return e->ret ? DIE_END : DIE_SIBLING;
	}
	if (tag == DW_TAG_lexical_block && dwarf_haspc(die, e->f->addr) > 0)
		return DIE_CONTINUE;
	return DIE_SIBLING;
}

static int expand(struct finder *f, Dwarf_Die *scope, struct probe_place *place, bool params_only)
{
	struct expansion e = {.f = f, .scope = scope, .place = place, .params_only = params_only};
	Dwarf_Die mem;

	die_find(scope, visit_visible, &e, &mem);
	return e.ret;
}

static int add_args(struct finder *f, Dwarf_Die *scope, struct probe_place *place)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < f->def->nr_args; i++) {
		const struct perf_arg *arg = &f->def->args[i];
		bool params = !strcmp(arg->var, "$params");

		if (params || !strcmp(arg->var, "$vars"))
			r = expand(f, scope, place, params);
		else
			r = probe_add_arg(f, scope, arg, place);
	}
	return r;
}

static int add_place(struct finder *f, Dwarf_Die *scope)
{
	struct probe_places *places = f->places;
	struct probe_place place = {0};
	int r;

	if (places->nr == f->opts->max) {
		probe_say(f->opts, "Too many( > %zu) probe point found.", f->opts->max);
		return -ERANGE;
	}
	if (!upr_grow(&places->p, places->nr, &places->cap, sizeof(*places->p)))
		return -ENOMEM;
	r = probe_name_place(f, &place, scope);
	if (!r)
		r = f->opts->fetch ? f->opts->fetch(f, scope, &place, f->opts->fetcher) : add_args(f, scope, &place);
	if (r)
		probe_place_free(&place);
	else
		places->p[places->nr++] = place;
	return r;
}

/* --- the function there, and its frame ------------------------------------------------ */

static int find_frame_base(struct finder *f)
{
	Dwarf_Attribute attr;
	size_t nr = 0;

	free(f->frame);
	f->frame = NULL;
	f->frame_base = NULL;
	if (!dwarf_attr(&f->function, DW_AT_frame_base, &attr) ||
	    dwarf_getlocation_addr(&attr, f->addr, &f->frame_base, &nr, 1) <= 0 || !nr) {
		f->frame_base = NULL;
		return 0;
	}
	if (nr != 1 || f->frame_base[0].atom != DW_OP_call_frame_cfa || (!f->di->cfi_eh && !f->di->cfi_dbg))
		return 0;
	/* f->frame_base points into the frame */
	f->frame = debug_info_frame(f->di, f->addr);
	if (!f->frame || dwarf_frame_cfa(f->frame, &f->frame_base, &nr)) {
		probe_say(f->opts, "Failed to get call frame on 0x%" PRIx64, (uint64_t)f->addr);
		return -ENOENT;
	}
	return 0;
}

/* f->addr is a place, as seen from @scope. */
static int found(struct finder *f, Dwarf_Die *scope)
{
	int r;

	if (die_is_function(scope))
		f->function = *scope;
	else if (!cu_function_at(f->di, &f->cu, f->addr, &f->function)) {
		probe_say(f->opts, "Failed to find probe point in any functions.");
		return -ENOENT;
	}
	r = find_frame_base(f);
	if (!r)
		r = f->opts->visit ? f->opts->visit(f, scope, f->opts->visitor) : add_place(f, scope);
	f->nr_found++;
	return r;
}

/*
 * The function whose line f->line is at f->addr: the one asked for, or the one that was
 * declared last before that line.
 */
static Dwarf_Die *scope_of_line(struct finder *f, Dwarf_Die *mem)
{
	const char *wanted = f->def->point.func;
	Dwarf_Die die, *at = cu_function_at(f->di, &f->cu, f->addr, &die), *best = NULL;
	int nearest = INT_MAX;

	for (; at; at = die_outer_inlined_at(at, f->addr, &die)) {
		const char *file = die_decl_file(at);
		int line = die_decl_line(at);

		if (f->file && (!file || strcmp(f->file, file)))
			continue;
		if (wanted ? die_has_name(at, wanted) : line < f->line && f->line - line < nearest) {
			*mem = *at;
			best = mem;
			nearest = f->line - line;
			if (wanted)
				break;
		}
	}
	return best;
}

/* A line may begin where a call on it was inlined: noted twice. */
static bool is_known(const struct finder *f, Dwarf_Addr addr)
{
	size_t i;

	for (i = 0; f->places && i < f->places->nr; i++)
		if (f->places->p[i].addr == addr)
			return true;
	return false;
}

static int found_by_line(struct finder *f, Dwarf_Addr addr)
{
	Dwarf_Die mem, *scope;
	int r;

	if (is_known(f, addr))
		return 0;
	f->addr = addr;
	scope = scope_of_line(f, &mem);
	if (!scope) {
		probe_say(f->opts, "Failed to find scope of probe point.");
		return -ENOENT;
	}
	r = found(f, scope);
	return r < 0 ? r : 0;
}

/* --- lines ------------------------------------------------------------------------------- */

/*
 * A place that stands for another line: from its address nobody could tell that this one was meant.  Other
 * places of the line will do; if there are none, the user is told of the other line.
 */
static bool is_shared(struct finder *f, const char *file, int line, Dwarf_Addr addr)
{
	const char *other_file, *func = f->def->point.func;
	Dwarf_Die mem, *scope;
	int other;

	if (!cu_line_at(f->di, &f->cu, addr, &other_file, &other) ||
	    (other == line && path_ends_like(other_file, file)))
		return false;
	if (f->shared[0])
		return true;
	snprintf(f->shared, sizeof(f->shared), "%s:%d", other_file, other);
	if (func) {
		f->addr = addr;
		scope = scope_of_line(f, &mem);
		if (scope && die_has_name(scope, func) && die_decl_line(scope))
			snprintf(f->shared, sizeof(f->shared), "%s:%d", func, other - die_decl_line(scope));
	}
	return true;
}

static int visit_line(const char *file, int line, Dwarf_Addr addr, void *data)
{
	struct finder *f = data;

	if (line != f->line || (f->file && !path_ends_like(file, f->file)) || is_shared(f, file, line, addr))
		return 0;
	return found_by_line(f, addr);
}

struct lazy {
	struct finder *f;
	struct source_lines *lines;
};

static int visit_lazy_line(const char *file, int line, Dwarf_Addr addr, void *data)
{
	struct lazy *lazy = data;

	if (!source_lines_has(lazy->lines, line) || (lazy->f->file && !path_ends_like(file, lazy->f->file)))
		return 0;
	lazy->f->line = line;
	return found_by_line(lazy->f, addr);
}

static int find_lazy(struct finder *f, Dwarf_Die *die)
{
	struct source_lines lines = {0};
	struct lazy lazy = {f, &lines};
	int r = source_lines_match(&lines, &f->cu, f->file, f->def->point.lazy);

	if (r == -ENOENT)
		probe_say(f->opts, "Failed to find the path of the source file %s.", f->file ? f->file : "");
	if (!r)
		r = die_each_line(die, visit_lazy_line, &lazy);
	source_lines_free(&lines);
	return r;
}

/* --- functions ----------------------------------------------------------------------------- */

/* Without optimisation parameters are in their places behind the prologue only. */
static void skip_prologue(struct finder *f)
{
	const struct perf_point *p = &f->def->point;

	if (cu_is_optimized(&f->cu) || !f->addr || !p->func || p->line || p->retprobe || p->lazy || p->offset ||
	    p->abs || !perf_def_wants_vars(f->def))
		return;
	probe_say(f->opts, "Target program is compiled without optimization. Skipping prologue.");
	probe_say(f->opts, "Probe on address 0x%" PRIx64 " to force probing at the function entry.", (uint64_t)f->addr);
	probe_say(f->opts, "%s", "");
	cu_skip_prologue(f->di, &f->cu, &f->addr);
}

/* @copy: not the function that was found, but what was made of it elsewhere; perf skips no prologue there */
static int find_in_instance(struct finder *f, Dwarf_Die *instance, bool copy)
{
	const struct perf_point *p = &f->def->point;

	if (p->line)
		return die_each_line(instance, visit_line, f);
	if (p->lazy)
		return find_lazy(f, instance);
	if (die_entry(instance, &f->addr))
		return 0;
	if (!copy)
		skip_prologue(f);
	f->addr += p->offset;
	return found(f, instance);
}

static int visit_instance(Dwarf_Die *instance, void *data)
{
	struct finder *f = data;
	Dwarf_Die own = f->cu;
	int r;

	/* that may be another unit */
	dwarf_diecu(instance, &f->cu, NULL, NULL);
	r = find_in_instance(f, instance, true);
	f->cu = own;
	return r;
}

static int find_in_function(struct finder *f, Dwarf_Die *die)
{
	const struct perf_point *p = &f->def->point;

	f->file = p->line || p->lazy ? die_decl_file(die) : NULL;
	if (p->line && __builtin_add_overflow(die_decl_line(die), p->line, &f->line))
		return 0;
	/* lines are looked for in a function without code, too, if nothing is to be inlined */
	if (die_is_instance(die) || (p->line && f->opts->no_inlines))
		return find_in_instance(f, die, false);
	return f->opts->no_inlines ? 0 : cu_each_instance(f->di, die, visit_instance, f);
}

struct function_walk {
	struct finder *f;
	int ret;
};

static int visit_function(Dwarf_Die *die, void *data)
{
	struct function_walk *w = data;
	const struct perf_point *p = &w->f->def->point;
	const char *file;

	if (!die_is_function(die) || !die_has_name(die, p->func))
		return DWARF_CB_OK;
	/* to name it libdw reads all lines of the unit */
	file = p->file ? die_decl_file(die) : NULL;
	if (file && !path_ends_like(p->file, file))
		return DWARF_CB_OK;
	w->ret = find_in_function(w->f, die);
	return w->ret ? DWARF_CB_ABORT : DWARF_CB_OK;
}

static int find_in_cu(struct finder *f, struct debug_search *search)
{
	const struct perf_point *p = &f->def->point;
	struct function_walk w = {.f = f};

	f->file = NULL;
	if (p->file) {
		f->file = cu_file(&f->cu, p->file);
		if (!f->file)
			return 0;
	}
	if (p->func) {
		debug_search_functions(search, &f->cu, visit_function, &w);
		return w.ret;
	}
	if (p->lazy)
		return find_lazy(f, &f->cu);
	f->line = p->line;
	return die_each_line(&f->cu, visit_line, f);
}

/*
 * A variable that is nowhere in one place, but somewhere in another: a value that shows it, so that the
 * places can be one event.
 */
static int fill_missing(struct finder *f, size_t first)
{
	struct probe_places *places = f->places;
	size_t i, k, other;

	for (i = first; i < places->nr; i++) {
		for (k = 0; k < places->p[i].nr_args; k++) {
			struct place_arg *arg = &places->p[i].args[k];

			if (arg->value)
				continue;
			for (other = first; other < places->nr; other++)
				if (k < places->p[other].nr_args && places->p[other].args[k].value)
					break;
			if (other == places->nr) {
				probe_no_location(f, f->def->args[k].var);
				return -ENOENT;
			}
			arg->value = strdup("\\deade12d");
			if (!arg->type && places->p[other].args[k].type)
				arg->type = strdup(places->p[other].args[k].type);
			if (!arg->value)
				return -ENOMEM;
		}
	}
	return 0;
}

int probe_find(const struct debug_info *di, const struct perf_def *def, const struct finder_options *opts,
	       struct probe_places *places)
{
	struct finder f = {.di = di, .def = def, .opts = opts, .places = places};
	struct debug_search search;
	size_t first = places ? places->nr : 0;
	int r = 0;

	debug_search_begin(&search, di, def->point.func, def->point.file);
	while (!r && debug_search_next(&search, &f.cu))
		r = find_in_cu(&f, &search);
	debug_search_end(&search);
	if (!r && !f.nr_found && f.shared[0]) {
		probe_say(f.opts, "This line is sharing the address with other lines.");
		probe_say(f.opts, "Please try to probe at %s instead.", f.shared);
		r = -ENOENT;
	}
	if (!r && places)
		r = fill_missing(&f, first);
	free(f.frame);
	return r;
}
