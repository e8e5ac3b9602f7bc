// SPDX-License-Identifier: GPL-2.0
/*
 * no-32.c - prints why 32-bit programs cannot be run here, and nothing if they can: for scripts.
 */
#include "drive.h"

#include <stdio.h>

int main(void)
{
	const char *why = no_32();

	if (why)
		puts(why);
	return 0;
}
