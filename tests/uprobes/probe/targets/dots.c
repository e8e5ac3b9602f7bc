// SPDX-License-Identifier: GPL-2.0
// dots.c - symbols with dots, and one without a size, in a program with debug information
// clang-format off
int g;
__asm__(".text\n.globl f.isra.0\n.type f.isra.0,@function\nf.isra.0: ret\n.size f.isra.0,.-f.isra.0\n.globl .lead\n.type .lead,@function\n.lead: ret\n.size .lead,.-.lead\n .globl nosize\n.type nosize,@function\nnosize: ret\n");
int main(){ return g; }
