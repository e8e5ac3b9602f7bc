# SPDX-License-Identifier: GPL-2.0
#
# The engine proper: utrace and uprobes.  Freestanding, part of every home.

ENGINE_SRCS += $(sort $(wildcard kernel/*.c))
