#include "sequence.h"

static uint64_t lost_in_life(const struct sequence *s)
{
	uint64_t sent = s->arrived == 0 ? 0 : (uint64_t)s->highest - s->first + 1;
	return sent > s->arrived ? sent - s->arrived : 0;
}

void sequence_follow(struct sequence *s, uint64_t number)
{
	uint32_t life = (uint32_t)(number >> 32), low = (uint32_t)number;
	if (s->arrived == 0 || life > s->life) {
		uint64_t lost = sequence_lost(s);
		*s = (struct sequence){life, low, low, 1, lost};
	} else if (life == s->life) {
		s->arrived++;
		if (low > s->highest)
			s->highest = low;
		if (low < s->first)
			s->first = low;
	}
}

uint64_t sequence_lost(const struct sequence *s)
{
	return s->lost_before + lost_in_life(s);
}
