/*
 * ring: the bytes that catch has received and keep has not placed yet.
 *
 * A file "ring" in the runtime directory (a tmpfs), mapped by both.  catch is its only producer and
 * keep its only consumer; neither waits for the other, and either may die and be started again at
 * any time without a loss: positions live in the file, a record is there once it is published, and
 * gone only once it is released.
 *
 * The file: one page of positions and counters, then the data, a whole number of pages.  The data
 * are mapped twice in a row, so that a record is always contiguous and nothing is ever copied
 * around the end.  A record is a header of 64 bytes and up to RING_RECORD_MAX bytes (one train of
 * datagrams as the kernel gives it), filled up to a multiple of 64.
 *
 * Each side checks every position and length that the other one wrote.
 */
#ifndef WEIR_RING_H
#define WEIR_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RING_RECORD_MAX = 65536,
	RING_ALIGN = 64,
	RING_BYTES_MIN = 4 * RING_RECORD_MAX,
};
#define RING_FILE "ring"

/* Written by catch, read by keep.  They go on over restarts, as long as the file lives. */
struct ring_counters {
	_Atomic uint64_t datagrams;
	_Atomic uint64_t bytes;             /* of UDP payload */
	_Atomic uint64_t bad_tag;
	_Atomic uint64_t dropped_datagrams; /* the ring was full */
	_Atomic uint64_t dropped_bytes;
	_Atomic uint64_t kernel_drops;      /* the socket's buffer was full (SO_RXQ_OVFL) */
	_Atomic uint64_t fill_max;          /* most bytes that ever waited */
	_Atomic uint64_t socket_cookie;     /* whose drops the next one counts */
	_Atomic uint64_t socket_drops;
	_Atomic uint64_t socket_buffer;     /* bytes the kernel granted */
	_Atomic uint64_t trains;            /* in which the datagrams came */
	_Atomic uint64_t fill_recent;       /* as fill_max, since keep put 0 there */
	_Atomic uint64_t turns;             /* grows as long as catch goes round, several times a second */
	_Atomic uint64_t interface[2];      /* that has the address of the socket; ring_interface reads it */
};

/* Written by keep: what it has told of the drops.  A keep that is started again goes on from there. */
struct ring_seen {
	_Atomic uint64_t dropped_datagrams;
	_Atomic uint64_t kernel_drops;
	_Atomic uint64_t bad_tag;
};

enum { RING_INTERFACE_BYTES = 16 }; /* IFNAMSIZ */

struct ring;

/*
 * Opens the ring in directory `runtime`, or makes it: whoever comes first.  A file of another
 * format or size is retired and replaced (ring_is_retired tells the other side).  0 or -errno;
 * -ENOSPC when the file system of `runtime` has no room for it, -ENOMEM when the memory has none
 * (ringroom.h says which and how much).
 */
int ring_open(struct ring **out, const char *runtime, uint64_t ring_bytes);
void ring_close(struct ring *ring); /* NULL is fine */

struct ring_counters *ring_counters(struct ring *ring);
struct ring_seen *ring_seen(struct ring *ring);
/* catch: the interface it listens at, "" for none.  keep: what catch has said. */
void ring_set_interface(struct ring *ring, const char name[static RING_INTERFACE_BYTES]);
void ring_interface(const struct ring *ring, char out[static RING_INTERFACE_BYTES]);
/* Bytes of data it holds, record headers included. */
uint64_t ring_size(const struct ring *ring);
/* keep: the most that has waited since it asked last. */
uint64_t ring_take_fill(struct ring *ring);
/* Has both sides end: who opens one then makes another. */
void ring_retire(struct ring *ring);
/* Another file has taken this one's place, or is to: start again to find it. */
bool ring_is_retired(const struct ring *ring);
/* Bytes that wait, headers included. */
uint64_t ring_fill(const struct ring *ring);

/* catch: room for RING_RECORD_MAX bytes, or NULL when the ring is full. */
uint8_t *ring_reserve(struct ring *ring);
/*
 * Makes the first len bytes of the reserved room the next record: datagrams of datagram_len bytes
 * each, the last may be shorter.  Wakes keep when it sleeps.
 */
void ring_publish(struct ring *ring, uint32_t len, uint32_t datagram_len);

struct ring_record {
	const uint8_t *data;
	uint32_t len;
	uint32_t datagram_len; /* at least 1 */
};

/*
 * keep: the next record, or false when there is none.  It stays until it is released: who is started again takes what was
 * not.  A ring whose positions make no sense is emptied and counted in *damaged.
 */
bool ring_take(struct ring *ring, struct ring_record *out, uint64_t *damaged);
/* Where the next record begins; it never falls while a ring is open. */
uint64_t ring_position(const struct ring *ring);
/* Releases all that was taken, or what of it lies before a position. */
void ring_release(struct ring *ring);
void ring_release_before(struct ring *ring, uint64_t position);
/* How often ring_wake was called. */
uint32_t ring_bell(const struct ring *ring);
/*
 * Sleeps until there is a record, ring_wake has been called since the bell was `heard`, a signal comes or the time is over.  Who
 * asks for the bell before looking for work misses nothing that is done meanwhile.
 */
void ring_wait(struct ring *ring, uint32_t heard, unsigned int timeout_ms);
/* From any thread of either process. */
void ring_wake(struct ring *ring);

#endif
