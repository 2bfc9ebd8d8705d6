/*
 * expecting: the routes of which the registry states when a bundle is expected (expect.h), and whether it came:
 * E2094 when one is overdue, E2095 when it has come late.  One thread calls.
 */
#ifndef WEIR_EXPECTING_H
#define WEIR_EXPECTING_H

#include <stddef.h>
#include <stdint.h>

#include "common/registry.h"
#include "expect.h"
#include "status.h"
#include "vault.h"

struct expecting_route {
	uint16_t id;
	char name[NAME_BYTES];
	struct expect expect;
};

/* Zeros: nothing is expected. */
struct expecting {
	struct expecting_route *routes;
	size_t count;
};

/* As the bundles of the vault say; *out is cleared with expecting_clear.  0 or -ENOMEM. */
int expecting_load(struct expecting *out, const struct registry *registry, const struct vault_item *items,
		   size_t count, uint64_t now_s);
void expecting_clear(struct expecting *expecting);
/* The same of a vault; *expecting is replaced, and what is overdue and was not before is told.  0 or -errno. */
int expecting_renew(struct expecting *expecting, const struct registry *registry, int vault_fd, uint64_t now_s,
		    const struct teller *tell);
/* A bundle of this route was delivered now. */
void expecting_deliver(struct expecting *expecting, uint16_t route_id, uint64_t now_s, const struct teller *tell);
void expecting_turn(struct expecting *expecting, uint64_t now_s, const struct teller *tell);

#endif
