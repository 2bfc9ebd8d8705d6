/*
 * status: what keep tells the world every second, as vault/status.json.  Its keys: vault.h.
 */
#ifndef WEIR_STATUS_H
#define WEIR_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "arrivals.h"
#include "known.h"
#include "ring.h"
#include "way.h"

enum { STATUS_BUNDLES_MAX = 4096 };

/* Says what happened; text is one line, ready to be shown. */
typedef void tell_event(void *context, int priority, const char *id, const char *text);
struct teller {
	tell_event *tell;
	void *context;
};
/* The same from a format; at most 511 bytes. */
void event_tell(const struct teller *teller, int priority, const char *id, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Since keep started, but for what the ring counts over restarts. */
struct status_counters {
	uint64_t datagrams, bytes, bad_tag;
	uint64_t kernel_drops;     /* the socket's buffer was full */
	uint64_t ring_drops;       /* bytes: the ring was full */
	uint64_t ring_fill_max;
	uint64_t malformed;        /* right tag, wrong fields: not of the sender we know */
	uint64_t refused_messages; /* control messages that are old, unsigned, of a stranger */
	uint64_t unknown;          /* data of bundles no page has named: put into the pending buffer */
	uint64_t unknown_dropped;  /* of those, driven out by newer ones */
	uint64_t duplicate;
	uint64_t late;             /* of blocks or bundles that needed nothing any more */
	uint64_t no_room;          /* of bundles for which there was no room */
	uint64_t link_lost;        /* by the link's sequence numbers */
	uint64_t repaired_symbols;
	uint64_t delivered, refused;
};

/* Takes over what catch counts. */
void status_take_ring(struct status_counters *counters, const struct ring_counters *ring);
/* An event for each kind of loss that has grown since `told`; whether there was any. */
bool status_complain(const struct status_counters *now, const struct status_counters *told,
		     const struct teller *teller);

struct status_head {
	uint64_t time_s;
	uint64_t registry_version;
	bool disk_is_full;
	const uint8_t *box_key; /* KEY_ID_BYTES; NULL: none */
	struct known_summary known;
	uint64_t caught_up_s; /* the last heartbeat by which the newest generation promised was whole, and stored */
	struct status_counters counters;
	struct way way;
	const char *absent;  /* layers of the link that the configuration names so; NULL: not known */
	uint64_t frames;     /* that went the wrong way */
};

struct status_bundle {
	const char *name;
	uint64_t epoch;
	uint64_t number;
	uint16_t route_id;
	const char *state;
	const char *verdict;
	const char *kind;       /* missing_name */
	uint64_t object_bytes, held_bytes;
	uint64_t missing_bytes; /* that must still come before everything can be repaired */
	uint64_t skipped_bytes; /* passed over in the order of sending: lost, or late */
	struct lack lack;
	uint64_t wanted_registry;
	uint64_t since_s, passed_s, last_arrival_s;
	bool lacks_tail;
};

/* One status, built piece by piece in memory. */
struct status_text {
	FILE *stream;
	char *text;
	size_t len;
	unsigned int count;
	unsigned int left_out;
};

int status_begin(struct status_text *status, const struct status_head *head);
/* Names are plain ([a-z0-9.-]) and need no escapes.  More than STATUS_BUNDLES_MAX are only counted. */
void status_add(struct status_text *status, const struct status_bundle *bundle);
/* The text is the caller's to free.  0 or -ENOMEM. */
int status_end(struct status_text *status, char **text, size_t *len);

/* Puts the text in the place of vault/status.json, whole, not durably: it is news, not state. */
int status_store(int vault_fd, const char *text, size_t len);

#endif
