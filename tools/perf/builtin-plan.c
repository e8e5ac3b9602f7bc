// SPDX-License-Identifier: GPL-2.0
/*
 * builtin-plan.c - `perf-uprobe probe --plan`: how places would be executed, and why.
 *
 * Purpose: definitions, or a whole file, -> places -> plans, one a line.  No process is
 * touched and nothing is remembered.
 *
 * Locks: none.
 */
#include <getopt.h>
#include <stdarg.h>

#include "builtin.h"
#include "util/file-defs.h"
#include "util/plan.h"
#include "util/probe-event.h"
#include "util/ui.h"

enum {
	OPT_WORD = 1, /* getopt's own: a word that is no option */
	OPT_PLAN = 256,
	OPT_NO_CACHE,
	OPT_ALL_ENTRIES,
	OPT_ALL_BOUNDARIES,
	OPT_SUMMARY,
};

static const struct option long_options[] = {
	{"plan", no_argument, NULL, OPT_PLAN},
	{"exec", required_argument, NULL, 'x'},
	{"json", no_argument, NULL, 'j'},
	{"no-cache", no_argument, NULL, OPT_NO_CACHE},
	{"all-entries", no_argument, NULL, OPT_ALL_ENTRIES},
	{"all-boundaries", no_argument, NULL, OPT_ALL_BOUNDARIES},
	{"summary", no_argument, NULL, OPT_SUMMARY},
	{"verbose", no_argument, NULL, 'v'},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char usage_text[] =
	"\n Usage: perf-uprobe probe --plan [<options>] -x FILE DEF... [-x FILE DEF...]\n"
	"    or: perf-uprobe probe --plan [<options>] -x FILE --all-entries | --all-boundaries\n\n"
	"    DEF is [[GROUP:]EVENT=] FUNCTION | FUNCTION+OFFSET | 0xADDRESS; FUNCTION may hold * ? [...]\n\n"
	"        --plan            say how each place would be executed, and why\n"
	"    -x, --exec <file>     program or library (path, or name as the loader knows it) of the DEFs that follow\n"
	"    -j, --json            one JSON object a line\n"
	"        --summary         only how many places there are of each kind, and why\n"
	"        --all-entries     the entry of every function\n"
	"        --all-boundaries  every instruction of every function\n"
	"        --no-cache        neither use nor leave an analysis in ~/.cache/perf-uprobe\n"
	"    -v, --verbose         say more\n"
	"    -q, --quiet           no notes, no progress, no summary\n"
	"    -h, --help            this text\n\n";

struct plan_options {
	struct file_list files;
	bool json;
	bool summary;
	bool no_cache;
	bool all_entries;
	bool all_boundaries;
};

/**
 * struct planner - a file being planned
 * @map:	NULL: the file is of a kind that has no jumps
 */
struct planner {
	const struct plan_options *opts;
	struct upr_elf *elf;
	struct code_map *map;
	struct plan_tally tally;
};

/* --- options ---------------------------------------------------------------- */

static int add_file(struct plan_options *opts, const char *name)
{
	return file_list_add(&opts->files, name) ? -1 : ui_out_of_memory();
}

static int add_def(struct plan_options *opts, char *text)
{
	if (!opts->files.nr)
		return ui_usage_error(usage_text, "`%s' comes before any -x FILE, and kernel functions are not for us",
				      text);
	return file_list_define(&opts->files, text) ? -1 : ui_out_of_memory();
}

static int parse_option(struct plan_options *opts, int c, const char *word)
{
	switch (c) {
	case OPT_WORD:
		return add_def(opts, optarg);
	case OPT_PLAN:
		return -1;
	case 'x':
		return add_file(opts, optarg);
	case 'j':
		opts->json = true;
		return -1;
	case OPT_NO_CACHE:
		opts->no_cache = true;
		return -1;
	case OPT_ALL_ENTRIES:
		opts->all_entries = true;
		return -1;
	case OPT_ALL_BOUNDARIES:
		opts->all_boundaries = true;
		return -1;
	case OPT_SUMMARY:
		opts->summary = true;
		return -1;
	case 'v':
		ui_verbose++;
		return -1;
	case 'q':
		ui_quiet = true;
		return -1;
	case 'h':
		fputs(usage_text, stdout);
		return 0;
	default:
		return ui_wrong_option(usage_text, c, word);
	}
}

static int check(const struct plan_options *opts)
{
	bool all = opts->all_entries || opts->all_boundaries;
	size_t i;

	if (!opts->files.nr)
		return ui_usage_error(usage_text, "nothing to plan; give -x FILE and a function");
	if (opts->all_entries && opts->all_boundaries)
		return ui_usage_error(usage_text, "--all-entries and --all-boundaries exclude each other");
	for (i = 0; i < opts->files.nr; i++) {
		if (all && opts->files.v[i].nr_defs)
			return ui_usage_error(usage_text,
					      "`%s': --all-entries and --all-boundaries take no definitions",
					      opts->files.v[i].defs[0]);
		if (!all && !opts->files.v[i].nr_defs)
			return ui_usage_error(usage_text, "-x %s: no function follows it", opts->files.v[i].name);
	}
	return -1;
}

/* Return: -1 to go on, or an exit status. */
static int parse(struct plan_options *opts, int argc, char **argv)
{
	int c, at, status;

	opterr = 0;
	optind = 1;
	/* "-": words come in their order, as OPT_WORD; ":" tells a missing value from an unknown option */
	while (at = optind, (c = getopt_long(argc, argv, "-:x:jvqh", long_options, NULL)) != -1) {
		status = parse_option(opts, c, argv[at]);
		if (status >= 0)
			return status;
	}
	for (; optind < argc; optind++) {
		status = add_def(opts, argv[optind]);
		if (status >= 0)
			return status;
	}
	return check(opts);
}

/* --- results ---------------------------------------------------------------- */

/* A place as people write it: function+offset, or its address. */
static void place_name(char *buf, size_t size, const char *symbol, u64 func_off, u64 addr)
{
	if (symbol && func_off)
		snprintf(buf, size, "%s+%llu", symbol, (unsigned long long)func_off);
	else if (symbol)
		snprintf(buf, size, "%s", symbol);
	else
		snprintf(buf, size, "0x%llx", (unsigned long long)addr);
}

static void print_json(const struct planner *p, const char *event, const char *symbol, const char *place, u64 addr,
		       const struct plan *plan)
{
	u64 offset = 0;

	upr_elf_addr_to_offset(p->elf, addr, &offset);
	fputs("{\"event\":", stdout);
	ui_json_string(stdout, event);
	fputs(",\"file\":", stdout);
	ui_json_string(stdout, upr_elf_info(p->elf)->real);
	printf(",\"offset\":%llu,\"symbol\":", (unsigned long long)offset);
	ui_json_string(stdout, symbol ? place : NULL);
	printf(",\"mode\":\"%s\",\"form\":\"%s\",\"reason\":", plan_mode_name(plan->mode),
	       upr_jump_form_name(plan->form));
	ui_json_string(stdout, plan->reason);
	printf(",\"insns\":%u,\"pad\":%u,\"ns\":%g}\n", plan->insns, plan->pad, plan->ns);
}

static void print_text(const char *event, const char *place, const struct plan *plan)
{
	char form[24] = "";

	if (plan->form != UPR_JUMP_NONE)
		snprintf(form, sizeof(form), " (%s)", upr_jump_form_name(plan->form));
	printf("%-32s %-32s %s%s: %s", event ? event : "-", place, plan_mode_name(plan->mode), form, plan->reason);
	if (plan->mode != PLAN_REFUSE)
		printf("; %u instruction%s, pad of %u bytes, about %g ns", plan->insns, plan->insns == 1 ? "" : "s",
		       plan->pad, plan->ns);
	putchar('\n');
}

/* @func: around it, for people; @symbol: what it is called, NULL: by its first name */
static void plan_place(struct planner *p, const char *event, const struct upr_func *func, const char *symbol, u64 addr)
{
	struct plan plan;
	char place[1024];
	u64 func_off = func ? addr - func->addr : 0;

	plan_site(p->elf, p->map, addr, &plan);
	plan_count(&p->tally, &plan);
	if (p->opts->summary)
		return;
	if (func && !symbol)
		symbol = upr_name_pretty(p->elf, func->names);
	place_name(place, sizeof(place), symbol, func_off, addr);
	if (p->opts->json)
		print_json(p, event, symbol, place, addr, &plan);
	else
		print_text(event, place, &plan);
}

/* --- definitions --------------------------------------------------------------- */

#define CANDIDATES_MAX 64

/* Probes go to the functions that the resolver may answer. */
static void plan_ifunc(struct planner *p, const char *event, const struct upr_site *site)
{
	u64 addrs[CANDIDATES_MAX];
	size_t nr = upr_ifunc_candidates(p->elf, site->func, addrs, ARRAY_SIZE(addrs)), i;

	if (!nr)
		ui_note("%s: which functions it stands for shows in a process only", event);
	for (i = 0; i < min(nr, ARRAY_SIZE(addrs)); i++) {
		const struct upr_func *func = upr_elf_func_at(p->elf, addrs[i]);

		plan_place(p, event, func, NULL, addrs[i]);
	}
}

static int plan_defs(struct planner *p, const struct file_defs *file, struct upr_error *err)
{
	struct upr_event_list list = {0};
	char event[2 * UPR_EVENT_NAME_MAX];
	size_t i, j;
	int rc = 0;

	for (i = 0; i < file->nr_defs && !rc; i++)
		rc = upr_resolve(p->elf, file->defs[i], &list, err);
	for (i = 0; i < list.nr && !rc; i++) {
		const struct upr_event *ev = &list.events[i];

		snprintf(event, sizeof(event), "%s:%s", ev->group, ev->event);
		if (ev->note)
			ui_note("%s: %s", event, ev->note);
		for (j = 0; j < ev->nr_sites; j++) {
			const struct upr_site *s = &ev->sites[j];

			if (s->ifunc && strncasecmp(ev->def, "0x", 2))
				plan_ifunc(p, event, s);
			else
				plan_place(p, event, s->func, s->symbol, s->addr);
		}
	}
	upr_event_list_free(&list);
	return rc;
}

/* --- surveys --------------------------------------------------------------------- */

/* Whatever has a function's symbol, split-off pieces included; without one, what is not only jumped to. */
static void plan_entry(struct planner *p, const struct upr_func *func)
{
	bool symbol = func->kind == UPR_SYM_FUNC || func->kind == UPR_SYM_IFUNC || func->kind == UPR_SYM_PART;

	if (symbol || (p->map && code_map_is_entry(p->map, func)))
		plan_place(p, NULL, func, NULL, func->addr);
}

/* Functions may overlap: what lies below @done has been seen. */
static int plan_function(struct planner *p, const struct upr_func *func, u64 *done, struct upr_error *err)
{
	struct upr_boundaries b;
	size_t i;
	int rc;

	if ((!func->entry && func->kind != UPR_SYM_PART) || !func->size)
		return 0;
	rc = upr_func_boundaries(p->elf, func, &b, err);
	if (rc)
		return rc;
	for (i = 0; i < b.nr; i++) {
		u64 addr = func->addr + b.offs[i];

		if (addr < *done)
			continue;
		*done = addr + 1;
		plan_place(p, NULL, func, NULL, addr);
	}
	upr_boundaries_free(&b);
	return 0;
}

static int plan_all(struct planner *p, struct upr_error *err)
{
	const struct upr_func *funcs;
	u64 done = 0;
	size_t i, nr;
	int rc = 0;

	funcs = upr_elf_funcs(p->elf, &nr, err);
	if (!funcs)
		return -ENOMEM;
	for (i = 0; i < nr && !rc; i++) {
		ui_progress("Planning", i, nr);
		if (p->opts->all_entries)
			plan_entry(p, &funcs[i]);
		else
			rc = plan_function(p, &funcs[i], &done, err);
	}
	ui_progress_end();
	return rc;
}

/* --- the whole ---------------------------------------------------------------------- */

static int plan_file(struct planner *p, const struct file_defs *file, struct upr_error *err)
{
	char *path = NULL;
	int rc;

	rc = upr_elf_file_find(file->name, &path, err);
	if (rc)
		return rc;
	p->elf = upr_elf_open(path, err);
	free(path);
	if (!p->elf)
		return -EINVAL;
	p->map = code_map_get(p->elf, p->opts->no_cache, err);
	if (!p->map && err->kind != UPR_ERR_UNSUPPORTED)
		rc = -ENOMEM;
	else if (p->opts->all_entries || p->opts->all_boundaries)
		rc = plan_all(p, err);
	else
		rc = plan_defs(p, file, err);
	upr_elf_close(p->elf);
	return rc;
}

static int run(const struct plan_options *opts)
{
	struct planner *p = calloc(1, sizeof(*p));
	struct upr_error err = {0};
	size_t i;
	int rc = 0;

	if (!p)
		return ui_out_of_memory();
	p->opts = opts;
	for (i = 0; i < opts->files.nr && !rc; i++)
		rc = plan_file(p, &opts->files.v[i], &err);
	if (!rc && fflush(stdout)) {
		rc = -errno;
		upr_error_set(&err, UPR_ERR_SYSTEM, errno, "cannot write the plan: %s", strerror(errno));
	}
	if (rc)
		ui_error("%s", *err.text ? err.text : strerror(-rc));
	else if (!ui_quiet || opts->summary)
		plan_print_tally(&p->tally, stderr);
	free(p);
	return rc ? STATUS_FAILED : 0;
}

int cmd_plan(int argc, char **argv)
{
	struct plan_options opts = {0};
	int status = parse(&opts, argc, argv);

	if (status < 0)
		status = run(&opts);
	file_list_free(&opts.files);
	return status;
}
