/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ifunc.h - which function an IFUNC stands for in the processes at hand.
 *
 * Purpose: an IFUNC's symbol is the address of a resolver that is called
 * once, by the loader or on the first call, and answers the function to use.  What is to be
 * counted are calls of that function.  Evidence, best first:
 *
 *   - the resolver's answer: its ret instructions are probed, rax is read there;
 *   - words of the process that the loader has relocated with such an answer
 *     (JUMP_SLOT, GLOB_DAT, 64, IRELATIVE): whoever attaches comes too late for the first;
 *   - for a resolver that cannot be watched: what our own loader chose for us, if the
 *     file is the library that we run with ourselves.
 *
 * Every function that the resolver may answer is armed before it answers, and counted
 * by itself; only those with evidence enter the event's count, so that one
 * variant jumping into another is not counted twice.
 *
 * Locks: none, see probe-uprobe.h.
 */
#ifndef PERF_UTIL_IFUNC_H
#define PERF_UTIL_IFUNC_H

#include "probe-uprobe.h"

/** ifunc_watch() - arm what @func, an IFUNC, may stand for as sites of @event.  Return: 0, -ENOMEM. */
int ifunc_watch(struct uprobe_set *set, struct uprobe_event *event, struct uprobe_image *image,
		const struct upr_func *func, const char *symbol);

/** ifunc_scan() - look for evidence in the relocated words of a process; nothing to do without IFUNCs */
void ifunc_scan(struct uprobe_set *set, struct upr_home *home, struct upr_mm *mm, int pid);

/** ifunc_poll() - arm answers that nobody foresaw; between two rounds of the home */
void ifunc_poll(struct uprobe_set *set);

/** ifunc_uncounted() - without a site in use: may there have been calls all the same? */
bool ifunc_uncounted(const struct ifunc_watch *watch);
/** ifunc_why() - why nothing is counted yet, or NULL */
const char *ifunc_why(const struct ifunc_watch *watch);

#endif /* PERF_UTIL_IFUNC_H */
