/* SPDX-License-Identifier: GPL-2.0 */
/*
 * upr-compat.h, Linux side - the words the engine shares with its two homes.
 *
 * Purpose: kernel/ and arch/ include <upr-compat.h> and nothing else of their
 * surroundings.  In a module those words are Linux's own; the user home has
 * its own meaning for the same names (include/compat/user).  A word is added
 * here only if both sides can give it the same meaning; behaviour that differs
 * goes through the seam, <utrace/target.h>.
 */
#ifndef UPR_COMPAT_H
#define UPR_COMPAT_H

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/prefetch.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/stdarg.h>
#include <linux/string.h>
#include <linux/types.h>

/* The user side checks what the kernel's own debugging checks here. */
static inline void upr_atomic_enter(void)
{
}

static inline void upr_atomic_exit(void)
{
}

#endif /* UPR_COMPAT_H */
