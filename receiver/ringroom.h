/*
 * ringroom: how large the ring has to be, and whether there is room for it.
 *
 * The ring holds what arrives at `rate` while keep stands still for `ride_out_stall_ms`.  The rate counts IP
 * packets; a record is a header of 64 bytes and a train, filled up to a multiple of 64, and a train can
 * be a single datagram.  So it is sized for records of one datagram each, of the size that the link
 * carries at this MTU or of the shorter ones at the end of short rows, whichever takes more; a sixteenth more,
 * since the pace may be 5 % above the rate for a moment; and RINGROOM_RESERVE, which ring_reserve keeps free.
 *
 * It is memory: pages of a tmpfs, taken all at once when the file is made.
 */
#ifndef WEIR_RINGROOM_H
#define WEIR_RINGROOM_H

#include <stddef.h>
#include <stdint.h>

#include "common/config.h"

enum {
	RINGROOM_RESERVE = 4 * 65600,      /* records of the longest kind */
	RINGROOM_SPARE = 128 * 1048576,    /* of the memory: stays for everybody else */
	RINGROOM_TEXT_BYTES = 256,
};

/* Bytes of datagrams, headers of records included. */
uint64_t ringroom_size(const struct config *config);
uint64_t ringroom_bytes(uint64_t rate_bits_per_s, uint32_t mtu, uint64_t stall_ms);
/* How long a ring of this size holds at a rate, in ms; UINT64_MAX at a rate of 0. */
uint64_t ringroom_ms(uint64_t ring_bytes, uint64_t rate_bits_per_s, uint32_t mtu);

/* What there is, in bytes. */
struct ringroom {
	uint64_t file_system; /* free, of the runtime directory */
	uint64_t memory;      /* MemAvailable; UINT64_MAX where the kernel does not say */
};

/* 0 or -errno. */
int ringroom_look(struct ringroom *out, int dir_fd);
/* 0; -ENOSPC: the file system has no room for so many bytes; -ENOMEM: the memory. */
int ringroom_judge(const struct ringroom *room, uint64_t bytes);
/* Both, for a ring that is about to be made in this directory. */
int ringroom_check(int dir_fd, uint64_t bytes);

/*
 * In words what is lacking and what to change, for a result of ring_open or ringroom_check in `runtime`; what
 * strerror says of any other.
 */
void ringroom_explain(char out[static RINGROOM_TEXT_BYTES], const struct config *config, int result);
/* Says so for a program that cannot open its ring; gives the exit code. */
int ringroom_fail(const struct config *config, int result);

#endif
