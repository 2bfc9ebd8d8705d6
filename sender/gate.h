/*
 * gate: hold's end of one connection from weir-seal (local.h): INTAKE, BODY…, COMMIT.
 *
 * Nothing of a bundle stays when its connection ends before COMMIT, or when it is refused.
 */
#ifndef WEIR_GATE_H
#define WEIR_GATE_H

#include <stddef.h>
#include <stdint.h>

#include "releaser.h"

struct gate;

enum { GATE_BUFFER_BYTES = 262144 };

/* What all gates of a process share; outlives them. */
struct gate_desk {
	struct releaser *releaser;
	uint8_t *buffer; /* GATE_BUFFER_BYTES */
};

/* Takes fd over.  -ENOMEM. */
int gate_new(struct gate **out, int fd, const struct gate_desk *desk);
/* To be called when fd is readable; never waits.  0: go on.  Anything else: it has ended, free it. */
int gate_read(struct gate *gate);
int gate_fd(const struct gate *gate);
void gate_free(struct gate *gate); /* NULL is fine */

#endif
