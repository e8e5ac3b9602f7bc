// SPDX-License-Identifier: GPL-2.0
/*
 * file-defs.c - "-x FILE DEF..." of a command line, any number of times.
 *
 * Purpose: see file-defs.h.  Locks: none.
 */
#include <stdlib.h>

#include "file-defs.h"

bool room_for_one(void *array, size_t nr, size_t size)
{
	void **at = array, *p;

	/* sizes are powers of two, so that none need be kept */
	if (nr & (nr - 1))
		return true;
	p = realloc(*at, (nr ? 2 * nr : 1) * size);
	if (p)
		*at = p;
	return p != NULL;
}

bool file_list_add(struct file_list *list, const char *name)
{
	if (!room_for_one(&list->v, list->nr, sizeof(*list->v)))
		return false;
	list->v[list->nr++] = (struct file_defs){.name = name};
	return true;
}

bool file_list_define(struct file_list *list, char *def)
{
	struct file_defs *file = &list->v[list->nr - 1];

	if (!room_for_one(&file->defs, file->nr_defs, sizeof(*file->defs)))
		return false;
	file->defs[file->nr_defs++] = def;
	return true;
}

void file_list_free(struct file_list *list)
{
	while (list->nr)
		free(list->v[--list->nr].defs);
	free(list->v);
	*list = (struct file_list){0};
}
