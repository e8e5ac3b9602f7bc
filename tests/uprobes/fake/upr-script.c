// SPDX-License-Identifier: GPL-2.0
/*
 * upr-script.c - programs for the fake CPU, and worlds that probe them.
 *
 * Purpose: see upr-script.h.
 *
 * Locks: none, one thread.
 */
#include "upr-script.h"

/* --- scripts --------------------------------------------------------------- */

void script_init(struct script *s, u64 base)
{
	memset(s, 0, sizeof(*s));
	s->base = base;
}

unsigned int script_op(struct script *s, const char *bytes, unsigned int len)
{
	unsigned int at = s->len;

	BUG_ON(s->len + len > SCRIPT_SIZE || s->nr == SCRIPT_INSNS);
	s->at[s->nr++] = at;
	memcpy(s->code + at, bytes, len);
	s->len += len;
	return at;
}

static void put32(struct script *s, u32 value)
{
	BUG_ON(s->len + 4 > SCRIPT_SIZE);
	memcpy(s->code + s->len, &value, 4);
	s->len += 4;
}

unsigned int script_op32(struct script *s, const char *bytes, unsigned int len, u32 imm)
{
	unsigned int at = script_op(s, bytes, len);

	put32(s, imm);
	return at;
}

unsigned int script_rel(struct script *s, const char *bytes, unsigned int len, unsigned int target)
{
	unsigned int at = script_op(s, bytes, len);

	put32(s, target - (s->len + 4));
	return at;
}

void script_aim(struct script *s, unsigned int from)
{
	unsigned int i;
	u32 rel;

	for (i = 0; i < s->nr; i++) {
		unsigned int end = i + 1 < s->nr ? s->at[i + 1] : s->len;

		if (s->at[i] != from)
			continue;
		rel = s->len - end;
		memcpy(s->code + end - 4, &rel, 4);
	}
}

unsigned int script_rip(struct script *s, const char *bytes, unsigned int len, u64 addr)
{
	unsigned int at = script_op(s, bytes, len);

	put32(s, (u32)(addr - (s->base + s->len + 4)));
	return at;
}

unsigned int script_sys(struct script *s, unsigned int nr)
{
	OP32(s, "\xb8", nr);
	return OP(s, "\x0f\x05");
}

unsigned int script_sys2(struct script *s, unsigned int nr, u32 rdi, u32 rsi)
{
	OP32(s, "\xbf", rdi);
	OP32(s, "\xbe", rsi);
	return script_sys(s, nr);
}

/* --- facts ------------------------------------------------------------------- */

static unsigned int insn_end(const struct script *s, unsigned int i)
{
	return i + 1 < s->nr ? s->at[i + 1] : s->len;
}

static bool decode(const struct script *s, unsigned int i, struct upr_insn *insn)
{
	return !upr_insn_decode(insn, s->code + s->at[i], insn_end(s, i) - s->at[i], UPR_INSN_64);
}

/* Does this instruction let control in at @addr, sooner or later? */
static bool names(const struct upr_insn *insn, u64 at, u64 addr)
{
	switch (insn->branch) {
	case UPR_BR_CALL:
	case UPR_BR_CALL_IND:
		if (at + insn->length == addr)
			return true;
		break;
	case UPR_BR_SYSCALL:
		return at + insn->length == addr;
	}
	if (insn->branch == UPR_BR_JMP || insn->branch == UPR_BR_JCC || insn->branch == UPR_BR_LOOP ||
	    insn->branch == UPR_BR_CALL)
		return upr_insn_target(insn, at) == addr;
	if (insn->attr & UPR_INSN_RIPREL)
		return upr_insn_riprel_addr(insn, at) == addr;
	return insn->f_imm.size >= 4 && (u64)insn->imm == addr;
}

static bool is_entered(const struct script *s, unsigned int offset)
{
	struct upr_insn insn;
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (decode(s, i, &insn) && names(&insn, s->base + s->at[i], s->base + offset))
			return true;
	return !offset;
}

/* Straight on until all of them are overwritten, and nothing has read one. */
static bool flags_are_dead(const struct script *s, unsigned int offset)
{
	u32 alive = UPR_FL_STATUS;
	struct upr_insn insn;
	unsigned int i;

	for (i = 0; i < s->nr; i++) {
		if (s->at[i] < offset)
			continue;
		if (!decode(s, i, &insn) || (insn.flags_read & alive) || insn.branch != UPR_BR_NONE ||
		    (insn.attr & UPR_INSN_FLAGS_PUSH))
			return false;
		alive &= ~insn.flags_write;
		if (!alive)
			return true;
	}
	return false;
}

/* Where padding that begins with the instruction @i, which nothing falls into, ends. */
static unsigned int padding_end(const struct script *s, unsigned int i)
{
	struct upr_insn insn;
	unsigned int at;

	for (; i < s->nr; i++) {
		for (at = s->at[i]; at < insn_end(s, i); at++)
			if (is_entered(s, at))
				return at;
		if (!decode(s, i, &insn) || (!(insn.attr & UPR_INSN_NOP) && s->code[s->at[i]] != UPR_BREAKPOINT))
			return s->at[i];
	}
	return s->len;
}

/* Of the last facts; whoever registers them keeps a copy. */
static struct upr_hole last_holes[UPR_HOLES];

static void add_hole(const struct script *s, unsigned int site, unsigned int at, struct upr_facts *facts)
{
	int rel = (int)at - (int)(site + UPR_HOP_SIZE);
	struct upr_hole *hole = &last_holes[facts->nr_holes];

	if (rel < -128 || rel > 127 || facts->nr_holes == UPR_HOLES ||
	    ((s->base + site) ^ (s->base + at)) / FAKE_PAGE ||
	    ((s->base + site) ^ (s->base + at + UPR_JUMP_SIZE - 1)) / FAKE_PAGE)
		return;
	hole->rel = (s8)rel;
	memcpy(hole->code, s->code + at, UPR_JUMP_SIZE);
	facts->nr_holes++;
}

static void add_holes(const struct script *s, unsigned int site, struct upr_facts *facts)
{
	struct upr_insn insn;
	unsigned int i, at, end;

	for (i = 0; i + 1 < s->nr; i++) {
		if (!decode(s, i, &insn) || (insn.branch != UPR_BR_JMP && insn.branch != UPR_BR_RET))
			continue;
		end = padding_end(s, i + 1);
		for (at = s->at[i + 1]; at + UPR_JUMP_SIZE <= end; at += 3)
			add_hole(s, site, at, facts);
	}
}

void script_facts(const struct script *s, unsigned int offset, bool dead, struct upr_facts *facts)
{
	struct upr_insn insn;

	memset(facts, 0, sizeof(*facts));
	facts->len = (u8)min_t(size_t, UPR_SITE_CODE, s->len - offset);
	memcpy(facts->code, s->code + offset, facts->len);
	if (upr_insn_decode(&insn, facts->code, facts->len, UPR_INSN_64))
		return;
	facts->clear = 1;
	while (facts->clear < facts->len && !is_entered(s, offset + facts->clear))
		facts->clear++;
	if (facts->clear < insn.length)
		facts->clear = 0;
	facts->why = "it is entered there";
	facts->flags_dead = dead && flags_are_dead(s, offset);
	facts->holes = last_holes;
	add_holes(s, offset, facts);
}

/* --- stages ------------------------------------------------------------------ */

struct stage *stage_new(struct fake_world *w, enum upr_mode mode)
{
	struct stage *st = kzalloc(sizeof(*st), GFP_KERNEL);

	BUG_ON(!st);
	st->w = w;
	st->mode = mode;
	w->data = st;
	w->probes = &fake_uprobes;
	w->session = upr_session_new(mode);
	BUG_ON(!w->session);
	script_init(&st->script, FAKE_TEXT);
	st->lookers = 8;
	return st;
}

void stage_raise(struct stage *st)
{
	struct fake_world *w = st->w;

	st->file = fake_file_new(w, st->script.code, st->script.len);
	w->programs[0] = st->file;
	w->program_base[0] = FAKE_TEXT;
	st->mm = fake_mm_new(w);
	fake_map(st->mm, FAKE_TEXT, st->script.len, FAKE_R | FAKE_X, st->file, 0);
	fake_map(st->mm, SCRIPT_DATA, SCRIPT_DATA_SIZE, FAKE_R | FAKE_W, NULL, 0);
	st->task = fake_task_new(st->mm, FAKE_TEXT, NULL);
	fake_expect(w, !fake_attach(st->mm));
}

/* As after attaching, or before a command's first instruction: nothing runs before all is armed. */
void stage_hold(struct stage *st)
{
	struct fake_task *t;

	list_for_each_entry(t, &st->w->tasks, node)
		if (t->ut && t->phase != FAKE_DEAD)
			t->must_quiesce = true;
}

static void hit(struct upr_consumer *consumer, struct utrace_task *task, u64 addr)
{
	struct site *site = container_of(consumer, struct site, consumer);
	struct upr_regs regs;

	if (task->target->regs_get(task, &regs) || regs.ip != addr || addr - FAKE_TEXT != site->offset)
		site->bad_pc++;
}

static void unhit(struct upr_consumer *consumer, struct utrace_task *task, u64 addr)
{
	struct site *site = container_of(consumer, struct site, consumer);
	u64 tid = 1ull << (task->id & 63);

	site->unhits++;
	/* what it did not count the first time it will count the second time */
	if (site->late && (site->late->under_way_tids & tid)) {
		site->late->under_way_tids &= ~tid;
		site->late->expected++;
		site->late->late_unhits++;
	}
}

struct site *stage_site(struct stage *st, unsigned int offset)
{
	struct site *site = &st->sites[st->nr_sites++];

	BUG_ON(st->nr_sites > STAGE_SITES);
	memset(site, 0, sizeof(*site));
	site->stage = st;
	site->offset = offset;
	site->consumer.unhit = unhit;
	site->plain = st->jumps;
	/* half of them look at the registers, which must not change the outcome; of those that may jump few do */
	if (st->jumps ? st->nr_sites % 8 == st->lookers : st->nr_sites & 1)
		site->consumer.hit = hit;
	return site;
}

int site_register(struct site *site)
{
	struct stage *st = site->stage;
	struct upr_facts facts = {.len = (u8)min_t(size_t, UPR_INSN_MAX, st->script.len - site->offset)};
	int r;

	memcpy(facts.code, st->script.code + site->offset, facts.len);
	if (site->plain)
		script_facts(&st->script, site->offset, st->dead, &facts);
	r = upr_register_facts(st->w->session, st->file->key, site->offset, &facts, UPR_INSN_64, &site->consumer,
			       &site->probe);
	if (!r)
		site->registered = true;
	return r;
}

void site_unregister(struct site *site)
{
	upr_unregister(site->stage->w->session, &site->consumer);
	site->registered = false;
}

void stage_probe_all(struct stage *st)
{
	unsigned int i;

	upr_batch_begin(st->w->session);
	for (i = 0; i < st->script.nr; i++) {
		if (site_register(stage_site(st, st->script.at[i])))
			st->nr_sites--;
	}
	upr_batch_end(st->w->session);
}

u64 site_count(struct site *site)
{
	if (site->stage->over)
		return (u64)atomic64_read(&site->consumer.hits);
	return upr_consumer_hits(site->stage->w->session, &site->consumer);
}

/* One that may jump stays armed while windows are planned anew: nothing is lost meanwhile. */
static bool is_armed(const struct stage *st, const struct site *site)
{
	if (!site->registered)
		return false;
	return (site->plain && site->armed) || st->w->probes->armed(st->mm, FAKE_TEXT + site->offset);
}

unsigned int hits_under_way(const struct stage *st, const struct site *site)
{
	u64 addr = FAKE_TEXT + site->offset;
	struct fake_task *t;
	unsigned int nr = 0;

	/* back at the site it will be met again, or executed there */
	list_for_each_entry(t, &st->w->tasks, node)
		if (t->mm == st->mm && t->pad_counted == addr && t->phase != FAKE_DEAD)
			nr++;
	list_for_each_entry(t, &st->w->tasks, node)
		nr += t->mm == st->mm && t->site == addr && t->regs.ip != addr && t->phase != FAKE_DEAD;
	return nr;
}

/*
 * What a site must have counted: what the CPU executed between its arming and
 * its disarming, and the hits counted before the latter and executed after it.
 */
void stage_step(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i;

	for (i = 0; st->follow && i < st->nr_sites; i++) {
		struct site *site = &st->sites[i];
		bool armed = is_armed(st, site);
		u64 now = fake_executed(st->file, site->offset);

		if (armed && !site->armed)
			site->expected -= (s64)site->now + site->under_way;
		if (!armed && site->armed)
			site->expected += (s64)site->now + site->under_way;
		site->armed = armed;
		site->now = now;
		site->under_way = hits_under_way(st, site);
	}
}

void stage_check(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i, wrong = 0;

	fake_expect(w, !w->pc_leaks);
	fake_expect(w, !w->stray_traps);
	for (i = 0; i < st->nr_sites; i++) {
		struct site *site = &st->sites[i];
		s64 expected = fake_executed(st->file, site->offset);

		if (st->follow)
			expected = site->expected + (site->armed ? (s64)site->now + site->under_way : 0);
		if (!fake_expect_at(w, (s64)site_count(site) == expected, "a count equals the CPU's") && wrong++ < 5)
			fake_diag(w->test, "seed %llu, mode %d:", (unsigned long long)st->seed, st->mode);
		if ((s64)site_count(site) != expected && wrong < 5)
			fake_diag(w->test, "site %u at %#x: counted %lld, executed %lld", i, site->offset,
				  (long long)site_count(site), (long long)expected);
		fake_expect(w, !site->bad_pc);
		fake_expect(w, !atomic64_read(&site->consumer.missed));
	}
}

/* All tasks are gone, and so are the address spaces. */
void stage_free(struct fake_world *w)
{
	upr_session_free(w->session);
	kfree(w->data);
	w->data = NULL;
}

/* --- signals ------------------------------------------------------------------------ */

unsigned int stage_nr_signals;

static bool send_usr1(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	fake_kill(st->task, SIGUSR1);
	return a->at + 1 < (int)stage_nr_signals;
}

static bool with_handler(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	return st->mm->handlers[SIGUSR1];
}

void stage_add_signals(struct fake_world *w)
{
	static struct fake_actor actor;

	memset(&actor, 0, sizeof(actor));
	actor.step = send_usr1;
	actor.ready = with_handler;
	actor.name = 's';
	fake_actor_add(w, &actor);
}
