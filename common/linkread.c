#include "linkread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ethtool.h"
#include "io.h"
#include "lldp.h"
#include "rtnetlink.h"

enum { TRIES = 3 /* of a list that changes while it is read */ };
_Static_assert(LINK_NAME_BYTES == IFNAMSIZ, "a name of the kernel");

struct looking {
	const struct config *config;
	struct link_reading *reading;
	struct frames *frames;
	unsigned int master; /* index; 0: none */
};

int linkread_open(struct linkread *reader)
{
	int fd = rtnetlink_open();
	if (fd < 0)
		return fd;
	reader->fd = fd;
	return 0;
}

void linkread_close(struct linkread *reader)
{
	io_close(reader->fd);
	reader->fd = -1;
}

static int ask(const struct linkread *reader, struct rtnetlink_question *question, rtnetlink_visit *visit,
	       void *context)
{
	int result = -EINTR;
	for (int i = 0; i < TRIES && result == -EINTR; i++)
		result = rtnetlink_ask(reader->fd, question, visit, context);
	return result;
}

/* ---- the link NIC ---- */

/* One of the settings of an interface for a protocol: a list of numbers; index from 0 on. */
static uint32_t setting(const struct rtattr *all, int family, int list, size_t index)
{
	const struct rtattr *families[RTNETLINK_ATTRIBUTES_MAX], *lists[RTNETLINK_ATTRIBUTES_MAX];
	uint32_t value;
	rtnetlink_nested(families, all);
	rtnetlink_nested(lists, families[family]);
	if (lists[list] == NULL || rtnetlink_len(lists[list]) < (index + 1) * sizeof(value))
		return 0;
	memcpy(&value, (const uint8_t *)rtnetlink_data(lists[list]) + index * sizeof(value), sizeof(value));
	return value;
}

static uint32_t ipv4_setting(const struct rtattr *all, int which)
{
	return setting(all, AF_INET, IFLA_INET_CONF, (size_t)which - 1);
}

/* A kernel without IPv6 has no such list. */
static bool has_ipv6(const struct rtattr *all)
{
	const struct rtattr *families[RTNETLINK_ATTRIBUTES_MAX];
	rtnetlink_nested(families, all);
	return families[AF_INET6] != NULL && setting(all, AF_INET6, IFLA_INET6_CONF, DEVCONF_DISABLE_IPV6) == 0;
}

static void take_counters(struct looking *l, const struct rtattr *attribute)
{
	struct rtnl_link_stats64 stats = {.rx_packets = 0};
	if (attribute == NULL)
		return;
	size_t len = rtnetlink_len(attribute);
	memcpy(&stats, rtnetlink_data(attribute), len < sizeof(stats) ? len : sizeof(stats));
	l->frames->is_counted[FRAMES_NIC] = true;
	l->frames->count[FRAMES_NIC] = l->config->side == CONFIG_SENDER ? stats.rx_packets + stats.rx_missed_errors
									: stats.tx_packets;
}

static void take_nic(void *context, const struct nlmsghdr *message)
{
	struct looking *l = context;
	struct link_reading *r = l->reading;
	const struct ifinfomsg *body = rtnetlink_body(message);
	const struct rtattr *a[RTNETLINK_ATTRIBUTES_MAX], *xdp[RTNETLINK_ATTRIBUTES_MAX];
	rtnetlink_attributes(a, message, sizeof(*body));
	r->index = (unsigned int)body->ifi_index;
	r->has_arp = (body->ifi_flags & IFF_NOARP) == 0;
	r->has_multicast = (body->ifi_flags & IFF_MULTICAST) != 0;
	r->has_ipv6 = has_ipv6(a[IFLA_AF_SPEC]);
	r->has_proxy_arp = ipv4_setting(a[IFLA_AF_SPEC], IPV4_DEVCONF_PROXY_ARP) != 0;
	l->master = rtnetlink_u32(a[IFLA_MASTER], 0);
	rtnetlink_nested(xdp, a[IFLA_XDP]);
	r->program = rtnetlink_u32(xdp[IFLA_XDP_PROG_ID], 0);
	take_counters(l, a[IFLA_STATS64]);
}

static int look_at_nic(const struct linkread *reader, struct looking *l)
{
	const struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
	struct rtnetlink_question q = {.head = {.nlmsg_type = RTM_GETLINK}};
	const char *name = l->config->interface;
	rtnetlink_set_body(&q, &body, sizeof(body));
	rtnetlink_add(&q, IFLA_IFNAME, name, strlen(name) + 1);
	int result = ask(reader, &q, take_nic, l);
	return result == -ENODEV ? 0 : result; /* index stays 0 */
}

/* ---- all interfaces: who forwards, who lies on top ---- */

static void take_interface(void *context, const struct nlmsghdr *message)
{
	struct looking *l = context;
	struct link_reading *r = l->reading;
	const struct ifinfomsg *body = rtnetlink_body(message);
	const struct rtattr *a[RTNETLINK_ATTRIBUTES_MAX], *info[RTNETLINK_ATTRIBUTES_MAX];
	char name[LINK_NAME_BYTES], kind[16];
	rtnetlink_attributes(a, message, sizeof(*body));
	rtnetlink_text(name, sizeof(name), a[IFLA_IFNAME]);
	rtnetlink_nested(info, a[IFLA_LINKINFO]);
	rtnetlink_text(kind, sizeof(kind), info[IFLA_INFO_KIND]);
	if (r->forwarder[0] == 0 && (body->ifi_flags & IFF_LOOPBACK) == 0 &&
	    ipv4_setting(a[IFLA_AF_SPEC], IPV4_DEVCONF_FORWARDING) != 0)
		memcpy(r->forwarder, name, sizeof(name));
	if (l->master != 0 && (unsigned int)body->ifi_index == l->master)
		memcpy(r->master, name, sizeof(name));
	/* the other end of a veth pair is named in the same way, but lies beside it */
	if (r->upper[0] == 0 && a[IFLA_LINK_NETNSID] == NULL && rtnetlink_u32(a[IFLA_LINK], 0) == r->index &&
	    (unsigned int)body->ifi_index != r->index && strcmp(kind, "veth") != 0)
		memcpy(r->upper, name, sizeof(name));
}

static void look_at_all(const struct linkread *reader, struct looking *l)
{
	const struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
	struct link_reading *r = l->reading;
	struct rtnetlink_question q = {.head = {.nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_DUMP}};
	rtnetlink_set_body(&q, &body, sizeof(body));
	r->failure[LAYER_BRIDGE] = r->failure[LAYER_FORWARDING] = ask(reader, &q, take_interface, l);
	if (l->master != 0 && r->master[0] == 0)
		snprintf(r->master, sizeof(r->master), "#%u", l->master);
}

/* ---- addresses, neighbours, the route ---- */

static void take_address(void *context, const struct nlmsghdr *message)
{
	struct looking *l = context;
	const struct ifaddrmsg *body = rtnetlink_body(message);
	l->reading->has_ipv6_address |= body->ifa_index == l->reading->index && body->ifa_family == AF_INET6;
}

static void look_at_addresses(const struct linkread *reader, struct looking *l)
{
	const struct ifaddrmsg body = {.ifa_family = AF_INET6, .ifa_index = l->reading->index};
	struct rtnetlink_question q = {.head = {.nlmsg_type = RTM_GETADDR, .nlmsg_flags = NLM_F_DUMP}};
	rtnetlink_set_body(&q, &body, sizeof(body));
	l->reading->failure[LAYER_IPV6] = ask(reader, &q, take_address, l);
}

static bool is_our_goal(const struct looking *l, int family, const struct rtattr *address)
{
	struct in_addr goal;
	return family == AF_INET && address != NULL && rtnetlink_len(address) == sizeof(goal) &&
	       inet_pton(AF_INET, l->config->address, &goal) == 1 &&
	       memcmp(rtnetlink_data(address), &goal, sizeof(goal)) == 0;
}

static void take_neighbour(void *context, const struct nlmsghdr *message)
{
	struct looking *l = context;
	const struct ndmsg *body = rtnetlink_body(message);
	const struct rtattr *a[RTNETLINK_ATTRIBUTES_MAX];
	if ((unsigned int)body->ndm_ifindex != l->reading->index || (body->ndm_state & NUD_NOARP) != 0)
		return;
	rtnetlink_attributes(a, message, sizeof(*body));
	if ((body->ndm_state & NUD_PERMANENT) != 0) {
		l->reading->has_neighbour |= is_our_goal(l, body->ndm_family, a[NDA_DST]);
		return;
	}
	char *out = l->reading->dynamic;
	size_t len = a[NDA_DST] == NULL ? 0 : rtnetlink_len(a[NDA_DST]);
	bool is_known = (body->ndm_family == AF_INET && len == sizeof(struct in_addr)) ||
			(body->ndm_family == AF_INET6 && len == sizeof(struct in6_addr));
	if (!is_known || inet_ntop(body->ndm_family, rtnetlink_data(a[NDA_DST]), out, LINK_ADDRESS_BYTES) == NULL)
		snprintf(out, LINK_ADDRESS_BYTES, "(of family %d)", body->ndm_family);
}

static void look_at_neighbours(const struct linkread *reader, struct looking *l)
{
	const struct ndmsg body = {.ndm_family = AF_UNSPEC};
	struct rtnetlink_question q = {.head = {.nlmsg_type = RTM_GETNEIGH, .nlmsg_flags = NLM_F_DUMP}};
	rtnetlink_set_body(&q, &body, sizeof(body));
	rtnetlink_add(&q, NDA_IFINDEX, &l->reading->index, sizeof(l->reading->index));
	l->reading->failure[LAYER_NEIGHBOUR] = ask(reader, &q, take_neighbour, l);
}

struct found_route {
	struct looking *looking;
	uint32_t interface;
};

static void take_route(void *context, const struct nlmsghdr *message)
{
	struct found_route *found = context;
	const struct rtmsg *body = rtnetlink_body(message);
	const struct rtattr *a[RTNETLINK_ATTRIBUTES_MAX];
	rtnetlink_attributes(a, message, sizeof(*body));
	found->interface = rtnetlink_u32(a[RTA_OIF], 0);
	if (body->rtm_type != RTN_UNICAST)
		found->looking->reading->route = ROUTE_OTHER;
	else
		found->looking->reading->route = a[RTA_GATEWAY] != NULL || a[RTA_VIA] != NULL ? ROUTE_GATEWAY
											      : ROUTE_DIRECT;
}

static void take_route_name(void *context, const struct nlmsghdr *message)
{
	struct looking *l = context;
	const struct rtattr *a[RTNETLINK_ATTRIBUTES_MAX];
	rtnetlink_attributes(a, message, sizeof(struct ifinfomsg));
	rtnetlink_text(l->reading->route_name, sizeof(l->reading->route_name), a[IFLA_IFNAME]);
}

static int name_interface(const struct linkread *reader, struct looking *l, uint32_t index)
{
	const struct ifinfomsg body = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index};
	struct rtnetlink_question q = {.head = {.nlmsg_type = RTM_GETLINK}};
	rtnetlink_set_body(&q, &body, sizeof(body));
	return ask(reader, &q, take_route_name, l);
}

static void look_at_route(const struct linkread *reader, struct looking *l)
{
	const struct rtmsg body = {.rtm_family = AF_INET, .rtm_dst_len = 32};
	struct rtnetlink_question q = {.head = {.nlmsg_type = RTM_GETROUTE}};
	struct found_route found = {.looking = l};
	struct in_addr goal = {0};
	l->reading->route = ROUTE_NONE;
	(void)inet_pton(AF_INET, l->config->address, &goal); /* which config.c has read */
	rtnetlink_set_body(&q, &body, sizeof(body));
	rtnetlink_add(&q, RTA_DST, &goal, sizeof(goal));
	int result = ask(reader, &q, take_route, &found);
	if (result == 0)
		result = name_interface(reader, l, found.interface);
	/* a route that forbids, or none at all, is an answer */
	bool is_none = result == -ENETUNREACH || result == -EHOSTUNREACH || result == -EACCES || result == -EINVAL;
	l->reading->failure[LAYER_ROUTE] = is_none ? 0 : result;
}

/* ---- groups, LLDP, pause frames ---- */

bool linkread_is_group(const char *line, unsigned int index, char group[static 16])
{
	char of[PROC_FIELD_BYTES], number[PROC_FIELD_BYTES], found[PROC_FIELD_BYTES];
	snprintf(number, sizeof(number), "%u", index);
	if (!proc_field(of, line, 0) || strcmp(of, number) != 0 || !proc_field(found, line, 4) ||
	    strspn(found, "0123456789abcdef") != 12 || found[12] != 0)
		return false;
	memcpy(group, found, 13);
	return strcmp(group, "01005e000001") != 0 && strcmp(group, "333300000001") != 0;
}

static void take_group(void *context, const char *line)
{
	struct looking *l = context;
	struct link_reading *r = l->reading;
	char hex[16];
	if (!linkread_is_group(line, r->index, hex))
		return;
	if (lldp_is_group(hex) && r->lldp == LLDP_NOBODY) {
		r->lldp = LLDP_SOCKET;
		snprintf(r->lldp_where, sizeof(r->lldp_where), "a member of group %s", hex);
	} else if (r->has_ipv6 && strncmp(hex, "3333", 4) == 0) {
		return; /* that IPv6 is on says more */
	} else if (!lldp_is_group(hex) && r->group[0] == 0) {
		snprintf(r->group, sizeof(r->group), "%.2s:%.2s:%.2s:%.2s:%.2s:%.2s", hex, hex + 2, hex + 4, hex + 6,
			 hex + 8, hex + 10);
	}
}

static void look_at_groups(struct looking *l)
{
	l->reading->failure[LAYER_MULTICAST] = proc_each_line("", "/proc/net/dev_mcast", take_group, l);
}

static void look_for_lldp(const struct linkread *reader, struct looking *l)
{
	struct link_reading *r = l->reading;
	char flag[ETHTOOL_FLAG_BYTES];
	int result = lldp_find(&r->lldp, r->lldp_where, r->index, "");
	if (result == 0)
		result = ethtool_firmware(reader->fd, l->config->interface, flag);
	if (result == 0 && r->lldp == LLDP_NOBODY && flag[0] != 0) {
		r->lldp = LLDP_FIRMWARE;
		snprintf(r->lldp_where, sizeof(r->lldp_where), "%s", flag);
	}
	r->failure[LAYER_LLDP] = result;
}

void linkread_look(const struct linkread *reader, const struct config *config, struct link_reading *reading,
		   struct frames *frames)
{
	struct looking l = {.config = config, .reading = reading, .frames = frames};
	*reading = (struct link_reading){.index = 0};
	*frames = (struct frames){.count = {0}};
	reading->failure[LAYER_NIC] = look_at_nic(reader, &l);
	if (reading->index == 0)
		return;
	look_at_all(reader, &l);
	look_at_addresses(reader, &l);
	look_at_neighbours(reader, &l);
	if (config->side == CONFIG_SENDER)
		look_at_route(reader, &l);
	look_for_lldp(reader, &l);
	look_at_groups(&l);
	reading->failure[LAYER_PAUSE] = ethtool_pause(reader->fd, config->interface, &reading->sends_pause,
						      &reading->obeys_pause);
}
