// SPDX-License-Identifier: GPL-2.0
/*
 * probe-event.c - the grammar of definitions.
 *
 * Purpose: text -> struct upr_probe_def.  perf's grammar, with two
 * additions: "::" is part of a name and not an empty line number, and what stands
 * between brackets (template arguments, parameters) is never split.
 *
 * Locks: none.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "probe-event.h"
#include "symbol-priv.h"

static bool is_ident(const char *s, size_t len)
{
	size_t i;

	if (!len || isdigit((u8)s[0]))
		return false;
	for (i = 0; i < len; i++) {
		if (!isalnum((u8)s[i]) && s[i] != '_')
			return false;
	}
	return true;
}

/* --- walking over a name ----------------------------------------------- */

static bool word_at(const char *text, const char *p, const char *word)
{
	size_t len = strlen(word);

	if (p > text && (isalnum((u8)p[-1]) || p[-1] == '_'))
		return false;
	return !strncmp(p, word, len) && !isalnum((u8)p[len]) && p[len] != '_';
}

/* Behind "operator" and its symbol, which may be any of the characters that mean something to us. */
static const char *skip_operator(const char *p)
{
	int i;

	p += strlen("operator");
	if (!strncmp(p, "()", 2) || !strncmp(p, "[]", 2))
		return p + 2;
	/* operator new, operator bool */
	if (*p == ' ')
		return p + 1;
	for (i = 0; i < 3 && *p && strchr("+-*/%^&|~!=<>,", *p); i++)
		p++;
	return p;
}

/* What a demangled name may have behind a blank: "f() const", "f() [clone .cold]". */
static bool is_suffix(const char *text, const char *p)
{
	if (p == text || p[-1] != ')')
		return false;
	p++;
	return word_at(p, p, "const") || word_at(p, p, "volatile") || !strncmp(p, "[clone", 6) || *p == '&';
}

/* "NAME" or 'NAME': nothing in it has a meaning of its own. */
static bool is_quoted(const char *text)
{
	return (*text == '"' || *text == '\'') && strchr(text + 1, *text);
}

/*
 * Next character of @p that stands outside of brackets, operators and
 * escapes, and is in @stops.  A colon stops only when it is single.  NULL: none.
 */
static const char *find_stop(const char *text, const char *stops)
{
	const char *p = text;
	int depth = 0;

	while (*p) {
		if (*p == '\\' && p[1]) {
			p += 2;
			continue;
		}
		if (p == text && is_quoted(p)) {
			p = strchr(p + 1, *p) + 1;
			continue;
		}
		if (word_at(text, p, "operator")) {
			p = skip_operator(p);
			continue;
		}
		if (p[0] == ':' && p[1] == ':') {
			p += 2;
			continue;
		}
		if (strchr("(<{[", *p))
			depth++;
		else if (strchr(")>}]", *p) && depth)
			depth--;
		else if (!depth && strchr(stops, *p) && !(isspace((u8)*p) && is_suffix(text, p)))
			return p;
		p++;
	}
	return NULL;
}

static char *unescape(const char *s, size_t len)
{
	char *ret = malloc(len + 1), *out = ret;
	const char *end = s + len;

	if (!ret)
		return NULL;
	while (s < end) {
		if (*s == '\\' && s + 1 < end)
			s++;
		*out++ = *s++;
	}
	*out = '\0';
	return ret;
}

/* --- parts of a definition --------------------------------------------- */

/* @at: where, in def->point, or in def->text before that is known */
static int syntax(struct upr_error *err, const struct upr_probe_def *def, const char *at, const char *what)
{
	size_t before = def->point ? strlen(def->text) - strlen(def->raw) : 0;
	int r = upr_error_set(err, UPR_ERR_SYNTAX, EINVAL, "'%s' is not a probe definition: %s", def->text, what);

	upr_error_point(err, def->text, before + (size_t)(at - (def->point ? def->point : def->text)));
	return r;
}

/* Does an event name come first?  Return: its '='. */
static const char *event_equals(const char *text)
{
	const char *eq = strpbrk(text, "=@+%;(<*?[{\\ \t");

	if (!eq || *eq != '=' || eq == text || eq[1] == '=')
		return NULL;
	/* "operator=" is a function */
	if (eq - text >= 8 && !strncmp(eq - 8, "operator", 8))
		return NULL;
	return eq;
}

static int take_name(struct upr_probe_def *def, const char *s, size_t len, const char *what, char **ret,
		     struct upr_error *err)
{
	int r = 0;

	if (!is_ident(s, len))
		r = upr_error_set(err, UPR_ERR_SYNTAX, EINVAL,
				  "'%.*s' is not a valid %s name: letters, digits and _ only, no digit in front",
				  (int)len, s, what);
	else if (len >= UPR_EVENT_NAME_MAX)
		r = upr_error_set(err, UPR_ERR_SYNTAX, EINVAL, "%s name '%.*s' is too long: at most %d characters",
				  what, (int)len, s, UPR_EVENT_NAME_MAX - 1);
	if (r) {
		upr_error_point(err, def->text, (size_t)(s - def->text));
		return r;
	}
	*ret = strndup(s, len);
	return *ret ? 0 : upr_error_nomem(err);
}

static int parse_event(struct upr_probe_def *def, const char **text, struct upr_error *err)
{
	const char *eq = event_equals(*text), *name = *text, *colon;
	int rc = 0;

	if (!eq)
		return 0;
	colon = memchr(*text, ':', eq - *text);
	if (colon) {
		rc = take_name(def, *text, colon - *text, "group", &def->group, err);
		name = colon + 1;
	}
	if (!rc)
		rc = take_name(def, name, eq - name, "event", &def->event, err);
	*text = eq + 1;
	return rc;
}

static int parse_args(struct upr_probe_def *def, const char *p, struct upr_error *err)
{
	size_t cap = 0, len;

	for (;;) {
		p += strspn(p, " \t\r\n");
		len = strcspn(p, " \t\r\n");
		if (!len)
			return 0;
		if (!upr_grow(&def->args, def->nr_args, &cap, sizeof(*def->args)))
			return upr_error_nomem(err);
		def->args[def->nr_args] = strndup(p, len);
		if (!def->args[def->nr_args])
			return upr_error_nomem(err);
		def->nr_args++;
		p += len;
	}
}

static int parse_number(const char *s, size_t len, int base, u64 *ret)
{
	char buf[32], *end;

	if (!len || len >= sizeof(buf) || !isxdigit((u8)*s))
		return -EINVAL;
	memcpy(buf, s, len);
	buf[len] = '\0';
	errno = 0;
	*ret = strtoull(buf, &end, base);
	return *end || errno ? -EINVAL : 0;
}

static int parse_address(struct upr_probe_def *def, const char *s, struct upr_error *err)
{
	const char *end = strchr(s, '%');

	def->is_addr = true;
	def->retprobe = end && !strcmp(end, "%return");
	if (parse_number(s + 2, def->retprobe ? (size_t)(end - s - 2) : strlen(s + 2), 16, &def->addr))
		return syntax(err, def, s + 2, "what follows 0x must be one hexadecimal number");
	return 0;
}

static int set_once(struct upr_probe_def *def, char **field, const char *s, size_t len, struct upr_error *err)
{
	if (*field)
		return syntax(err, def, s, "a part of it is given twice");
	*field = unescape(s, len);
	return *field ? 0 : upr_error_nomem(err);
}

/* One of +OFF @SRC %return :LINE behind the function, [p, end). */
static int parse_part(struct upr_probe_def *def, const char *p, const char *end, struct upr_error *err)
{
	const char *s = p + 1;
	size_t len = end - s;

	switch (*p) {
	case '+':
		if (def->has_offset || parse_number(s, len, 0, &def->offset))
			return syntax(err, def, s, "what follows + must be one number");
		def->has_offset = true;
		return 0;
	case '%':
		if (len != 6 || strncmp(s, "return", 6))
			return syntax(err, def, s, "only %return may follow a function after %");
		def->retprobe = true;
		return 0;
	case '@':
		if (!len)
			return syntax(err, def, s, "nothing follows @");
		return set_once(def, &def->source, s, len, err);
	case ':':
		if (!len || !isdigit((u8)*s))
			return syntax(err, def, s,
				      "a line number must follow ':' (a group is written GROUP:EVENT=FUNC)");
		return set_once(def, &def->line, s, len, err);
	default:
		return set_once(def, &def->lazy, s, len, err);
	}
}

/* Where the part that begins at @p ends; a lazy pattern takes all, a version's second @ is part of it. */
static const char *part_end(const char *p, const char *stops)
{
	const char *end;

	if (*p == ';')
		return p + strlen(p);
	end = find_stop(p + (p[0] == '@' && p[1] == '@' ? 2 : 1), stops);
	return end ? end : p + strlen(p);
}

static int parse_point(struct upr_probe_def *def, const char *point, struct upr_error *err)
{
	const char *p = find_stop(point, "+@%;:"), *end = point + strlen(point);
	size_t len = p ? (size_t)(p - point) : (size_t)(end - point);
	bool is_file = p && (*p == ':' || *p == ';') && memchr(point, '.', len);
	int rc;

	if (!strncasecmp(point, "0x", 2))
		return parse_address(def, point, err);
	if (!len && (!p || *p != ';'))
		return syntax(err, def, point, "there is no function in it");
	if (len > 2 && is_quoted(point) && point[len - 1] == *point) {
		def->func = strndup(point + 1, len - 2);
		rc = def->func ? 0 : upr_error_nomem(err);
	} else if (is_file) {
		rc = set_once(def, &def->source, point, len, err);
	} else {
		/* a pattern's escapes are the matcher's */
		def->func = strndup(point, len);
		rc = def->func ? 0 : upr_error_nomem(err);
		def->glob = def->func && upr_has_glob(def->func);
		if (!rc && !def->glob) {
			free(def->func);
			def->func = unescape(point, len);
			rc = def->func ? 0 : upr_error_nomem(err);
		}
	}
	while (p && *p && !rc) {
		const char *next = part_end(p, "+@%;:");

		rc = parse_part(def, p, next, err);
		p = next;
	}
	return rc;
}

static bool is_sdt(const char *text)
{
	return *text == '%' || (!strncmp(text, "sdt_", 4) && find_stop(text, ":") && !strchr(text, '='));
}

static int parse_text(struct upr_probe_def *def, struct upr_error *err)
{
	const char *text = def->text, *end;
	int rc;

	def->sdt = is_sdt(text);
	rc = def->sdt ? 0 : parse_event(def, &text, err);
	if (rc)
		return rc;
	text += strspn(text, " \t");
	def->raw = strdup(text);
	if (!def->raw)
		return upr_error_nomem(err);
	if (def->sdt || *text == '%') {
		def->sdt = true;
		end = text + strcspn(text, " \t\r\n");
		def->point = strndup(text, (size_t)(end - text));
		return def->point ? parse_args(def, end, err) : upr_error_nomem(err);
	}
	if (!*text)
		return syntax(err, def, text, "there is no function in it");
	/* a lazy pattern may hold blanks */
	end = find_stop(text, ";") ? NULL : find_stop(text, " \t\r\n");
	def->point = end ? strndup(text, end - text) : strdup(text);
	if (!def->point)
		return upr_error_nomem(err);
	rc = parse_point(def, def->point, err);
	return rc || !end ? rc : parse_args(def, end, err);
}

int upr_probe_def_parse(struct upr_probe_def *def, const char *text, struct upr_error *err)
{
	size_t len;
	int rc;

	*def = (struct upr_probe_def){0};
	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len && isspace((u8)text[len - 1]))
		len--;
	if (!len)
		return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL, "an empty probe definition");
	def->text = strndup(text, len);
	if (!def->text)
		return upr_error_nomem(err);
	rc = parse_text(def, err);
	if (rc)
		upr_probe_def_free(def);
	return rc;
}

void upr_probe_def_free(struct upr_probe_def *def)
{
	u32 i;

	for (i = 0; i < def->nr_args; i++)
		free(def->args[i]);
	free(def->args);
	free(def->text);
	free(def->group);
	free(def->event);
	free(def->func);
	free(def->raw);
	free(def->point);
	free(def->source);
	free(def->line);
	free(def->lazy);
	*def = (struct upr_probe_def){0};
}
