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
#include <fake.h>

#include "../../tests/uprobes/fake/upr-script.h"
#include "../../tests/uprobes/fake/utrace-cases.h"
#include "../../tests/uprobes/kmod/selftest.h"

#define LOG_SIZE (256 * 1024)

static unsigned long effort = 40;
module_param(effort, ulong, 0400);
MODULE_PARM_DESC(effort, "most orders of events tried per scenario of the fake host; 0: all");

/* Vectors have a function, tests over the fake host have lists of cases. */
struct suite {
	const char *name;
	int (*run)(void (*report)(const char *name, bool ok));
	const struct fake_case *cases;
};

static const struct suite suites[] = {
	{.name = "insn", .run = upr_insn_selftest},
	{.name = "xol", .run = upr_xol_selftest},
	{.name = "fake-host", .cases = fake_host_cases},
	{.name = "fake-utrace", .cases = utrace_cases},
	{.name = "fake-utrace-orders", .cases = utrace_order_cases},
	{.name = "fake-uprobes-ways", .cases = upr_way_cases},
	{.name = "fake-uprobes-life", .cases = upr_life_cases},
	{.name = "fake-uprobes-race", .cases = upr_race_cases},
	{.name = "fake-uprobes-random", .cases = upr_random_cases},
};

struct log {
	struct fake_test test;
	size_t len;
	unsigned int tests, failures;
	char text[LOG_SIZE];
};

static DEFINE_MUTEX(suite_lock);
static struct log *suite_log; /* suite_lock */
static struct dentry *dir;

static void log_line(struct log *log, const char *tag, const char *text)
{
	log->len += scnprintf(log->text + log->len, LOG_SIZE - log->len, "%s%s\n", tag, text);
}

static void log_result(struct log *log, bool ok, const char *name)
{
	log->tests++;
	log->failures += !ok;
	log_line(log, ok ? "ok - " : "not ok - ", name);
	/* a suite may take long, and voluntary preemption is all there is */
	cond_resched();
}

static void report(const char *name, bool ok)
{
	log_result(suite_log, ok, name);
}

static void fake_report(struct fake_test *test, bool good, const char *name)
{
	log_result(container_of(test, struct log, test), good, name);
}

static void fake_remark(struct fake_test *test, const char *text)
{
	log_line(container_of(test, struct log, test), "# ", text);
}

/* The world of the test runs no further. */
static void fake_contract(struct fake_test *test, const char *text)
{
	struct log *log = container_of(test, struct log, test);

	log_result(log, false, "contract:");
	log_line(log, "# ", text);
}

static int run_cases(struct log *log, const struct fake_case *cases)
{
	log->test.ok = fake_report;
	log->test.diag = fake_remark;
	log->test.fatal = fake_contract;
	log->test.effort = effort;
	for (; cases->run; cases++)
		cases->run(&log->test);
	/* what the engine still frees belongs to this suite */
	rcu_barrier();
	return log->failures;
}

static int suite_open(struct inode *inode, struct file *file)
{
	const struct suite *suite = inode->i_private;
	struct log *log = vzalloc(sizeof(*log));
	char line[80];
	int ret;

	if (!log)
		return -ENOMEM;
	mutex_lock(&suite_lock);
	suite_log = log;
	ret = suite->run ? suite->run(report) : run_cases(log, suite->cases);
	suite_log = NULL;
	mutex_unlock(&suite_lock);

	/* a suite that has asserted nothing has tested nothing */
	snprintf(line, sizeof(line), "%s: %u assertions, %u failures%s", suite->name, log->tests, log->failures,
		 suite->cases && !suite->cases->run ? " # SKIP no cases yet" : "");
	log_result(log, !ret && (log->tests || (suite->cases && !suite->cases->run)), line);
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
