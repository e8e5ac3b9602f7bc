# SPDX-License-Identifier: GPL-2.0
#
# The ptrace home.

HOST_USER_SRCS += $(sort $(wildcard host/user/*.c))
