// SPDX-License-Identifier: GPL-2.0
/*
 * probe-sdt.c - statically defined probes in the kernel's syntax.
 *
 * Purpose: see probe-sdt.h.  Operands of the assembler become what uprobe_events takes:
 *
 *	-4@%edi		arg1=%di:s32
 *	8@-16(%rbp)	arg2=-16(%bp):u64
 *
 * Constants, symbols, and memory by two registers have no words there; the others keep their numbers.
 *
 * Locks: none.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe-sdt.h"
#include "sdt.h"
#include "symbol-priv.h"

/* --- operands ------------------------------------------------------------------------- */

/* The kernel's name of a register of any size, "" for none of those it has; %ah is not what it fetches. */
static void name_register(const char *s, size_t len, char ret[8])
{
	static const char *const legacy[] = {"ax", "bx", "cx", "dx", "si", "di", "bp", "sp"};
	char name[8], low[8];
	unsigned int nr;
	int end = 0;
	size_t i;

	*ret = '\0';
	if (len < 2 || len > 4)
		return;
	memcpy(name, s, len);
	name[len] = '\0';
	if (sscanf(name, "r%2u%n", &nr, &end) == 1 && nr > 7 && nr < 16 &&
	    (!name[end] || (strchr("dwb", name[end]) && !name[end + 1]))) {
		snprintf(ret, 8, "r%u", nr);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(legacy); i++) {
		const char *base = legacy[i];

		/* al, and sil */
		snprintf(low, sizeof(low), "%.*sl", base[1] == 'x' ? 1 : 2, base);
		if (!strcmp(name, base) || !strcmp(name, low) || (strchr("re", *name) && !strcmp(name + 1, base)))
			strcpy(ret, base);
	}
}

/* "-16(%rbp)" */
static char *memory_text(const char *s, size_t len)
{
	bool sign = *s == '+' || *s == '-';
	size_t digits = strspn(s + sign, "0123456789");
	const char *open = s + sign + digits;
	char reg[8], *ret;

	if (len < sign + digits + 4 || open[0] != '(' || open[1] != '%' || s[len - 1] != ')')
		return NULL;
	name_register(open + 2, (size_t)(s + len - 1 - (open + 2)), reg);
	if (!*reg || asprintf(&ret, "%c%.*s(%%%s)", *s == '-' ? '-' : '+', digits ? (int)digits : 1,
			      digits ? s + sign : "0", reg) < 0)
		return NULL;
	return ret;
}

static char *operand_text(const char *s, size_t len)
{
	char reg[8], *ret;

	if (*s != '%')
		return memory_text(s, len);
	name_register(s + 1, len - 1, reg);
	return *reg && asprintf(&ret, "%%%s", reg) >= 0 ? ret : NULL;
}

/* "-4@", "": the type it stands for.  Return: false for what is none. */
static bool type_of(const char *s, size_t len, const char **ret)
{
	static const struct {
		const char *size;
		const char *type;
	} types[] = {
		{"1", "u8"},  {"2", "u16"},  {"4", "u32"},  {"8", "u64"},
		{"-1", "s8"}, {"-2", "s16"}, {"-4", "s32"}, {"-8", "s64"},
	};
	size_t i;

	*ret = NULL;
	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i].size) == len && !memcmp(types[i].size, s, len))
			*ret = types[i].type;
	return *ret;
}

/* Return: 1 added, 0 left out, -ENOMEM */
static int add_arg(struct probe_place *place, unsigned int number, const char *s, size_t len)
{
	const char *at = memchr(s, '@', len), *type = NULL;
	struct place_arg *arg = &place->args[place->nr_args];

	if (at && !type_of(s, (size_t)(at - s), &type))
		return 0;
	if (at) {
		len -= (size_t)(at + 1 - s);
		s = at + 1;
	}
	*arg = (struct place_arg){.value = len ? operand_text(s, len) : NULL};
	if (!arg->value)
		return 0;
	place->nr_args++;
	if (asprintf(&arg->name, "arg%u", number) < 0) {
		arg->name = NULL;
		return -ENOMEM;
	}
	arg->type = type ? strdup(type) : NULL;
	return type && !arg->type ? -ENOMEM : 1;
}

static int add_args(struct probe_place *place, const char *args)
{
	unsigned int number = 0;
	int r = 0;

	/* no more than there are blanks */
	place->args = calloc(strlen(args) / 2 + 1, sizeof(*place->args));
	if (!place->args)
		return -ENOMEM;
	for (args += strspn(args, " "); *args && r >= 0; args += strspn(args, " ")) {
		size_t len = strcspn(args, " ");

		r = add_arg(place, ++number, args, len);
		args += len;
	}
	return r < 0 ? r : 0;
}

/* --- notes ---------------------------------------------------------------------------------- */

static int add_place(const struct sdt_note *note, struct probe_places *places)
{
	struct probe_place *place;

	if (!upr_grow(&places->p, places->nr, &places->cap, sizeof(*places->p)))
		return -ENOMEM;
	place = &places->p[places->nr++];
	*place = (struct probe_place){.addr = note->addr, .semaphore = note->semaphore};
	place->real = strdup(note->name);
	if (!place->real || asprintf(&place->symbol, "sdt_%s", note->provider) < 0) {
		place->symbol = NULL;
		return -ENOMEM;
	}
	return add_args(place, note->args);
}

static bool is_meant(const struct sdt_note *note, const struct perf_def *def)
{
	char group[256];

	if (snprintf(group, sizeof(group), "sdt_%s", note->provider) >= (int)sizeof(group))
		return false;
	return (!def->group || upr_glob_match(def->group, group)) && upr_glob_match(def->event, note->name);
}

static bool same_name(const struct sdt_note *a, const struct sdt_note *b)
{
	return !strcmp(a->provider, b->provider) && !strcmp(a->name, b->name);
}

/* Those of one name together, where the first of them is. */
static int add_all(const struct sdt_notes *notes, const struct perf_def *def, struct probe_places *places)
{
	size_t i, k;
	int r = 0;

	for (i = 0; i < notes->nr && !r; i++) {
		for (k = 0; k < i && !same_name(&notes->v[k], &notes->v[i]); k++)
			;
		if (k < i || !is_meant(&notes->v[i], def))
			continue;
		for (k = i; k < notes->nr && !r; k++)
			if (same_name(&notes->v[k], &notes->v[i]))
				r = add_place(&notes->v[k], places);
	}
	return r;
}

int probe_find_sdt(struct upr_elf *elf, const struct perf_def *def, struct probe_places *places)
{
	struct sdt_notes notes;
	int r = sdt_read(elf, &notes);

	if (!r)
		r = add_all(&notes, def, places);
	sdt_free(&notes);
	return r;
}
