/*
 * linkread: what the kernel and systemd-networkd say of the link NIC, for layers.h: everything but our own rules
 * (rules.h, xdp.h).  Takes no privilege.
 */
#ifndef WEIR_LINKREAD_H
#define WEIR_LINKREAD_H

#include "layers.h"
#include "linkstate.h"

/* Sockets for questions in the network namespace of the caller. */
struct linkread {
	int fd;
};

/* 0 or -errno. */
int linkread_open(struct linkread *reader);
void linkread_close(struct linkread *reader);

/*
 * A look.  Writes all of reading but what rules.h and xdp.h know, and the NIC's own counter of frames that went the
 * wrong way.  What cannot be read is in reading->failure.
 */
void linkread_look(const struct linkread *reader, const struct config *config, struct link_reading *reading,
		   struct frames *frames);

/*
 * A line of /proc/net/dev_mcast: true, and the group as 12 hexadecimal digits, when it is of this interface and none
 * of the two that the kernel joins by itself.
 */
bool linkread_is_group(const char *line, unsigned int index, char group[static 16]);

#endif
