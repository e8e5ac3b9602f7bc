// SPDX-License-Identifier: GPL-2.0
/*
 * symbol-func.c - from symbols and unwind entries to functions.
 *
 * Purpose: everything known about one address becomes one struct upr_func:
 * its names (best first), its size, whether it is a function in its own right.
 * An unwind entry without a symbol becomes fn_0xADDR, unless it lies within a
 * function that has one.
 *
 * Locks: none, see symbol.h.
 */
#include <errno.h>
#include <stdio.h>

#include "symbol-priv.h"

static int cmp_u64(u64 a, u64 b)
{
	return a < b ? -1 : a > b;
}

/* Doubles side by side, the one that knows its version first. */
static int by_name(const void *a, const void *b)
{
	const struct upr_raw_sym *x = a, *y = b;
	int d = cmp_u64(x->addr, y->addr);

	if (!d)
		d = strcmp(x->name, y->name);
	if (!d)
		d = !x->version - !y->version;
	if (!d && x->version)
		d = strcmp(x->version, y->version);
	return d ? d : cmp_u64(x->order, y->order);
}

/* By address; the best name of an address first. */
static int by_preference(const void *a, const void *b)
{
	const struct upr_raw_sym *x = a, *y = b;
	int d = cmp_u64(x->addr, y->addr);

	if (!d)
		d = x->bind - y->bind;
	return d ? d : cmp_u64(x->order, y->order);
}

static bool is_double(const struct upr_raw_sym *first, const struct upr_raw_sym *s)
{
	return first->addr == s->addr && !strcmp(first->name, s->name) &&
	       (!s->version || (first->version && !strcmp(first->version, s->version)));
}

/* The same symbol from two tables is one; it keeps the first's place in the order. */
static void drop_doubles(struct upr_elf *elf)
{
	struct upr_raw_sym *s = elf->syms;
	size_t i, kept = 0;

	if (!elf->nr_syms)
		return;
	upr_sort(s, elf->nr_syms, sizeof(*s), by_name);
	for (i = 0; i < elf->nr_syms; i++) {
		struct upr_raw_sym *last = kept ? &s[kept - 1] : NULL;

		if (!last || !is_double(last, &s[i])) {
			s[kept++] = s[i];
			continue;
		}
		last->order = min(last->order, s[i].order);
		last->bind = min(last->bind, s[i].bind);
		last->source = min(last->source, s[i].source);
		if (!last->size)
			last->size = s[i].size;
		/* a type is better than none */
		if (last->kind == UPR_SYM_LABEL)
			last->kind = s[i].kind;
	}
	elf->nr_syms = kept;
	upr_sort(s, kept, sizeof(*s), by_preference);
}

static u8 stronger_kind(u8 a, u8 b)
{
	static const u8 rank[] = {
		[UPR_SYM_IFUNC] = 4, [UPR_SYM_FUNC] = 3, [UPR_SYM_PART] = 2, [UPR_SYM_LABEL] = 1, [UPR_SYM_FDE] = 0,
	};

	return rank[a] >= rank[b] ? a : b;
}

/* One function per address out of sorted symbols. */
static void fold_symbols(struct upr_elf *elf)
{
	size_t i;

	for (i = 0; i < elf->nr_syms; i++) {
		const struct upr_raw_sym *s = &elf->syms[i];
		struct upr_func *f = elf->nr_funcs ? &elf->funcs[elf->nr_funcs - 1] : NULL;
		struct upr_name *n = &elf->names[elf->nr_names++];

		*n = (struct upr_name){
			.name = s->name,
			.version = s->version,
			.hidden = s->hidden,
			.bind = s->bind,
			.kind = s->kind,
			.source = s->source,
		};
		if (f && f->addr == s->addr) {
			f->kind = stronger_kind(f->kind, s->kind);
			f->size = max(f->size, s->size);
			f->nr_names++;
			continue;
		}
		elf->funcs[elf->nr_funcs++] = (struct upr_func){
			.addr = s->addr,
			.size = s->size,
			.kind = s->kind,
			.source = s->source,
			.nr_names = 1,
			.names = n,
		};
	}
}

/* Is @addr inside a function known from a typed symbol with a size, other than at its start? */
static bool inside_sized(const u64 *ends, size_t first_after, u64 addr)
{
	return first_after && ends[first_after - 1] > addr;
}

/* ends[i]: how far the typed, sized symbols among funcs[0..i] reach. */
static u64 *sized_ends(const struct upr_elf *elf)
{
	u64 *ends = malloc((elf->nr_funcs + 1) * sizeof(*ends));
	u64 reach = 0;
	size_t i;

	for (i = 0; ends && i < elf->nr_funcs; i++) {
		const struct upr_func *f = &elf->funcs[i];

		if (f->kind != UPR_SYM_LABEL)
			reach = max(reach, f->addr + f->size);
		ends[i] = reach;
	}
	return ends;
}

static int add_fde_func(struct upr_elf *elf, const struct upr_fde *fde)
{
	struct upr_name *n = &elf->names[elf->nr_names];
	char buf[32];
	int len = snprintf(buf, sizeof(buf), "fn_0x%llx", (unsigned long long)fde->addr);

	*n = (struct upr_name){
		.name = arena_strndup(&elf->strings, buf, len),
		.bind = UPR_BIND_LOCAL,
		.kind = UPR_SYM_FDE,
		.source = UPR_SRC_EH_FRAME,
	};
	if (!n->name)
		return -ENOMEM;
	elf->nr_names++;
	elf->funcs[elf->nr_funcs++] = (struct upr_func){
		.addr = fde->addr,
		.size = fde->size,
		.kind = UPR_SYM_FDE,
		.source = UPR_SRC_EH_FRAME,
		.entry = true,
		.nr_names = 1,
		.names = n,
	};
	return 0;
}

/*
 * Bring the unwind entries in: they give sizes to symbols without, entry-hood
 * to labels, and functions to places without a symbol.
 */
static int merge_fdes(struct upr_elf *elf)
{
	size_t nr_symbols = elf->nr_funcs, i, at = 0;
	u64 *ends = sized_ends(elf);
	u64 last = (u64)-1;
	int rc = 0;

	if (!ends)
		return -ENOMEM;
	for (i = 0; i < nr_symbols; i++) {
		struct upr_func *f = &elf->funcs[i];
		bool nested = inside_sized(ends, i, f->addr);

		f->entry = f->kind == UPR_SYM_FUNC || f->kind == UPR_SYM_IFUNC ||
			   (f->kind == UPR_SYM_LABEL && f->names->bind != UPR_BIND_LOCAL && !nested);
	}
	for (i = 0; i < elf->nr_fdes && !rc; i++) {
		const struct upr_fde *fde = &elf->fdes[i];

		if (fde->addr == last)
			continue;
		last = fde->addr;
		while (at < nr_symbols && elf->funcs[at].addr < fde->addr)
			at++;
		if (at < nr_symbols && elf->funcs[at].addr == fde->addr) {
			struct upr_func *f = &elf->funcs[at];

			if (!f->size)
				f->size = fde->size;
			if (f->kind == UPR_SYM_LABEL && !inside_sized(ends, at, f->addr))
				f->entry = true;
		} else if (!inside_sized(ends, at, fde->addr)) {
			rc = add_fde_func(elf, fde);
		}
	}
	free(ends);
	return rc;
}

static int by_addr(const void *a, const void *b)
{
	return cmp_u64(((const struct upr_func *)a)->addr, ((const struct upr_func *)b)->addr);
}

/* Where a function that begins at @addr ends at the latest: section, else segment. */
static u64 code_end(const struct upr_elf *elf, u64 addr)
{
	const struct upr_text_section *sec = upr_text_section_at(elf, addr);
	u64 avail, end;

	upr_elf_bytes(elf, addr, &avail);
	end = addr + avail;
	return sec ? min(end, sec->addr + sec->size) : end;
}

/* Sizes of what has none: up to the next function or the end of the section. */
static void settle_sizes(struct upr_elf *elf)
{
	u64 next = (u64)-1;
	size_t i;

	for (i = elf->nr_funcs; i-- > 0;) {
		struct upr_func *f = &elf->funcs[i];
		u64 avail;

		upr_elf_addr_to_offset(elf, f->addr, &f->offset);
		if (!f->size) {
			f->size = min(code_end(elf, f->addr), next) - f->addr;
			f->size_guessed = true;
		}
		/* no function is longer than its segment, whatever its symbol claims */
		upr_elf_bytes(elf, f->addr, &avail);
		f->size = min(f->size, avail);
		if (f->entry)
			next = f->addr;
	}
}

static int fill_indices(struct upr_elf *elf)
{
	u64 reach = 0;
	size_t i;
	u32 j;

	elf->max_end = malloc((elf->nr_funcs + 1) * sizeof(*elf->max_end));
	elf->name_func = malloc((elf->nr_names + 1) * sizeof(*elf->name_func));
	if (!elf->max_end || !elf->name_func)
		return -ENOMEM;
	for (i = 0; i < elf->nr_funcs; i++) {
		const struct upr_func *f = &elf->funcs[i];

		reach = max(reach, f->addr + f->size);
		elf->max_end[i] = reach;
		for (j = 0; j < f->nr_names; j++)
			elf->name_func[f->names - elf->names + j] = i;
	}
	return 0;
}

int upr_elf_load(struct upr_elf *elf)
{
	size_t most;

	if (elf->loaded)
		return elf->max_end && elf->name_func ? 0 : -ENOMEM;
	elf->loaded = true;
	if (upr_collect_symbols(elf) || upr_collect_fdes(elf))
		return -ENOMEM;
	drop_doubles(elf);
	most = elf->nr_syms + elf->nr_fdes + 1;
	/* nobody looks behind those that there are: clearing the room for the rest would take memory for it */
	elf->funcs = reallocarray(NULL, most, sizeof(*elf->funcs));
	elf->names = reallocarray(NULL, most, sizeof(*elf->names));
	if (!elf->funcs || !elf->names)
		return -ENOMEM;
	fold_symbols(elf);
	if (merge_fdes(elf))
		return -ENOMEM;
	free(elf->syms);
	elf->syms = NULL;
	upr_sort(elf->funcs, elf->nr_funcs, sizeof(*elf->funcs), by_addr);
	settle_sizes(elf);
	return fill_indices(elf);
}

const struct upr_func *upr_elf_funcs(struct upr_elf *elf, size_t *nr, struct upr_error *err)
{
	*nr = 0;
	if (upr_elf_load(elf)) {
		upr_error_nomem(err);
		return NULL;
	}
	*nr = elf->nr_funcs;
	return elf->funcs;
}

const struct upr_func *upr_elf_func_at(struct upr_elf *elf, u64 addr)
{
	size_t lo = 0, hi;

	if (upr_elf_load(elf))
		return NULL;
	/* first function behind addr */
	for (hi = elf->nr_funcs; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;

		if (elf->funcs[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* labels inside a function are not what it is called by */
	while (lo-- > 0 && elf->max_end[lo] > addr) {
		const struct upr_func *f = &elf->funcs[lo];

		if (addr - f->addr < f->size && (f->entry || f->kind == UPR_SYM_PART))
			return f;
	}
	return NULL;
}
