// SPDX-License-Identifier: GPL-2.0
/*
 * selftest.c - the engine's tests inside the kernel, from the same sources as
 * the user side's.
 *
 * Purpose: a file per suite in debugfs' upr_selftest/; opening one runs
 * the suite, reading it gives "ok - NAME" and "not ok - NAME" lines.
 *
 * Locks: suite_lock (mutex): one suite at a time, since the reporter has no
 * argument to say whose results it is given.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/vmalloc.h>
#include <upr-compat.h>

#include "../../tests/uprobes/kmod/selftest.h"

#define LOG_SIZE (256 * 1024)

struct suite {
	const char *name;
	int (*run)(void (*report)(const char *name, bool ok));
};

static const struct suite suites[] = {
	{ "insn", upr_insn_selftest },
	{ "xol", upr_xol_selftest },
};

struct log {
	size_t len;
	unsigned int tests, failures;
	char text[LOG_SIZE];
};

static DEFINE_MUTEX(suite_lock);
static struct log *suite_log;		/* suite_lock */
static struct dentry *dir;

static void report(const char *name, bool ok)
{
	struct log *log = suite_log;

	log->tests++;
	log->failures += !ok;
	log->len += scnprintf(log->text + log->len, LOG_SIZE - log->len, "%s - %s\n", ok ? "ok" : "not ok", name);
}

static int suite_open(struct inode *inode, struct file *file)
{
	const struct suite *suite = inode->i_private;
	struct log *log = vzalloc(sizeof(*log));
	int ret;

	if (!log)
		return -ENOMEM;
	mutex_lock(&suite_lock);
	suite_log = log;
	ret = suite->run(report);
	suite_log = NULL;
	mutex_unlock(&suite_lock);

	/* a suite that reports nothing has tested nothing */
	log->len += scnprintf(log->text + log->len, LOG_SIZE - log->len,
			      "%s - %s: suite returned %d, %u reports, %u failures\n",
			      ret || !log->tests ? "not ok" : "ok", suite->name, ret, log->tests, log->failures);
	file->private_data = log;
	return 0;
}

static ssize_t suite_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct log *log = file->private_data;

	return simple_read_from_buffer(buf, size, pos, log->text, log->len);
}

static int suite_release(struct inode *inode, struct file *file)
{
	vfree(file->private_data);
	return 0;
}

static const struct file_operations suite_fops = {
	.owner = THIS_MODULE,
	.open = suite_open,
	.read = suite_read,
	.release = suite_release,
	.llseek = default_llseek,
};

static int __init upr_selftest_init(void)
{
	size_t i;

	dir = debugfs_create_dir("upr_selftest", NULL);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	for (i = 0; i < ARRAY_SIZE(suites); i++)
		debugfs_create_file(suites[i].name, 0400, dir, (void *)&suites[i], &suite_fops);
	return 0;
}

static void __exit upr_selftest_exit(void)
{
	debugfs_remove(dir);
	rcu_barrier();
}

module_init(upr_selftest_init);
module_exit(upr_selftest_exit);
MODULE_DESCRIPTION("uprobes: the engine's own tests");
MODULE_LICENSE("GPL");
