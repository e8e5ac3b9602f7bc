// SPDX-License-Identifier: GPL-2.0
/* target-odd.c - no libc; its linker script puts code into two segments at odd places. */
void _start(void);
int in_first(int x);
int in_second(int x);

__attribute__((section(".text.first"), noinline)) int in_first(int x)
{
	return x + 1;
}

__attribute__((section(".text.second"), noinline)) int in_second(int x)
{
	return in_first(x) + 2;
}

__attribute__((section(".text.first"))) void _start(void)
{
	__asm__ volatile("syscall" : : "a"(60), "D"(in_second(-3)));
	__builtin_unreachable();
}
