/*
 * whole: a bundle that the people of night.h have pushed and released, whole in memory, as it arrives in a vault: for
 * tests of what judges it.  Its segments are sealed to the recipient of route tax; nobody needs to open them.
 */
#ifndef WEIR_TEST_WHOLE_H
#define WEIR_TEST_WHOLE_H

#include "common/catalogue.h"
#include "common/io.h"
#include "common/tree.h"
#include "receiver/partial.h"
#include "tests/lib/endorse.h"
#include "tests/lib/night.h"

enum { WHOLE_SEGMENTS = 4, WHOLE_BYTES = WHOLE_SEGMENTS * SEGMENT_BYTES, WHOLE_NOW = 1796083200 + 12 * 3600 };

struct whole {
	uint8_t object[WHOLE_BYTES];
	struct release release;
	struct endorsements endorsements;
	struct entry entry; /* as a page names it */
};

static inline struct statement whole_statement(const struct night *night)
{
	struct statement s = {
		.registry_version = 1, .created = WHOLE_NOW, .destroy_by = night_midnight + NIGHT_DAY,
		.segments = WHOLE_SEGMENTS - 1, .manifest_segments = 1, .route = "tax", .person = "wang-mei", .push_id = {7},
	};
	memcpy(s.person_key, night->people[WANG]->card.id, KEY_ID_BYTES);
	return s;
}

/* What is in release and entry goes into the first segment: signed by wang-mei, two officers, and this box. */
static inline void whole_sign(struct whole *w, const struct night *night, const struct key *box)
{
	static const enum night_who officers[] = {TSENG, KUO};
	struct release *r = &w->release;
	memcpy(r->box, box->card.name, NAME_BYTES);
	memcpy(r->box_key, box->card.id, KEY_ID_BYTES);
	endorse_push(&w->endorsements, &r->statement, night->people[WANG]->secret);
	for (size_t i = 0; i < sizeof(officers) / sizeof(officers[0]); i++) {
		struct endorsement approval =
			endorse_approval(&r->statement, night->people[officers[i]], r->released_at);
		endorse_with(&w->endorsements, &approval);
	}
	if (release_segment_encode(w->object, r, &w->endorsements, box->secret) != 0)
		abort();
}

static inline void whole_make(struct whole *w, const struct night *night)
{
	const struct geometry g = geometry_choose(WHOLE_BYTES, 125);
	struct head head = {.route = "tax", .count = 1};
	struct tree tree;
	uint8_t leaf[1][SUITE_DIGEST_BYTES];
	memset(w->object, 0x5a, sizeof(w->object));
	memcpy(head.stanzas[0].key_id, registry_party(night->registry, KEY_RECIPIENT, "tax-agency")->card.id, KEY_ID_BYTES);
	head_encode(w->object + SEGMENT_BYTES, &head);
	w->release = (struct release){
		.route_id = 1, .epoch = 5, .number = 1, .released_at = WHOLE_NOW, .row_len = g.row_len,
		.source_rows = g.source_rows, .repair_rows = g.repair_rows, .statement = whole_statement(night),
	};
	tree_start(&tree);
	for (uint64_t i = 0; i < WHOLE_SEGMENTS - 1; i++) {
		tree_leaves(leaf, w->object + (i + 1) * SEGMENT_BYTES, 1);
		tree_add(&tree, leaf[0]);
	}
	tree_root(&tree, w->release.statement.root);
	w->entry = (struct entry){.route_id = 1, .epoch = 5, .number = 1, .geometry = g,
				  .destroy_by = w->release.statement.destroy_by};
	memcpy(w->entry.root, w->release.statement.root, SUITE_DIGEST_BYTES);
	whole_sign(w, night, night->inside);
}

/* All source rows come. */
static inline int whole_place(const struct whole *w, struct partial *partial)
{
	const struct geometry *g = partial_geometry(partial);
	int result = partial_open_files(partial);
	if (result == 0)
		result = io_pwrite(partial_fd(partial, false), w->object, sizeof(w->object), 0);
	for (uint32_t row = 0; result == 0 && row < g->source_rows; row++) {
		struct span span = {.row = (uint8_t)row, .count = (uint16_t)geometry_row_sent(g, 0, row)};
		if (span.count > 0)
			(void)arrivals_note(partial_arrivals(partial), &span);
	}
	partial_set_changed(partial);
	return result;
}

#endif
