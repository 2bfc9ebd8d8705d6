/*
 * sequence: how many datagrams the link has lost, by their sequence numbers.  LINK.md 1.
 *
 * An estimate: a duplicate hides a loss, and what was lost before the first or after the last one that
 * came is not seen.
 */
#ifndef WEIR_SEQUENCE_H
#define WEIR_SEQUENCE_H

#include <stdint.h>

/* Starts as all zeros. */
struct sequence {
	uint32_t life; /* the upper half: when the transmitter started */
	uint32_t first, highest;
	uint64_t arrived;
	uint64_t lost_before; /* in earlier lives */
};

/* Numbers of an earlier life than the newest are recordings, and count for nothing. */
void sequence_follow(struct sequence *sequence, uint64_t number);
uint64_t sequence_lost(const struct sequence *sequence);

#endif
