// SPDX-License-Identifier: GPL-2.0
/*
 * symbol-debug.c - where a stripped file's symbols went.
 *
 * Purpose: find the separate debug file by build-id and by .gnu_debuglink,
 * unpack .gnu_debugdata.  Nothing is believed unverified: a build-id
 * must be the same in both files, a debuglink's CRC must fit.  Local files only: looking
 * at a program never asks the network.
 *
 * Locks: none, see symbol.h.
 */
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <limits.h>
#include <lzma.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "symbol-priv.h"

/* Unpacked mini symbol tables are a few megabytes; a bomb is not unpacked. */
#define MINI_MAX    (256ul << 20)
#define LZMA_MEMORY (128ul << 20)

static bool open_sym_file(const struct upr_elf *elf, const char *path, struct upr_sym_file *file)
{
	struct stat st;

	file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0)
		return false;
	/* never the file itself: a debuglink may name the program's own path */
	if (!fstat(file->fd, &st) && S_ISREG(st.st_mode) &&
	    !(st.st_dev == elf->info.dev && st.st_ino == elf->info.ino)) {
		file->elf = elf_begin(file->fd, ELF_C_READ_MMAP, NULL);
		if (file->elf && elf_kind(file->elf) == ELF_K_ELF)
			return true;
	}
	upr_sym_file_close(file);
	return false;
}

static bool try_build_id(struct upr_elf *elf, const char *path)
{
	const void *id;
	ssize_t len;

	if (!open_sym_file(elf, path, &elf->debug))
		return false;
	len = dwelf_elf_gnu_build_id(elf->debug.elf, &id);
	if (len == (ssize_t)elf->info.build_id_len && !memcmp(id, elf->info.build_id, len))
		return true;
	upr_sym_file_close(&elf->debug);
	return false;
}

static bool find_by_build_id(struct upr_elf *elf, char *path, size_t size)
{
	const u8 *id = elf->info.build_id;
	size_t len, i;

	if (!id || elf->info.build_id_len < 2)
		return false;
	len = snprintf(path, size, "%s/.build-id/%02x/", elf->debug_root, id[0]);
	for (i = 1; i < elf->info.build_id_len && len < size; i++)
		len += snprintf(path + len, size - len, "%02x", id[i]);
	if (len < size)
		len += snprintf(path + len, size - len, ".debug");
	return len < size && try_build_id(elf, path);
}

static bool crc_fits(int fd, u32 want)
{
	struct stat st;
	uLong crc = 0;
	void *map;

	if (fstat(fd, &st) || !st.st_size)
		return false;
	map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return false;
	crc = crc32_z(crc, map, st.st_size);
	munmap(map, st.st_size);
	return crc == want;
}

static bool try_debuglink(struct upr_elf *elf, const char *path, u32 crc)
{
	if (!open_sym_file(elf, path, &elf->debug))
		return false;
	if (crc_fits(elf->debug.fd, crc))
		return true;
	upr_sym_file_close(&elf->debug);
	return false;
}

/* Beside the file, in .debug beside it, and below the debug root under the file's directory. */
static bool find_by_debuglink(struct upr_elf *elf, char *path, size_t size)
{
	char real[PATH_MAX], *slash;
	GElf_Word crc;
	const char *link = dwelf_elf_gnu_debuglink(elf->elf, &crc);
	int i;

	if (!link || !*link || strchr(link, '/') || !realpath(elf->info.path, real))
		return false;
	slash = strrchr(real, '/');
	if (!slash)
		return false;
	*slash = '\0';
	for (i = 0; i < 3; i++) {
		size_t len = i == 0 ? (size_t)snprintf(path, size, "%s/%s", real, link) :
			     i == 1 ? (size_t)snprintf(path, size, "%s/.debug/%s", real, link) :
				      (size_t)snprintf(path, size, "%s%s/%s", elf->debug_root, real, link);

		if (len < size && try_debuglink(elf, path, crc))
			return true;
	}
	return false;
}

bool upr_open_debug_file(struct upr_elf *elf)
{
	char path[PATH_MAX * 2];

	if (!find_by_build_id(elf, path, sizeof(path)) && !find_by_debuglink(elf, path, sizeof(path)))
		return false;
	elf->info.debug_file = arena_strdup(&elf->strings, path);
	return true;
}

/* --- .gnu_debugdata ---------------------------------------------------- */

static Elf_Data *section_data(struct upr_elf *elf, const char *want)
{
	Elf_Scn *scn = NULL;
	size_t strndx;

	if (elf_getshdrstrndx(elf->elf, &strndx))
		return NULL;
	while ((scn = elf_nextscn(elf->elf, scn))) {
		const char *name;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS)
			continue;
		name = elf_strptr(elf->elf, strndx, sh.sh_name);
		if (name && !strcmp(name, want))
			return elf_rawdata(scn, NULL);
	}
	return NULL;
}

/* Unpack one xz stream of unknown size.  NULL: damaged, too big, no memory. */
static u8 *unxz(const u8 *in, size_t in_len, size_t *out_len)
{
	lzma_stream strm = LZMA_STREAM_INIT;
	size_t cap = in_len * 4 + 4096;
	lzma_ret rc = LZMA_OK;
	u8 *out = NULL;

	if (lzma_stream_decoder(&strm, LZMA_MEMORY, 0) != LZMA_OK)
		return NULL;
	strm.next_in = in;
	strm.avail_in = in_len;
	while (rc == LZMA_OK && cap <= MINI_MAX) {
		u8 *bigger = realloc(out, cap);

		if (!bigger)
			break;
		out = bigger;
		strm.next_out = out + strm.total_out;
		strm.avail_out = cap - strm.total_out;
		rc = lzma_code(&strm, LZMA_FINISH);
		/* stopped with room left: the input ended before the stream did */
		if (rc == LZMA_OK && strm.avail_out)
			break;
		cap *= 2;
	}
	*out_len = strm.total_out;
	lzma_end(&strm);
	if (rc == LZMA_STREAM_END && *out_len)
		return out;
	free(out);
	return NULL;
}

bool upr_open_debugdata(struct upr_elf *elf)
{
	Elf_Data *data = section_data(elf, ".gnu_debugdata");
	size_t len;

	if (!data || !data->d_buf || !data->d_size)
		return false;
	elf->mini.image = unxz(data->d_buf, data->d_size, &len);
	if (!elf->mini.image)
		return false;
	elf->mini.elf = elf_memory(elf->mini.image, len);
	if (elf->mini.elf && elf_kind(elf->mini.elf) == ELF_K_ELF)
		return true;
	upr_sym_file_close(&elf->mini);
	return false;
}
