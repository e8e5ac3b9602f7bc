// SPDX-License-Identifier: GPL-2.0
// sdt-lib.c - a library with a probe behind a semaphore; its constructor executes it, too
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

__extension__ unsigned short sdtlib_work_semaphore __attribute__((unused, section(".probes")));

static long wanted;

static __attribute__((noinline)) void work(int n)
{
	if (sdtlib_work_semaphore) {
		wanted++;
		STAP_PROBE1(sdtlib, work, n);
	}
}

static __attribute__((constructor)) void begin(void)
{
	work(-1);
}

long sdt_library_run(int n);
long sdt_library_run(int n)
{
	while (n-- > 0)
		work(n);
	return wanted;
}
