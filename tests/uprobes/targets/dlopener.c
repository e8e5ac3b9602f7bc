// SPDX-License-Identifier: GPL-2.0
/*
 * dlopener.c - loads a library, calls its function, unloads it, again and again.
 *
 * dlopener LIBRARY ROUNDS CALLS	prints "plug_call calls", constructors' included
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	long total = 0, rounds, calls, i;

	if (argc < 4)
		return 2;
	calls = atol(argv[3]);
	for (rounds = atol(argv[2]); rounds > 0; rounds--) {
		void *lib = dlopen(argv[1], RTLD_NOW);
		long (*plug)(long x) = lib ? (long (*)(long x))dlsym(lib, "plug_call") : NULL;
		long x = 0;

		if (!plug)
			return 3;
		for (i = 0; i < calls; i++)
			x = plug(x);
		total += x + 3;
		dlclose(lib);
	}
	printf("plug_call %ld\n", total);
	return 0;
}
