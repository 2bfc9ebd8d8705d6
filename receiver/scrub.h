/*
 * scrub: reads the bundles of the vault again, slowly, so that what a disk has changed is found while the sender may
 * still have it.  VAULT.md 7.
 *
 *   vault/scrub   when the present round began, and the bundle that was read last
 *
 * A round takes each bundle once, oldest delivery first, at SCRUB_BYTES_PER_S at most, in a thread of its own; the next
 * round begins scrub_days after the one before.  What is damaged is entered in the ledger, set aside as damaged/, noted
 * in the annals, and wanted again.  One thread calls.
 */
#ifndef WEIR_SCRUB_H
#define WEIR_SCRUB_H

#include <stdatomic.h>
#include <stdint.h>

#include "annals.h"
#include "diary.h"
#include "status.h"
#include "worker.h"

enum {
	SCRUB_BYTES_PER_S = 33554432,
	SCRUB_DAYS_DEFAULT = 7,
	SCRUB_STORE_S = 60, /* between two notes of how far it is */
	SCRUB_RETRY_S = 60, /* after a failure that says nothing about a bundle */
};

struct scrub_options {
	int vault_fd; /* stays the caller's, as does all that follows */
	uint32_t days;
	struct workshop *workshop;
	unsigned int worker;
	const struct teller *tell;
	struct diary *diary;
	struct annals *annals;
	/* A bundle is not in the vault any more, and wanted again. */
	void (*lost)(void *context, const struct bundle_id *id);
	void *context;
};

struct scrub;

int scrub_new(struct scrub **out, const struct scrub_options *options); /* 0 or -ENOMEM */
void scrub_free(struct scrub *scrub); /* NULL is fine */

/*
 * At the start: what was being set aside is noted and entered, and what was set aside and came again is removed.  0,
 * -errno, or a verdict of annals_write.
 */
int scrub_mend(struct scrub *scrub);
/* Often. */
void scrub_turn(struct scrub *scrub, uint64_t now_s);

/*
 * Whether the file of a bundle is, byte for byte, what was delivered: its first segment and what lies behind the object
 * by their digest in the annals, the body by the root in its release.  VERDICT_DAMAGED, also when the disk cannot give
 * it any more; -ENOENT; -ECANCELED when *stop becomes true; another -errno when nothing can be said.
 */
int scrub_judge(int vault_fd, const struct annal *annal, const atomic_bool *stop);

#endif
