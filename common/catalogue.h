/*
 * catalogue: the signed messages of the link: heartbeat, catalogue page, heads.  LINK.md 2.
 */
#ifndef WEIR_CATALOGUE_H
#define WEIR_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle.h"
#include "geometry.h"
#include "ledgerline.h"

enum {
	HEARTBEAT_BYTES = 224,
	PAGE_ENTRIES_MAX = 16,
	PAGE_BYTES_MAX = 136 + 80 * PAGE_ENTRIES_MAX,
	PAGES_MAX = 5000,
	HEADS_MAX = 52,        /* routes in one message */
	HEADS_PAGES_MAX = 64,
	HEADS_BYTES_MAX = 136 + 24 * HEADS_MAX,
};
#define GENERATION_END (UINT64_C(1) << 48)

struct heartbeat {
	uint32_t bundles;
	uint64_t epoch;
	uint64_t beat;
	uint64_t time;
	uint64_t generation;
	uint32_t pages;
	uint64_t registry_version;
	uint64_t sent;
	struct ledger_head ledger; /* the newest entry of the sender's ledger that is durable */
	uint64_t epoch_before;     /* of the sender's life before this one; 0: none, or not known */
	uint64_t waiting;          /* bytes that have still to go for the first time */
	uint64_t heal_rate;        /* bytes a second for what has gone already, when nothing waits */
	uint64_t heal_round;       /* bytes of one more pass over all of that */
	uint8_t box_key[KEY_ID_BYTES];
	uint8_t signature[SUITE_SIGNATURE_BYTES];
};

struct entry {
	uint16_t route_id;
	uint16_t passes;           /* that have ended, at most 65,535: from 1 on all of it has been sent */
	struct geometry geometry;
	uint64_t epoch;            /* of the bundle: that of the page, or of an earlier life of the sender */
	uint64_t number;
	uint64_t destroy_by;
	uint64_t offered_until;    /* until then it is sent again and again */
	uint8_t root[SUITE_DIGEST_BYTES];
};

struct page {
	uint16_t count;
	uint64_t epoch;
	uint64_t generation;       /* in which it was made; it stays as it is until what it names changes */
	uint64_t time;
	uint32_t page;
	uint32_t pages;            /* in that generation, and of all of them: */
	uint64_t age;              /* how many generations before it each was made, added up */
	uint8_t box_key[KEY_ID_BYTES];
	struct entry entries[PAGE_ENTRIES_MAX];
	uint8_t signature[SUITE_SIGNATURE_BYTES];
};

/* How far the numbers of a route have come in this epoch; newest is first - 1 when there is none yet. */
struct route_head {
	uint16_t route_id;
	uint64_t first;
	uint64_t newest;
};

struct heads {
	uint16_t count;
	uint64_t epoch;
	uint64_t epoch_before;
	uint64_t generation; /* of the catalogue made at the same time */
	uint64_t time;
	uint32_t page;
	uint32_t pages;
	uint8_t box_key[KEY_ID_BYTES];
	struct route_head head[HEADS_MAX]; /* ascending by route id */
	uint8_t signature[SUITE_SIGNATURE_BYTES];
};

enum message_kind { MESSAGE_UNKNOWN, MESSAGE_HEARTBEAT, MESSAGE_PAGE, MESSAGE_HEADS };
enum message_kind message_kind(const uint8_t *message, size_t len);

/* Encode and sign in one step (box_key must be filled in).  0 or -ENOMEM. */
int heartbeat_encode(uint8_t out[static HEARTBEAT_BYTES], const struct heartbeat *h,
		     const uint8_t box_seed[static SUITE_KEY_BYTES]);
int page_encode(uint8_t out[static PAGE_BYTES_MAX], size_t *len, const struct page *p,
		const uint8_t box_seed[static SUITE_KEY_BYTES]);
int heads_encode(uint8_t out[static HEADS_BYTES_MAX], size_t *len, const struct heads *h,
		 const uint8_t box_seed[static SUITE_KEY_BYTES]);

/* Total; signatures are for message_verify, which takes the bytes as received. */
int heartbeat_decode(struct heartbeat *out, const uint8_t *in, size_t len);
int page_decode(struct page *out, const uint8_t *in, size_t len);
int heads_decode(struct heads *out, const uint8_t *in, size_t len);
int message_verify(const uint8_t *message, size_t len,
		   const uint8_t box_public[static SUITE_KEY_BYTES]);

#endif
