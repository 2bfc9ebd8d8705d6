/*
 * porter: who comes to keep's control socket, and the entries of what they say (notice.h).
 *
 * It never waits: what has not come yet is taken in a later turn.  Callers that cannot be taken wait in the backlog, which
 * is told of once (E2007); what one wanted who has left before it was read is not done.  One thread calls.
 */
#ifndef WEIR_PORTER_H
#define WEIR_PORTER_H

#include <stddef.h>
#include <stdint.h>

#include "importing.h"

enum {
	PORTER_GUESTS_MAX = 64,    /* at a time; others wait in the backlog */
	PORTER_BEGIN_MS = 10000,   /* who has not said anything by then is sent away */
};

struct porter;

/* All stays the caller's; listener is made non-blocking.  0 or -errno. */
int porter_new(struct porter **out, int listener, const struct import_site *site);
void porter_set_registry(struct porter *porter, const struct registry *registry);
/*
 * Who takes the orders that people bring, with the results of custody_take; until it is set they are answered
 * with -EAGAIN.
 */
struct intake;
typedef int porter_take_mandate(struct intake *intake, const struct ledger_who *peer, const uint8_t *bytes, size_t len,
				uint64_t now_s);
void porter_set_taker(struct porter *porter, porter_take_mandate *take, struct intake *intake);
void porter_turn(struct porter *porter, uint64_t now_ms, uint64_t now_s);
void porter_free(struct porter *porter); /* NULL is fine */

#endif
