/*
 * datagram: the header of everything on the link.  LINK.md 1.
 */
#ifndef WEIR_DATAGRAM_H
#define WEIR_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geometry.h"
#include "suite.h"
#include "tagger.h"

enum {
	DATAGRAM_COMMON_BYTES = 40,
	DATAGRAM_DATA_BYTES = 64,      /* header of a data datagram */
	DATAGRAM_BYTES_MAX = 8972,     /* UDP payload at MTU 9000 */
	DATAGRAM_SYMBOLS_MAX = 69,     /* in one data datagram, at MTU 9000 */
	DATAGRAM_TYPE_DATA = 1,
	DATAGRAM_TYPE_CONTROL = 2,
	DATAGRAM_TYPE_TRIAL = 3,       /* of a link test: trial.h, and bad-type here */
	IP_UDP_BYTES = 28,
};

struct bundle_id {
	uint64_t epoch;
	uint64_t number;
	uint16_t route_id;
};

struct datagram {
	uint8_t type;
	uint64_t sequence;
	/* data: all of it.  control: id.epoch alone. */
	struct bundle_id id;
	struct geometry geometry; /* object_len is a multiple of SEGMENT_BYTES */
	uint16_t block;
	uint8_t row;
	uint16_t first_symbol;
	uint8_t symbol_count;
	const uint8_t *payload;   /* symbols or message, in the datagram itself */
	size_t payload_len;
};

/* Symbols in a full data datagram at this MTU: 11 at 1500, 69 at 9000.  0 when too small. */
uint32_t datagram_symbols(uint32_t mtu);
/* Bytes of UDP payload of a full data datagram. */
size_t datagram_len(uint32_t symbols);

/* Writes the 64 bytes of a data header but for the tag; d->payload is ignored. */
void datagram_encode_data(uint8_t out[static DATAGRAM_DATA_BYTES], const struct datagram *d);
/* Writes a whole control datagram of len bytes but for the tag.  VERDICT_BAD_LENGTH if it lacks room. */
int datagram_encode_control(uint8_t *out, size_t len, uint64_t epoch, uint64_t sequence,
			    const uint8_t *message, size_t message_len);
void datagram_set_sequence(uint8_t *datagram, uint64_t sequence);
/* Tags a datagram that is otherwise complete, of DATAGRAM_COMMON_BYTES at least. */
void datagram_set_tag(uint8_t *datagram, size_t len, struct tagger *tagger);

/* The first thing a receiver asks.  False also for anything shorter than a header. */
bool datagram_tag_is_right(const uint8_t *datagram, size_t len, struct tagger *tagger);
/* Everything else, without the tag: a verdict.  Total.  Includes geometry_check for data. */
int datagram_decode(struct datagram *out, const uint8_t *datagram, size_t len);

#endif
