/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stepper.h - what the oracle and its library share: a table of visited addresses in a file.
 */
#ifndef UPROBES_TARGETS_STEPPER_H
#define UPROBES_TARGETS_STEPPER_H

#include <stdint.h>

#define STEPPER_ENV	"STEPPER_TABLE"
#define STEPPER_SLOTS	(1u << 18)
#define STEPPER_MAPS	(1u << 16)

/* Visits of an address; @again: directly after itself. */
struct stepper_visit {
	uint64_t addr;
	uint64_t count;
	uint64_t again;
};

/* The file: zeroed by the oracle, filled by the program. */
struct stepper_table {
	char maps[STEPPER_MAPS];	/* /proc/self/maps when stepping began */
	uint64_t used;
	uint64_t last;
	struct stepper_visit slots[STEPPER_SLOTS];
};

static inline struct stepper_visit *stepper_find(struct stepper_table *t, uint64_t addr)
{
	uint64_t at = (addr * 0x9e3779b97f4a7c15ull) >> 24 & (STEPPER_SLOTS - 1);

	while (t->slots[at].addr && t->slots[at].addr != addr)
		at = (at + 1) & (STEPPER_SLOTS - 1);
	return &t->slots[at];
}

#endif /* UPROBES_TARGETS_STEPPER_H */
