// SPDX-License-Identifier: GPL-2.0
/*
 * guest-leave - ends the virtual machine with a status, through QEMU's
 * isa-debug-exit device: QEMU exits with (status << 1) | 1.
 *
 * Stock kernels have no /dev/port, so that the shell cannot do it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>
#include <unistd.h>

#define DEBUG_EXIT_PORT 0xf4

int main(int argc, char **argv)
{
	int status = argc > 1 ? atoi(argv[1]) : 0;

	/* what was printed has to reach the serial line first */
	fflush(stdout);
	sync();
	if (ioperm(DEBUG_EXIT_PORT, 1, 1)) {
		perror("guest-leave: ioperm");
		return 1;
	}
	outb((unsigned char)status, DEBUG_EXIT_PORT);
	return 1;
}
