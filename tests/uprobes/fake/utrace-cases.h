/* SPDX-License-Identifier: GPL-2.0 */
/*
 * utrace-cases.h - the tests of utrace and of the fake host itself, by list.
 */
#ifndef UTRACE_CASES_H
#define UTRACE_CASES_H

#include "../../../host/fake/fake.h"

extern const struct fake_case fake_host_cases[];	/* test-host.c */
extern const struct fake_case utrace_cases[];	/* test-utrace.c */
extern const struct fake_case utrace_order_cases[]; /* test-utrace-orders.c */
extern const struct fake_case utrace_example_cases[]; /* test-utrace-example.c */

#endif /* UTRACE_CASES_H */
