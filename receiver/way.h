/*
 * way: what is known of the way in, as lookout.h sees it, status.json carries it and weir-inbox and
 * weir-receiver show it.
 */
#ifndef WEIR_WAY_H
#define WEIR_WAY_H

#include <stdbool.h>
#include <stdint.h>

#include "loss.h"
#include "nic.h"

struct way {
	struct loss_counts total;   /* datagrams lost, by place, since keep started */
	struct loss_counts hour;    /* and in the last hour */
	char interface[NIC_NAME_BYTES]; /* whose counters are read; "": none */
	struct nic_counters nic;    /* since keep started */
	uint64_t ring_bytes;
	uint64_t ring_fill;         /* the most in the last second or two */
	uint64_t ring_fill_max;     /* ever */
	uint64_t away_max_ms;       /* the longest that keep was away from a ring with records */
	bool is_filling;            /* more than half full, and not below a quarter since */
};

#endif
