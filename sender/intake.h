/*
 * intake: hold's end of one connection from weir-seal (local.h): INTAKE, BODY…, COMMIT.
 *
 * Nothing of a bundle stays when its connection ends before COMMIT, or when it is refused.
 */
#ifndef WEIR_INTAKE_H
#define WEIR_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "releaser.h"

struct intake;

enum { INTAKE_BUFFER_BYTES = 262144 };

/* What all intakes of a process share; outlives them. */
struct intake_desk {
	struct releaser *releaser;
	uint8_t *buffer; /* INTAKE_BUFFER_BYTES */
};

/* Takes fd over.  -ENOMEM. */
int intake_new(struct intake **out, int fd, const struct intake_desk *desk);
/* To be called when fd is readable; never waits.  0: go on.  Anything else: it has ended, free it. */
int intake_read(struct intake *intake);
int intake_fd(const struct intake *intake);
void intake_free(struct intake *intake); /* NULL is fine */

#endif
