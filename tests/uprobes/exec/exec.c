// SPDX-License-Identifier: GPL-2.0
/*
 * exec.c - the execution test: every instruction form, natively and in every way.
 *
 * Purpose: for each form of the decoder's map that user space can execute, random
 * registers, flags, vector state and memory; then the same instruction natively,
 * emulated, boosted and stepped, in a slot near and one out of reach.  All of them
 * must end alike: registers, flags, vector state, memory, and the fault.
 *
 *	test-exec [--seed N] [--samples N] [--time SECONDS] [--forms] [--only TEXT] [SECONDS]
 *
 * --samples is the number of states per form (default 1); --time stops early and
 * goes round again if there is time left; SECONDS alone is the same with a seed of the
 * clock's, for `make fuzz`.  --forms lists what becomes of each form.
 *
 * Locks: none; one thread.
 */
#include <getopt.h>
#include <time.h>

#include "../tap.h"
#include "exec.h"

#define MAX_COMPLAINTS 40
/* More, and it is not the machine that is at fault. */
#define MAX_UNSTEADY 2
#define NR_TALLIES   (2 * FORM_NR_GROUPS)

enum { WAY_E, WAY_B, WAY_S, NR_RUN };

/**
 * struct tally - results of a group of forms in one mode
 * @forms:	forms with at least one sample run
 * @absent:	forms this CPU does not have (each way must say so as well)
 * @first:	the first complaint of each way
 */
struct tally {
	unsigned long forms, absent, samples, faults;
	unsigned long run[NR_RUN], wrong[NR_RUN], fallback, range, hung;
	char first[NR_RUN][256];
};

/* How many forms were not run, by reason. */
struct skipped {
	const char *reason;
	unsigned long forms;
};

static struct tally tallies[NR_TALLIES];
static struct skipped skips[32];
static unsigned int complaints;
static unsigned long rsp_aside, cpuid_aside, unsteady;
static struct rat_state blank, start, native, other;
static bool list_forms;
static const char *only;

static const enum upr_way ways[NR_RUN] = {UPR_WAY_EMULATE, UPR_WAY_BOOST, UPR_WAY_STEP};
static const char *const way_names[NR_RUN] = {"emulated", "boosted", "stepped"};

int check(bool pass, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return ok(pass, "%s", text);
}

void note(const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag("%s", text);
}

void leave_out(const char *name, const char *reason)
{
	skip(name, reason);
}

static void count_skip(const char *reason)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(skips) && skips[i].reason; i++)
		if (!strcmp(skips[i].reason, reason))
			break;
	if (i < ARRAY_SIZE(skips)) {
		skips[i].reason = reason;
		skips[i].forms++;
	}
}

static void complain(const struct form *form, const struct upr_xol *xol, const char *way, u64 area, const char *why,
		     char *first)
{
	char hex[3 * UPR_INSN_MAX + 1], text[256];
	unsigned int i;

	for (i = 0; i < xol->insn.length; i++)
		snprintf(hex + 3 * i, 4, "%02x ", xol->code[i]);
	snprintf(text, sizeof(text), "%s: %s, %s%s: %s (native: signal %d at %#llx)", form_text(form), hex, way,
		 area == RAT_FAR  ? " far" :
		 area == RAT_NEAR ? " near" :
				    "",
		 why, native.signo, native.regs.rip);
	if (!*first)
		memcpy(first, text, sizeof(text));
	if (complaints++ < MAX_COMPLAINTS)
		diag("%s", text);
}

/* What this machine makes of it is no measure. */
static bool is_set_aside(enum upr_way way, const struct upr_insn *insn)
{
	bool is_cpuid = insn->enc == UPR_ENC_LEGACY && insn->map == UPR_MAP_0F && insn->opcode == 0xa2;
	/* what is emulated or stepped stops behind the instruction and goes on from there */
	bool stuck = way != UPR_WAY_BOOST && !can_go_on(native.regs.rsp);
	/* a program that steps itself */
	bool hidden = is_cpuid && !machine.steps_cpuid && (start.regs.eflags & UPR_FL_TF);

	rsp_aside += stuck;
	cpuid_aside += hidden;
	return stuck || hidden;
}

/*
 * Does the instruction end alike when it is executed natively once more?  A virtual machine has been seen to raise SIGILL
 * at the int3 behind an adc, once in thousands of runs of the same samples.
 */
static bool is_steady(const struct upr_xol *xol)
{
	static struct rat_state again;
	char why[256] = "it did not stop";

	if (run_native(xol->code, xol->insn.length, &start, &again) &&
	    same_end(UPR_WAY_EMULATE, &xol->insn, &native, &again, why, sizeof(why)))
		return true;
	diag("natively once more: %s", why);
	unsteady++;
	return false;
}

static void run_one(const struct form *form, const struct upr_xol *xol, struct tally *t, unsigned int w, u64 area)
{
	struct way_case c = {xol, &start, area};
	char why[256] = "";

	if (is_set_aside(ways[w], &xol->insn))
		return;
	switch (run_way(ways[w], &c, &other)) {
	case WAY_DONE:
		t->run[w]++;
		if (same_end(ways[w], &xol->insn, &native, &other, why, sizeof(why)))
			return;
		break;
	case WAY_FALLBACK:
		t->fallback++;
		return;
	case WAY_RANGE:
		t->range++;
		return;
	case WAY_HUNG:
		snprintf(why, sizeof(why), "did not stop");
		break;
	case WAY_BROKEN:
		snprintf(why, sizeof(why), "%s", way_complaint);
		break;
	}
	if (!is_steady(xol))
		return;
	t->wrong[w]++;
	complain(form, xol, way_names[w], ways[w] == UPR_WAY_EMULATE ? 0 : area, why, t->first[w]);
}

static u64 pick_area(const struct form *form)
{
	return form->mode == UPR_INSN_64 && one_in(2) ? RAT_FAR : RAT_NEAR;
}

/* Return: what became of it, for --forms. */
static const char *run_sample(const struct form *form, struct tally *t)
{
	u8 code[UPR_INSN_MAX];
	struct upr_insn insn;
	struct upr_xol xol;
	const char *reason;
	unsigned int w;

	if (!form_bytes(form, code, &insn))
		return "not found again";
	if (upr_xol_analyze(&xol, code, sizeof(code), (enum upr_insn_mode)form->mode, 0))
		return xol.reason;
	reason = skip_reason(&insn);
	if (reason)
		return reason;
	aim(&start, &blank, code, &insn);
	if (upr_xol_analyze(&xol, code, sizeof(code), (enum upr_insn_mode)form->mode, 0))
		return xol.reason;
	if (!run_native(code, insn.length, &start, &native)) {
		t->hung++;
		return "does not stop natively";
	}
	t->samples++;
	if (native.signo != SIGTRAP)
		t->faults++;
	for (w = 0; w < NR_RUN; w++)
		if (xol.ways & UPR_WAYS(ways[w]))
			run_one(form, &xol, t, w, pick_area(form));
	return native.signo == SIGILL ? "SIGILL" : NULL;
}

static void run_form(const struct form *form, unsigned int samples)
{
	struct tally *t = &tallies[form_group(form) + (form->mode == UPR_INSN_32 ? FORM_NR_GROUPS : 0)];
	const char *fate = NULL;
	unsigned int i;
	bool ran = false, present = false;

	if (only && !strstr(form_text(form), only))
		return;
	for (i = 0; i < samples; i++) {
		fate = run_sample(form, t);
		if (fate && strcmp(fate, "SIGILL"))
			break;
		ran = true;
		present |= !fate;
	}
	if (ran) {
		t->forms++;
		t->absent += !present;
	} else if (fate) {
		count_skip(fate);
	}
	if (list_forms)
		printf("# %s: %s\n", form_text(form), !ran ? fate : present ? "run" : "run: SIGILL, as natively");
}

/* --- the run ----------------------------------------------------------------- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void run_all(unsigned int samples, double seconds)
{
	double end = now() + seconds;
	bool again = true;
	unsigned int mode;
	size_t i;

	for (; again; again = seconds && now() < end) {
		for (mode = UPR_INSN_64; mode <= (machine.code32 ? UPR_INSN_32 : UPR_INSN_64); mode++) {
			size_t nr;
			struct form *forms = forms_make((enum upr_insn_mode)mode, &nr);

			for (i = 0; i < nr && !(seconds && now() > end); i++)
				run_form(&forms[i], samples);
			free(forms);
		}
	}
}

static void report(bool all)
{
	unsigned long total = 0, absent = 0, samples = 0;
	unsigned int i, w;

	for (i = 0; i < NR_TALLIES; i++) {
		struct tally *t = &tallies[i];
		const char *mode = i >= FORM_NR_GROUPS ? ", 32-bit" : "";

		if (!t->forms)
			continue;
		total += t->forms;
		absent += t->absent;
		samples += t->samples;
		for (w = 0; w < NR_RUN; w++)
			if (t->run[w] || t->wrong[w])
				ok(!t->wrong[w], "%s%s: %lu times natively = %s%s%s",
				   form_group_name(i % FORM_NR_GROUPS), mode, t->run[w], way_names[w],
				   t->wrong[w] ? ", but " : "", t->first[w]);
		diag("%lu forms (%lu not on this CPU), %lu samples, %lu faulted, %lu emulations fell back, "
		     "%lu out of reach, %lu did not stop natively",
		     t->forms, t->absent, t->samples, t->faults, t->fallback, t->range, t->hung);
	}
	if (!machine.code32)
		skip("32-bit code: natively = emulated, boosted and stepped", NO_CODE32);
	ok(!all || total - absent > 20000,
	   "%lu forms run, %lu of them not on this CPU (SIGILL in every way), %lu samples", total, absent, samples);
	for (i = 0; i < ARRAY_SIZE(skips) && skips[i].reason; i++)
		diag("not run: %lu forms: %s", skips[i].forms, skips[i].reason);
	if (!machine.any_rsp)
		diag("%lu runs set aside: they leave a stack pointer this machine cannot go on with", rsp_aside);
	if (!machine.keeps_nt)
		diag("%lu stepped popf have set NT, which this machine loses at a stop: not compared", nt_lost);
	if (!machine.steps_cpuid)
		diag("%lu runs set aside: they step over cpuid, which this machine steps along with what follows it",
		     cpuid_aside);
	ok(unsteady <= MAX_UNSTEADY, "%lu runs set aside: natively they did not end alike twice", unsteady);
	if (complaints > MAX_COMPLAINTS)
		diag("%u more complaints", complaints - MAX_COMPLAINTS);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", 1, NULL, 's'},	 {"samples", 1, NULL, 'n'}, {"time", 1, NULL, 't'},
		{"forms", 0, NULL, 'f'}, {"only", 1, NULL, 'o'},    {NULL, 0, NULL, 0},
	};
	unsigned int samples = 1;
	u64 seed = 20100117;
	double seconds = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			samples = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtod(optarg, NULL);
			break;
		case 'f':
			list_forms = true;
			break;
		case 'o':
			only = optarg;
			break;
		default:
			fprintf(stderr, "usage: test-exec [--seed N] [--samples N] [--time SECONDS] [--forms] "
					"[--only TEXT] [SECONDS]\n");
			return 129;
		}
	}
	if (optind < argc) {
		seconds = strtod(argv[optind], NULL);
		seed = (u64)time(NULL);
	}
	diag("seed %llu", (unsigned long long)seed);
	rnd_seed(seed);
	rat_start(&blank);
	if (!only)
		test_special(&blank);
	run_all(samples, seconds);
	rat_stop();
	report(!only && !seconds);
	return done_testing();
}
