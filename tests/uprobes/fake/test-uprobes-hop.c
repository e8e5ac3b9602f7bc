// SPDX-License-Identifier: GPL-2.0
/*
 * test-uprobes-hop.c - hops: short jumps to a jump in padding.
 *
 * Purpose: sites whose next instruction is entered by somebody else, with less padding around than
 * they would need; the padding and the returns before it are probed as well.  They come
 * and go in many orders while two tasks run through them and get signals at every place of
 * site, hole and pad.  Each hit is counted once, handlers see the program's addresses only,
 * and when the last site has gone the text is what it was.
 *
 * Locks: none, one thread.
 */
#include "upr-script.h"

#define SIGSEGV 11
#define NR_IN	6u

/* By number in the script: the first of the functions, and the first instruction behind them. */
static unsigned int first_insn, end_insn;
/* By offset. */
static unsigned int two, one, sys, indirect, shortly, behind, padding[2];

/* Each begins with a site for a hop.  ecx: rounds of its loop; edx: a system call; rax: @leaf */
static void write_functions(struct script *s)
{
	unsigned int leaf;

	first_insn = s->nr;
	leaf = OP(s, "\x48\xff\xc6"); /* inc %rsi */
	OP(s, "\xc3");
	two = OP(s, "\x41\x54"); /* push %r12 */
	OP(s, "\xff\xc9");	 /* 1: dec %ecx */
	OP(s, "\x75\xfc");	 /* jne 1b */
	OP(s, "\x41\x5c");	 /* pop %r12 */
	OP(s, "\xc3");
	padding[0] = OP(s, "\x0f\x1f\x44\x00\x00");
	one = OP(s, "\x53");   /* push %rbx */
	OP(s, "\x48\x89\xfb"); /* mov %rdi, %rbx */
	OP(s, "\xff\xc9");     /* 1: dec %ecx */
	OP(s, "\x75\xfc");     /* jne 1b */
	OP(s, "\x5b");	       /* pop %rbx */
	OP(s, "\xc3");
	padding[1] = OP(s, "\x66\x0f\x1f\x84\x00\x00\x00\x00\x00");
	OP(s, "\xcc");
	sys = OP(s, "\x89\xd0"); /* mov %edx, %eax */
	OP(s, "\x0f\x05");	 /* syscall */
	OP(s, "\xc3");
	shortly = OP(s, "\xeb\x04"); /* jmp to the end of @behind */
	behind = OP(s, "\x48\xff\xc6");
	OP(s, "\x90");
	OP(s, "\xc3");
	indirect = OP(s, "\xff\xd0"); /* call *%rax */
	OP(s, "\x89\xf7");	      /* mov %esi, %edi */
	OP(s, "\xc3");
	end_insn = s->nr;
	BUG_ON(leaf + 3 > s->len);
}

static void write_call(struct script *s, unsigned int func)
{
	OP32(s, "\xb9", 2);				/* mov $2, %ecx */
	OP32(s, "\xba", FAKE_SYS_GETPID);		/* mov $nr, %edx */
	OP32(s, "\xb8", FAKE_TEXT + s->at[first_insn]); /* mov $leaf, %eax */
	REL(s, "\xe8", func);
}

static void write_program(struct script *s, bool thread)
{
	unsigned int over = REL(s, "\xe9", 0), handler, loop;

	write_functions(s);
	handler = OP32(s, "\xb9", 1);
	REL(s, "\xe8", one);
	OP(s, "\xc3");
	script_aim(s, over);
	script_sys2(s, FAKE_SYS_SIGACTION, SIGUSR1, FAKE_TEXT + handler);
	if (thread) {
		OP32(s, "\xbf", 1);
		OP32(s, "\xbe", (u32)(SCRIPT_DATA + 4096 - 64));
		script_sys(s, FAKE_SYS_CLONE);
	}
	OP32(s, "\xbd", 2); /* mov $2, %ebp */
	loop = s->len;
	write_call(s, two);
	write_call(s, one);
	write_call(s, sys);
	write_call(s, shortly);
	write_call(s, behind);
	write_call(s, indirect);
	OP(s, "\xff\xcd"); /* dec %ebp */
	REL(s, "\x0f\x85", loop);
	script_sys2(s, FAKE_SYS_EXIT, 0, 0);
}

static struct stage *new_stage(struct fake_world *w, bool thread)
{
	struct stage *st = stage_new(w, UPR_MODE_AUTO);

	st->jumps = true;
	w->max_steps = 20000;
	write_program(&st->script, thread);
	stage_raise(st);
	return st;
}

static const struct upr_jump *plan_of(const struct site *site)
{
	return upr_probe_jump(site->probe);
}

static bool is_jump(const struct stage *st, const struct site *site)
{
	unsigned int counts[UPR_NR_WAYS];

	upr_probe_sites(st->w->session, site->probe, counts);
	return counts[UPR_WAY_JUMP] == 1;
}

static u8 text_at(struct stage *st, unsigned int offset)
{
	u8 byte = 0;

	fake_expect(st->w, !fake_peek(st->mm, FAKE_TEXT + offset, &byte, 1));
	return byte;
}

/* How many of the two paddings hold jumps. */
static unsigned int nr_filled(struct stage *st)
{
	unsigned int i, at, nr = 0;

	for (i = 0; i < 2; i++)
		for (at = padding[i]; at < padding[i] + (i ? 10u : 5u); at++)
			nr += text_at(st, at) == 0xe9;
	return nr;
}

/* --- signals ------------------------------------------------------------------------ */

/* Two sites that have room. */
static void setup_signals(struct fake_world *w)
{
	struct stage *st = new_stage(w, false);
	unsigned int i;

	upr_batch_begin(w->session);
	fake_expect(w, !site_register(stage_site(st, two)) && !site_register(stage_site(st, one)));
	upr_batch_end(w->session);
	for (i = 0; i < 2; i++)
		fake_expect(w, plan_of(&st->sites[i])->form == UPR_JUMP_HOP && plan_of(&st->sites[i])->patch == 2);
	fake_expect(w, plan_of(&st->sites[0])->nr == 1 && plan_of(&st->sites[1])->nr == 2);
	stage_hold(st);
	stage_add_signals(w);
}

/* While they stand they do so by the paddings. */
static void step_signals(struct fake_world *w)
{
	struct stage *st = w->data;

	if (!st->mm->upr || upr_mm_busy(st->mm->upr) || st->mm->dead || !st->mm->upr->nr_bps)
		return;
	fake_expect(w, is_jump(st, &st->sites[0]) && is_jump(st, &st->sites[1]) && nr_filled(st) == 2);
	fake_expect(w, text_at(st, two) == 0xeb && text_at(st, one) == 0xeb);
}

static void signals(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "a signal at every place of site, hole and pad",
		.setup = setup_signals,
		.check = stage_check,
		.step = step_signals,
		.teardown = stage_free,
		.preemptions = 1,
		.runs = 1500,
	};

	stage_nr_signals = 1;
	fake_explore(t, &s);
	s.name = "many signals";
	s.preemptions = -1;
	s.random = true;
	s.runs = 400;
	s.seed = 22;
	stage_nr_signals = 30;
	fake_explore(t, &s);
}

/* --- more sites than holes ------------------------------------------------------------ */

static u8 memory_before[2][16];

static void setup_crowd(struct fake_world *w)
{
	struct stage *st = new_stage(w, false);

	upr_batch_begin(w->session);
	site_register(stage_site(st, sys));
	site_register(stage_site(st, two));
	site_register(stage_site(st, shortly));
	site_register(stage_site(st, indirect));
	site_register(stage_site(st, one));
	upr_batch_end(w->session);
	stage_hold(st);
	memcpy(memory_before[0], st->script.code + padding[0], 5);
	memcpy(memory_before[1], st->script.code + padding[1], 10);
}

static void step_crowd(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i, nr = 0;
	u8 bytes[10];

	if (!st->mm->upr || upr_mm_busy(st->mm->upr) || st->mm->dead || !st->mm->upr->nr_bps)
		return;
	for (i = 0; i < st->nr_sites; i++)
		nr += text_at(st, st->sites[i].offset) == 0xeb && st->sites[i].offset != shortly;
	nr += text_at(st, shortly) == 0xeb && text_at(st, shortly + 1) != 4;
	fake_expect(w, nr == nr_filled(st) && nr >= 2);
	for (i = 0; i < 2; i++) {
		fake_peek(st->mm, FAKE_TEXT + padding[i], bytes, i ? 10 : 5);
		upr_orig_bytes(st->mm->upr, FAKE_TEXT + padding[i], bytes, i ? 10 : 5);
		fake_expect_at(w, !memcmp(bytes, memory_before[i], i ? 10 : 5), "who asks sees the padding");
	}
}

static void crowd(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "five sites and two holes: the first get them",
		.setup = setup_crowd,
		.check = stage_check,
		.step = step_crowd,
		.teardown = stage_free,
		.preemptions = 1,
		.runs = 300,
	};

	fake_explore(t, &s);
}

static void setup_all(struct fake_world *w)
{
	struct stage *st = new_stage(w, true);

	stage_probe_all(st);
	stage_hold(st);
	stage_add_signals(w);
}

static void everything(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "every instruction, the padding too",
		.setup = setup_all,
		.check = stage_check,
		.teardown = stage_free,
		.preemptions = -1,
		.random = true,
		.runs = 300,
		.seed = 23,
	};

	stage_nr_signals = 10;
	fake_explore(t, &s);
}

/* --- who has the first claim -------------------------------------------------------- */

static unsigned int claims_settled;

static bool is_settled(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	return st->mm->upr && !st->mm->dead && !upr_mm_busy(st->mm->upr);
}

/* The return before the padding, and the padding itself, come into the way of a hop, and go again. */
static bool claim(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;
	struct site *hop = &st->sites[0], *ret = &st->sites[1], *nop = &st->sites[2];

	switch (a->at) {
	case 0:
		fake_expect(w, text_at(st, two) == 0xeb && text_at(st, padding[0]) == 0xe9);
		fake_expect(w, !site_register(ret));
		break;
	case 1:
		fake_expect_at(w, is_jump(st, hop) && is_jump(st, ret), "the hop has made room");
		fake_expect(w, text_at(st, two) == 0xeb && text_at(st, ret->offset) == 0xe9);
		fake_expect(w, text_at(st, padding[1]) == 0xe9);
		fake_expect(w, !site_register(nop));
		break;
	case 2:
		fake_expect(w, is_jump(st, ret) && is_jump(st, nop) && text_at(st, two) != 0xeb);
		site_unregister(ret);
		site_unregister(nop);
		break;
	default:
		fake_expect(w, text_at(st, padding[0]) == 0x0f && text_at(st, padding[1]) == 0x66);
		claims_settled++;
	}
	return a->at < 3;
}

static void setup_claims(struct fake_world *w)
{
	static struct fake_actor actor;
	struct stage *st = new_stage(w, false);

	st->follow = true;
	st->lookers = 0;
	site_register(stage_site(st, two));
	stage_site(st, padding[0] - 1);
	stage_site(st, padding[1]);
	stage_hold(st);
	memset(&actor, 0, sizeof(actor));
	actor.step = claim;
	actor.ready = is_settled;
	actor.name = 'c';
	fake_actor_add(w, &actor);
}

static void claims(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "a hop makes room for the padding's own probes, and for the return before it",
		.setup = setup_claims,
		.check = stage_check,
		.step = stage_step,
		.teardown = stage_free,
		.preemptions = 2,
		.runs = 400,
	};

	fake_explore(t, &s);
	t->ok(t, claims_settled > 50, "to the end, mostly");
}

/* --- coming and going ------------------------------------------------------------------ */

/* Sites in the order in which they come, and go. */
struct orders {
	struct fake_actor actor;
	unsigned int in[NR_IN], out[NR_IN];
};

static u64 next_order;

static unsigned int pick(u64 *n, unsigned int of)
{
	*n = *n * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned int)((*n >> 33) % of);
}

static void shuffle(unsigned int *list, u64 *n)
{
	unsigned int i, k;

	for (i = 0; i < NR_IN; i++) {
		k = pick(n, i + 1);
		list[i] = list[k];
		list[k] = i;
	}
}

static bool come_and_go(struct fake_world *w, struct fake_actor *a)
{
	struct orders *o = container_of(a, struct orders, actor);
	struct stage *st = w->data;
	unsigned int n = (unsigned int)a->at;

	if (n < NR_IN)
		fake_expect(w, !site_register(&st->sites[o->in[n]]));
	else if (n < 2 * NR_IN)
		site_unregister(&st->sites[o->out[n - NR_IN]]);
	else
		fake_expect_at(w,
			       st->mm->dead || upr_mm_busy(st->mm->upr) || st->mm->upr->nr_bps ||
				       fake_text_is_clean(st->mm, false),
			       "the text is as before when the last site has gone");
	return n < 2 * NR_IN;
}

static bool still_there(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	return !st->mm->dead;
}

/* Some of the sites with hops, and some of everything else around. */
static void choose_sites(struct stage *st, u64 *n)
{
	const unsigned int hops[] = {two, one, sys, shortly, indirect};
	bool used[SCRIPT_INSNS] = {false};
	unsigned int i, k;

	for (i = 0; i < NR_IN; i++) {
		unsigned int offset;

		do {
			k = pick(n, end_insn - first_insn) + first_insn;
			offset = st->script.at[k];
			if (i < 3)
				offset = hops[pick(n, ARRAY_SIZE(hops))];
			for (k = first_insn; st->script.at[k] != offset;)
				k++;
		} while (used[k] || (st->script.code[offset] == 0x0f && st->script.code[offset + 1] == 0x05) ||
			 st->script.code[offset] == 0xcc);
		used[k] = true;
		stage_site(st, offset);
	}
}

static void setup_orders(struct fake_world *w)
{
	struct stage *st = new_stage(w, true);
	struct orders *o = kzalloc(sizeof(*o), GFP_KERNEL);
	u64 n = next_order++;

	st->seed = n;
	st->follow = true;
	st->extra = o;
	pick(&n, 1);
	choose_sites(st, &n);
	shuffle(o->in, &n);
	shuffle(o->out, &n);
	o->actor.step = come_and_go;
	o->actor.ready = still_there;
	o->actor.name = 'o';
	fake_actor_add(w, &o->actor);
	stage_add_signals(w);
}

static void free_extra(struct fake_world *w)
{
	struct stage *st = w->data;

	kfree(st->extra);
	st->extra = NULL;
	stage_free(w);
}

static void orders(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "six neighbours come and go, two tasks, signals",
		.setup = setup_orders,
		.check = stage_check,
		.step = stage_step,
		.teardown = free_extra,
		.preemptions = 18,
		.random = true,
		.runs = 1500,
		.seed = 24,
	};

	stage_nr_signals = 6;
	next_order = 0;
	fake_explore(t, &s);
}

static u64 fixed_order;

static void setup_moments(struct fake_world *w)
{
	next_order = fixed_order;
	setup_orders(w);
}

static void moments(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "six neighbours come and go, at every moment",
		.setup = setup_moments,
		.check = stage_check,
		.step = stage_step,
		.teardown = free_extra,
		.preemptions = 2,
		.runs = 500,
	};

	stage_nr_signals = 1;
	for (fixed_order = 3; fixed_order < 23; fixed_order += 5)
		fake_explore(t, &s);
}

/* --- writes that fail ------------------------------------------------------------------ */

static int failing_write;

static void setup_failing(struct fake_world *w)
{
	struct stage *st = new_stage(w, false);

	upr_batch_begin(w->session);
	site_register(stage_site(st, two));
	site_register(stage_site(st, one));
	site_register(stage_site(st, sys));
	upr_batch_end(w->session);
	stage_hold(st);
	w->fail_text = failing_write;
}

/* Nothing leads to a hole that is not filled, whichever write it was. */
static void failing(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "a write of a pad, a hole or a site fails",
		.setup = setup_failing,
		.check = stage_check,
		.teardown = stage_free,
		.preemptions = 0,
		.runs = 1,
	};

	for (failing_write = 1; failing_write < 16; failing_write++)
		fake_explore(t, &s);
}

const struct fake_case upr_hop_cases[] = {
	{"hop-signals", signals}, {"hop-crowd", crowd},	  {"hop-all", everything},  {"hop-orders", orders},
	{"hop-moments", moments}, {"hop-claims", claims}, {"hop-failing", failing}, {NULL, NULL},
};
