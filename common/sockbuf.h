/*
 * sockbuf: how large the buffers of the UDP sockets of a network namespace are, whoever has them.
 */
#ifndef WEIR_SOCKBUF_H
#define WEIR_SOCKBUF_H

#include <stdbool.h>
#include <stdint.h>

struct sockbuf {
	uint16_t port;              /* of this end */
	uint32_t inode;
	uint64_t receives, sends;   /* bytes, as they were asked for; the kernel holds twice as much */
};

/* In the network namespace of the caller; in no order.  0; -ENOENT where the kernel does not tell, or another -errno. */
typedef void sockbuf_visit(void *context, const struct sockbuf *socket);
int sockbuf_each(sockbuf_visit *visit, void *context);

#endif
