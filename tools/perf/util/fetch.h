/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fetch.h - arguments of a probe at a place: what is fetched, and what it means.
 *
 * Purpose: arguments as written -> a fetch program of the engine's, and names and types for what it
 * leaves in the record.  One place, one program: the same variable may be elsewhere at another.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_FETCH_H
#define PERF_UTIL_FETCH_H

#include <utrace/fetch.h>

#include "fetch-loc.h"
#include "fetch-type.h"
#include "symbol.h"

/**
 * struct fetch_arg - an argument
 * @at:		its place in the record
 * @why:	constant text: why it is never there, NULL: it is, as far as can be known beforehand
 * @none:	enum fetch_none, if hits have words of their own for that; 0: they have not
 */
struct fetch_arg {
	char *name;
	struct fetch_type type;
	u32 at;
	const char *why;
	u8 none;
};

struct fetch {
	struct upr_fetch_prog prog;
	struct fetch_code code;
	struct fetch_arg *args;
	u32 nr_args;
};

/**
 * struct fetch_place - where
 * @frame:	@info and what follows only where @has_scope
 * @scope:	the function as people see it there (an inlined one); @has_scope
 * @lenient:	a variable that there is not is like one that has no value
 * @sdt:	arguments of the statically defined probe that is there, NULL: there is none
 * @at_return:	at a return of @frame.function; @tail: by a jump to another function
 * @at_entry:	at a function's first instruction: arguments are where the calling convention has them
 */
struct fetch_place {
	struct upr_elf *elf;
	struct fetch_frame frame;
	Dwarf_Die scope;
	const char *sdt;
	bool has_scope;
	bool lenient;
	bool at_return;
	bool tail;
	bool at_entry;
};

/**
 * fetch_compile() - @args, $vars and $params among them, at a place; none: those of a statically defined probe
 * Return: 0 and *ret, which fetch_free() takes; -errno with @err.  A variable that has no value at this very place
 * is no error: its argument says so.
 */
int fetch_compile(const struct fetch_place *place, char *const *args, size_t nr, struct fetch **ret,
		  struct upr_error *err);
void fetch_free(struct fetch *fetch);

/** fetch_check() - can the arguments be read?  Return: 0, -errno with @err; *variables: some need debug information */
int fetch_check(char *const *args, size_t nr, bool *variables, struct upr_error *err);

/** fetch_print() - " a=1 b=2"; the record and the status of each argument as upr_fetch_run() has left them */
void fetch_print(FILE *out, const struct fetch *fetch, const u8 *record, size_t size, const u8 *status);
/** fetch_print_json() - {"a":1,"b":2} */
void fetch_print_json(FILE *out, const struct fetch *fetch, const u8 *record, size_t size, const u8 *status);

/* --- of fetch-value.c and fetch-word.c ------------------------------------------------------------------- */

struct fetch_expr;

/**
 * struct fetch_value - an object of the program
 * @off:	bytes into @loc
 * @size, @shift, @bits: it is a bit-field
 * @type:	without typedefs; @has_type: false of a word nobody knows the meaning of
 * @dim:	dimensions of the array @type that have been taken
 */
struct fetch_value {
	struct fetch_loc loc;
	s64 off;
	size_t size;
	unsigned int shift;
	unsigned int bits;
	Dwarf_Die type;
	bool has_type;
	unsigned int dim;
};

/** fetch_eval() - Return: 0; -errno with @err; fetch_loc_free(&ret->loc) in the first case */
int fetch_eval(const struct fetch_place *place, const struct fetch_expr *expr, struct fetch_value *ret,
	       struct upr_error *err);
/**
 * fetch_text() - is it a string of C++, Rust or Go: an object that has a pointer to its characters, and their number?
 * *chars, *len: where in it these are
 */
bool fetch_text(const struct fetch_value *value, s64 *chars, s64 *len);
/** fetch_eval_word() - what stands for itself: registers, words of the stack, memory at an address */
int fetch_eval_word(const struct fetch_place *place, const struct fetch_expr *expr, struct fetch_value *ret,
		    struct upr_error *err);
/** fetch_return_value() - $retval by the calling convention; without debug information a word.  Return: 0, -errno with @err */
int fetch_return_value(const struct fetch_place *place, struct fetch_value *ret, struct upr_error *err);
/** fetch_sdt_argument() - argument @number of place->sdt, from 1 on, and the cast that fits it */
int fetch_sdt_argument(const struct fetch_place *place, long long number, struct fetch_value *ret, char cast[8],
		       struct upr_error *err);
/** fetch_sdt_count() - how many there are */
unsigned int fetch_sdt_count(const char *args);
/** fetch_value_push() - @size bytes of it.  Return: NULL, or why not */
const char *fetch_value_push(const struct fetch_value *value, unsigned int size, struct fetch_code *code);
/** fetch_value_element() - an array becomes its element @index.  Return: false if it is none, or its elements have no size */
bool fetch_value_element(struct fetch_value *value, u64 index);
/** fetch_value_follow() - a pointer becomes what it leads to.  Return: 0; -errno with @err */
int fetch_value_follow(const struct fetch_place *place, struct fetch_value *value, struct upr_error *err);
/** fetch_eval_variable() - a variable by its entry */
int fetch_eval_variable(const struct fetch_place *place, Dwarf_Die *var, struct fetch_value *ret,
			struct upr_error *err);

#endif /* PERF_UTIL_FETCH_H */
