// SPDX-License-Identifier: GPL-2.0
/*
 * fault.c - ends as it is told: exit STATUS | signal NUMBER; calls entry_push once before.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRIES_HERE
#include "entries.h"

int main(int argc, char **argv)
{
	if (argc < 3 || entry_push(1) != 2)
		return 99;
	if (!strcmp(argv[1], "signal")) {
		signal(atoi(argv[2]), SIG_DFL);
		raise(atoi(argv[2]));
	}
	return atoi(argv[2]);
}
