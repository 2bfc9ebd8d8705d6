/* Taking records out of the ring: what of one is not written yet stays in it, for whoever is started next. */
#include <time.h>

#include "gather.h"
#include "intake_parts.h"
#include "ring.h"

enum {
	HOLDING_MS = 20,   /* the longest sleep while something waits to be written together with what follows it */
	PAUSE_US = 500,    /* of a large bundle no datagram is in a hurry: it costs less to take several trains at a time */
	GATHER_SHARE = 8,  /* of the ring, for what waits so, */
	OVERDUE_SHARE = 4, /* and from so much on it is written: it stands in the way of what follows; */
	BEHIND_PERCENT = 75, /* when so much waits, what can be done later is done later */
};

uint64_t intake_gather_bytes(const struct intake *in)
{
	return in->o.ring != NULL ? ring_size(in->o.ring) / GATHER_SHARE : 0;
}

/* Every record up to the oldest of which something is still to be written. */
static void release(struct intake *in)
{
	struct ring *ring = in->o.ring;
	uint64_t oldest = reception_oldest(in->reception);
	if (oldest != GATHER_NOTHING && ring_position(ring) - oldest > ring_size(ring) / OVERDUE_SHARE) {
		reception_settle(in->reception);
		oldest = GATHER_NOTHING;
	}
	ring_release_before(ring, oldest == GATHER_NOTHING ? ring_position(ring) : oldest);
}

bool intake_records(struct intake *in, unsigned int most, uint64_t *damaged)
{
	struct ring_record record;
	for (unsigned int i = 0; i < most; i++) {
		uint64_t position = ring_position(in->o.ring);
		if (!ring_take(in->o.ring, &record, damaged)) {
			release(in);
			return false;
		}
		reception_mark(in->reception, position, ring_fill(in->o.ring) > ring_size(in->o.ring) / 100 * BEHIND_PERCENT);
		intake_train(in, record.data, record.len, record.datagram_len);
		release(in);
	}
	return true;
}

void intake_rest(const struct intake *in, uint32_t heard, unsigned int most_ms)
{
	const struct timespec pause = {.tv_nsec = PAUSE_US * INT64_C(1000)};
	bool is_holding = reception_oldest(in->reception) != GATHER_NOTHING;
	if (is_holding)
		nanosleep(&pause, NULL);
	ring_wait(in->o.ring, heard, is_holding && most_ms > HOLDING_MS ? HOLDING_MS : most_ms);
}
