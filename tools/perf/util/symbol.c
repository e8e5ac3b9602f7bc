// SPDX-License-Identifier: GPL-2.0
/*
 * symbol.c - an ELF file as the loader sees it.
 *
 * Purpose: open and check a file, know its segments, turn addresses into file
 * offsets and back.  Only program headers count here: the kernel maps by them,
 * and section headers may be missing or may lie.
 *
 * Locks: none, see symbol.h.
 */
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbol-priv.h"

void upr_sort(void *base, size_t nr, size_t size, int (*cmp)(const void *, const void *))
{
	const char *p = base;
	size_t i;

	for (i = 1; i < nr && cmp(p + (i - 1) * size, p + i * size) <= 0; i++)
		;
	if (i < nr)
		qsort(base, nr, size, cmp);
}

bool upr_grow(void *array, size_t nr, size_t *cap, size_t size)
{
	void **p = array;
	size_t want;
	void *bigger;

	if (nr < *cap)
		return true;
	want = *cap ? *cap * 2 : 64;
	bigger = reallocarray(*p, want, size);
	if (!bigger)
		return false;
	*p = bigger;
	*cap = want;
	return true;
}

/* --- addresses --------------------------------------------------------- */

static const struct upr_segment *segment_at(const struct upr_elf *elf, u64 addr, bool exec_only)
{
	size_t i;

	for (i = 0; i < elf->nr_segs; i++) {
		const struct upr_segment *s = &elf->segs[i];

		if (addr - s->vaddr < s->filesz && (s->exec || !exec_only))
			return s;
	}
	return NULL;
}

bool upr_elf_addr_to_offset(const struct upr_elf *elf, u64 addr, u64 *offset)
{
	const struct upr_segment *s = segment_at(elf, addr, true);

	if (!s)
		s = segment_at(elf, addr, false);
	if (!s)
		return false;
	*offset = addr - s->vaddr + s->offset;
	return true;
}

bool upr_elf_offset_to_addr(const struct upr_elf *elf, u64 offset, u64 *addr)
{
	int exec;
	size_t i;

	for (exec = 1; exec >= 0; exec--) {
		for (i = 0; i < elf->nr_segs; i++) {
			const struct upr_segment *s = &elf->segs[i];

			if (s->exec == exec && offset - s->offset < s->filesz) {
				*addr = offset - s->offset + s->vaddr;
				return true;
			}
		}
	}
	return false;
}

bool upr_elf_is_text(const struct upr_elf *elf, u64 addr)
{
	return segment_at(elf, addr, true);
}

const u8 *upr_elf_bytes(const struct upr_elf *elf, u64 addr, u64 *avail)
{
	const struct upr_segment *s = segment_at(elf, addr, true);

	if (!s)
		s = segment_at(elf, addr, false);
	if (!s) {
		*avail = 0;
		return NULL;
	}
	*avail = s->filesz - (addr - s->vaddr);
	return elf->raw + s->offset + (addr - s->vaddr);
}

const char *upr_elf_string_at(const struct upr_elf *elf, u64 addr)
{
	u64 avail;
	const u8 *p = upr_elf_bytes(elf, addr, &avail);

	return p && memchr(p, 0, avail) ? (const char *)p : NULL;
}

const struct upr_text_section *upr_text_section_at(const struct upr_elf *elf, u64 addr)
{
	size_t i;

	for (i = 0; i < elf->nr_secs; i++) {
		if (addr - elf->secs[i].addr < elf->secs[i].size)
			return &elf->secs[i];
	}
	return NULL;
}

/* --- opening ----------------------------------------------------------- */

static const char *machine_name(int machine)
{
	static const struct {
		int machine;
		const char *name;
	} known[] = {
		{EM_386, "i386"},
		{EM_X86_64, "x86-64"},
		{EM_ARM, "32-bit ARM"},
		{EM_AARCH64, "AArch64"},
		{EM_RISCV, "RISC-V"},
		{EM_PPC, "PowerPC"},
		{EM_PPC64, "PowerPC64"},
		{EM_S390, "s390"},
		{EM_MIPS, "MIPS"},
		{EM_SPARCV9, "SPARC"},
		{EM_IA_64, "Itanium"},
		{EM_BPF, "BPF"},
		{EM_LOONGARCH, "LoongArch"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].machine == machine)
			return known[i].name;
	}
	return NULL;
}

static int open_failed(const char *name, const char *path, struct upr_error *err)
{
	int code = errno;
	struct stat st;

	if (code == ENOENT || code == ENOTDIR)
		return upr_error_set(err, UPR_ERR_NO_FILE, ENOENT, "no such file: %s", name);
	if ((code == EACCES || code == EPERM) && !stat(path, &st))
		return upr_error_set(
			err, UPR_ERR_PERMISSION, code,
			"no permission to read %s: its mode is %04o and its owner is uid %u, you are uid %u; a "
			"file must be readable to be probed",
			name, (unsigned int)(st.st_mode & 07777), (unsigned int)st.st_uid, (unsigned int)geteuid());
	if (code == EACCES || code == EPERM)
		return upr_error_set(err, UPR_ERR_PERMISSION, code,
				     "no permission to reach %s: a directory on its path may not be searched by uid %u",
				     name, (unsigned int)geteuid());
	return upr_error_set(err, UPR_ERR_SYSTEM, code, "cannot open %s: %s", name, strerror(code));
}

/* Say what the file is instead. */
static int not_elf(const struct upr_elf *elf, const char *head, ssize_t len, struct upr_error *err)
{
	const char *name = elf->info.name;
	char line[128];

	if (len <= 0)
		return upr_error_set(err, UPR_ERR_NOT_ELF, ENOEXEC, "%s is not an ELF file: it is empty", name);
	if (len > 2 && !memcmp(head, "#!", 2) && sscanf(head, "%127[^\r\n]", line) == 1)
		return upr_error_set(err, UPR_ERR_NOT_ELF, ENOEXEC,
				     "%s is not an ELF file but a script (%s); probe the program that runs it", name,
				     line);
	if (len >= 8 && !memcmp(head, "!<arch>\n", 8))
		return upr_error_set(err, UPR_ERR_NOT_ELF, ENOEXEC,
				     "%s is a static library (an archive); probe the program it is linked into", name);
	return upr_error_set(err, UPR_ERR_NOT_ELF, ENOEXEC, "%s is not an ELF file", name);
}

static int open_fd(struct upr_elf *elf, struct upr_error *err)
{
	const char *name = elf->info.name;
	char head[512] = "";
	struct stat st;
	ssize_t len;

	/* O_NONBLOCK: a FIFO must not hold us up */
	elf->fd = open(elf->info.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (elf->fd < 0)
		return open_failed(name, elf->info.path, err);
	if (fstat(elf->fd, &st))
		return upr_error_set(err, UPR_ERR_SYSTEM, errno, "cannot look at %s: %s", name, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return upr_error_set(err, UPR_ERR_NOT_ELF, EISDIR, "%s is a directory, not an ELF file", name);
	if (!S_ISREG(st.st_mode))
		return upr_error_set(err, UPR_ERR_NOT_ELF, ENOEXEC, "%s is not a regular file", name);
	elf->info.dev = st.st_dev;
	elf->info.ino = st.st_ino;
	len = pread(elf->fd, head, sizeof(head) - 1, 0);
	if (len < 0)
		return upr_error_set(err, UPR_ERR_SYSTEM, errno, "cannot read %s: %s", name, strerror(errno));
	if (len < SELFMAG || memcmp(head, ELFMAG, SELFMAG))
		return not_elf(elf, head, len, err);
	return 0;
}

static int damaged(const struct upr_elf *elf, struct upr_error *err, const char *what)
{
	return upr_error_set(err, UPR_ERR_NOT_ELF, ENOEXEC, "%s is a damaged ELF file: %s", elf->info.name, what);
}

static int check_header(struct upr_elf *elf, struct upr_error *err)
{
	const char *name = elf->info.name;
	const GElf_Ehdr *eh = &elf->ehdr;
	const char *machine;

	elf_version(EV_CURRENT);
	elf->elf = elf_begin(elf->fd, ELF_C_READ_MMAP, NULL);
	if (!elf->elf || elf_kind(elf->elf) != ELF_K_ELF || !gelf_getehdr(elf->elf, &elf->ehdr))
		return damaged(elf, err, "its header is not sound");
	machine = machine_name(eh->e_machine);
	if (eh->e_machine != EM_X86_64 && eh->e_machine != EM_386) {
		if (machine)
			return upr_error_set(
				err, UPR_ERR_ARCH, ENOEXEC,
				"%s is built for %s; only x86-64 and i386 programs can be probed on this machine", name,
				machine);
		return upr_error_set(
			err, UPR_ERR_ARCH, ENOEXEC,
			"%s is built for machine number %d; only x86-64 and i386 programs can be probed on this "
			"machine",
			name, eh->e_machine);
	}
	if (eh->e_ident[EI_DATA] != ELFDATA2LSB)
		return damaged(elf, err, "its header says big-endian x86");
	if (eh->e_machine == EM_X86_64 && eh->e_ident[EI_CLASS] != ELFCLASS64)
		return upr_error_set(err, UPR_ERR_ARCH, ENOEXEC, "%s is an x32 program, which cannot be probed", name);
	if (eh->e_machine == EM_386 && eh->e_ident[EI_CLASS] != ELFCLASS32)
		return damaged(elf, err, "its header says 64-bit i386");
	elf->info.machine = eh->e_machine;
	elf->info.mode32 = eh->e_machine == EM_386;
	elf->info.type = eh->e_type;
	elf->info.entry = eh->e_entry;
	if (eh->e_type == ET_REL)
		return upr_error_set(err, UPR_ERR_NO_CODE, ENOEXEC,
				     "%s is an object file that is not linked; probe the program it is linked into",
				     name);
	if (eh->e_type == ET_CORE)
		return upr_error_set(err, UPR_ERR_NO_CODE, ENOEXEC, "%s is a core dump; probe the program that left it",
				     name);
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
		return damaged(elf, err, "it is neither a program nor a shared library");
	return 0;
}

/* Debug files keep their program headers but hold none of the code. */
static int no_code(const struct upr_elf *elf, bool exec_seen, struct upr_error *err)
{
	if (exec_seen)
		return upr_error_set(err, UPR_ERR_NO_CODE, ENOEXEC,
				     "%s holds debug information only, no code; name the program it belongs to",
				     elf->info.name);
	return upr_error_set(err, UPR_ERR_NO_CODE, ENOEXEC,
			     "%s has no executable segment: there is nothing to probe in it", elf->info.name);
}

static int read_segments(struct upr_elf *elf, struct upr_error *err)
{
	bool exec = false, exec_seen = false;
	size_t nr, i, size;

	elf->raw = (const u8 *)elf_rawfile(elf->elf, &size);
	if (!elf->raw || elf_getphdrnum(elf->elf, &nr))
		return damaged(elf, err, "its program headers cannot be read");
	elf->raw_size = size;
	elf->segs = calloc(nr ? nr : 1, sizeof(*elf->segs));
	if (!elf->segs)
		return upr_error_nomem(err);
	for (i = 0; i < nr; i++) {
		struct upr_segment *s = &elf->segs[elf->nr_segs];
		GElf_Phdr ph;

		if (!gelf_getphdr(elf->elf, i, &ph))
			return damaged(elf, err, "its program headers lie outside of it");
		if (ph.p_type == PT_DYNAMIC)
			elf->dynamic = ph;
		if (ph.p_type == PT_GNU_EH_FRAME)
			elf->eh_hdr = ph;
		if (ph.p_type == PT_LOAD && (ph.p_flags & PF_X))
			exec_seen = true;
		if (ph.p_type != PT_LOAD || !ph.p_filesz)
			continue;
		if (ph.p_offset > size || ph.p_filesz > size - ph.p_offset)
			return upr_error_set(err, UPR_ERR_NOT_ELF, ENOEXEC,
					     "%s is cut short: a segment ends at byte %llu, the file has %zu bytes",
					     elf->info.name, (unsigned long long)(ph.p_offset + ph.p_filesz), size);
		s->vaddr = ph.p_vaddr;
		s->offset = ph.p_offset;
		s->filesz = ph.p_filesz;
		s->exec = ph.p_flags & PF_X;
		if (s->vaddr + s->filesz < s->vaddr)
			return damaged(elf, err, "a segment wraps around the end of the address space");
		exec |= s->exec;
		elf->nr_segs++;
	}
	return exec ? 0 : no_code(elf, exec_seen, err);
}

/* Sections are hints only; whatever is odd about them is passed over. */
static int read_sections(struct upr_elf *elf)
{
	size_t nr, strndx, cap = 0;
	Elf_Scn *scn = NULL;

	if (elf_getshdrnum(elf->elf, &nr) || elf_getshdrstrndx(elf->elf, &strndx))
		return 0;
	while ((scn = elf_nextscn(elf->elf, scn))) {
		const char *name;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) ||
		    (sh.sh_flags & (SHF_EXECINSTR | SHF_ALLOC)) != (SHF_EXECINSTR | SHF_ALLOC))
			continue;
		if (!sh.sh_size || sh.sh_addr + sh.sh_size < sh.sh_addr || !upr_elf_is_text(elf, sh.sh_addr))
			continue;
		if (!upr_grow(&elf->secs, elf->nr_secs, &cap, sizeof(*elf->secs)))
			return -ENOMEM;
		name = elf_strptr(elf->elf, strndx, sh.sh_name);
		elf->secs[elf->nr_secs++] = (struct upr_text_section){
			.addr = sh.sh_addr,
			.size = sh.sh_size,
			.plt = name && (!strncmp(name, ".plt", 4) || !strcmp(name, ".iplt")),
		};
	}
	return 0;
}

bool upr_elf_dyn(const struct upr_elf *elf, s64 tag, u64 *val)
{
	GElf_Dyn dyn;
	int i;

	for (i = 0; elf->dyn_data && gelf_getdyn(elf->dyn_data, i, &dyn); i++) {
		if (dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == tag) {
			*val = dyn.d_un.d_val;
			return true;
		}
	}
	return false;
}

static int read_dynamic(struct upr_elf *elf)
{
	struct upr_elf_info *info = &elf->info;
	u64 strtab = 0, flags = 0, val;
	size_t cap = 0;
	GElf_Dyn dyn;
	int i;

	if (elf->dynamic.p_type == PT_DYNAMIC)
		elf->dyn_data = elf_getdata_rawchunk(elf->elf, elf->dynamic.p_offset, elf->dynamic.p_filesz, ELF_T_DYN);
	if (!elf->dyn_data || !upr_elf_dyn(elf, DT_STRTAB, &strtab))
		return 0;
	for (i = 0; gelf_getdyn(elf->dyn_data, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		const char *s;

		if (dyn.d_tag != DT_NEEDED)
			continue;
		s = upr_elf_string_at(elf, strtab + dyn.d_un.d_val);
		if (!s)
			continue;
		if (!upr_grow(&info->needed, info->nr_needed, &cap, sizeof(*info->needed)))
			return -ENOMEM;
		info->needed[info->nr_needed++] = s;
	}
	if (upr_elf_dyn(elf, DT_SONAME, &val))
		info->soname = upr_elf_string_at(elf, strtab + val);
	if (upr_elf_dyn(elf, DT_FLAGS_1, &flags) && (flags & DF_1_PIE))
		info->is_exec = true;
	return 0;
}

static int read_info(struct upr_elf *elf)
{
	struct upr_elf_info *info = &elf->info;
	const void *id;
	size_t nr, i;
	ssize_t len;

	for (i = 0; !elf_getphdrnum(elf->elf, &nr) && i < nr; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(elf->elf, i, &ph) || ph.p_type != PT_INTERP)
			continue;
		if (ph.p_offset < elf->raw_size && ph.p_filesz <= elf->raw_size - ph.p_offset &&
		    memchr(elf->raw + ph.p_offset, 0, ph.p_filesz))
			info->interp = (const char *)elf->raw + ph.p_offset;
	}
	if (read_dynamic(elf))
		return -ENOMEM;
	if (info->type == ET_EXEC || (info->interp && !info->soname))
		info->is_exec = true;
	info->is_pie = info->is_exec && info->type == ET_DYN;
	info->is_static = info->is_exec && !info->interp && !info->nr_needed;
	len = dwelf_elf_gnu_build_id(elf->elf, &id);
	if (len > 0 && len <= 64) {
		info->build_id = id;
		info->build_id_len = len;
	}
	return 0;
}

static int elf_open(struct upr_elf *elf, const char *path, const struct upr_elf_options *opts, struct upr_error *err)
{
	char real[PATH_MAX];
	int rc;

	elf->info.path = arena_strdup(&elf->strings, path);
	elf->info.name = arena_strdup(&elf->strings, opts->name ? opts->name : path);
	elf->info.real = elf->info.name;
	if (!opts->name && realpath(path, real))
		elf->info.real = arena_strdup(&elf->strings, real);
	elf->debug_root = arena_strdup(&elf->strings, opts->debug_root ? opts->debug_root : UPR_DEBUG_ROOT);
	if (!elf->info.path || !elf->info.name || !elf->info.real || !elf->debug_root)
		return upr_error_nomem(err);
	rc = open_fd(elf, err);
	if (!rc)
		rc = check_header(elf, err);
	if (!rc)
		rc = read_segments(elf, err);
	if (!rc && (read_sections(elf) || read_info(elf)))
		rc = upr_error_nomem(err);
	return rc;
}

struct upr_elf *upr_elf_open_opts(const char *path, const struct upr_elf_options *opts, struct upr_error *err)
{
	static const struct upr_elf_options none;
	struct upr_elf *elf = calloc(1, sizeof(*elf));

	if (!elf) {
		upr_error_nomem(err);
		return NULL;
	}
	elf->fd = elf->debug.fd = elf->mini.fd = -1;
	if (elf_open(elf, path, opts ? opts : &none, err)) {
		upr_elf_close(elf);
		return NULL;
	}
	return elf;
}

struct upr_elf *upr_elf_open(const char *path, struct upr_error *err)
{
	return upr_elf_open_opts(path, NULL, err);
}

void upr_elf_close(struct upr_elf *elf)
{
	size_t i;

	if (!elf)
		return;
	if (elf->code)
		elf->code_free(elf->code);
	if (elf->debug_info)
		elf->debug_info_free(elf->debug_info);
	for (i = 0; elf->pretty && i < elf->nr_names; i++) {
		if (elf->pretty[i].base != elf->pretty[i].full)
			free(elf->pretty[i].base);
		free(elf->pretty[i].full);
	}
	free(elf->pretty);
	free(elf->hash);
	free(elf->nearest);
	free(elf->funcs);
	free(elf->max_end);
	free(elf->names);
	free(elf->name_func);
	free(elf->syms);
	free(elf->fdes);
	free(elf->segs);
	free(elf->secs);
	free(elf->info.needed);
	upr_sym_file_close(&elf->debug);
	upr_sym_file_close(&elf->mini);
	if (elf->elf)
		elf_end(elf->elf);
	if (elf->fd >= 0)
		close(elf->fd);
	arena_free(&elf->strings);
	free(elf);
}

const struct upr_elf_info *upr_elf_info(const struct upr_elf *elf)
{
	return &elf->info;
}
