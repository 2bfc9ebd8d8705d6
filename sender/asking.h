/*
 * asking: questions to weir-hold over its control socket (local.h): what is in the spool, what an officer
 * decides about it, and standing orders.
 *
 * Results: -errno of connecting (-ECONNREFUSED, -ENOENT: nobody is there), -ETIMEDOUT, VERDICT_BAD_PROTOCOL, or
 * the result in *refused, which is filled only then.
 */
#ifndef WEIR_ASKING_H
#define WEIR_ASKING_H

#include "local.h"

typedef void asking_take(void *context, const struct local_item *item);

/* Gives every item, or the one with this push id or name when keyword is not NULL. */
int asking_list(const char *runtime, const char *keyword, asking_take *take, void *context,
		struct local_refused *refused);

/* A question that DONE alone answers; *count (may be NULL) is what it says. */
int asking_do(const char *runtime, enum local_type type, const void *payload, size_t len, uint32_t *count,
	      struct local_refused *refused);

/* Gives the standing orders that are loaded, then what was revoked. */
struct asking_orders {
	void (*order)(void *context, const struct local_order *order);
	void (*revoked)(void *context, const struct local_revoked *revoked);
	void *context;
};
int asking_orders(const char *runtime, const struct asking_orders *take, struct local_refused *refused);

/* APPROVE or DENY; gives the item as it is afterwards, if it is still there. */
int asking_decide(const char *runtime, enum local_type type, const void *payload, size_t len,
		  asking_take *take, void *context, struct local_refused *refused);

/*
 * Something is to be sent once more, or purged: keyword is a resend code or a bundle's name, in small letters.  What is found is
 * given to sign, which fills in the order, or does not want it; its result then is the result.
 */
struct asking_resend {
	int (*sign)(void *context, const struct local_resend_found *found, struct resendorder *order);
	void *context;
};
int asking_resend(const char *runtime, const char *keyword, const struct asking_resend *ask,
		  struct local_resend_taken *taken, struct local_refused *refused);

/* What an officer decides on: statement, dossier, and the manifest as it is sealed. */
struct casefile {
	struct local_commit about;
	uint8_t *segments; /* about.statement.manifest_segments of them */
	size_t len;
};
/* *out is the caller's, for casefile_free. */
int casefile_fetch(struct casefile **out, const char *runtime, const char *keyword,
		   struct local_refused *refused);
/* Opens the manifest with the officer's reading key.  Also the verdicts of dossier_open_key and manifest_open. */
int casefile_open(struct manifest *out, const struct casefile *file, const struct card *officer,
		  const uint8_t reading_secret[static SUITE_KEY_BYTES]);
void casefile_free(struct casefile *file); /* NULL is fine */

#endif
