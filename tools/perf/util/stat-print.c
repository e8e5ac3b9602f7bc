// SPDX-License-Identifier: GPL-2.0
/*
 * stat-print.c - results of `perf-uprobe stat`, in perf stat's look.
 *
 * Purpose: see stat-print.h.  Locks: none.
 */
#include <ctype.h>

#include "stat-print.h"
#include "ui.h"

/* Names longer than this do not widen the column for all. */
#define NAME_WIDTH_MIN 25
#define NAME_WIDTH_MAX 48

/* An event with its numbers, as it will be printed. */
struct row {
	const struct uprobe_event *event;
	struct uprobe_totals t;
	u64 count;
	size_t order;
};

struct table {
	struct row *rows;
	size_t nr; /* shown */
	size_t nr_all;
	int name_width;
};

static int by_count(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->order < y->order ? -1 : 1;
}

static int table_fill(struct table *table, const struct run_options *opts, const struct uprobe_set *set)
{
	size_t i;

	*table = (struct table){.nr = set->nr_events, .nr_all = set->nr_events, .name_width = NAME_WIDTH_MIN};
	table->rows = reallocarray(NULL, set->nr_events + 1, sizeof(*table->rows));
	if (!table->rows)
		return -ENOMEM;
	for (i = 0; i < set->nr_events; i++) {
		struct row *row = &table->rows[i];

		*row = (struct row){.event = set->events[i], .order = i};
		uprobe_event_totals(row->event, &row->t);
		/* a hit may have been taken back since it was reported */
		if (row->t.count > row->event->reported)
			row->count = row->t.count - row->event->reported;
	}
	if (opts->top) {
		qsort(table->rows, table->nr, sizeof(*table->rows), by_count);
		table->nr = min(table->nr, (size_t)opts->top);
	}
	for (i = 0; i < table->nr; i++)
		table->name_width = max(table->name_width, (int)strlen(table->rows[i].event->name));
	table->name_width = min(table->name_width, NAME_WIDTH_MAX);
	return 0;
}

/* --- text ------------------------------------------------------------------- */

/* A rate and its unit, as perf scales it. */
static double rate_of(u64 count, double seconds, char unit[8])
{
	static const char prefix[] = " KMG";
	double rate = seconds > 0 ? count / seconds : 0;
	int i = 0;

	for (; rate >= 1000 && i < 3; i++)
		rate /= 1000;
	snprintf(unit, 8, "%.1s/sec", i ? &prefix[i] : "");
	return rate;
}

/* The function, where the event's name does not say it. */
static void print_symbol(FILE *out, const struct uprobe_event *event)
{
	const char *name = strchr(event->name, ':') + 1;
	const struct uprobe_site *site = event->nr_sites ? event->sites[0] : NULL;

	if (!event->symbol)
		return;
	if (site && !site->ifunc && site->func_off)
		fprintf(out, "  %s+%llu", event->symbol, (unsigned long long)site->func_off);
	else if (strcmp(name, event->symbol))
		fprintf(out, "  %s", event->symbol);
}

static void print_row_text(FILE *out, const struct table *table, const struct row *row, double span)
{
	char unit[8];
	double rate = rate_of(row->count, span, unit);

	if (row->t.uncounted)
		fprintf(out, "%18s      %-*s        # %s", "<not counted>", table->name_width, row->event->name,
			row->t.why);
	else
		fprintf(out, "%'18llu      %-*s        # %8.3f %-6s", (unsigned long long)row->count, table->name_width,
			row->event->name, rate, unit);
	print_symbol(out, row->event);
}

/* A word of the command; what would break the line is a blank. */
static void print_word(FILE *out, const char *word)
{
	for (; *word; word++)
		fputc(iscntrl((u8)*word) ? ' ' : *word, out);
}

static void print_title(FILE *out, const struct run_options *opts)
{
	size_t i;

	fputs("\n Performance counter stats for ", out);
	if (opts->nr_pids) {
		fputs("process id '", out);
		for (i = 0; i < opts->nr_pids; i++)
			fprintf(out, "%s%d", i ? "," : "", opts->pids[i]);
	} else {
		fputc('\'', out);
		for (i = 0; opts->command[i]; i++) {
			if (i)
				fputc(' ', out);
			print_word(out, opts->command[i]);
		}
	}
	fputs("':\n\n", out);
}

/* Whatever a reader of the counts must know. */
static void print_accounts(FILE *out, const struct table *table, const struct uprobe_set *set)
{
	u64 missed = 0, hidden = 0;
	size_t i, j, refused = 0, unloaded = 0, unresolved = 0;

	for (i = 0; i < table->nr_all; i++) {
		const struct row *row = &table->rows[i];
		bool loaded = false;

		missed += row->t.missed;
		refused += row->t.refused;
		if (i >= table->nr)
			hidden += row->count;
		for (j = 0; j < row->event->nr_sites; j++)
			loaded |= row->event->sites[j]->image->mapped;
		if (!loaded)
			unloaded++;
		else if (!row->t.sites && !row->t.uncounted)
			unresolved++;
	}
	if (table->nr < table->nr_all)
		fprintf(out, "%'18llu      in %'zu events not shown\n", (unsigned long long)hidden,
			table->nr_all - table->nr);
	if (missed)
		fprintf(out, "\n %'llu hits were missed: seen, but not counted or not executed in full\n",
			(unsigned long long)missed);
	if (refused)
		fprintf(out, "\n %'zu places were not armed%s\n", refused, ui_verbose ? "" : " (-v tells why)");
	for (i = 0; unloaded && i < set->nr_images; i++)
		if (!set->images[i]->mapped)
			fprintf(out, "\n No process has loaded %s: nothing in it was counted\n", set->images[i]->path);
	if (unresolved)
		fprintf(out, "\n %'zu IFUNCs were not resolved by any process, hence not called\n", unresolved);
}

static void print_text(FILE *out, const struct run_options *opts, const struct uprobe_set *set,
		       const struct table *table, const struct stat_times *times)
{
	size_t i;

	print_title(out, opts);
	for (i = 0; i < table->nr; i++) {
		print_row_text(out, table, &table->rows[i], times->span);
		fputc('\n', out);
	}
	print_accounts(out, table, set);
	fprintf(out, "\n%'18.9f seconds time elapsed\n\n", times->elapsed);
	if (times->user >= 0)
		fprintf(out, "%'18.9f seconds user\n%'18.9f seconds sys\n\n\n", times->user, times->sys);
}

/* --- for programs ------------------------------------------------------------- */

/* A decimal number with a point, whatever the locale's is. */
static void print_seconds(FILE *out, double v)
{
	long long ns = (long long)(v * 1e9 + 0.5);

	fprintf(out, "%lld.%09lld", ns / 1000000000, ns % 1000000000);
}

static void print_csv(FILE *out, const struct table *table, const struct stat_times *times, bool interval)
{
	char unit[8];
	size_t i;

	for (i = 0; i < table->nr; i++) {
		const struct row *row = &table->rows[i];
		double rate = rate_of(row->count, times->span, unit);

		if (interval) {
			print_seconds(out, times->elapsed);
			fputc(',', out);
		}
		if (row->t.uncounted) {
			fprintf(out, "<not counted>,,%s,0,100.00,,\n", row->event->name);
			continue;
		}
		/* time armed in ns, share of it counted (always all), then the metric */
		fprintf(out, "%llu,,%s,%lld,100.00,%lld.%03lld,%s\n", (unsigned long long)row->count, row->event->name,
			(long long)(times->span * 1e9), (long long)rate, (long long)(rate * 1000) % 1000, unit);
	}
}

/*
 * There may be tens of thousands of rows, and a call of stdio for each word takes longer than all that is counted:
 * lines are put together here.
 */
struct lines {
	FILE *out;
	size_t len;
	char buf[16384];
};

static void lines_flush(struct lines *l)
{
	fwrite(l->buf, 1, l->len, l->out);
	l->len = 0;
}

static void put_bytes(struct lines *l, const char *s, size_t len)
{
	if (len > sizeof(l->buf) - l->len)
		lines_flush(l);
	if (len > sizeof(l->buf)) {
		fwrite(s, 1, len, l->out);
		return;
	}
	memcpy(l->buf + l->len, s, len);
	l->len += len;
}

/* The length of a constant is known when this is compiled. */
static inline __attribute__((always_inline)) void put(struct lines *l, const char *s)
{
	put_bytes(l, s, strlen(s));
}

static void put_digits(struct lines *l, u64 n)
{
	char digits[20], *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	put_bytes(l, p, digits + sizeof(digits) - p);
}

static inline __attribute__((always_inline)) void put_number(struct lines *l, const char *before, u64 n)
{
	put(l, before);
	put_digits(l, n);
}

/* As far as JSON takes it as it is. */
static size_t plain_length(const char *s)
{
	static const bool ends[256] = {[0 ... 0x1f] = 1, ['"'] = 1, ['\\'] = 1, [0x7f] = 1};
	size_t len = 0;

	while (!ends[(u8)s[len]])
		len++;
	return len;
}

/* What JSON wants otherwise is rare. */
static void put_quoted(struct lines *l, const char *s)
{
	size_t len = plain_length(s);

	if (s[len]) {
		lines_flush(l);
		ui_json_string(l->out, s);
		return;
	}
	put(l, "\"");
	put_bytes(l, s, len);
	put(l, "\"");
}

static inline __attribute__((always_inline)) void put_string(struct lines *l, const char *before, const char *s)
{
	put(l, before);
	put_quoted(l, s);
}

static void put_row(struct lines *l, const struct row *row)
{
	const struct uprobe_totals *t = &row->t;
	const char *comma = "";
	int way;

	put_string(l, "\"event\":", row->event->name);
	put_number(l, ",\"count\":", row->count);
	put_number(l, ",\"sites\":", t->sites);
	put(l, ",\"modes\":{");
	for (way = 0; way < UPR_NR_WAYS; way++) {
		if (!t->modes[way])
			continue;
		put_string(l, comma, uprobe_way_name(way));
		put_number(l, ":", t->modes[way]);
		comma = ",";
	}
	put_number(l, "},\"missed\":", t->missed);
	if (row->event->symbol)
		put_string(l, ",\"symbol\":", row->event->symbol);
	if (t->why)
		put_string(l, ",\"unarmed\":", t->why);
}

static void print_json(FILE *out, const struct table *table, const struct stat_times *times, bool interval)
{
	struct lines l;
	size_t i;

	l.out = out;
	l.len = 0;
	for (i = 0; i < table->nr; i++) {
		put(&l, "{");
		if (interval) {
			put(&l, "\"interval\":");
			lines_flush(&l);
			print_seconds(out, times->elapsed);
			put(&l, ",");
		}
		put_row(&l, &table->rows[i]);
		put(&l, "}\n");
	}
	lines_flush(&l);
}

/* --- entry ---------------------------------------------------------------------- */

static int finish(FILE *out)
{
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}

int stat_print(FILE *out, const struct run_options *opts, const struct uprobe_set *set, const struct stat_times *times)
{
	struct table table;

	if (table_fill(&table, opts, set))
		return -ENOMEM;
	errno = 0;
	if (opts->format == RUN_JSON)
		print_json(out, &table, times, false);
	else if (opts->format == RUN_CSV)
		print_csv(out, &table, times, false);
	else
		print_text(out, opts, set, &table, times);
	free(table.rows);
	return finish(out);
}

int stat_print_interval(FILE *out, const struct run_options *opts, struct uprobe_set *set,
			const struct stat_times *times)
{
	static size_t lines;
	struct table table;
	size_t i;

	if (table_fill(&table, opts, set))
		return -ENOMEM;
	errno = 0;
	if (opts->format == RUN_JSON) {
		print_json(out, &table, times, true);
	} else if (opts->format == RUN_CSV) {
		print_csv(out, &table, times, true);
	} else {
		for (i = 0; i < table.nr; i++) {
			/* the heading comes again, as perf does it */
			if (lines++ % 25 == 0)
				fputs("#           time             counts unit events\n", out);
			fprintf(out, "%'16.9f ", times->elapsed);
			print_row_text(out, &table, &table.rows[i], times->span);
			fputc('\n', out);
		}
	}
	for (i = 0; i < table.nr_all; i++)
		set->events[table.rows[i].order]->reported += table.rows[i].count;
	free(table.rows);
	return finish(out);
}
