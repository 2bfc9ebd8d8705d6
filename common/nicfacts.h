/*
 * nicfacts: what the kernel and the driver say of the link NIC, for check.h; and what is to be thought of it, which looks at
 * nothing but what was read.
 */
#ifndef WEIR_NICFACTS_H
#define WEIR_NICFACTS_H

#include "check.h"
#include "ethtool.h"
#include "nicfault.h"
#include "optics.h"

struct nicfacts {
	bool is_there, is_up, has_carrier;
	char way[INTERFACE_BYTES];         /* sender: which NIC the route to the receiver takes; receiver: which NIC has the
					      address at which it listens; "": none */
	uint32_t mtu;
	char fault[NICFAULT_BYTES];        /* why it has no link; "" where nothing is told */
	/* 0, or -errno: what follows is not known */
	int link_failure, rings_failure, offloads_failure, optics_failure;
	struct ethtool_link link;
	struct ethtool_rings rings;
	struct optics optics;
	bool joins, takes_apart;           /* offloads: of what comes in, of what goes out */
};

/* Reads all that can be read of config->interface, in the network namespace of the caller.  0 or -errno. */
int nicfacts_read(struct nicfacts *out, const struct config *config);

/* Adds the findings. */
void nicfacts_judge(const struct check *check, const struct nicfacts *facts);

#endif
