/*
 * nic: what the interface at which the link comes in counts, and which one that is.
 *
 * keep reads, since catch opens no file; which interface it is, catch finds out, since the socket it was given
 * may be of another network namespace than the two processes, and only the socket can be asked there.
 * /sys/class/net must be that of the socket's namespace: where it is not (or is hidden), there are no counters.
 */
#ifndef WEIR_NIC_H
#define WEIR_NIC_H

#include <stdint.h>

enum { NIC_NAME_BYTES = 16 };

/* Since the interface is there. */
struct nic_counters {
	uint64_t full;     /* rx_missed_errors, rx_fifo_errors, rx_over_errors: frames for which the NIC had no room */
	uint64_t refused;  /* rx_dropped, rx_length_errors: frames or trains that nobody took */
	uint64_t damaged;  /* rx_crc_errors, rx_frame_errors */
	uint64_t backlog;  /* dropped in softnet_stat, of the whole box: the queue behind all NICs was full */
};

/* The interface that has the local address of a socket; "" when it is bound to none.  0 or -errno. */
int nic_name_of(char out[static NIC_NAME_BYTES], int socket_fd);
/* 0; -ENOENT or another -errno when this interface cannot be seen. */
int nic_read(struct nic_counters *out, const char *name);

#endif
