/* SPDX-License-Identifier: GPL-2.0 */
/*
 * survive.h - what a program is given to execute breakpoints without the tool.
 *
 * Purpose: the layout that survive.c writes and survive-code.c reads.
 */
#ifndef HOST_USER_SURVIVE_H
#define HOST_USER_SURVIVE_H

#include <upr-compat.h>

/**
 * struct survive_head - beginning of the page
 * @magic:	SURVIVE_MAGIC: for whoever cleans up after us
 * @table:	address of the table in force: changed by a single store
 * @own:	actions that the program has set for SIGTRAP, one after the other: handler, 0
 *		default, 1 ignore.  Each has an entry of its own, SURVIVE_STEP bytes after the one
 *		before, because the program may put back what sigaction() has shown it
 * @tables, @tables_size: a mapping for tables that this page has no room for; 0: none
 * @young:	an int3 that the program executes before any code of its own; 0: it is past it.  Who
 *		executes it without us takes all changes of text away first: of @text, which ends with 0
 *
 * Code follows, then stubs (guard.c), and at SURVIVE_TABLES tables, while they are small.
 */
#define SURVIVE_OWN    8
#define SURVIVE_STEP   16
#define SURVIVE_TEXTS  16
struct survive_head {
	u64 magic;
	u64 table;
	u64 own[SURVIVE_OWN];
	u64 tables, tables_size;
	u64 young;
	struct {
		u64 start, size;
	} text[SURVIVE_TEXTS + 1];
};

/**
 * struct survive_claim - an action that the program has set by a guarded call
 * @state:	0 free, 1 being written, 2 for good
 * @action:	as the kernel takes it: handler, flags, restorer, mask
 *
 * SURVIVE_CLAIMS of them are the page behind the first, which the program itself writes.  Their entries
 * follow those of the home's.
 */
#define SURVIVE_CLAIMS	8
#define SURVIVE_ENTRIES (SURVIVE_OWN + SURVIVE_CLAIMS)
struct survive_claim {
	u64 state;
	u64 action[4];
};

#define SURVIVE_MAGIC  0x50415254727075ull /* "uprTRAP" */
#define SURVIVE_STUBS  1536
#define SURVIVE_STUB   32
#define SURVIVE_GUARDS 8
#define SURVIVE_TABLES 1792
#define SURVIVE_SIZE   8192 /* both pages */

/* the kernel's; no libc has it */
#define SA_RESTORER_FLAG 0x04000000ull

#define SURVIVE_STRING_(x) #x
#define SURVIVE_STRING(x)  SURVIVE_STRING_(x)

/**
 * struct survive_pair - a row of a table
 * In the list of areas: start and size.  In that of sites: address of an int3 and where a thread
 * that has executed it goes on.
 */
struct survive_pair {
	u64 a, b;
};

/**
 * struct survive_table
 * @rows:	areas, then sites in ascending order
 */
struct survive_table {
	u64 nr_sites;
	u64 nr_areas;
	struct survive_pair rows[];
};

/**
 * struct survive_code - the page as it is copied
 * @entry:	of the first entry; offsets from @image
 * @handler_size: from there on
 * @guard:	where stubs lead to; 0 nowhere
 * @restorer:	rt_sigreturn
 * @base:	where the address of the page (4 bytes) is to be written; 0 nowhere
 */
struct survive_code {
	const u8 *image;
	unsigned int size;
	unsigned int entry, handler_size, guard, restorer;
	unsigned int base;
};

struct survive_code survive_code(bool mode32);

#endif /* HOST_USER_SURVIVE_H */
