/* SPDX-License-Identifier: GPL-2.0 */
/* targets.h - finds the compiled targets beside the test: DIR/t of DIR/test-NAME. */
#ifndef SYMBOLS_TARGETS_H
#define SYMBOLS_TARGETS_H

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../../tools/perf/util/probe-event.h"
#include "../tap.h"

static char targets_dir[PATH_MAX / 2];

/** targets_init() - call first, with argv[0] */
static void targets_init(const char *self)
{
	char real[PATH_MAX], *slash;

	if (!realpath(self, real))
		skip_all("cannot tell where the targets are");
	slash = strrchr(real, '/');
	*slash = '\0';
	snprintf(targets_dir, sizeof(targets_dir), "%.*s/t", (int)sizeof(targets_dir) - 3, real);
}

/** target() - path of a target; four may be in use at a time */
__attribute__((unused)) static const char *target(const char *name)
{
	static char paths[4][PATH_MAX];
	static int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", targets_dir, name);
	return path;
}

/** target_open() - open a target; NULL after a named skip when it cannot be built here */
__attribute__((unused)) static struct upr_elf *target_open(const char *name)
{
	struct upr_error err = {0};
	char reason[256] = "";
	struct upr_elf *elf;
	char skipped[300];
	FILE *f;

	snprintf(skipped, sizeof(skipped), "%s.skip", name);
	f = fopen(target(skipped), "r");
	if (f) {
		if (fgets(reason, sizeof(reason), f))
			reason[strcspn(reason, "\n")] = '\0';
		fclose(f);
		skip(name, *reason ? reason : "not built");
		return NULL;
	}
	elf = upr_elf_open(target(name), &err);
	if (!elf) {
		ok(0, "%s opens", name);
		diag("%s", err.text);
	}
	return elf;
}

/** is_str() - two strings are equal */
__attribute__((unused)) static int is_str(const char *got, const char *want, const char *name)
{
	int same = ok(got && !strcmp(got, want), "%s", name);

	if (!same) {
		diag("got  %s", got ? got : "(null)");
		diag("want %s", want);
	}
	return same;
}

/** one_func() - the only function of this name, or NULL after a failure */
__attribute__((unused)) static const struct upr_func *one_func(struct upr_elf *elf, const char *name)
{
	const struct upr_func *ret = NULL;
	struct upr_matches m = {0};
	struct upr_error err;

	if (!upr_elf_find(elf, name, &m, &err) && m.nr == 1)
		ret = m.m[0].func;
	else
		ok(0, "one function %s in %s, not %zu", name, upr_elf_info(elf)->name, m.nr);
	upr_matches_free(&m);
	return ret;
}

#endif /* SYMBOLS_TARGETS_H */
