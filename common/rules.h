/*
 * rules: our table of nftables at the link NIC (LAYERS.md 2), and the only file that includes libnftables.
 */
#ifndef WEIR_RULES_H
#define WEIR_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "layers.h"

struct rules;

/* In the network namespace of the caller.  config stays the caller's.  0 or -ENOMEM. */
int rules_new(struct rules **out, const struct config *config);
void rules_free(struct rules *rules); /* NULL is fine; what is loaded stays */

/*
 * Puts our table in place, whatever was there before, in one transaction; the frames counted so far go on.
 * 0; -EPERM, -EIO and the like, and rules_failure says why.
 */
int rules_load(struct rules *rules);
/* One line; "" when the last thing went well. */
const char *rules_failure(const struct rules *rules);

/* Whether it is as rules_load left it: fills `rules`, `rules_failure`, `has_other_rules`.  0 or -EIO. */
int rules_look(struct rules *rules, struct link_reading *reading);
/* What it has dropped.  0, -ENOENT when there is no such counter, -EIO. */
int rules_frames(struct rules *rules, uint64_t *frames);

/* "packets 3 bytes 180" in what nft lists.  False when it is not there. */
bool rules_parse_counter(const char *text, uint64_t *packets, uint64_t *bytes);
/* Whether a listed table has a chain at this interface. */
bool rules_name_interface(const char *text, const char *interface);

#endif
