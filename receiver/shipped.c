#include "shipped.h"

/* A file of the tree and a zero byte behind it; the Makefile knows that this one depends on them. */
#define SHIPPED(name, file) name ":\n.incbin \"" file "\"\n.byte 0\n"

__asm__(".pushsection .rodata\n"
	SHIPPED("receiver_conf", "systemd/receiver.conf")
	SHIPPED("receiver_link", "systemd/weir-receiver.link")
	SHIPPED("receiver_network", "systemd/weir-receiver.network")
	".popsection\n");

extern const char receiver_conf[], receiver_link[], receiver_network[];

struct boxsetup_shipped receiver_shipped(void)
{
	return (struct boxsetup_shipped){receiver_conf, receiver_link, receiver_network};
}
