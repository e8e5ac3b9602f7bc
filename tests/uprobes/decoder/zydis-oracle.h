/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zydis-oracle.h - the decoder held against Zydis.
 *
 * Purpose: decode the same bytes with both, compare everything that both say,
 * and keep a tally of the differences that the exception list does not excuse.
 * Single-threaded; no locks.
 */
#ifndef ZYDIS_ORACLE_H
#define ZYDIS_ORACLE_H

#include <stdbool.h>
#include <stdio.h>
#include <utrace/insn.h>

enum oracle_kind {
	DIFF_INVALID,		/* only Zydis accepts */
	DIFF_VALID,		/* only we accept */
	DIFF_LENGTH,
	DIFF_OPCODE,		/* encoding, map, opcode or mandatory prefix */
	DIFF_FIELDS,		/* place or size of a field */
	DIFF_IMM,		/* value of an immediate or displacement */
	DIFF_ADDRESS,		/* rip-relative, base, index, address size */
	DIFF_BRANCH,		/* kind or target */
	DIFF_MEM,		/* memory read or written */
	DIFF_GPR_READ,
	DIFF_GPR_WRITE,
	DIFF_FLAGS_READ,
	DIFF_FLAGS_WRITE,
	DIFF_OPSIZE,
	NR_DIFF,
};

/**
 * oracle_init() - read the list of known differences
 * @exceptions:	path
 * Return: 0, or -1 after a message on stderr.
 */
int oracle_init(const char *exceptions);

/**
 * oracle_compare() - decode with both and book the differences
 * @buf:	bytes
 * @len:	how many
 * @mode:	code segment
 * @insn:	what we decoded, when we did
 * Return: how far a linear sweep advances: Zydis' length, or 1.
 */
unsigned int oracle_compare(const u8 *buf, size_t len, enum upr_insn_mode mode, struct upr_insn *insn);

/** oracle_compared() - how many byte strings were compared, and how many of them both call valid */
unsigned long oracle_compared(unsigned long *valid);

/** oracle_differences() - how many differences are not excused */
unsigned long oracle_differences(void);

/** oracle_report() - print the differences, grouped, at most @limit groups, each line after @prefix */
void oracle_report(FILE *out, const char *prefix, unsigned int limit);

#endif /* ZYDIS_ORACLE_H */
