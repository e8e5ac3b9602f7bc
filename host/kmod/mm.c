// SPDX-License-Identifier: GPL-2.0
/*
 * mm.c - address spaces: what is mapped, text, areas.
 *
 * Purpose: the sleeping half of the seam.  Text is read and written through
 * get_user_pages(FOLL_FORCE), which breaks copy-on-write and never touches the file;
 * areas are mapped by a kernel thread that borrows the address space, so that
 * no task has to be asked for anything.
 *
 * Locks: list_lock (mutex) guards home->mms; outside of the engine's locks.
 * mmap_lock is never held while the engine is called.
 */
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "home.h"
#include "linux-version.h"

static DEFINE_MUTEX(list_lock);

/* The lowest address worth asking for: below it only the superuser may map. */
#define AREA_LOWEST 0x10000ul

struct kmod_mm *kmod_mm_find(struct mm_struct *mm)
{
	struct kmod_mm *kmm, *ret = NULL;

	mutex_lock(&list_lock);
	list_for_each_entry(kmm, &kmod_home.mms, node)
		if (kmm->mm == mm)
			ret = kmm;
	mutex_unlock(&list_lock);
	return ret;
}

/* Caller: no other task of @mm can do the same now. */
struct kmod_mm *kmod_mm_new(struct mm_struct *mm)
{
	struct kmod_mm *kmm = kzalloc(sizeof(*kmm), GFP_KERNEL);

	if (!kmm)
		return NULL;
	kmm->mm = mm;
	kmm->upr = upr_mm_new(kmod_home.session, &kmod_target_ops, kmm, UPR_INSN_64, 0);
	if (!kmm->upr) {
		kfree(kmm);
		return NULL;
	}
	mmgrab(mm);
	mutex_lock(&list_lock);
	list_add_tail(&kmm->node, &kmod_home.mms);
	mutex_unlock(&list_lock);
	return kmm;
}

/* True if it is so of all that have tasks. */
static bool all_mms(bool (*so)(struct upr_mm *mm))
{
	struct kmod_mm *kmm;
	bool all = true;

	mutex_lock(&list_lock);
	list_for_each_entry(kmm, &kmod_home.mms, node)
		all = all && (!atomic_read(&kmm->nr_tasks) || so(kmm->upr));
	mutex_unlock(&list_lock);
	return all;
}

static bool settled(struct upr_mm *mm)
{
	return !upr_mm_busy(mm);
}

/* A breakpoint that could not be taken out is not waited for. */
static bool idle(struct upr_mm *mm)
{
	return upr_mm_idle(mm) || upr_mm_error(mm);
}

/* What is wanted and can be had stands in the text, and nothing else of ours. */
bool kmod_mms_settled(void)
{
	return all_mms(settled);
}

bool kmod_mms_idle(void)
{
	return all_mms(idle);
}

void kmod_mms_disarm(void)
{
	struct kmod_mm *kmm;

	mutex_lock(&list_lock);
	list_for_each_entry(kmm, &kmod_home.mms, node)
		upr_mm_disarm(kmm->upr);
	mutex_unlock(&list_lock);
}

/* With no task left and the workqueue flushed. */
void kmod_mm_free_all(void)
{
	struct kmod_mm *kmm, *next;

	list_for_each_entry_safe(kmm, next, &kmod_home.mms, node) {
		list_del(&kmm->node);
		upr_mm_put(kmm->upr);
		mmdrop(kmm->mm);
		kfree(kmm);
	}
}

/* --- mappings ------------------------------------------------------------ */

struct mapping {
	u64 start, end, offset;
	struct upr_file_key key;
	bool probed;
};

/* The mapping at or after @addr.  False: there is none. */
static bool next_mapping(struct mm_struct *mm, u64 addr, struct mapping *ret)
{
	struct vm_area_struct *vma;
	struct inode *inode;

	mmap_read_lock(mm);
	vma = find_vma(mm, addr);
	if (vma) {
		ret->start = vma->vm_start;
		ret->end = vma->vm_end;
		ret->offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
		ret->probed = vma->vm_file && vma->vm_flags & VM_EXEC && !(vma->vm_flags & VM_SHARED);
		if (ret->probed) {
			inode = file_inode(vma->vm_file);
			ret->key = (struct upr_file_key){.dev = inode->i_sb->s_dev, .ino = inode->i_ino};
		}
	}
	mmap_read_unlock(mm);
	return vma;
}

/* Report what is mapped now; later mappings go unseen. */
int kmod_mm_walk(struct kmod_mm *kmm)
{
	struct mapping map;
	u64 addr = 0;

	if (!mmget_not_zero(kmm->mm))
		return -ESRCH;
	while (next_mapping(kmm->mm, addr, &map)) {
		if (map.probed)
			upr_report_mmap(kmm->upr, map.key, map.start, map.end - map.start, map.offset);
		addr = map.end;
	}
	mmput(kmm->mm);
	return 0;
}

/* --- text ------------------------------------------------------------------ */

static void nothing(void *unused)
{
}

/* Within one page.  The mapping must be private: a shared one is the file. */
static int page_access(struct mm_struct *mm, u64 addr, void *buf, size_t len, bool write)
{
	unsigned int flags = FOLL_FORCE | (write ? FOLL_WRITE : 0);
	struct vm_area_struct *vma;
	struct page *page;
	long n = -EFAULT;
	void *p;

	mmap_read_lock(mm);
	vma = find_vma(mm, addr);
	if (vma && vma->vm_start <= addr)
		n = write && vma->vm_flags & VM_SHARED ? -EACCES : kmod_get_page(mm, addr, flags, &page);
	mmap_read_unlock(mm);
	if (n != 1)
		return n < 0 ? n : -EFAULT;

	p = kmap_local_page(page);
	if (write) {
		memcpy(p + offset_in_page(addr), buf, len);
		/*
		 * Every CPU comes by here and refetches.  Each task that had
		 * trapped at the old byte has been through the notifier then, as
		 * that runs with interrupts off.  The second write is for
		 * emulators whose translation of the page was being made meanwhile.
		 */
		smp_call_function(nothing, NULL, 1);
		memcpy(p + offset_in_page(addr), buf, len);
		set_page_dirty_lock(page);
	} else {
		memcpy(buf, p + offset_in_page(addr), len);
	}
	kunmap_local(p);
	put_page(page);
	return 0;
}

int kmod_text_access(struct kmod_mm *kmm, u64 addr, void *buf, size_t len, bool write)
{
	size_t done, n;
	int ret = 0;

	if (!mmget_not_zero(kmm->mm))
		return -ESRCH;
	for (done = 0; done < len && !ret; done += n) {
		n = min_t(size_t, len - done, PAGE_SIZE - offset_in_page(addr + done));
		ret = page_access(kmm->mm, addr + done, buf + done, n, write);
	}
	mmput(kmm->mm);
	if (write)
		kmod_changed();
	return ret;
}

/* --- areas ------------------------------------------------------------------- */

struct area_request {
	struct work_struct work;
	struct kmod_mm *kmm;
	struct upr_area *area; /* NULL: unmap */
	u64 addr;
	size_t size;
};

/* The lowest hole of [lo, hi) that is large enough, or -ENOMEM. */
static s64 find_hole(struct mm_struct *mm, u64 lo, u64 hi, size_t size)
{
	u64 addr = max_t(u64, PAGE_ALIGN(lo), AREA_LOWEST);
	struct vm_area_struct *vma;

	hi = min_t(u64, hi, TASK_SIZE_MAX);
	mmap_read_lock(mm);
	while (addr + size <= hi && addr + size > addr) {
		vma = find_vma(mm, addr);
		if (!vma || addr + size <= vma->vm_start)
			break;
		addr = vma->vm_end;
	}
	mmap_read_unlock(mm);
	return addr + size <= hi && addr + size > addr ? (s64)addr : -ENOMEM;
}

/* Somebody may take the hole before us: look for the next one. */
static s64 map_in_range(struct mm_struct *mm, u64 lo, u64 hi, size_t size)
{
	unsigned long got;
	s64 addr;

	for (;;) {
		addr = find_hole(mm, lo, hi, size);
		if (addr < 0)
			return addr;
		got = vm_mmap(NULL, addr, size, PROT_READ | PROT_EXEC,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, 0);
		if ((long)got != -EEXIST)
			return (long)got;
		lo = addr + PAGE_SIZE;
	}
}

static void area_work(struct work_struct *work)
{
	struct area_request *req = container_of(work, struct area_request, work);
	struct mm_struct *mm = req->kmm->mm;
	s64 addr = -ESRCH;

	if (mmget_not_zero(mm)) {
		kthread_use_mm(mm);
		if (req->area)
			addr = map_in_range(mm, req->area->lo, req->area->hi, req->area->size);
		else
			vm_munmap(req->addr, req->size);
		kthread_unuse_mm(mm);
		mmput(mm);
	}
	if (req->area)
		upr_area_mapped(req->kmm->upr, req->area, addr);
	kmod_changed();
	kfree(req);
}

/* Without memory the request is lost, and the command that waits for it says so. */
static void area_queue(struct upr_mm *mm, struct upr_area *area, u64 addr, size_t size)
{
	struct area_request *req = kmalloc(sizeof(*req), GFP_ATOMIC);

	if (!req) {
		atomic_inc(&kmod_home.lost);
		return;
	}
	INIT_WORK(&req->work, area_work);
	req->kmm = mm->host;
	req->area = area;
	req->addr = addr;
	req->size = size;
	queue_work(kmod_wq, &req->work);
}

void kmod_area_map(struct upr_mm *mm, struct upr_area *area)
{
	area_queue(mm, area, 0, 0);
}

void kmod_area_unmap(struct upr_mm *mm, u64 addr, size_t size)
{
	area_queue(mm, NULL, addr, size);
}
