// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-word.c - arguments in the kernel's words: registers, the stack, memory.
 *
 * Purpose: what needs no debug information (Documentation/trace/uprobetracer.rst), and $argN, which needs the
 * calling convention only.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utrace/insn.h>

#include "fetch-expr.h"
#include "fetch.h"

#define POINTER_SIZE 8

static const char *const gpr_names[] = {"ax", "cx", "dx",  "bx",  "sp",	 "bp",	"si",  "di",
					"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
/* psABI: registers of the first six arguments */
static const u8 arg_regs[] = {UPR_RDI, UPR_RSI, UPR_RDX, UPR_RCX, UPR_R8, UPR_R9};

static int settle(const struct fetch_value *v, struct upr_error *err)
{
	return v->loc.code.failed == -ENOMEM ? upr_error_nomem(err) : 0;
}

static int register_value(const char *name, struct fetch_value *ret, struct upr_error *err)
{
	const char *plain = *name == 'r' && !strchr("0123456789", name[1]) ? name + 1 : name;
	unsigned int i, nr;
	int end = 0;

	if (sscanf(name, "xmm%u%n", &nr, &end) == 1 && !name[end] && nr < 16) {
		ret->loc.kind = FETCH_VECTOR;
		ret->loc.reg = nr;
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(gpr_names) && strcmp(gpr_names[i], plain); i++)
		;
	if (i == ARRAY_SIZE(gpr_names)) {
		if (!strcmp(plain, "ip"))
			i = UPR_FETCH_IP;
		else if (!strcmp(plain, "flags") || !strcmp(plain, "eflags"))
			i = UPR_FETCH_FLAGS;
		else
			return upr_error_set(
				err, UPR_ERR_SYNTAX, EINVAL,
				"'%%%s' is no register; there are %%ax %%bx %%cx %%dx %%si %%di %%bp %%sp %%r8 to "
				"%%r15, %%ip, %%flags and %%xmm0 to %%xmm15",
				name);
	}
	fetch_emit(&ret->loc.code, UPR_FETCH_REG, (u8)i, 0);
	return settle(ret, err);
}

static int stack_word(long long number, struct fetch_value *ret, struct upr_error *err)
{
	ret->loc.kind = FETCH_MEMORY;
	fetch_emit(&ret->loc.code, UPR_FETCH_REG, UPR_RSP, 0);
	ret->off = POINTER_SIZE * number;
	return settle(ret, err);
}

static int argument(const struct fetch_place *place, long long number, struct fetch_value *ret, struct upr_error *err)
{
	char cast[8];

	if (place->sdt)
		return fetch_sdt_argument(place, number, ret, cast, err);
	if (number < 1 || number > 64)
		return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL, "$arg1 is the first argument, and $arg64 the last");
	if (!place->at_entry)
		return upr_error_set(
			err, UPR_ERR_SYNTAX, EINVAL,
			"$arg%lld can be had at a function's entry only: there the calling convention says "
			"where it is",
			number);
	/* above the return address */
	if (number > (long long)sizeof(arg_regs))
		return stack_word(number - (long long)sizeof(arg_regs), ret, err);
	fetch_emit(&ret->loc.code, UPR_FETCH_REG, arg_regs[number - 1], 0);
	return settle(ret, err);
}

static int at_address(s64 addr, bool own, struct fetch_value *ret, struct upr_error *err)
{
	ret->loc.kind = FETCH_MEMORY;
	fetch_emit(&ret->loc.code, own ? UPR_FETCH_BIAS : UPR_FETCH_PUSH, 0, own ? 0 : addr);
	ret->off = own ? addr : 0;
	return settle(ret, err);
}

static int at_symbol(const struct fetch_place *place, const struct fetch_expr *expr, struct fetch_value *ret,
		     struct upr_error *err)
{
	u64 addr;

	if (!upr_elf_find_object(place->elf, expr->name, &addr))
		return upr_error_set(err, UPR_ERR_NO_FUNCTION, ENOENT, "there is no symbol '%s' in %s", expr->name,
				     upr_elf_info(place->elf)->name);
	return at_address((s64)addr + expr->number, true, ret, err);
}

static int at_file_offset(const struct fetch_place *place, long long offset, struct fetch_value *ret,
			  struct upr_error *err)
{
	u64 addr;

	if (!upr_elf_offset_to_addr(place->elf, (u64)offset, &addr))
		return upr_error_set(err, UPR_ERR_OFFSET, EINVAL, "nothing of %s is loaded from file offset 0x%llx",
				     upr_elf_info(place->elf)->name, (unsigned long long)offset);
	return at_address((s64)addr, true, ret, err);
}

static int number(long long value, struct fetch_value *ret)
{
	ret->loc.kind = FETCH_BYTES;
	ret->loc.constant = (u64)value;
	ret->loc.size = sizeof(ret->loc.constant);
	return 0;
}

int fetch_eval_word(const struct fetch_place *place, const struct fetch_expr *expr, struct fetch_value *ret,
		    struct upr_error *err)
{
	*ret = (struct fetch_value){.loc = {.kind = FETCH_VALUE}};
	switch (expr->kind) {
	case FETCH_REGISTER:
		return register_value(expr->name, ret, err);
	case FETCH_SP:
		return register_value("sp", ret, err);
	case FETCH_STACK:
		return stack_word(expr->number, ret, err);
	case FETCH_ARGUMENT:
		return argument(place, expr->number, ret, err);
	case FETCH_AT:
		return at_address(expr->number, false, ret, err);
	case FETCH_AT_OFFSET:
		return at_file_offset(place, expr->number, ret, err);
	case FETCH_AT_SYMBOL:
		return at_symbol(place, expr, ret, err);
	case FETCH_NUMBER:
		return number(expr->number, ret);
	case FETCH_RETVAL:
		if (place->at_return)
			return fetch_return_value(place, ret, err);
		return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL,
				     "$retval is there when a function returns: FUNCTION%%return");
	default:
		return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL, "$comm and \\\"text\" stand for themselves only");
	}
}
