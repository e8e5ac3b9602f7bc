// SPDX-License-Identifier: GPL-2.0
/*
 * bulk.c - mainline's way to probe many functions at once: a BPF link of the kind "uprobe multi".
 *
 * bulk FILE PID <ADDRESSES	one hexadecimal number a line, offsets in FILE as well
 *
 * Puts a program that does nothing at all of them, for PID, and takes it out again.  Prints how many there
 * were, and how many milliseconds each took.  The numbers that older headers lack are those of
 * <linux/bpf.h> since Linux 6.6.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define UPROBE_MULTI 48 /* BPF_TRACE_UPROBE_MULTI */
#define MAX_SITES    (1 << 20)

/* The part of union bpf_attr that BPF_LINK_CREATE reads for such a link. */
struct link_create {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, multi_flags, pid, pad;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* r0 = 0; exit */
static int load(void)
{
	static const struct bpf_insn nothing[] = {{.code = 0xb7}, {.code = 0x95}};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_KPROBE;
	attr.expected_attach_type = UPROBE_MULTI;
	attr.insns = (uintptr_t)nothing;
	attr.insn_cnt = 2;
	attr.license = (uintptr_t) "GPL";
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static uint32_t read_sites(uint64_t *sites)
{
	char line[64];
	uint32_t nr = 0;

	while (nr < MAX_SITES && fgets(line, sizeof(line), stdin))
		sites[nr++] = strtoull(line, NULL, 16);
	return nr;
}

int main(int argc, char **argv)
{
	uint64_t *sites = malloc(MAX_SITES * sizeof(*sites));
	struct link_create link;
	double begin, in, out;
	int fd;

	if (argc != 3 || !sites)
		return 2;
	memset(&link, 0, sizeof(link));
	link.prog_fd = (uint32_t)load();
	if ((int)link.prog_fd < 0) {
		fprintf(stderr, "BPF programs cannot be loaded: %s\n", strerror(errno));
		return 1;
	}
	link.attach_type = UPROBE_MULTI;
	link.path = (uintptr_t)argv[1];
	link.pid = (uint32_t)atoi(argv[2]);
	link.offsets = (uintptr_t)sites;
	link.cnt = read_sites(sites);
	begin = now_ms();
	fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof(link));
	in = now_ms() - begin;
	if (fd < 0) {
		fprintf(stderr, "no link of the kind uprobe multi: %s\n", strerror(errno));
		return 1;
	}
	begin = now_ms();
	close(fd);
	out = now_ms() - begin;
	printf("%u %.0f %.0f\n", link.cnt, in, out);
	return 0;
}
