/*
 * choice: which of the released bundles goes next.  Asks nobody: what has gone of each is in its plan (plan.h).
 */
#ifndef WEIR_CHOICE_H
#define WEIR_CHOICE_H

#include "common/registry.h"
#include "resendqueue.h"
#include "spool.h"

/* 1 first … 9: of its route; a registry, which nothing waits for in vain, comes first. */
uint8_t choice_priority(const struct registry *registry, const struct spool_item *item);

bool choice_has_work(const struct spool_item *item, const struct plan_terms *terms);

/* Among what, and by what, is chosen. */
struct choice {
	struct spool_item *const *items;
	size_t count;
	const struct registry *registry;
	struct plan_terms terms;
	uint64_t now_ms; /* CLOCK_MONOTONIC */
};

/*
 * The next that has work and is not ordered yet, or NULL: a registry in all its passes; fewer passes so far, then
 * the route's priority, then age.
 */
struct spool_item *choice_work(const struct choice *choice, bool registries_only);

/* Whether a step takes so much of the encoder's memory that only one such healing goes at a time. */
bool choice_is_large(const struct plan_step *step, const struct geometry *g);
/*
 * The most exposed of those that are sent, whose time has come, and that are not ordered yet; or NULL.  None that
 * was healed more often than most_heals.
 */
struct spool_item *choice_heal(const struct choice *choice, bool has_large, uint32_t most_heals);

/*
 * The oldest request whose turn it is, and its place in the queue; false when there is none.  A bundle that has not
 * had all its work yet has that first, and of one bundle one request goes after the other.
 */
bool choice_resend(struct resendqueue *queue, struct spool *spool, uint64_t now_ms, struct resend_request *out,
		   size_t *index);

#endif
