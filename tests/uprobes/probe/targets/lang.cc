// SPDX-License-Identifier: GPL-2.0
// lang.cc - strings of C++, overloads; prints what they are.
// clang-format off
#include <cstdio>
#include <string>
#include <string_view>

namespace text {

__attribute__((noinline)) int show(const std::string &s, std::string_view v, std::string *p)
{
	return printf("show s=\"%s\" v=\"%.*s\" p=\"%s\"\n", s.c_str(), (int)v.size(), v.data(), p->c_str());
}

__attribute__((noinline)) int over(int a) { return printf("over_int a=%d\n", a); }
__attribute__((noinline)) int over(double a) { return printf("over_double a=%g\n", a); }

}

int main(int argc, char **)
{
	std::string a = "short", b(60, 'l');

	text::show(a, "view", &b);
	text::show(b, std::string_view(a).substr(1, 3), &a);
	text::over(argc + 4);
	text::over(argc + 0.5);
	return 0;
}
