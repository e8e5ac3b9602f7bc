// SPDX-License-Identifier: GPL-2.0
/*
 * main-utrace.c - runs the tests of utrace over the fake host in a process.
 */
#include "fake-tap.h"
#include "utrace-cases.h"

int main(int argc, char **argv)
{
	static const struct fake_case *const lists[] = {
		fake_host_cases, utrace_cases, utrace_example_cases, utrace_order_cases, NULL,
	};

	return fake_tap(lists, argc, argv);
}
