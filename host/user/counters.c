// SPDX-License-Identifier: GPL-2.0
/*
 * counters.c - memory that the target and we share.
 *
 * Purpose: pads count in it, the tool reads it.  A stopped thread of the target
 * is made to create a memfd and to map it; the descriptor is opened here through
 * /proc/PID/fd, mapped, and closed in both.  That needs no path that both can see: it
 * works across mount, user and pid namespaces and for a target in a chroot.
 * The file gets its size from here: RLIMIT_FSIZE of the target would end it with SIGXFSZ.
 *
 * A request may be interrupted between two calls (the thread has something else to report): what
 * has been reached is kept in it, and the next thread of the same process goes on from there.
 * While the descriptor is open in the target, another thread of it that forks hands
 * it down: it is closed on exec.
 *
 * No locks.
 */
#include "host.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1u
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

/* maps shows "/memfd:uprobes (deleted)" */
static const char memfd_name[8] = "uprobes";

static s64 call(struct host_task *t, enum call_nr nr, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	u64 args[6] = {a, b, c, d, e, 0};

	return inject(t, nr, args);
}

static s64 create_fd(struct host_task *t)
{
	struct scratch s;
	s64 r = scratch_take(t, &s);

	if (r)
		return r;
	r = mem_put(t->mm, s.addr, memfd_name, sizeof(memfd_name));
	if (!r)
		r = call(t, CALL_MEMFD, s.addr, MFD_CLOEXEC | MFD_NOEXEC_SEAL, 0, 0, 0);
	/* before Linux 6.3 */
	if (r == -EINVAL)
		r = call(t, CALL_MEMFD, s.addr, MFD_CLOEXEC, 0, 0, 0);
	scratch_put(t, &s);
	return r;
}

/* Beyond our own limit there is a signal for us: up to the hard one it is no obstacle. */
static int set_size(int fd, size_t size)
{
	struct rlimit limit, higher;
	int r;

	if (getrlimit(RLIMIT_FSIZE, &limit))
		return -errno;
	higher = limit;
	higher.rlim_cur = limit.rlim_max;
	if (higher.rlim_cur < size)
		return -EFBIG;
	if (limit.rlim_cur < size && setrlimit(RLIMIT_FSIZE, &higher))
		return -errno;
	r = ftruncate(fd, (off_t)size) ? -errno : 0;
	if (limit.rlim_cur < size)
		setrlimit(RLIMIT_FSIZE, &limit);
	return r;
}

static int map_here(struct host_task *t, struct host_request *req, struct upr_file_key *key)
{
	struct stat st;
	char path[48];
	int fd, r;
	void *p;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", t->tid, req->fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -EACCES;
	r = set_size(fd, req->size);
	if (!r && fstat(fd, &st))
		r = -errno;
	if (r)
		goto out;
	p = mmap(NULL, req->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		r = -ENOMEM;
		goto out;
	}
	key->dev = st.st_dev;
	key->ino = st.st_ino;
	req->counters->view = p;
out:
	close(fd);
	return r;
}

static void unmap_here(struct upr_counters *counters)
{
	if (counters->view)
		munmap(counters->view, counters->size);
	counters->view = NULL;
	free(counters->host);
	counters->host = NULL;
}

/* A descriptor of the right size, mapped here as well. */
static s64 prepare(struct host_task *t, struct host_request *req)
{
	struct upr_counters *counters = req->counters;
	struct upr_file_key *key;
	s64 r;

	if (req->fd < 0) {
		r = create_fd(t);
		if (r < 0)
			return r;
		req->fd = (int)r;
		req->fd_pid = t->proc->pid;
	}
	if (counters->view)
		return 0;
	key = malloc(sizeof(*key));
	if (!key)
		return -ENOMEM;
	counters->host = key;
	return map_here(t, req, key);
}

static bool for_another_time(s64 r)
{
	return r == -EAGAIN || r == -EBUSY || r == -ESRCH || r == -ETIMEDOUT;
}

static void found_place(struct host_request *req, u64 addr)
{
	struct host_area *area = area_remember(req->mm, addr, req->size);

	req->addr = addr;
	if (!area)
		return;
	area->counters = true;
	area->key = *(struct upr_file_key *)req->counters->host;
}

s64 counters_map_in(struct host_task *t, struct host_request *req)
{
	s64 r = 0;

	/* a vfork child has the memory, but not the descriptors, of its parent */
	if (req->fd >= 0 && req->fd_pid != t->proc->pid) {
		if (proc_find(t->home, req->fd_pid))
			return -EAGAIN;
		req->fd = -1;
		unmap_here(req->counters);
	}
	if (!req->addr) {
		r = prepare(t, req);
		if (!r)
			r = call(t, CALL_MMAP, 0, req->size, PROT_READ | PROT_WRITE, MAP_SHARED, (u64)req->fd);
		if (r > 0)
			found_place(req, (u64)r);
		if (r < 0 && for_another_time(r))
			return r;
	}
	if (req->fd >= 0) {
		s64 closed = call(t, CALL_CLOSE, (u64)req->fd, 0, 0, 0, 0);

		if (for_another_time(closed))
			return closed;
		req->fd = -1;
	}
	return r < 0 ? r : (s64)req->addr;
}

void counters_drop(struct host_request *req)
{
	unmap_here(req->counters);
}

void host_counters_map(struct upr_mm *umm, struct upr_counters *counters)
{
	counters->view = NULL;
	counters->host = NULL;
	area_ask(umm->host, 0, counters->size)->counters = counters;
}

void host_counters_unmap(struct upr_mm *umm, u64 addr, size_t size)
{
	area_ask(umm->host, addr, size);
}

void host_counters_free(struct upr_counters *counters)
{
	unmap_here(counters);
}
