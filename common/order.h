/*
 * order: a standing order.  Within it a machine pushes (an operator has signed), or the sender box
 * releases (a route's officers have signed), what would otherwise wait for people.  Format: ORDER.md.
 *
 * An order is plain data.  Decoders are total functions from bytes to a verdict and check every reject
 * rule that needs nothing but the bytes; who was entitled is for order_check.
 */
#ifndef WEIR_ORDER_H
#define WEIR_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "bundle.h"
#include "cursor.h"
#include "key.h"
#include "registry.h"
#include "signature.h"

enum {
	ORDER_ID_BYTES = 16,
	ORDER_FIXED_BYTES = 200,
	ORDER_SIGNER_BYTES = 56, /* without the signature */
	ORDER_SIGNERS_MAX = 16,
	ORDER_INPUT_BYTES = ORDER_FIXED_BYTES + ORDER_SIGNER_BYTES,
	ORDER_BYTES_MAX =
		ORDER_FIXED_BYTES + ORDER_SIGNERS_MAX * (ORDER_SIGNER_BYTES + SIGNATURE_ENCODED_MAX),
	ORDER_LIFE_MAX_S = 2592000, /* 30 days */
	ORDER_DAY_MINUTES = 1440,
	ORDER_EVERY_DAY = 127,
	ORDER_PUSHES_MAX = 1440,
	ORDER_WINDOW_TEXT_BYTES = 160,
};
/* The largest bundle has as many bytes, and no more records than bytes: a cap is one. */
#define ORDER_CAP_MAX (UINT64_C(1) << 46)

enum order_kind {
	ORDER_PUSH = 1,    /* the machine signs push statements; one operator answers for it */
	ORDER_RELEASE = 2, /* the sender box approves in the officers' place */
	ORDER_KIND_END
};

struct order_signer {
	char name[NAME_BYTES];
	uint8_t key_id[KEY_ID_BYTES];
	uint64_t signed_at;
	struct signature signature;
};

struct order {
	enum order_kind kind;
	uint8_t id[ORDER_ID_BYTES]; /* never all zero */
	char route[NAME_BYTES];
	uint64_t policy_version;    /* of the route's policy; 0 when it has none */
	uint64_t not_before;
	uint64_t not_after;         /* the last second */
	uint16_t window_start;      /* minute of the UTC day */
	uint16_t window_len;        /* minutes; may cross midnight */
	uint8_t weekdays;           /* of the day a window starts; bit 0 is Monday */
	uint64_t max_bytes;         /* plaintext of one push */
	uint64_t max_records;       /* of one push */
	uint32_t max_pushes;        /* a UTC day */
	struct card machine;        /* kind KEY_MACHINE for a push, KEY_SENDER for a release */
	uint8_t signer_count;
	struct order_signer signers[ORDER_SIGNERS_MAX]; /* ascending by key id */
};

/* "push", "release"; NULL outside the enum.  The reverse gives 0 for an unknown word. */
const char *order_kind_name(enum order_kind kind);
enum order_kind order_kind_from_name(const char *name);
/* The kind of key that works under an order of this kind. */
enum key_kind order_machine_kind(enum order_kind kind);

/* Inside a larger record.  order_read stops behind the last signer; *out only when the result is 0. */
void order_write(struct writer *w, const struct order *order);
int order_read(struct order *out, struct reader *r);
size_t order_encoded_len(const struct order *order);

/* A file of its own: order_encode gives the length; order_decode refuses VERDICT_TRAILING_BYTES. */
size_t order_encode(uint8_t out[static ORDER_BYTES_MAX], const struct order *order);
int order_decode(struct order *out, const uint8_t *in, size_t len);

/* What a signer with this name, key id and time signs, under the domain ORDER_DOMAIN. */
#define ORDER_DOMAIN "weir1 order"
void order_sign_input(uint8_t out[static ORDER_INPUT_BYTES], const struct order *order,
		      const struct order_signer *signer);
/*
 * Puts a signature, which the caller has made, in its place; in place of an older one of the same key.
 * VERDICT_BAD_LIMIT when there is no room: a push has one signer, a release ORDER_SIGNERS_MAX.
 */
int order_add_signature(struct order *order, const struct order_signer *signer);

/*
 * The whole judgement of an order by the registry at a time (ORDER.md 4).  VERDICT_UNKNOWN_ROUTE,
 * VERDICT_EXPIRED and VERDICT_SUSPENDED (registry, route, machine, signer; EXPIRED also behind the order's
 * end), VERDICT_BAD_TIME (before its beginning, or signed later than `at`), VERDICT_WRONG_POLICY,
 * VERDICT_UNKNOWN_KEY, VERDICT_NOT_ALLOWED, VERDICT_BAD_SIGNATURE, VERDICT_TOO_FEW_APPROVALS; -ENOMEM.
 */
int order_check(const struct order *order, const struct registry *registry, uint64_t at);
/* The same for a bundle that was made under this version of the route's policy, whatever it is now. */
int order_check_under(const struct order *order, const struct registry *registry, uint64_t at,
		      uint64_t policy_version);
/* The part of it that is about one signer. */
int order_check_signer(const struct order *order, size_t index, const struct registry *registry,
		       uint64_t at);
/*
 * Whether a good release order stands for enough officers when this key has pushed: unless the route
 * says that who pushes may approve, a signer who pushed does not count.  VERDICT_TOO_FEW_APPROVALS.
 */
int order_releases_for(const struct order *order, const struct route *route,
		       const uint8_t pusher_key[static KEY_ID_BYTES]);

struct order_use {
	uint64_t at;
	uint64_t bytes;        /* plaintext */
	uint64_t records;
	uint32_t pushes_today; /* under this order in the UTC day of `at`, without this one */
};

/*
 * Whether the order covers this push: 0, or VERDICT_BEYOND_ORDER with everything that exceeds it in
 * `problem`, for a person.  Its beginning and end are for order_check.
 */
int order_covers(const struct order *order, const struct order_use *use,
		 char problem[static PROBLEM_BYTES]);
/* "18:00 to 20:00 UTC, Mon Tue", "22:00 to 04:00 UTC the next day, from every day" */
char *order_window_text(char out[static ORDER_WINDOW_TEXT_BYTES], const struct order *order);
/* "Mon" for 0 to "Sun" for 6; NULL beyond. */
const char *order_day_name(unsigned int day);

#endif
