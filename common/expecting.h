/*
 * expecting: the routes of which the registry states when a bundle is expected (expect.h), and how they stand.  A box
 * keeps that in a file, since the bundles by which it could be told again do not lie there for ever:
 *
 *   expected   "weir-expected 1\n", then "ROUTE DUE OVERDUE COME MARK\n" for each route, replaced as a whole
 *
 * DUE and OVERDUE are times in seconds since 1970 (0: not overdue), COME is 0 or 1.  The mark is of the newest bundle
 * that was counted, and only grows: its number at the sender, the time when it came at the receiver.  One thread calls.
 */
#ifndef WEIR_EXPECTING_H
#define WEIR_EXPECTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "expect.h"
#include "registry.h"

#define EXPECTING_FILE "expected"

enum { EXPECTING_BYTES_MAX = 1048576, EXPECTING_ROUTES_MAX = 4096 };

struct expecting_route {
	char name[NAME_BYTES];
	uint16_t id;  /* 0: it comes from the file, and no registry was followed yet */
	struct expect expect;
	uint64_t mark;
};

/* Zeros: nothing is expected. */
struct expecting {
	struct expecting_route *routes;
	size_t count;
	bool has_changed; /* the file says something else; reset by whoever writes it */
};

void expecting_clear(struct expecting *expecting);

/* The file.  *out is the caller's to free.  -ENOMEM. */
int expecting_encode(char **out, size_t *len, const struct expecting *expecting);
/* Total.  VERDICT_DAMAGED for any text that expecting_encode would not have written; -ENOMEM. */
int expecting_decode(struct expecting *out, const char *text, size_t len);
/* That of a spool or vault; nothing is expected when there is none.  -errno; the results of expecting_decode. */
int expecting_read(struct expecting *out, int dir_fd);

/* What a box says of a route, for its own way to tell. */
struct expecting_teller {
	void *context;
	void (*overdue)(void *context, const struct expecting_route *route);
	void (*late)(void *context, const struct expecting_route *route, uint64_t was_due_s, uint64_t now_s);
};

/* How it stands with the bundles of a route that are here. */
struct expecting_sight {
	uint64_t mark; /* of the newest; 0: there is none */
	bool has_come; /* one since since_s */
};
typedef void expecting_look(void *context, const struct route *route, uint64_t since_s, struct expecting_sight *out);
/*
 * At the start, and when another registry is loaded: the routes of this registry.  One that was expected before at the
 * same time of day goes on as it was; another begins now, and what has come within a day before its first due time
 * counts for that.  What has come since the mark is counted.  look NULL: nothing has come.  0 or -ENOMEM; then all is as
 * before.
 */
int expecting_follow(struct expecting *expecting, const struct registry *registry, uint64_t now_s, expecting_look *look,
		     void *look_context, const struct expecting_teller *tell);

/* A bundle of this route has come, or the newest has this mark. */
void expecting_see(struct expecting *expecting, struct expecting_route *route, uint64_t mark, uint64_t now_s,
		   const struct expecting_teller *tell);
/* NULL: nothing is expected of it. */
struct expecting_route *expecting_find(const struct expecting *expecting, uint16_t route_id);
/* Time passes.  tell NULL: nobody is told. */
void expecting_turn(struct expecting *expecting, uint64_t now_s, const struct expecting_teller *tell);

#endif
