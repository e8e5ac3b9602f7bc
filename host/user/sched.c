// SPDX-License-Identifier: GPL-2.0
/*
 * sched.c - the tool's place among the threads it stops.
 *
 * Purpose: stopping hundreds of busy threads costs mostly the time for which the
 * tool has lost the CPU to them.  A short time slice (Linux 6.12, needs no
 * privilege) lets it have the CPU back soon after each stop.  Commands that are
 * started get the usual one.
 *
 * No locks.
 */
#include "host.h"

#include <sys/syscall.h>
#include <unistd.h>

#define SHORT_SLICE_NS 100000

/* The kernel's; C libraries of today do not have it. */
struct sched_attr_v0 {
	u32 size;
	u32 policy;
	u64 flags;
	s32 nice;
	u32 priority;
	u64 runtime;
	u64 deadline;
	u64 period;
};

/* Best effort: older kernels ignore it, other policies do without. */
void sched_short_slice(bool on)
{
	struct sched_attr_v0 attr = {0};

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) || attr.policy != SCHED_OTHER)
		return;
	attr.size = sizeof(attr);
	attr.runtime = on ? SHORT_SLICE_NS : 0;
	syscall(SYS_sched_setattr, 0, &attr, 0);
}
