// SPDX-License-Identifier: GPL-2.0
/*
 * calls-lib.c - a library function as a compiler makes them, and its twin.
 */
#include "calls.h"

CALL_TWINS(call_lib, "push %rbx\n mov %rdi, %rbx\n lea 1(%rbx), %rax\n pop %rbx\n");
