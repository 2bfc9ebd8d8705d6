/*
 * retention: destroys bundles of the vault at their date, or when a person has ordered it, and not while a hold names
 * them.  VAULT.md 6.
 *
 *   due -> "destroying" in the annals -> unlink, fsync of the directory -> "destroyed" in the ledger -> in the annals
 *
 * The middle step is a job of the workshop; RETENTION_BATCH bundles at most are under way.  One thread calls.
 */
#ifndef WEIR_RETENTION_H
#define WEIR_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "annals.h"
#include "custody.h"
#include "diary.h"
#include "status.h"
#include "worker.h"

enum {
	RETENTION_BATCH = 64,
	RETENTION_LOOK_S = 30,    /* between two looks at all dates */
	RETENTION_RETRY_S = 600,  /* before one that failed is tried again */
	RETENTION_TIDY_S = 86400,
	RETENTION_CLOCK_S = 3600, /* how far our clock may be from the sender's, as long as that is heard */
	RETENTION_WAIT_MS = 60000, /* for a heartbeat, at the start and after the clock has leapt so far */
};

struct retention_options {
	int vault_fd; /* stays the caller's, as does all that follows */
	struct workshop *workshop;
	unsigned int worker;
	const struct teller *tell;
	struct diary *diary;
	struct annals *annals;
	struct custody *custody;
	bool is_blind; /* a hold could not be read: nothing is destroyed */
};

struct retention;

int retention_new(struct retention **out, const struct retention_options *options); /* 0 or -ENOMEM */
void retention_free(struct retention *retention); /* NULL is fine */

/*
 * The signed time of a heartbeat that has just come.  Our clock must not destroy what by the sender's has days to
 * live: while they differ by more than RETENTION_CLOCK_S nothing is destroyed by date (E2073).  A sender that is
 * silent for RETENTION_WAIT_MS is not waited for.
 */
void retention_hear(struct retention *retention, uint64_t sender_s, uint64_t now_s);
/* Often.  Every RETENTION_LOOK_S, after retention_hurry, and when a wait has ended, finds what is due. */
void retention_turn(struct retention *retention, uint64_t now_ms, uint64_t now_s);
/* An order has come. */
void retention_hurry(struct retention *retention);
/* Dates up to this time have passed beyond doubt; 0 while the clock is doubtful, and before the first turn. */
uint64_t retention_past_s(const struct retention *retention);

#endif
