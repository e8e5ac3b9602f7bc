// SPDX-License-Identifier: GPL-2.0
/*
 * count.c - the miniature tool as a command, for trying things by hand.
 *
 * count [-m auto|trap|step] [-p PID] [-n] [-P] [-t SECONDS] FILE:SYMBOL... [-- CMD...]
 */
#include "drive.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static enum upr_mode mode_of(const char *s)
{
	return !strcmp(s, "step") ? UPR_MODE_STEP : !strcmp(s, "trap") ? UPR_MODE_TRAP : UPR_MODE_AUTO;
}

int main(int argc, char **argv)
{
	struct upr_home_options options = {0};
	enum upr_mode mode = UPR_MODE_AUTO;
	struct drive d;
	unsigned int i, ms = 3600000;
	int c, pid = 0, r;
	u64 start;

	while ((c = getopt(argc, argv, "+m:p:nPt:")) != -1) {
		if (c == 'm')
			mode = mode_of(optarg);
		else if (c == 'p')
			pid = atoi(optarg);
		else if (c == 'n')
			options.no_inherit = true;
		else if (c == 'P')
			options.pin = true;
		else if (c == 't')
			ms = (unsigned int)(atof(optarg) * 1000);
	}
	drive_open(&d, mode, &options);
	for (; optind < argc && strcmp(argv[optind], "--"); optind++) {
		char *colon = strrchr(argv[optind], ':');

		*colon = 0;
		drive_count(&d, argv[optind], colon + 1);
	}
	r = pid ? drive_attach(&d, pid) :
		  drive_spawn(&d, argv + optind + (optind < argc && !strcmp(argv[optind], "--")));
	if (r)
		return 1;
	start = now_ms();
	if (pid)
		drive_for(&d, ms);
	else
		r = drive_until_end(&d, ms);
	for (i = 0; i < d.nr_probes; i++) {
		unsigned int ways[UPR_NR_WAYS];

		fprintf(stderr, "%s:%s %lld hits", d.probes[i].file, d.probes[i].symbol,
			(long long)drive_hits(&d.probes[i]));
		if (d.probes[i].registered && upr_probe_sites(d.session, d.probes[i].probe, ways))
			fprintf(stderr, " (emulate %u boost %u step %u)", ways[1], ways[2], ways[3]);
		if (d.probes[i].registered)
			fprintf(stderr, " way %d: %s", upr_probe_way(d.probes[i].probe),
				upr_probe_reason(d.probes[i].probe));
		fputc('\n', stderr);
	}
	fprintf(stderr, "%llu ms, exits %u, status %#x, r %d, ready %u\n", (unsigned long long)(now_ms() - start),
		d.exits, d.wstatus, r, d.readies);
	r = drive_close(&d);
	fprintf(stderr, "detach %d\n", r);
	return 0;
}
