/*
 * standing: the standing orders that are in force on the sending box: release orders of officers, and which
 * orders were revoked before their end.  SPOOL.md 5.
 *
 *   spool/orders/ID.ROUTE          an order as it was loaded (ORDER.md)
 *   spool/orders/ID.ROUTE.revoked  whoever revoked it; also of a push order, which a machine brings along
 *
 * Whoever makes an order chooses its id, so no order or revocation of one route says anything of another.
 */
#ifndef WEIR_STANDING_H
#define WEIR_STANDING_H

#include "common/order.h"

struct standing;

enum {
	STANDING_ORDERS_MAX = 1024,
	STANDING_REVOCATIONS_MAX = 4096,
	STANDING_REVOCATIONS_A_KEY = 64, /* so that nobody takes this means from the others */
	REVOCATION_BYTES = 16 + ORDER_ID_BYTES + 2 * NAME_BYTES + KEY_ID_BYTES + 8,
	REVOCATION_ENCODED_MAX = REVOCATION_BYTES + SIGNATURE_ENCODED_MAX,
};

/*
 * Loads what is there.  The spool's directory stays the caller's.  What cannot be read is left where it is, and
 * *bad says how many; an order then does not count, and a revocation does all the same, by its name.
 */
int standing_open(struct standing **out, int spool_dir, size_t *bad);
void standing_close(struct standing *standing); /* NULL is fine */

/* Where and when an order is judged. */
struct standing_site {
	const struct registry *registry;
	uint64_t now;
	const uint8_t *box; /* key id of the box that would release, KEY_ID_BYTES */
};

/*
 * Whether a release order may be loaded: good now by the registry, for this box, and once more is fine.
 * VERDICT_NOT_ALLOWED for a push order, VERDICT_WRONG_KEY for another box, VERDICT_REVOKED, VERDICT_BAD_LIMIT when
 * there are too many, -EEXIST for another order of this id on its route,
 * and those of order_check; one that has not begun is judged at its beginning.
 */
int standing_check(const struct standing *standing, const struct order *order,
		   const struct standing_site *site);
/* The same, and takes it: durable when the result is 0. */
int standing_load(struct standing *standing, const struct order *order, const struct standing_site *site);

/*
 * A revocation, signed under `weir1 revoke` by an operator or officer of the route.  It counts for orders of
 * that route alone, so that nobody revokes another's.
 */
struct revocation {
	uint8_t order_id[ORDER_ID_BYTES]; /* never all zero */
	char route[NAME_BYTES];
	char person[NAME_BYTES];          /* "" when it could not be read or written, and counts all the same */
	uint8_t key_id[KEY_ID_BYTES];
	uint64_t at;
	struct signature signature;
};
extern const char revocation_domain[];
/* What is signed, and the whole of it. */
void revocation_input(uint8_t out[static REVOCATION_BYTES], const struct revocation *revocation);
size_t revocation_encode(uint8_t out[static REVOCATION_ENCODED_MAX], const struct revocation *revocation);
/* Total: the verdicts of SPOOL.md 5. */
int revocation_decode(struct revocation *out, const uint8_t *in, size_t len);
/*
 * Whether a revocation counts; a second one of an order is fine.  VERDICT_UNKNOWN_ROUTE, VERDICT_UNKNOWN_KEY,
 * VERDICT_NOT_ALLOWED, VERDICT_EXPIRED, VERDICT_SUSPENDED, VERDICT_BAD_TIME when it was not signed just now,
 * VERDICT_BAD_SIGNATURE, VERDICT_BAD_LIMIT.
 */
int standing_check_revocation(const struct standing *standing, const struct revocation *revocation,
			      const struct registry *registry, uint64_t now);
/* The same, and takes it: durable when the result is 0.  When it cannot be written it is in force until the next start. */
int standing_revoke(struct standing *standing, const struct revocation *revocation,
		    const struct registry *registry, uint64_t now);
/* This person has revoked it already, and that is on the disk: nothing is to be done. */
bool standing_has_revocation(const struct standing *standing, const struct revocation *revocation);
bool standing_is_revoked(const struct standing *standing, const uint8_t order_id[static ORDER_ID_BYTES],
			 const char *route);

/* This very order is there: nothing is to be done. */
bool standing_has(const struct standing *standing, const struct order *order);
size_t standing_count(const struct standing *standing);
const struct order *standing_at(const struct standing *standing, size_t index);
size_t standing_revocation_count(const struct standing *standing);
const struct revocation *standing_revocation_at(const struct standing *standing, size_t index);

/*
 * Removes orders a day behind their end, and revocations when every order that was signed before them has
 * ended (ORDER.md 3).
 */
void standing_retire(struct standing *standing, uint64_t now);

#endif
