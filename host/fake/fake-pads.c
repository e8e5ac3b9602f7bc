// SPDX-License-Identifier: GPL-2.0
/*
 * fake-pads.c - jump probes must not show: an account of what tasks do in pads.
 *
 * Purpose: before each step that a task takes in a pad, or by a jump into one, the
 * program's own next instruction is tried: on the registers that the program would
 * see, with the text that its file has, on memory that stays as it is.  After the
 * step the program must be where it was, or where the instruction has led it,
 * registers, flags and written memory included.  So at every place of every
 * pad it is proven what a signal handler would see there; and the oracle knows
 * which instruction has been executed.
 *
 * Where a task stands in a pad is the engine's answer; if it is wrong, the
 * comparison fails.
 *
 * Known to differ: registers and flags that are proven dead, at the count that
 * needs them; the words below the stack pointer that a call is about to write.
 *
 * Locks: none, one thread.
 */
#include "fake-int.h"

#define RED_ZONE 128u

static void see(struct fake_task *t, struct fake_seen *seen)
{
	const struct fake_probes *probes = t->world->probes;

	memset(seen, 0, sizeof(*seen));
	seen->regs = t->regs;
	if (probes && probes->see)
		probes->see(t, seen);
	if (seen->lost)
		fake_fatal(t->world, "task %d stands at %#llx, in an area, in nobody's slot or pad", t->tid,
			   (unsigned long long)t->regs.ip);
}

/* --- comparing ------------------------------------------------------------- */

static bool same_gprs(const struct upr_regs *a, const struct upr_regs *b, u16 dead)
{
	unsigned int i;

	for (i = 0; i < UPR_NR_GPR; i++)
		if (a->gpr[i] != b->gpr[i] && !(dead & UPR_GPR(i)))
			return false;
	return true;
}

static bool same_regs(const struct upr_regs *a, const struct upr_regs *b, u16 dead, bool flags_dead)
{
	u64 flags = a->flags ^ b->flags;

	if (flags_dead)
		flags &= ~(u64)UPR_FL_STATUS;
	return a->ip == b->ip && !flags && a->fs_base == b->fs_base && same_gprs(a, b, dead);
}

static void tell(struct fake_task *t, const char *what, const struct upr_regs *r)
{
	unsigned int i;

	fake_diag(t->world->test, "%s: ip %#llx flags %#llx", what, (unsigned long long)r->ip,
		  (unsigned long long)r->flags);
	for (i = 0; i < UPR_NR_GPR; i += 4)
		fake_diag(t->world->test, "  %2u: %llx %llx %llx %llx", i, (unsigned long long)r->gpr[i],
			  (unsigned long long)r->gpr[i + 1], (unsigned long long)r->gpr[i + 2],
			  (unsigned long long)r->gpr[i + 3]);
}

static void differs(struct fake_task *t, u64 from, const struct upr_regs *is, const struct upr_regs *should)
{
	tell(t, "the program sees", is);
	tell(t, "it should see", should);
	fake_fatal(t->world, "task %d: a pad shows at %#llx", t->tid, (unsigned long long)from);
}

/* --- trying ---------------------------------------------------------------- */

static void try(struct fake_task *t, struct upr_regs *r, struct fake_cpu_event *ev, struct fake_dry *dry)
{
	memset(dry, 0, sizeof(*dry));
	dry->trying = true;
	t->mm->dry = dry;
	fake_cpu_step(t->mm, r, false, 0, ev);
	t->mm->dry = NULL;
}

void fake_pad_before(struct fake_task *t, struct fake_pad_step *step)
{
	const struct fake_probes *probes = t->world->probes;
	u64 jump;

	memset(step, 0, sizeof(*step));
	if (!probes || !probes->see || !t->mm->upr || !t->ut)
		return;
	step->from = t->regs.ip;
	see(t, &step->before);
	jump = probes->jump_at(t->mm, t->regs.ip);
	if (jump && jump != t->regs.ip)
		fake_fatal(t->world, "task %d is about to execute the middle of a jump, at %#llx", t->tid,
			   (unsigned long long)t->regs.ip);
	step->active = jump || step->before.in_pad;
	if (!step->active)
		return;
	step->after = step->before.regs;
	try(t, &step->after, &step->ev, &step->tried);
	t->mm->dry = &step->done;
}

/* What the engine writes for itself must be where the program has nothing. */
static void check_own_write(struct fake_task *t, const struct fake_pad_step *step)
{
	const struct fake_dry *done = &step->done;
	u64 rsp = step->before.regs.gpr[UPR_RSP];
	struct fake_map *map = fake_map_at(t->mm, done->addr);

	if (!done->wrote || (map && map->shared) || done->addr + done->len <= rsp - RED_ZONE)
		return;
	if (done->addr >= rsp - 16 && done->addr + done->len <= rsp)
		return;
	fake_fatal(t->world, "task %d: a pad writes to the program's memory, at %#llx", t->tid,
		   (unsigned long long)done->addr);
}

static void check_write(struct fake_task *t, const struct fake_dry *tried)
{
	u64 value = 0;

	if (!tried->wrote)
		return;
	if (fake_peek(t->mm, tried->addr, &value, min_t(size_t, tried->len, 8)) || value != tried->value)
		fake_fatal(t->world, "task %d: an instruction in a pad has not written %#llx to %#llx", t->tid,
			   (unsigned long long)tried->value, (unsigned long long)tried->addr);
}

static void check_fault(struct fake_task *t, const struct fake_pad_step *step, const struct fake_cpu_event *ev)
{
	if (step->ev.stop != FAKE_CPU_FAULT || step->ev.signo != ev->signo || step->ev.code != ev->code ||
	    (ev->signo == FAKE_SIGSEGV && step->ev.addr != ev->addr))
		fake_fatal(t->world, "task %d: a fault in a pad that is not the program's, at %#llx", t->tid,
			   (unsigned long long)step->from);
}

/* Instructions that nothing is executed for are done together with the one before. */
static void account(struct fake_task *t, struct fake_pad_step *step, const struct fake_seen *now)
{
	struct upr_regs at = step->before.regs;
	unsigned int n;

	if (same_regs(&at, &now->regs, step->before.dead_gpr, step->before.flags_dead)) {
		check_own_write(t, step);
		return;
	}
	for (n = 0; n < UPR_JUMP_INSNS; n++) {
		u64 from = at.ip;

		if (step->ev.stop != FAKE_CPU_DONE)
			break;
		check_write(t, &step->tried);
		at = step->after;
		step->executed++;
		if (!step->ev.unfinished)
			fake_oracle_count(t->mm, from, 1);
		if (same_regs(&at, &now->regs, 0, false))
			return;
		try(t, &step->after, &step->ev, &step->tried);
	}
	differs(t, step->from, &now->regs, &at);
}

/* Has the hit of the instruction that is next been counted, and is it to come? */
static void note_count(struct fake_task *t, const struct fake_seen *before, const struct fake_seen *now)
{
	if (!now->in_pad || now->regs.ip != before->regs.ip)
		t->pad_counted = 0;
	/* whoever joins a pad comes in behind the count, and has been counted one way or the other */
	if (now->in_pad && now->has_count && now->counted &&
	    (!before->in_pad || (now->insn == before->insn && !before->counted)))
		t->pad_counted = now->regs.ip;
}

void fake_pad_after(struct fake_task *t, struct fake_pad_step *step, const struct fake_cpu_event *ev)
{
	struct fake_seen now;

	if (!step->active)
		return;
	t->mm->dry = NULL;
	switch (ev->stop) {
	case FAKE_CPU_DONE:
		see(t, &now);
		account(t, step, &now);
		note_count(t, &step->before, &now);
		break;
	case FAKE_CPU_FAULT:
		check_fault(t, step, ev);
		break;
	default:
		fake_fatal(t->world, "task %d: a trap or a system call in a pad, at %#llx", t->tid,
			   (unsigned long long)step->from);
	}
}

/* --- moved by the engine ------------------------------------------------------ */

bool fake_in_pad(struct fake_task *t)
{
	struct fake_seen seen;

	see(t, &seen);
	return seen.in_pad;
}

void fake_pad_moving(struct fake_task *t, struct fake_seen *before)
{
	see(t, before);
}

static bool is_direct_call(struct fake_task *t, u64 addr)
{
	u8 code = 0x2e;

	while (code == 0x2e && !fake_original(t->mm, addr++, &code, 1))
		;
	return code == 0xe8;
}

/*
 * Is the instruction at @at one that nothing is executed for in a pad: a nop, or a call whose
 * return address is written by whoever moves the task?  Then @at is behind it.
 */
static bool pass(struct fake_task *t, struct upr_regs *at)
{
	struct upr_regs next = *at;
	struct fake_cpu_event ev;
	struct fake_dry dry;
	u64 from = at->ip;

	try(t, &next, &ev, &dry);
	if (ev.stop != FAKE_CPU_DONE)
		return false;
	at->ip = next.ip;
	if (is_direct_call(t, from))
		check_write(t, &dry);
	else if (ev.branched || dry.wrote || !same_regs(at, &next, 0, false))
		return false;
	*at = next;
	fake_oracle_count(t->mm, from, 1);
	return true;
}

void fake_pad_moved(struct fake_task *t, const struct fake_seen *before)
{
	struct upr_regs at = before->regs;
	struct fake_seen now;
	unsigned int n;

	see(t, &now);
	if (!before->in_pad && !now.in_pad)
		return;
	for (n = 0; n < UPR_JUMP_INSNS && now.in_pad && !same_regs(&at, &now.regs, 0, false); n++)
		if (!pass(t, &at))
			break;
	if (!same_regs(&at, &now.regs, 0, false))
		differs(t, t->regs.ip, &now.regs, &before->regs);
	/* off a slot, back at the site and into a pad, all in one stop: it is executed there, once */
	if (now.in_pad && now.regs.ip == t->site)
		t->site = 0;
	note_count(t, before, &now);
}
