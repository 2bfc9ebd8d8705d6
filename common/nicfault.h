/*
 * nicfault: why a NIC has no link, where its driver tells: a fault at the far end, no cable, no light.
 */
#ifndef WEIR_NICFAULT_H
#define WEIR_NICFAULT_H

#include <stdint.h>

enum { NICFAULT_BYTES = 96 };

/*
 * In the network namespace of the caller.  out: one clause, "" when it has a link or nothing is told.  0, -EOPNOTSUPP where
 * the kernel does not tell, or another -errno.
 */
int nicfault_read(char out[static NICFAULT_BYTES], const char *name);

/* Of a state and, where it has one, its part (ETHTOOL_LINK_EXT_STATE_, ETHTOOL_LINK_EXT_SUBSTATE_).  Never NULL. */
const char *nicfault_explain(uint8_t state, uint8_t part);

#endif
