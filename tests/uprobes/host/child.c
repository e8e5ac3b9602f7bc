// SPDX-License-Identifier: GPL-2.0
/*
 * child.c - a target program with its standard input and output in our hands.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_MS 60000 /* without a word */

void child_start(struct child *c, char *const argv[])
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		abort();
	c->pid = fork();
	if (c->pid < 0)
		abort();
	if (!c->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execv(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c->in = in[1];
	c->out = fdopen(out[0], "r");
	/* poll() knows what there is still to be read */
	setvbuf(c->out, NULL, _IONBF, 0);
	snprintf(c->first, sizeof(c->first), "%.63s", child_line(c));
}

const char *child_first(const struct child *c)
{
	return c->first;
}

const char *child_line(struct child *c)
{
	static char line[4096];

	if (!fgets(line, sizeof(line), c->out))
		return "";
	line[strcspn(line, "\n")] = 0;
	return line;
}

void child_say(struct child *c, const char *line)
{
	if (write(c->in, line, strlen(line)) < 0 || write(c->in, "\n", 1) < 0)
		perror("# write to the target");
}

/* To the end of the pipe.  A program that does not get there is killed: its status will tell. */
static size_t read_rest(struct child *c, char *buf, size_t room)
{
	struct pollfd fd = {.fd = fileno(c->out), .events = POLLIN};
	size_t len = 0;
	ssize_t n;

	while (len < room) {
		n = poll(&fd, 1, END_MS);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			printf("# process %d does not come to its end\n", c->pid);
			kill(c->pid, SIGKILL);
			break;
		}
		n = read(fd.fd, buf + len, room - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return len;
}

char *child_end(struct child *c, int *status)
{
	char *buf = calloc(1, 65536);

	close(c->in);
	if (!buf)
		abort();
	read_rest(c, buf, 65535);
	fclose(c->out);
	waitpid(c->pid, status, 0);
	return buf;
}

char *read_proc(pid_t pid, const char *name)
{
	size_t room = 1 << 20, len = 0;
	char path[64], *buf = malloc(room);
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && len + 1 < room && (n = read(fd, buf + len, room - 1 - len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		close(fd);
	buf[len] = 0;
	return buf;
}

unsigned char *read_text(pid_t pid, size_t *len)
{
	char *maps = read_proc(pid, "maps"), *line, *save = NULL, path[64], perms[8];
	unsigned char *buf = NULL;
	unsigned long start, end, ino;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	*len = 0;
	for (line = strtok_r(maps, "\n", &save); line && fd >= 0; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%lx-%lx %7s %*x %*x:%*x %lu", &start, &end, perms, &ino) != 4)
			continue;
		if (perms[2] != 'x' || !ino)
			continue;
		buf = realloc(buf, *len + (end - start));
		if (pread(fd, buf + *len, end - start, (off_t)start) != (ssize_t)(end - start))
			memset(buf + *len, 0xee, end - start);
		*len += end - start;
	}
	if (fd >= 0)
		close(fd);
	free(maps);
	return buf;
}

int untraced(pid_t pid)
{
	char *status = read_proc(pid, "status"), *at = strstr(status, "TracerPid:\t");
	int r = at && atoi(at + 11) == 0;

	free(status);
	return r;
}
