/*
 * ledgerread: the lines of a ledger, one after another, through all its files.  Needs no daemon, and
 * does not mind one that writes meanwhile.  Memory stays the same, whatever the size of the ledger.
 */
#ifndef WEIR_LEDGERREAD_H
#define WEIR_LEDGERREAD_H

#include "ledgerline.h"

enum ledger_piece {
	LEDGER_LINE,      /* finished by a line feed */
	LEDGER_LONG_LINE, /* LEDGER_LINE_MAX bytes without a line feed; text is their beginning */
	LEDGER_TORN,      /* the end of a file, without a line feed */
	LEDGER_NOTHING,   /* a file of no bytes */
};

struct ledger_record {
	enum ledger_piece piece;
	const struct ledger_file *file;
	bool opens_file;
	uint64_t line;    /* in its file, from 1 */
	const char *text; /* without the line feed; borrowed, no zero behind it */
	size_t len;
};

/* Goes on while it gives 0; anything else ends ledger_read and is its result. */
typedef int ledger_take(void *context, const struct ledger_record *record);

struct ledger_reading {
	ledger_take *take;
	void (*advance)(void *context, uint64_t bytes_done); /* NULL: none */
	void *context;
};

/* A file that was removed since it was listed is passed over.  0, -errno, or what take gave. */
int ledger_read(int dir_fd, const struct ledger_reading *reading);
/* Bytes of all files. */
int ledger_size(int dir_fd, uint64_t *bytes);

#endif
