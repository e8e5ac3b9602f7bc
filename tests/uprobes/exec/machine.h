/* SPDX-License-Identifier: GPL-2.0 */
/*
 * machine.h - what some virtual machines do otherwise than a CPU.
 *
 * Purpose: what cannot be compared there is left out and counted; on all others everything is
 * compared.  Nobody asks for the machine's name: each peculiarity is tried out in the rat.
 *
 * Context: one thread, as rat.h.
 */
#ifndef UPROBES_TESTS_MACHINE_H
#define UPROBES_TESTS_MACHINE_H

#include <stdbool.h>

#include <upr-compat.h>

/**
 * struct machine - what it can do
 * @code32:	execute 32-bit code
 */
struct machine {
	bool code32;
};

extern struct machine machine;

#define NO_CODE32 "this machine executes no 32-bit code"

/** machine_try() - find out; the rat is as before then */
void machine_try(void);

#endif /* UPROBES_TESTS_MACHINE_H */
