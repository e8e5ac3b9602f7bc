// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-code.c - fetch programs in the making.
 *
 * Purpose: see fetch-code.h.  Locks: none.
 */
#include <errno.h>
#include <stdlib.h>

#include "fetch-code.h"

void fetch_code_free(struct fetch_code *code)
{
	free(code->v);
	*code = (struct fetch_code){0};
}

static struct upr_fetch_insn *more(struct fetch_code *code, u32 nr)
{
	if (code->nr + nr > UPR_FETCH_INSNS) {
		code->failed = -E2BIG;
		return NULL;
	}
	if (code->nr + nr > code->cap) {
		u32 cap = code->nr + nr > 2 * code->cap ? code->nr + nr : 2 * code->cap;
		struct upr_fetch_insn *v = reallocarray(code->v, cap, sizeof(*v));

		if (!v) {
			code->failed = -ENOMEM;
			return NULL;
		}
		code->v = v;
		code->cap = cap;
	}
	code->nr += nr;
	return &code->v[code->nr - nr];
}

void fetch_emit_at(struct fetch_code *code, enum upr_fetch_op op, u8 arg, s64 imm, u32 at)
{
	struct upr_fetch_insn *insn = more(code, 1);

	if (insn)
		*insn = (struct upr_fetch_insn){.op = op, .arg = arg, .imm = imm, .at = at};
}

u32 fetch_emit(struct fetch_code *code, enum upr_fetch_op op, u8 arg, s64 imm)
{
	fetch_emit_at(code, op, arg, imm, 0);
	return code->nr ? code->nr - 1 : 0;
}

void fetch_add(struct fetch_code *code, s64 n)
{
	if (n)
		fetch_emit(code, UPR_FETCH_ADDI, 0, n);
}

static bool is_jump(const struct upr_fetch_insn *insn)
{
	return insn->op == UPR_FETCH_JMP || insn->op == UPR_FETCH_JNZ || insn->op == UPR_FETCH_JEQ;
}

void fetch_append(struct fetch_code *code, const struct fetch_code *piece)
{
	u32 base = code->nr, i;
	struct upr_fetch_insn *to = more(code, piece->nr);

	if (piece->failed)
		code->failed = piece->failed;
	for (i = 0; to && i < piece->nr; i++) {
		to[i] = piece->v[i];
		if (is_jump(&to[i]))
			to[i].target += (u16)base;
	}
}

void fetch_here(struct fetch_code *code, u32 jump)
{
	if (!code->failed)
		code->v[jump].target = (u16)code->nr;
}
