/*
 * annals: which bundles were delivered here, set aside and destroyed, so that none of it is done twice.
 * Format: VAULT.md 5.
 *
 *   vault/annals   a header, then records of one size each, only ever added to
 *
 * The newest record of a bundle tells its state.  All of them are held in memory, found by id, by name and by
 * push id: 88 bytes for each bundle, 80 MiB for a million; a million records are read in well under a second.
 *
 * Records are there when annals_write gives 0.  After a failure nothing can be said of the end of the file any
 * more: the next annals_write first writes the whole file anew.  One process writes, one thread calls.
 */
#ifndef WEIR_ANNALS_H
#define WEIR_ANNALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/datagram.h"
#include "edges.h"
#include "vault.h"

enum {
	ANNAL_BYTES = 128,         /* the header, and each record */
	ANNALS_DIGEST_BYTES = 16,
	ANNALS_MAX = 2097152,      /* bundles */
	ANNALS_BATCH_MAX = 512,    /* records written together; so much of the end may be torn by a crash */
	ANNALS_SPARE_MAX = 262144, /* superseded records, before the file is written anew */
	ANNALS_FORGET_S = 31622400, /* a destroyed bundle is remembered so long beyond its destroy-by date */
};

enum annal_what {
	ANNAL_DELIVERED = 1, /* it lies in bundles/ */
	ANNAL_DESTROYING,    /* to be destroyed: its file may be gone already, the ledger does not have it yet */
	ANNAL_DESTROYED,     /* the ledger has it */
	ANNAL_DAMAGED,       /* it lies in damaged/, and is wanted again */
};

/* Of a destruction; of what was damaged, that a person has taken note of it. */
enum annal_how { ANNAL_NO_WAY = 0, ANNAL_BY_DATE, ANNAL_BY_PURGE, ANNAL_KNOWN };

struct annal {
	struct bundle_id id;
	char route[NAME_BYTES];          /* as in the name of its file, whatever it is called now */
	uint8_t push_id[PUSH_ID_BYTES];
	enum annal_what what;
	enum annal_how how;
	uint64_t at;
	uint64_t destroy_by;
	uint8_t edges[EDGES_BYTES];  /* of what lies around its hash tree: edges.h */
};

/* Writes one record; n: its number in the file, from 1. */
void annal_encode(uint8_t out[static ANNAL_BYTES], const struct annal *annal, uint64_t n);
/* Total.  VERDICT_BAD_DIGEST; VERDICT_BAD_ORDER: another number than n; VERDICT_BAD_TYPE, _NAME, _RESERVED, _TIME. */
int annal_decode(struct annal *out, const uint8_t in[static ANNAL_BYTES], uint64_t n);

/* "EPOCH/NAME.weir", of its file under bundles/; and "NAME@EPOCH.weir", under damaged/. */
enum { ANNAL_PATH_BYTES = 128 };
void annal_path(char out[static ANNAL_PATH_BYTES], const struct annal *annal);
void annal_damaged_name(char out[static ANNAL_PATH_BYTES], const struct annal *annal);
/* Whether that file is in bundles/. */
bool annal_has_file(int vault_fd, const struct annal *annal);
/* What was done is done: it was destroyed, or was delivered and is still there. */
bool annal_is_done(int vault_fd, const struct annal *annal);

/* It was set aside as damaged, and nobody has taken note of that. */
bool annal_is_open_damage(const struct annal *annal);

struct annals;

/* What opening them has found. */
struct annals_found {
	bool is_new;       /* there was no file */
	uint64_t cut;      /* bytes of a torn end that were cut off */
	uint64_t damaged;  /* records that are none, and were passed over */
};

/*
 * 0, -errno, or VERDICT_DAMAGED: the header is none, or more of the end is none than a crash could leave; then
 * somebody has changed it.  With may_write false nothing is made, cut or changed, and a torn end is passed over;
 * without a file they are empty.
 */
int annals_open(struct annals **out, int vault_fd, bool may_write, struct annals_found *found);
void annals_close(struct annals *annals); /* NULL is fine */

/* At most ANNALS_BATCH_MAX, durable together.  VERDICT_BAD_LIMIT: there are too many; -ENOMEM; -errno. */
int annals_write(struct annals *annals, const struct annal *all, size_t count);

/* False when nothing is known of it. */
bool annals_find(const struct annals *annals, const struct bundle_id *id, struct annal *out);
/* By the name of its file. */
bool annals_find_name(const struct annals *annals, uint64_t epoch, const char *route, uint64_t number,
		      struct annal *out);
/*
 * The bundle that brought the same push and has another id, unless that was set aside as damaged: what was
 * delivered or destroyed.
 */
bool annals_find_push(const struct annals *annals, const uint8_t push_id[static PUSH_ID_BYTES],
		      const struct bundle_id *other_than, struct annal *out);

/* All, in the order in which they were first delivered. */
size_t annals_count(const struct annals *annals);
void annals_at(const struct annals *annals, size_t index, struct annal *out);

/*
 * Forgets bundles that may_forget, and writes the file anew when more than ANNALS_SPARE_MAX records are
 * superseded, or more than a half at the start of the process.  For once a day; 0, also when there was nothing
 * to do, or -errno.
 */
typedef bool annals_judge(void *context, const struct annal *annal);
int annals_tidy(struct annals *annals, bool is_start, annals_judge *may_forget, void *context);

/* Records in the file, and the digest of the last one (zeros: none): what stands for its state. */
struct annals_head {
	uint64_t n;
	uint64_t life; /* from 1, one more whenever the file is written anew */
	uint8_t digest[ANNALS_DIGEST_BYTES];
};
void annals_head(const struct annals *annals, struct annals_head *out);

#endif
