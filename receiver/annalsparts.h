/*
 * The inside of annals.h, for annals.c and annal.c alone.
 */
#ifndef WEIR_ANNALSPARTS_H
#define WEIR_ANNALSPARTS_H

#include "annals.h"

/* One bundle, in its newest state. */
struct event {
	struct bundle_id id;
	uint8_t push_id[PUSH_ID_BYTES];
	uint8_t edges[EDGES_BYTES];
	uint64_t at, destroy_by;
	uint16_t route; /* index of its name */
	uint8_t what, how;
	uint32_t next_id, next_push; /* index + 1 of the next in its bucket; 0: none */
};

struct annals {
	int vault_fd;
	int fd;
	bool is_stale; /* what the file ends in is not known */
	struct annals_head head;
	size_t count, size;
	struct event *events;
	size_t route_count;
	char (*routes)[NAME_BYTES];
	size_t buckets; /* a power of two, at least as many as there are places for events */
	uint32_t *by_id, *by_push;
};

void annals_header_encode(uint8_t out[static ANNAL_BYTES], uint64_t life);
/* VERDICT_DAMAGED. */
int annals_header_decode(uint64_t *life, const uint8_t in[static ANNAL_BYTES]);

#endif
