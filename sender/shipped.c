#include "shipped.h"

/* A file of the tree and a zero byte behind it; the Makefile knows that this one depends on them. */
#define SHIPPED(name, file) name ":\n.incbin \"" file "\"\n.byte 0\n"

__asm__(".pushsection .rodata\n"
	SHIPPED("sender_conf", "systemd/sender.conf")
	SHIPPED("sender_link", "systemd/weir-sender.link")
	SHIPPED("sender_network", "systemd/weir-sender.network")
	".popsection\n");

extern const char sender_conf[], sender_link[], sender_network[];

struct boxsetup_shipped sender_shipped(void)
{
	return (struct boxsetup_shipped){sender_conf, sender_link, sender_network};
}
