/*
 * placement: writing symbols to where they belong, straight from the ring.
 *
 * The datagrams of a train mostly follow one another in a row; such a run becomes one pwritev.  Symbols
 * are noted as here only after they have been written.
 */
#ifndef WEIR_PLACEMENT_H
#define WEIR_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "partial.h"

enum { PLACEMENT_PIECES_MAX = 64 };

/* Told of what became of the symbols; owner is whoever's they are. */
struct placement_listener {
	/* A block has become decodable. */
	void (*decodable)(void *context, void *owner, uint16_t block);
	/* A write failed with -errno; its symbols are not noted. */
	void (*failed)(void *context, void *owner, int error);
	/* There was no space for spans of further rows, which none was promised to. */
	void (*dropped)(void *context, unsigned int spans);
	/* Bytes of the object, not of repair rows, were written to its file; may be NULL. */
	void (*written)(void *context, void *owner, uint64_t begin, uint64_t end);
	void *context;
};

struct placement {
	struct placement_listener listener;
	void *owner;
	struct partial *partial;
	int fd;
	uint64_t begin, end; /* offsets in the file of fd */
	bool is_further;     /* rows behind those of a pass */
	unsigned int count;
	struct iovec piece[PLACEMENT_PIECES_MAX];
	struct span span[PLACEMENT_PIECES_MAX];
};

/*
 * Places one span; the files of partial are open.  What the span was good for; SPAN_NEW: it will be
 * written by placement_flush at the latest, and payload must stay until then.
 */
enum span_use placement_add(struct placement *placement, void *owner, struct partial *partial,
			    const struct span *span, const uint8_t *payload);
/* Writes and notes what waits.  Before the payloads go away, and before a partial's files close. */
void placement_flush(struct placement *placement);

#endif
