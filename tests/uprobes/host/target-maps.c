// SPDX-License-Identifier: GPL-2.0
/*
 * target-maps.c - moves, replaces and shares text while it is probed.
 *
 * target-maps move	a library's text is moved by mremap and called there
 * target-maps replace	it is replaced by data of the program's own, which must stay as it is
 * target-maps share	a file is mapped shared and executable, and called
 * target-maps reload	it is unmapped and mapped again elsewhere, many times
 * target-maps threads	dlopen and dlclose in two threads while others call
 *
 * The library is the second argument.  Prints "calls N" of plug_call.
 */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef long (*plug_fn)(long x);

static atomic_long calls;
static const char *library;

static plug_fn load(void **lib)
{
	plug_fn f;

	*lib = dlopen(library, RTLD_NOW);
	f = *lib ? (plug_fn)dlsym(*lib, "plug_call") : NULL;
	if (!f) {
		printf("bad library: %s\n", dlerror());
		exit(1);
	}
	return f;
}

static void call(plug_fn f, long n)
{
	long i, x = 0;

	for (i = 0; i < n; i++)
		x = f(x);
	if (x != n) {
		printf("bad result\n");
		exit(1);
	}
	calls += n;
}

static void move(void)
{
	unsigned long page, away;
	void *lib, *to;
	plug_fn f = load(&lib);
	int i;

	call(f, 100);
	page = (unsigned long)f & ~4095ul;
	to = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < 10; i++) {
		away = (unsigned long)mremap((void *)page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to);
		if (away != (unsigned long)to) {
			printf("bad mremap\n");
			exit(1);
		}
		call((plug_fn)(away + ((unsigned long)f & 4095)), 100);
		/* and back again */
		if ((unsigned long)mremap((void *)away, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)page) !=
		    page)
			exit(1);
		call(f, 100);
	}
}

static void replace(void)
{
	unsigned char *page;
	void *lib;
	plug_fn f = load(&lib);
	char c;
	int i;

	call(f, 100);
	page = (unsigned char *)((unsigned long)f & ~4095ul);
	if (mmap(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
	    page)
		exit(1);
	/* every byte looks like a breakpoint */
	memset(page, 0xcc, 4096);
	printf("replaced\n");
	fflush(stdout);
	if (read(0, &c, 1) < 0)
		exit(1);
	for (i = 0; i < 4096; i++) {
		if (page[i] != 0xcc) {
			printf("bad byte %d: %#x\n", i, page[i]);
			exit(1);
		}
	}
	/* its destructors are gone, too */
	printf("calls %ld\n", calls + 3);
	fflush(stdout);
	_exit(0);
}

static void share(void)
{
	struct stat st;
	int fd = open(library, O_RDWR);
	unsigned char *p;
	void *lib;
	plug_fn f = load(&lib);
	Dl_info info;

	if (fd < 0 || fstat(fd, &st) || !dladdr((void *)f, &info))
		exit(1);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		exit(1);
	/* offsets and addresses are the same in the first segments of such a small library */
	call((plug_fn)(p + ((unsigned long)f - (unsigned long)info.dli_fbase)), 100);
	calls = 3;
	call(f, 50);
}

static void reload(void)
{
	int i;

	for (i = 0; i < 100; i++) {
		void *lib, *hole = NULL;
		plug_fn f = load(&lib);

		call(f, 10);
		calls += 3;
		dlclose(lib);
		/* so that it comes elsewhere, or not */
		if (i % 3)
			hole = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (i % 3 == 1)
			munmap(hole, 65536);
	}
}

static void *loader(void *arg)
{
	int i;

	for (i = 0; i < 100; i++) {
		void *lib;
		plug_fn f = load(&lib);

		call(f, 10);
		dlclose(lib);
	}
	return arg;
}

static void threads(void)
{
	pthread_t th[3];
	void *lib;
	plug_fn f = load(&lib);
	int i;

	for (i = 0; i < 3; i++)
		pthread_create(&th[i], NULL, loader, NULL);
	call(f, 1000);
	for (i = 0; i < 3; i++)
		pthread_join(th[i], NULL);
	/* the constructor ran once: it was never unloaded */
	calls += 3;
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[1] : "";

	library = argv[2];
	if (!strcmp(how, "move"))
		move();
	else if (!strcmp(how, "replace"))
		replace();
	else if (!strcmp(how, "share"))
		share();
	else if (!strcmp(how, "reload"))
		reload();
	else if (!strcmp(how, "threads"))
		threads();
	else
		return 2;
	if (!strcmp(how, "move"))
		calls += 3;
	printf("calls %ld\n", calls);
	return 0;
}
