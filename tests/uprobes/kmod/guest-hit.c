// SPDX-License-Identifier: GPL-2.0
/*
 * guest-hit.c - real int3 hits inside the guest, through kernel/uprobes.c.
 *
 * Purpose: a driver forks a worker that calls small functions a number of times
 * and counts for itself; the driver probes them through /dev/upr-proof and
 * compares.  Every function's result depends on each of its instructions
 * having been executed exactly once.
 *
 * Driver and worker speak over two pipes; every wait has a time limit.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../tap.h"

#define WAIT_MS	    30000
#define DEVICE	    "/dev/upr-proof"
#define MAX_THREADS 4
#define EXEC_STATUS 7

/* --- what is probed ------------------------------------------------------- */

/* Each takes a pointer to a counter of its thread, and adds one to it. */
typedef void (*target_fn)(uint64_t *counter);

void t_push(uint64_t *counter);
void t_boost(uint64_t *counter);
void t_memory(uint64_t *counter);
void t_riprel(uint64_t *counter);
void t_call(uint64_t *counter);
void t_alu(uint64_t *counter);
void t_ret(uint64_t *counter);
void t_icall(uint64_t *counter);
void t_icall_at(uint64_t *counter);

__asm__(".text\n"
	"t_push:	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	incq (%rdi)\n"
	"	pop %rbp\n"
	"	ret\n"
	/* no emulation knows imul with a shuffle behind it; the slot runs it */
	"t_boost: imul $3, (%rdi), %rax\n"
	"	incq (%rdi)\n"
	"	lea 3(%rax), %rdx\n"
	"	imul $3, (%rdi), %rax\n"
	"	cmp %rax, %rdx\n"
	"	je 1f\n"
	"	ud2\n"
	"1:	ret\n"
	/* executed twice it would count twice */
	"t_memory: lock incq (%rdi)\n"
	"	ret\n"
	"t_riprel: mov t_one(%rip), %rax\n"
	"	add %rax, (%rdi)\n"
	"	ret\n"
	"t_call: call t_push\n"
	"	ret\n"
	"t_alu:	sub $8, %rsp\n"
	"	incq (%rdi)\n"
	"	add $8, %rsp\n"
	"	ret\n"
	"	incq (%rdi)\n"
	"t_ret:	ret\n"
	/* memory is read and the stack written in the notifier */
	"t_icall: lea t_pointer(%rip), %rax\n"
	"t_icall_at: call *(%rax)\n"
	"	ret\n"
	".section .rodata\n"
	"	.balign 8\n"
	"t_one:	.quad 1\n"
	"t_pointer: .quad t_push\n"
	".text\n");

static void call_ret(uint64_t *counter)
{
	++*counter;
	t_ret(counter);
}

static const struct function {
	const char *name;
	target_fn probed; /* where the probe goes */
	target_fn call;	  /* what the worker calls */
} functions[] = {
	{"push", t_push, t_push},	  {"imul from memory", t_boost, t_boost},
	{"lock inc", t_memory, t_memory}, {"mov from rip-relative memory", t_riprel, t_riprel},
	{"call", t_call, t_call},	  {"sub from rsp", t_alu, t_alu},
	{"ret", t_ret, call_ret},	  {"call through memory", t_icall_at, t_icall},
};

enum { F_PUSH, F_BOOST, F_MEMORY, F_RIPREL, F_CALL, F_ALU, F_RET, F_ICALL, NR_FUNCTIONS };

/* --- the worker ------------------------------------------------------------- */

enum op {
	OP_CALL,  /* threads x calls of one function */
	OP_FORK,  /* the same in a forked child */
	OP_CHURN, /* each call in a thread of its own */
	OP_SPIN,  /* all functions until told to stop */
	OP_EXEC,  /* another program, which exits with EXEC_STATUS */
	OP_QUIT,
};

struct order {
	enum op op;
	int function;
	int threads;
	long calls;
};

static int orders[2], answers[2];

struct job {
	target_fn fn;
	long calls;
	int *stop;
	uint64_t counter;
};

static void *run_job(void *arg)
{
	struct job *job = arg;
	long i;

	for (i = 0; i < job->calls; i++)
		job->fn(&job->counter);
	return NULL;
}

static void *run_spin(void *arg)
{
	struct job *job = arg;
	uint64_t i;
	int f;

	for (i = 0; !__atomic_load_n(job->stop, __ATOMIC_RELAXED); i++)
		for (f = 0; f < NR_FUNCTIONS; f++)
			functions[f].call(&job->counter);
	/* every call has counted once, or this is not nought */
	job->counter -= i * NR_FUNCTIONS;
	return NULL;
}

static uint64_t in_threads(const struct order *order, void *(*run)(void *), int *stop)
{
	struct job jobs[MAX_THREADS] = {0};
	pthread_t threads[MAX_THREADS];
	uint64_t sum = 0;
	int i;

	for (i = 0; i < order->threads; i++) {
		jobs[i].fn = functions[order->function].call;
		jobs[i].calls = order->calls;
		jobs[i].stop = stop;
		if (pthread_create(&threads[i], NULL, run, &jobs[i]))
			_exit(3);
	}
	if (stop) {
		/* the next order, whatever it says, ends it */
		struct order next;

		if (read(orders[0], &next, sizeof(next)) != sizeof(next))
			_exit(0);
		__atomic_store_n(stop, 1, __ATOMIC_RELAXED);
	}
	for (i = 0; i < order->threads; i++) {
		pthread_join(threads[i], NULL);
		sum += jobs[i].counter;
	}
	return sum;
}

static uint64_t in_child(const struct order *order)
{
	struct job job = {.fn = functions[order->function].call, .calls = order->calls};
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		run_job(&job);
		_exit(job.counter == (uint64_t)order->calls ? 0 : 4);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 0;
	return status ? 0 : order->calls;
}

static uint64_t in_churn(const struct order *order)
{
	struct order one = {.function = order->function, .threads = 2, .calls = 1};
	uint64_t sum = 0;
	long i;

	for (i = 0; i < order->calls; i += 2)
		sum += in_threads(&one, run_job, NULL);
	return sum;
}

static void worker(void)
{
	struct order order;

	while (read(orders[0], &order, sizeof(order)) == sizeof(order) && order.op != OP_QUIT) {
		int stop = 0;
		uint64_t answer;

		if (order.op == OP_EXEC)
			execl("/proc/self/exe", "guest-hit", "exec", NULL);
		if (order.op == OP_FORK)
			answer = in_child(&order);
		else if (order.op == OP_CHURN)
			answer = in_churn(&order);
		else if (order.op == OP_SPIN)
			answer = in_threads(&order, run_spin, &stop);
		else
			answer = in_threads(&order, run_job, NULL);
		if (write(answers[1], &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	_exit(0);
}

/* --- the driver -------------------------------------------------------------- */

static pid_t pid;
static int device;

static void start_worker(void)
{
	if (pipe(orders) || pipe(answers))
		exit(1);
	pid = fork();
	if (!pid) {
		close(orders[1]);
		close(answers[0]);
		worker();
	}
	close(orders[0]);
	close(answers[1]);
}

static void send_order(enum op op, int function, int threads, long calls)
{
	struct order order = {op, function, threads, calls};

	if (write(orders[1], &order, sizeof(order)) != sizeof(order))
		diag("the worker does not listen: %s", strerror(errno));
}

/* What the worker has counted, or -1 */
static long long answer(void)
{
	struct pollfd pfd = {.fd = answers[0], .events = POLLIN};
	uint64_t value;

	if (poll(&pfd, 1, WAIT_MS) != 1 || read(answers[0], &value, sizeof(value)) != sizeof(value))
		return -1;
	return value;
}

static int stop_worker(void)
{
	int status = -1, i;

	send_order(OP_QUIT, 0, 0, 0);
	close(orders[1]);
	for (i = 0; i < WAIT_MS / 10; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
		poll(NULL, 0, 10);
	}
	close(answers[0]);
	return status;
}

static int command(const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (write(device, line, n) == n)
		return 0;
	diag("\"%s\": %s", line, strerror(errno));
	return -errno;
}

static int find_offset(struct dl_phdr_info *info, size_t size, void *data)
{
	uint64_t *addr = data;
	int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type == PT_LOAD && *addr >= start && *addr < start + ph->p_filesz) {
			*addr = *addr - start + ph->p_offset;
			return 1;
		}
	}
	return 0;
}

static uint64_t file_offset(target_fn fn)
{
	uint64_t addr = (uintptr_t)fn;

	if (dl_iterate_phdr(find_offset, &addr) != 1)
		exit(1);
	return addr;
}

static int probe(int function)
{
	char path[256];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return -errno;
	path[n] = '\0';
	return command("probe %llu %s", (unsigned long long)file_offset(functions[function].probed), path);
}

struct line {
	long long hits, missed;
	unsigned int sites;
	char way[16];
	char reason[128];
};

static int read_line(unsigned int id, struct line *ret)
{
	static char text[4096];
	ssize_t n;
	char *p;

	n = pread(device, text, sizeof(text) - 1, 0);
	if (n < 0)
		return 0;
	text[n] = '\0';
	for (p = strtok(text, "\n"); p; p = strtok(NULL, "\n")) {
		unsigned int got;

		if (sscanf(p, "%u %lld %lld %u %15s %127[^\n]", &got, &ret->hits, &ret->missed, &ret->sites, ret->way,
			   ret->reason) >= 5 &&
		    got == id)
			return 1;
	}
	return 0;
}

static void get_text(target_fn fn, unsigned char *buf, size_t len)
{
	struct iovec local = {buf, len};
	struct iovec remote = {(void *)(uintptr_t)fn, len};

	memset(buf, 0, len);
	process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static void get_maps(char *buf, size_t size)
{
	char path[64];
	size_t len = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY);
	while (fd >= 0 && len + 1 < size && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	close(fd);
	buf[len] = '\0';
}

static int open_device(const char *mode)
{
	device = open(DEVICE, O_RDWR);
	if (device < 0) {
		diag("%s: %s", DEVICE, strerror(errno));
		return -errno;
	}
	return command("mode %s", mode);
}

/* A function in a mode: text, count, result, and all of it undone. */
static void one_function(int function, const char *mode, enum op op, int threads, long calls)
{
	const struct function *f = &functions[function];
	static char maps_before[8192], maps_after[8192];
	unsigned char before[16], during[16], after[16];
	struct line line = {0};
	long long counted;
	char what[128];

	snprintf(what, sizeof(what), "%s, mode %s, %s%d x %ld", f->name, mode,
		 op == OP_FORK	? "forked " :
		 op == OP_CHURN ? "new threads " :
				  "",
		 threads, calls);
	start_worker();
	/* threads leave their stacks in the maps: let them do so first */
	send_order(OP_CALL, function, op == OP_CHURN ? 2 : threads, 1);
	answer();
	get_text(f->probed, before, sizeof(before));
	get_maps(maps_before, sizeof(maps_before));

	ok(!open_device(mode) && !command("attach %d", pid) && !probe(function), "%s: armed", what);
	get_text(f->probed, during, sizeof(during));
	ok(during[0] == 0xcc && !memcmp(during + 1, before + 1, 15), "%s: one byte of the text is int3", what);

	send_order(op, function, threads, calls);
	counted = answer();
	is_int(counted, threads * calls, "the program's own count is right");
	ok(read_line(0, &line), "%s: by %s (%s)", what, line.way, line.reason);
	is_int(line.hits, threads * calls, what);
	is_int(line.missed, 0, "none missed");
	if (!strcmp(mode, "step"))
		ok(!strcmp(line.way, "step"), "%s: was stepped", what);

	ok(!command("detach"), "%s: detached", what);
	close(device);
	get_text(f->probed, after, sizeof(after));
	get_maps(maps_after, sizeof(maps_after));
	ok(!memcmp(before, after, sizeof(before)), "%s: text restored", what);
	if (!ok(!strcmp(maps_before, maps_after), "%s: maps restored", what))
		diag("before:\n%s\nafter:\n%s", maps_before, maps_after);
	send_order(OP_CALL, function, threads, 10);
	is_int(answer(), 10 * threads, "runs on without us");
	is_int(stop_worker(), 0, "and exits as it should");
}

/* Several functions at once, put in and taken out while threads run into them. */
static void while_running(const char *mode, int rounds)
{
	int i, f, bad = 0;

	start_worker();
	ok(!open_device(mode) && !command("attach %d", pid), "attached, mode %s", mode);
	send_order(OP_SPIN, 0, 2, 0);
	for (i = 0; i < rounds; i++) {
		for (f = 0; f < NR_FUNCTIONS; f++)
			bad += !!probe(f);
		for (f = 0; f < NR_FUNCTIONS; f++)
			bad += !!command("remove %d", i * NR_FUNCTIONS + f);
	}
	is_int(bad, 0, "probes in and out of a running program");
	send_order(OP_CALL, 0, 0, 0);
	is_int(answer(), 0, "its threads have not noticed");
	close(device);
	is_int(stop_worker(), 0, "and it exits as it should");
}

/* The tool dies: closing the connection undoes everything. */
static void closed_while_running(void)
{
	unsigned char text[1];
	int f, bad = 0;

	start_worker();
	ok(!open_device("trap") && !command("attach %d", pid), "attached");
	for (f = 0; f < NR_FUNCTIONS; f++)
		bad += !!probe(f);
	is_int(bad, 0, "all functions probed");
	send_order(OP_SPIN, 0, 2, 0);
	poll(NULL, 0, 20);
	close(device);
	for (f = 0; f < NR_FUNCTIONS; f++) {
		get_text(functions[f].probed, text, 1);
		bad += text[0] == 0xcc;
	}
	is_int(bad, 0, "the connection closed: nothing of ours is left");
	send_order(OP_CALL, 0, 0, 0);
	is_int(answer(), 0, "the threads have not noticed");
	is_int(stop_worker(), 0, "and it exits as it should");
}

/* The program dies, or becomes another one, with probes in it. */
static void gone_while_running(bool exec)
{
	const char *what = exec ? "exec" : "killed";
	int status = -1, f, i, bad = 0;

	start_worker();
	ok(!open_device("trap") && !command("attach %d", pid), "%s: attached", what);
	for (f = 0; f < NR_FUNCTIONS; f++)
		bad += !!probe(f);
	is_int(bad, 0, "all functions probed");
	send_order(exec ? OP_EXEC : OP_SPIN, 0, 2, 0);
	poll(NULL, 0, 20);
	if (!exec)
		kill(pid, SIGKILL);
	for (i = 0; i < WAIT_MS / 10 && waitpid(pid, &status, WNOHANG) != pid; i++)
		poll(NULL, 0, 10);
	is_int(status, exec ? EXEC_STATUS << 8 : SIGKILL, "the program ends as it would");
	is_int(command("detach"), 0, "nothing is left to detach");
	close(device);
	close(orders[1]);
	close(answers[0]);
}

int main(int argc, char **argv)
{
	static const char *const modes[] = {"trap", "step"};
	size_t m;
	int f;

	if (argc > 1)
		return EXEC_STATUS;
	signal(SIGPIPE, SIG_IGN);
	for (m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		for (f = 0; f < NR_FUNCTIONS; f++)
			one_function(f, modes[m], OP_CALL, 1, 2000);
		one_function(F_PUSH, modes[m], OP_CALL, 2, 50000);
		one_function(F_MEMORY, modes[m], OP_CALL, 2, 50000);
		one_function(F_PUSH, modes[m], OP_FORK, 1, 1000);
		one_function(F_MEMORY, modes[m], OP_FORK, 1, 1000);
		one_function(F_CALL, modes[m], OP_CHURN, 1, 200);
		while_running(modes[m], 10);
	}
	closed_while_running();
	gone_while_running(false);
	gone_while_running(true);
	return done_testing();
}
