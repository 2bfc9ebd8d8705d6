/*
 * vault: what the receiver keeps, and its states as names.
 *
 *   vault/partial/EPOCH.ROUTEID.NUMBER/   being received: object, repair, map (keep's own business)
 *   vault/bundles/EPOCH/tax-000123.weir   complete and verified: the object followed by the registry
 *                                         it was verified under
 *   vault/refused/EPOCH.ROUTEID.NUMBER    arrived whole, but refused; holds "VERDICT\n"
 *   vault/catalogue                       the signed pages of the newest generation, each a u16 length
 *                                         and the message, as received
 *   vault/registry-version                the highest registry version loaded, in decimal
 *   vault/status.json                     what keep knows, rewritten every second (see weir-inbox(1), gaps)
 *
 * EPOCH is 16 hex digits.  A file in bundles/ has been fsynced under partial/ before it was renamed.
 * Readers (weir-inbox) need nothing but read access to this directory.
 */
#ifndef WEIR_VAULT_H
#define WEIR_VAULT_H

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
	uint64_t time;
	size_t count;
	struct entry *entries;
};
int vault_catalogue_load(int vault_fd, struct vault_catalogue *out);

/* Names of the files above for one bundle id. */
enum { VAULT_NAME_BYTES = 64 };
void vault_partial_name(char out[static VAULT_NAME_BYTES], const struct bundle_id *id);

#endif
