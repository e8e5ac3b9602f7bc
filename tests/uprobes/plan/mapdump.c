// SPDX-License-Identifier: GPL-2.0
/*
 * mapdump.c - what the code map claims, as text for scripts.
 *
 * mapdump FILE	a line for every proven instruction: address, length, clear bytes, solo (0 or 1),
 *		dead registers (hexadecimal), flags dead (0 or 1)
 */
#include <stdio.h>

#include "code-map.h"

static void dump_function(struct upr_elf *elf, struct code_map *map, const struct upr_func *func)
{
	struct upr_boundaries b;
	struct upr_facts f;
	struct upr_insn insn;
	size_t i;

	if (upr_func_boundaries(elf, func, &b, NULL))
		return;
	for (i = 0; i < b.nr; i++) {
		u64 addr = func->addr + b.offs[i];

		code_map_facts(map, addr, &f);
		if (upr_insn_decode(&insn, f.code, f.len, UPR_INSN_64))
			continue;
		printf("%llx %u %u %d %x %d\n", (unsigned long long)addr, insn.length, f.clear, f.solo, f.dead_gpr,
		       f.flags_dead);
	}
	upr_boundaries_free(&b);
}

int main(int argc, char **argv)
{
	struct upr_error err = {0};
	struct upr_elf *elf = argc == 2 ? upr_elf_open(argv[1], &err) : NULL;
	struct code_map *map = elf ? code_map_get(elf, true, &err) : NULL;
	const struct upr_func *funcs;
	size_t i, nr;

	if (!map) {
		fprintf(stderr, "mapdump: %s\n", *err.text ? err.text : "usage: mapdump FILE");
		return 1;
	}
	funcs = upr_elf_funcs(elf, &nr, NULL);
	for (i = 0; i < nr; i++) {
		if (funcs[i].entry || funcs[i].kind == UPR_SYM_PART)
			dump_function(elf, map, &funcs[i]);
	}
	upr_elf_close(elf);
	return 0;
}
