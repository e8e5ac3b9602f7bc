/* SPDX-License-Identifier: GPL-2.0 */
/*
 * storms.h - the account that target-storms keeps and test-storms reads: memory of both.
 */
#ifndef TESTS_HOST_STORMS_H
#define TESTS_HOST_STORMS_H

#define STORM_THREADS	16
#define STORM_FUNCTIONS 8
#define STORM_TAIL	1
#define STORM_CALL	6

/* Of one thread, or of all children together. */
struct storm_thread {
	volatile long begun[STORM_FUNCTIONS];
	volatile long ended[STORM_FUNCTIONS];
};

struct storms {
	struct storm_thread threads[STORM_THREADS];
	volatile long bad;
	volatile long children;
	volatile long signals;
	volatile long strange;	/* a pc that is none of the program's */
};

#endif /* TESTS_HOST_STORMS_H */
