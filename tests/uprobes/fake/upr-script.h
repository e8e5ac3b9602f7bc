/* SPDX-License-Identifier: GPL-2.0 */
/*
 * upr-script.h - programs for the fake CPU, and worlds that probe them.
 *
 * Purpose: a script is written instruction by instruction; the place of each is
 * kept, so that any of them can be probed.  A stage is a world with one such
 * program and a consumer for each probed instruction, whose count is compared
 * with the CPU's own.
 *
 * Locks: none, one thread.
 */
#ifndef UPR_SCRIPT_H
#define UPR_SCRIPT_H

#include <fake.h>

#define SCRIPT_SIZE	8192
#define SCRIPT_INSNS	1024
#define SCRIPT_DATA	0x700000ull	/* in reach of a rip-relative operand from FAKE_TEXT */
#define SCRIPT_DATA_SIZE	(4 * FAKE_PAGE)

/**
 * struct script - a program under construction
 * @at:		offset of each instruction
 * @refused:	of those, the ones that cannot be probed
 */
struct script {
	u8 code[SCRIPT_SIZE];
	unsigned int len;
	unsigned int at[SCRIPT_INSNS];
	unsigned int nr;
	u64 base;
};

void script_init(struct script *s, u64 base);
/* One instruction.  Return: its offset. */
unsigned int script_op(struct script *s, const char *bytes, unsigned int len);
#define OP(s, bytes)	script_op(s, bytes, sizeof(bytes) - 1)
/* Opcode bytes and a 32-bit immediate. */
unsigned int script_op32(struct script *s, const char *bytes, unsigned int len, u32 imm);
#define OP32(s, bytes, imm)	script_op32(s, bytes, sizeof(bytes) - 1, imm)
/* Opcode bytes and a rel32 to @target, an offset in the script. */
unsigned int script_rel(struct script *s, const char *bytes, unsigned int len, unsigned int target);
#define REL(s, bytes, target)	script_rel(s, bytes, sizeof(bytes) - 1, target)
/* Aim the rel32 at the end of the instruction at @from to where the next one will be. */
void script_aim(struct script *s, unsigned int from);
/* An instruction whose last four bytes are the distance to @addr. */
unsigned int script_rip(struct script *s, const char *bytes, unsigned int len, u64 addr);
#define RIP(s, bytes, addr)	script_rip(s, bytes, sizeof(bytes) - 1, addr)
/*
 * What is proven about the instruction at @offset: exact, since the script's places are
 * all known, as long as addresses in it appear in no other way than as branches'
 * targets, 32-bit immediates and rip-relative operands.
 * @dead: with flags that are overwritten before anything reads them
 * Padding behind a jump or a return is full of holes that overlap each other.
 */
void script_facts(const struct script *s, unsigned int offset, bool dead, struct upr_facts *facts);
/* mov $nr, %eax; syscall.  Return: offset of the syscall. */
unsigned int script_sys(struct script *s, unsigned int nr);
unsigned int script_sys2(struct script *s, unsigned int nr, u32 rdi, u32 rsi);

/* --- stages ---------------------------------------------------------------- */

#define STAGE_SITES	SCRIPT_INSNS

/**
 * struct site - a consumer, and what it must have counted
 * @arms, @disarms: sum of the CPU's own count when it came into force and went
 */
struct site {
	struct upr_consumer consumer;
	struct upr_probe *probe;
	struct stage *stage;
	unsigned int offset;
	bool plain;		/* comes with facts: may jump */
	bool registered;
	bool armed;
	s64 expected;
	u64 now;		/* CPU's count, and hits under way, after the last step */
	unsigned int under_way;
	unsigned int unhits;
	struct site *late;	/* registered at the same place later: its hits are a part of these */
	unsigned int late_unhits;	/* that were under way when it was registered */
	u64 under_way_tids;	/* hits that were under way when it was registered */
	unsigned int bad_pc;	/* the callback saw another pc than the site's */
};

/**
 * struct stage - a world that probes a script
 * @follow:	compare counts by following when sites are armed (one address space only)
 * @jumps:	sites come with facts, and without callbacks but for every eighth, if @lookers is 0..7
 * @dead:	see script_facts()
 */
struct stage {
	struct fake_world *w;
	struct script script;
	struct fake_file *file;
	struct fake_mm *mm;
	struct fake_task *task;
	struct site sites[STAGE_SITES];
	unsigned int nr_sites;
	enum upr_mode mode;
	bool follow;
	bool jumps;
	bool dead;
	unsigned int lookers;
	u64 seed;
	bool over;		/* the session is freed already */
	void *extra;
};

struct stage *stage_new(struct fake_world *w, enum upr_mode mode);
/* The script is written: map it, make a task at its start, look at it. */
void stage_raise(struct stage *st);
void stage_hold(struct stage *st);
struct site *stage_site(struct stage *st, unsigned int offset);
int site_register(struct site *site);
void site_unregister(struct site *site);
/* Every instruction of the script; those the engine refuses are left out. */
void stage_probe_all(struct stage *st);
void stage_step(struct fake_world *w);
/* All is over: counts, leaks, stray traps. */
void stage_check(struct fake_world *w);
void stage_free(struct fake_world *w);
/* Hits met, of which it is not known yet whether the instruction will be executed. */
unsigned int hits_under_way(const struct stage *st, const struct site *site);
u64 site_count(struct site *site);

/* test-uprobes-fail.c */
void upr_test_writes(struct fake_test *t);
void upr_test_differs(struct fake_test *t);
void upr_test_shared(struct fake_test *t);
void upr_test_within(struct fake_test *t);
void upr_test_flags(struct fake_test *t);
void upr_test_unmapped(struct fake_test *t);
void upr_test_far(struct fake_test *t);
void upr_test_many(struct fake_test *t);

#define SIGUSR1	10
/* An actor that sends SIGUSR1 to st->task, stage_nr_signals of them, once the program has a handler. */
extern unsigned int stage_nr_signals;
void stage_add_signals(struct fake_world *w);

extern const struct fake_case upr_way_cases[];
extern const struct fake_case upr_life_cases[];
extern const struct fake_case upr_race_cases[];
extern const struct fake_case upr_random_cases[];
extern const struct fake_case upr_jump_cases[];
extern const struct fake_case upr_jump_race_cases[];
extern const struct fake_case upr_hop_cases[];

#endif /* UPR_SCRIPT_H */
