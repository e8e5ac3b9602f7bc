// SPDX-License-Identifier: GPL-2.0
// tls-main.c - calls tls_work() of a library that it is linked with, or loads, in two threads
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static int (*work)(int n);
int tls_work(int n) __attribute__((weak));

static void *run(void *arg)
{
	work(5);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	void *lib;

	work = tls_work;
	if (argc > 1) {
		lib = dlopen(argv[1], RTLD_NOW);
		work = lib ? (int (*)(int))dlsym(lib, "tls_work") : NULL;
	}
	if (!work)
		return 1;
	work(1);
	pthread_create(&thread, NULL, run, NULL);
	pthread_join(thread, NULL);
	work(2);
	return 0;
}
