/*
 * dossier: what the sender keeps beside a bundle and never sends: how much is in it, the manifest key for
 * the officers who decide, and who stands for it so far.  Format: SPOOL.md 2.
 *
 * The officers' stanzas do not cross the link: they are wrapped without a pre-shared key, so a recording of
 * them would fall to whoever breaks X25519 one day.
 */
#ifndef WEIR_DOSSIER_H
#define WEIR_DOSSIER_H

#include "common/bundle.h"
#include "common/endorsement.h"
#include "common/registry.h"

enum {
	DOSSIER_HEADER_BYTES = 88,
	DOSSIER_BYTES_MAX = DOSSIER_HEADER_BYTES + OFFICERS_MAX * 96 + ENDORSEMENTS_BYTES_MAX +
			    SUITE_DIGEST_BYTES,
};

/* What weir-seal counted. */
struct tally {
	uint64_t content_len; /* bytes of all members */
	uint64_t members;
	uint64_t records;
	uint32_t columns;     /* of the widest member; 0 when not looked at */
};

struct dossier {
	uint8_t push_id[PUSH_ID_BYTES];
	struct tally tally;
	bool is_beyond_order; /* a machine pushed it, beyond its standing order: hold found so, and it stays so */
	uint16_t stanza_count;
	struct stanza stanzas[OFFICERS_MAX]; /* manifest key, one for each officer */
	struct endorsements endorsements;
};

/* Gives the number of bytes. */
size_t dossier_encode(uint8_t out[static DOSSIER_BYTES_MAX], const struct dossier *dossier);
/* Total.  The verdicts of SPOOL.md 2 and of endorsements_check. */
int dossier_decode(struct dossier *out, const uint8_t *in, size_t len);

/* A file named after the push id in hex, written whole and durably; -errno, verdicts of decoding. */
int dossier_save(int dir_fd, const struct dossier *dossier);
int dossier_load(struct dossier *out, int dir_fd, const uint8_t push_id[static PUSH_ID_BYTES]);
int dossier_remove(int dir_fd, const uint8_t push_id[static PUSH_ID_BYTES]);

/* Seals the manifest key for every officer of the route that has a reading key.  VERDICT_BAD_KEY, -ENOMEM. */
int dossier_seal_keys(struct dossier *dossier, const struct route *route,
		      const uint8_t manifest_key[static SUITE_KEY_BYTES]);
/* The reverse, for an officer.  VERDICT_WRONG_RECIPIENT when there is none for this key, VERDICT_WRONG_KEY. */
int dossier_open_key(uint8_t manifest_key[static SUITE_KEY_BYTES], const struct dossier *dossier,
		     const char *route, const struct card *officer,
		     const uint8_t reading_secret[static SUITE_KEY_BYTES]);

#endif
