/*
 * ledgershow: entries of a ledger for a person's eye, one a line, or as they are.
 */
#ifndef WEIR_LEDGERSHOW_H
#define WEIR_LEDGERSHOW_H

#include <stdbool.h>
#include <stdint.h>

/* Which entries.  NULL and 0: all. */
struct ledger_filter {
	uint64_t since; /* from this second on */
	uint64_t until; /* up to and with it */
	const char *person;
	const char *event; /* how its name begins */
	const char *bundle;
};

/*
 * Prints them.  For a person: without checkpoints, unless events are asked for by name; everything
 * that could disturb a terminal is escaped.  as_json: the lines as they stand.  Speaks of a line that
 * is no entry, and goes on.  An exit code: EXIT_MISSING when there was one.
 */
int ledger_show(int dir_fd, const struct ledger_filter *filter, bool as_json);

#endif
