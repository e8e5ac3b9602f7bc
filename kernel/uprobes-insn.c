// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes-insn.c - the instructions under probes, each known once.
 *
 * Purpose: functions begin alike: a hundred thousand probes stand on a few hundred different
 * instructions.  What displaced execution has to know of one (struct upr_xol) depends on its bytes, its
 * width and the kind of address space alone.  So it is kept once, for all probes and breakpoints, as
 * long as the session lives.
 *
 * Locks: session->lock guards the table.  What has been found in it never changes, and may be looked at in any context.
 */
#include "uprobes-internal.h"

#define MIN_BITS 6

struct upr_known {
	struct hlist_node hash;
	unsigned int env;
	struct upr_xol xol;
};

static unsigned int slot_of(const struct upr_xol *xol, unsigned int env, unsigned int bits)
{
	u64 words[2] = {0};

	memcpy(words, xol->code, xol->insn.length);
	return hash_64(words[0] ^ (words[1] << 8 | words[1] >> 56) ^ (u64)env << 32 ^ (u64)xol->insn.mode << 40, bits);
}

static bool is_same(const struct upr_known *known, const struct upr_xol *xol, unsigned int env)
{
	const struct upr_insn *a = &known->xol.insn, *b = &xol->insn;

	return known->env == env && a->mode == b->mode && a->length == b->length &&
	       !memcmp(known->xol.code, xol->code, a->length);
}

/* More buckets, when there are more instructions than that; without memory chains get longer. */
static void grow(struct upr_insns *insns)
{
	unsigned int bits = insns->buckets ? insns->bits + 1 : MIN_BITS, i;
	struct hlist_head *buckets;
	struct upr_known *known;
	struct hlist_node *next;

	if (insns->buckets && !(insns->nr >> insns->bits))
		return;
	buckets = kvcalloc((size_t)1 << bits, sizeof(*buckets), GFP_KERNEL);
	if (!buckets)
		return;
	for (i = 0; insns->buckets && i < 1u << insns->bits; i++) {
		hlist_for_each_entry_safe(known, next, &insns->buckets[i], hash) {
			hlist_del_init(&known->hash);
			hlist_add_head(&known->hash, &buckets[slot_of(&known->xol, known->env, bits)]);
		}
	}
	kvfree(insns->buckets);
	insns->buckets = buckets;
	insns->bits = bits;
}

/* @xol, as it has been analysed for @env, to stay.  NULL without memory. */
const struct upr_xol *upr_insn_keep(struct upr_session *session, const struct upr_xol *xol, unsigned int env)
{
	struct upr_insns *insns = &session->insns;
	struct upr_known *known;

	grow(insns);
	if (!insns->buckets)
		return NULL;
	hlist_for_each_entry(known, &insns->buckets[slot_of(xol, env, insns->bits)], hash)
		if (is_same(known, xol, env))
			return &known->xol;
	known = kzalloc(sizeof(*known), GFP_KERNEL);
	if (!known)
		return NULL;
	known->env = env;
	known->xol = *xol;
	hlist_add_head(&known->hash, &insns->buckets[slot_of(xol, env, insns->bits)]);
	insns->nr++;
	return &known->xol;
}

/* The last one: nobody looks at any of them. */
void upr_insns_free(struct upr_insns *insns)
{
	struct upr_known *known;
	struct hlist_node *next;
	unsigned int i;

	for (i = 0; insns->buckets && i < 1u << insns->bits; i++)
		hlist_for_each_entry_safe(known, next, &insns->buckets[i], hash)
			kfree(known);
	kvfree(insns->buckets);
	memset(insns, 0, sizeof(*insns));
}
