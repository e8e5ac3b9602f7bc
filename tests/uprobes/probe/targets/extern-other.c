// SPDX-License-Identifier: GPL-2.0
// extern-other.c - see extern-main.c; without debug information it has symbols only
// clang-format off
int shared[4] = {1, 2, 3};
int counter = 5;
_Thread_local int own = 6;
short within = 7;
int concealed = 8;

void change(void)
{
	shared[3] = 4;
	own++;
}
