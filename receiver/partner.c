#include "partner.h"

#include <syslog.h>

static uint64_t mark_of(const struct partner *p)
{
	return atomic_load_explicit(&ring_counters(p->ring)->turns, memory_order_relaxed);
}

void partner_start(struct partner *p, struct ring *ring, const struct teller *tell, uint64_t now_ms)
{
	/* it lives, so that its absence is told of */
	*p = (struct partner){.ring = ring, .tell = tell, .lives = true};
	pulse_start(&p->pulse, mark_of(p), now_ms);
}

bool partner_follow(struct partner *p, uint64_t now_ms)
{
	bool lives = pulse_beats(&p->pulse, mark_of(p), now_ms);
	if (lives != p->lives)
		event_tell(p->tell, lives ? LOG_NOTICE : LOG_ERR, "E2009", "keep: weir-catch %s",
			   lives ? "works" : "has not worked for five seconds");
	p->lives = lives;
	return lives;
}
