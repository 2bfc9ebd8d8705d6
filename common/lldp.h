/*
 * lldp: whether anybody of this box speaks or hears LLDP at an interface.  LAYERS.md 1.  The NIC's own firmware is
 * asked by ethtool.h.
 */
#ifndef WEIR_LLDP_H
#define WEIR_LLDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layers.h"

/*
 * root stands before all paths: "" but in tests.  *source and where (which daemon, file, socket) are written, where
 * unless it is nobody.  0 or -errno.
 */
int lldp_find(enum lldp_source *source, char where[static LINK_WHERE_BYTES], unsigned int index, const char *root);

/* Lines of /proc/net/packet and /proc/net/unix.  NULL: of no LLDP daemon. */
bool lldp_is_socket(const char *line, unsigned int index);
const char *lldp_daemon(const char *line);
/* A link-layer group "0180c200000e", as in /proc/net/dev_mcast. */
bool lldp_is_group(const char *group);
/* The file that systemd-networkd uses for a link, from what it keeps of that; false when there is none. */
bool lldp_network_file(char *out, size_t size, const char *state);
/* Whether a .network file, or a part of one, has networkd send LLDP. */
bool lldp_is_emitted(const char *text);

enum { PROC_FIELD_BYTES = 24 };
/* The field of a line of this number, from 0 on, between blanks; false when there is none, or it is longer. */
bool proc_field(char out[static PROC_FIELD_BYTES], const char *line, unsigned int number);
/* Calls visit for each line of a file below /proc, cut off at 512 bytes.  0 or -errno. */
typedef void proc_line(void *context, const char *line);
int proc_each_line(const char *root, const char *path, proc_line *visit, void *context);

#endif
