/*
 * pulse: whether the process beside this one still goes round, by a number that it changes all the time.
 *
 * A process answers its watchdog (service_alive) only while it sees the other one's pulse, so that systemd starts
 * both again when one hangs.
 */
#ifndef WEIR_PULSE_H
#define WEIR_PULSE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PULSE_STILL_MS = 5000,  /* since the last change of the number */
	PULSE_START_MS = 15000, /* since pulse_start, for a process that is being started as well */
};

struct pulse {
	uint64_t mark;
	uint64_t good_until_ms;
};

/* Times by one clock that does not leap. */
void pulse_start(struct pulse *pulse, uint64_t mark, uint64_t now_ms);

/*
 * Whether the number has changed, in either direction, within PULSE_STILL_MS, or PULSE_START_MS are not over yet.
 * To be asked about once a second: a change counts from when it was seen.
 */
bool pulse_beats(struct pulse *pulse, uint64_t mark, uint64_t now_ms);

#endif
