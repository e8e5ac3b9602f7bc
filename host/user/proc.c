// SPDX-License-Identifier: GPL-2.0
/*
 * proc.c - files of /proc/PID other than mem and maps.
 *
 * No locks.
 */
#include "host.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The whole file, with a 0 at the end.  Return: its length, -errno. */
int proc_read(char *buf, size_t size, const char *fmt, ...)
{
	char path[64];
	ssize_t n, len = 0;
	va_list ap;
	int fd;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf + len, size - 1 - (size_t)len)) > 0)
		len += n;
	if (n < 0)
		len = -errno;
	close(fd);
	if (len >= 0)
		buf[len] = 0;
	return (int)len;
}

static const char *field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at && (at == text || at[-1] == '\n') ? at + strlen(name) : NULL;
}

static long number(const char *text, const char *name)
{
	const char *at = field(text, name);

	return at ? strtol(at, NULL, 10) : 0;
}

static u64 hex(const char *text, const char *name)
{
	const char *at = field(text, name);

	return at ? strtoull(at, NULL, 16) : 0;
}

int proc_status(pid_t tid, struct proc_status *ret)
{
	char buf[8192];
	const char *at;
	int r = proc_read(buf, sizeof(buf), "/proc/%d/status", tid);

	if (r < 0)
		return r;
	memset(ret, 0, sizeof(*ret));
	at = field(buf, "Name:\t");
	if (at)
		snprintf(ret->name, sizeof(ret->name), "%.*s", (int)strcspn(at, "\n"), at);
	at = field(buf, "State:\t");
	ret->state = at ? *at : '?';
	ret->tgid = (pid_t)number(buf, "Tgid:\t");
	ret->ppid = (pid_t)number(buf, "PPid:\t");
	ret->tracer = (pid_t)number(buf, "TracerPid:\t");
	at = field(buf, "Uid:\t");
	if (at)
		sscanf(at, "%u %u", &ret->uid, &ret->euid);
	at = field(buf, "Gid:\t");
	if (at)
		sscanf(at, "%u %u", &ret->gid, &ret->egid);
	ret->sig_pending = hex(buf, "SigPnd:\t");
	ret->sig_blocked = hex(buf, "SigBlk:\t");
	ret->sig_ignored = hex(buf, "SigIgn:\t");
	ret->sig_caught = hex(buf, "SigCgt:\t");
	/* kernels without seccomp do not have the line: nothing can be forbidden */
	ret->seccomp = (int)number(buf, "Seccomp:\t");
	ret->no_new_privs = number(buf, "NoNewPrivs:\t");
	at = field(buf, "x86_Thread_features:\t");
	ret->shadow_stack = at && memmem(at, strcspn(at, "\n"), "shstk", 5);
	/* only a thread of the kernel has no memory, until it is dead */
	ret->kthread = !field(buf, "VmSize:\t") && ret->state != 'Z' && ret->state != 'X';
	return 0;
}

static bool cpu_has_shadow_stack(void)
{
	static int known = -1;
	char *line = NULL;
	size_t room = 0;
	FILE *f;

	if (known >= 0)
		return known;
	known = 0;
	f = fopen("/proc/cpuinfo", "re");
	while (f && getline(&line, &room, f) > 0) {
		if (strncmp(line, "flags", 5))
			continue;
		known = !!strstr(line, " user_shstk");
		break;
	}
	free(line);
	if (f)
		fclose(f);
	return known;
}

/*
 * Does a shadow stack watch over it, or will one?  A new program's loader turns it
 * on when it is told to; before that only the environment knows.
 */
bool proc_shadow_stack(pid_t tid)
{
	static const char tunable[] = "x86_shstk=on";
	struct proc_status st;
	char *buf;
	bool r;
	int n;

	if (!cpu_has_shadow_stack() || proc_status(tid, &st))
		return false;
	if (st.shadow_stack)
		return true;
	buf = malloc(1 << 18);
	n = buf ? proc_read(buf, 1 << 18, "/proc/%d/environ", tid) : 0;
	r = n > 0 && memmem(buf, (size_t)n, tunable, sizeof(tunable) - 1);
	free(buf);
	return r;
}

/* R, S, D, T, t, Z, X; 0: gone */
char proc_state(pid_t tid)
{
	char buf[1024], *at;

	if (proc_read(buf, sizeof(buf), "/proc/%d/stat", tid) <= 0)
		return 0;
	at = strrchr(buf, ')');
	return at && at[1] ? at[2] : 0;
}

/* Times on a CPU, waiting for one, and how often it was given one. */
u64 proc_slices(pid_t tid)
{
	char buf[128], *at = buf;

	if (proc_read(buf, sizeof(buf), "/proc/%d/schedstat", tid) <= 0)
		return 0;
	strtoull(at, &at, 10);
	strtoull(at, &at, 10);
	return strtoull(at, &at, 10);
}

/* 0: there is no such entry */
u64 proc_auxv(pid_t tid, u64 type, bool mode32)
{
	char buf[2048];
	int n = proc_read(buf, sizeof(buf), "/proc/%d/auxv", tid), i;

	for (i = 0; mode32 && i + 8 <= n; i += 8) {
		u32 entry[2];

		memcpy(entry, buf + i, sizeof(entry));
		if (entry[0] == type)
			return entry[1];
	}
	for (i = 0; !mode32 && i + 16 <= n; i += 16) {
		u64 entry[2];

		memcpy(entry, buf + i, sizeof(entry));
		if (entry[0] == type)
			return entry[1];
	}
	return 0;
}

static int each_number(const char *dir, int (*fn)(void *data, pid_t pid), void *data)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int r = 0;

	if (!d)
		return -errno;
	while (!r && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			r = fn(data, atoi(e->d_name));
	closedir(d);
	return r;
}

int proc_each_task(pid_t pid, int (*fn)(void *data, pid_t tid), void *data)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	return each_number(path, fn, data);
}

int proc_each_process(int (*fn)(void *data, pid_t pid), void *data)
{
	return each_number("/proc", fn, data);
}

/* maps and stat may disagree on the device (btrfs) and even on the inode (overlayfs): then the kernel is asked */
static bool is_file(const char *path, const struct host_map *map)
{
	struct upr_file_key key;
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return false;
	if (st.st_ino == map->key.ino && st.st_dev == map->key.dev)
		return true;
	return !upr_home_file_key(path, &key) && key.dev == map->key.dev && key.ino == map->key.ino;
}

/* A path by which the mapped file can be opened from here.  Return: 0, -ENOENT. */
int proc_open_path(pid_t tid, const struct host_map *map, char *buf, size_t size)
{
	static const char deleted[] = " (deleted)";
	size_t len = strlen(map->path), tail = sizeof(deleted) - 1;

	snprintf(buf, size, "%s", map->path);
	if (map->path[0] == '/' && is_file(buf, map))
		return 0;
	snprintf(buf, size, "/proc/%d/root%s", tid, map->path);
	if (is_file(buf, map))
		return 0;
	snprintf(buf, size, "/proc/%d/exe", tid);
	if (is_file(buf, map))
		return 0;
	snprintf(buf, size, "/proc/%d/map_files/%llx-%llx", tid, (unsigned long long)map->start,
		 (unsigned long long)map->end);
	if (is_file(buf, map))
		return 0;
	if (len > tail && !strcmp(map->path + len - tail, deleted)) {
		snprintf(buf, size, "%.*s", (int)(len - tail), map->path);
		if (is_file(buf, map))
			return 0;
	}
	return -ENOENT;
}
