/*
 * encode: repair rows, made from the spool's files by a thread of their own while source rows go out,
 * within one budget of memory.
 *
 * The caller's thread never waits here.  Each bundle has a slot with at most one job: some repair rows
 * of one block.  The thread takes the job with the least left to do, one strip of columns at a time,
 * so that a small bundle's rows never wait for a large block.
 *
 * The life of a slot: encoder_open, then any number of (encoder_request, encoder_state until it is
 * not ENCODE_WORKING, encoder_row, encoder_release), then encoder_close until it is true.
 */
#ifndef WEIR_ENCODE_H
#define WEIR_ENCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/geometry.h"
#include "orders.h"

enum {
	ENCODE_ROWS_BYTES = 16 * ROW_BYTES_MAX,       /* most that one job takes: 134 MB */
	ENCODE_BUDGET_BYTES = 2 * ENCODE_ROWS_BYTES,
};

enum { ENCODE_WORKING = 1, ENCODE_READY = 2 }; /* besides 0, no job, and -errno */

struct encoder;

/*
 * Reserves the memory and starts the thread, which blocks all signals and is running when this
 * returns, so that a table of system calls may close behind it.  0 or -errno.
 */
int encoder_new(struct encoder **out);
/* Ends the thread; no slot's rows are valid any more. */
void encoder_free(struct encoder *encoder);

/*
 * The slot is unused; fd stays the caller's and open until encoder_close is true.  What yields is made
 * only when nothing else is to be made.
 */
void encoder_open(struct encoder *encoder, unsigned int slot, int fd, const struct geometry *g,
		  bool yields);

/*
 * Asks for repair rows of a block, from row `first` on (0: the first behind the source rows) and before row
 * `end`; the slot has no job.  The number of rows that will come, which is less than all when they are larger
 * than ENCODE_ROWS_BYTES together (another request brings the next); 0 when the budget is used up: ask again later.
 */
unsigned int encoder_request(struct encoder *encoder, unsigned int slot, uint32_t block,
			     unsigned int first, unsigned int end);

/* 0: no job; ENCODE_WORKING; ENCODE_READY; -errno when the file could not be read (-ENODATA: too short). */
int encoder_state(const struct encoder *encoder, unsigned int slot);
/* A row of a job that is ready, row_len bytes, numbered as in the request. */
const uint8_t *encoder_row(const struct encoder *encoder, unsigned int slot, unsigned int row);
/* Gives the memory of a job back that is not working any more. */
void encoder_release(struct encoder *encoder, unsigned int slot);

/* Ends the slot's job.  False while the thread is still at it (milliseconds): ask again. */
bool encoder_close(struct encoder *encoder, unsigned int slot);

#endif
