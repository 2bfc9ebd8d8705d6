/*
 * scan_probe: whether a clamd deserves to be believed.  It is given small files of which the answer is
 * known: SCANNING.md 4 has the list.  clamd logs them as "memfd:weir-probe".
 *
 * Results as those of clamd.h; the finding names what clamd failed at, and the setting that mends it.
 */
#ifndef WEIR_SCAN_PROBE_H
#define WEIR_SCAN_PROBE_H

#include "clamd.h"

/*
 * clamd passes a harmless line, finds the EICAR test file, and refuses an archive beyond its limits as
 * well as an encrypted one.
 */
int scan_probe_settings(struct clamd *clamd, struct scan_finding *finding);

enum { SCAN_PROBE_BYTES_MIN = 4096 };

/*
 * clamd looks into archives of max_bytes, SCAN_PROBE_BYTES_MIN at least, and refuses one that holds more
 * than it looks into.  May take seconds: clamd unpacks as much as its limits allow.
 */
int scan_probe_limits(struct clamd *clamd, uint64_t max_bytes, struct scan_finding *finding);

/* Both, over a session of its own; how long the first took, in microseconds. */
int scan_probe(const struct clamd_options *options, uint64_t max_bytes, uint64_t *elapsed_us,
	       struct scan_finding *finding);

#endif
