/*
 * admission: who calls weir-seal, and whether they may push: the first frames of a push (local.h), judged by
 * the registry before a worker packs anything.
 */
#ifndef WEIR_ADMISSION_H
#define WEIR_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/judgement.h"
#include "common/registry.h"
#include "flow.h"
#include "local.h"

struct admission {
	/* the caller's; they outlive it */
	const struct registry *registry;
	int fd;
	struct inflow *from_person;
	uint64_t created;                /* when this push began, seconds */
	/* filled in */
	struct local_push push;          /* zeros until PUSH was read */
	const struct route *route;
	bool is_proven;                  /* the caller has the key it names */
	char where[MEMBER_NAME_MAX + 1]; /* what a refusal is about */
};

/*
 * PUSH, CHALLENGE and PROOF.  -ETIMEDOUT when the caller is silent, VERDICT_BAD_PROTOCOL, and what
 * the registry says of route, person and machine.
 */
int admission_take(struct admission *admission);
/* Under a standing order. */
bool admission_is_by_machine(const struct admission *admission);

/*
 * SIGN with the statement; the person's ENDORSEMENT of it, judged by the registry, is added.  What a machine pushes
 * beyond its order is no failure here: it waits for people, in hold.
 */
int admission_endorse(struct admission *admission, const struct statement *statement,
		      struct endorsements *endorsements);

/* The next frame, or its header.  Who hangs up before the end has pushed nothing: VERDICT_TRUNCATED. */
int admission_frame(struct admission *admission, uint16_t *type, const uint8_t **payload, size_t *len);
int admission_begin(struct admission *admission, uint16_t *type, size_t *len);
/* Sets what a refusal is about. */
void admission_about(struct admission *admission, const char *where);

#endif
