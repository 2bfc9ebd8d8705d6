/*
 * interface: what a network interface is, for a report that people sign.
 */
#ifndef WEIR_INTERFACE_H
#define WEIR_INTERFACE_H

#include <stdint.h>

#include "config.h"

enum { DRIVER_BYTES = 32 };

struct interface {
	char name[INTERFACE_BYTES];   /* "": none is known, and so is nothing of it */
	char driver[DRIVER_BYTES];    /* "": not known */
	uint32_t mtu;                 /* bytes of an IP packet; 0: not known */
	uint64_t speed_bits_per_s;    /* 0: not known, or no carrier */
};

/* fd: any socket of its network namespace.  0, -ENODEV when there is no such interface, or another -errno. */
int interface_look(struct interface *out, int fd, const char *name);

#endif
