/*
 * gate: hold's end of one connection from weir-seal (local.h): INTAKE, BODY…, COMMIT.
 *
 * What comes through it is believed to have passed the guard and the scanner, so only seal may call: the user
 * whom the socket's file belongs to, and whom alone it lets in (SECURITY.md 6).
 *
 * Nothing of a bundle stays when its connection ends before COMMIT, or when it is refused.
 */
#ifndef WEIR_GATE_H
#define WEIR_GATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "releaser.h"

struct gate;

enum { GATE_BUFFER_BYTES = 262144 };

/* What all gates of a process share; outlives them. */
struct gate_desk {
	struct releaser *releaser;
	uint8_t *buffer; /* GATE_BUFFER_BYTES */
	uid_t seal;      /* the user that seals run as */
};

/* Fills in the user.  -errno; VERDICT_LOOSE_PERMISSIONS when the socket's file lets others connect. */
int gate_find_seal(struct gate_desk *desk, int listener);

/* Takes fd over on success.  -ENOMEM; VERDICT_NOT_ALLOWED for another user, who is told, and so is the ledger. */
int gate_new(struct gate **out, int fd, const struct gate_desk *desk);
/* To be called when fd is readable; never waits.  0: go on.  Anything else: it has ended, free it. */
int gate_read(struct gate *gate);
int gate_fd(const struct gate *gate);
void gate_free(struct gate *gate); /* NULL is fine */

#endif
