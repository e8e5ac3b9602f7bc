// SPDX-License-Identifier: GPL-2.0
/*
 * session.c - /dev/upr-proof: a connection through which probes are set.
 *
 * Purpose: the proof's front end; the kernel home proper will have /dev/utrace.
 * One connection at a time; when it is closed everything is undone.  A write
 * is one command, which returns when it has taken effect:
 *
 *	mode auto|trap|step	before anything else
 *	attach PID		all threads of a process, and those it will make
 *	probe OFFSET PATH	(numbered from 0)
 *	remove N		take probe N out again
 *	detach			everything out of all processes
 *
 * A read gives a line for each probe: "N HITS MISSED SITES WAY REASON".
 *
 * Locks: home->lock (mutex) around each command; it is held while waiting,
 * never by anything that is waited for.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "home.h"

struct kmod_probe {
	struct list_head node; /* on home->probes, home->lock */
	struct upr_consumer consumer;
	struct upr_probe *probe; /* NULL once removed */
	unsigned int id;
};

static atomic_t opened = ATOMIC_INIT(0);

static int need_session(void)
{
	if (!kmod_home.session)
		kmod_home.session = upr_session_new(kmod_home.mode);
	return kmod_home.session ? 0 : -ENOMEM;
}

static int cmd_mode(const char *name)
{
	static const char *const names[] = {
		[UPR_MODE_AUTO] = "auto",
		[UPR_MODE_JUMP] = "jump",
		[UPR_MODE_TRAP] = "trap",
		[UPR_MODE_STEP] = "step",
	};
	size_t i;

	if (kmod_home.session)
		return -EBUSY;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(name, names[i])) {
			kmod_home.mode = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_code(const char *path, u64 offset, u8 *code, struct upr_file_key *key)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	struct inode *inode;
	loff_t pos = offset;
	ssize_t n;

	if (IS_ERR(file))
		return PTR_ERR(file);
	inode = file_inode(file);
	*key = (struct upr_file_key){.dev = inode->i_sb->s_dev, .ino = inode->i_ino};
	n = kernel_read(file, code, UPR_INSN_MAX, &pos);
	fput(file);
	return n ? n : -EINVAL;
}

static unsigned int sites(struct kmod_probe *kp)
{
	return upr_probe_sites(kmod_home.session, kp->probe, NULL);
}

static int settle(void)
{
	bool done = kmod_wait(kmod_mms_settled, KMOD_TIMEOUT);

	if (atomic_read(&kmod_home.lost))
		return -ENOMEM;
	return done ? 0 : -ETIMEDOUT;
}

static int cmd_probe(u64 offset, const char *path)
{
	struct kmod_probe *kp = kzalloc(sizeof(*kp), GFP_KERNEL);
	struct upr_file_key key;
	u8 code[UPR_INSN_MAX];
	int ret;

	if (!kp)
		return -ENOMEM;
	ret = read_code(path, offset, code, &key);
	if (ret > 0)
		ret = upr_register(kmod_home.session, key, offset, code, ret, UPR_INSN_64, &kp->consumer, &kp->probe);
	if (ret) {
		kfree(kp);
		return ret;
	}
	kp->id = kmod_home.nr_probes++;
	list_add_tail(&kp->node, &kmod_home.probes);
	return settle();
}

static int cmd_remove(unsigned int id)
{
	struct kmod_probe *kp;

	list_for_each_entry(kp, &kmod_home.probes, node) {
		if (kp->id != id || !kp->probe)
			continue;
		upr_unregister(kmod_home.session, &kp->consumer);
		kp->probe = NULL;
		return settle();
	}
	return -ENOENT;
}

/*
 * Out of every process: the engine disarms, its tasks are let go, and only then
 * is anything freed.  It waits as long as it takes: a program with our
 * breakpoints in it must not be left alone.
 */
static void cmd_detach(void)
{
	struct kmod_probe *kp, *next;

	if (!kmod_home.session)
		return;
	list_for_each_entry(kp, &kmod_home.probes, node) {
		if (kp->probe)
			upr_unregister(kmod_home.session, &kp->consumer);
		kp->probe = NULL;
	}
	kmod_mms_disarm();
	kmod_wait(kmod_mms_idle, MAX_SCHEDULE_TIMEOUT);
	kmod_detach_all();
	flush_workqueue(kmod_wq);
	kmod_mm_free_all();
	upr_session_free(kmod_home.session);
	flush_workqueue(kmod_wq);
	kmod_home.session = NULL;
	synchronize_rcu();
	list_for_each_entry_safe(kp, next, &kmod_home.probes, node) {
		list_del(&kp->node);
		kfree(kp);
	}
}

static int command(char *line)
{
	unsigned long long offset;
	unsigned int n;
	int pos = 0;
	int ret;

	if (!strncmp(line, "mode ", 5))
		return cmd_mode(line + 5);
	if (!strcmp(line, "detach")) {
		cmd_detach();
		return 0;
	}
	ret = need_session();
	if (ret)
		return ret;
	if (sscanf(line, "attach %u", &n) == 1)
		return kmod_attach(n);
	if (sscanf(line, "probe %llu %n", &offset, &pos) == 1 && pos)
		return cmd_probe(offset, line + pos);
	if (sscanf(line, "remove %u", &n) == 1)
		return cmd_remove(n);
	return -EINVAL;
}

static ssize_t proof_write(struct file *file, const char __user *buf, size_t size, loff_t *pos)
{
	char *line;
	int ret;

	if (size > PATH_MAX + 32)
		return -EINVAL;
	line = memdup_user_nul(buf, size);
	if (IS_ERR(line))
		return PTR_ERR(line);
	strim(line);
	mutex_lock(&kmod_home.lock);
	ret = command(line);
	mutex_unlock(&kmod_home.lock);
	kfree(line);
	return ret ? ret : size;
}

static const char *const way_names[UPR_NR_WAYS] = {
	[UPR_WAY_JUMP] = "jump", [UPR_WAY_EMULATE] = "emulate", [UPR_WAY_BOOST] = "boost",
	[UPR_WAY_STEP] = "step", [UPR_WAY_REFUSE] = "refuse",
};

static ssize_t proof_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct kmod_probe *kp;
	char *text = kzalloc(PAGE_SIZE, GFP_KERNEL);
	size_t len = 0;
	ssize_t ret;

	if (!text)
		return -ENOMEM;
	mutex_lock(&kmod_home.lock);
	list_for_each_entry(kp, &kmod_home.probes, node)
		len += scnprintf(text + len, PAGE_SIZE - len, "%u %lld %lld %u %s %s\n", kp->id,
				 (long long)atomic64_read(&kp->consumer.hits),
				 (long long)atomic64_read(&kp->consumer.missed), kp->probe ? sites(kp) : 0,
				 kp->probe ? way_names[upr_probe_way(kp->probe)] : "none",
				 kp->probe ? upr_probe_reason(kp->probe) : "removed");
	mutex_unlock(&kmod_home.lock);
	ret = simple_read_from_buffer(buf, size, pos, text, len);
	kfree(text);
	return ret;
}

static int proof_open(struct inode *inode, struct file *file)
{
	if (atomic_xchg(&opened, 1))
		return -EBUSY;
	kmod_home.mode = UPR_MODE_AUTO;
	kmod_home.nr_probes = 0;
	atomic_set(&kmod_home.lost, 0);
	return 0;
}

static int proof_release(struct inode *inode, struct file *file)
{
	mutex_lock(&kmod_home.lock);
	cmd_detach();
	mutex_unlock(&kmod_home.lock);
	atomic_set(&opened, 0);
	return 0;
}

static const struct file_operations proof_fops = {
	.owner = THIS_MODULE,
	.open = proof_open,
	.release = proof_release,
	.read = proof_read,
	.write = proof_write,
	.llseek = default_llseek,
};

static struct miscdevice proof_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "upr-proof",
	.fops = &proof_fops,
	.mode = 0600,
};

int kmod_session_init(void)
{
	return misc_register(&proof_device);
}

void kmod_session_exit(void)
{
	misc_deregister(&proof_device);
}
