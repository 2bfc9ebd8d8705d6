#include "missing.h"

#include <assert.h>
#include <stddef.h>

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t latest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A clock that was set back makes nothing old. */
static bool is_older(uint64_t then_s, uint64_t now_s, uint64_t than_s)
{
	return then_s <= now_s && now_s - then_s > than_s;
}

bool missing_is_silent(const struct missing_link *link, uint64_t now_s)
{
	return link->heartbeat_s == 0 || is_older(link->heartbeat_s, now_s, MISSING_SILENT_S);
}

static bool may_be_on_its_way(const struct missing_facts *facts, uint64_t now_s)
{
	return facts->passed_s == 0 || !is_older(facts->passed_s, now_s, MISSING_GRACE_S - 1);
}

/* Named long ago, and the link brings heartbeats and nothing else. */
static bool is_unsent(const struct missing_facts *facts, const struct missing_link *link, uint64_t now_s)
{
	return facts->passed_s == 0 && facts->since_s != 0 && !missing_is_silent(link, now_s) &&
	       is_older(latest(facts->since_s, latest(link->data_s, link->heard_since_s)), now_s, MISSING_UNSENT_S);
}

static enum missing_kind kind_of(const struct missing_facts *facts, const struct missing_link *link, uint64_t now_s)
{
	if (facts->is_refused)
		return facts->is_repeated ? MISSING_REPEATED : MISSING_REFUSED;
	if (facts->is_whole)
		return MISSING_WAITS;
	if (may_be_on_its_way(facts, now_s))
		return is_unsent(facts, link, now_s) ? MISSING_UNSENT : MISSING_ON_ITS_WAY;
	if (!facts->has_come)
		return MISSING_WHOLE;
	return facts->is_tail ? MISSING_TAIL : MISSING_PART;
}

/*
 * LINK.md 5, from when the promise counts for this bundle: its work was over, the sender was heard, and nothing
 * new went before it.  What waits now goes at the whole rate, of which the share of healing is a part.
 */
static uint64_t repaired_by(const struct missing_facts *facts, const struct missing_link *link)
{
	uint64_t from = latest(facts->passed_s, latest(link->heard_since_s, link->busy_s));
	uint64_t round = link->heal_round / link->heal_rate;
	uint64_t by = add(from, link->waiting / link->heal_rate);
	return add(by, add(MISSING_ROUND_S, add(round, round)));
}

void missing_judge(struct missing_judgement *out, const struct missing_facts *facts,
		   const struct missing_link *link, uint64_t now_s)
{
	*out = (struct missing_judgement){.kind = kind_of(facts, link, now_s), .more = MORE_NOT};
	if (out->kind == MISSING_WAITS || out->kind == MISSING_REFUSED || out->kind == MISSING_REPEATED)
		return;
	if (missing_is_silent(link, now_s)) {
		out->more = MORE_UNKNOWN;
	} else if (missing_is_lost(out->kind) && facts->offered_until > now_s && link->heal_rate > 0) {
		out->more = MORE_COMES;
		out->by = repaired_by(facts, link);
		out->is_late = out->by < now_s;
	} else if (!missing_is_lost(out->kind) || (facts->offered_until > now_s && link->waiting > 0)) {
		out->more = MORE_MAY_COME;
	}
}

bool missing_is_lost(enum missing_kind kind)
{
	return kind == MISSING_WHOLE || kind == MISSING_TAIL || kind == MISSING_PART;
}

bool missing_is_wrong(enum missing_kind kind)
{
	return kind != MISSING_ON_ITS_WAY && kind != MISSING_REPEATED;
}

const char *missing_name(enum missing_kind kind)
{
	static const char *const names[] = {
		[MISSING_ON_ITS_WAY] = "on-its-way", [MISSING_UNSENT] = "unsent", [MISSING_WAITS] = "waits",
		[MISSING_WHOLE] = "whole", [MISSING_TAIL] = "tail", [MISSING_PART] = "part",
		[MISSING_REFUSED] = "refused", [MISSING_REPEATED] = "repeated",
	};
	assert((size_t)kind < sizeof(names) / sizeof(names[0]));
	return names[kind];
}

const char *missing_more_name(enum missing_more more)
{
	static const char *const names[] = {
		[MORE_COMES] = "comes", [MORE_MAY_COME] = "may-come", [MORE_NOT] = "no", [MORE_UNKNOWN] = "unknown",
	};
	assert((size_t)more < sizeof(names) / sizeof(names[0]));
	return names[more];
}
