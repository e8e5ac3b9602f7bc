// SPDX-License-Identifier: GPL-2.0
/*
 * objdump-compare - instruction lengths against binutils.
 *
 * Purpose: a second opinion beside Zydis.  Reads `objdump -d` of each file and
 * decodes the bytes of every line, which have to be one whole instruction.
 * Excused: objdump joins fwait (9b) to the x87 instruction behind it, and what
 * it calls (bad) is compared as invalid or not at all.
 *
 * Single-threaded; no locks.
 */
#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include <upr-compat.h>
#include <utrace/insn.h>
#include "../tap.h"

static unsigned long compared, differ, bad;

/* "  401000:\tf3 0f 1e fa          \tendbr64" */
static void compare_line(const char *line)
{
	const char *p = strstr(line, ":\t"), *text;
	struct upr_insn insn;
	u8 bytes[16];
	size_t n = 0;
	int err;

	if (!p || !isxdigit((unsigned char)p[2]))
		return;
	for (p += 2; n < sizeof(bytes) && isxdigit((unsigned char)p[0]); p += 2 + (p[2] == ' '))
		bytes[n++] = strtoul((char[]){p[0], p[1], 0}, NULL, 16);
	text = strchr(p, '\t');
	if (!n || !text)
		return;
	if (strstr(text, "(bad)")) {
		bad++;
		return;
	}
	if (bytes[0] == 0x9b)
		return;
	compared++;
	err = upr_insn_decode(&insn, bytes, n, UPR_INSN_64);
	if (!err && insn.length == n)
		return;
	if (differ++ < 20)
		diag("%s: we say %d", strtok((char *)line, "\n"), err ? err : insn.length);
}

int main(int argc, char **argv)
{
	int i;

	if (argc < 2) {
		fprintf(stderr, "usage: objdump-compare FILE...\n");
		return 2;
	}
	for (i = 1; i < argc; i++) {
		unsigned long before = differ, count = compared;
		char command[600], line[1024];
		FILE *in;

		if (access(argv[i], R_OK)) {
			skip(argv[i], "not installed here");
			continue;
		}
		snprintf(command, sizeof(command), "objdump -d -w -j .text --insn-width=16 '%s' 2>/dev/null", argv[i]);
		in = popen(command, "r");
		if (!in) {
			ok(0, "objdump %s", argv[i]);
			continue;
		}
		while (fgets(line, sizeof(line), in))
			compare_line(line);
		if (pclose(in))
			skip(argv[i], "objdump cannot read it");
		else
			ok(differ == before && compared > count, "%s: %lu lengths as objdump says", argv[i],
			   compared - count);
	}
	diag("%lu lines objdump could not decode", bad);
	return done_testing();
}
