// SPDX-License-Identifier: GPL-2.0
/*
 * event-registry.c - the user's own list of events, and the kernel's.
 *
 * Purpose: see event-registry.h.  A file that is replaced and not written to is whole for whoever
 * reads it at any time, also after this process or the machine has died half-way.
 *
 * Locks: see event-registry.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "event-registry.h"
#include "symbol-priv.h"
#include "ui.h"

/* Others hold the lock for as long as it takes to resolve what has moved. */
#define LOCK_WAIT_MS 30000
#define LOCK_STEP_MS 5

#define FILE_MAX     (256 << 20)

/* --- where -------------------------------------------------------------------------- */

static bool find_path(char *buf, size_t len)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	if (state && *state == '/')
		n = snprintf(buf, len, "%s/perf-uprobe/events", state);
	else if (home && *home)
		n = snprintf(buf, len, "%s/.local/state/perf-uprobe/events", home);
	else
		n = 0;
	if (n > 0 && (size_t)n < len)
		return true;
	*buf = '\0';
	return false;
}

/* The file itself where the name is a symbolic link: it is to stay one. */
static void follow_links(char *path)
{
	char *real = realpath(path, NULL);

	if (real && strlen(real) < PATH_MAX)
		strcpy(path, real);
	free(real);
}

static int make_directories(const char *path)
{
	char part[PATH_MAX], *slash = part;

	strcpy(part, path);
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (mkdir(part, 0700)) {
			int r = -errno;

			/* one that may not be made may be there */
			if (access(part, F_OK))
				return r;
		}
		*slash = '/';
	}
	return 0;
}

static int cannot(struct upr_error *err, int r, const char *what, const char *path)
{
	return upr_error_set(err, r == -EACCES || r == -EPERM || r == -EROFS ? UPR_ERR_PERMISSION : UPR_ERR_SYSTEM, -r,
			     "cannot %s %s: %s; XDG_STATE_HOME names another directory for it", what, path,
			     strerror(-r));
}

/* --- reading ------------------------------------------------------------------------------ */

/* A whole text, "" if there is no such file; NULL with errno. */
static char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), saved;
	size_t len = 0, cap = 0;
	char *buf = NULL;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? strdup("") : NULL;
	do {
		/* lists in tracefs do not tell their size */
		if (!upr_grow(&buf, len, &cap, 1) || len > FILE_MAX) {
			errno = len > FILE_MAX ? EFBIG : ENOMEM;
			n = -1;
			break;
		}
		n = read(fd, buf + len, cap - len);
		len += n > 0 ? n : 0;
	} while (n > 0);
	saved = errno;
	close(fd);
	if (n == 0 && upr_grow(&buf, len, &cap, 1)) {
		char *nul;

		buf[len] = '\0';
		/* a line with a NUL in it is none */
		while ((nul = memchr(buf, '\0', len)))
			*nul = '?';
		return buf;
	}
	free(buf);
	errno = saved;
	return NULL;
}

static int read_list(struct event_registry *reg, struct upr_error *err)
{
	char *text = read_text(reg->path);
	int r = text ? stored_events_parse(&reg->list, text, false, &reg->skipped) : -errno;

	free(text);
	return r ? cannot(err, r, "read", reg->path) : 0;
}

int event_registry_read(struct event_registry *reg, struct upr_error *err)
{
	*reg = (struct event_registry){.lock = -1};
	if (!find_path(reg->path, sizeof(reg->path)))
		return 0;
	return read_list(reg, err);
}

void event_registry_tell_skipped(const struct event_registry *reg)
{
	if (reg->skipped)
		ui_note("%zu line%s of %s make%s no sense and %s left out; was it cut off?", reg->skipped,
			reg->skipped == 1 ? "" : "s", reg->path, reg->skipped == 1 ? "s" : "",
			reg->skipped == 1 ? "is" : "are");
}

/* --- writing -------------------------------------------------------------------------------- */

static int take_lock(const struct event_registry *reg, struct upr_error *err)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000};
	char path[PATH_MAX + 8];
	int fd, left = LOCK_WAIT_MS / LOCK_STEP_MS;

	snprintf(path, sizeof(path), "%s.lock", reg->path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return cannot(err, -errno, "write", path);
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		int r = -errno;

		if (r == -EWOULDBLOCK && left--) {
			nanosleep(&step, NULL);
			continue;
		}
		close(fd);
		if (r == -EWOULDBLOCK)
			return upr_error_set(
				err, UPR_ERR_SYSTEM, EBUSY,
				"another process has been holding %s for %d seconds; see who by `fuser %s'", path,
				LOCK_WAIT_MS / 1000, path);
		return cannot(err, r, "lock", path);
	}
	return fd;
}

int event_registry_lock(struct event_registry *reg, struct upr_error *err)
{
	int r;

	*reg = (struct event_registry){.lock = -1};
	if (!find_path(reg->path, sizeof(reg->path)))
		return upr_error_set(err, UPR_ERR_NO_FILE, ENOENT,
				     "neither XDG_STATE_HOME nor HOME says where events are kept; set one of them");
	r = make_directories(reg->path);
	if (r)
		return cannot(err, r, "make the directory of", reg->path);
	follow_links(reg->path);
	reg->lock = take_lock(reg, err);
	return reg->lock < 0 ? reg->lock : read_list(reg, err);
}

static int write_file(const struct event_registry *reg, const char *temp, int fd)
{
	FILE *out = fdopen(fd, "w");
	int r = 0;

	if (!out) {
		close(fd);
		return -ENOMEM;
	}
	stored_events_print(&reg->list, out);
	errno = 0;
	if (fflush(out) || ferror(out) || fsync(fd))
		r = errno ? -errno : -EIO;
	if (fclose(out) && !r)
		r = -errno;
	return r || !rename(temp, reg->path) ? r : -errno;
}

int event_registry_write(struct event_registry *reg, struct upr_error *err)
{
	char temp[PATH_MAX + 8];
	int fd, r;

	/* there is one writer; what it left when it was killed is written over */
	snprintf(temp, sizeof(temp), "%s.new", reg->path);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return cannot(err, -errno, "write", reg->path);
	r = write_file(reg, temp, fd);
	if (!r)
		return 0;
	unlink(temp);
	return cannot(err, r, "write", reg->path);
}

void event_registry_unlock(struct event_registry *reg)
{
	if (reg->lock >= 0)
		close(reg->lock);
	reg->lock = -1;
}

void event_registry_close(struct event_registry *reg)
{
	stored_events_free(&reg->list);
	event_registry_unlock(reg);
}

/* --- the kernel's ------------------------------------------------------------------------------ */

static const char *const kernel_lists[] = {
	"/sys/kernel/tracing/uprobe_events",
	"/sys/kernel/debug/tracing/uprobe_events",
};

int kernel_events_read(struct stored_events *list)
{
	size_t i, before = list->nr;
	int r = 0;

	/* the second path shows the same list */
	for (i = 0; i < ARRAY_SIZE(kernel_lists) && !r && list->nr == before; i++) {
		char *text = read_text(kernel_lists[i]);

		if (text)
			r = stored_events_parse(list, text, true, NULL);
		free(text);
	}
	return r;
}

int kernel_event_remove(const struct stored_event *ev)
{
	char line[2 * UPR_EVENT_NAME_MAX + 8];
	int fd = -1, r = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kernel_lists) && fd < 0; i++)
		fd = open(kernel_lists[i], O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(line, sizeof(line), "-:%s/%s", ev->group, ev->event);
	if (write(fd, line, strlen(line)) < 0)
		r = -errno;
	close(fd);
	return r;
}
