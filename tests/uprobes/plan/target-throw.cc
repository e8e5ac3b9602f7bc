// SPDX-License-Identifier: GPL-2.0
/* target-throw.cc - landing pads, and instructions that an exception can come from.  Nothing here is executed. */
extern "C" {
int may_throw(int);
void clean_up(void *);
volatile int sink;
int catches(int n);
int guarded(int *p, int n);
}

struct guard {
	int n;
	~guard()
	{
		clean_up(this);
	}
};

__attribute__((noinline)) int may_throw(int n)
{
	if (n > 3)
		throw n;
	return n;
}

__attribute__((noinline)) void clean_up(void *p)
{
	sink = *static_cast<int *>(p);
}

int catches(int n)
{
	guard g = {n};

	try {
		return may_throw(n) + may_throw(n + 1);
	} catch (int e) {
		return e;
	}
}

/* built with -fnon-call-exceptions: the load can throw */
int guarded(int *p, int n)
{
	guard g = {n};

	return *p + n;
}

int main()
{
	return 0;
}
