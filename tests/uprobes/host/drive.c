// SPDX-License-Identifier: GPL-2.0
/*
 * drive.c - a tool in miniature: counts functions of a target through the home.
 */
#include "drive.h"

#include <elf.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

const char *target_path(const char *name)
{
	static char path[PATH_MAX];
	char exe[PATH_MAX] = "";

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		abort();
	snprintf(path, sizeof(path), "%.3000s/%s", dirname(exe), name);
	return path;
}

/* posix_spawn() does not have a shell try what the kernel cannot execute */
const char *no_32(void)
{
	char *argv[] = {strdup(target_path("start32")), NULL};
	pid_t pid;
	int err = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);

	free(argv[0]);
	if (!err)
		waitpid(pid, NULL, 0);
	return err == ENOENT  ? "the compiler makes no 32-bit programs" :
	       err == ENOEXEC ? "this machine runs no 32-bit programs" :
				NULL;
}

int pipe_stdout(int *saved)
{
	int fds[2];

	fflush(stdout);
	if (pipe2(fds, O_CLOEXEC))
		abort();
	*saved = fcntl(1, F_DUPFD_CLOEXEC, 10);
	dup2(fds[1], 1);
	close(fds[1]);
	return fds[0];
}

char *drain_stdout(int fd, int saved)
{
	char *buf = calloc(1, 65536);
	ssize_t n, len = 0;

	dup2(saved, 1);
	close(saved);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (buf && (n = read(fd, buf + len, 65535 - (size_t)len)) > 0)
		len += n;
	close(fd);
	return buf;
}

/* --- symbols: enough for programs of our own ------------------------------------- */

static u64 offset_of(const u8 *p, u64 vaddr)
{
	const Elf64_Ehdr *eh = (const void *)p;
	const Elf64_Phdr *ph = (const void *)(p + eh->e_phoff);
	int i;

	for (i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && vaddr >= ph[i].p_vaddr && vaddr - ph[i].p_vaddr < ph[i].p_filesz)
			return ph[i].p_offset + (vaddr - ph[i].p_vaddr);
	return 0;
}

static u64 offset_of_32(const u8 *p, u64 vaddr)
{
	const Elf32_Ehdr *eh = (const void *)p;
	const Elf32_Phdr *ph = (const void *)(p + eh->e_phoff);
	int i;

	for (i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && vaddr >= ph[i].p_vaddr && vaddr - ph[i].p_vaddr < ph[i].p_filesz)
			return ph[i].p_offset + (vaddr - ph[i].p_vaddr);
	return 0;
}

static u64 find_64(const u8 *p, const char *name)
{
	const Elf64_Ehdr *eh = (const void *)p;
	const Elf64_Shdr *sh = (const void *)(p + eh->e_shoff);
	int i;
	u64 k;

	for (i = 0; i < eh->e_shnum; i++) {
		const Elf64_Sym *sym = (const void *)(p + sh[i].sh_offset);
		const char *str;

		if (sh[i].sh_type != SHT_SYMTAB && sh[i].sh_type != SHT_DYNSYM)
			continue;
		str = (const char *)p + sh[sh[i].sh_link].sh_offset;
		for (k = 0; k < sh[i].sh_size / sizeof(*sym); k++)
			if (sym[k].st_shndx && !strcmp(str + sym[k].st_name, name))
				return offset_of(p, sym[k].st_value);
	}
	return 0;
}

static u64 find_32(const u8 *p, const char *name)
{
	const Elf32_Ehdr *eh = (const void *)p;
	const Elf32_Shdr *sh = (const void *)(p + eh->e_shoff);
	int i;
	u64 k;

	for (i = 0; i < eh->e_shnum; i++) {
		const Elf32_Sym *sym = (const void *)(p + sh[i].sh_offset);
		const char *str;

		if (sh[i].sh_type != SHT_SYMTAB && sh[i].sh_type != SHT_DYNSYM)
			continue;
		str = (const char *)p + sh[sh[i].sh_link].sh_offset;
		for (k = 0; k < sh[i].sh_size / sizeof(*sym); k++)
			if (sym[k].st_shndx && !strcmp(str + sym[k].st_name, name))
				return offset_of_32(p, sym[k].st_value);
	}
	return 0;
}

u64 drive_find(const char *path, const char *name, u8 *code, enum upr_insn_mode *mode)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	u64 off = 0;
	u8 *p;

	if (fd < 0 || fstat(fd, &st))
		return 0;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return 0;
	*mode = p[EI_CLASS] == ELFCLASS32 ? UPR_INSN_32 : UPR_INSN_64;
	off = *mode == UPR_INSN_32 ? find_32(p, name) : find_64(p, name);
	if (off)
		memcpy(code, p + off, UPR_INSN_MAX);
	munmap(p, (size_t)st.st_size);
	return off;
}

/* --- the client -------------------------------------------------------------------- */

static void on_hit(struct upr_consumer *consumer, struct utrace_task *task, u64 addr)
{
	struct drive_probe *p = container_of(consumer, struct drive_probe, consumer);

	if (p->hit)
		p->hit(p, task, addr);
}

static void register_one(struct drive *d, struct drive_probe *p, const char *path, struct upr_file_key key)
{
	struct upr_facts facts = {.len = UPR_INSN_MAX, .clear = p->clear};
	enum upr_insn_mode mode;
	u64 off = drive_find(path, p->symbol, p->code, &mode);
	int r;

	if (!off) {
		fprintf(stderr, "# no %s in %s\n", p->symbol, path);
		return;
	}
	p->consumer.hit = p->hit ? on_hit : NULL;
	memcpy(facts.code, p->code, sizeof(p->code));
	r = upr_register_facts(d->session, key, off, &facts, mode, &p->consumer, &p->probe);
	if (r)
		fprintf(stderr, "# %s in %s: error %d\n", p->symbol, path, r);
	p->registered = !r;
	p->offset = off;
}

static void mapped(void *data, struct upr_mm *mm, int pid, const char *path, const char *open_path,
		   struct upr_file_key key)
{
	struct drive *d = data;
	const char *base = strrchr(path, '/');
	unsigned int i;

	(void)mm;
	if (d->mapped)
		d->mapped(d, pid);
	base = base ? base + 1 : path;
	for (i = 0; i < d->nr_probes; i++)
		if (!d->probes[i].registered && !strcmp(base, d->probes[i].file))
			register_one(d, &d->probes[i], open_path, key);
}

static void ready(void *data, struct upr_mm *mm, int pid)
{
	struct drive *d = data;

	(void)pid;
	d->mm = mm;
	d->readies++;
}

static void note(void *data, enum upr_home_note note, int pid, const char *text)
{
	struct drive *d = data;

	d->notes[note]++;
	snprintf(d->note, sizeof(d->note), "%s", text);
	if (!d->quiet)
		fprintf(stderr, "# note %d for %d: %s\n", note, pid, text);
}

static void exited(void *data, int pid, int wstatus)
{
	struct drive *d = data;

	d->exits++;
	if (pid != d->pid)
		return;
	d->ended = true;
	d->wstatus = wstatus;
}

static const struct upr_home_client client = {
	.mapped = mapped,
	.ready = ready,
	.note = note,
	.exited = exited,
};

void drive_open(struct drive *d, enum upr_mode mode, const struct upr_home_options *options)
{
	memset(d, 0, sizeof(*d));
	d->session = upr_session_new(mode);
	d->home = upr_home_open(d->session, &client, d, options);
	if (!d->session || !d->home)
		abort();
}

struct drive_probe *drive_count(struct drive *d, const char *file, const char *symbol)
{
	struct drive_probe *p = &d->probes[d->nr_probes++];

	p->file = file;
	p->symbol = symbol;
	return p;
}

s64 drive_hits(const struct drive_probe *p)
{
	return atomic64_read(&p->consumer.hits);
}

int drive_spawn(struct drive *d, char *const argv[])
{
	int r = upr_home_spawn(d->home, argv, &d->pid, &d->why);

	if (r)
		fprintf(stderr, "# %s\n", d->why.text);
	return r;
}

int drive_attach(struct drive *d, int pid)
{
	int r = upr_home_attach(d->home, pid, &d->why);

	if (r && !d->quiet)
		fprintf(stderr, "# %s\n", d->why.text);
	return r;
}

bool drive_until(struct drive *d, bool (*done)(void *data), void *data, unsigned int timeout_ms)
{
	u64 end = now_ms() + timeout_ms;

	while (!done(data)) {
		u64 now = now_ms();

		if (now >= end)
			return false;
		/* what it waits for may be no event: a line that the program prints */
		if (upr_home_run(d->home, (int)min(end - now, (u64)5)) < 0)
			return done(data);
	}
	return true;
}

static bool has_ended(void *data)
{
	struct drive *d = data;

	return d->ended;
}

int drive_until_end(struct drive *d, unsigned int timeout_ms)
{
	return drive_until(d, has_ended, d, timeout_ms) ? 0 : -ETIMEDOUT;
}

static bool never(void *data)
{
	(void)data;
	return false;
}

void drive_for(struct drive *d, unsigned int ms)
{
	drive_until(d, never, NULL, ms);
}

int drive_close(struct drive *d)
{
	unsigned int i;
	int r;

	r = upr_home_detach(d->home);
	upr_home_close(d->home);
	for (i = 0; i < d->nr_probes; i++)
		if (d->probes[i].registered)
			upr_unregister(d->session, &d->probes[i].consumer);
	upr_sync(d->session);
	upr_session_free(d->session);
	return r;
}
