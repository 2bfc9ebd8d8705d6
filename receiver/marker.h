/*
 * marker: how far this box was, noted outside its vault, so that a vault that was put back to an older copy is seen.
 * VAULT.md 8.
 *
 *   runtime/marker   in the runtime directory: survives keep, and dies with the machine
 *   WITNESS          by `witness` of the configuration, on another file system, or in another backup, than the vault
 *
 *   vault/put-back   what of the vault was older, in words, until a person removes it
 *
 * Both hold the same, once a second when it has changed.  At the start the newer of the two counts; one alone is
 * enough.  It is never ahead of what is durable in the vault.
 */
#ifndef WEIR_MARKER_H
#define WEIR_MARKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "annals.h"
#include "common/config.h"
#include "common/ledgerline.h"

enum { MARKER_BYTES = 152, MARKER_PROBLEM_BYTES = 256 };

struct marker {
	uint8_t box_key[KEY_ID_BYTES]; /* of which box */
	uint64_t count;                /* of markers written, only grows */
	struct ledger_head ledger;
	struct annals_head annals;
	uint64_t epoch, generation;    /* of the newest complete catalogue that is stored */
	uint64_t registry_version;
};

void marker_encode(uint8_t out[static MARKER_BYTES], const struct marker *marker);
/* Total.  VERDICT_TRUNCATED, VERDICT_TRAILING_BYTES, VERDICT_BAD_MAGIC, _DIGEST, _RESERVED. */
int marker_decode(struct marker *out, const uint8_t *in, size_t len);

/*
 * What of the vault is older than when the marker was written; false when nothing is.  problem: in words, all of it.
 * The annals are older in an earlier life, and in the same one with fewer records, or another one at the end.
 */
bool marker_is_ahead(const struct marker *marker, const struct marker *vault,
		     char problem[static MARKER_PROBLEM_BYTES]);

/*
 * The newest of this box that one of the two places has; false when none has.  runtime_fd: the directory; path: of the
 * witness.
 */
bool marker_load(struct marker *out, int runtime_fd, const char *path, const uint8_t box_key[static KEY_ID_BYTES]);
/*
 * Before a registry is loaded: what the vault remembers (REGISTRY.md 4) never falls behind the marker, so that an older
 * registry is refused also where the vault was put back.  *remembered: the version it remembered before; 0: none.
 */
void marker_guard_registry(uint64_t *remembered, int vault_fd, const struct config *config,
			   const uint8_t box_key[static KEY_ID_BYTES]);
/* Into both; the witness durably.  0, or why the witness could not be written. */
int marker_store(const struct marker *marker, int runtime_fd, const char *path);

/* The vault was put back, as marker_is_ahead has found: noted in it.  0 or -errno. */
int marker_note_put_back(int vault_fd, const char *problem);
/* Whether that stands there still; problem: escaped for a person, "" where it cannot be read. */
bool marker_was_put_back(int vault_fd, char problem[static MARKER_PROBLEM_BYTES]);

#endif
