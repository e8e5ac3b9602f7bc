// SPDX-License-Identifier: GPL-2.0
/*
 * test-uprobes-ways.c - one thread, probes from the beginning: each way of execution,
 * each mode, and what becomes of them without areas.
 *
 * Purpose: counts equal the CPU's own account, and the program computes what it
 * computes without probes.
 *
 * Locks: none, one thread.
 */
#include "upr-script.h"

#define ROUNDS 3

/* A loop over one of each kind of instruction that the fake CPU knows; results go to SCRIPT_DATA. */
static void write_tour(struct script *s)
{
	unsigned int loop, skip, func;

	OP32(s, "\xbb", ROUNDS);		  /* mov $ROUNDS, %ebx */
	REL(s, "\xe9", s->len + 5 + 10);	  /* jmp over func */
	func = OP(s, "\x55");			  /* push %rbp */
	OP(s, "\x48\x89\xe5");			  /* mov %rsp, %rbp */
	OP(s, "\x48\x83\xec\x10");		  /* sub $16, %rsp */
	OP(s, "\xc9");				  /* leave */
	OP(s, "\xc3");				  /* ret */
	loop = OP(s, "\xf3\x0f\x1e\xfa");	  /* endbr64 */
	OP(s, "\x90");				  /* nop */
	OP(s, "\x48\x01\xd8");			  /* add %rbx, %rax */
	RIP(s, "\x48\x89\x05", SCRIPT_DATA + 8);  /* mov %rax, 8(data) */
	RIP(s, "\x48\x8b\x0d", SCRIPT_DATA + 8);  /* mov 8(data), %rcx */
	RIP(s, "\x48\x8d\x35", SCRIPT_DATA + 16); /* lea 16(data), %rsi */
	OP(s, "\x48\x01\x0e");			  /* add %rcx, (%rsi) */
	REL(s, "\xe8", func);			  /* call func */
	OP32(s, "\xb8", FAKE_TEXT + func);	  /* mov $func, %eax */
	OP(s, "\xff\xd0");			  /* call *%rax */
	OP(s, "\x9c");				  /* pushf */
	OP(s, "\x5a");				  /* pop %rdx */
	OP(s, "\x52");				  /* push %rdx */
	OP(s, "\x9d");				  /* popf */
	OP(s, "\x83\xfb\x02");			  /* cmp $2, %ebx */
	skip = REL(s, "\x0f\x85", 0);		  /* jne skip */
	OP(s, "\x48\xff\xc2");			  /* inc %rdx */
	script_aim(s, skip);
	OP32(s, "\xb9", 3);			  /* mov $3, %ecx */
	RIP(s, "\x48\x8d\x3d", SCRIPT_DATA + 64); /* lea 64(data), %rdi */
	OP(s, "\xf3\xaa");			  /* rep stosb */
	script_sys(s, FAKE_SYS_GETPID);
	RIP(s, "\x48\x89\x15", SCRIPT_DATA + 24); /* mov %rdx, 24(data) */
	OP(s, "\xff\xcb");			  /* dec %ebx */
	REL(s, "\x0f\x85", loop);		  /* jne loop */
	script_sys2(s, FAKE_SYS_EXIT, 0, 0);
}

static void setup_tour(struct fake_world *w, enum upr_mode mode, bool probe)
{
	struct stage *st = stage_new(w, mode);

	write_tour(&st->script);
	stage_raise(st);
	if (probe)
		stage_probe_all(st);
	stage_hold(st);
}

static void setup_auto(struct fake_world *w)
{
	setup_tour(w, UPR_MODE_AUTO, true);
}

static void setup_trap(struct fake_world *w)
{
	setup_tour(w, UPR_MODE_TRAP, true);
}

static void setup_step(struct fake_world *w)
{
	setup_tour(w, UPR_MODE_STEP, true);
}

static void setup_bare(struct fake_world *w)
{
	setup_tour(w, UPR_MODE_AUTO, false);
}

static u8 tour_result[128];

static void keep_result(struct fake_world *w)
{
	struct stage *st = w->data;

	fake_expect(w, !fake_peek(st->mm, SCRIPT_DATA, tour_result, sizeof(tour_result)));
	fake_expect(w, fake_is_dead(st->task) && !st->task->code);
}

static void check_tour(struct fake_world *w)
{
	struct stage *st = w->data;
	u8 result[sizeof(tour_result)];
	unsigned int i;

	stage_check(w);
	fake_expect(w, fake_is_dead(st->task) && !st->task->code);
	fake_expect(w, !fake_peek(st->mm, SCRIPT_DATA, result, sizeof(result)));
	fake_expect(w, !memcmp(result, tour_result, sizeof(result)));
	fake_expect(w, st->nr_sites == st->script.nr);
	for (i = 0; i < st->nr_sites; i++)
		fake_expect(w, site_count(&st->sites[i]) > 0);
}

/* Whoever reads text through the home sees what the program's author wrote. */
static void step_tour(struct fake_world *w)
{
	struct stage *st = w->data;
	u8 text[256], byte;
	unsigned int i, len = min_t(unsigned int, st->script.len, sizeof(text));

	if (!st->mm->upr || upr_mm_busy(st->mm->upr))
		return;
	fake_expect(w, st->mm->upr->nr_bps == st->nr_sites && !upr_mm_idle(st->mm->upr));
	fake_expect(w, !fake_peek(st->mm, FAKE_TEXT, text, len) && memcmp(text, st->script.code, len));
	upr_orig_bytes(st->mm->upr, FAKE_TEXT, text, len);
	fake_expect(w, !memcmp(text, st->script.code, len));
	for (i = 0; i < len; i++) {
		fake_expect(w, !fake_peek(st->mm, FAKE_TEXT + i, &byte, 1));
		upr_orig_bytes(st->mm->upr, FAKE_TEXT + i, &byte, 1);
		fake_expect(w, byte == st->script.code[i]);
	}
}

static void tour(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "a tour of the instructions, without probes",
		.setup = setup_bare,
		.check = keep_result,
		.teardown = stage_free,
	};

	fake_explore(t, &s);
	s.check = check_tour;
	s.step = step_tour;
	s.name = "every instruction probed, fastest ways";
	s.setup = setup_auto;
	fake_explore(t, &s);
	s.name = "every instruction probed, trap ways";
	s.setup = setup_trap;
	fake_explore(t, &s);
	s.name = "every instruction probed, stepped";
	s.setup = setup_step;
	fake_explore(t, &s);
}

/* --- areas that cannot be had ------------------------------------------------ */

static void setup_near_fails(struct fake_world *w)
{
	setup_tour(w, UPR_MODE_AUTO, true);
	w->fail_area = 1;
}

static void setup_seccomp(struct fake_world *w)
{
	setup_tour(w, UPR_MODE_AUTO, true);
	w->fail_area = 1;
	w->fail_area_err = -EPERM;
}

static void setup_no_room(struct fake_world *w)
{
	setup_tour(w, UPR_MODE_STEP, true);
	w->fail_area = 1000;
}

/* What needs a slot is not armed, says why, and counts nothing; the rest is exact. */
static void check_some_unarmed(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i, counted = 0, silent = 0;
	u8 result[sizeof(tour_result)];

	fake_expect(w, !w->pc_leaks && !w->stray_traps);
	fake_expect(w, !fake_peek(st->mm, SCRIPT_DATA, result, sizeof(result)));
	fake_expect(w, !memcmp(result, tour_result, sizeof(result)));
	for (i = 0; i < st->nr_sites; i++) {
		u64 count = site_count(&st->sites[i]);

		if (count)
			fake_expect(w, count == fake_executed(st->file, st->sites[i].offset));
		counted += !!count;
		silent += !count;
	}
	fake_expect(w, counted && silent);
}

static void step_some_unarmed(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i, counts[UPR_NR_WAYS];

	if (!st->mm->upr || upr_mm_busy(st->mm->upr))
		return;
	for (i = 0; i < st->nr_sites; i++) {
		const char *why = NULL;
		unsigned int armed = upr_probe_sites(w->session, st->sites[i].probe, counts);
		unsigned int unarmed = upr_probe_unarmed(w->session, st->sites[i].probe, &why);

		fake_expect(w, armed + unarmed == 1);
		fake_expect(w, !unarmed == !why);
		fake_expect(w, !counts[UPR_WAY_BOOST] && !counts[UPR_WAY_STEP]);
		fake_expect(w, counts[UPR_WAY_EMULATE] == armed);
	}
}

static void areas(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "no room near the sites: an area elsewhere",
		.setup = setup_near_fails,
		.check = check_tour,
		.teardown = stage_free,
	};

	fake_explore(t, &s);
	s.check = check_some_unarmed;
	s.step = step_some_unarmed;
	s.name = "no system call may be injected: only what can be computed";
	s.setup = setup_seccomp;
	fake_explore(t, &s);
	s.name = "no room anywhere: only what can be computed";
	s.setup = setup_no_room;
	fake_explore(t, &s);
}

/* --- refused ------------------------------------------------------------------- */

static void refusals(struct fake_test *t)
{
	static const u8 int3[] = {0xcc, 0x90, 0x90}, hlt[] = {0xf4}, nop[] = {0x90}, add[] = {0x48, 0x01, 0xd8};
	struct upr_session *session = upr_session_new(UPR_MODE_AUTO);
	struct upr_consumer a = {.data = NULL}, b = {.data = NULL};
	struct upr_file_key key = {.dev = 1, .ino = 2};
	struct upr_probe *probe = NULL, *again = NULL;

	fake_ok(t, upr_register(session, key, 0, int3, 3, UPR_INSN_64, &a, NULL) == -EOPNOTSUPP,
		"the program's own int3 is refused");
	fake_ok(t, upr_register(session, key, 0, hlt, 1, UPR_INSN_64, &a, NULL) == -EOPNOTSUPP,
		"a privileged instruction is refused");
	fake_ok(t, upr_register(session, key, 0, add, 2, UPR_INSN_64, &a, NULL) == -EINVAL,
		"an instruction cut off is refused");
	fake_ok(t, !upr_register(session, key, 7, nop, 1, UPR_INSN_64, &a, &probe), "a nop is not refused");
	fake_ok(t, upr_register(session, key, 9, nop, 1, UPR_INSN_64, &a, NULL) == -EBUSY,
		"a consumer hangs on one probe at a time");
	fake_ok(t, !upr_register(session, key, 7, nop, 1, UPR_INSN_64, &b, &again) && again == probe,
		"two consumers share a probe");
	fake_ok(t, upr_probe_way(probe) == UPR_WAY_EMULATE && upr_probe_reason(probe), "way and reason are known");
	upr_unregister(session, &a);
	upr_unregister(session, &a);
	upr_sync(session);
	fake_ok(t, !upr_register(session, key, 9, add, 3, UPR_INSN_64, &a, NULL), "a consumer may be used again");
	fake_ok(t, upr_register(session, key, 9, nop, 1, UPR_INSN_64, &b, NULL) == -EBUSY,
		"and stays busy where it is");
	upr_session_free(session);
	fake_ok(t, !a.probe && !b.probe, "freeing the session unregisters its consumers");
}

const struct fake_case upr_way_cases[] = {
	{"refusals", refusals},
	{"tour", tour},
	{"areas", areas},
	{"writes", upr_test_writes},
	{"differs", upr_test_differs},
	{"shared", upr_test_shared},
	{"within", upr_test_within},
	{"flags", upr_test_flags},
	{"unmapped", upr_test_unmapped},
	{"far", upr_test_far},
	{"many", upr_test_many},
	{NULL, NULL},
};
