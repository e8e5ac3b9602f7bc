// SPDX-License-Identifier: GPL-2.0
/*
 * builtin-list.c - `perf-uprobe list`: statically defined probes of files.
 *
 * Purpose: what `perf list sdt' shows of files that it has been told of, here of those that are named, or that a
 * process has mapped.
 *
 * Locks: none.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "util/sdt.h"
#include "util/ui.h"

static const char usage_text[] =
	"\n Usage: perf-uprobe list [<options>] -x FILE... | -p PID\n\n"
	"    Statically defined probes (SDT) of programs and libraries: stat and trace take them as\n"
	"    '%PROVIDER:NAME', also with wildcards; events that were kept: perf-uprobe probe --list\n\n"
	"    -x, --exec <file>     program or library (path, or name as the loader knows it)\n"
	"    -p, --pid <pid>       all files that a process has mapped\n"
	"    -j, --json            one JSON object a place\n"
	"    -v, --verbose         say where each is, and what its arguments are\n"
	"    -h, --help            this text\n\n";

/** struct list - one call of the verb; @pid: 0: none; @nr: probes shown */
struct list {
	char **files;
	size_t nr_files;
	int pid;
	bool json;
	size_t nr;
};

/* --- one file -------------------------------------------------------------------- */

static void print_json(struct upr_elf *elf, const struct sdt_note *note)
{
	const struct upr_func *func = upr_elf_func_at(elf, note->addr);
	u64 offset = 0;

	upr_elf_addr_to_offset(elf, note->addr, &offset);
	printf("{\"event\":\"sdt_%s:%s\",\"file\":", note->provider, note->name);
	ui_json_string(stdout, upr_elf_info(elf)->name);
	printf(",\"offset\":%llu,\"symbol\":", (unsigned long long)offset);
	ui_json_string(stdout, func ? upr_name_pretty(elf, func->names) : NULL);
	fputs(",\"args\":", stdout);
	ui_json_string(stdout, note->args);
	printf(",\"semaphore\":%s}\n", note->semaphore ? "true" : "false");
}

static void print_place(struct upr_elf *elf, const struct sdt_note *note)
{
	const struct upr_func *func = upr_elf_func_at(elf, note->addr);

	printf("      0x%llx", (unsigned long long)note->addr);
	if (func)
		printf(" (%s+%llu)", upr_name_pretty(elf, func->names), (unsigned long long)(note->addr - func->addr));
	printf(" %s%s\n", *note->args ? note->args : "no arguments", note->semaphore ? ", semaphore" : "");
}

/* As perf list does it: files are named where there are several. */
static void print_name(const struct list *list, struct upr_elf *elf, const struct sdt_note *note)
{
	const struct upr_elf_info *info = upr_elf_info(elf);
	char name[512];
	u32 i;

	if (list->nr_files == 1 && !list->pid) {
		snprintf(name, sizeof(name), "sdt_%s:%s", note->provider, note->name);
		printf("  %-50s [SDT event]\n", name);
		return;
	}
	printf("  sdt_%s:%s@%s(", note->provider, note->name, info->real);
	/* as much of the build-id as perf shows */
	for (i = 0; i < info->build_id_len && i < 6; i++)
		printf("%02x", info->build_id[i]);
	puts(") [SDT event]");
}

static int by_name(const void *a, const void *b)
{
	const struct sdt_note *x = a, *y = b;
	int d = strcmp(x->provider, y->provider);

	if (!d)
		d = strcmp(x->name, y->name);
	return d ? d : (x->addr > y->addr) - (x->addr < y->addr);
}

static int list_notes(struct list *list, struct upr_elf *elf)
{
	struct sdt_notes notes;
	size_t i;

	if (sdt_read(elf, &notes))
		return ui_out_of_memory();
	if (notes.nr)
		qsort(notes.v, notes.nr, sizeof(*notes.v), by_name);
	for (i = 0; i < notes.nr; i++) {
		const struct sdt_note *note = &notes.v[i], *last = i ? note - 1 : NULL;

		if (list->json) {
			print_json(elf, note);
			continue;
		}
		if (!last || strcmp(last->provider, note->provider) || strcmp(last->name, note->name))
			print_name(list, elf, note);
		if (ui_verbose)
			print_place(elf, note);
	}
	list->nr += notes.nr;
	sdt_free(&notes);
	return 0;
}

static int list_named(struct list *list, const char *name)
{
	struct upr_error err = {0};
	struct upr_elf *elf = NULL;
	char *path = NULL;
	int status;

	if (!upr_elf_file_find(name, &path, &err))
		elf = upr_elf_open(path, &err);
	free(path);
	if (!elf) {
		ui_error("%s", err.text);
		return STATUS_FAILED;
	}
	status = list_notes(list, elf);
	upr_elf_close(elf);
	return status;
}

/* --- a process ----------------------------------------------------------------------- */

/* The very file, whatever its name means here; one that cannot be read does not keep the others from being shown. */
static int list_mapped(struct list *list, const struct upr_mapped_file *file)
{
	const struct upr_elf_options opts = {.name = file->path};
	struct upr_error err = {0};
	struct upr_elf *elf = NULL;
	int status;

	if (!upr_mapped_file_check(file, list->pid, &err))
		elf = upr_elf_open_opts(file->open_path, strcmp(file->open_path, file->path) ? &opts : NULL, &err);
	if (!elf) {
		/* memory that is shared under a name, code that was made at run time */
		if (err.kind != UPR_ERR_NOT_ELF)
			ui_note("%s", err.text);
		return 0;
	}
	status = list_notes(list, elf);
	upr_elf_close(elf);
	return status;
}

static int list_process(struct list *list)
{
	struct upr_mapped_file *files;
	struct upr_error err = {0};
	size_t nr, i;
	int status = 0;

	if (upr_mapped_files(list->pid, &files, &nr, &err)) {
		ui_error("%s", err.text);
		return STATUS_FAILED;
	}
	for (i = 0; i < nr && !status; i++)
		status = list_mapped(list, &files[i]);
	upr_mapped_files_free(&files, &nr);
	return status;
}

/* --- the command line -------------------------------------------------------------------- */

enum { OPT_WORD = 1 /* getopt's own: a word that is no option */ };

static const struct option long_options[] = {
	{"exec", required_argument, NULL, 'x'}, {"pid", required_argument, NULL, 'p'}, {"json", no_argument, NULL, 'j'},
	{"verbose", no_argument, NULL, 'v'},	{"help", no_argument, NULL, 'h'},      {NULL, 0, NULL, 0},
};

static int read_pid(const char *text, int *ret)
{
	const char *end = ui_parse_pid(text, ret);

	return end && !*end ? -1 : ui_usage_error(usage_text, "-p wants a process id, not `%s'", text);
}

int cmd_list(int argc, char **argv)
{
	struct list list = {.files = calloc((size_t)argc, sizeof(char *))};
	int c, at, status = list.files ? -1 : ui_out_of_memory();
	bool words = false;
	size_t i;

	opterr = 0;
	optind = 1;
	/* "-": words come in their order; ":" tells a missing value from an unknown option */
	while (status < 0 && (at = optind, (c = getopt_long(argc, argv, "-:x:p:jvh", long_options, NULL)) != -1)) {
		if (c == 'x')
			list.files[list.nr_files++] = optarg;
		else if (c == 'p')
			status = read_pid(optarg, &list.pid);
		else if (c == 'j')
			list.json = true;
		else if (c == 'v')
			ui_verbose++;
		else if (c == 'h')
			status = fputs(usage_text, stdout) < 0;
		else if (c == OPT_WORD)
			words = true;
		else
			status = ui_wrong_option(usage_text, c, argv[at]);
	}
	if (status < 0 && (words || optind < argc || (!list.nr_files && !list.pid)))
		status = ui_usage_error(usage_text, "give -x FILE or -p PID");
	if (status < 0) {
		for (i = 0, status = 0; i < list.nr_files && !status; i++)
			status = list_named(&list, list.files[i]);
		if (!status && list.pid)
			status = list_process(&list);
		if (!status && !list.nr && !list.json)
			ui_note("no statically defined probes there");
	}
	free(list.files);
	return status;
}
