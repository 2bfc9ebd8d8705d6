#include "daily.h"

enum { DAY_S = 86400 };

bool daily_is_due(uint64_t now_s, uint64_t done_s, uint64_t tried_s)
{
	if (now_s < DAILY_AFTER_MIDNIGHT_S)
		return false;
	/* a clock that was set back must not keep it from being tried for long */
	if (tried_s != 0 && tried_s <= now_s && now_s - tried_s < DAILY_RETRY_S)
		return false;
	uint64_t since = (now_s - DAILY_AFTER_MIDNIGHT_S) / DAY_S * DAY_S + DAILY_AFTER_MIDNIGHT_S;
	return done_s < since;
}
