/*
 * flow: the two ends of a local socket on which many frames pass (channel.h has the frame).
 */
#ifndef WEIR_FLOW_H
#define WEIR_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/channel.h"

/*
 * inflow: frames taken from a socket many at a time.  A payload is a view, without a copy, that lives until the next
 * call; or it goes straight to where the caller wants it.  One buffer, which holds the largest frame.
 */
struct inflow;
int inflow_new(struct inflow **out, int fd); /* fd stays the caller's; -ENOMEM */
/* The next frame.  Results as those of channel_receive. */
int inflow_next(struct inflow *inflow, uint16_t *type, const uint8_t **payload, size_t *len);
/* The same in two steps: its header, which says how much will come, and then its payload. */
int inflow_begin(struct inflow *inflow, uint16_t *type, size_t *len);
int inflow_payload(struct inflow *inflow, const uint8_t **payload);
/* In the place of the second step, as often as is needed to take all of it: its next bytes, not more than are left. */
int inflow_take(struct inflow *inflow, void *out, size_t len);
/* True while a whole frame is there, so that inflow_next will not read. */
bool inflow_has_frame(const struct inflow *inflow);
void inflow_free(struct inflow *inflow); /* wipes what was read; NULL is fine */

/*
 * outflow: frames gathered into large writes.  The first failure stays the result of every later
 * call.
 */
struct outflow;
int outflow_new(struct outflow **out, int fd); /* fd stays the caller's; -ENOMEM */
int outflow_add(struct outflow *outflow, uint16_t type, const void *payload, size_t len);
/*
 * Room for up to *size bytes of one payload, to be filled by the caller: *size says how much there is
 * (at least 64 KiB).  Then outflow_commit with the type and how much was filled in.
 */
int outflow_reserve(struct outflow *outflow, uint8_t **payload, size_t *size);
void outflow_commit(struct outflow *outflow, uint16_t type, size_t len);
int outflow_flush(struct outflow *outflow);
void outflow_free(struct outflow *outflow); /* wipes the buffer; NULL is fine */

#endif
