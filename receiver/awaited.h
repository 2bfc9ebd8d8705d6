/*
 * awaited: whether what the registry expects has come (common/expecting.h): E2094 when a route is overdue, E2095 when it
 * has come late.  How it stands is the vault's file `expected` (VAULT.md 12).  One thread calls.
 */
#ifndef WEIR_AWAITED_H
#define WEIR_AWAITED_H

#include <stdbool.h>

#include "common/expecting.h"
#include "status.h"

/* Zeros, but for the first two. */
struct awaited {
	int vault_fd;
	const struct teller *tell;
	struct expecting expecting;
	bool is_loaded; /* from the file */
	bool is_followed; /* the registry in use; set it back when another one is loaded */
};
void awaited_clear(struct awaited *awaited);

/*
 * Once a second.  At the start the file says how it stood, and the bundles of the vault what came since; one that
 * cannot be read is told of (E2098), and begun anew.
 */
void awaited_turn(struct awaited *awaited, const struct registry *registry, uint64_t now_s);
/* A bundle of this route was delivered. */
void awaited_deliver(struct awaited *awaited, uint16_t route_id, uint64_t now_s);
/*
 * The file, when it is to be written anew: what was told of is in the ledger by the turn after it.  *out is the
 * caller's to free.  False: it is as it was, or there is no memory for it now.
 */
bool awaited_take_file(struct awaited *awaited, uint8_t **out, size_t *len);

#endif
