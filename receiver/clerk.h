/*
 * clerk: writes vault/status.json, vault/catalogue, vault/heard and vault/expected, in the order in which they are
 * given, in a thread of its own, so that the one that places datagrams never waits for the disk.  A failure is told of once, until it changes.
 */
#ifndef WEIR_CLERK_H
#define WEIR_CLERK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"
#include "worker.h"

/* Zeros, but for the first three. */
struct clerk {
	struct workshop *workshop;
	int vault_fd;
	const struct teller *tell;
	bool is_status_under_way;
	bool is_catalogue_owed; /* one is kept, or it could not be written: give the newest one again */
	bool is_heard_owed;     /* it could not be written: give it again */
	bool is_expected_owed;  /* the same */
	uint8_t *catalogue;     /* of the newest generation that was complete, to be written; NULL: none */
	size_t catalogue_len;
	int failures[4];        /* as last told */
};

/* Take the bytes over, also when nothing comes of it. */
void clerk_store_status(struct clerk *clerk, uint8_t *bytes, size_t len);
void clerk_keep_catalogue(struct clerk *clerk, uint8_t *bytes, size_t len); /* for the next call: */
void clerk_store_catalogue(struct clerk *clerk);
void clerk_store_heard(struct clerk *clerk, uint8_t *bytes, size_t len);
void clerk_store_expected(struct clerk *clerk, uint8_t *bytes, size_t len);
/* What is kept is not written any more. */
void clerk_close(struct clerk *clerk);

#endif
