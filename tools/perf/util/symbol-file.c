// SPDX-License-Identifier: GPL-2.0
/*
 * symbol-file.c - what -x FILE means.
 *
 * Purpose: find a program or a library by the name people use: a path, a
 * command, libc.so.6, libc, c; and the files a running process has mapped,
 * whichever mount namespace they come from and whether or not they still have a name.
 *
 * Locks: none.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "symbol-priv.h"

/* --- library names ----------------------------------------------------- */

/* Is @tail what may follow a library's name: ".so", ".so.6", "-2.31.so"? */
static bool is_so_tail(const char *tail)
{
	if (*tail == '-' && isdigit((u8)tail[1])) {
		tail++;
		while (isdigit((u8)*tail) || (*tail == '.' && isdigit((u8)tail[1])))
			tail++;
	}
	return !strncmp(tail, ".so", 3) && (!tail[3] || tail[3] == '.');
}

bool upr_lib_name_fits(const char *name, const char *base)
{
	size_t len = strlen(name);

	if (!strcmp(name, base))
		return true;
	/* libc.so for libc.so.6 */
	if (!strncmp(name, base, len) && strstr(name, ".so") && base[len] == '.')
		return true;
	if (!strncmp(name, base, len) && is_so_tail(base + len))
		return true;
	return !strncmp(base, "lib", 3) && !strncmp(base + 3, name, len) && is_so_tail(base + 3 + len);
}

static bool is_elf_file(const char *path)
{
	char magic[4];
	struct stat st;
	bool ret;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return false;
	ret = !fstat(fd, &st) && S_ISREG(st.st_mode) && pread(fd, magic, 4, 0) == 4 && !memcmp(magic, "\177ELF", 4);
	close(fd);
	return ret;
}

/* Is it for this machine?  Libraries of other architectures lie beside ours. */
static bool is_native_elf(const char *path)
{
	struct upr_elf *elf;
	bool ret;

	if (!is_elf_file(path))
		return false;
	elf = upr_elf_open(path, NULL);
	ret = elf && elf->info.machine == EM_X86_64;
	upr_elf_close(elf);
	return ret;
}

/* --- directories ------------------------------------------------------- */

/* The exact file, else the best fitting one of a directory: NAME.so.6 before NAME.so.5. */
static char *find_in_dir(const char *dir, size_t dir_len, const char *name)
{
	char path[PATH_MAX], *ret = NULL;
	glob_t g;
	size_t i;

	if (snprintf(path, sizeof(path), "%.*s/%s", (int)dir_len, dir, name) < (int)sizeof(path) && is_native_elf(path))
		return strdup(path);
	if (strpbrk(name, "*?[\\") || strpbrk(dir, "*?[\\"))
		return NULL;
	if (snprintf(path, sizeof(path), "%.*s/*%s*.so*", (int)dir_len, dir, name) >= (int)sizeof(path))
		return NULL;
	/* "libc.so" must find "libc.so.6" */
	if (strstr(name, ".so"))
		snprintf(path, sizeof(path), "%.*s/%s*", (int)dir_len, dir, name);
	if (glob(path, 0, NULL, &g))
		return NULL;
	/* sorted: the last is the highest version */
	for (i = g.gl_pathc; i-- > 0 && !ret;) {
		if (upr_lib_name_fits(name, strrchr(g.gl_pathv[i], '/') + 1) && is_native_elf(g.gl_pathv[i]))
			ret = strdup(g.gl_pathv[i]);
	}
	globfree(&g);
	return ret;
}

static char *find_in_list(const char *list, char separator, const char *name)
{
	char *ret = NULL;

	while (list && *list && !ret) {
		size_t len = strcspn(list, (char[]){separator, ';', '\0'});

		if (len)
			ret = find_in_dir(list, len, name);
		list += len;
		list += *list != '\0';
	}
	return ret;
}

/* --- ld.so.cache ------------------------------------------------------- */

/* The file's layout (glibc): a header, entries sorted by name downwards, strings. */
#define CACHE_MAGIC	"glibc-ld.so.cache1.1"
#define CACHE_OLD_MAGIC "ld.so-1.7.0"
#define CACHE_X86_64	0x0303 /* ELF, libc6, x86-64 */

struct cache_entry {
	s32 flags;
	u32 key;
	u32 value;
	u32 osversion;
	u64 hwcap;
};

struct cache_header {
	char magic[20];
	u32 nr;
	u32 strings_len;
	u32 unused[5];
	struct cache_entry entries[];
};

struct cache_old_header {
	char magic[12];
	u32 nr;
};

/* A combined file has the old format (12-byte entries) in front. */
static const struct cache_header *cache_start(const u8 *map, size_t size)
{
	const struct cache_old_header *old = (const void *)map;
	size_t at = 0;

	if (size >= sizeof(*old) && !memcmp(old->magic, CACHE_OLD_MAGIC, strlen(CACHE_OLD_MAGIC)))
		at = ALIGN(sizeof(*old) + (size_t)old->nr * 12, (size_t)8);
	if (at > size || size - at < sizeof(struct cache_header) || memcmp(map + at, CACHE_MAGIC, strlen(CACHE_MAGIC)))
		return NULL;
	return (const void *)(map + at);
}

static char *search_cache(const struct cache_header *h, size_t size, const char *name)
{
	const char *base = (const char *)h;
	const char *best = NULL;
	u32 i;

	if ((size - sizeof(*h)) / sizeof(h->entries[0]) < h->nr)
		return NULL;
	for (i = 0; i < h->nr; i++) {
		const struct cache_entry *e = &h->entries[i];

		if (e->flags != CACHE_X86_64 || e->key >= size || e->value >= size ||
		    !memchr(base + e->key, 0, size - e->key) || !memchr(base + e->value, 0, size - e->value))
			continue;
		if (!strcmp(base + e->key, name))
			return strdup(base + e->value);
		if (!best && upr_lib_name_fits(name, base + e->key))
			best = base + e->value;
	}
	return best ? strdup(best) : NULL;
}

static char *find_in_cache(const char *name)
{
	const struct cache_header *h;
	char *ret = NULL;
	struct stat st;
	u8 *map;
	int fd = open("/etc/ld.so.cache", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	map = fstat(fd, &st) ? MAP_FAILED : mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return NULL;
	h = cache_start(map, st.st_size);
	if (h)
		ret = search_cache(h, st.st_size - ((const u8 *)h - map), name);
	munmap(map, st.st_size);
	if (ret && !is_native_elf(ret)) {
		free(ret);
		ret = NULL;
	}
	return ret;
}

static char *find_library(const char *name)
{
	static const char standard[] = "/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/lib64:/usr/lib64:"
				       "/usr/local/lib:/lib:/usr/lib";
	char *ret = find_in_list(getenv("LD_LIBRARY_PATH"), ':', name);

	if (!ret)
		ret = find_in_cache(name);
	return ret ? ret : find_in_list(standard, ':', name);
}

/* --- commands ---------------------------------------------------------- */

static char *find_command(const char *name)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];
	struct stat st;

	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	while (*path) {
		size_t len = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", len ? (int)len : 1, len ? path : ".", name);
		/* what a shell would run; that it may be a script is for upr_elf_open() to say */
		if (!access(file, X_OK) && !stat(file, &st) && S_ISREG(st.st_mode))
			return strdup(file);
		path += len;
		path += *path == ':';
	}
	return NULL;
}

int upr_elf_file_find(const char *name, char **ret, struct upr_error *err)
{
	bool library = !strncmp(name, "lib", 3) || strstr(name, ".so");
	struct stat st;

	*ret = NULL;
	if (!*name)
		return upr_error_set(err, UPR_ERR_NO_FILE, ENOENT, "no file name is given");
	/* a path is believed; opening it says what is wrong with it */
	if (strchr(name, '/') || is_elf_file(name)) {
		*ret = strdup(name);
		return *ret ? 0 : upr_error_nomem(err);
	}
	*ret = library ? find_library(name) : find_command(name);
	if (!*ret)
		*ret = library ? find_command(name) : find_library(name);
	if (*ret)
		return 0;
	/* something of that name is here, but no program: let opening it explain */
	if (!lstat(name, &st)) {
		*ret = strdup(name);
		return *ret ? 0 : upr_error_nomem(err);
	}
	return upr_error_set(
		err, UPR_ERR_NO_FILE, ENOENT,
		"no such file: %s; it is neither in this directory, nor a command on PATH, nor a library that the "
		"loader would find",
		name);
}

/* --- files of a running process ---------------------------------------- */

void upr_mapped_file_free(struct upr_mapped_file *file)
{
	free(file->path);
	free(file->open_path);
	*file = (struct upr_mapped_file){0};
}

/* One line of /proc/PID/maps. */
struct map_line {
	u64 start, end, offset, ino;
	u32 major, minor;
	bool exec;
	bool deleted;
	char path[PATH_MAX];
};

/* The kernel writes a newline in a name as \012. */
static void unescape_path(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (!strncmp(s, "\\012", 4)) {
			*out++ = '\n';
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static bool parse_map_line(char *line, struct map_line *m)
{
	unsigned long long start, end, offset, ino;
	static const char gone[] = " (deleted)";
	char perm[8];
	size_t len;
	int at = 0;

	if (sscanf(line, "%llx-%llx %7s %llx %x:%x %llu %n", &start, &end, perm, &offset, &m->major, &m->minor, &ino,
		   &at) < 7 ||
	    !at || line[at] != '/')
		return false;
	*m = (struct map_line){
		.start = start,
		.end = end,
		.offset = offset,
		.ino = ino,
		.major = m->major,
		.minor = m->minor,
		.exec = perm[2] == 'x',
	};
	len = strcspn(line + at, "\n");
	if (len >= sizeof(m->path))
		return false;
	memcpy(m->path, line + at, len);
	m->path[len] = '\0';
	if (len > sizeof(gone) - 1 && !strcmp(m->path + len - (sizeof(gone) - 1), gone)) {
		m->deleted = true;
		m->path[len - (sizeof(gone) - 1)] = '\0';
	}
	unescape_path(m->path);
	return true;
}

static bool same_file(const char *path, u64 ino)
{
	struct stat st;

	return !stat(path, &st) && st.st_ino == ino;
}

/* Inode numbers repeat across file systems: the name must be the same, too. */
static bool is_link_to(const char *link, const char *path)
{
	char to[PATH_MAX];
	size_t len = strlen(path);
	ssize_t n = readlink(link, to, sizeof(to));

	return n >= (ssize_t)len && !memcmp(to, path, len) &&
	       ((size_t)n == len || (n == (ssize_t)len + 10 && !memcmp(to + len, " (deleted)", 10)));
}

/* A way to open the very file that is mapped, tried from the least privilege up. */
static char *open_path_of(int pid, const struct map_line *m)
{
	char path[PATH_MAX + 64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/root%s", pid, m->path);
	if (!m->deleted && same_file(path, m->ino))
		return strdup(path);
	/* a chroot's process shows the whole path to those outside */
	if (!m->deleted && !stat(m->path, &st) && st.st_ino == m->ino && st.st_dev == makedev(m->major, m->minor))
		return strdup(m->path);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (is_link_to(path, m->path) && same_file(path, m->ino))
		return strdup(path);
	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)m->start,
		 (unsigned long long)m->end);
	if (same_file(path, m->ino) && !access(path, R_OK))
		return strdup(path);
	return NULL;
}

/* Below its root, wherever that is: the file that the process knows by this name. */
static bool is_below_root(int pid, const struct map_line *m, const char *name)
{
	size_t len = strlen(m->path), tail = strlen(name);
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "/proc/%d/root%s", pid, name);
	return *name == '/' && len > tail && !strcmp(m->path + len - tail, name) && same_file(path, m->ino);
}

static bool map_fits(int pid, const struct map_line *m, const char *name)
{
	const char *slash = strrchr(m->path, '/');

	if (strchr(name, '/'))
		return !strcmp(m->path, name) || is_below_root(pid, m, name);
	return upr_lib_name_fits(name, slash + 1);
}

static int open_maps(int pid, FILE **ret, struct upr_error *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	*ret = fopen(path, "re");
	if (*ret)
		return 0;
	if (errno == ENOENT || errno == ESRCH)
		return upr_error_set(err, UPR_ERR_NO_FILE, ESRCH, "no process %d", pid);
	if (errno == EACCES || errno == EPERM)
		return upr_error_set(
			err, UPR_ERR_PERMISSION, EACCES,
			"no permission to look at process %d: it belongs to another user or is not dumpable; "
			"be its user or root",
			pid);
	return upr_error_set(err, UPR_ERR_SYSTEM, errno, "cannot read %s: %s", path, strerror(errno));
}

/* Without a way to open it ret->open_path is NULL.  Return: 0, -ENOMEM with @err. */
static int take_mapped(int pid, const struct map_line *m, struct upr_mapped_file *ret, struct upr_error *err)
{
	*ret = (struct upr_mapped_file){
		.path = strdup(m->path),
		.open_path = open_path_of(pid, m),
		.start = m->start,
		.end = m->end,
		.offset = m->offset,
		.dev_major = m->major,
		.dev_minor = m->minor,
		.ino = m->ino,
		.deleted = m->deleted,
	};
	if (ret->path)
		return 0;
	upr_mapped_file_free(ret);
	return upr_error_nomem(err);
}

int upr_mapped_file_check(const struct upr_mapped_file *file, int pid, struct upr_error *err)
{
	if (file->open_path)
		return 0;
	return upr_error_set(err, UPR_ERR_PERMISSION, EACCES,
			     "%s, mapped by process %d, is %s; opening it through /proc/%d/map_files needs "
			     "CAP_CHECKPOINT_RESTORE or root",
			     file->path, pid, file->deleted ? "deleted" : "not reachable by its name", pid);
}

/**
 * struct maps - a process's files that are mapped executable, as they are read
 * @line:	the last one
 */
struct maps {
	FILE *f;
	char *text;
	size_t cap;
	struct map_line line;
};

static int maps_open(struct maps **ret, int pid, struct upr_error *err)
{
	struct maps *maps = calloc(1, sizeof(*maps));
	int rc = maps ? open_maps(pid, &maps->f, err) : upr_error_nomem(err);

	if (rc) {
		free(maps);
		maps = NULL;
	}
	*ret = maps;
	return rc;
}

static const struct map_line *maps_next(struct maps *maps)
{
	while (getline(&maps->text, &maps->cap, maps->f) > 0)
		if (parse_map_line(maps->text, &maps->line) && maps->line.exec)
			return &maps->line;
	return NULL;
}

static void maps_close(struct maps *maps)
{
	fclose(maps->f);
	free(maps->text);
	free(maps);
}

int upr_lib_find_in_maps(int pid, const char *name, struct upr_mapped_file *ret, struct upr_error *err)
{
	const struct map_line *m;
	struct maps *maps;
	int rc = maps_open(&maps, pid, err);

	*ret = (struct upr_mapped_file){0};
	if (rc)
		return rc;
	do {
		m = maps_next(maps);
	} while (m && !map_fits(pid, m, name));
	if (m)
		rc = take_mapped(pid, m, ret, err);
	else
		rc = upr_error_set(err, UPR_ERR_NO_FILE, ENOENT, "process %d has no file %s mapped executable", pid,
				   name);
	if (!rc)
		rc = upr_mapped_file_check(ret, pid, err);
	if (rc)
		upr_mapped_file_free(ret);
	maps_close(maps);
	return rc;
}

static bool is_same(const struct upr_mapped_file *file, const struct map_line *m)
{
	return file->ino == m->ino && file->dev_major == m->major && file->dev_minor == m->minor;
}

int upr_mapped_files(int pid, struct upr_mapped_file **ret, size_t *nr, struct upr_error *err)
{
	const struct map_line *m;
	struct maps *maps;
	size_t cap = 0, i;
	int rc = maps_open(&maps, pid, err);

	*ret = NULL;
	*nr = 0;
	if (rc)
		return rc;
	while (!rc && (m = maps_next(maps))) {
		for (i = 0; i < *nr && !is_same(&(*ret)[i], m); i++)
			;
		if (i < *nr)
			continue;
		rc = upr_grow(ret, *nr, &cap, sizeof(**ret)) ? take_mapped(pid, m, &(*ret)[*nr], err) :
							       upr_error_nomem(err);
		*nr += !rc;
	}
	maps_close(maps);
	if (rc)
		upr_mapped_files_free(ret, nr);
	return rc;
}

void upr_mapped_files_free(struct upr_mapped_file **files, size_t *nr)
{
	while (*nr)
		upr_mapped_file_free(&(*files)[--*nr]);
	free(*files);
	*files = NULL;
}
