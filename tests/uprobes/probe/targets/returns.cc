// SPDX-License-Identifier: GPL-2.0
// returns.cc - a function that returns from where only an exception leads
// clang-format off
#include <cstdio>
#include <stdexcept>

static volatile int side;
__attribute__((noinline)) void risky(int x) { if (x == 3) throw std::runtime_error("no"); if (x == 5) throw 5; side = side + 1; }
__attribute__((noinline)) int guarded(int x)
{
	try {
		risky(x);
	} catch (std::exception &) {
		side = side + 2;
		return -1;
	} catch (int i) {
		return i;
	}
	return x;
}

int main()
{
	int i, sum = 0;

	for (i = 0; i < 7; i++)
		sum += guarded(i);
	std::printf("%d\n", sum);
	return 0;
}
