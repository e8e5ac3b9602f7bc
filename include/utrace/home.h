/* SPDX-License-Identifier: GPL-2.0 */
/*
 * utrace/home.h - a home as the tools see it.
 *
 * Purpose: tools start, attach, run and detach through these calls and never
 * include a host.  host/user implements them over ptrace; a client of
 * /dev/utrace will implement the same calls.
 *
 * Context: one thread calls all of them (ptrace belongs to a thread); client
 * callbacks run on that thread, from within upr_home_run(), upr_home_attach()
 * or upr_home_spawn(), with no engine lock held: they may register probes.
 */
#ifndef UTRACE_HOME_H
#define UTRACE_HOME_H

#include <upr-compat.h>
#include <utrace/uprobes.h>

struct upr_home;

/**
 * struct upr_why - what went wrong, for people
 * @text:	one sentence: what, where, what to do next; no newline at the end
 * @status:	exit status that goes with it (1; 127 command not found; 126 not executable)
 */
struct upr_why {
	char text[512];
	int status;
};

enum upr_home_note {
	UPR_NOTE_SETUID,	/* a set-user-ID program runs without its privilege */
	UPR_NOTE_SECCOMP,	/* a filter forbids injected calls: fallback in use */
	UPR_NOTE_UNFOLLOWED,	/* a child could not be followed */
	UPR_NOTE_SIGTRAP,	/* a thread's SIGTRAP state could not be kept */
	UPR_NOTE_KILL,		/* a process would not survive the tool's being killed, and why */
	UPR_NOTE_OTHER,
};

/**
 * struct upr_home_client - what a tool wants to hear
 * @mapped:	@path (as the target names it) is mapped executable in @mm of
 *		process @pid, before the engine hears of it, so that probes registered
 *		here are in time.  @open_path opens the same file from here (through
 *		/proc/PID/map_files or root when namespaces differ); it is valid during
 *		the call.  Called once per (mm, file).
 * @ready:	process @pid has been started up by its dynamic loader: relocations
 *		are done, its entry point is about to run (or it was attached to later)
 * @note:	something worth a line on stderr; the same note once per process
 * @exited:	process @pid (thread group) is gone; @wstatus as wait() gives it
 * Any may be NULL.
 */
struct upr_home_client {
	void (*mapped)(void *data, struct upr_mm *mm, int pid, const char *path, const char *open_path,
		       struct upr_file_key key);
	void (*ready)(void *data, struct upr_mm *mm, int pid);
	void (*note)(void *data, enum upr_home_note note, int pid, const char *text);
	void (*exited)(void *data, int pid, int wstatus);
};

/**
 * struct upr_home_options
 * @no_inherit:	children are let go (their text restored) as they are born
 * @pin:	keep target and tool on one CPU (changes the target's affinity; the
 *		original mask is put back on detach)
 */
struct upr_home_options {
	bool no_inherit;
	bool pin;
};

struct upr_home *upr_home_open(struct upr_session *session, const struct upr_home_client *client, void *data,
			       const struct upr_home_options *options);

/**
 * upr_home_file_key() - identity that mappings of @path will be reported with
 * (asked of the kernel by mapping the file: st_dev is not what maps shows on
 * overlayfs and btrfs).  Return: 0 or -errno.
 */
int upr_home_file_key(const char *path, struct upr_file_key *ret);

/**
 * upr_home_attach() - all threads of a running process, and whoever shares its
 * address space.  Arming is done when it returns, or on failure nothing has
 * changed.  Return: 0; -errno with @why filled in.
 */
int upr_home_attach(struct upr_home *home, int pid, struct upr_why *why);

/**
 * upr_home_spawn() - start a command, held before its first instruction, then
 * let it run at the first upr_home_run()
 * @ret: its pid.  Return: 0; -errno with @why (status 127, 126 as a shell).
 */
int upr_home_spawn(struct upr_home *home, char *const argv[], int *ret, struct upr_why *why);

/**
 * upr_home_run() - handle events
 * @timeout_ms:	-1 forever
 * Signals of the tool itself end the wait early.  Return: 1 events were handled; 0 timeout or signal;
 * -ECHILD no task is left.
 */
int upr_home_run(struct upr_home *home, int timeout_ms);

/**
 * upr_home_release() - let all processes go, with everything that is in them
 * Only while every place that is armed is a jump: then they go on counting with nobody at
 * their side.  What they execute or load from now on is not followed, children go on counting
 * unseen.  upr_home_run() then waits for the end of the processes alone.
 * Return: 0; -EAGAIN some program is still being started up: try again when something has happened;
 * -EBUSY with @why: it would harm them, they stay.
 */
int upr_home_release(struct upr_home *home, struct upr_why *why);

/**
 * upr_home_reattach() - come back to those that were let go, and to children that nobody has seen
 * Stops them; what follows is upr_home_detach(), which does it by itself if it is not
 * called before.  Processes that have executed another program have nothing of ours.
 * Return: 0; -errno with @why of the first that could not be had: what is in it stays, and does no harm.
 */
int upr_home_reattach(struct upr_home *home, struct upr_why *why);

/** upr_home_sync() - after registrations: run until all address spaces are armed.  Return 0, -errno. */
int upr_home_sync(struct upr_home *home);

/**
 * upr_home_detach() - disarm and let everything go; processes go on as if
 * nothing had been.  Idempotent.  Return: 0, or -errno of the first process that could not be cleaned.
 */
int upr_home_detach(struct upr_home *home);

void upr_home_close(struct upr_home *home);

/**
 * struct upr_repaired - what upr_home_repair() has done
 * @places:	of text that are the file's again
 * @pieces:	of memory taken out
 * @kept:	memory stays mapped, because some thread may still return there
 * @handler_kept: so does the handler for SIGTRAP, because the program has set actions meanwhile, and may put one back
 *		in place of which sigaction() has shown it
 */
struct upr_repaired {
	unsigned int places;
	unsigned int pieces;
	bool kept;
	bool handler_kept;
};

/**
 * upr_home_repair() - take away what a killed tool has left in process @pid
 * @home: one that is not used for anything else.
 * The process is let go again.  Return: 0; -errno with @why.
 */
int upr_home_repair(struct upr_home *home, int pid, struct upr_repaired *ret, struct upr_why *why);

/**
 * upr_home_mem_read() - memory of a stopped or running process, our own
 * breakpoints taken out.  Return: 0, -errno.
 */
int upr_home_mem_read(struct upr_home *home, struct upr_mm *mm, u64 addr, void *buf, size_t len);

/**
 * upr_home_each_map() - current executable file mappings of @mm's process
 */
int upr_home_each_map(struct upr_home *home, struct upr_mm *mm,
		      int (*fn)(void *data, u64 start, u64 end, u64 offset, const char *path, struct upr_file_key key),
		      void *data);

#endif /* UTRACE_HOME_H */
