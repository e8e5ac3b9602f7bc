/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-sdt.h - statically defined probes in the kernel's syntax.
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_SDT_H
#define PERF_UTIL_PROBE_SDT_H

#include "probe-finder.h"
#include "symbol.h"

/**
 * probe_find_sdt() - append the places of a definition that is one (%PROVIDER:NAME, wildcards)
 * Their @symbol is the group and their @real the event, which perf takes from the note.  Of the arguments those
 * that the kernel's syntax has words for.
 * Return: 0 (there may be none), -ENOMEM.
 */
int probe_find_sdt(struct upr_elf *elf, const struct perf_def *def, struct probe_places *places);

#endif /* PERF_UTIL_PROBE_SDT_H */
