/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sdt.h - statically defined probes of a file (SDT, USDT): section .note.stapsdt.
 *
 * Purpose: the notes that <sys/sdt.h> leaves: provider, name, address, arguments, semaphore.  Facts: systemtap's
 * "UserSpaceProbeImplementation".
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_SDT_H
#define PERF_UTIL_SDT_H

#include "symbol.h"

/**
 * struct sdt_note - a probe
 * @args:	operands as the assembler has them: "-4@%eax 8@16(%rsp)"
 * @addr:	of the instruction (a nop)
 * @semaphore:	address of a 16-bit counter that the program looks at before it prepares arguments; 0: there is none
 */
struct sdt_note {
	const char *provider;
	const char *name;
	const char *args;
	u64 addr;
	u64 semaphore;
};

/** struct sdt_notes - in the order of the file; the strings are the file's */
struct sdt_notes {
	struct sdt_note *v;
	size_t nr;
	size_t cap;
};

/** sdt_read() - Return: 0 (there may be none), -ENOMEM; notes that are damaged are left out */
int sdt_read(struct upr_elf *elf, struct sdt_notes *ret);
void sdt_free(struct sdt_notes *notes);

#endif /* PERF_UTIL_SDT_H */
