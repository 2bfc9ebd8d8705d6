/*
 * diskfill: how full a disk is, and when somebody should know.
 *
 * As df(1) counts: what is kept for root is no part of the whole.  Inodes count as blocks do, since a disk that has
 * none left takes no file either.
 */
#ifndef WEIR_DISKFILL_H
#define WEIR_DISKFILL_H

#include <stdint.h>

enum {
	DISKFILL_WARN_POINTS = 10, /* an alarm comes so many percent before nothing more is taken */
	DISKFILL_CALM_POINTS = 2,  /* and a level ends so many below where it begins */
};

/* Percent of the blocks or of the inodes in use, whichever is more, rounded up; -errno. */
int diskfill_percent(int fd);
/* Of either alone. */
int diskfill_blocks(int fd);
int diskfill_inodes(int fd);

enum diskfill { DISKFILL_FINE, DISKFILL_FILLING, DISKFILL_FULL };

/* The level at this fill, after the one before; full_percent is where nothing more is taken. */
enum diskfill diskfill_level(enum diskfill before, unsigned int percent, uint32_t full_percent);

#endif
