/*
 * checkup_scan: what `weir-sender check` says about virus scanning, and whether memory can reach a disk.
 */
#ifndef WEIR_CHECKUP_SCAN_H
#define WEIR_CHECKUP_SCAN_H

#include <stdbool.h>

#include "common/config.h"
#include "common/registry.h"

/* Whether there is something to check: [scan] is configured, or a route's policy demands it. */
bool checkup_scan_applies(const struct config *config, const struct registry *registry);

/*
 * One thing: result 0 or what is wrong; why is "" or says it for a person, with the next step,
 * escaped.
 */
typedef void checkup_say(void *context, int result, const char *what, const char *detail,
			 const char *why);

/* clamd, its limits, its temporary files. */
void checkup_scan(const struct config *config, checkup_say *say, void *context);

/* Whether swap is off: units forbid it to daemons, but nothing does to weir-outbox, which people call. */
void checkup_swap(checkup_say *say, void *context);

#endif
