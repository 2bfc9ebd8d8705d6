/*
 * reception: the bundles that are arriving, from their first symbol to the vault.  VAULT.md.
 *
 *   begun -> receiving -> (block by block) repaired -> checking -> entered in the ledger -> delivered
 *                                                             or refused
 *                                                             or waiting for a registry -> checking
 *
 * A bundle that can no longer be trusted on disk, or that the sender no longer names, is abandoned:
 * its files go, and if it is still wanted it begins again with the next datagram.
 *
 * One thread calls; repair, judgement and storing of maps are jobs of the workshop.
 */
#ifndef WEIR_RECEPTION_H
#define WEIR_RECEPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/registry.h"
#include "annals.h"
#include "arrivals.h"
#include "diary.h"
#include "known.h"
#include "lost.h"
#include "status.h"
#include "vault.h"
#include "worker.h"

enum {
	RECEPTION_BUNDLES_MAX = 1024,          /* that arrive at a time */
	RECEPTION_FILES_MAX = 128,             /* of which so many have their two files open */
	RECEPTION_MEMORY_MAX = 536870912,      /* maps, counts and hashes of all of them */
	RECEPTION_RETRY_MS = 5000,             /* before something that failed is tried again */
	RECEPTION_IDLE_S = 600,                /* without a datagram; then it may be given up for another */
	RECEPTION_STORE_MS = 1000,             /* between two copies of a map */
};

/* The workers of the workshop. */
enum { WORKER_SMALL, WORKER_LARGE, WORKER_CLERK, WORKER_WARDEN, WORKER_SCRUB, WORKER_COUNT };

struct reception_options {
	int vault_fd;                       /* stays the caller's, as does all that follows */
	const char *runtime;                /* maps/ is made in it */
	uint32_t disk_full_percent;
	const struct registry *registry;
	const char *roots;                  /* file, by which a registry that arrives is judged */
	uint64_t gather_bytes;              /* what may wait to be written together (gather.h); 0: nothing does */
	void (*notify)(void *context);      /* from a thread: a turn has something to do; with gather_bytes */
	void *notify_context;
	struct workshop *workshop;          /* stopped by the caller before reception_close */
	struct status_counters *counters;   /* duplicate, late, no_room, repaired, delivered, refused */
	const struct teller *tell;
	struct diary *diary;
	struct annals *annals;
	struct lost *lost;
	uint64_t unfinished_s;              /* how long what does not go on and is not to be had is kept */
	uint64_t now_s;                     /* what comes before the first turn comes now */
};

struct reception;

int reception_open(struct reception **out, const struct reception_options *options);
/* Frees everything; files stay. */
void reception_close(struct reception *reception);

/* A newer registry; bundles that wait for one are judged again.  The old one must live on. */
void reception_set_registry(struct reception *reception, const struct registry *registry,
			    uint64_t sender_version);

/* Whether a newer registry came over the link since the last call; registrar_load reads it. */
bool reception_take_registry(struct reception *reception);

/* A bundle has been named: finds out whether it is wanted, and takes up what is on disk. */
void reception_name(struct reception *reception, struct known_bundle *bundle);
/* It is no longer named; the caller is about to forget it. */
void reception_drop(struct reception *reception, struct known_bundle *bundle, bool is_told);
/* Removes partial bundles on disk that nobody names.  After a generation has become complete. */
void reception_clear(struct reception *reception, const struct known *known);

/*
 * What is placed from here on came in what the caller knows by this number, which never falls, and who may be behind
 * (gather_hurry); and the lowest number of what is not written yet, GATHER_NOTHING when all is.
 */
void reception_mark(struct reception *reception, uint64_t mark, bool is_behind);
uint64_t reception_oldest(const struct reception *reception);
/* Writes and notes all of it. */
void reception_settle(struct reception *reception);
/* Places symbols; payload must stay until reception_flush. */
void reception_place(struct reception *reception, struct known_bundle *bundle,
		     const struct span *span, const uint8_t *payload);
void reception_flush(struct reception *reception);

/* Gives up what has not gone on for unfinished_s and is not to be had any more.  Now and then. */
void reception_give_up_old(struct reception *reception, const struct missing_link *link);

/* Now and then: the clock of what follows, finished jobs, copies of maps, things to try again. */
void reception_turn(struct reception *reception, uint64_t now_ms, uint64_t now_s,
		    uint64_t sender_registry_version);
/* Submits a copy of every changed map.  For the end of the process. */
void reception_store_all(struct reception *reception);

/* As people call it; where our registry lacks the route, "route9-000001" by its id. */
void reception_name_of(const struct reception *reception, const struct bundle_id *id,
		       char out[static VAULT_NAME_BYTES]);

/* What should be destroyed before this time is not begun, and what has come of it goes. */
void reception_expire(struct reception *reception, uint64_t past_s);

bool reception_disk_is_full(const struct reception *reception);

/* Of one that is wanted or refused (reception_report.c). */
void reception_facts(struct missing_facts *out, const struct known_bundle *bundle);
/* A refused one, whose push was delivered under another number. */
bool reception_is_repeated(const struct known_bundle *bundle);
/* Bytes that must still come, so that all of it can be repaired. */
uint64_t reception_missing_bytes(const struct known_bundle *bundle);
/* Adds one bundle, unless it is delivered. */
void reception_report(const struct reception *reception, const struct known_bundle *bundle,
		      const struct missing_link *link, struct status_text *status);

#endif
