/* SPDX-License-Identifier: GPL-2.0 */
/*
 * selftest.h - test suites that run in user space and inside the kernel, from
 * the same source files.
 *
 * Purpose: a suite calls @report once for each assertion and returns 0, or the
 * number of failures.  It includes what the engine may include and nothing
 * else.  No locks; sleeping context.
 */
#ifndef UPROBES_TESTS_SELFTEST_H
#define UPROBES_TESTS_SELFTEST_H

#include <upr-compat.h>

/** upr_insn_selftest() - the decoder: bytes in, fields out (insn-vectors.c) */
int upr_insn_selftest(void (*report)(const char *name, bool ok));

/** upr_xol_selftest() - displaced execution: ways, slots, emulation (tests/uprobes/exec/xol-vectors.c) */
int upr_xol_selftest(void (*report)(const char *name, bool ok));

#endif /* UPROBES_TESTS_SELFTEST_H */
