/* SPDX-License-Identifier: GPL-2.0 */
/*
 * file-defs.h - "-x FILE DEF..." of a command line, any number of times.
 *
 * Purpose: one list for the verbs whose -x governs the definitions that follow it.
 * Locks: none.
 */
#ifndef PERF_UTIL_FILE_DEFS_H
#define PERF_UTIL_FILE_DEFS_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct file_defs - a file and what is defined in it
 * The strings are argv's.
 */
struct file_defs {
	const char *name;
	char **defs;
	size_t nr_defs;
};

/**
 * struct file_list - in the order of the command line; zero is an empty one
 */
struct file_list {
	struct file_defs *v;
	size_t nr;
};

/**
 * file_list_add() - another file
 * Return: false: no memory.
 */
bool file_list_add(struct file_list *list, const char *name);

/**
 * file_list_define() - a definition for the file added last, of which there must be one
 * Return: false: no memory.
 */
bool file_list_define(struct file_list *list, char *def);
void file_list_free(struct file_list *list);

/**
 * room_for_one() - make room for one more in an array that only this makes larger
 * @array:	the address of the pointer to it
 * @nr:		how many it has
 * Return: false: no memory; the array is as it was.
 */
bool room_for_one(void *array, size_t nr, size_t size);

#endif /* PERF_UTIL_FILE_DEFS_H */
