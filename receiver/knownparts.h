/* knownparts: what the parts of known share: known.c the names, known_numbers.c the numbers and the file `heard`. */
#ifndef WEIR_KNOWNPARTS_H
#define WEIR_KNOWNPARTS_H

#include "known.h"

enum { BUCKETS = 65536 }; /* for at most 100,000 bundles of a generation, and those of the one before */

struct stored_page {
	uint16_t len;
	uint16_t names;   /* bundles that stand on it, and on no page that was made later */
	uint64_t made;    /* the generation */
	uint8_t *message; /* NULL: not here yet */
};

struct known {
	struct heard heard;     /* what its heartbeat promises may be ahead of the pages */
	struct account *account;
	bool is_first;          /* nothing was heard before this epoch, and not all heads of it were */
	uint64_t heads_pages;   /* a bit for each message of heads that was */
	struct bundle_id clash; /* named with other content than before; number 0: none */
	uint64_t generation;    /* the newest that a page is of; from here to age, what that page says */
	uint32_t pages;
	uint64_t age;
	uint64_t time_s;
	uint32_t pages_held;
	uint64_t made;          /* when they were, added up */
	uint64_t unnamed;       /* bundles that stand on none of them */
	bool is_swept, is_noted; /* known_sweep, known_note_names */
	uint64_t last_heartbeat_s;
	uint64_t sender_registry_version;
	uint64_t sender_datagrams;
	struct missing_link link;
	uint64_t count;
	struct stored_page page[PAGES_MAX];
	struct known_bundle *first, **last; /* all of them: most buckets are empty, and looking at each costs */
	struct known_bundle *unsettled; /* the first whose number the account has not as settled; NULL: it has all */
	struct known_bundle *bucket[BUCKETS];
};

void known_begin_epoch(struct known *known);
/*
 * Whether a message of this epoch and time may be heard.  A message of another epoch ends the one before for good
 * when it is newer, or when it says that it follows that one; else it is a replay of an old life of the sender.
 */
int known_enter_epoch(struct known *known, uint64_t epoch, uint64_t before, uint64_t time);
void known_advance_time(struct known *known, uint64_t time);
bool known_has_all_pages(const struct known *known);
/* Once a generation is complete: what is named is settled in the account.  -ENOMEM. */
int known_note_names(struct known *known);

#endif
