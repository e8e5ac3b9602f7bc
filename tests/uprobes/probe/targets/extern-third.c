// SPDX-License-Identifier: GPL-2.0
// extern-third.c - variables that only have the names of others: see extern-main.c
// clang-format off
static volatile int counter = 99, shared[2] = {98, 97};
static volatile short within = 96;

__attribute__((constructor)) void use(void)
{
	counter++;
	shared[0]++;
	within++;
}
