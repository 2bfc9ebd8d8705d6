#include "pulse.h"

void pulse_start(struct pulse *pulse, uint64_t mark, uint64_t now_ms)
{
	*pulse = (struct pulse){mark, now_ms + PULSE_START_MS};
}

bool pulse_beats(struct pulse *pulse, uint64_t mark, uint64_t now_ms)
{
	if (mark != pulse->mark) {
		pulse->mark = mark;
		if (now_ms + PULSE_STILL_MS > pulse->good_until_ms)
			pulse->good_until_ms = now_ms + PULSE_STILL_MS;
	}
	return now_ms <= pulse->good_until_ms;
}
