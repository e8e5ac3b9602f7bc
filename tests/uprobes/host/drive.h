/* SPDX-License-Identifier: GPL-2.0 */
/*
 * drive.h - a tool in miniature: counts functions of a target through the home.
 *
 * Purpose: what the tests of the ptrace home drive it with; it has no option
 * parser and no table to print.
 */
#ifndef TESTS_HOST_DRIVE_H
#define TESTS_HOST_DRIVE_H

#include <upr-compat.h>
#include <utrace/home.h>

#define DRIVE_MAX 64

struct drive_probe {
	const char *file; /* last part of the mapped path */
	const char *symbol;
	u8 clear; /* bytes from the entry that nothing branches into, as an analysis would find */
	struct upr_consumer consumer;
	struct upr_probe *probe;
	bool registered;
	u64 offset;
	u8 code[UPR_INSN_MAX];
	struct upr_mm *seen; /* for the tests' own use */
	void (*hit)(struct drive_probe *p, struct utrace_task *task, u64 addr);
};

struct drive {
	struct upr_session *session;
	struct upr_home *home;
	struct upr_why why;
	struct drive_probe probes[DRIVE_MAX];
	unsigned int nr_probes;
	int pid;     /* of the command */
	int wstatus; /* how it ended */
	bool ended;
	unsigned int exits;
	unsigned int notes[UPR_NOTE_OTHER + 1];
	unsigned int readies;
	struct upr_mm *mm; /* that was ready last */
	char note[512];
	bool quiet;
	void (*mapped)(struct drive *d, int pid); /* NULL, or called when a process is seen to have mapped a file */
};

void drive_open(struct drive *d, enum upr_mode mode, const struct upr_home_options *options);
struct drive_probe *drive_count(struct drive *d, const char *file, const char *symbol);
int drive_spawn(struct drive *d, char *const argv[]);
int drive_attach(struct drive *d, int pid);
/* until no task is left, or the command (d->pid) has ended; bounded */
int drive_until_end(struct drive *d, unsigned int timeout_ms);
/* for that long, or until @done */
void drive_for(struct drive *d, unsigned int ms);
bool drive_until(struct drive *d, bool (*done)(void *data), void *data, unsigned int timeout_ms);
int drive_close(struct drive *d);
s64 drive_hits(const struct drive_probe *p);

/* file offset of a function, UPR_INSN_MAX of its bytes and their width; 0: there is none */
u64 drive_find(const char *path, const char *name, u8 *code, enum upr_insn_mode *mode);

/* path of a target program: beside the test */
const char *target_path(const char *name);
/* why 32-bit programs cannot be run here; NULL if they can */
const char *no_32(void);
/* run a function of a target program with its standard output read: returns it, to be freed */
int pipe_stdout(int *saved);
char *drain_stdout(int fd, int saved);

u64 now_ms(void);

#endif /* TESTS_HOST_DRIVE_H */
