/* SPDX-License-Identifier: GPL-2.0 */
/*
 * xol-vectors.h - displaced execution's vectors, for user space and the kernel.
 */
#ifndef UPROBES_TESTS_XOL_VECTORS_H
#define UPROBES_TESTS_XOL_VECTORS_H

#include <upr-compat.h>

/** upr_xol_selftest() - calls @report once per assertion; returns the number of failures */
int upr_xol_selftest(void (*report)(const char *name, bool pass));

#endif /* UPROBES_TESTS_XOL_VECTORS_H */
