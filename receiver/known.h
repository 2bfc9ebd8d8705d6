/*
 * known: which bundles exist, as the signed messages of the sender say.  LINK.md 2.
 *
 * State is kept only for bundles that are named here.  Which epoch is in use, and whether the sender was put back,
 * is heard.h's affair; which numbers were never named is account.h's.  A bundle stays named until a later
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
#include "heard.h"
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
	struct known_bundle *next; /* from here on: the module's; in the order in which they were named */
	struct known_bundle *beside; /* whose id falls into the same bucket */
	uint64_t generation;   /* in which the page was made that named it last; the number of that page, */
	uint32_t page;
	uint64_t sender_epoch; /* and its epoch; 0: none has been taken yet */
	bool has_clashed;      /* it was named with other content, too */
};

struct known *known_new(void); /* NULL: out of memory */
void known_free(struct known *known);

/*
 * Takes a page whose signature was right.  named is called for each bundle that was not named
 * before.  VERDICT_OK: it was news.  -EALREADY: this page is here already.  VERDICT_BAD_ORDER: older
 * than what is known, or of a sender that went back.  VERDICT_BAD_LIMIT: it contradicts a page of the same generation in the number
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
 * again, as when emit was started again.  VERDICT_BAD_ORDER: older than that, or of a sender that went back.
 */
int known_heartbeat(struct known *known, const struct heartbeat *heartbeat, uint64_t now_s);

/*
 * Takes heads whose signature was right.  overlap is called for a route whose numbers begin in this epoch at or
 * below the highest one (id) that was heard of in the epoch that it continues, once an epoch; may be NULL.
 * VERDICT_OK, VERDICT_BAD_ORDER as above, -ENOMEM.
 */
typedef void known_overlap(void *context, const struct bundle_id *highest, uint64_t first);
int known_heads(struct known *known, const struct heads *heads, known_overlap *overlap, void *context);
/*
 * Once heads or pages have come: lost is called for numbers that can no longer be named, as in account_settle.
 */
int known_settle(struct known *known, account_visit *lost, void *context);
/* A bundle of an ended epoch that was named with other content than before, since the last call; false: none. */
bool known_take_clash(struct known *known, struct bundle_id *out);

/* NULL when it is not named. */
struct known_bundle *known_find(const struct known *known, const struct bundle_id *id);

/* Of a complete generation: whether there is anything that it does not name. */
bool known_would_drop(const struct known *known);
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

/*
 * For the vault's file `heard`, the caller's to free; -ENODATA before anything was heard; and back, after the stored
 * catalogue and before anything else: results of heard_decode.  changes: one more for each change of the account of numbers.
 */
int known_heard(const struct known *known, uint8_t **out, size_t *len);
int known_resume(struct known *known, const uint8_t *bytes, size_t len);
const struct account *known_account(const struct known *known);
uint64_t known_changes(const struct known *known);

struct known_summary {
	uint64_t epoch;              /* 0: none yet */
	uint64_t epoch_before;       /* which it says it continues; 0: none */
	bool has_before;             /* it has said */
	uint64_t epoch_ended;        /* which it has ended here; 0: none */
	bool went_back;              /* nothing of this epoch is believed any more */
	uint64_t epoch_returned;     /* an ended one that was heard again; 0: none */
	uint64_t generation;         /* the newest that was named */
	uint32_t pages, pages_held;  /* of it; 0 while only a heartbeat has named it */
	bool is_complete;            /* while it is not, one of pages_held == pages is older than it is in that generation, and counts as not held */
	uint64_t bundles;            /* named */
	uint64_t last_heartbeat_s;   /* this box's clock; 0: none yet */
	uint64_t beat;
	uint64_t sender_registry_version;
	uint64_t sender_datagrams;
	struct missing_link link;    /* data_s is the user's */
};
struct known_summary known_summary(const struct known *known);

#endif
