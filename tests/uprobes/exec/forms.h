/* SPDX-License-Identifier: GPL-2.0 */
/*
 * forms.h - every form of instruction the decoder knows, one by one.
 *
 * Purpose: a form is one point of the encoding space: map, opcode, mandatory
 * prefix, W, vector length, kind of operand, and the reg field where it is part of
 * the opcode.  form_bytes() makes instructions of a form with everything else
 * (registers, displacements, immediates, masks, harmless prefixes) at random.
 *
 * Context: single-threaded; the generator's state is global.
 */
#ifndef UPROBES_TESTS_FORMS_H
#define UPROBES_TESTS_FORMS_H

#include <upr-compat.h>
#include <utrace/insn.h>

enum form_kind {
	FORM_PLAIN,		/* no ModRM */
	FORM_REG,		/* register operand */
	FORM_BASE,		/* memory, base register */
	FORM_SIB,		/* memory, SIB byte */
	FORM_RIP,		/* memory, rip-relative; absolute in 32-bit code */
	FORM_NR_KINDS,
};

struct form {
	u8 mode, enc, map, opcode, pp, w, l, kind;
	s8 reg, rm;		/* -1: not part of the opcode */
	bool lock;
};

/* The test's random numbers: deterministic, from the printed seed. */
void rnd_seed(u64 seed);
u64 rnd(void);

static inline bool one_in(unsigned int n)
{
	return rnd() % n == 0;
}

/**
 * form_bytes() - one instruction of a form
 * @buf:	UPR_INSN_MAX bytes, all of them filled
 * Return: false when none was found (operand fields tried at random).
 */
bool form_bytes(const struct form *form, u8 *buf, struct upr_insn *insn);

/** forms_make() - list all forms of a mode; the caller frees.  @nr: out. */
struct form *forms_make(enum upr_insn_mode mode, size_t *nr);

/** form_text() - for people: "0f3a.66.W1 0f /r mem" */
const char *form_text(const struct form *form);

/** form_group() - index and name of the group results are counted by */
#define FORM_NR_GROUPS	12
unsigned int form_group(const struct form *form);
const char *form_group_name(unsigned int group);

#endif /* UPROBES_TESTS_FORMS_H */
