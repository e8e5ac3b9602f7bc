// SPDX-License-Identifier: GPL-2.0
/*
 * test-files.c - what -x FILE finds, and files of running processes: other
 * mount namespaces, deleted files, refusals.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "targets.h"

static void check_fits(const char *name, const char *base, bool want)
{
	ok(upr_lib_name_fits(name, base) == want, "%s %s %s", name, want ? "means" : "does not mean", base);
}

static void test_fits(void)
{
	check_fits("libc", "libc.so.6", true);
	check_fits("c", "libc.so.6", true);
	check_fits("libc.so", "libc.so.6", true);
	check_fits("libc.so.6", "libc.so.6", true);
	check_fits("libc", "libc-2.31.so", true);
	check_fits("stdc++", "libstdc++.so.6", true);
	check_fits("libpython3.11", "libpython3.11.so.1.0", true);
	check_fits("libc", "libc++.so.1", false);
	check_fits("libc", "libcrypto.so.3", false);
	check_fits("libc.so.6", "libc.so.60", false);
	check_fits("c", "c.so", true);
	check_fits("ib", "libc.so.6", false);
	check_fits("libc", "libc.a", false);
}

/* upr_elf_file_find() and upr_elf_open(); the end of the path that is opened. */
static void check_find(const char *name, const char *want)
{
	struct upr_error err = {0};
	char *path = NULL, real[PATH_MAX] = "";
	struct upr_elf *elf;
	size_t len = strlen(want);

	if (upr_elf_file_find(name, &path, &err)) {
		ok(0, "%s is found", name);
		diag("%s", err.text);
		return;
	}
	elf = upr_elf_open(path, &err);
	if (!ok(elf && realpath(path, real) && strlen(real) >= len && strstr(real, want), "%s is found: %s", name,
		path))
		diag("%s %s", real, err.text);
	upr_elf_close(elf);
	free(path);
}

static void test_find(void)
{
	struct upr_error err = {0};
	char *path = NULL, dir[PATH_MAX];

	check_find("libc.so.6", "/libc.so.6");
	check_find("libc", "/libc.so.6");
	check_find("c", "/libc.so.6");
	check_find("libc.so", "/libc.so.6");
	check_find("sh", "/");
	check_find("/bin/cat", "/bin/cat");
	if (!chdir(targets_dir)) {
		check_find("pie", "/t/pie");
		check_find("./pie", "/t/pie");
	}
	setenv("LD_LIBRARY_PATH", targets_dir, 1);
	check_find("version", "/t/libversion.so.1");
	check_find("libversion.so", "/t/libversion.so.1");
	unsetenv("LD_LIBRARY_PATH");
	snprintf(dir, sizeof(dir), "/nonexistent:%s", targets_dir);
	setenv("PATH", dir, 1);
	if (!chdir("/"))
		check_find("pie", "/t/pie");
	ok(upr_elf_file_find("nosuchthing", &path, &err) && err.kind == UPR_ERR_NO_FILE &&
		   strstr(err.text, "nosuchthing"),
	   "what is not there: %s", err.text);
	ok(upr_elf_file_find("", &path, &err) && err.kind == UPR_ERR_NO_FILE, "no name");
	ok(!upr_elf_file_find("/nonexistent/x", &path, &err) && !strcmp(path, "/nonexistent/x"),
	   "a path is taken as it is");
	free(path);
}

/* --- running processes ------------------------------------------------- */

struct child {
	pid_t pid;
	int out; /* one byte comes when it is ready; closed when it dies */
};

/* Map @path executable in a child that waits to be killed; @prepare(@arg) runs there first. */
static struct child start_child(const char *path, int (*prepare)(const char *arg), const char *arg, bool remove)
{
	struct child c = {0};
	int fds[2], fd;

	if (pipe(fds))
		return c;
	c.pid = fork();
	if (!c.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		if (prepare && prepare(arg))
			_exit(1);
		fd = open(path, O_RDONLY);
		if (fd < 0 || mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
			_exit(1);
		if (remove && unlink(path))
			_exit(1);
		if (write(fds[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	c.out = fds[0];
	return c;
}

static bool child_ready(const struct child *c)
{
	char byte;

	return c->pid > 0 && read(c->out, &byte, 1) == 1;
}

static void end_child(struct child *c)
{
	if (c->pid <= 0)
		return;
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->out);
}

static bool copy_file(const char *from, const char *to)
{
	char cmd[PATH_MAX * 2 + 16];

	snprintf(cmd, sizeof(cmd), "/bin/cp '%s' '%s'", from, to);
	return !system(cmd);
}

static void check_opens(struct upr_mapped_file *m, const char *label)
{
	struct upr_error err = {0};
	struct upr_elf_options opts = {.name = m->path};
	struct upr_elf *elf = upr_elf_open_opts(m->open_path, &opts, &err);

	if (!ok(elf && one_func(elf, "plain"), "%s: %s opens through %s", label, m->path, m->open_path))
		diag("%s", err.text);
	upr_elf_close(elf);
}

static void test_self(void)
{
	struct upr_mapped_file m;
	struct upr_error err = {0};
	int fd;

	ok(!upr_lib_find_in_maps(getpid(), "libc", &m, &err) && strstr(m.path, "libc.so.6") && !m.deleted &&
		   m.end > m.start,
	   "a library of a process by its short name");
	upr_mapped_file_free(&m);
	ok(upr_lib_find_in_maps(getpid(), "libnosuch", &m, &err) && err.kind == UPR_ERR_NO_FILE, "%s", err.text);
	ok(upr_lib_find_in_maps(0x3fffffff, "libc", &m, &err) && err.kind == UPR_ERR_NO_FILE, "%s", err.text);
	fd = open("/proc/1/maps", O_RDONLY);
	if (fd < 0)
		ok(upr_lib_find_in_maps(1, "libc", &m, &err) && err.kind == UPR_ERR_PERMISSION, "%s", err.text);
	else
		skip("another user's process", "we may look at every process");
	if (fd >= 0)
		close(fd);
}

static void test_deleted(const char *dir)
{
	char path[PATH_MAX];
	struct upr_mapped_file m;
	struct upr_error err = {0};
	struct child c;
	int rc;

	snprintf(path, sizeof(path), "%s/libgone.so.1", dir);
	if (!copy_file(target("shared"), path))
		return skip("a deleted library", "cannot copy it");
	c = start_child(path, NULL, NULL, true);
	if (!ok(child_ready(&c), "a process with a deleted library")) {
		end_child(&c);
		return;
	}
	rc = upr_lib_find_in_maps(c.pid, "libgone", &m, &err);
	if (!rc) {
		ok(m.deleted && !strcmp(m.path, path), "it is found by its name and known to be deleted");
		check_opens(&m, "deleted");
		upr_mapped_file_free(&m);
	} else {
		ok(geteuid() && err.kind == UPR_ERR_PERMISSION && strstr(err.text, "is deleted"),
		   "without privilege: %s", err.text);
	}
	/* a new file of that name is another file */
	if (copy_file(target("nopie"), path)) {
		rc = upr_lib_find_in_maps(c.pid, path, &m, &err);
		if (!rc) {
			check_opens(&m, "replaced");
			ok(!strstr(m.open_path, "/root/"), "the file that took its name is not taken for it");
			upr_mapped_file_free(&m);
		} else {
			ok(err.kind == UPR_ERR_PERMISSION, "the file that took its name is not taken for it: %s",
			   err.text);
		}
		unlink(path);
	}
	end_child(&c);
}

/* A file system of its own, which we cannot see. */
static int enter_namespace(const char *path)
{
	char dir[PATH_MAX];

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	if (mount("none", dir, "tmpfs", 0, NULL))
		return -1;
	return copy_file(target("shared"), path) ? 0 : -1;
}

static int enter_chroot(const char *path)
{
	char dir[PATH_MAX];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	*slash = '\0';
	return chroot(dir) || chdir("/") ? -1 : 0;
}

static void test_namespace(const char *dir)
{
	char path[PATH_MAX], inner[PATH_MAX / 2];
	struct upr_mapped_file m;
	struct upr_error err = {0};
	struct child c;

	if (geteuid()) {
		skip("another mount namespace", "needs root");
		skip("a chroot", "needs root");
		return;
	}
	snprintf(inner, sizeof(inner), "%s/inner", dir);
	mkdir(inner, 0755);
	snprintf(path, sizeof(path), "%s/libhidden.so.1", inner);
	c = start_child(path, enter_namespace, path, false);
	if (child_ready(&c)) {
		ok(access(path, F_OK), "the file of another mount namespace has no name here");
		if (ok(!upr_lib_find_in_maps(c.pid, "libhidden", &m, &err), "it is found %s", err.text)) {
			check_opens(&m, "mount namespace");
			upr_mapped_file_free(&m);
		}
	} else {
		skip("another mount namespace", "unshare is not allowed here");
	}
	end_child(&c);
	/* in the chroot the library is /libhidden.so.1 */
	if (copy_file(target("shared"), path)) {
		c = start_child("/libhidden.so.1", enter_chroot, path, false);
		if (ok(child_ready(&c), "a process in a chroot") &&
		    ok(!upr_lib_find_in_maps(c.pid, "hidden", &m, &err), "its library is found %s", err.text)) {
			check_opens(&m, "chroot");
			upr_mapped_file_free(&m);
		}
		end_child(&c);
		unlink(path);
	}
	rmdir(inner);
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/symbols-XXXXXX";

	(void)argc;
	alarm(60);
	targets_init(argv[0]);
	test_fits();
	test_self();
	if (mkdtemp(dir)) {
		test_deleted(dir);
		test_namespace(dir);
		rmdir(dir);
	}
	/* changes PATH and the directory: last */
	test_find();
	return done_testing();
}
