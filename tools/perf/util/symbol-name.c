// SPDX-License-Identifier: GPL-2.0
/*
 * symbol-name.c - functions by name.
 *
 * Purpose: exact names, versions, demangled names of C++ and Rust, wildcards,
 * and the nearest name to one that does not exist.  Demangling is dear, so a
 * look-up by exact name demangles only what can be meant.
 *
 * Locks: none, see symbol.h.
 */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>

#include "symbol-priv.h"

/* libiberty brings its own idea of these two */
#define HAVE_DECL_BASENAME 1
#undef ARRAY_SIZE
#include <libiberty/demangle.h>

/* What may stand behind a demangled name's parameters; the longer before its own end. */
static const char *const qualifiers[] = {" const &&", " const &", " const volatile", " const", " volatile",
					 " &&",	      " &"};

/* --- demangled forms --------------------------------------------------- */

static bool is_mangled(const char *name)
{
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R') && name[2];
}

static const struct upr_pretty *pretty(struct upr_elf *elf, const struct upr_name *name)
{
	struct upr_pretty *p;

	if (!is_mangled(name->name))
		return NULL;
	if (!elf->pretty)
		elf->pretty = calloc(elf->nr_names + 1, sizeof(*elf->pretty));
	if (!elf->pretty)
		return NULL;
	p = &elf->pretty[name - elf->names];
	if (!p->full) {
		p->full = cplus_demangle(name->name, DMGL_AUTO | DMGL_ANSI | DMGL_PARAMS);
		p->base = p->full ? cplus_demangle(name->name, DMGL_AUTO | DMGL_ANSI) : NULL;
		/* not mangled after all: remember that as both forms being the name itself */
		if (!p->full)
			p->full = strdup(name->name);
		if (!p->base)
			p->base = p->full;
	}
	return p->full ? p : NULL;
}

const char *upr_name_pretty(struct upr_elf *elf, const struct upr_name *name)
{
	const struct upr_pretty *p = pretty(elf, name);

	return p ? p->full : name->name;
}

const char *upr_name_base(struct upr_elf *elf, const struct upr_name *name)
{
	const struct upr_pretty *p = pretty(elf, name);

	return p ? p->base : name->name;
}

/* "int ns::f<int>(int)": the same without "int ", which nobody types. */
static const char *without_return(const struct upr_pretty *p)
{
	const char *at = strstr(p->full, p->base);

	return at ? at : p->full;
}

/* Does @base without its last template arguments equal @want? */
static bool base_without_args(const char *base, const char *want)
{
	size_t len = strlen(base), want_len = strlen(want);
	int depth = 0;

	if (want_len >= len || base[want_len] != '<' || base[len - 1] != '>' || strncmp(base, want, want_len))
		return false;
	/* the < after the name must be the partner of the last > */
	for (; len-- > want_len;) {
		if (base[len] == '>')
			depth++;
		else if (base[len] == '<' && !--depth)
			return len == want_len;
	}
	return false;
}

/*
 * @base without any template arguments and ABI tags: "std::vector<int>::f[abi:x]<2>"
 * is "std::vector::f".  The brackets of operators stay.
 */
static void strip_args(const char *base, char *buf, size_t size)
{
	size_t len = 0;
	int depth = 0;

	for (; *base && len < size - 1; base++) {
		if (!depth && !strncmp(base, "operator", 8) && strchr("<>-", base[8])) {
			size_t op = 8 + strspn(base + 8, "<>-=*");

			op = min(op, size - 1 - len);
			memcpy(buf + len, base, op);
			len += op;
			base += op - 1;
			continue;
		}
		if (*base == '<' || !strncmp(base, "[abi:", 5)) {
			/* Rust writes generic::<u8> */
			if (!depth && len >= 2 && !memcmp(buf + len - 2, "::", 2))
				len -= 2;
			depth++;
		} else if ((*base == '>' || *base == ']') && depth) {
			depth--;
		} else if (!depth) {
			buf[len++] = *base;
		}
	}
	buf[len] = '\0';
}

/* --- wildcards --------------------------------------------------------- */

bool upr_glob_match(const char *pattern, const char *string)
{
	/* fnmatch() makes wide characters of both first */
	return !strcmp(pattern, "*") || !fnmatch(pattern, string, 0);
}

bool upr_has_glob(const char *pattern)
{
	const char *p;

	for (p = pattern; *p; p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '*' || *p == '?' || (*p == '[' && p[1] && strchr(p + 2, ']')))
			return true;
	}
	return false;
}

/* --- matches ----------------------------------------------------------- */

void upr_matches_free(struct upr_matches *matches)
{
	free(matches->m);
	*matches = (struct upr_matches){0};
}

static int add_match(struct upr_elf *elf, struct upr_matches *matches, const struct upr_name *name)
{
	const struct upr_func *func = &elf->funcs[elf->name_func[name - elf->names]];
	size_t i;

	/* names of one function stand together: only the last ones can be its */
	for (i = matches->nr; i-- > 0 && i + func->nr_names >= matches->nr;) {
		if (matches->m[i].func == func)
			return 0;
	}
	if (!upr_grow(&matches->m, matches->nr, &matches->cap, sizeof(*matches->m)))
		return -ENOMEM;
	matches->m[matches->nr++] = (struct upr_match){.func = func, .name = name};
	return 0;
}

static int match_by_addr(const void *a, const void *b)
{
	const struct upr_match *x = a, *y = b;

	return x->func < y->func ? -1 : x->func > y->func;
}

static int sort_matches(struct upr_matches *matches)
{
	size_t i, kept = 0;

	if (!matches->nr)
		return 0;
	upr_sort(matches->m, matches->nr, sizeof(*matches->m), match_by_addr);
	for (i = 0; i < matches->nr; i++) {
		if (!kept || matches->m[kept - 1].func != matches->m[i].func)
			matches->m[kept++] = matches->m[i];
	}
	matches->nr = kept;
	return 0;
}

/* --- exact names ------------------------------------------------------- */

static int build_hash(struct upr_elf *elf)
{
	size_t size = 64, i, at;

	if (elf->hash)
		return 0;
	while (size < elf->nr_names * 2)
		size *= 2;
	elf->hash = calloc(size, sizeof(*elf->hash));
	if (!elf->hash)
		return -ENOMEM;
	elf->hash_mask = size - 1;
	for (i = 0; i < elf->nr_names; i++) {
		at = upr_hash_name(elf->names[i].name, strlen(elf->names[i].name)) & elf->hash_mask;
		while (elf->hash[at])
			at = (at + 1) & elf->hash_mask;
		elf->hash[at] = i + 1;
	}
	return 0;
}

/* What was typed: NAME, NAME@VERSION or NAME@@VERSION; NAME@* is all of them. */
struct wanted {
	const char *name;
	size_t len;
	const char *version;
	bool default_only;
	bool any;
};

static struct wanted split_wanted(const char *text)
{
	const char *at = strchr(text, '@');
	struct wanted w = {.name = text, .len = at ? (size_t)(at - text) : strlen(text)};

	if (at) {
		w.default_only = at[1] == '@';
		w.version = at + (w.default_only ? 2 : 1);
		w.any = !strcmp(w.version, "*");
	}
	return w;
}

static int find_exact(struct upr_elf *elf, const struct wanted *w, bool hidden, struct upr_matches *matches)
{
	size_t at = upr_hash_name(w->name, w->len) & elf->hash_mask;

	for (; elf->hash[at]; at = (at + 1) & elf->hash_mask) {
		const struct upr_name *n = &elf->names[elf->hash[at] - 1];

		if (strncmp(n->name, w->name, w->len) || n->name[w->len])
			continue;
		if (w->any     ? n->hidden != hidden :
		    w->version ? !n->version || strcmp(n->version, w->version) || (w->default_only && n->hidden) :
				 n->hidden != hidden)
			continue;
		if (add_match(elf, matches, n))
			return -ENOMEM;
	}
	return 0;
}

/* Length of a demangled name without its parameters and what follows them. */
static size_t name_length(const char *text)
{
	size_t len = strlen(text), i;
	int depth = 0;

	for (i = 0; i < ARRAY_SIZE(qualifiers); i++) {
		size_t q = strlen(qualifiers[i]);

		if (len > q && !strncmp(text + len - q, qualifiers[i], q))
			len -= q;
	}
	if (!len || text[len - 1] != ')')
		return len;
	for (i = len; i-- > 0;) {
		depth += text[i] == ')' ? 1 : text[i] == '(' ? -1 : 0;
		if (!depth)
			return i ? i : len;
	}
	return len;
}

/*
 * Identifiers stand in mangled names as they are, so the last one of what was
 * typed must occur in the symbol.  Returns false when there is none to rely on
 * (operators, abbreviations of the mangling such as "string", closures).
 */
static bool last_identifier(const char *text, const char **ret, size_t *len)
{
	static const char *const abbreviated[] = {"string",	   "allocator",	    "basic_string",
						  "istream",	   "ostream",	    "iostream",
						  "basic_istream", "basic_ostream", "basic_iostream"};
	const char *end = text + name_length(text), *p;
	size_t i;

	if (strstr(text, "operator"))
		return false;
	for (p = text; *p; p++) {
		if ((u8)*p >= 0x80)
			return false;
	}
	for (p = end; p > text && (isalnum((u8)p[-1]) || p[-1] == '_'); p--)
		;
	*ret = p;
	*len = end - p;
	for (i = 0; i < ARRAY_SIZE(abbreviated); i++) {
		if (strlen(abbreviated[i]) == *len && !memcmp(abbreviated[i], p, *len))
			return false;
	}
	return *len > 0 && p[0] != '~';
}

/* "f(int)" for "f(int) const": the qualifiers are easily forgotten. */
static bool fits_unqualified(const char *full, const char *text)
{
	size_t len = strlen(text), i;

	if (!len || text[len - 1] != ')' || strncmp(full, text, len))
		return false;
	for (i = 0; i < ARRAY_SIZE(qualifiers); i++) {
		if (!strcmp(full + len, qualifiers[i]))
			return true;
	}
	return false;
}

/* How well a demangled name fits what was typed; smaller is better. */
enum fit {
	FIT_WHOLE,
	FIT_UNQUALIFIED,
	FIT_BASE,
	FIT_NO_LAST_ARGS,
	FIT_NO_ARGS,
	FIT_NONE,
};

static enum fit fit_of(const struct upr_pretty *p, const char *text)
{
	char stripped[1024];

	if (!strcmp(p->full, text) || !strcmp(without_return(p), text))
		return FIT_WHOLE;
	if (fits_unqualified(without_return(p), text))
		return FIT_UNQUALIFIED;
	if (!strcmp(p->base, text))
		return FIT_BASE;
	if (base_without_args(p->base, text))
		return FIT_NO_LAST_ARGS;
	strip_args(p->base, stripped, sizeof(stripped));
	return !strcmp(stripped, text) ? FIT_NO_ARGS : FIT_NONE;
}

/* Its demangled name is the function's, but entering it is no call of that. */
static bool is_piece_only(const struct upr_name *n, const char *text)
{
	return (n->kind == UPR_SYM_PART && !strstr(text, ".cold")) ||
	       (strstr(n->name, ".part.") && !strstr(text, ".part"));
}

static int find_demangled(struct upr_elf *elf, const char *text, struct upr_matches *matches)
{
	enum fit best = FIT_NONE, fit;
	const char *id = NULL;
	char literal[256];
	size_t len = 0, i;

	if (!last_identifier(text, &id, &len) || len >= sizeof(literal))
		len = 0;
	memcpy(literal, id ? id : "", len);
	literal[len] = '\0';
	for (i = 0; i < elf->nr_names; i++) {
		const struct upr_name *n = &elf->names[i];
		const struct upr_pretty *p;

		if (!is_mangled(n->name) || !strstr(n->name, literal) || is_piece_only(n, text))
			continue;
		p = pretty(elf, n);
		fit = p ? fit_of(p, text) : FIT_NONE;
		if (fit < best) {
			best = fit;
			matches->nr = 0;
		}
		if (fit != FIT_NONE && fit == best && add_match(elf, matches, n))
			return -ENOMEM;
	}
	return 0;
}

int upr_elf_find(struct upr_elf *elf, const char *name, struct upr_matches *matches, struct upr_error *err)
{
	struct wanted w = split_wanted(name);

	*matches = (struct upr_matches){0};
	if (upr_elf_load(elf) || build_hash(elf))
		return upr_error_nomem(err);
	if (find_exact(elf, &w, false, matches) || ((w.any || !matches->nr) && find_exact(elf, &w, true, matches)) ||
	    (!matches->nr && find_demangled(elf, name, matches)) || sort_matches(matches)) {
		upr_matches_free(matches);
		return upr_error_nomem(err);
	}
	return 0;
}

/* --- patterns ---------------------------------------------------------- */

static bool name_fits(struct upr_elf *elf, const char *pattern, const struct upr_name *n)
{
	const struct upr_pretty *p;
	char versioned[512];

	if (upr_glob_match(pattern, n->name))
		return true;
	if (n->version && strchr(pattern, '@')) {
		snprintf(versioned, sizeof(versioned), "%s%s%s", n->name, n->hidden ? "@" : "@@", n->version);
		if (upr_glob_match(pattern, versioned))
			return true;
	}
	p = pretty(elf, n);
	return p && (upr_glob_match(pattern, p->base) || upr_glob_match(pattern, without_return(p)) ||
		     upr_glob_match(pattern, p->full));
}

/* The preferred name of @f that fits; a default version before hidden ones. */
static const struct upr_name *fitting_name(struct upr_elf *elf, const struct upr_func *f, const char *pattern)
{
	int hidden;
	u32 i;

	for (hidden = 0; hidden < 2; hidden++) {
		for (i = 0; i < f->nr_names; i++) {
			if (f->names[i].hidden == hidden && name_fits(elf, pattern, &f->names[i]))
				return &f->names[i];
		}
	}
	return NULL;
}

int upr_elf_match(struct upr_elf *elf, const char *pattern, struct upr_matches *matches, struct upr_error *err)
{
	bool parts = strstr(pattern, ".cold");
	size_t i;

	*matches = (struct upr_matches){0};
	if (upr_elf_load(elf))
		return upr_error_nomem(err);
	for (i = 0; i < elf->nr_funcs; i++) {
		const struct upr_func *f = &elf->funcs[i];
		const struct upr_name *n;

		if (!f->entry && !(parts && f->kind == UPR_SYM_PART))
			continue;
		n = fitting_name(elf, f, pattern);
		if (!n)
			continue;
		if (!upr_grow(&matches->m, matches->nr, &matches->cap, sizeof(*matches->m))) {
			upr_matches_free(matches);
			return upr_error_nomem(err);
		}
		matches->m[matches->nr++] = (struct upr_match){.func = f, .name = n};
	}
	return 0;
}

/* --- what else could have been meant ----------------------------------- */

#define NEAR_MAX 64

/*
 * Number of edits (insert, delete, replace, swap neighbours) from @a to @b,
 * at most @limit + 1.
 */
static size_t edits(const char *a, size_t la, const char *b, size_t lb, size_t limit)
{
	size_t rows[3][NEAR_MAX + 1], i, j, least;
	size_t *before = rows[0], *prev = rows[1], *cur = rows[2];

	if ((la > lb ? la - lb : lb - la) > limit)
		return limit + 1;
	for (j = 0; j <= lb; j++)
		prev[j] = j;
	for (i = 1; i <= la; i++) {
		size_t *spare = before;

		cur[0] = least = i;
		for (j = 1; j <= lb; j++) {
			cur[j] = min(min(prev[j], cur[j - 1]) + 1, prev[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cur[j] = min(cur[j], before[j - 2] + 1);
			least = min(least, cur[j]);
		}
		if (least > limit)
			return limit + 1;
		before = prev;
		prev = cur;
		cur = spare;
	}
	return prev[lb];
}

/* Smaller is nearer; more than @limit: not at all. */
static size_t distance(const char *want, size_t len, const char *name, size_t limit)
{
	size_t name_len = strlen(name);
	const char *last;

	if (name_len >= len && !strncmp(name, want, len) && name[len] == '.')
		return 0;
	if (!strcasecmp(name, want))
		return 0;
	/* the method's own name without its classes */
	last = name_len > len ? name + name_len - len : name;
	if (last > name && last[-1] == ':' && !strcmp(last, want))
		return 0;
	if (len > NEAR_MAX || name_len > NEAR_MAX)
		return limit + 1;
	return edits(want, len, name, name_len, limit);
}

static bool is_prefix_of(const char *want, size_t len, const char *name)
{
	return len >= 3 && !strncmp(name, want, len);
}

const char *upr_elf_nearest(struct upr_elf *elf, const char *name)
{
	const struct upr_name *best = NULL, *prefixed = NULL;
	struct wanted w = split_wanted(name);
	size_t best_distance, i;
	char *want;

	if (upr_elf_load(elf))
		return NULL;
	w.len = min(w.len, name_length(name));
	want = strndup(name, w.len);
	if (!want)
		return NULL;
	best_distance = max(w.len / 3, (size_t)1) + 1;
	for (i = 0; i < elf->nr_names && best_distance; i++) {
		const struct upr_name *n = &elf->names[i];
		const char *base = upr_name_base(elf, n);
		size_t d;

		if (n->kind == UPR_SYM_FDE && strncmp(want, "fn_", 3))
			continue;
		d = distance(want, w.len, base, best_distance - 1);
		if (d && base != n->name)
			d = min(d, distance(want, w.len, n->name, best_distance - 1));
		if (d < best_distance) {
			best_distance = d;
			best = n;
		}
		if (is_prefix_of(want, w.len, base) &&
		    (!prefixed || strlen(base) < strlen(upr_name_base(elf, prefixed))))
			prefixed = n;
	}
	free(want);
	/* one letter more or less is a slip; beyond that a beginning is the better guess */
	if (prefixed && best_distance > 1)
		best = prefixed;
	return best ? upr_name_base(elf, best) : NULL;
}

void upr_elf_versions(struct upr_elf *elf, const char *name, char *buf, size_t len)
{
	size_t used = 0, i;

	*buf = '\0';
	for (i = 0; i < elf->nr_names && used < len; i++) {
		const struct upr_name *n = &elf->names[i];

		if (n->version && !strcmp(n->name, name))
			used += snprintf(buf + used, len - used, "%s%s", used ? ", " : "", n->version);
	}
}
