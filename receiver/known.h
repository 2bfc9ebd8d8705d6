/*
 * known: which bundles exist, as the signed messages of the sender say.  LINK.md 2.
 *
 * State is kept only for bundles that are named here.  The newest epoch is the one whose messages
 * have the newest signed time; within it generations only grow.  A bundle stays named until a later
 * generation is complete and does not name it.  Messages come in here after their signatures have
 * been checked; nothing here touches a file.
 *
 * Limits: PAGES_MAX pages of a generation; what it holds is about 10 MiB for 100,000 bundles.
 */
#ifndef WEIR_KNOWN_H
#define WEIR_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/catalogue.h"
#include "common/datagram.h"
#include "missing.h"

struct known;

enum known_state {
	KNOWN_WANTED,    /* it may arrive */
	KNOWN_DELIVERED, /* it is in the vault, or was destroyed there */
	KNOWN_REFUSED,   /* it came whole and was refused */
};

struct arrival; /* what has arrived of it; reception.h */

/* One named bundle.  It stays where it is in memory until known_sweep gives it up. */
struct known_bundle {
	struct bundle_id id;
	struct entry entry;      /* as named last */
	uint64_t since_s;        /* when it was first named here */
	uint64_t passed_s;       /* when a page first said that a whole pass had ended; 0: none has */
	enum known_state state;  /* from here on: the user's own */
	int verdict;             /* of a refused one */
	uint64_t retry_ms;       /* nothing is begun before this time */
	struct arrival *arrival;
	uint64_t batch;          /* of entries, in which its name was told; 0: none */
	uint64_t lost_s;         /* when it was told of as lost; 0: not, or it is whole again */
	bool is_noted;           /* its delivery was taken note of; as one that was there when it was named */
	struct known_bundle *next; /* from here on: the module's */
	uint64_t generation;
	uint64_t sender_epoch; /* of the page that named it last */
};

struct known *known_new(void); /* NULL: out of memory */
void known_free(struct known *known);

/*
 * Takes a page whose signature was right.  named is called for each bundle that was not named
 * before.  VERDICT_OK: it was news.  -EALREADY: this page is here already.  VERDICT_BAD_ORDER: older
 * than what is known.  VERDICT_BAD_LIMIT: it contradicts a page of the same generation in the number
 * of pages.  -ENOMEM.
 */
typedef void known_visit(void *context, struct known_bundle *bundle);
int known_page(struct known *known, const struct page *page, const uint8_t *message, size_t len,
	       uint64_t now_s, known_visit *named, void *context);

/*
 * Whether it is worth its signature's verification, which is dear: 0, or what known_page or
 * known_heartbeat would say of one that is not newer.  Changes nothing.
 */
int known_judge_page(const struct known *known, const struct page *page);
int known_judge_heartbeat(const struct known *known, const struct heartbeat *heartbeat);

/*
 * Takes a heartbeat whose signature was right.  VERDICT_OK.  -EALREADY: the one heard last has come
 * again, as when emit was started again.  VERDICT_BAD_ORDER: older than that.
 */
int known_heartbeat(struct known *known, const struct heartbeat *heartbeat, uint64_t now_s);

/* NULL when it is not named. */
struct known_bundle *known_find(const struct known *known, const struct bundle_id *id);

/*
 * Once after a generation has become complete: gives up what it does not name, after calling
 * dropped for each.  False when there was nothing to do.
 */
bool known_sweep(struct known *known, known_visit *dropped, void *context);

/* Every named bundle, in no order. */
void known_each(const struct known *known, known_visit *visit, void *context);

/*
 * The pages of the newest generation, each a u16 length and the message; for vault_catalogue_store.
 * *out is the caller's to free.  -ENODATA while pages lack.
 */
int known_catalogue(const struct known *known, uint8_t **out, size_t *len);

struct known_summary {
	uint64_t epoch;              /* 0: none yet */
	uint64_t generation;         /* the newest that was named */
	uint32_t pages, pages_held;  /* of it; 0 while only a heartbeat has named it */
	bool is_complete;
	uint64_t bundles;            /* named */
	uint64_t last_heartbeat_s;   /* this box's clock; 0: none yet */
	uint64_t beat;
	uint64_t sender_registry_version;
	uint64_t sender_datagrams;
	struct missing_link link;    /* data_s is the user's */
};
struct known_summary known_summary(const struct known *known);

#endif
