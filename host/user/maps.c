// SPDX-License-Identifier: GPL-2.0
/*
 * maps.c - /proc/PID/maps, and what has changed in it.
 *
 * Purpose: the engine wants to hear of executable file mappings as they come
 * and go.  The kernel's list is compared with the one reported last, piece by piece: a
 * mapping that was cut, or grew, is news only where it differs.
 *
 * No locks.
 */
#include "host.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* --- reading ------------------------------------------------------------------- */

static char *read_maps(pid_t tid)
{
	size_t room = 1 << 16, len = 0;
	char path[40], *buf = NULL, *more;
	ssize_t n = 1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	while (n > 0) {
		if (!buf || len + HOST_PAGE > room) {
			room *= 2;
			more = realloc(buf, room);
			if (!more)
				break;
			buf = more;
		}
		n = read(fd, buf + len, room - len - 1);
		if (n > 0)
			len += (size_t)n;
	}
	close(fd);
	if (n || !len) {
		free(buf);
		return NULL;
	}
	buf[len] = 0;
	return buf;
}

static u64 take_hex(char **at)
{
	u64 v = 0;

	for (;; (*at)++) {
		char c = **at;

		if (c >= '0' && c <= '9')
			v = v * 16 + (u64)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (u64)(c - 'a' + 10);
		else
			return v;
	}
}

/* "start-end perms offset major:minor inode   path" */
static bool parse_line(char *at, struct map_line *line)
{
	unsigned int major, minor;

	line->start = take_hex(&at);
	if (*at++ != '-')
		return false;
	line->end = take_hex(&at);
	if (*at++ != ' ' || strlen(at) < 5)
		return false;
	memcpy(line->perms, at, 4);
	line->perms[4] = 0;
	at += 5;
	line->offset = take_hex(&at);
	at++;
	major = (unsigned int)take_hex(&at);
	at++;
	minor = (unsigned int)take_hex(&at);
	line->key.dev = makedev(major, minor);
	line->key.ino = strtoull(at, &at, 10);
	line->path = at + strspn(at, " ");
	return true;
}

int maps_each(pid_t tid, int (*fn)(void *data, const struct map_line *line), void *data)
{
	char *buf = read_maps(tid), *at = buf, *end;
	int r = 0;

	if (!buf)
		return -ESRCH;
	for (; !r && *at; at = end + 1) {
		struct map_line line;

		end = strchr(at, '\n');
		if (!end)
			break;
		*end = 0;
		if (parse_line(at, &line))
			r = fn(data, &line);
	}
	free(buf);
	return r;
}

/* --- lists ---------------------------------------------------------------------- */

void maps_free(struct host_maps *maps)
{
	unsigned int i;

	for (i = 0; i < maps->nr; i++)
		free(maps->v[i].path);
	free(maps->v);
	memset(maps, 0, sizeof(*maps));
}

static int add_map(struct host_maps *maps, const struct host_map *map)
{
	struct host_map *v = maps->v;

	if (maps->nr == maps->room) {
		unsigned int room = maps->room ? maps->room * 2 : 16;

		v = realloc(maps->v, room * sizeof(*v));
		if (!v)
			return -ENOMEM;
		maps->v = v;
		maps->room = room;
	}
	v[maps->nr] = *map;
	v[maps->nr].path = strdup(map->path);
	if (!v[maps->nr].path)
		return -ENOMEM;
	maps->nr++;
	return 0;
}

int maps_copy(struct host_maps *to, const struct host_maps *from)
{
	unsigned int i;
	int r = 0;

	for (i = 0; i < from->nr && !r; i++)
		r = add_map(to, &from->v[i]);
	return r;
}

static int take_line(void *data, const struct map_line *line)
{
	struct host_map map = {
		.start = line->start,
		.end = line->end,
		.offset = line->offset,
		.key = line->key,
		.shared = line->perms[3] == 's',
		.path = (char *)line->path,
	};

	if (line->perms[2] != 'x' || !line->key.ino)
		return 0;
	return add_map(data, &map);
}

static int read_list(struct host_mm *mm, struct host_maps *maps)
{
	pid_t tid = mm_any_tid(mm);
	int r;

	memset(maps, 0, sizeof(*maps));
	r = tid ? maps_each(tid, take_line, maps) : -ESRCH;
	if (r)
		maps_free(maps);
	return r;
}

const struct host_map *maps_find(const struct host_maps *maps, u64 addr)
{
	unsigned int lo = 0, hi = maps->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (addr >= maps->v[mid].end)
			lo = mid + 1;
		else if (addr < maps->v[mid].start)
			hi = mid;
		else
			return &maps->v[mid];
	}
	return NULL;
}

/* The same file at the same distance: a common address shows the same byte of it. */
static bool same_layout(const struct host_map *a, const struct host_map *b)
{
	return a->key.dev == b->key.dev && a->key.ino == b->key.ino && a->shared == b->shared &&
	       a->start - a->offset == b->start - b->offset;
}

/* --- comparing -------------------------------------------------------------------- */

typedef void (*piece_fn)(struct host_mm *mm, const struct host_map *map, u64 start, u64 end);

/* Pieces of @map that @others do not have. */
static void differences(struct host_mm *mm, const struct host_map *map, const struct host_maps *others, piece_fn fn)
{
	u64 at = map->start;
	unsigned int i;

	for (i = 0; i < others->nr && at < map->end; i++) {
		const struct host_map *o = &others->v[i];

		if (o->end <= at || !same_layout(map, o))
			continue;
		if (o->start >= map->end)
			break;
		if (o->start > at)
			fn(mm, map, at, o->start);
		at = o->end;
	}
	if (at < map->end)
		fn(mm, map, at, map->end);
}

static void piece_gone(struct host_mm *mm, const struct host_map *map, u64 start, u64 end)
{
	upr_report_munmap(mm->mm, start, end - start);
}

static void piece_new(struct host_mm *mm, const struct host_map *map, u64 start, u64 end)
{
	upr_report_mmap(mm->mm, map->key, start, end - start, map->offset + (start - map->start));
}

static bool first_seen(struct host_mm *mm, struct upr_file_key key)
{
	struct upr_file_key *seen;
	unsigned int i;

	for (i = 0; i < mm->nr_seen; i++)
		if (mm->seen[i].dev == key.dev && mm->seen[i].ino == key.ino)
			return false;
	seen = realloc(mm->seen, (mm->nr_seen + 1) * sizeof(*seen));
	if (!seen)
		return true;
	mm->seen = seen;
	seen[mm->nr_seen++] = key;
	return true;
}

static void tell_client(struct host_mm *mm, const struct host_map *map)
{
	struct upr_home *home = mm->home;
	pid_t pid = mm_any_pid(mm);
	char open_path[4096 + 64];

	if (!first_seen(mm, map->key) || !home->client.mapped || !pid)
		return;
	if (proc_open_path(mm_any_tid(mm), map, open_path, sizeof(open_path)))
		open_path[0] = 0;
	home->client.mapped(home->data, mm->mm, pid, map->path, open_path, map->key);
}

static bool same_list(const struct host_maps *a, const struct host_maps *b)
{
	unsigned int i;

	if (a->nr != b->nr)
		return false;
	for (i = 0; i < a->nr; i++)
		if (a->v[i].start != b->v[i].start || a->v[i].end != b->v[i].end || !same_layout(&a->v[i], &b->v[i]))
			return false;
	return true;
}

/**
 * maps_scan() - report what has changed.  Sleeping.
 * Return: 1 something had, 0 nothing, -errno.
 */
int maps_scan(struct host_mm *mm)
{
	struct host_maps now, before;
	unsigned int i;
	int r;

	mm->rescan_queued = false;
	if (home_closing(mm->home))
		return 0;
	r = read_list(mm, &now);
	if (r)
		return r;
	if (same_list(&now, &mm->maps)) {
		maps_free(&now);
		upr_report_data(mm->mm);
		return 0;
	}
	before = mm->maps;
	mm->maps = now;
	mm->maps_version++;
	upr_batch_begin(mm->home->session);
	for (i = 0; i < before.nr; i++)
		differences(mm, &before.v[i], &now, piece_gone);
	for (i = 0; i < now.nr; i++)
		tell_client(mm, &now.v[i]);
	for (i = 0; i < now.nr; i++)
		differences(mm, &now.v[i], &before, piece_new);
	upr_batch_end(mm->home->session);
	maps_free(&before);
	upr_report_data(mm->mm);
	return 1;
}

/**
 * maps_check_text() - is [addr, addr + len) still what the engine thinks it is?
 * The engine's locks are held: what has changed is reported later.
 * Return: 0; -EACCES shared; -EFAULT something else; -ESRCH.
 */
int maps_check_text(struct host_mm *mm, u64 addr, size_t len)
{
	const struct host_map *map = maps_find(&mm->maps, addr);
	struct host_maps now;
	int r = 0;

	if (!map || addr + len > map->end)
		return -EFAULT;
	if (map->shared)
		return -EACCES;
	if (mm->maps_checked)
		return 0;
	r = read_list(mm, &now);
	if (r)
		return r;
	if (same_list(&now, &mm->maps)) {
		mm->maps_checked = true;
	} else {
		const struct host_map *other = maps_find(&now, addr);

		mm->rescan_queued = true;
		mm->home->rescan = true;
		if (!other || addr + len > other->end || !same_layout(map, other))
			r = -EFAULT;
	}
	maps_free(&now);
	return r;
}

/* --- for the tools --------------------------------------------------------------- */

struct key_search {
	u64 addr;
	struct upr_file_key key;
};

static int find_key(void *data, const struct map_line *line)
{
	struct key_search *search = data;

	if (line->start != search->addr)
		return 0;
	search->key = line->key;
	return 1;
}

int upr_home_file_key(const char *path, struct upr_file_key *ret)
{
	struct key_search search = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;
	void *p;

	if (fd < 0)
		return -errno;
	p = mmap(NULL, HOST_PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	r = p == MAP_FAILED ? -errno : 0;
	close(fd);
	if (r)
		return r;
	search.addr = (u64)p;
	r = maps_each(getpid(), find_key, &search) == 1 ? 0 : -ENOENT;
	munmap(p, HOST_PAGE);
	*ret = search.key;
	return r;
}

int upr_home_each_map(struct upr_home *home, struct upr_mm *umm,
		      int (*fn)(void *data, u64 start, u64 end, u64 offset, const char *path, struct upr_file_key key),
		      void *data)
{
	struct host_mm *mm = umm->host;
	struct host_maps now;
	unsigned int i;
	int r = read_list(mm, &now);

	for (i = 0; !r && i < now.nr; i++)
		r = fn(data, now.v[i].start, now.v[i].end, now.v[i].offset, now.v[i].path, now.v[i].key);
	maps_free(&now);
	return r;
}
