/* SPDX-License-Identifier: GPL-2.0 */
/*
 * linux-version.h - every difference between kernel versions, in one place.
 *
 * Purpose: the rest of host/kmod is written for 6.1 and includes this; whoever
 * ports it to a newer kernel changes this file only.  No locks.
 */
#ifndef UPR_LINUX_VERSION_H
#define UPR_LINUX_VERSION_H

#include <linux/mm.h>
#include <linux/version.h>

/* One page of another address space; mmap_lock held for reading. */
static inline long kmod_get_page(struct mm_struct *mm, unsigned long addr, unsigned int gup_flags, struct page **ret)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	return get_user_pages_remote(mm, addr, 1, gup_flags, ret, NULL);
#else
	return get_user_pages_remote(mm, addr, 1, gup_flags, ret, NULL, NULL);
#endif
}

#endif /* UPR_LINUX_VERSION_H */
