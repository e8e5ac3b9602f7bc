// SPDX-License-Identifier: GPL-2.0
// cpp.cc - members, overloads and templates
// clang-format off
#include <string>
#include <cstdio>
namespace ns { class C { public: int m; __attribute__((noinline)) int meth(int a) { m += a; return m; } template<class T> __attribute__((noinline)) T tm(T t) { return t; } }; }
__attribute__((noinline)) int over(int a) { return a+1; }
__attribute__((noinline)) int over(const std::string &s) { return s.size(); }
int main() { ns::C c; c.m=1; c.meth(2); c.tm<int>(3); c.tm<long>(4); over(1); over(std::string("x")); printf("%d\n", c.m); }
