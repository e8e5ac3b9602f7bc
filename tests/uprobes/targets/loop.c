// SPDX-License-Identifier: GPL-2.0
/*
 * loop.c - calls a function N times from T threads.
 *
 * loop ENTRY N [THREADS]	ENTRY: push lea nop endbr sub riprel
 *
 * Prints "ENTRY calls" as counted by what the function returned.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_HERE
#include "entries.h"

static long (*function)(long x);
static long calls;

static void *run(void *arg)
{
	long i, x = 0;

	for (i = 0; i < calls; i++)
		x = function(x);
	*(long *)arg = x;
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		long (*function)(long x);
	} entries[] = {
		{"push", entry_push},	{"lea", entry_lea}, {"nop", entry_nop},
		{"endbr", entry_endbr}, {"sub", entry_sub}, {"riprel", entry_riprel},
	};
	static pthread_t threads[64];
	static long done[64];
	int i, nr = argc > 3 ? atoi(argv[3]) : 1;
	long sum = 0;

	if (argc < 3 || nr < 1 || nr > 64)
		return 2;
	for (i = 0; i < (int)(sizeof(entries) / sizeof(entries[0])); i++)
		if (!strcmp(argv[1], entries[i].name))
			function = entries[i].function;
	calls = atol(argv[2]);
	if (!function)
		return 2;
	for (i = 1; i < nr; i++)
		pthread_create(&threads[i], NULL, run, &done[i]);
	run(&done[0]);
	for (i = 1; i < nr; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < nr; i++)
		sum += done[i];
	printf("entry_%s %ld\n", argv[1], sum);
	return 0;
}
