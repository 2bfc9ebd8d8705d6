/*
 * diskwatch: tells when the disk of the spool fills up: before pushes are refused, and when they are.
 */
#ifndef WEIR_DISKWATCH_H
#define WEIR_DISKWATCH_H

#include "book.h"
#include "common/diskfill.h"
#include "spool.h"

/* Ask every second.  *level is what was told last; pushes are refused from full_percent on. */
void diskwatch_follow(enum diskfill *level, const struct spool *spool, struct book *book, uint32_t full_percent);

#endif
