// SPDX-License-Identifier: GPL-2.0
/*
 * sdt.c - statically defined probes of a file.
 *
 * Purpose: see sdt.h.  Locks: none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sdt.h"
#include "symbol-priv.h"

#define NOTE_OWNER "stapsdt"
#define NOTE_TYPE  3

static bool word(const u8 **at, const u8 *end, bool mode32, u64 *ret)
{
	size_t size = mode32 ? 4 : 8;

	if ((size_t)(end - *at) < size)
		return false;
	*ret = 0;
	memcpy(ret, *at, size);
	*at += size;
	return true;
}

static const char *text(const u8 **at, const u8 *end)
{
	const char *s = (const char *)*at;
	const u8 *nul = memchr(*at, 0, (size_t)(end - *at));

	if (!nul)
		return NULL;
	*at = nul + 1;
	return s;
}

/**
 * struct note_reader - the notes of a file
 * @names:	section with the names of sections
 * @base:	where the section stands that says how far the file was moved after the notes had been written
 *		(prelink), if @has_base; each note says where it stood
 */
struct note_reader {
	struct upr_elf *elf;
	size_t names;
	u64 base;
	bool has_base;
	struct sdt_notes *ret;
};

static void find_base(struct note_reader *reader)
{
	Elf *elf = reader->elf->elf;
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;
		const char *name = gelf_getshdr(scn, &shdr) ? elf_strptr(elf, reader->names, shdr.sh_name) : NULL;

		if (!name || strcmp(name, ".stapsdt.base"))
			continue;
		reader->base = shdr.sh_addr;
		reader->has_base = true;
		return;
	}
}

static int add_note(struct note_reader *reader, const u8 *at, size_t len)
{
	bool mode32 = reader->elf->info.mode32;
	struct sdt_notes *ret = reader->ret;
	const u8 *end = at + len;
	struct sdt_note note;
	u64 base, moved;

	if (!word(&at, end, mode32, &note.addr) || !word(&at, end, mode32, &base) ||
	    !word(&at, end, mode32, &note.semaphore))
		return 0;
	note.provider = text(&at, end);
	note.name = note.provider ? text(&at, end) : NULL;
	note.args = note.name ? text(&at, end) : NULL;
	if (!note.args)
		return 0;
	moved = reader->has_base ? reader->base - base : 0;
	note.addr += moved;
	if (note.semaphore)
		note.semaphore += moved;
	if (!upr_grow(&ret->v, ret->nr, &ret->cap, sizeof(*ret->v)))
		return -ENOMEM;
	ret->v[ret->nr++] = note;
	return 0;
}

static int read_section(struct note_reader *reader, Elf_Data *data)
{
	size_t at = 0, name, desc;
	GElf_Nhdr nhdr;
	int r = 0;

	while (!r && at < data->d_size && (at = gelf_getnote(data, at, &nhdr, &name, &desc)))
		if (nhdr.n_type == NOTE_TYPE && nhdr.n_namesz == sizeof(NOTE_OWNER) &&
		    !memcmp((const char *)data->d_buf + name, NOTE_OWNER, sizeof(NOTE_OWNER)))
			r = add_note(reader, (const u8 *)data->d_buf + desc, nhdr.n_descsz);
	return r;
}

int sdt_read(struct upr_elf *elf, struct sdt_notes *ret)
{
	struct note_reader reader = {.elf = elf, .ret = ret};
	Elf_Scn *scn = NULL;
	int r = 0;

	*ret = (struct sdt_notes){0};
	if (elf_getshdrstrndx(elf->elf, &reader.names))
		return 0;
	find_base(&reader);
	while (!r && (scn = elf_nextscn(elf->elf, scn))) {
		GElf_Shdr shdr;
		Elf_Data *data;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_NOTE || !(data = elf_getdata(scn, NULL)))
			continue;
		r = read_section(&reader, data);
	}
	if (r)
		sdt_free(ret);
	return r;
}

void sdt_free(struct sdt_notes *notes)
{
	free(notes->v);
	*notes = (struct sdt_notes){0};
}
