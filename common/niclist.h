/*
 * niclist: the network interfaces of this machine, for a person who has to say which one is the link.
 */
#ifndef WEIR_NICLIST_H
#define WEIR_NICLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NICLIST_MAX = 64, NICLIST_NAME_BYTES = 16, NICLIST_MAC_BYTES = 18, NICLIST_DRIVER_BYTES = 32 };

struct niclist_nic {
	char name[NICLIST_NAME_BYTES];
	char mac[NICLIST_MAC_BYTES];       /* the one in use, "02:57:65:69:72:01" */
	char permanent[NICLIST_MAC_BYTES]; /* the one printed on it; "" when it has none, as a virtual one */
	char driver[NICLIST_DRIVER_BYTES]; /* "" when /sys does not tell */
	bool has_carrier;
	bool has_default_route; /* so it is the way to people, and not the link */
};

struct niclist {
	struct niclist_nic nics[NICLIST_MAX];
	size_t count;
};

/* All but loopbacks, in the network namespace of the caller.  0 or -errno. */
int niclist_read(struct niclist *out);
/* NULL when there is none of this name. */
const struct niclist_nic *niclist_find(const struct niclist *list, const char *name);

#endif
