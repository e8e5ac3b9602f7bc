// SPDX-License-Identifier: GPL-2.0
// extern-main.c - variables that are declared here, and defined in extern-other.c
// clang-format off
#include <stdio.h>

extern int shared[];
extern int counter;
extern _Thread_local int own;
extern __attribute__((visibility("hidden"))) int concealed;
void change(void);

static volatile int sink;

__attribute__((noinline)) void work(int n)
{
	extern short within;

	sink += n + shared[1] + counter + own + within + concealed;
}

int main(void)
{
	change();
	work(1);
	return 0;
}
