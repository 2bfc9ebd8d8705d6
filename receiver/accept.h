/*
 * accept: the judgement of a whole object, and its delivery.  LINK.md 4, VAULT.md 3.
 *
 * No secret is needed: the release and its signatures, the hash tree, and that both are what the
 * catalogue named.  What is delivered has been synchronised before it gets its name.
 */
#ifndef WEIR_ACCEPT_H
#define WEIR_ACCEPT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/catalogue.h"
#include "common/registry.h"
#include "partial.h"

struct acceptance {
	/* what to judge */
	const struct partial_site *site;
	int vault_fd;
	struct bundle_id id;
	struct entry entry;
	const struct registry *registry;
	uint64_t sender_registry_version; /* as the sender's heartbeat says; 0 when unknown */
	const atomic_bool *stop;          /* when it becomes true, -ECANCELED; NULL: never */
	/* what came of it */
	char name[BUNDLE_NAME_BYTES];     /* "" until the release could be read */
	uint64_t wanted_version;          /* -EAGAIN: of the registry it waits for; 0: no heartbeat has told */
	bool is_lost;                     /* -errno: what is on disk can no longer be trusted */
};

/*
 * 0: it is in the vault, and its partial files are gone.
 * A verdict: it is refused, nothing has been written.
 * -EAGAIN: it needs a newer registry than ours, or one may exist; everything stays.
 * -EEXIST: a bundle of this name is in the vault already.
 * Any other -errno: everything stays, unless is_lost says that the object itself could not be read,
 * written or synchronised.
 */
int accept_object(struct acceptance *acceptance);

#endif
