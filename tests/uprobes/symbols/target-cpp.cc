// SPDX-License-Identifier: GPL-2.0
/* target-cpp.cc - overloads, templates, operators, namespaces. */
#define NOINLINE __attribute__((noinline, noclone))

volatile int sink;

NOINLINE int over(int a)
{
	return a + sink;
}

NOINLINE int over(double a)
{
	return int(a) - sink;
}

namespace ns {
struct C {
	int m;
	NOINLINE explicit C(int v);
	NOINLINE ~C();
	NOINLINE int meth(int a) const;
	NOINLINE int meth(int a, const char *s);
	template <class T> NOINLINE T tm(T a)
	{
		return a + T(m + sink);
	}
	NOINLINE C operator+(int a) const;
	NOINLINE bool operator==(const C &o) const;
	NOINLINE bool operator<(const C &o) const;
	NOINLINE int operator()(int a);
	NOINLINE C &operator=(int a);
};

C::C(int v) : m(v + sink)
{
}

C::~C()
{
	sink = m;
}

int C::meth(int a) const
{
	return a * m + sink;
}

int C::meth(int a, const char *s)
{
	return m += a + *s + sink;
}

C C::operator+(int a) const
{
	return C(m + a);
}

bool C::operator==(const C &o) const
{
	return m == o.m + sink;
}

bool C::operator<(const C &o) const
{
	return m < o.m + sink;
}

int C::operator()(int a)
{
	return a ^ sink;
}

C &C::operator=(int a)
{
	m = a + sink;
	return *this;
}
} // namespace ns

namespace {
NOINLINE int hidden_in_here(int a)
{
	return a * sink;
}
} // namespace

extern "C" NOINLINE int c_linkage(int a)
{
	return a - sink;
}

int main(int argc, char **)
{
	ns::C c(argc), d(argc + 1);

	c = 4;
	return over(argc) + over(1.5) + c.meth(1) + c.meth(2, "x") + c.tm(3) + int(c.tm(4L)) + (c + 1).m + (c == d) + (c < d) +
	       c(7) + hidden_in_here(argc) + c_linkage(argc);
}
