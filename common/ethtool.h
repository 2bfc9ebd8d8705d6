/*
 * ethtool: what a NIC does by itself: pause frames, and LLDP in its firmware; its link, rings, offloads and module.
 *
 * fd is any socket of the NIC's network namespace.  What a NIC or its driver does not know is -EOPNOTSUPP.
 */
#ifndef WEIR_ETHTOOL_H
#define WEIR_ETHTOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ETHTOOL_FLAG_BYTES = 33, ETHTOOL_MODULE_BYTES = 640 };

/* 0, also where the NIC knows no pause frames; or -errno. */
int ethtool_pause(int fd, const char *name, bool *sends, bool *obeys);

/* flag: the private flag that lets the firmware speak LLDP; "" when there is none, or it is well.  0 or -errno. */
int ethtool_firmware(int fd, const char *name, char flag[static ETHTOOL_FLAG_BYTES]);

/* Neither sends nor obeys them from now on. */
int ethtool_stop_pause(int fd, const char *name);

struct ethtool_link {
	uint32_t mbit_per_s;       /* 0: not known, as without a link */
	bool is_half_duplex;
	bool negotiates;           /* asks the other side what it can */
	bool is_fibre;
};
int ethtool_read_link(int fd, const char *name, struct ethtool_link *out);

/* Frames for which the NIC has room, and the most that it can have. */
struct ethtool_rings {
	uint32_t rx, rx_max, tx, tx_max;
};
int ethtool_read_rings(int fd, const char *name, struct ethtool_rings *out);
/* rx or tx is 0: as it is. */
int ethtool_set_rings(int fd, const char *name, uint32_t rx, uint32_t tx);

/* Whether the kernel joins what comes in, and takes apart what goes out, in long trains. */
int ethtool_offloads(int fd, const char *name, bool *receives, bool *sends);

/* The memory of a plugged module: its length, at most size, and what kind it is (ETH_MODULE_SFF_8472 and others); or -errno. */
long ethtool_module(int fd, const char *name, uint8_t *out, size_t size, uint32_t *kind);

/* Of one private flag: whether it lets the firmware speak LLDP. */
bool ethtool_speaks_lldp(const char *flag, bool is_on);

#endif
