// SPDX-License-Identifier: GPL-2.0
/*
 * memory.c - user memory and text of a target.
 *
 * Purpose: what the program's own instructions could do goes by
 * process_vm_readv() and process_vm_writev(), which obey its protections.  Text
 * goes by /proc/PID/mem, which breaks copy-on-write of a private page whatever
 * its protection; where a kernel forbids that, by POKETEXT.  The descriptor belongs to
 * the address space: it stays right when the process executes another program.
 *
 * No locks.
 */
#include "host.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FD_NONE = -1, FD_NEVER = -2 };

/* --- a set of addresses -------------------------------------------------------- */

static unsigned int set_slot(const struct addr_set *set, u64 addr)
{
	unsigned int mask = (1u << set->bits) - 1, i = hash_64(addr, set->bits);

	while (set->v[i] && set->v[i] != addr)
		i = (i + 1) & mask;
	return i;
}

bool addr_set_has(const struct addr_set *set, u64 addr)
{
	return set->v && set->v[set_slot(set, addr)] == addr;
}

/* Without memory the address is not remembered: an int3 met late would be taken for the program's. */
void addr_set_add(struct addr_set *set, u64 addr)
{
	unsigned int i;

	if (!set->v || set->used * 2 >= 1u << set->bits) {
		struct addr_set bigger = {.bits = set->v ? set->bits + 1 : 6};

		bigger.v = calloc((size_t)1 << bigger.bits, sizeof(u64));
		if (!bigger.v)
			return;
		for (i = 0; set->v && i < 1u << set->bits; i++)
			if (set->v[i])
				bigger.v[set_slot(&bigger, set->v[i])] = set->v[i];
		bigger.used = set->used;
		free(set->v);
		*set = bigger;
	}
	i = set_slot(set, addr);
	if (!set->v[i]) {
		set->v[i] = addr;
		set->used++;
	}
}

int addr_set_copy(struct addr_set *to, const struct addr_set *from)
{
	*to = *from;
	if (!from->v)
		return 0;
	to->v = malloc(sizeof(u64) << from->bits);
	if (!to->v)
		return -ENOMEM;
	memcpy(to->v, from->v, sizeof(u64) << from->bits);
	return 0;
}

void addr_set_free(struct addr_set *set)
{
	free(set->v);
	memset(set, 0, sizeof(*set));
}

/* --- /proc/PID/mem --------------------------------------------------------------- */

static int mem_fd(struct host_mm *mm)
{
	char path[40];
	pid_t tid;

	if (mm->fd != FD_NONE)
		return mm->fd;
	tid = mm_any_tid(mm);
	if (!tid)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/mem", tid);
	mm->fd = open(path, O_RDWR | O_CLOEXEC);
	if (mm->fd < 0)
		mm->fd = errno == ENOENT || errno == EMFILE || errno == ENFILE ? FD_NONE : FD_NEVER;
	return mm->fd < 0 ? -ESRCH : mm->fd;
}

void mem_close(struct host_mm *mm)
{
	if (mm->fd >= 0)
		close(mm->fd);
	mm->fd = FD_NONE;
}

static int peek_text(struct host_mm *mm, u64 addr, u8 *buf, size_t len)
{
	struct host_task *t = mm_stopped_task(mm);

	if (!t)
		return -ESRCH;
	while (len) {
		u64 word_addr = addr & ~(u64)7;
		size_t at = addr - word_addr, n = min(len, (size_t)8 - at);
		long word;

		errno = 0;
		word = ptrace(PTRACE_PEEKTEXT, t->tid, (void *)word_addr, NULL);
		if (word == -1 && errno)
			return errno == ESRCH ? -ESRCH : -EFAULT;
		memcpy(buf, (u8 *)&word + at, n);
		addr += n;
		buf += n;
		len -= n;
	}
	return 0;
}

static int poke_text(struct host_mm *mm, u64 addr, const u8 *buf, size_t len)
{
	struct host_task *t = mm_stopped_task(mm);

	if (!t)
		return -ESRCH;
	while (len) {
		u64 word_addr = addr & ~(u64)7;
		size_t at = addr - word_addr, n = min(len, (size_t)8 - at);
		u64 word;
		int r = peek_text(mm, word_addr, (u8 *)&word, sizeof(word));

		if (r)
			return r;
		memcpy((u8 *)&word + at, buf, n);
		if (host_ptrace(PTRACE_POKETEXT, t->tid, word_addr, word) < 0)
			return errno == ESRCH ? -ESRCH : -EFAULT;
		addr += n;
		buf += n;
		len -= n;
	}
	return 0;
}

/*
 * The kernel looks pages up for as many bytes at a time as a page has: where those end
 * with the page, each page is looked up once and not twice.
 */
static size_t first_part(u64 addr, size_t len)
{
	size_t part = HOST_PAGE - (addr & (HOST_PAGE - 1));

	return len > HOST_PAGE && part < HOST_PAGE ? part : 0;
}

int mem_get(struct host_mm *mm, u64 addr, void *buf, size_t len)
{
	int fd = mem_fd(mm);
	ssize_t n;

	if (fd < 0)
		return peek_text(mm, addr, buf, len);
	n = pread(fd, buf, len, (off_t)addr);
	if (n == (ssize_t)len)
		return 0;
	/* nought: the address space is gone */
	return n ? -EFAULT : -ESRCH;
}

int mem_put(struct host_mm *mm, u64 addr, const void *buf, size_t len)
{
	size_t first = first_part(addr, len);
	int fd = mem_fd(mm);
	ssize_t n;

	if (fd < 0)
		return poke_text(mm, addr, buf, len);
	if (first && pwrite(fd, buf, first, (off_t)addr) == (ssize_t)first) {
		addr += first;
		buf = (const u8 *)buf + first;
		len -= first;
	}
	n = pwrite(fd, buf, len, (off_t)addr);
	if (n == (ssize_t)len)
		return 0;
	if (!n)
		return -ESRCH;
	if (errno == ESRCH)
		return -ESRCH;
	return poke_text(mm, addr, buf, len);
}

/* --- as the program itself could --------------------------------------------------- */

static int vm_read(pid_t tid, u64 addr, void *buf, size_t len)
{
	struct iovec local = {buf, len}, remote = {(void *)addr, len};
	ssize_t n = process_vm_readv(tid, &local, 1, &remote, 1, 0);

	if (n == (ssize_t)len)
		return 0;
	return n < 0 && errno == ESRCH ? -ESRCH : -EFAULT;
}

static int vm_write(pid_t tid, u64 addr, const void *buf, size_t len)
{
	struct iovec local = {(void *)buf, len}, remote = {(void *)addr, len};
	ssize_t n = process_vm_writev(tid, &local, 1, &remote, 1, 0);

	if (n == (ssize_t)len)
		return 0;
	return n < 0 && errno == ESRCH ? -ESRCH : -EFAULT;
}

int host_mem_read(struct utrace_task *task, u64 addr, void *buf, size_t len)
{
	struct host_task *t = task->host;

	return vm_read(t->tid, addr, buf, len);
}

/* Over a page boundary the second half goes first and is taken back if the first half fails. */
int host_mem_write(struct utrace_task *task, u64 addr, const void *buf, size_t len)
{
	struct host_task *t = task->host;
	size_t first = HOST_PAGE - (addr & (HOST_PAGE - 1));
	u8 old[64];
	int r;

	if (len <= first)
		return vm_write(t->tid, addr, buf, len);
	if (len - first > sizeof(old))
		return -EFAULT;
	r = vm_read(t->tid, addr + first, old, len - first);
	if (!r)
		r = vm_write(t->tid, addr + first, (const u8 *)buf + first, len - first);
	if (r)
		return r;
	r = vm_write(t->tid, addr, buf, first);
	if (r)
		vm_write(t->tid, addr + first, old, len - first);
	return r;
}

/* --- text ----------------------------------------------------------------------------- */

/* The kernel looks pages up one by one for a file, many at a time for a call.  That needs them to be readable. */
int host_text_read(struct upr_mm *umm, u64 addr, void *buf, size_t len)
{
	struct host_mm *mm = umm->host;
	pid_t tid = len >= 2 * HOST_PAGE ? mm_any_tid(mm) : 0;
	int r = tid ? vm_read(tid, addr, buf, len) : -EFAULT;

	if (r)
		r = mem_get(mm, addr, buf, len);
	guards_hide(mm, addr, buf, r ? 0 : len);
	return r;
}

int host_text_write(struct upr_mm *umm, u64 addr, const void *buf, size_t len)
{
	struct host_mm *mm = umm->host;
	bool guarded;
	int r;

	regs_flush_all(mm);
	if (!area_has(mm, addr, len)) {
		/* the program may have put something else there since we last looked */
		r = maps_check_text(mm, addr, len);
		if (r)
			return r;
	} else {
		rseq_forget(mm, addr, len);
	}
	guarded = guards_make_way(mm, addr, len);
	r = mem_put(mm, addr, buf, len);
	if (guarded)
		guards_plant(mm);
	return r;
}

void host_trap_planted(struct upr_mm *umm, u64 addr)
{
	struct host_mm *mm = umm->host;

	addr_set_add(&mm->planted, addr);
}

/* --- counters in data ------------------------------------------------------------------- */

struct data_search {
	struct host_mm *mm;
	u64 addr;
};

static int find_data(void *data, const struct map_line *line)
{
	struct data_search *s = data;

	if (s->addr < line->start || s->addr >= line->end || line->perms[1] != 'w' || line->perms[3] != 'p')
		return 0;
	s->mm->data_start = line->start;
	s->mm->data_end = line->end;
	return 1;
}

int host_data_add(struct upr_mm *umm, u64 addr, int n)
{
	struct host_mm *mm = umm->host;
	struct data_search search = {mm, addr};
	pid_t tid = mm_any_tid(mm);
	u16 value;
	int r;

	if (!tid)
		return -ESRCH;
	/*
	 * Where a loader's first mapping of the file is yet to be replaced by that of its data nothing may be changed.
	 * Most counters of a file are in one mapping: all are not looked at for each.
	 */
	if (addr < mm->data_start || addr >= mm->data_end) {
		r = maps_each(tid, find_data, &search);
		if (r <= 0)
			return r ? r : -EAGAIN;
	}
	r = vm_read(tid, addr, &value, sizeof(value));
	if (r)
		return r;
	value += (u16)n;
	return vm_write(tid, addr, &value, sizeof(value));
}

int upr_home_mem_read(struct upr_home *home, struct upr_mm *umm, u64 addr, void *buf, size_t len)
{
	int r = mem_get(umm->host, addr, buf, len);

	if (!r) {
		guards_hide(umm->host, addr, buf, len);
		upr_orig_bytes(umm, addr, buf, len);
	}
	return r;
}
