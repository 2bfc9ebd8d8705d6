/*
 * control: hold's end of one connection of weir-outbox list, show, approve or refuse (local.h): one
 * question, one answer.  The answer waits in memory, and a manifest in its file, until the asker takes it,
 * so nobody can hold hold up.  A question whose asker has left before it could be read is not answered, and nothing comes
 * of it: while callers could not be taken (acceptor.h), askers gave up.
 */
#ifndef WEIR_CONTROL_H
#define WEIR_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "local.h"
#include "releaser.h"

struct control;

/* Fills in what only the dispatcher knows: progress and passes. */
typedef void control_fill(void *context, const struct spool_item *item, struct local_item *out);

struct control_desk {
	struct releaser *releaser;
	control_fill *fill;
	void *context;
};

/* Takes fd over, which it makes non-blocking.  -ENOMEM, -errno. */
int control_new(struct control **out, int fd, const struct control_desk *desk);
/* When fd is ready for what control_events says.  0: go on.  Anything else: it has ended, free it. */
int control_go_on(struct control *control);
short control_events(const struct control *control); /* POLLIN or POLLOUT */
int control_fd(const struct control *control);
void control_free(struct control *control); /* NULL is fine */

#endif
