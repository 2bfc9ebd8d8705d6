/*
 * ethtool: what a NIC does by itself: pause frames, and LLDP in its firmware.
 */
#ifndef WEIR_ETHTOOL_H
#define WEIR_ETHTOOL_H

#include <stdbool.h>
#include <stddef.h>

enum { ETHTOOL_FLAG_BYTES = 33 };

/* fd: any socket of the NIC's network namespace.  0, also where the NIC knows no pause frames; or -errno. */
int ethtool_pause(int fd, const char *name, bool *sends, bool *obeys);

/* flag: the private flag that lets the firmware speak LLDP; "" when there is none, or it is well.  0 or -errno. */
int ethtool_firmware(int fd, const char *name, char flag[static ETHTOOL_FLAG_BYTES]);

/* Of one private flag: whether it lets the firmware speak LLDP. */
bool ethtool_speaks_lldp(const char *flag, bool is_on);

#endif
