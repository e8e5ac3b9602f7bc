/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fake-tap.h - tests over the fake host, in a process: TAP on stdout.
 *
 * Purpose: a thin main() hands the lists of cases of its test files to
 * fake_tap().  An argument runs only the cases whose name contains it; FAKE_EFFORT=N bounds
 * the runs of each exploration.
 */
#ifndef FAKE_TAP_H
#define FAKE_TAP_H

#include "../../../host/fake/fake.h"

/* @lists: ended by NULL.  Return: exit status. */
int fake_tap(const struct fake_case *const *lists, int argc, char **argv);

#endif /* FAKE_TAP_H */
