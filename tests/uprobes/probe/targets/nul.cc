// SPDX-License-Identifier: GPL-2.0
// nul.cc - a string with a NUL in it
// clang-format off
#include <string>

__attribute__((noinline)) void nul(const std::string &text)
{
	asm volatile("" : : "r"(&text) : "memory");
}

int main()
{
	nul(std::string("a\0b", 3));
	return 0;
}
