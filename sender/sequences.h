/*
 * sequences: the numbers that bundles have on their route, durable and never given twice.  SPOOL.md 3.
 *
 *   spool/sequence/ROUTE   "NUMBER PUSHID ROUTEID FIRST\n": the newest number of the route and the push that has
 *                          it; the number on the link under which the route went then, and the number with which
 *                          the unbroken row of numbers up to this one begins; replaced whole
 *
 * A route may be named anew, or go under another id: no number comes twice under one name, nor under one id.
 * All of them are held in memory; files that somebody changes meanwhile are not looked at.
 */
#ifndef WEIR_SEQUENCES_H
#define WEIR_SEQUENCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bundle.h"
#include "epochs.h"

struct sequence {
	char route[NAME_BYTES];
	bool is_damaged; /* its file is none; nothing else counts then */
	uint16_t route_id;
	uint64_t first;
	uint64_t number;                /* 0: none, it was given back */
	uint8_t push_id[PUSH_ID_BYTES]; /* zeros: nobody's */
};

struct sequences {
	int dir_fd;                  /* the caller's */
	const struct epochs *epochs; /* so is this */
	size_t count;
	struct sequence *of;
};

/* 0 or -errno.  sequences_free frees what it holds. */
int sequences_load(struct sequences *out, int dir_fd, const struct epochs *epochs);
void sequences_free(struct sequences *sequences);

/* For whom a number is wanted; known: the highest of a bundle in the spool under this name or id. */
struct sequence_wish {
	const char *route;
	uint16_t route_id;
	const uint8_t *push_id;
	uint64_t known;
};
/*
 * The number that the push has as the newest of its route, else one above all others.  Durable when the result is
 * 0.  VERDICT_DAMAGED for a sequence that is none; VERDICT_BAD_LIMIT when all numbers are used; -errno.
 */
int sequences_take(struct sequences *sequences, const struct sequence_wish *wish, uint64_t *number);

/* Whether this push has the newest number of its route in this epoch. */
bool sequences_has_newest(const struct sequences *sequences, const uint8_t push_id[static PUSH_ID_BYTES]);
/*
 * Takes back the number of a push that has the newest one and was never released with it: the next one has it
 * then.  0 when it has none.  Durable when the result is 0.
 */
int sequences_give_back(struct sequences *sequences, const uint8_t push_id[static PUSH_ID_BYTES]);

/* The newest sequence of this id in this epoch; NULL: none. */
const struct sequence *sequences_of_id(const struct sequences *sequences, uint16_t route_id);
/* All numbers up to this one may have been given under this name or id. */
uint64_t sequences_highest(const struct sequences *sequences, const char *route, uint16_t route_id);

#endif
