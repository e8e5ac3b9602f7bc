// SPDX-License-Identifier: GPL-2.0
/*
 * plan.c - see plan.h.
 *
 * Purpose: as there.  The order of choices is the engine's own (upr_probe_way()).
 * Locks: none.
 */
#include "plan.h"

/*
 * Costs of a hit in nanoseconds, measured with tool and target on one CPU; a jump's depend on what its
 * pad has to save.
 */
#define NS_JUMP	      0.5
#define NS_SAVED_REG  0.3
#define NS_LIVE_FLAGS 0.5
#define NS_EMULATE    9500
#define NS_BOOST      9500
#define NS_STEP	      31000

/* What a pad is made for when it is measured: a CPU count of two digits, restartable sequences. */
#define SOME_CPUS 64
#define SOME_RSEQ 2336

/* Registers that a count needs (see uprobes_pad.c): any one, or rax and rcx where flags are alive. */
static unsigned int registers_to_save(const struct upr_jump *jump)
{
	if (jump->flags_dead)
		return !jump->dead_gpr;
	return !(jump->dead_gpr & UPR_GPR(UPR_RAX)) + !(jump->dead_gpr & UPR_GPR(UPR_RCX));
}

static void plan_jump(const struct upr_jump *jump, struct plan *ret)
{
	struct upr_pad pad = {
		.jump = jump,
		.env = {.nr_cpus = SOME_CPUS, .rseq = SOME_RSEQ, .rdpid = true},
		.nr_counts = 1,
		.counts = {{.flags_dead = jump->flags_dead, .dead_gpr = jump->dead_gpr}},
	};

	ret->mode = jump->form == UPR_JUMP_PUN ? PLAN_MAYBE : PLAN_JUMP;
	ret->form = jump->form;
	ret->insns = jump->nr;
	ret->pad = upr_pad_size(&pad);
	ret->ns = NS_JUMP + NS_SAVED_REG * registers_to_save(jump) + (jump->flags_dead ? 0 : NS_LIVE_FLAGS);
	ret->reason = jump->reason;
}

static void plan_trap(const struct upr_xol *xol, struct plan *ret)
{
	bool emulate = xol->ways & UPR_WAYS(UPR_WAY_EMULATE), boost = xol->ways & UPR_WAYS(UPR_WAY_BOOST);
	u64 pc;

	ret->insns = 1;
	if (emulate && (!boost || upr_xol_emulate_pc(xol, 0, &pc))) {
		ret->mode = PLAN_EMULATE;
		ret->ns = NS_EMULATE;
		return;
	}
	ret->mode = boost ? PLAN_BOOST : PLAN_STEP;
	ret->ns = boost ? NS_BOOST : NS_STEP;
	ret->pad = UPR_SLOT_SIZE;
}

/* Without a map: the bytes are all that is known. */
static void plain_facts(struct upr_elf *elf, u64 addr, struct upr_facts *ret)
{
	u64 avail;
	const u8 *code = upr_elf_bytes(elf, addr, &avail);

	*ret = (struct upr_facts){.len = (u8)min(avail, (u64)UPR_SITE_CODE)};
	if (code)
		memcpy(ret->code, code, ret->len);
}

void plan_site(struct upr_elf *elf, struct code_map *map, u64 addr, struct plan *ret)
{
	enum upr_insn_mode mode = upr_elf_info(elf)->mode32 ? UPR_INSN_32 : UPR_INSN_64;
	struct upr_facts facts;
	struct upr_jump jump;
	struct upr_xol xol;
	u64 offset = 0;
	int rc;

	*ret = (struct plan){.mode = PLAN_REFUSE};
	if (map)
		code_map_facts(map, addr, &facts);
	else
		plain_facts(elf, addr, &facts);
	if (!facts.len || !upr_elf_addr_to_offset(elf, addr, &offset)) {
		ret->reason = "the file has no bytes there";
		return;
	}
	if (!upr_jump_analyze(&jump, &facts, offset, mode, 0, NULL)) {
		plan_jump(&jump, ret);
		return;
	}
	rc = upr_xol_analyze(&xol, facts.code, min(facts.len, (u8)UPR_INSN_MAX), mode, 0);
	ret->reason = rc ? xol.reason : jump.reason;
	if (!rc)
		plan_trap(&xol, ret);
}

const char *plan_mode_name(enum plan_mode mode)
{
	static const char *const names[PLAN_NR_MODES] = {
		[PLAN_JUMP] = "jump",	[PLAN_MAYBE] = "jump?", [PLAN_EMULATE] = "emulate",
		[PLAN_BOOST] = "boost", [PLAN_STEP] = "step",	[PLAN_REFUSE] = "refuse",
	};

	return names[mode];
}

/* --- counting ------------------------------------------------------------- */

void plan_count(struct plan_tally *tally, const struct plan *plan)
{
	size_t i;

	tally->nr++;
	tally->modes[plan->mode]++;
	if (plan->mode == PLAN_JUMP)
		return;
	for (i = 0; i < tally->nr_reasons; i++) {
		if (tally->reasons[i].mode == plan->mode && !strcmp(tally->reasons[i].reason, plan->reason)) {
			tally->reasons[i].nr++;
			return;
		}
	}
	/* there are about as many as can be counted on four hands */
	if (i == ARRAY_SIZE(tally->reasons))
		return;
	tally->reasons[i].mode = plan->mode;
	tally->reasons[i].reason = plan->reason;
	tally->reasons[i].nr = 1;
	tally->nr_reasons++;
}

void plan_print_tally(const struct plan_tally *tally, FILE *out)
{
	size_t i, j;

	fprintf(out, "%zu place%s", tally->nr, tally->nr == 1 ? "" : "s");
	for (i = 0; i < PLAN_NR_MODES; i++) {
		if (tally->modes[i])
			fprintf(out, "%s %s %zu (%.3f %%)", i && tally->nr ? "," : ":", plan_mode_name(i),
				tally->modes[i], 100.0 * tally->modes[i] / tally->nr);
	}
	fputc('\n', out);
	for (i = 0; i < PLAN_NR_MODES; i++) {
		for (j = 0; j < tally->nr_reasons; j++) {
			if (tally->reasons[j].mode == i)
				fprintf(out, "%10zu %-8s %s\n", tally->reasons[j].nr, plan_mode_name(i),
					tally->reasons[j].reason);
		}
	}
}
