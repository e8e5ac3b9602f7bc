// SPDX-License-Identifier: GPL-2.0
/*
 * symbol-eh.c - functions that only the unwinder knows.
 *
 * Purpose: read the extents of functions from .eh_frame; libdw walks the
 * entries, the encoded pointers in them are decoded here (libdw answers
 * "which entry covers this pc" but cannot enumerate).
 *
 * PLT stubs have entries as well; they are nobody's functions and left out.
 *
 * Locks: none, see symbol.h.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>

#include "symbol-priv.h"

/* Where the frames are: bytes, and the address of the first. */
struct eh_frame {
	Elf_Data *data;
	u64 addr;
};

/* What a CIE says about its FDEs. */
struct cie {
	Dwarf_Off at;
	u8 encoding;
	u8 lsda_encoding;
	bool lsda;
	bool signal;
	bool sound;
};

/*
 * Read an encoded pointer at @p.  Return: bytes taken, 0 when it cannot be
 * read.  @value_only: a length, to which no base is added.
 */
static size_t read_encoded(const struct upr_elf *elf, const struct eh_frame *eh, u8 encoding, const u8 *p,
			   bool value_only, u64 *ret)
{
	const u8 *end = (const u8 *)eh->data->d_buf + eh->data->d_size;
	size_t size, word = elf->info.mode32 ? 4 : 8;
	u64 raw = 0;

	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
		size = word;
		break;
	case DW_EH_PE_udata2:
	case DW_EH_PE_sdata2:
		size = 2;
		break;
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		size = 4;
		break;
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		size = 8;
		break;
	default:
		return 0;
	}
	if ((encoding & DW_EH_PE_indirect) || (size_t)(end - p) < size)
		return 0;
	memcpy(&raw, p, size);
	if ((encoding & DW_EH_PE_signed) && size < 8 && !value_only)
		raw = (u64)((s64)(raw << (64 - 8 * size)) >> (64 - 8 * size));
	if (!value_only) {
		switch (encoding & 0x70) {
		case DW_EH_PE_absptr:
			break;
		case DW_EH_PE_pcrel:
			raw += eh->addr + (p - (const u8 *)eh->data->d_buf);
			break;
		default:
			return 0;
		}
	}
	*ret = word == 4 ? (u32)raw : raw;
	return size;
}

/* Pointer encodings from the augmentation. */
static void read_augmentation(const struct upr_elf *elf, const Dwarf_CIE *entry, struct cie *cie)
{
	const char *s = entry->augmentation;
	const u8 *p = entry->augmentation_data;
	const u8 *end = p + entry->augmentation_data_size;

	cie->encoding = DW_EH_PE_absptr;
	cie->lsda = false;
	cie->sound = true;
	if (!s || *s != 'z')
		return;
	for (s++; *s; s++) {
		size_t skip;

		switch (*s) {
		case 'R':
			if (p < end)
				cie->encoding = *p;
			p++;
			continue;
		case 'S':
		case 'B':
			continue;
		case 'L':
			cie->lsda = p < end;
			if (p < end)
				cie->lsda_encoding = *p;
			p++;
			continue;
		case 'P':
			if (p >= end)
				break;
			skip = (*p & 7) == DW_EH_PE_absptr ? (elf->info.mode32 ? 4 : 8) :
			       (*p & 7) == DW_EH_PE_udata2 ? 2 :
			       (*p & 7) == DW_EH_PE_udata4 ? 4 :
			       (*p & 7) == DW_EH_PE_udata8 ? 8 :
							     0;
			if (!skip)
				break;
			p += 1 + skip;
			continue;
		}
		/* not understood: its FDEs cannot be read */
		cie->sound = false;
		return;
	}
}

/* 'S' may stand behind 'R' as in "zRS". */
static bool is_signal_cie(const Dwarf_CIE *entry)
{
	return entry->augmentation && strchr(entry->augmentation, 'S');
}

static const struct cie *find_cie(const struct upr_elf *elf, const struct eh_frame *eh, Dwarf_Off at, struct cie *cache)
{
	Dwarf_CFI_Entry entry;
	Dwarf_Off next;

	if (cache->at == at)
		return cache;
	cache->at = at;
	cache->sound = false;
	if (dwarf_next_cfi(elf->ehdr.e_ident, eh->data, true, at, &next, &entry) || !dwarf_cfi_cie_p(&entry))
		return cache;
	read_augmentation(elf, &entry.cie, cache);
	cache->signal = is_signal_cie(&entry.cie);
	return cache;
}

/*
 * Without section names a PLT is known by its look: push GOT[1]; jmp GOT[2], or
 * stubs of 8 or 16 bytes that jump through the GOT.
 */
static bool looks_like_plt(const struct upr_elf *elf, const struct upr_fde *fde)
{
	u64 avail;
	const u8 *p = upr_elf_bytes(elf, fde->addr, &avail);

	if (!p || avail < 16 || fde->size % 8)
		return false;
	if (p[0] == 0xff && p[1] == 0x35)
		return (p[6] == 0xff && p[7] == 0x25) || (p[6] == 0xf2 && p[7] == 0xff && p[8] == 0x25);
	if (p[0] == 0xf3 && p[1] == 0x0f && p[2] == 0x1e)
		p += 4;
	if (p[0] == 0xf2)
		p++;
	return p[0] == 0xff && p[1] == 0x25;
}

static bool is_plt(const struct upr_elf *elf, const struct upr_fde *fde)
{
	const struct upr_text_section *sec;

	if (!elf->nr_secs)
		return looks_like_plt(elf, fde);
	sec = upr_text_section_at(elf, fde->addr);
	return sec && sec->plt;
}

/* The address of the exception table, which stands in the augmentation data; 0: none. */
static bool read_lsda(const struct upr_elf *elf, const struct eh_frame *eh, const Dwarf_FDE *entry,
		      const struct cie *cie, const u8 *p, u64 *ret)
{
	unsigned int shift = 0;
	u64 len = 0, raw;
	u8 byte;

	*ret = 0;
	if (!cie->lsda || cie->lsda_encoding == DW_EH_PE_omit)
		return true;
	do {
		if (p >= entry->end || shift > 56)
			return false;
		byte = *p++;
		len |= (u64)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (!len)
		return true;
	/* a null pointer is one before anything is added to it */
	return read_encoded(elf, eh, cie->lsda_encoding, p, true, &raw) &&
	       (!raw || read_encoded(elf, eh, cie->lsda_encoding, p, false, ret));
}

static int add_fde(struct upr_elf *elf, const struct eh_frame *eh, const Dwarf_FDE *entry, const struct cie *cie)
{
	struct upr_fde fde = {0};
	size_t taken;

	taken = cie->sound ? read_encoded(elf, eh, cie->encoding, entry->start, false, &fde.addr) : 0;
	if (!taken || !read_encoded(elf, eh, cie->encoding, entry->start + taken, true, &fde.size) ||
	    !read_lsda(elf, eh, entry, cie, entry->start + 2 * taken, &fde.lsda)) {
		elf->frames_unsound = true;
		return 0;
	}
	/* a signal return trampoline's entry begins one byte early, for unwinders that look up pc - 1 */
	if (cie->signal && fde.size > 1) {
		fde.addr++;
		fde.size--;
	}
	if (!fde.size || !upr_elf_is_text(elf, fde.addr) || is_plt(elf, &fde))
		return 0;
	if (!upr_grow(&elf->fdes, elf->nr_fdes, &elf->cap_fdes, sizeof(*elf->fdes)))
		return -ENOMEM;
	elf->fdes[elf->nr_fdes++] = fde;
	return 0;
}

/* By the section's name, else by PT_GNU_EH_FRAME's pointer to it. */
static bool find_eh_frame(struct upr_elf *elf, struct eh_frame *eh)
{
	Elf_Scn *scn = NULL;
	u64 offset, avail;
	size_t strndx;
	const u8 *hdr;
	s32 rel;

	while (!elf_getshdrstrndx(elf->elf, &strndx) && (scn = elf_nextscn(elf->elf, scn))) {
		const char *name;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS || !(sh.sh_flags & SHF_ALLOC))
			continue;
		name = elf_strptr(elf->elf, strndx, sh.sh_name);
		if (!name || strcmp(name, ".eh_frame"))
			continue;
		eh->data = elf_rawdata(scn, NULL);
		eh->addr = sh.sh_addr;
		return eh->data && eh->data->d_buf && eh->data->d_size;
	}
	if (elf->eh_hdr.p_type != PT_GNU_EH_FRAME)
		return false;
	hdr = upr_elf_bytes(elf, elf->eh_hdr.p_vaddr, &avail);
	/* version 1, then the encoding of the pointer: always pcrel sdata4 in practice */
	if (!hdr || avail < 8 || hdr[0] != 1 || hdr[1] != (DW_EH_PE_pcrel | DW_EH_PE_sdata4))
		return false;
	memcpy(&rel, hdr + 4, sizeof(rel));
	eh->addr = elf->eh_hdr.p_vaddr + 4 + (s64)rel;
	if (!upr_elf_bytes(elf, eh->addr, &avail) || !upr_elf_addr_to_offset(elf, eh->addr, &offset))
		return false;
	eh->data = elf_getdata_rawchunk(elf->elf, offset, avail, ELF_T_BYTE);
	return eh->data && eh->data->d_buf;
}

static int by_address(const void *a, const void *b)
{
	const struct upr_fde *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->size > y->size ? -1 : x->size < y->size;
}

int upr_collect_fdes(struct upr_elf *elf)
{
	struct cie cache = {.at = (Dwarf_Off)-1};
	Dwarf_Off at = 0, next;
	struct eh_frame eh;

	if (!find_eh_frame(elf, &eh))
		return 0;
	for (; at != (Dwarf_Off)-1; at = next) {
		Dwarf_CFI_Entry entry;
		int rc;

		next = at;
		rc = dwarf_next_cfi(elf->ehdr.e_ident, eh.data, true, at, &next, &entry);
		if (rc > 0 || (rc < 0 && next == at))
			break;
		/* a bad entry that can be stepped over; going backwards would never end */
		if (next != (Dwarf_Off)-1 && next <= at)
			break;
		if (rc < 0 || dwarf_cfi_cie_p(&entry))
			continue;
		if (add_fde(elf, &eh, &entry.fde, find_cie(elf, &eh, entry.fde.CIE_pointer, &cache)))
			return -ENOMEM;
	}
	upr_sort(elf->fdes, elf->nr_fdes, sizeof(*elf->fdes), by_address);
	return 0;
}
