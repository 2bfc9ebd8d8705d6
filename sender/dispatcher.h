/*
 * dispatcher: what hold tells emit by the orders page (orders.h), and what it learns from the progress
 * page: the signed catalogue, the heartbeat, which bundles are on the link.
 */
#ifndef WEIR_DISPATCHER_H
#define WEIR_DISPATCHER_H

#include "local.h"
#include "releaser.h"

struct dispatcher;

/* Maps the orders page in the runtime directory.  What is given outlives the dispatcher. */
int dispatcher_new(struct dispatcher **out, struct releaser *releaser);
void dispatcher_free(struct dispatcher *dispatcher); /* NULL is fine; the page stays as it is */

/*
 * Looks at the progress page, moves on what was sent (ready to sent after the configured passes) and
 * publishes the catalogue and the orders when anything changed.  Several times a second, and when something is released.
 */
int dispatcher_turn(struct dispatcher *dispatcher, uint64_t now_ms);
/*
 * How long what is released has to wait for the next turn: not at all, unless a catalogue was made just before: many
 * releases, one after the other, share one.  -1: nothing is, or the last turn
 * failed, and what failed is tried again several times a second and no oftener.
 */
int dispatcher_wait_ms(const struct dispatcher *dispatcher, uint64_t now_ms);
/* Publishes a new heartbeat.  Once a second. */
int dispatcher_beat(struct dispatcher *dispatcher);

/* Has emit end, and wait until a hold that finds the link well begins. */
void dispatcher_shut(struct dispatcher *dispatcher);

/* Whether emit has written its progress in the last five seconds. */
bool dispatcher_emit_lives(const struct dispatcher *dispatcher);

/* Whether emit goes round, or may still be starting (pulse.h); once a second. */
bool dispatcher_emit_beats(struct dispatcher *dispatcher, uint64_t now_ms);

/* control_fill of control.h. */
void dispatcher_fill(void *dispatcher, const struct spool_item *item, struct local_item *out);

#endif
