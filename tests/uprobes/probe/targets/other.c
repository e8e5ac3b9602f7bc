// SPDX-License-Identifier: GPL-2.0
// other.c - another function of a name that featdemo.c has
// clang-format off
static __attribute__((noinline)) int dup_name(int v) { return v * 5; }
int call_other(int v) { return dup_name(v); }
