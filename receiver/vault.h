/*
 * vault: what the receiver keeps, and its states as names.
 *
 *   vault/partial/EPOCH.ROUTEID.NUMBER/   being received: object, repair, map (keep's own business)
 *   vault/bundles/EPOCH/tax-000123.weir   complete and verified: the object followed by the registry
 *                                         it was verified under
 *   vault/refused/EPOCH.ROUTEID.NUMBER    arrived whole, but refused; holds "VERDICT\n"
 *   vault/lost                            what will not come any more (lost.h)
 *   vault/catalogue                       the signed pages of the newest generation, each a u16 length
 *                                         and the message, as received
 *   vault/heard                           how far the sender's life has come, and its numbers (heard.h)
 *   vault/expected                        of which routes something is expected, and whether it has come
 *                                         (common/expecting.h)
 *   vault/registry                        the newest registry that came over the link (registrar.h)
 *   vault/registry-version                the highest registry version loaded, in decimal
 *   vault/lock                            held by keep while it runs
 *   vault/status.json                     what keep knows, replaced every second (below)
 *
 * EPOCH is 16 hex digits.  A file in bundles/ has been fsynced under partial/ before it was renamed.
 * Readers (weir-inbox) need nothing but read access to this directory.
 *
 * status.json is one object of at most STATUS_BYTES_MAX bytes.  Numbers are whole; times are seconds
 * since 1970 by this box's clock, 0 for never; a reader takes an absent key for 0, "" or [].
 *
 *   "time"                     when it was written
 *   "epoch"                    of the newest epoch heard, 16 hex digits; "" before the first
 *   "epoch_before"             the one that it continues, likewise
 *   "sender_went_back"         the sender was put back to an older state, and is not believed
 *   "epoch_returned"           one that had ended, and is heard again: likewise; "" when none is
 *   "last_heartbeat"           when the last good heartbeat came
 *   "last_heartbeat_sent"      when that was sent, by the sender's clock
 *   "generation"               of the catalogue that it named
 *   "pages", "pages_held"      pages of that generation, and how many of them are here
 *   "registry_version"         loaded here
 *   "sender_registry_version"  that the heartbeat named
 *   "box_key"                  key id of this box, 32 hex digits
 *   "lost", "lost_in_hour"     datagrams that did not come, since keep started and in the last hour (loss.h):
 *       "place"                       "none", "ring", "socket", "nic", "damaged", "before", "several"
 *       "datagrams"                   all of them; and under each of these names but "none" how many there
 *   "nic"                      "interface" at which the link comes in ("": not known), and since keep
 *                              started its "full", "refused", "backlog" and "damaged" (nic.h)
 *   "ring"                     "bytes" that it holds, "fill" of late, "fill_max" ever, "is_filling":
 *                              more than half full and not below a quarter since; "away_max_ms": the
 *                              longest that keep was away while something waited
 *   "link"                     "absent": the layers that the configuration names so, "xdp lldp"; "frames" that
 *                              went the wrong way, as told (common/LAYERS.md)
 *   "caught_up"                the last heartbeat by which the newest generation promised was whole, and in
 *                              vault/catalogue; 0: none since the start
 *   "heard_since"              since when the sender has been heard without a silence
 *   "waiting_bytes", "heal_rate", "heal_round_bytes"   of the last heartbeat (LINK.md 2)
 *   "busy"                     when a heartbeat last said that something waits
 *   "last_data"                when a datagram of any bundle last came
 *   "bundles"                  those that are promised or begun but not delivered, each an object:
 *       "name", "epoch"               "tax-000123" and 16 hex digits
 *       "state"                       "promised" (nothing came yet), "receiving", "checking",
 *                                     "waiting-for-registry", "waiting-for-ledger" or
 *                                 "refused"
 *       "verdict"                     of a refused one, else ""
 *       "kind"                        what it lacks, and why: the names of missing.h
 *       "route_id", "number"          the name that does not depend on a registry
 *       "object_bytes", "held_bytes"  of the object; what is here, or can be repaired from what is here
 *       "worst_rows"                  rows that the worst column of any block lacks
 *       "blocks_missing", "first_missing_block"   blocks that cannot be repaired yet, and the first of them
 *       "since"                       when it was first named or seen
 *       "passed"                      when the sender first said that a whole pass of it had ended
 *       "last_arrival"                when a datagram of it last came
 *       "lacks_tail"                  what lacks is the end of a pass
 */
#ifndef WEIR_VAULT_H
#define WEIR_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/catalogue.h"
#include "common/datagram.h"

struct vault_item {
	uint64_t epoch;
	char name[BUNDLE_NAME_BYTES]; /* tax-000123 */
	uint64_t bytes;               /* of the file */
	int64_t arrived_s;            /* modification time */
};

/* Delivered bundles, ascending by epoch's first arrival and name; *out is freed by the caller. */
int vault_list(int vault_fd, struct vault_item **out, size_t *count);
/*
 * Opens a delivered bundle by "tax-000123" or, when several epochs have one of that name,
 * "tax-000123@EPOCH": the descriptor; VERDICT_NO_SUCH_BUNDLE as -ENOENT; -EEXIST when ambiguous.
 */
int vault_open_bundle(int vault_fd, const char *name);

/* The entries of the stored catalogue, with its epoch; *out is freed by the caller.  None when absent. */
struct vault_catalogue {
	uint64_t epoch;
	uint64_t generation;
	size_t count;
	struct entry *entries;
};
int vault_catalogue_load(int vault_fd, struct vault_catalogue *out);

enum { STATUS_BYTES_MAX = 16777216 };

/* Names of the files above for one bundle id. */
enum { VAULT_NAME_BYTES = 64 };
void vault_partial_name(char out[static VAULT_NAME_BYTES], const struct bundle_id *id);

/*
 * For keep, the only one that writes here.  VAULT.md has the table of states, and what a crash in
 * each of them leaves.
 */

/* Makes the directories that lack.  0 or -errno. */
int vault_prepare(int vault_fd);
/*
 * One process at a time writes there, of the version that made it (edition.h): *out is a descriptor that is kept open as long as
 * it does.  -EWOULDBLOCK: another one does; VERDICT_UNKNOWN_VERSION; -errno.
 */
int vault_lock(int *out, int vault_fd);
/* 1, 0 or -errno. */
int vault_is_delivered(int vault_fd, uint64_t epoch, const char *name);
/*
 * Moves a file whose content is durable to bundles/EPOCH/NAME.weir, durably.  -EEXIST when a bundle
 * of this name has been delivered before; it stays as it is.
 */
int vault_deliver(int vault_fd, int from_dir, const char *from, uint64_t epoch, const char *name);
/* Remembers a refusal durably; verdict is positive. */
int vault_refuse(int vault_fd, const struct bundle_id *id, int verdict);
/* The verdict remembered for this bundle, 0 when there is none, or -errno. */
int vault_refusal(int vault_fd, const struct bundle_id *id);
/* Back from that name; false for any other. */
bool vault_parse_id(struct bundle_id *id, const char *name);
/* The ids of all directories in partial/; *out is freed by the caller. */
int vault_partial_ids(int vault_fd, struct bundle_id **out, size_t *count);
/* Stores signed pages as vault/catalogue: `bytes` are a u16 length and a message, again and again. */
int vault_catalogue_store(int vault_fd, const uint8_t *bytes, size_t len);
/* The bytes of vault/catalogue, to be freed by the caller; -ENOENT when absent. */
int vault_catalogue_read(int vault_fd, uint8_t **out, size_t *len);
/* The same for vault/heard: what was heard of the sender's life (heard.h). */
int vault_heard_store(int vault_fd, const uint8_t *bytes, size_t len);
int vault_heard_read(int vault_fd, uint8_t **out, size_t *len);
/* vault/expected, which expecting_read reads. */
int vault_expected_store(int vault_fd, const uint8_t *bytes, size_t len);

#endif
