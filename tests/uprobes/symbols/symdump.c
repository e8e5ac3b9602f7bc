// SPDX-License-Identifier: GPL-2.0
/*
 * symdump.c - prints what tools/perf/util knows of a file, for comparison with
 * other tools by test-oracle.
 *
 *	symdump funcs FILE	ADDR SIZE OFFSET KIND ENTRY NAME...	(names as NAME, NAME@VER or NAME@@VER)
 *	symdump bounds FILE	ADDR of each proven instruction of functions read linearly; at the end
 *				"# FUNCTIONS LINEAR FLOW UNKNOWN-BYTES"
 *	symdump resolve FILE DEF	as perf probe -D prints it; or "error: ..." and status 1
 *	symdump time FILE	seconds of CPU to list all functions and look one up
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../../tools/perf/util/probe-event.h"

static int fail(const struct upr_error *err)
{
	printf("error: %s\n", err->text);
	return 1;
}

static int dump_funcs(struct upr_elf *elf)
{
	static const char kinds[] = "FILPE"; /* func, ifunc, label, part, eh_frame */
	const struct upr_func *f;
	struct upr_error err;
	size_t nr, i;
	u32 j;

	f = upr_elf_funcs(elf, &nr, &err);
	for (i = 0; i < nr; i++, f++) {
		printf("%llx %llx %llx %c %d", (unsigned long long)f->addr, (unsigned long long)f->size,
		       (unsigned long long)f->offset, kinds[f->kind], f->entry);
		for (j = 0; j < f->nr_names; j++)
			printf(" %s%s%s", f->names[j].name,
			       !f->names[j].version ? "" :
			       f->names[j].hidden   ? "@" :
						      "@@",
			       f->names[j].version ? f->names[j].version : "");
		putchar('\n');
	}
	return 0;
}

static int dump_bounds(struct upr_elf *elf)
{
	size_t nr, i, j, linear = 0, flow = 0, unknown = 0, entries = 0;
	const struct upr_func *f;
	struct upr_error err;

	f = upr_elf_funcs(elf, &nr, &err);
	for (i = 0; i < nr; i++, f++) {
		struct upr_boundaries b;

		if (!f->entry)
			continue;
		entries++;
		if (upr_func_boundaries(elf, f, &b, &err))
			return fail(&err);
		for (j = 0; b.linear && j < b.nr; j++)
			printf("%llx\n", (unsigned long long)f->addr + b.offs[j]);
		for (j = 0; j < b.size; j++)
			unknown += b.state[j] == UPR_PROOF_UNKNOWN;
		linear += b.linear;
		flow += !b.linear;
		upr_boundaries_free(&b);
	}
	printf("# %zu %zu %zu %zu\n", entries, linear, flow, unknown);
	return 0;
}

static int dump_resolve(struct upr_elf *elf, const char *text)
{
	struct upr_event_list list = {0};
	struct upr_error err;
	size_t i;
	u32 j;

	if (upr_resolve(elf, text, &list, &err))
		return fail(&err);
	for (i = 0; i < list.nr; i++) {
		for (j = 0; j < list.events[i].nr_sites; j++)
			printf("p:%s/%s %s:0x%llx\n", list.events[i].group, list.events[i].event,
			       upr_elf_info(elf)->real, (unsigned long long)list.events[i].sites[j].offset);
	}
	upr_event_list_free(&list);
	return 0;
}

static int dump_time(struct upr_elf *elf)
{
	const struct upr_func *f;
	struct upr_matches m;
	struct upr_error err;
	size_t nr;

	f = upr_elf_funcs(elf, &nr, &err);
	if (!nr || upr_elf_find(elf, f[nr / 2].names->name, &m, &err))
		return 1;
	printf("%.3f s, %zu functions, %zu found\n", (double)clock() / CLOCKS_PER_SEC, nr, m.nr);
	upr_matches_free(&m);
	return 0;
}

int main(int argc, char **argv)
{
	struct upr_error err;
	struct upr_elf *elf;
	int rc = 2;

	if (argc < 3)
		return rc;
	elf = upr_elf_open(argv[2], &err);
	if (!elf)
		return fail(&err);
	if (!strcmp(argv[1], "funcs"))
		rc = dump_funcs(elf);
	else if (!strcmp(argv[1], "bounds"))
		rc = dump_bounds(elf);
	else if (!strcmp(argv[1], "resolve") && argc > 3)
		rc = dump_resolve(elf, argv[3]);
	else if (!strcmp(argv[1], "time"))
		rc = dump_time(elf);
	upr_elf_close(elf);
	return rc;
}
