/*
 * accept: the judgement of a whole object, and its delivery.  LINK.md 4, VAULT.md 3.  Two steps, between which
 * the ledger is written.
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
#include "edges.h"

/* What the release says of where it comes from, for the ledger. */
struct evidence {
	uint8_t root[SUITE_DIGEST_BYTES];
	uint8_t manifest[SUITE_DIGEST_BYTES]; /* its digest */
	uint8_t push_id[PUSH_ID_BYTES];
	char person[NAME_BYTES];
	char officers[256]; /* who approved it, as many as fit; "" when none */
	uint64_t registry_version;
};

struct acceptance {
	/* what to judge */
	const struct partial_site *site;
	int vault_fd;
	struct bundle_id id;
	struct entry entry;
	const struct registry *registry;
	const char *roots;                /* the file by which a registry that arrives is judged */
	uint64_t sender_registry_version; /* as the sender's heartbeat says; 0 when unknown */
	const struct bodytree_known *known; /* of its body, by what was written; NULL: nothing */
	const atomic_bool *stop;          /* when it becomes true, -ECANCELED; NULL: never */
	/* what came of it */
	char name[BUNDLE_NAME_BYTES];     /* "" until the release could be read */
	char route[NAME_BYTES];           /* the same; in that name */
	struct evidence evidence;         /* the same */
	uint8_t edges[EDGES_BYTES];   /* once it is right: edges.h */
	uint64_t wanted_version;          /* -EAGAIN: of the registry it waits for; 0: no heartbeat has told */
	bool has_registry;                /* the vault has a newer registry; see registrar.h */
	bool is_lost;                     /* -errno: what is on disk can no longer be trusted */
};

/*
 * 0: it is right, its registry lies behind it, and all of it is on the disk: it may be delivered.
 * A verdict: it is refused, nothing has been written.
 * -EAGAIN: it needs a newer registry than ours, or one may exist; everything stays.
 * Any other -errno: everything stays, unless is_lost says that the object itself could not be read,
 * written or synchronised.
 */
int accept_judge(struct acceptance *acceptance);

/*
 * Gives one that was judged its place.  0: it is in the vault; of its partial files only the object is gone, which
 * tells a later start that this was done.  -EEXIST: a bundle of this name is in the vault already.  Any other
 * -errno: everything stays.
 */
int accept_deliver(struct acceptance *acceptance);

/* Id, name, evidence, edges and destroy-by date (of entry) of what lies in the vault already.  0, a verdict of its form, or -errno. */
int accept_describe(struct acceptance *out, int fd);

#endif
