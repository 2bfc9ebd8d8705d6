#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lldp.h"
#include "text.h"

enum { STATE_LISTEN = 0x0a };

struct listeners {
	const struct check *check;
	unsigned int index;      /* of the link NIC */
	uint32_t address;        /* of this box there, as the kernel prints it; 0: not known */
	bool is_tcp;
	unsigned int packet, others;
	unsigned int port;       /* the last of the others */
};

/* "sk RefCnt Type Proto Iface R Rmem User Inode" */
static void take_packet(void *context, const char *line)
{
	struct listeners *l = context;
	char interface[PROC_FIELD_BYTES];
	if (proc_field(interface, line, 4) && strtoul(interface, NULL, 10) == l->index)
		l->packet++;
}

/* "sl local_address rem_address st …", local_address is "0200000A:1F90"; connections of TCP do not listen. */
static void take_socket(void *context, const char *line)
{
	struct listeners *l = context;
	char local[PROC_FIELD_BYTES], state[PROC_FIELD_BYTES], *end = NULL;
	if (!proc_field(local, line, 1) || !proc_field(state, line, 3))
		return;
	unsigned long address = strtoul(local, &end, 16);
	if (*end != ':' || address != l->address || (l->is_tcp && strtoul(state, NULL, 16) != STATE_LISTEN))
		return;
	unsigned long port = strtoul(end + 1, NULL, 16);
	bool is_ours = !l->is_tcp && (l->check->config->side == CONFIG_SENDER || port == l->check->config->port);
	if (is_ours)
		return;
	l->others++;
	l->port = (unsigned int)port;
}

static void count_sockets(struct listeners *l, const char *path, bool is_tcp)
{
	l->is_tcp = is_tcp;
	if (l->address != 0)
		(void)proc_each_line(l->check->root, path, take_socket, l);
}

void check_listeners(const struct check *check)
{
	const struct config *config = check->config;
	struct listeners l = {.check = check, .index = if_nametoindex(config->interface)};
	struct in_addr address = {0};
	if (config->interface[0] == 0 || l.index == 0)
		return; /* of which check_nic tells */
	/* a sender may leave it open by which address it sends */
	if (inet_pton(AF_INET, config->side == CONFIG_SENDER ? config->source : config->address, &address) == 1)
		l.address = address.s_addr;
	int result = proc_each_line(check->root, "/proc/net/packet", take_packet, &l);
	if (result != 0) {
		report_add(check->report, FINDING_LISTENERS, FINDING_GREEN, "this machine does not tell");
		return;
	}
	count_sockets(&l, "/proc/net/tcp", true);
	count_sockets(&l, "/proc/net/udp", false);
	if (l.packet == 0 && l.others == 0) {
		report_add(check->report, FINDING_LISTENERS, FINDING_GREEN, "nobody else listens at %s", config->interface);
		return;
	}
	struct finding *f = l.packet > 0
		? report_add(check->report, FINDING_LISTENERS, FINDING_AMBER, "%u socket%s take%s frames straight from %s", l.packet,
			     l.packet == 1 ? "" : "s", l.packet == 1 ? "s" : "", config->interface)
		: report_add(check->report, FINDING_LISTENERS, FINDING_AMBER, "%u other socket%s listen%s at the address of %s, as at port %u",
			     l.others, l.others == 1 ? "" : "s", l.others == 1 ? "s" : "", config->interface, l.port);
	finding_type(f, l.packet > 0 ? "ss -0 -p; then end what is no part of Weir, as tcpdump or a DHCP client"
				     : "ss -lnptu; then have it listen at the address of another NIC");
}
