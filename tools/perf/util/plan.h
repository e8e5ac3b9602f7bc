/* SPDX-License-Identifier: GPL-2.0 */
/*
 * plan.h - how a place would be executed, before anything is armed.
 *
 * Purpose: ask the architecture what it would do with a site, given what is proven about
 * it, and put the answer into words and numbers for `perf-uprobe probe --plan`.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_PLAN_H
#define PERF_UTIL_PLAN_H

#include <stdio.h>
#include <upr-arch.h>

#include "code-map.h"

/**
 * enum plan_mode - what is printed as a site's mode
 * @PLAN_MAYBE: a jump, if the one place its pad must be at is free ("jump?")
 */
enum plan_mode {
	PLAN_JUMP,
	PLAN_MAYBE,
	PLAN_EMULATE,
	PLAN_BOOST,
	PLAN_STEP,
	PLAN_REFUSE,
	PLAN_NR_MODES,
};

/**
 * struct plan - of one site
 * @form:	of a jump, else UPR_JUMP_NONE
 * @insns:	displaced instructions, 0 if it is refused
 * @pad:	bytes of the pad or slot, 0 if there is none
 * @ns:		what a hit is estimated to cost, in nanoseconds
 * @reason:	class of the proof of a jump, or why there is none; a constant string
 */
struct plan {
	enum plan_mode mode;
	enum upr_jump_form form;
	unsigned int insns;
	unsigned int pad;
	double ns;
	const char *reason;
};

/**
 * plan_site() - plan the instruction at @addr
 * @map:	of @elf; NULL: nothing is proven
 */
void plan_site(struct upr_elf *elf, struct code_map *map, u64 addr, struct plan *ret);

const char *plan_mode_name(enum plan_mode mode);

/** struct plan_tally - sites planned so far, by mode, and why those do not jump */
struct plan_tally {
	size_t nr;
	size_t modes[PLAN_NR_MODES];
	struct {
		enum plan_mode mode;
		const char *reason;
		size_t nr;
	} reasons[64];
	size_t nr_reasons;
};

void plan_count(struct plan_tally *tally, const struct plan *plan);
void plan_print_tally(const struct plan_tally *tally, FILE *out);

#endif /* PERF_UTIL_PLAN_H */
