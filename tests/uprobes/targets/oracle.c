// SPDX-License-Identifier: GPL-2.0
/*
 * oracle.c - counts how often instructions are executed, by single-stepping.
 *
 * oracle LIST OUT COMMAND...	LIST has lines "PATH OFFSET" (file offset, hexadecimal); OUT gets them
 *				back with a count appended
 * oracle --plain COMMAND...	the same circumstances (address layout, environment, libraries), not stepped
 *
 * The command is one thread; it is stepped from where the program proper begins (its libraries
 * are loaded by then) to its last instruction.  A string instruction with a
 * repeat prefix counts once, however many iterations it makes.
 *
 * The status is the command's, 125 for a failure of our own.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stepper.h"

#define FAILED 125

static void die(const char *what)
{
	fprintf(stderr, "oracle: %s: %s\n", what, strerror(errno));
	exit(FAILED);
}

/* Address of a file offset in the process, 0 if it was not mapped executable. */
static uint64_t address_of(const struct stepper_table *table, const char *path, uint64_t offset)
{
	char perm[8], file[PATH_MAX];
	uint64_t start, end, off;
	const char *line;

	for (line = table->maps; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %4095s", &start, &end, perm, &off,
			   file) < 5)
			continue;
		if (perm[2] == 'x' && !strcmp(file, path) && offset >= off && offset - off < end - start)
			return start + offset - off;
	}
	return 0;
}

/* Is it a string instruction with a repeat prefix?  Other prefixes may stand around that. */
static int is_repeated(const char *path, uint64_t offset)
{
	unsigned char code[16] = {0};
	int fd = open(path, O_RDONLY), i, rep = 0;

	if (fd < 0 || pread(fd, code, sizeof(code), offset) < 1)
		die(path);
	close(fd);
	for (i = 0; i < 14; i++) {
		rep |= code[i] == 0xf3 || code[i] == 0xf2;
		if (!memchr("\xf3\xf2\x66\x67\x2e\x36\x3e\x26\x64\x65", code[i], 10) && (code[i] & 0xf0) != 0x40)
			break;
	}
	return rep && ((code[i] >= 0xa4 && code[i] <= 0xa7) || (code[i] >= 0xaa && code[i] <= 0xaf) ||
		       (code[i] >= 0x6c && code[i] <= 0x6f));
}

static void report(struct stepper_table *table, const char *list, const char *out)
{
	FILE *in = fopen(list, "r"), *to = fopen(out, "w");
	char real[PATH_MAX], path[4096];
	uint64_t offset;

	if (!in || !to)
		die(in ? out : list);
	while (fscanf(in, "%4095s %" SCNx64, path, &offset) == 2) {
		uint64_t addr = address_of(table, realpath(path, real) ? real : path, offset), count = 0;
		struct stepper_visit *v = addr ? stepper_find(table, addr) : NULL;

		if (v && v->addr)
			count = v->count - (is_repeated(path, offset) ? v->again : 0);
		fprintf(to, "%s %" PRIx64 " %" PRIu64 "\n", path, offset, count);
	}
	if (fclose(to))
		die(out);
	fclose(in);
}

/* The library lies beside us. */
static void preload(void)
{
	char self[PATH_MAX] = "", path[PATH_MAX + 32];

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		die("/proc/self/exe");
	snprintf(path, sizeof(path), "%s/libstepper.so", dirname(self));
	setenv("LD_PRELOAD", path, 1);
}

static void run(char **argv, const char *table_path)
{
	preload();
	setenv(STEPPER_ENV, table_path, 1);
	personality(ADDR_NO_RANDOMIZE);
	execvp(argv[0], argv);
	die(argv[0]);
}

int main(int argc, char **argv)
{
	/* of the same length, so that the stack lies the same */
	char path[] = "/tmp/stepper-XXXXXX";
	struct stepper_table *table;
	int status, fd;
	pid_t pid;

	if (argc > 2 && !strcmp(argv[1], "--plain"))
		run(argv + 2, "/tmp/stepper-//////");
	if (argc < 4) {
		fprintf(stderr, "usage: oracle LIST OUT COMMAND...\n       oracle --plain COMMAND...\n");
		return FAILED;
	}
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, sizeof(*table)))
		die(path);
	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (table == MAP_FAILED)
		die("mmap");
	pid = fork();
	if (!pid)
		run(argv + 3, path);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("waitpid");
	unlink(path);
	if (!table->used) {
		fprintf(stderr, "oracle: the command was not stepped\n");
		return FAILED;
	}
	report(table, argv[1], argv[2]);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
