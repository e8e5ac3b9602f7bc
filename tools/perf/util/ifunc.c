// SPDX-License-Identifier: GPL-2.0
/*
 * ifunc.c - which function an IFUNC stands for in the processes at hand.
 *
 * Purpose: see ifunc.h.
 * Locks: none; resolver_answered() runs in the atomic half of a hit: it only
 * marks what is there already, or leaves a note for ifunc_poll().
 */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ifunc.h"
#include "probe-resolve.h"
#include "ui.h"

#define CANDIDATES_MAX 64
#define LATE_MAX       8

/**
 * struct resolver_ret - a ret instruction of a resolver
 */
struct resolver_ret {
	struct upr_consumer consumer;
	struct ifunc_watch *watch;
	u64 addr;
};

/**
 * struct ifunc_watch - one IFUNC that an event counts
 * @func:	the resolver
 * @sites:	what it may answer; also in event->sites
 * @rets:	where it answers
 * @late:	answers that are not among @sites
 * @outside:	a process has been given a function of another file
 */
struct ifunc_watch {
	struct uprobe_event *event;
	struct uprobe_image *image;
	const struct upr_func *func;
	const char *symbol;
	struct uprobe_site **sites;
	size_t nr_sites;
	struct resolver_ret **rets;
	size_t nr_rets;
	u64 late[LATE_MAX];
	size_t nr_late;
	bool outside;
};

/* There is something for ifunc_poll() to do. */
static bool any_late;

/* --- evidence ----------------------------------------------------------- */

static struct uprobe_site *candidate(const struct ifunc_watch *watch, u64 addr)
{
	size_t i;

	for (i = 0; i < watch->nr_sites; i++)
		if (watch->sites[i]->addr == addr)
			return watch->sites[i];
	return NULL;
}

static struct uprobe_site *add_candidate(struct uprobe_set *set, struct ifunc_watch *watch, u64 addr)
{
	const struct upr_func *f = upr_elf_func_at(watch->image->elf, addr);
	const struct upr_site at = {.addr = addr,
				    .symbol = f ? upr_name_pretty(watch->image->elf, &f->names[0]) : NULL,
				    .func_off = f ? addr - f->addr : 0};
	struct fetch *fetch = NULL;
	struct uprobe_site *site;

	if (upr_fetch_again(watch->image->elf, watch->event->def, &fetch))
		return NULL;
	site = uprobe_site_new(set, watch->event, watch->image, &at, fetch);
	if (!site)
		return NULL;
	site->ifunc = watch;
	site->chosen = false;
	return uprobe_array_add(&watch->sites, &watch->nr_sites, site) ? site : NULL;
}

static void choose(struct uprobe_site *site, const char *because)
{
	if (site->chosen)
		return;
	site->chosen = true;
	ui_debug("%s: the function in use is %s (0x%llx in %s): %s", site->event->name,
		 site->symbol ? site->symbol : "one without a name", (unsigned long long)site->addr, site->image->path,
		 because);
}

/* A resolver returns: rax is a function of its own file, elsewhere in the address space. */
static void resolver_answered(struct upr_consumer *consumer, struct utrace_task *task, u64 addr)
{
	struct resolver_ret *ret = consumer->data;
	struct ifunc_watch *watch = ret->watch;
	struct uprobe_site *site;
	struct upr_regs regs;
	u64 answer;

	if (task->target->regs_get(task, &regs))
		return;
	/* none at all: a resolver that is there for what it does (libc's cache sizes) */
	if (!regs.gpr[UPR_RAX])
		return;
	answer = regs.gpr[UPR_RAX] - (addr - ret->addr);
	site = candidate(watch, answer);
	if (site)
		choose(site, "its resolver said so");
	else if (watch->nr_late < LATE_MAX)
		watch->late[watch->nr_late++] = answer;
	any_late |= !site;
}

/* What could not be foreseen by reading the resolver: the first calls may go by before it is armed. */
static void add_late(struct uprobe_set *set, struct ifunc_watch *watch, u64 addr)
{
	struct uprobe_site *site = candidate(watch, addr);

	if (!site && upr_elf_is_text(watch->image->elf, addr)) {
		site = add_candidate(set, watch, addr);
		/* one call may have been on its way */
		if (site)
			atomic64_inc(&site->consumer.missed);
	}
	if (site)
		choose(site, "its resolver said so");
	else
		watch->outside = true;
}

void ifunc_poll(struct uprobe_set *set)
{
	size_t i, j, nr;

	if (!any_late)
		return;
	any_late = false;
	for (i = 0; i < set->nr_ifuncs; i++) {
		struct ifunc_watch *watch = set->ifuncs[i];

		nr = watch->nr_late;
		watch->nr_late = 0;
		for (j = 0; j < nr; j++)
			add_late(set, watch, watch->late[j]);
	}
}

bool ifunc_uncounted(const struct ifunc_watch *watch)
{
	return watch->outside || !watch->nr_rets;
}

const char *ifunc_why(const struct ifunc_watch *watch)
{
	if (watch->outside)
		return "the IFUNC stands for a function of another file (the vDSO), which is not counted";
	return watch->nr_rets ? "no process has resolved this IFUNC yet" :
				"this IFUNC's resolver cannot be followed, and no process shows its answer";
}

/* --- what our own loader chose --------------------------------------------- */

struct own_library {
	struct upr_file_key key;
	u64 bias;
	bool found;
};

static int match_library(struct dl_phdr_info *info, size_t size, void *data)
{
	struct own_library *own = data;
	struct upr_file_key key;

	if (!*info->dlpi_name || upr_home_file_key(info->dlpi_name, &key) || key.dev != own->key.dev ||
	    key.ino != own->key.ino)
		return 0;
	own->bias = info->dlpi_addr;
	own->found = true;
	return 1;
}

static void ask_own_loader(struct uprobe_set *set, struct ifunc_watch *watch)
{
	struct own_library own = {.key = watch->image->key};
	struct uprobe_site *site;
	void *address;
	u64 addr;

	dl_iterate_phdr(match_library, &own);
	address = own.found ? dlsym(RTLD_DEFAULT, watch->func->names[0].name) : NULL;
	if (!address)
		return;
	addr = (u64)(uintptr_t)address - own.bias;
	site = candidate(watch, addr);
	if (!site && upr_elf_is_text(watch->image->elf, addr))
		site = add_candidate(set, watch, addr);
	if (site)
		choose(site, "it is what the loader chose for this very tool");
}

/* --- arming ----------------------------------------------------------------- */

static int watch_ret(struct uprobe_set *set, struct ifunc_watch *watch, u64 addr, const u8 *code, size_t len,
		     enum upr_insn_mode mode)
{
	struct resolver_ret *ret = calloc(1, sizeof(*ret));
	u64 offset;

	if (!ret)
		return -ENOMEM;
	ret->watch = watch;
	ret->addr = addr;
	ret->consumer.hit = resolver_answered;
	ret->consumer.data = ret;
	if (!upr_elf_addr_to_offset(watch->image->elf, addr, &offset) ||
	    upr_register(set->session, watch->image->key, offset, code, len, mode, &ret->consumer, NULL)) {
		free(ret);
		return 0;
	}
	if (uprobe_array_add(&watch->rets, &watch->nr_rets, ret))
		return 0;
	upr_unregister(set->session, &ret->consumer);
	free(ret);
	return -ENOMEM;
}

/* Probe every ret.  *leaves: it can end otherwise, too. */
static int watch_resolver(struct uprobe_set *set, struct ifunc_watch *watch, bool *leaves)
{
	struct upr_elf *elf = watch->image->elf;
	enum upr_insn_mode mode = upr_elf_info(elf)->mode32 ? UPR_INSN_32 : UPR_INSN_64;
	struct upr_boundaries b;
	size_t i;
	int rc = 0;

	*leaves = true;
	if (upr_func_boundaries(elf, watch->func, &b, NULL))
		return 0;
	*leaves = !b.linear;
	for (i = 0; i < b.nr && !rc; i++) {
		u64 addr = watch->func->addr + b.offs[i], avail, to;
		const u8 *code = upr_elf_bytes(elf, addr, &avail);
		struct upr_insn insn;

		avail = min(avail, (u64)UPR_INSN_MAX);
		if (!code || upr_insn_decode(&insn, code, avail, mode))
			continue;
		if (insn.branch == UPR_BR_RET)
			rc = watch_ret(set, watch, addr, code, avail, mode);
		if (insn.branch == UPR_BR_JMP || insn.branch == UPR_BR_JCC) {
			to = upr_insn_target(&insn, addr);
			*leaves |= to - watch->func->addr >= watch->func->size;
		}
		*leaves |= insn.branch == UPR_BR_JMP_IND;
	}
	upr_boundaries_free(&b);
	return rc;
}

int ifunc_watch(struct uprobe_set *set, struct uprobe_event *event, struct uprobe_image *image,
		const struct upr_func *func, const char *symbol)
{
	struct ifunc_watch *watch = calloc(1, sizeof(*watch));
	u64 addrs[CANDIDATES_MAX];
	bool leaves;
	size_t i, nr;

	if (!watch)
		return -ENOMEM;
	watch->event = event;
	watch->image = image;
	watch->func = func;
	watch->symbol = symbol;
	if (!uprobe_array_add(&set->ifuncs, &set->nr_ifuncs, watch)) {
		free(watch);
		return -ENOMEM;
	}
	nr = upr_ifunc_candidates(image->elf, func, addrs, CANDIDATES_MAX);
	for (i = 0; i < min(nr, (size_t)CANDIDATES_MAX); i++)
		if (!add_candidate(set, watch, addrs[i]))
			return -ENOMEM;
	if (watch_resolver(set, watch, &leaves))
		return -ENOMEM;
	if (leaves)
		ask_own_loader(set, watch);
	ui_debug("%s: %s is an IFUNC, its resolver may answer any of %zu functions", event->name, symbol, nr);
	return 0;
}

/* --- words that the loader has filled in -------------------------------------- */

/* An executable mapping of a process. */
struct scan_map {
	u64 start, end, offset;
	struct upr_file_key key;
	char *path;
};

struct scan {
	struct uprobe_set *set;
	struct upr_home *home;
	struct upr_mm *mm;
	int pid;
	struct scan_map **maps;
	size_t nr_maps;
};

static int collect_map(void *data, u64 start, u64 end, u64 offset, const char *path, struct upr_file_key key)
{
	struct scan *scan = data;
	struct scan_map *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	*m = (struct scan_map){.start = start, .end = end, .offset = offset, .key = key, .path = strdup(path)};
	if (m->path && uprobe_array_add(&scan->maps, &scan->nr_maps, m))
		return 0;
	free(m->path);
	free(m);
	return -ENOMEM;
}

/* Does @value, found in the process, say what @watch stands for? */
static void judge_word(const struct scan *scan, struct ifunc_watch *watch, u64 value, const char *path)
{
	char because[512];
	struct uprobe_site *site;
	const struct upr_func *f;
	size_t i;
	u64 addr;

	for (i = 0; i < scan->nr_maps; i++) {
		const struct scan_map *m = scan->maps[i];

		if (value >= m->start && value < m->end && m->key.dev == watch->image->key.dev &&
		    m->key.ino == watch->image->key.ino)
			break;
	}
	if (i == scan->nr_maps ||
	    !upr_elf_offset_to_addr(watch->image->elf, value - scan->maps[i]->start + scan->maps[i]->offset, &addr))
		return;
	site = candidate(watch, addr);
	f = upr_elf_func_at(watch->image->elf, addr);
	/* before it is relocated, the word leads to the PLT or the resolver */
	if (!site && f && f->addr == addr && f->kind != UPR_SYM_IFUNC && f->source != UPR_SRC_EH_FRAME)
		site = add_candidate(scan->set, watch, addr);
	snprintf(because, sizeof(because), "process %d has it in a relocated word of %s", scan->pid, path);
	if (site)
		choose(site, because);
}

static void judge(const struct scan *scan, struct ifunc_watch *watch, u64 at, const char *path)
{
	u64 value;

	if (!upr_home_mem_read(scan->home, scan->mm, at, &value, sizeof(value)))
		judge_word(scan, watch, value, path);
}

static bool has_name(const struct upr_func *func, const char *name)
{
	u32 i;

	for (i = 0; i < func->nr_names; i++)
		if (!strcmp(func->names[i].name, name))
			return true;
	return false;
}

/* A 64-bit object of the process, its file mapped; every access is checked against @size. */
struct object {
	const u8 *bytes;
	size_t size;
	const struct scan_map *map;
	u64 bias;
	const Elf64_Phdr *ph;
	size_t nr_ph;
	u64 symtab, strtab, strsz;
};

static const void *object_at(const struct object *o, u64 offset, u64 len)
{
	return offset <= o->size && len <= o->size - offset ? o->bytes + offset : NULL;
}

/* File bytes of [addr, addr + len) by the program headers. */
static const void *object_addr(const struct object *o, u64 addr, u64 len)
{
	size_t i;

	for (i = 0; i < o->nr_ph; i++) {
		const Elf64_Phdr *ph = &o->ph[i];

		if (ph->p_type == PT_LOAD && addr - ph->p_vaddr < ph->p_filesz &&
		    len <= ph->p_filesz - (addr - ph->p_vaddr))
			return object_at(o, addr - ph->p_vaddr + ph->p_offset, len);
	}
	return NULL;
}

static const char *symbol_name(const struct object *o, u64 index)
{
	const Elf64_Sym *sym = object_addr(o, o->symtab + index * sizeof(*sym), sizeof(*sym));
	const char *name;

	if (!o->symtab || !sym || sym->st_name >= o->strsz)
		return NULL;
	name = object_addr(o, o->strtab + sym->st_name, o->strsz - sym->st_name);
	return name && memchr(name, 0, o->strsz - sym->st_name) ? name : NULL;
}

static bool is_own(const struct object *o, const struct ifunc_watch *watch)
{
	return watch->image->key.dev == o->map->key.dev && watch->image->key.ino == o->map->key.ino;
}

static void scan_relocs(const struct scan *scan, const struct object *o, const Elf64_Rela *r, u64 nr)
{
	size_t w;

	for (; r && nr; nr--, r++) {
		unsigned int type = ELF64_R_TYPE(r->r_info);
		const char *name = NULL;

		if (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT || type == R_X86_64_64)
			name = symbol_name(o, ELF64_R_SYM(r->r_info));
		else if (type != R_X86_64_IRELATIVE)
			continue;
		for (w = 0; w < scan->set->nr_ifuncs; w++) {
			struct ifunc_watch *watch = scan->set->ifuncs[w];

			if (type == R_X86_64_IRELATIVE ? is_own(o, watch) && (u64)r->r_addend == watch->func->addr :
							 name && has_name(watch->func, name))
				judge(scan, watch, o->bias + r->r_offset, o->map->path);
		}
	}
}

static void scan_dynamic(const struct scan *scan, struct object *o, const Elf64_Dyn *dyn, u64 nr)
{
	u64 rela = 0, relasz = 0, jmprel = 0, jmprelsz = 0;

	for (; nr && dyn->d_tag != DT_NULL; nr--, dyn++) {
		u64 value = dyn->d_un.d_val;

		switch (dyn->d_tag) {
		case DT_SYMTAB:
			o->symtab = value;
			break;
		case DT_STRTAB:
			o->strtab = value;
			break;
		case DT_STRSZ:
			o->strsz = value;
			break;
		case DT_RELA:
			rela = value;
			break;
		case DT_RELASZ:
			relasz = value;
			break;
		case DT_JMPREL:
			jmprel = value;
			break;
		case DT_PLTRELSZ:
			jmprelsz = value;
			break;
		}
	}
	scan_relocs(scan, o, object_addr(o, rela, relasz), relasz / sizeof(Elf64_Rela));
	scan_relocs(scan, o, object_addr(o, jmprel, jmprelsz), jmprelsz / sizeof(Elf64_Rela));
}

/* A static program has its IRELATIVE words named by sections only. */
static void scan_static(const struct scan *scan, const struct object *o, const Elf64_Ehdr *eh)
{
	const Elf64_Shdr *sh = object_at(o, eh->e_shoff, (u64)eh->e_shnum * sizeof(*sh));
	size_t i;

	for (i = 0; sh && i < eh->e_shnum; i++)
		if (sh[i].sh_type == SHT_RELA && (sh[i].sh_flags & SHF_ALLOC))
			scan_relocs(scan, o, object_at(o, sh[i].sh_offset, sh[i].sh_size),
				    sh[i].sh_size / sizeof(Elf64_Rela));
}

static void scan_object(const struct scan *scan, struct object *o)
{
	const Elf64_Ehdr *eh = object_at(o, 0, sizeof(*eh));
	const Elf64_Phdr *dynamic = NULL;
	const void *table;
	bool placed = false;
	size_t i;

	if (!eh || memcmp(eh->e_ident, ELFMAG, SELFMAG) || eh->e_ident[EI_CLASS] != ELFCLASS64)
		return;
	o->ph = object_at(o, eh->e_phoff, (u64)eh->e_phnum * sizeof(*o->ph));
	o->nr_ph = o->ph ? eh->e_phnum : 0;
	for (i = 0; i < o->nr_ph; i++) {
		const Elf64_Phdr *ph = &o->ph[i];
		u64 first = o->map->offset;

		if (ph->p_type == PT_DYNAMIC)
			dynamic = ph;
		/* where the mapping's offset lies among the segments tells the bias */
		if (!placed && ph->p_type == PT_LOAD && (ph->p_flags & PF_X) && first < ph->p_offset + ph->p_filesz &&
		    first + (o->map->end - o->map->start) > ph->p_offset) {
			o->bias = o->map->start - (ph->p_vaddr + first - ph->p_offset);
			placed = true;
		}
	}
	if (!placed)
		return;
	table = dynamic ? object_at(o, dynamic->p_offset, dynamic->p_filesz) : NULL;
	if (table)
		scan_dynamic(scan, o, table, dynamic->p_filesz / sizeof(Elf64_Dyn));
	else
		scan_static(scan, o, eh);
}

static void scan_file(const struct scan *scan, const struct scan_map *m)
{
	struct object o = {.map = m};
	char path[4200];
	struct stat st;
	void *bytes;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root%s", scan->pid, m->path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0) {
		bytes = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes != MAP_FAILED) {
			o.bytes = bytes;
			o.size = st.st_size;
			scan_object(scan, &o);
			munmap(bytes, st.st_size);
		}
	}
	close(fd);
}

static bool scan_useful(const struct scan *scan)
{
	size_t i, j;

	for (i = 0; i < scan->set->nr_ifuncs; i++) {
		struct upr_file_key key = scan->set->ifuncs[i]->image->key;

		for (j = 0; j < scan->nr_maps; j++)
			if (scan->maps[j]->key.dev == key.dev && scan->maps[j]->key.ino == key.ino)
				return true;
	}
	return false;
}

void ifunc_scan(struct uprobe_set *set, struct upr_home *home, struct upr_mm *mm, int pid)
{
	struct scan scan = {.set = set, .home = home, .mm = mm, .pid = pid};
	size_t i, j;

	if (!set->nr_ifuncs || upr_home_each_map(home, mm, collect_map, &scan))
		goto out;
	upr_batch_begin(set->session);
	for (i = 0; scan_useful(&scan) && i < scan.nr_maps; i++) {
		/* an object once, by its first mapping */
		for (j = 0; j < i; j++)
			if (!strcmp(scan.maps[j]->path, scan.maps[i]->path))
				break;
		if (j == i)
			scan_file(&scan, scan.maps[i]);
	}
	upr_batch_end(set->session);
out:
	for (i = 0; i < scan.nr_maps; i++) {
		free(scan.maps[i]->path);
		free(scan.maps[i]);
	}
	free(scan.maps);
}
