// SPDX-License-Identifier: GPL-2.0
/*
 * probe-grammar.c - perf's grammar, and the words with which it refuses.
 *
 * Purpose: see probe-grammar.h.  A backslash takes the meaning from the character
 * behind it and is taken out of names.
 *
 * Locks: none.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe-grammar.h"

/* --- words ------------------------------------------------------------------- */

static int semantic(struct upr_error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int semantic(struct upr_error *err, int code, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return upr_error_set(err, UPR_ERR_SYNTAX, code, "Semantic error :%s", text);
}

/* The first of @stops in @s that no backslash stands before. */
static char *find(char *s, const char *stops)
{
	for (; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		else if (strchr(stops, *s))
			return s;
	}
	return NULL;
}

static char *unescaped(const char *s)
{
	char *ret = malloc(strlen(s) + 1), *out = ret;

	for (; ret && *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		*out++ = *s;
	}
	if (ret)
		*out = '\0';
	return ret;
}

/* @to takes the place of what may have been there: the last one wins. */
static int take(char **at, char *to)
{
	if (!to)
		return -ENOMEM;
	free(*at);
	*at = to;
	return 0;
}

bool perf_is_identifier(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return !*s;
}

bool perf_is_var(const char *name)
{
	return isalpha((unsigned char)*name) || *name == '_';
}

/* All of @s is a number, with perf's idea of bases.  "" is 0, as strtoul() has it. */
static bool number(const char *s, unsigned long *ret)
{
	char *end;

	*ret = strtoul(s, &end, 0);
	return !*end;
}

/* --- events ---------------------------------------------------------------------- */

static int parse_event(struct perf_def *def, char *s, struct upr_error *err)
{
	char *colon = find(s, ":");

	if (colon) {
		*colon = '\0';
		if (!def->sdt && !perf_is_identifier(s))
			goto bad;
		if (take(&def->group, unescaped(s)))
			return -ENOMEM;
		s = colon + 1;
	}
	if (take(&def->event, unescaped(s)))
		return -ENOMEM;
	if (!def->sdt && !perf_is_identifier(def->event))
		goto bad;
	return 0;
bad:
	return semantic(err, EINVAL, "%s is bad for event name -it must follow C symbol-naming rule.", s);
}

static int parse_sdt(struct perf_def *def, char *s, struct upr_error *err)
{
	char *stop = find(s, ";=@+%");
	int r;

	if (stop) {
		if (*stop != '@')
			return semantic(err, EINVAL, "%s must be an SDT name.", s);
		*stop = '\0';
		if (take(&def->target, strdup(stop + 1)))
			return -ENOMEM;
	}
	r = parse_event(def, s, err);
	if (!r && asprintf(&def->point.func, "%%%s", def->event) < 0) {
		def->point.func = NULL;
		r = -ENOMEM;
	}
	return r;
}

/* "%NAME", or "sdt_PROVIDER:NAME" */
static bool is_sdt(const char *s)
{
	return *s == '%' || (!strncmp(s, "sdt_", 4) && strchr(s, ':') && !strchr(s, '='));
}

/* --- points ------------------------------------------------------------------------ */

/* "file.c:12", "file.c;pattern": nothing that only functions have, and a dot before the colon. */
static bool is_line_of_file(char *s)
{
	char *stop = find(s, "+@%") ? NULL : find(s, ";:");

	return stop && memchr(s, '.', stop - s);
}

static int take_head(struct perf_point *p, const char *head, bool file, struct upr_error *err)
{
	char *end, *name = *head ? unescaped(head) : NULL;

	if (*head && !name)
		return -ENOMEM;
	if (file) {
		p->file = name;
		return 0;
	}
	p->func = name;
	if (name && !strncmp(name, "0x", 2)) {
		p->abs = strtoul(name, &end, 0);
		if (*end)
			return semantic(err, EINVAL, "Invalid absolute address.");
	}
	return 0;
}

static int take_part(struct perf_point *p, char kind, const char *s, struct upr_error *err)
{
	unsigned long n;

	switch (kind) {
	case ':':
		if (!number(s, &n))
			return semantic(err, EINVAL, "There is non-digit char in line number.");
		p->line = (int)n;
		return 0;
	case '+':
		if (!number(s, &p->offset))
			return semantic(err, EINVAL, "There is non-digit character in offset.");
		return 0;
	case '@':
		if (p->file)
			return semantic(err, EINVAL, "SRC@SRC is not allowed.");
		return take(&p->file, unescaped(s));
	default:
		if (strcmp(s, "return"))
			return semantic(err, ENOTSUP, "%%%s is not supported.", s);
		p->retprobe = true;
		return 0;
	}
}

/* Parts that exclude each other, in the order in which perf looks for them. */
static int check_point(const struct perf_point *p, struct upr_error *err)
{
	if (p->lazy && p->line)
		return semantic(err, EINVAL, "Lazy pattern can't be used with line number.");
	if (p->lazy && p->offset)
		return semantic(err, EINVAL, "Lazy pattern can't be used with offset.");
	if (p->line && p->offset)
		return semantic(err, EINVAL, "Offset can't be used with line number.");
	if (!p->line && !p->lazy && p->file && !p->func)
		return semantic(err, EINVAL, "File always requires line number or lazy pattern.");
	if (p->offset && !p->func)
		return semantic(err, EINVAL, "Offset requires an entry function.");
	if ((p->offset || p->line || p->lazy) && p->retprobe)
		return semantic(err, EINVAL, "Offset/Line/Lazy pattern can't be used with return probe.");
	return 0;
}

static int parse_point(struct perf_point *p, char *s, struct upr_error *err)
{
	bool file = is_line_of_file(s);
	char *stop = find(s, ";:+@%"), kind = 0;
	int r;

	if (stop) {
		kind = *stop;
		*stop++ = '\0';
	}
	r = take_head(p, s, file, err);
	while (!r && stop) {
		char *part = stop, next = 0;

		if (kind == ';') {
			r = take(&p->lazy, strdup(part));
			break;
		}
		stop = find(part, ";:+@%");
		if (stop) {
			next = *stop;
			*stop++ = '\0';
		}
		r = take_part(p, kind, part, err);
		kind = next;
	}
	return r ? r : check_point(p, err);
}

static int parse_probe(struct perf_def *def, char *s, struct upr_error *err)
{
	char *stop;
	int r;

	if (is_sdt(s)) {
		def->sdt = true;
		return parse_sdt(def, *s == '%' ? s + 1 : s, err);
	}
	stop = find(s, ";=@+%");
	if (stop && *stop == '=') {
		*stop = '\0';
		r = parse_event(def, s, err);
		if (r)
			return r;
		s = stop + 1;
	}
	return parse_point(&def->point, s, err);
}

/* --- arguments ----------------------------------------------------------------------- */

static int add_field(struct perf_field ***at, bool ref, long index, char *name)
{
	struct perf_field *field = calloc(1, sizeof(*field));

	if (!field || !name) {
		free(field);
		free(name);
		return -ENOMEM;
	}
	*field = (struct perf_field){.name = name, .ref = ref, .index = index};
	**at = field;
	*at = &field->next;
	return 0;
}

/* "->b", ".b" or "[3]" at *@s, which moves behind it. */
static int parse_field(struct perf_field ***at, char **s, const char **good, struct upr_error *err)
{
	char *begin = *s, *end;
	bool ref = true;
	long index = 0;

	if (*begin == '[') {
		index = strtol(begin + 1, &end, 0);
		if (*end != ']' || end == begin + 1)
			return semantic(err, EINVAL, "Array index must be a number.");
		end++;
		/* what is not a field there belongs to the name of this one */
		if (*end && !strchr("-.[", *end))
			end += strlen(end);
	} else {
		if (*begin == '.') {
			ref = false;
			begin++;
		} else if (begin[1] == '>') {
			begin += 2;
		} else {
			return semantic(err, EINVAL, "Argument parse error: %s", begin);
		}
		end = begin + strcspn(begin, "-.[");
	}
	if (add_field(at, ref, index, strndup(begin, end - begin)))
		return -ENOMEM;
	if (*begin != '[')
		*good = begin;
	*s = end;
	return 0;
}

static int parse_value(struct perf_arg *arg, char *s, struct upr_error *err)
{
	struct perf_field **at = &arg->fields;
	char *stop = strpbrk(s, "-.[");
	const char *good = s;
	int r;

	if (!perf_is_var(s) || !stop)
		return take(&arg->var, strdup(s));
	r = take(&arg->var, strndup(s, stop - s));
	while (!r && *stop)
		r = parse_field(&at, &stop, &good, err);
	if (!r && !arg->name)
		r = take(&arg->name, strndup(good, strcspn(good, "-.[")));
	return r;
}

static int parse_arg(struct perf_arg *arg, char *s, struct upr_error *err)
{
	char *stop = strchr(s, '=');

	if (stop) {
		*stop = '\0';
		if (take(&arg->name, strdup(s)))
			return -ENOMEM;
		s = stop + 1;
	}
	stop = strchr(s, '@');
	if (stop && stop != s && !strcmp(stop + 1, "user")) {
		*stop = '\0';
		arg->user = true;
	}
	stop = strchr(s, ':');
	if (stop) {
		*stop = '\0';
		if (take(&arg->type, strdup(stop + 1)))
			return -ENOMEM;
	}
	return parse_value(arg, s, err);
}

static int parse_args(struct perf_def *def, char **words, size_t nr, struct upr_error *err)
{
	size_t i;
	int r;

	def->args = calloc(nr + 1, sizeof(*def->args));
	if (!def->args)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		struct perf_arg *arg = &def->args[def->nr_args++];

		r = parse_arg(arg, words[i], err);
		if (r)
			return r;
		if (perf_is_var(arg->var) && def->point.retprobe)
			return semantic(err, EINVAL, "You can't specify local variable for kretprobe.");
	}
	return 0;
}

/* --- all of it ----------------------------------------------------------------------------- */

/* Words between blanks; @text is cut up. */
static size_t split(char *text, char **words, size_t max)
{
	size_t nr = 0;

	for (text += strspn(text, PERF_BLANKS); *text; text += strspn(text, PERF_BLANKS)) {
		size_t len = strcspn(text, PERF_BLANKS);

		if (nr < max)
			words[nr] = text;
		nr++;
		text += len;
		if (*text)
			*text++ = '\0';
	}
	return nr;
}

int perf_def_parse(struct perf_def *def, const char *text, struct upr_error *err)
{
	char *copy = strdup(text), *words[PERF_ARGS_MAX + 1];
	size_t nr;
	int r;

	memset(def, 0, sizeof(*def));
	if (!copy)
		return upr_error_nomem(err);
	nr = split(copy, words, PERF_ARGS_MAX + 1);
	if (!nr)
		r = upr_error_set(err, UPR_ERR_SYNTAX, EINVAL, "%s", "");
	else if (nr > PERF_ARGS_MAX + 1)
		r = upr_error_set(err, UPR_ERR_SYNTAX, ERANGE, "Too many probe arguments (%zu).", nr - 1);
	else
		r = parse_probe(def, words[0], err);
	if (!r)
		r = parse_args(def, words + 1, nr - 1, err);
	if (r == -ENOMEM)
		upr_error_nomem(err);
	free(copy);
	return r;
}

static void free_fields(struct perf_field *field)
{
	while (field) {
		struct perf_field *next = field->next;

		free(field->name);
		free(field);
		field = next;
	}
}

void perf_def_free(struct perf_def *def)
{
	size_t i;

	for (i = 0; i < def->nr_args; i++) {
		free(def->args[i].name);
		free(def->args[i].var);
		free(def->args[i].type);
		free_fields(def->args[i].fields);
	}
	free(def->args);
	free(def->group);
	free(def->event);
	free(def->target);
	free(def->point.func);
	free(def->point.file);
	free(def->point.lazy);
	memset(def, 0, sizeof(*def));
}

bool perf_def_wants_vars(const struct perf_def *def)
{
	size_t i;

	for (i = 0; i < def->nr_args; i++)
		if (perf_is_var(def->args[i].var) || !strcmp(def->args[i].var, "$params") ||
		    !strcmp(def->args[i].var, "$vars"))
			return true;
	return false;
}

bool perf_def_wants_dwarf(const struct perf_def *def)
{
	return def->point.file || def->point.line || def->point.lazy || perf_def_wants_vars(def);
}

char *perf_point_text(const struct perf_point *p)
{
	char part[48] = "", *ret = NULL;
	const char *file = p->file ? p->file : "";

	if (p->func && p->offset)
		snprintf(part, sizeof(part), "+%lu", p->offset);
	else if (p->line)
		snprintf(part, sizeof(part), ":%d", p->line);
	/* of a path the last two parts, no more than 32 characters back */
	if (p->file) {
		size_t len = strlen(file);
		const char *slash;

		file = len > 31 ? file + len - 31 : file;
		slash = len > 31 ? strchr(file, '/') : NULL;
		if (slash)
			file = slash + 1;
	}
	if (asprintf(&ret, "%s%s%s%s%s", p->func ? p->func : "", p->func ? part : "", p->retprobe ? "%return" : "",
		     p->file && p->func ? "@" : "", p->func ? file : "") < 0)
		return NULL;
	if (p->func)
		return ret;
	free(ret);
	return asprintf(&ret, "@%s%s", file, part) < 0 ? NULL : ret;
}

static void put_arg(const struct perf_arg *arg, FILE *out)
{
	const struct perf_field *field;

	fprintf(out, "%s%s%s", arg->name ? arg->name : "", arg->name ? "=" : "", arg->var);
	for (field = arg->fields; field; field = field->next)
		fprintf(out, "%s%s", *field->name == '[' ? "" : field->ref ? "->" : ".", field->name);
	if (arg->type)
		fprintf(out, ":%s", arg->type);
}

char *perf_args_text(const struct perf_def *def)
{
	char *ret = NULL;
	size_t size, i;
	FILE *out = open_memstream(&ret, &size);

	if (!out)
		return NULL;
	for (i = 0; i < def->nr_args; i++) {
		if (i)
			fputc(' ', out);
		put_arg(&def->args[i], out);
	}
	return fclose(out) ? NULL : ret;
}

/* --- lines --------------------------------------------------------------------------------- */

static int line_number(char **s, int *ret, const char *what, struct upr_error *err)
{
	char *begin = *s;
	long n;

	errno = 0;
	n = strtol(begin, s, 0);
	if (*s == begin || errno || n < INT_MIN || n > INT_MAX)
		return semantic(err, EINVAL, "'%s' is not a valid number.", what);
	*ret = (int)n;
	return 0;
}

static int parse_range(struct perf_lines *lines, char *s, struct upr_error *err)
{
	char sign;
	int r = line_number(&s, &lines->from, "start line", err);

	if (r)
		return r;
	sign = *s;
	if (sign == '+' || sign == '-') {
		s++;
		r = line_number(&s, &lines->to, "end line", err);
		if (r)
			return r;
		/* a number of lines counts the first one */
		if (sign == '+')
			lines->to += lines->from - 1;
		if (lines->from > lines->to)
			return semantic(err, EINVAL, "Start line must be smaller than end line.");
	}
	if (*s)
		return semantic(err, EINVAL, "Tailing with invalid str '%s'.", s);
	return 0;
}

int perf_lines_parse(struct perf_lines *lines, const char *text, struct upr_error *err)
{
	char *name = strdup(text), *colon, *at;
	int r = 0;

	memset(lines, 0, sizeof(*lines));
	if (!name)
		return upr_error_nomem(err);
	lines->to = INT_MAX;
	colon = strchr(name, ':');
	if (colon) {
		*colon = '\0';
		r = parse_range(lines, colon + 1, err);
	}
	at = r ? NULL : strchr(name, '@');
	if (r) {
		/* no more of it */
	} else if (at) {
		*at = '\0';
		r = take(&lines->func, strdup(name));
		if (!r)
			r = take(&lines->file, strdup(at + 1));
	} else if (strchr(name, '/') || strchr(name, '.')) {
		r = take(&lines->file, strdup(name));
	} else if (!perf_is_identifier(name)) {
		r = semantic(err, EINVAL, "'%s' is not a valid function name.", name);
	} else {
		r = take(&lines->func, strdup(name));
	}
	if (r == -ENOMEM)
		upr_error_nomem(err);
	free(name);
	return r;
}

void perf_lines_free(struct perf_lines *lines)
{
	free(lines->func);
	free(lines->file);
	memset(lines, 0, sizeof(*lines));
}
