/* Of reception: what large objects are gathered by, and what is known of their hash trees. */
#include "errand.h"

static void on_hashed(void *context, void *owner, uint64_t piece,
		      const uint8_t hash[static SUITE_DIGEST_BYTES])
{
	(void)context;
	bodytree_known_set(&((struct arrival *)owner)->known, piece, hash);
}

int reception_gather_open(struct reception *r)
{
	const struct gather_listener listener = {r->placement.listener, on_hashed, r->o.notify, r->o.notify_context};
	return r->o.gather_bytes < GATHER_BUDGET_MIN ? 0 : gather_new(&r->gather, &listener, r->o.gather_bytes);
}

static uint64_t body_segments(const struct geometry *g)
{
	return g->object_len / SEGMENT_BYTES - 1;
}

static bool is_gathered(const struct reception *r, const struct geometry *g)
{
	return r->gather != NULL && gather_takes(g, 0);
}

uint64_t reception_memory(const struct reception *r, const struct geometry *g)
{
	return partial_memory(g) + (is_gathered(r, g) ? bodytree_known_memory(body_segments(g)) : 0);
}

void reception_gather_begin(const struct reception *r, struct arrival *a)
{
	const struct geometry *g = partial_geometry(a->partial);
	/* without that memory the body is read and hashed at the end */
	if (is_gathered(r, g))
		(void)bodytree_known_start(&a->known, body_segments(g));
}

void reception_gather_end(const struct reception *r, struct arrival *a)
{
	if (r->gather != NULL)
		gather_forget(r->gather, a->partial);
	bodytree_known_clear(&a->known);
}

void reception_mark(struct reception *r, uint64_t mark, bool is_behind)
{
	if (r->gather == NULL)
		return;
	gather_mark(r->gather, mark);
	gather_hurry(r->gather, is_behind);
}

uint64_t reception_oldest(const struct reception *r)
{
	return r->gather != NULL ? gather_oldest(r->gather) : GATHER_NOTHING;
}

void reception_settle(struct reception *r)
{
	placement_flush(&r->placement);
	if (r->gather != NULL)
		gather_settle(r->gather);
}
