/*
 * lifeline: hold's look at whether its spool is the one that it left, and the news that it leaves for the next
 * look (testimony.h).
 */
#ifndef WEIR_LIFELINE_H
#define WEIR_LIFELINE_H

#include "book.h"
#include "common/config.h"
#include "spool.h"
#include "testimony.h"

struct lifeline {
	struct testimony witness;
	struct spool *spool;
	struct book *book;
	int failure; /* of writing, as told; 0: none */
};

/*
 * Compares the spool with what the witness and the page shared with emit tell of it.  0, or the exit code of a
 * program that has said that the spool was put back, and what to do.  A witness that cannot be had is told of, and
 * does without.
 */
int lifeline_open(struct lifeline *lifeline, const struct config *config, struct spool *spool, struct book *book);
/* Every second. */
void lifeline_follow(struct lifeline *lifeline, uint64_t now_ms);
/* Leaves the last news.  Nothing when it was not opened. */
void lifeline_close(struct lifeline *lifeline);

#endif
