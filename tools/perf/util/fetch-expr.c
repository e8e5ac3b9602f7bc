// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-expr.c - an argument of a definition, as written.
 *
 * Purpose: see fetch-expr.h.  Locks: none.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch-expr.h"

/* Nobody writes deeper ones; the stack of whoever reads them is finite. */
#define DEPTH_MAX 64

/** struct reader - @at: what is read next, of @text; @depth: of the tree so far */
struct reader {
	const char *text;
	const char *at;
	unsigned int depth;
	struct upr_error *err;
};

static struct fetch_expr *read_expr(struct reader *r);

static void expr_free(struct fetch_expr *e)
{
	if (!e)
		return;
	expr_free(e->of);
	expr_free(e->index);
	free(e->name);
	free(e);
}

/* The text, and where in it. */
static struct fetch_expr *wrong(struct reader *r, const char *what)
{
	upr_error_set(r->err, UPR_ERR_SYNTAX, EINVAL, "'%s': %s", r->text, what);
	upr_error_point(r->err, r->text, (size_t)(r->at - r->text));
	return NULL;
}

static struct fetch_expr *new_expr(struct reader *r, enum fetch_expr_kind kind, struct fetch_expr *of)
{
	struct fetch_expr *e = calloc(1, sizeof(*e));

	if (!e) {
		upr_error_nomem(r->err);
		expr_free(of);
		return NULL;
	}
	e->kind = kind;
	e->of = of;
	return e;
}

/* Takes the next @len characters as its name.  Return: @e, or NULL without memory. */
static struct fetch_expr *name_it(struct reader *r, struct fetch_expr *e, size_t len)
{
	if (!e)
		return NULL;
	e->name = strndup(r->at, len);
	r->at += len;
	if (e->name)
		return e;
	upr_error_nomem(r->err);
	expr_free(e);
	return NULL;
}

static size_t identifier(const char *s)
{
	size_t n = 0;

	if (isdigit((unsigned char)*s))
		return 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '_' || (s[n] == '$' && n))
		n++;
	return n;
}

/* NAME::NAME */
static size_t qualified(const char *s)
{
	size_t n = s[0] == ':' && s[1] == ':' ? 2 : 0, part;

	while ((part = identifier(s + n))) {
		n += part;
		if (s[n] != ':' || s[n + 1] != ':')
			return n;
		n += 2;
	}
	return 0;
}

static bool read_number(struct reader *r, long long *ret)
{
	char *end;

	errno = 0;
	*ret = *r->at == '-' || *r->at == '+' ? strtoll(r->at, &end, 0) : (long long)strtoull(r->at, &end, 0);
	if (end == r->at || errno || isspace((unsigned char)*r->at)) {
		wrong(r, "a number is expected here");
		return false;
	}
	r->at = end;
	return true;
}

static struct fetch_expr *numbered(struct reader *r, enum fetch_expr_kind kind)
{
	struct fetch_expr *e = new_expr(r, kind, NULL);

	if (e && read_number(r, &e->number))
		return e;
	expr_free(e);
	return NULL;
}

/* --- what begins with a sign of its own --------------------------------------------- */

static struct fetch_expr *read_dollar(struct reader *r)
{
	const char *word = r->at + 1;
	size_t len = identifier(word);

	if (len == 5 && !strncmp(word, "stack", 5)) {
		r->at += 6;
		return new_expr(r, FETCH_SP, NULL);
	}
	if (!strncmp(word, "stack", 5) && isdigit((unsigned char)word[5])) {
		r->at += 6;
		return numbered(r, FETCH_STACK);
	}
	if (!strncmp(word, "arg", 3) && isdigit((unsigned char)word[3])) {
		r->at += 4;
		return numbered(r, FETCH_ARGUMENT);
	}
	if (len == 4 && !strncmp(word, "comm", 4)) {
		r->at += 5;
		return new_expr(r, FETCH_TASK, NULL);
	}
	if (len == 6 && !strncmp(word, "retval", 6)) {
		r->at += 7;
		return new_expr(r, FETCH_RETVAL, NULL);
	}
	return wrong(r, "there are $stack, $stackN, $comm, $argN, $retval, and by themselves $vars and $params");
}

/* @ADDRESS, @+FILEOFFSET, @SYMBOL, @SYMBOL+OFFSET */
static struct fetch_expr *read_at(struct reader *r)
{
	struct fetch_expr *e;
	size_t len;

	r->at++;
	if (*r->at == '+') {
		r->at++;
		return numbered(r, FETCH_AT_OFFSET);
	}
	if (isdigit((unsigned char)*r->at))
		return numbered(r, FETCH_AT);
	len = qualified(r->at);
	if (!len)
		return wrong(r, "a symbol or an address is expected behind the @");
	e = name_it(r, new_expr(r, FETCH_AT_SYMBOL, NULL), len);
	if (e && (*r->at == '+' || *r->at == '-') && !read_number(r, &e->number)) {
		expr_free(e);
		return NULL;
	}
	return e;
}

/* +8(EXPR), -u8(EXPR) */
static struct fetch_expr *read_offset(struct reader *r)
{
	bool minus = *r->at++ == '-';
	struct fetch_expr *e, *of;
	long long number;

	if (*r->at == 'u')
		r->at++;
	if (!read_number(r, &number))
		return NULL;
	if (*r->at != '(')
		return wrong(r, "a bracket ( is expected behind the offset");
	r->at++;
	of = read_expr(r);
	if (of && *r->at != ')') {
		expr_free(of);
		return wrong(r, "the bracket is not closed here");
	}
	if (!of)
		return NULL;
	r->at++;
	e = new_expr(r, FETCH_OFFSET, of);
	if (e)
		e->number = minus ? -number : number;
	return e;
}

static struct fetch_expr *read_immediate(struct reader *r)
{
	const char *end;
	struct fetch_expr *e;

	r->at++;
	if (*r->at != '"')
		return numbered(r, FETCH_NUMBER);
	r->at++;
	end = strchr(r->at, '"');
	if (!end)
		return wrong(r, "the text is not closed");
	e = name_it(r, new_expr(r, FETCH_TEXT, NULL), (size_t)(end - r->at));
	r->at++;
	return e;
}

static struct fetch_expr *read_primary(struct reader *r)
{
	struct fetch_expr *e;
	size_t len;

	switch (*r->at) {
	case '%':
		r->at++;
		len = strspn(r->at, "abcdefghijklmnopqrstuvwxyz0123456789");
		return len ? name_it(r, new_expr(r, FETCH_REGISTER, NULL), len) :
			     wrong(r, "a register is expected behind the %");
	case '$':
		return read_dollar(r);
	case '@':
		return read_at(r);
	case '+':
	case '-':
		return read_offset(r);
	case '\\':
		return read_immediate(r);
	case '(':
		r->at++;
		e = read_expr(r);
		if (e && *r->at != ')') {
			expr_free(e);
			return wrong(r, "the bracket is not closed here");
		}
		r->at += e != NULL;
		return e;
	default:
		len = qualified(r->at);
		return len ? name_it(r, new_expr(r, FETCH_NAME, NULL), len) :
			     wrong(r, "a variable, a register (%di) or an offset (+8(%sp)) is expected here");
	}
}

/* --- what follows ------------------------------------------------------------------------ */

static struct fetch_expr *read_index(struct reader *r, struct fetch_expr *of)
{
	struct fetch_expr *e = new_expr(r, FETCH_INDEX, of);

	r->at++;
	if (!e)
		return NULL;
	if (isdigit((unsigned char)*r->at) || *r->at == '-')
		e->index = numbered(r, FETCH_NUMBER);
	else
		e->index = read_expr(r);
	if (e->index && *r->at != ']')
		wrong(r, "the bracket ] is expected here");
	if (!e->index || *r->at != ']') {
		expr_free(e);
		return NULL;
	}
	r->at++;
	return e;
}

static struct fetch_expr *read_member(struct reader *r, struct fetch_expr *of)
{
	size_t len = identifier(r->at);
	struct fetch_expr *e;

	if (!len) {
		expr_free(of);
		return wrong(r, "the name of a member is expected here");
	}
	e = new_expr(r, FETCH_MEMBER, of);
	return name_it(r, e, len);
}

static struct fetch_expr *read_postfix(struct reader *r)
{
	struct fetch_expr *e = read_primary(r);

	while (e && ++r->depth < DEPTH_MAX) {
		if (*r->at == '[') {
			e = read_index(r, e);
		} else if (*r->at == '.' || (r->at[0] == '-' && r->at[1] == '>')) {
			r->at += *r->at == '.' ? 1 : 2;
			e = read_member(r, e);
		} else {
			return e;
		}
	}
	if (!e)
		return NULL;
	expr_free(e);
	return wrong(r, "this is too deep");
}

static struct fetch_expr *read_expr(struct reader *r)
{
	enum fetch_expr_kind kind = *r->at == '*' ? FETCH_DEREF : FETCH_ADDRESS;
	struct fetch_expr *of;

	if (++r->depth >= DEPTH_MAX)
		return wrong(r, "this is too deep");
	if (*r->at != '*' && *r->at != '&')
		return read_postfix(r);
	r->at++;
	of = read_expr(r);
	return of ? new_expr(r, kind, of) : NULL;
}

/* --- the whole ---------------------------------------------------------------------------- */

/* As perf has it: what is reached last gives the name. */
static const char *natural_name(const struct fetch_expr *e)
{
	const char *colon;

	while (e->kind == FETCH_INDEX || e->kind == FETCH_DEREF || e->kind == FETCH_ADDRESS)
		e = e->of;
	if (e->kind != FETCH_NAME && e->kind != FETCH_MEMBER)
		return "";
	colon = strrchr(e->name, ':');
	return colon ? colon + 1 : e->name;
}

static int make_name(struct fetch_written *w)
{
	const char *name = natural_name(w->expr);
	char *s;

	if (w->name)
		return 0;
	if (!*name || !w->type) {
		w->name = strdup(name);
		return w->name ? 0 : -ENOMEM;
	}
	if (asprintf(&w->name, "%s_%s", name, w->type) < 0) {
		w->name = NULL;
		return -ENOMEM;
	}
	for (s = w->name; *s; s++)
		if (!isalnum((unsigned char)*s))
			*s = '_';
	return 0;
}

/* ":TYPE", "@user": whose memory it is has one answer here. */
static int read_type(struct reader *r, struct fetch_written *ret)
{
	static const char user[] = "@user";
	size_t len;

	if (*r->at == ':') {
		r->at++;
		len = strcspn(r->at, " \t");
		if (len > sizeof(user) - 1 && !strcmp(r->at + len - (sizeof(user) - 1), user))
			len -= sizeof(user) - 1;
		if (!len) {
			wrong(r, "a type is expected behind the colon");
			return -EINVAL;
		}
		ret->type = strndup(r->at, len);
		if (!ret->type)
			return upr_error_nomem(r->err);
		r->at += len;
	}
	if (!strcmp(r->at, user))
		r->at += sizeof(user) - 1;
	if (!*r->at)
		return 0;
	wrong(r, "nothing that could stand here");
	return -EINVAL;
}

int fetch_expr_parse(const char *text, struct fetch_written *ret, struct upr_error *err)
{
	struct upr_error mine = {0};
	struct reader r = {.text = text, .at = text, .err = err ? err : &mine};
	size_t len = identifier(text);

	*ret = (struct fetch_written){0};
	if (len && text[len] == '=') {
		ret->name = strndup(text, len);
		if (!ret->name)
			return upr_error_nomem(r.err);
		r.at += len + 1;
	}
	ret->expr = read_expr(&r);
	if (!ret->expr)
		return r.err->code ? -r.err->code : -EINVAL;
	if (read_type(&r, ret))
		return r.err->code ? -r.err->code : -EINVAL;
	return make_name(ret) ? upr_error_nomem(r.err) : 0;
}

void fetch_written_free(struct fetch_written *written)
{
	expr_free(written->expr);
	free(written->name);
	free(written->type);
	*written = (struct fetch_written){0};
}

bool fetch_expr_is_variable(const struct fetch_expr *e)
{
	if (e->kind == FETCH_NAME)
		return true;
	return (e->of && fetch_expr_is_variable(e->of)) || (e->index && fetch_expr_is_variable(e->index));
}
