// SPDX-License-Identifier: GPL-2.0
/*
 * code-cache.c - code maps kept between runs.
 *
 * Purpose: ${XDG_CACHE_HOME:-~/.cache}/perf-uprobe/code/BUILD-ID holds what is known about
 * functions' entries, and the map that it comes from, read only when something else is asked.
 *
 * Wrong facts would break the program that is probed, so nothing is believed that is not
 * certain to be ours, whole, and about this file: the directory and the file belong to us and
 * nobody else may write them; the header names the analyser (its build-id), size and time
 * of the file that was analysed and its list of functions (which a debug file may have
 * changed); a checksum covers all of it, and every position is in range.  A copy is written
 * under another name and renamed, so readers see all of it or the one before.
 *
 * Failures are silent: the map is made anew.
 *
 * Locks: none, see code-map.h.  Several processes may read and replace a copy at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "code-priv.h"

/* To be raised when the meaning of anything below changes without the analyser's build-id. */
#define FORMAT 3
static const char magic[8] = "uprcode";

/* Files with less code are analysed in no time. */
#define TEXT_MIN    (256u << 10)
#define COPY_MAX    (1u << 30)

#define TOOL_ID_MAX 32

struct header {
	char magic[8];
	u64 checksum;	  /* of what follows it, up to @map_at */
	u64 map_checksum; /* of what follows that */
	u64 length;	  /* of the whole */
	u64 map_at;	  /* where what complete asks for begins */
	u64 file_size;
	s64 file_sec;
	s64 file_nsec;
	u64 functions; /* a hash of them */
	u32 nr_functions;
	u32 text_size;
	u32 format;
	u32 entry_size;
	u8 tool[TOOL_ID_MAX];
};

#define CHECKED_FROM offsetof(struct header, map_checksum)

static u64 mix(u64 hash, u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

static u64 checksum(const u8 *p, size_t len)
{
	u64 hash = len, word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		hash = mix(hash, word);
	}
	for (; len; p++, len--)
		hash = mix(hash, *p);
	return hash;
}

/* --- what a copy is about ------------------------------------------------------ */

static int find_tool_id(struct dl_phdr_info *info, size_t size, void *data)
{
	size_t i;

	/* the program comes first; of its notes, the one that says GNU build-id */
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const u8 *p = (const u8 *)(info->dlpi_addr + ph->p_vaddr), *end = p + ph->p_memsz;

		while (ph->p_type == PT_NOTE && (size_t)(end - p) >= sizeof(ElfW(Nhdr))) {
			const ElfW(Nhdr) *note = (const void *)p;
			const u8 *desc = p + sizeof(*note) + ALIGN(note->n_namesz, 4u);

			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && !memcmp(note + 1, "GNU", 4))
				memcpy(data, desc, min(note->n_descsz, (ElfW(Word))TOOL_ID_MAX));
			p = desc + ALIGN(note->n_descsz, 4u);
		}
	}
	return 1;
}

static u64 hash_functions(const struct code_map *map)
{
	u64 hash = map->nr_segs;
	size_t i;

	for (i = 0; i < map->nr_funcs; i++)
		hash = mix(mix(hash, (u64)map->funcs[i].start << 32 | map->funcs[i].end),
			   map->src[i].kind | (u64)map->src[i].entry << 8 | (u64)map->src[i].size_guessed << 9);
	return hash;
}

static bool describe(const struct code_map *map, struct header *h)
{
	struct stat st;

	memset(h, 0, sizeof(*h));
	if (fstat(map->elf->fd, &st))
		return false;
	memcpy(h->magic, magic, sizeof(h->magic));
	h->file_size = st.st_size;
	h->file_sec = st.st_mtim.tv_sec;
	h->file_nsec = st.st_mtim.tv_nsec;
	h->functions = hash_functions(map);
	h->nr_functions = map->nr_funcs;
	h->text_size = map->size;
	h->format = FORMAT;
	h->entry_size = sizeof(struct code_entry);
	dl_iterate_phdr(find_tool_id, h->tool);
	return true;
}

/* --- where it is ------------------------------------------------------------------ */

static bool is_wanted(const struct code_map *map)
{
	return !map->no_cache && map->size >= TEXT_MIN && map->elf->info.build_id;
}

static bool is_private(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* @make: the directories that are missing.  false: there is no place of ours. */
static bool find_directory(char *buf, size_t len, bool make)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	struct stat st;
	char *slash;
	int n;

	if (cache && *cache == '/')
		n = snprintf(buf, len, "%s/perf-uprobe/code", cache);
	else if (home && *home == '/')
		n = snprintf(buf, len, "%s/.cache/perf-uprobe/code", home);
	else
		return false;
	if (n < 0 || (size_t)n >= len)
		return false;
	for (slash = buf + 1; make && (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(buf, 0700);
		*slash = '/';
	}
	if (make)
		mkdir(buf, 0700);
	return !lstat(buf, &st) && S_ISDIR(st.st_mode) && is_private(&st);
}

static bool find_place(const struct code_map *map, char *buf, size_t len, bool make)
{
	const struct upr_elf_info *info = &map->elf->info;
	size_t at, i;

	if (!find_directory(buf, len, make))
		return false;
	at = strlen(buf);
	if (at + 2 + 2 * info->build_id_len > len)
		return false;
	buf[at++] = '/';
	for (i = 0; i < info->build_id_len; i++)
		at += snprintf(buf + at, len - at, "%02x", info->build_id[i]);
	return true;
}

/* --- reading ------------------------------------------------------------------------ */

struct input {
	const u8 *p;
	const u8 *end;
};

static bool read_at(int fd, u8 *buf, size_t from, size_t to)
{
	ssize_t n;

	for (; from < to; from += n) {
		n = pread(fd, buf + from, to - from, from);
		if (n <= 0)
			return false;
	}
	return true;
}

/* Is it about this file? */
static bool is_fitting(const struct code_map *map, const struct header *h, u64 length)
{
	struct header want;

	if (!describe(map, &want))
		return false;
	want.checksum = h->checksum;
	want.map_checksum = h->map_checksum;
	want.length = length;
	want.map_at = h->map_at;
	return !memcmp(h, &want, sizeof(want)) && h->map_at <= length &&
	       h->map_at == sizeof(*h) + (u64)h->nr_functions * sizeof(struct code_entry);
}

static bool is_sound(const u8 *buf, const struct header *h, size_t len)
{
	return h->checksum == checksum(buf + CHECKED_FROM, h->map_at - CHECKED_FROM) &&
	       (len == h->map_at || h->map_checksum == checksum(buf + h->map_at, len - h->map_at));
}

/* A copy that is whole and about this file, or NULL; without @complete as far as h->map_at. */
static u8 *read_copy(const struct code_map *map, bool complete, struct header *h)
{
	char path[PATH_MAX];
	struct stat st;
	u8 *buf = NULL;
	size_t len;
	int fd;

	if (!is_wanted(map) || !find_place(map, path, sizeof(path), false))
		return NULL;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !is_private(&st) || st.st_size < (off_t)sizeof(*h) ||
	    st.st_size > COPY_MAX || !read_at(fd, (u8 *)h, 0, sizeof(*h)) || !is_fitting(map, h, st.st_size))
		goto out;
	len = complete ? h->length : h->map_at;
	buf = malloc(len);
	if (buf && read_at(fd, buf, 0, len) && !memcmp(buf, h, sizeof(*h)) && is_sound(buf, h, len))
		goto out;
	free(buf);
	buf = NULL;
out:
	close(fd);
	return buf;
}

static bool get_number(struct input *in, u64 *ret)
{
	unsigned int shift = 0;

	for (*ret = 0; in->p < in->end && shift < 64; shift += 7) {
		u8 byte = *in->p++;

		*ret |= (u64)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* An array of @nr elements; copied, NULL if there are none. */
static bool get_array(struct input *in, void *array, size_t *nr, size_t size)
{
	void **at = array;
	u64 n;

	if (!get_number(in, &n) || n > (size_t)(in->end - in->p) / size)
		return false;
	*nr = n;
	if (!n)
		return true;
	*at = malloc(n * size);
	if (!*at)
		return false;
	memcpy(*at, in->p, n * size);
	in->p += n * size;
	return true;
}

static bool get_bits(struct input *in, struct code_map *map, enum code_kind kind)
{
	u64 nr, step, pos = 0, size = map->size;

	if (!get_number(in, &nr))
		return false;
	for (; nr; nr--) {
		if (!get_number(in, &step) || step > size || pos + step >= size)
			return false;
		pos += step;
		code_put(map, kind, pos);
	}
	return true;
}

static bool get_refs(struct input *in, struct code_refs *refs, u32 size)
{
	size_t i;

	if (!get_array(in, &refs->r, &refs->nr, sizeof(*refs->r)))
		return false;
	refs->cap = refs->nr;
	for (i = 0; i < refs->nr; i++) {
		if (refs->r[i].to >= size || refs->r[i].from >= size)
			return false;
	}
	return true;
}

static bool get_map(struct input *in, struct code_map *map)
{
	size_t i;

	for (i = 0; i < CODE_NR_KINDS; i++) {
		if (!get_bits(in, map, i))
			return false;
	}
	if (!get_refs(in, &map->branches, map->size) || !get_refs(in, &map->leas, map->size) ||
	    !get_refs(in, &map->operands, map->size) || !get_refs(in, &map->inner, map->size) ||
	    !get_refs(in, &map->aborts, map->size) || !get_array(in, &map->ind, &map->nr_ind, sizeof(*map->ind)) ||
	    !get_array(in, &map->tables, &map->nr_tables, sizeof(*map->tables)) ||
	    !get_array(in, &map->forbidden, &map->nr_forbidden, sizeof(*map->forbidden)) ||
	    !get_array(in, &map->distrusted, &map->nr_distrusted, sizeof(*map->distrusted)))
		return false;
	for (i = 0; i < map->nr_ind; i++) {
		if (map->ind[i] >= map->size)
			return false;
	}
	for (i = 0; i < map->nr_distrusted; i++) {
		if (map->distrusted[i] >= map->nr_funcs)
			return false;
		map->funcs[map->distrusted[i]].solo = CODE_YES;
	}
	return in->p == in->end;
}

/* Back to where nothing has been read. */
static void forget_map(struct code_map *map)
{
	struct code_refs *refs[] = {&map->branches, &map->leas, &map->operands, &map->inner, &map->aborts};
	size_t i;

	for (i = 0; i < CODE_NR_KINDS; i++) {
		code_bits_free(map, map->bits[i]);
		free(map->filled[i]);
		map->bits[i] = map->filled[i] = NULL;
	}
	for (i = 0; i < ARRAY_SIZE(refs); i++) {
		free(refs[i]->r);
		*refs[i] = (struct code_refs){0};
	}
	code_bits_free(map, map->starts);
	free(map->ind);
	free(map->tables);
	free(map->forbidden);
	free(map->distrusted);
	map->starts = NULL;
	map->ind = NULL;
	map->tables = NULL;
	map->forbidden = NULL;
	map->distrusted = NULL;
	map->nr_ind = map->nr_tables = map->nr_forbidden = map->nr_distrusted = 0;
}

bool code_cache_load(struct code_map *map, bool complete)
{
	struct header h;
	u8 *buf = read_copy(map, complete, &h);
	struct input in;
	bool ret = false;

	if (!buf)
		return false;
	if (!complete) {
		if (!map->entries)
			map->entries = calloc(map->nr_funcs + 1, sizeof(*map->entries));
		ret = map->entries != NULL;
		if (ret)
			memcpy(map->entries, buf + sizeof(h), h.map_at - sizeof(h));
	} else {
		in = (struct input){.p = buf + h.map_at, .end = buf + h.length};
		ret = !code_map_take_bits(map) && get_map(&in, map);
		if (!ret)
			forget_map(map);
	}
	free(buf);
	return ret;
}

/* --- writing ------------------------------------------------------------------------ */

struct output {
	u8 *p;
	size_t nr;
	size_t cap;
	bool failed;
};

static void put_bytes(struct output *out, const void *p, size_t len)
{
	if (out->failed)
		return;
	if (out->cap - out->nr < len) {
		size_t cap = max(2 * out->cap, out->nr + len + 4096);
		u8 *bigger = realloc(out->p, cap);

		if (!bigger) {
			out->failed = true;
			return;
		}
		out->p = bigger;
		out->cap = cap;
	}
	memcpy(out->p + out->nr, p, len);
	out->nr += len;
}

static void put_number(struct output *out, u64 value)
{
	u8 bytes[10];
	size_t n = 0;

	do {
		bytes[n++] = (value & 0x7f) | (value > 0x7f ? 0x80 : 0);
		value >>= 7;
	} while (value);
	put_bytes(out, bytes, n);
}

static void put_array(struct output *out, const void *p, size_t nr, size_t size)
{
	put_number(out, nr);
	if (nr)
		put_bytes(out, p, nr * size);
}

/* How many, and where: the distances.  Most words are nought. */
static void put_bits(struct output *out, const struct code_map *map, enum code_kind kind)
{
	const u64 *bits = map->bits[kind];
	struct output places = {0};
	u64 nr = 0, word, last = 0;
	size_t i;

	for (i = 0; i <= map->size / 64; i++) {
		if (i % (CODE_FILLED / 64) == 0 && !code_bit(map->filled[kind], i / (CODE_FILLED / 64))) {
			i += CODE_FILLED / 64 - 1;
			continue;
		}
		for (word = bits[i]; word; word &= word - 1, nr++) {
			u64 pos = 64 * i + __builtin_ctzll(word);

			put_number(&places, pos - last);
			last = pos;
		}
	}
	put_number(out, nr);
	if (places.nr)
		put_bytes(out, places.p, places.nr);
	out->failed |= places.failed;
	free(places.p);
}

static void put_map(struct output *out, const struct code_map *map)
{
	size_t i;

	for (i = 0; i < CODE_NR_KINDS; i++)
		put_bits(out, map, i);
	put_array(out, map->branches.r, map->branches.nr, sizeof(*map->branches.r));
	put_array(out, map->leas.r, map->leas.nr, sizeof(*map->leas.r));
	put_array(out, map->operands.r, map->operands.nr, sizeof(*map->operands.r));
	put_array(out, map->inner.r, map->inner.nr, sizeof(*map->inner.r));
	put_array(out, map->aborts.r, map->aborts.nr, sizeof(*map->aborts.r));
	put_array(out, map->ind, map->nr_ind, sizeof(*map->ind));
	put_array(out, map->tables, map->nr_tables, sizeof(*map->tables));
	put_array(out, map->forbidden, map->nr_forbidden, sizeof(*map->forbidden));
	put_array(out, map->distrusted, map->nr_distrusted, sizeof(*map->distrusted));
}

static bool write_all(int fd, const u8 *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= n) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return false;
	}
	return true;
}

/* As it was before we came, or all of it. */
static void replace(const char *path, const struct output *out)
{
	char temp[PATH_MAX + 8];
	bool good;
	int fd;

	snprintf(temp, sizeof(temp), "%s.XXXXXX", path);
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return;
	good = write_all(fd, out->p, out->nr);
	if (close(fd) || !good || rename(temp, path))
		unlink(temp);
}

void code_cache_save(struct code_map *map)
{
	struct output out = {0};
	char path[PATH_MAX];
	struct header h;
	size_t i;

	if (!map->news || !is_wanted(map) || code_map_complete(map) || !find_place(map, path, sizeof(path), true) ||
	    !describe(map, &h))
		return;
	if (!map->entries)
		map->entries = calloc(map->nr_funcs + 1, sizeof(*map->entries));
	if (!map->entries)
		return;
	for (i = 0; i < map->nr_funcs; i++)
		map->entries[i].jumped_only = code_is_jumped_only(map, map->funcs[i].start);
	put_bytes(&out, &h, sizeof(h));
	put_bytes(&out, map->entries, map->nr_funcs * sizeof(*map->entries));
	h.map_at = out.nr;
	put_map(&out, map);
	if (!out.failed) {
		h.length = out.nr;
		h.map_checksum = checksum(out.p + h.map_at, out.nr - h.map_at);
		memcpy(out.p, &h, sizeof(h));
		h.checksum = checksum(out.p + CHECKED_FROM, h.map_at - CHECKED_FROM);
		memcpy(out.p, &h, sizeof(h));
		replace(path, &out);
	}
	free(out.p);
}
