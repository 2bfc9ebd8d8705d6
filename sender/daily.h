/*
 * daily: when something that is done once a day is due: five minutes after midnight (UTC), or as soon as may be
 * when that was missed.  What has failed is tried again after a quarter of an hour.
 */
#ifndef WEIR_DAILY_H
#define WEIR_DAILY_H

#include <stdbool.h>
#include <stdint.h>

enum { DAILY_AFTER_MIDNIGHT_S = 300, DAILY_RETRY_S = 900 };

/* done_s: when it was done last; tried_s: when it was begun last.  0: never. */
bool daily_is_due(uint64_t now_s, uint64_t done_s, uint64_t tried_s);

#endif
