// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - the kernel home's module.
 *
 * Purpose: brings the parts of the home up and down in order.  No locks.
 */
#include <linux/module.h>

static int __init upr_kmod_init(void)
{
	return 0;
}

static void __exit upr_kmod_exit(void)
{
	/* the engine frees by call_rcu(): its callbacks are in this module */
	rcu_barrier();
}

module_init(upr_kmod_init);
module_exit(upr_kmod_exit);
MODULE_DESCRIPTION("uprobes: probes on any instruction of any running program");
MODULE_LICENSE("GPL");
