// SPDX-License-Identifier: GPL-2.0
/*
 * test-uprobes-jump.c - jump probes: every site, every set of neighbours, areas and
 * counters that cannot be had.
 *
 * Purpose: counts equal the CPU's own account, the program computes what it
 * computes without probes, and at no place of a pad would a signal handler see anything
 * else (host/fake/fake-pads.c).
 *
 * Locks: none, one thread.
 */
#include "upr-script.h"

#define ROUNDS 3

/* Instructions of all sizes, calls of each form, branches out of windows; results go to SCRIPT_DATA. */
static void write_tour(struct script *s)
{
	unsigned int loop, skip, func, tail;

	OP32(s, "\xbb", ROUNDS);		  /* mov $ROUNDS, %ebx */
	REL(s, "\xe9", s->len + 5 + 24);	  /* jmp over the functions */
	func = OP(s, "\x55");			  /* push %rbp */
	OP(s, "\x48\x89\xe5");			  /* mov %rsp, %rbp */
	OP(s, "\x48\x83\xec\x10");		  /* sub $16, %rsp */
	OP(s, "\xc9");				  /* leave */
	OP(s, "\xc3");				  /* ret */
	OP(s, "\x0f\x1f\x44\x00\x00");		  /* padding */
	tail = OP(s, "\x48\xff\xc0");		  /* inc %rax */
	OP(s, "\xc3");				  /* ret */
	OP(s, "\x0f\x1f\x44\x00\x00");		  /* padding */
	loop = OP(s, "\xf3\x0f\x1e\xfa");	  /* endbr64 */
	OP(s, "\x90");				  /* nop */
	OP(s, "\x48\x01\xd8");			  /* add %rbx, %rax */
	OP(s, "\xf9");				  /* stc */
	RIP(s, "\x48\x89\x05", SCRIPT_DATA + 8);  /* mov %rax, 8(data) */
	RIP(s, "\x48\x8b\x0d", SCRIPT_DATA + 8);  /* mov 8(data), %rcx */
	RIP(s, "\x48\x8d\x35", SCRIPT_DATA + 16); /* lea 16(data), %rsi */
	OP(s, "\x48\x01\x0e");			  /* add %rcx, (%rsi) */
	REL(s, "\xe8", func);			  /* call func */
	OP(s, "\x31\xff");			  /* xor %edi, %edi */
	OP(s, "\x57");				  /* push %rdi */
	REL(s, "\xe8", tail);			  /* call tail */
	OP(s, "\x5f");				  /* pop %rdi */
	OP(s, "\x48\x89\xe7");			  /* mov %rsp, %rdi */
	OP32(s, "\xb8", FAKE_TEXT + func);	  /* mov $func, %eax */
	OP(s, "\xff\xd0");			  /* call *%rax */
	OP(s, "\x9c");				  /* pushf */
	OP(s, "\x5a");				  /* pop %rdx */
	OP(s, "\x52");				  /* push %rdx */
	OP(s, "\x9d");				  /* popf */
	OP(s, "\x83\xfb\x02");			  /* cmp $2, %ebx */
	OP(s, "\x75\x05");			  /* jne over two */
	OP(s, "\x48\xff\xc2");			  /* inc %rdx */
	OP(s, "\x89\xd1");			  /* mov %edx, %ecx */
	OP(s, "\x83\xfb\x01");			  /* cmp $1, %ebx */
	skip = REL(s, "\x0f\x85", 0);		  /* jne skip */
	OP(s, "\x48\xff\xc2");			  /* inc %rdx */
	script_aim(s, skip);
	OP32(s, "\xb9", 3);			  /* mov $3, %ecx */
	RIP(s, "\x48\x8d\x3d", SCRIPT_DATA + 64); /* lea 64(data), %rdi */
	OP(s, "\xf3\xaa");			  /* rep stosb */
	OP(s, "\x89\xc8");			  /* mov %ecx, %eax */
	OP(s, "\xff\xc0");			  /* inc %eax */
	OP32(s, "\xb9", 2);			  /* mov $2, %ecx */
	OP(s, "\x48\xff\xc0");			  /* 1: inc %rax */
	OP(s, "\xe2\xfb");			  /* loop 1b */
	script_sys(s, FAKE_SYS_GETPID);
	RIP(s, "\x48\x89\x15", SCRIPT_DATA + 24); /* mov %rdx, 24(data) */
	OP(s, "\xff\xcb");			  /* dec %ebx */
	REL(s, "\x0f\x85", loop);		  /* jne loop */
	script_sys2(s, FAKE_SYS_EXIT, 0, 0);
}

struct result {
	u8 memory[128];
	bool is_known;
	unsigned int sites, jumping;
};

/* Sites by their numbers in the script. */
struct pick {
	unsigned int from, nr, set, stop_sites;
	enum upr_mode mode;
	bool dead;
	int fail_area, fail_counters, fail_scan, fail_text;
	s64 error;
};

static struct fake_world *new_tour(struct fake_test *t, const struct pick *pick)
{
	struct fake_world *w = fake_world_new(t);
	struct stage *st = stage_new(w, pick->mode);
	unsigned int i;

	w->teardown = stage_free;
	st->jumps = true;
	st->dead = pick->dead;
	write_tour(&st->script);
	stage_raise(st);
	if (pick->stop_sites)
		st->mm->upr->stop_sites = pick->stop_sites;
	upr_batch_begin(w->session);
	for (i = 0; i < pick->nr && pick->from + i < st->script.nr; i++)
		if (pick->set & (1u << i))
			fake_expect(w, !site_register(stage_site(st, st->script.at[pick->from + i])));
	upr_batch_end(w->session);
	stage_hold(st);
	w->fail_area = pick->fail_area;
	w->fail_area_err = pick->error;
	w->fail_counters = pick->fail_counters;
	w->fail_counters_err = pick->error;
	w->fail_scan = pick->fail_scan;
	w->fail_text = pick->fail_text;
	return w;
}

static void check_result(struct fake_world *w, struct result *result)
{
	struct stage *st = w->data;
	u8 memory[sizeof(result->memory)];

	fake_expect(w, !fake_peek(st->mm, SCRIPT_DATA, memory, sizeof(memory)));
	if (!result->is_known)
		memcpy(result->memory, memory, sizeof(memory));
	result->is_known = true;
	fake_expect(w, !memcmp(memory, result->memory, sizeof(memory)));
	fake_expect(w, fake_is_dead(st->task) && !st->task->code);
}

/* Sites that are armed as jumps, or by one. */
static unsigned int nr_jumping(struct stage *st)
{
	unsigned int counts[UPR_NR_WAYS], nr = 0, i;

	for (i = 0; i < st->nr_sites; i++) {
		upr_probe_sites(st->w->session, st->sites[i].probe, counts);
		nr += counts[UPR_WAY_JUMP];
	}
	return nr;
}

static bool run_tour(struct fake_test *t, const struct pick *pick, struct result *result)
{
	struct fake_world *w = new_tour(t, pick);
	struct stage *st = w->data;
	bool good;

	fake_sync(w);
	result->sites += st->nr_sites;
	result->jumping += nr_jumping(st);
	if (fake_run(w)) {
		check_result(w, result);
		if (pick->mode != UPR_MODE_JUMP)
			stage_check(w);
	}
	good = !w->failed && !w->broken;
	if (!good)
		fake_diag(t, "sites %u, set %#x, %u of them: %s", pick->from, pick->set, st->nr_sites,
			  w->failed ? w->failed : "broken");
	fake_world_free(w);
	return good;
}

static unsigned int tour_length(void)
{
	struct script *s = kzalloc(sizeof(*s), GFP_KERNEL);
	unsigned int nr;

	script_init(s, FAKE_TEXT);
	write_tour(s);
	nr = s->nr;
	kfree(s);
	return nr;
}

#define NEIGHBOURS 5u

static void neighbours(struct fake_test *t)
{
	struct result result = {.is_known = false};
	struct pick pick = {.mode = UPR_MODE_AUTO};
	unsigned int nr = tour_length(), runs = 0;
	bool good = run_tour(t, &pick, &result);

	pick.nr = NEIGHBOURS;
	for (pick.dead = false; good; pick.dead = true) {
		for (pick.from = 0; good && pick.from < nr; pick.from++)
			for (pick.set = 1; good && pick.set < 1u << NEIGHBOURS; pick.set += 2, runs++)
				good = run_tour(t, &pick, &result);
		if (pick.dead)
			break;
	}
	fake_diag(t, "%u of %u sites were jumps", result.jumping, result.sites);
	fake_ok(t, good && result.jumping > result.sites / 2,
		"every site with every set of its next four neighbours: %u runs", runs);
}

/* --- each probed by itself, and what does not jump ----------------------------------------- */

/* What is armed is counted exactly; what is not says why, and counts nothing. */
static bool run_partly(struct fake_test *t, const struct pick *pick, struct result *result)
{
	struct fake_world *w = new_tour(t, pick);
	struct stage *st = w->data;
	const char *why;
	unsigned int i;
	bool good;

	fake_sync(w);
	for (i = 0; i < st->nr_sites; i++) {
		struct site *site = &st->sites[i];

		site->armed = upr_probe_sites(w->session, site->probe, NULL);
		result->sites++;
		result->jumping += site->armed;
		if (!site->armed)
			fake_expect_at(w, upr_probe_unarmed(w->session, site->probe, &why) == 1 && why,
				       "what is not armed says why");
	}
	if (fake_run(w)) {
		check_result(w, result);
		for (i = 0; i < st->nr_sites; i++)
			fake_expect_at(w,
				       site_count(&st->sites[i]) ==
					       (st->sites[i].armed ? fake_executed(st->file, st->sites[i].offset) : 0),
				       "what is armed is counted, what is not is not");
	}
	good = !w->failed && !w->broken;
	if (!good)
		fake_diag(t, "sites %u, set %#x: %s", pick->from, pick->set, w->failed ? w->failed : "broken");
	fake_world_free(w);
	return good;
}

static void jumps_only(struct fake_test *t)
{
	struct pick pick = {.mode = UPR_MODE_JUMP, .nr = NEIGHBOURS};
	struct result result = {.is_known = false};
	unsigned int nr = tour_length(), runs = 0;
	bool good = true;

	for (pick.from = 0; good && pick.from < nr; pick.from++)
		for (pick.set = 1; good && pick.set < 1u << NEIGHBOURS; pick.set += 6, runs++)
			good = run_partly(t, &pick, &result);
	fake_diag(t, "%u of %u sites were armed", result.jumping, result.sites);
	fake_ok(t, good && result.jumping > result.sites / 2 && result.jumping < result.sites,
		"jumps or nothing: %u runs", runs);
}

/* --- what a home may fail in ------------------------------------------------------------------ */

/* Five sites at a time, all of the tour. */
static bool run_failing(struct fake_test *t, struct pick *pick, struct result *result)
{
	unsigned int nr = tour_length();
	bool good = true;

	pick->nr = NEIGHBOURS;
	pick->set = (1u << NEIGHBOURS) - 1;
	for (pick->from = 0; good && pick->from < nr; pick->from += NEIGHBOURS)
		good = run_partly(t, pick, result);
	return good;
}

/* Two sites in two stops.  What is asked for in the first is for both, and less if that cannot be had. */
static void failing_spare(struct fake_test *t)
{
	struct result with = {.is_known = false}, without = {.is_known = false};
	struct pick pick = {.mode = UPR_MODE_JUMP, .nr = 32, .set = 1 | 1u << 31, .stop_sites = 1};
	bool good = true;
	int fail;

	for (pick.from = 0; good && pick.from + pick.nr < tour_length(); pick.from++)
		good = run_partly(t, &pick, &without);
	for (fail = 1; good && fail <= 3; fail++) {
		with.sites = with.jumping = 0;
		for (pick.from = 0; good && pick.from + pick.nr < tour_length(); pick.from++) {
			pick.fail_area = fail <= 2 ? fail : 0;
			pick.fail_counters = fail == 3;
			good = run_partly(t, &pick, &with);
		}
		good = good && with.jumping == without.jumping;
	}
	fake_ok(t, good && without.jumping, "no memory for those of later stops: %u of %u sites jump all the same",
		with.jumping, with.sites);
}

static void failures(struct fake_test *t)
{
	struct result result = {.is_known = false}, exact = {.is_known = false};
	struct pick none = {.mode = UPR_MODE_AUTO};
	struct pick pick;
	bool good;
	int n;

	good = run_failing(t, &none, &result);
	for (n = 1; good && n <= 4; n++) {
		pick = (struct pick){.mode = UPR_MODE_AUTO, .fail_area = n};
		good = run_failing(t, &pick, &result);
	}
	fake_ok(t, good, "no room for pads, or for slots, or tables");
	pick = (struct pick){.mode = UPR_MODE_AUTO, .fail_area = 1, .error = -EPERM};
	good = run_failing(t, &pick, &result);
	fake_ok(t, good, "no system call may be injected");
	exact = result;
	exact.sites = exact.jumping = 0;
	pick = (struct pick){.mode = UPR_MODE_AUTO, .fail_counters = 1};
	good = run_failing(t, &pick, &exact);
	pick = (struct pick){.mode = UPR_MODE_AUTO, .fail_scan = 1};
	good = good && run_failing(t, &pick, &exact);
	fake_ok(t, good && exact.jumping == exact.sites, "no counters, stacks that cannot be scanned: traps instead");
	for (n = 1; good && n <= 8; n++) {
		pick = (struct pick){.mode = UPR_MODE_AUTO, .fail_text = n};
		good = run_failing(t, &pick, &result);
	}
	fake_ok(t, good, "one text write fails");
	failing_spare(t);
}

const struct fake_case upr_jump_cases[] = {
	{"jump-only", jumps_only},
	{"jump-failures", failures},
	{"jump-neighbours", neighbours},
	{NULL, NULL},
};
