# SPDX-License-Identifier: GPL-2.0
# Displaced execution: part of the engine, goes into every home.
ENGINE_SRCS += arch/x86/kernel/uprobes_xol.c arch/x86/kernel/uprobes_slot.c arch/x86/kernel/uprobes_leave.c \
	       arch/x86/kernel/uprobes_emulate.c arch/x86/kernel/uprobes_alu.c
