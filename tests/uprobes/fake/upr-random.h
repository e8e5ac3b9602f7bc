/* SPDX-License-Identifier: GPL-2.0 */
/*
 * upr-random.h - random programs for the fake CPU.
 *
 * Purpose: a program is a function of a seed.  Every loop in it is bounded, and
 * what it may do besides computing is chosen by the caller.
 *
 * Locks: none, one thread.
 */
#ifndef UPR_RANDOM_H
#define UPR_RANDOM_H

#include "upr-script.h"

#define RANDOM_SIGNALS	0x1u	/* a handler for SIGUSR1 that calls functions; signals to itself */
#define RANDOM_THREADS	0x2u
#define RANDOM_FORKS	0x4u	/* fork and vfork */
#define RANDOM_LIBS	0x8u	/* maps, calls and unmaps programs[1] */

#define RANDOM_SIGUSR1	10
#define RANDOM_LIB	0x500000u

struct random {
	u64 state;
};

void random_begin(struct random *r, u64 seed);
unsigned int random_below(struct random *r, unsigned int limit);

void random_program(struct script *s, struct random *r, unsigned int what);

extern const u8 random_lib[4];

#endif /* UPR_RANDOM_H */
