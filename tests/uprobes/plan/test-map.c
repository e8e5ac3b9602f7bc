// SPDX-License-Identifier: GPL-2.0
/*
 * test-map.c - facts about functions whose facts are known by heart (target-map.S, target-throw.cc).
 *
 * test-map PIE NOPIE THROW
 */
#include <unistd.h>

#include "code-priv.h"
#include "../tap.h"

#define MANY (-1) /* a jump's five bytes, or more */

/**
 * struct expectation - of a mark
 * @clear:	exactly, or MANY
 * @why:	part of the reason, NULL: there is none
 */
struct expectation {
	const char *mark;
	int clear;
	bool solo;
	const char *why;
};

static const struct expectation windows[] = {
	{"plain", MANY, false, NULL},
	{"loop_to_second", 3, false, "a branch"},
	{"far_jump_in", 2, false, "a branch"},
	{"tail_padded", MANY, false, NULL},
	{"tail_tight", 1, false, "a function"},
	{"tail_data", 2, false, "address"},
	{"call_last", MANY, false, NULL},
	{"call_short", 2, false, "a call returns"},
	{"lock_skip", 0, false, "middle"},
	{"outer_name", 1, false, "a function"},
	{"long_insn", MANY, false, NULL},
	{"looks_only", MANY, false, NULL},
	{".Ltj_before", 1, false, "a jump table"},
	{"table_hoisted", 1, false, "a jump table"},
	{"table_cold_entry", MANY, false, NULL},
	{"table_cold", 2, false, "a jump table"},
	{"label_difference", 1, false, "a jump table"},
	{"many_labels", MANY, false, NULL},
	{"computed", MANY, true, NULL},
	{"computed_often", MANY, true, NULL},
	{"byte_table", MANY, true, NULL},
	{"tail_call", MANY, false, NULL},
	{"hot_part", MANY, true, NULL},
	{"pointed_to", 1, false, "data"},
	{"taken", 1, false, "address"},
	{"critical_before", 2, false, "critical"},
	{"critical_inside", 0, false, "critical"},
	{"critical_after", MANY, false, NULL},
	{"critical_abort", 0, false, "critical"},
	{"unlisted", 0, false, "critical"},
	{"has_data_entry", 3, false, "not proven"},
	{"has_data_end", 1, false, "no instruction"},
};

/**
 * struct life - what is dead at a mark
 * @dead:	registers that must be proven dead
 * @alive:	registers that must not be
 */
struct life {
	const char *mark;
	u16 dead;
	u16 alive;
	bool flags;
};

#define R(name) UPR_GPR(UPR_##name)

static const struct life lives[] = {
	{"dead_plain", R(RAX), R(RDX) | R(RSP), true},
	{"dead_moves", R(RAX) | R(RCX), R(RDX), false},
	{"dead_partly", 0, R(RAX) | R(RCX) | R(RDI), true},
	{"dead_fork", R(RAX), R(RDX) | R(RDI), true},
	{"dead_inc", 0, R(RAX), true},
	{"dead_adc", 0, R(RAX), false},
	{"dead_shift", 0, R(RCX) | R(RDX), true},
	{"dead_rotate", 0, R(RCX) | R(RDX), false},
	{"dead_setcc", 0, R(RAX), false},
	{"dead_call", R(RCX), R(RSP), true},
	{"dead_return", 0, 0xffff, true},
	{"dead_syscall", R(RAX), R(RDI), true},
	{"used_directly", R(RCX), 0, false},
	{"used_by_jump", R(RDX), 0, false},
	{"used_in_turn", R(RSI), 0, false},
	{"used_by_nobody", R(RAX), 0, true},
	{"used_by_others", R(RAX), 0, true},
	{"used_as_jump", 0, R(RAX), false},
	{"used_pushed", 0, R(RAX), false},
	{"dead_cmov", 0, R(RAX) | R(RDI) | R(RSI), true},
	{"dead_loop", R(R8), R(RDI), true},
};

static const char *current;

static struct code_map *open_map(const char *path)
{
	struct upr_error err = {0};
	struct upr_elf *elf = upr_elf_open(path, &err);
	struct code_map *map = elf ? code_map_get(elf, true, &err) : NULL;

	current = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	if (!ok(map != NULL, "%s: a map", current))
		diag("%s", err.text);
	return map;
}

static u64 address_of(struct upr_elf *elf, const char *name)
{
	struct upr_matches m = {0};
	u64 ret = 0;

	if (!upr_elf_find(elf, name, &m, NULL) && m.nr)
		ret = m.m[0].func->addr;
	upr_matches_free(&m);
	return ret;
}

/* Address of a mark: they are noted in a section of their own. */
static u64 mark(struct upr_elf *elf, const char *name)
{
	Elf_Scn *scn = NULL;
	size_t strndx;

	elf_getshdrstrndx(elf->elf, &strndx);
	while ((scn = elf_nextscn(elf->elf, scn))) {
		Elf_Data *data = elf_getdata(scn, NULL);
		GElf_Shdr sh;
		size_t at;

		if (!gelf_getshdr(scn, &sh) || strcmp(elf_strptr(elf->elf, strndx, sh.sh_name), ".marks"))
			continue;
		for (at = 0; at + 8 < data->d_size;) {
			const char *s = (const char *)data->d_buf + at + 8;
			u64 off;

			memcpy(&off, (const char *)data->d_buf + at, 8);
			if (!strcmp(s, name))
				return address_of(elf, "text_begin") + off;
			at += 8 + strlen(s) + 1;
		}
	}
	return 0;
}

static void check_window(struct code_map *map, const struct expectation *e)
{
	u64 addr = mark(map->elf, e->mark);
	struct upr_facts f;
	bool good;

	code_map_facts(map, addr, &f);
	good = addr && (e->clear == MANY ? f.clear >= UPR_JUMP_SIZE : f.clear == e->clear) && f.solo == e->solo;
	good &= e->why ? f.why && strstr(f.why, e->why) : !f.why;
	if (!ok(good, "%s: %s", current, e->mark))
		diag("0x%llx: %u bytes clear, solo %d: %s", (unsigned long long)addr, f.clear, f.solo,
		     f.why ? f.why : "-");
}

static void check_life(struct code_map *map, const struct life *l)
{
	u64 addr = mark(map->elf, l->mark);
	struct upr_facts f;

	code_map_facts(map, addr, &f);
	if (!ok(addr && (f.dead_gpr & l->dead) == l->dead && !(f.dead_gpr & l->alive) && f.flags_dead == l->flags,
		"%s: %s", current, l->mark))
		diag("0x%llx: dead registers %04x, flags %d", (unsigned long long)addr, f.dead_gpr, f.flags_dead);
}

/**
 * struct holes - near a mark that has no other jump
 * @first:	where the first of them begins, a mark
 */
struct holes {
	const char *mark;
	unsigned int nr;
	const char *first;
};

static const struct holes holes[] = {
	{"hole_behind", 2, "hole_behind_first"},
	{"hole_entered", 1, "hole_entered_first"},
	{"hole_named", 1, "hole_named_first"},
	{"hole_called", 0, NULL},
	{"hole_fallen", 0, NULL},
	{"hole_inside", 1, "hole_inside_first"},
	{"hole_computed", 0, NULL},
	{"hole_int3", 1, "hole_int3_first"},
	{"hole_far", 0, NULL},
	{"hole_page", 0, NULL},
	{"hole_data", 0, NULL},
};

static void check_holes(struct code_map *map, const struct holes *h)
{
	u64 addr = mark(map->elf, h->mark), at, avail;
	struct upr_facts f;
	bool good;

	code_map_facts(map, addr, &f);
	good = addr && f.nr_holes == h->nr;
	if (good && h->nr) {
		at = addr + UPR_HOP_SIZE + (s64)f.holes[0].rel;
		good = at == mark(map->elf, h->first) &&
		       !memcmp(upr_elf_bytes(map->elf, at, &avail), f.holes[0].code, UPR_JUMP_SIZE);
	}
	if (!ok(good, "%s: %s: %u holes", current, h->mark, h->nr))
		diag("0x%llx: %u holes, the first %d bytes from behind it", (unsigned long long)addr, f.nr_holes,
		     f.nr_holes ? f.holes[0].rel : 0);
}

static void test_map(const char *path)
{
	struct code_map *map = open_map(path);
	size_t i;

	if (!map)
		return;
	for (i = 0; i < ARRAY_SIZE(windows); i++)
		check_window(map, &windows[i]);
	for (i = 0; i < ARRAY_SIZE(lives); i++)
		check_life(map, &lives[i]);
	for (i = 0; i < ARRAY_SIZE(holes); i++)
		check_holes(map, &holes[i]);
	upr_elf_close(map->elf);
}

/* Positions of a kind within a function and what was split off of it. */
static size_t count_kind(struct code_map *map, enum code_kind kind, const char *name)
{
	size_t nr = 0, i, len = strlen(name);
	u32 pos;

	for (i = 0; i < map->nr_funcs; i++) {
		const char *n = map->src[i].names->name;

		if (strncmp(n, name, len) || (n[len] && n[len] != '.'))
			continue;
		for (pos = map->funcs[i].start; pos < map->funcs[i].end; pos++)
			nr += code_bit(map->bits[kind], pos);
	}
	return nr;
}

/* Can the first load of a function be left by an exception? */
static bool load_is_guarded(struct code_map *map, const char *name)
{
	u64 addr = address_of(map->elf, name), avail;
	struct upr_insn insn;
	const u8 *p;

	for (;; addr += insn.length) {
		p = upr_elf_bytes(map->elf, addr, &avail);
		if (!p || upr_insn_decode(&insn, p, avail, UPR_INSN_64) || insn.branch == UPR_BR_RET)
			return false;
		/* what is pointed to, not what is on the stack */
		if ((insn.attr & UPR_INSN_MEM_READ) && insn.base != UPR_RSP && insn.base != UPR_RBP &&
		    insn.base != UPR_INSN_NOREG && !(insn.prefixes & UPR_PFX_FS))
			return code_is_guarded(map, addr);
	}
}

static void test_throw(const char *path)
{
	struct code_map *map = open_map(path);

	if (!map)
		return;
	ok(!code_map_complete(map), "%s: made", current);
	ok(count_kind(map, CODE_PAD, "catches") >= 2, "a function that cleans up and catches has two landing pads");
	ok(count_kind(map, CODE_PAD, "clean_up") == 0, "one that does neither has none");
	ok(load_is_guarded(map, "guarded"), "a load that may throw is guarded");
	ok(!load_is_guarded(map, "clean_up"), "one elsewhere is not");
	upr_elf_close(map->elf);
}

/* Every way through a file that is cut short, or garbled, must end. */
static void test_damage(const char *path)
{
	char temp[] = "/tmp/upr-map-XXXXXX";
	u64 seed = 88172645463325252ull;
	int fd = mkstemp(temp), round;
	FILE *in = fopen(path, "rb");
	static u8 bytes[1 << 20];
	size_t len = in ? fread(bytes, 1, sizeof(bytes), in) : 0, i, done = 0;

	if (in)
		fclose(in);
	for (round = 0; fd >= 0 && len && round < 200; round++) {
		struct upr_elf *elf;
		struct code_map *map;
		u8 saved[16];
		size_t at[16];

		for (i = 0; i < 16; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			at[i] = seed % len;
			saved[i] = bytes[at[i]];
			bytes[at[i]] = seed >> 32;
		}
		if (pwrite(fd, bytes, len, 0) != (ssize_t)len)
			break;
		elf = upr_elf_open(temp, NULL);
		map = elf ? code_map_get(elf, true, NULL) : NULL;
		if (map) {
			size_t nr;
			const struct upr_func *f = upr_elf_funcs(elf, &nr, NULL);
			struct upr_facts facts;

			for (i = 0; i < nr; i++)
				code_map_facts(map, f[i].addr, &facts);
		}
		upr_elf_close(elf);
		for (i = 16; i-- > 0;)
			bytes[at[i]] = saved[i];
		done++;
	}
	is_int(done, 200, "garbled files are survived");
	close(fd);
	unlink(temp);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		skip_all("usage: test-map PIE NOPIE THROW");
	test_map(argv[1]);
	test_map(argv[2]);
	test_throw(argv[3]);
	test_damage(argv[1]);
	test_damage(argv[3]);
	return done_testing();
}
