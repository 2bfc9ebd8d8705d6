/*
 * xdp: a program at the link NIC that counts and drops every frame that comes in (LAYERS.md 2), and the only file
 * that includes libbpf.
 */
#ifndef WEIR_XDP_H
#define WEIR_XDP_H

#include <stdint.h>

struct xdp;

/*
 * Loads it and attaches it to the interface, in the driver where that can be, in place of one that is there.
 * Takes CAP_BPF and CAP_NET_ADMIN.  0 or -errno.
 */
int xdp_load(struct xdp **out, unsigned int interface_index);
void xdp_free(struct xdp *xdp); /* NULL is fine; it stays attached */

/* As IFLA_XDP_PROG_ID names it. */
unsigned int xdp_id(const struct xdp *xdp);
/* What it has dropped, on all processors; takes bpf(BPF_MAP_LOOKUP_ELEM) alone.  0 or -errno. */
int xdp_frames(const struct xdp *xdp, uint64_t *frames, uint64_t *bytes);

#endif
