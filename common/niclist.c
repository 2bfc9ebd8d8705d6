#include "niclist.h"

#include <linux/if_link.h>
#include <linux/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "rtnetlink.h"

enum { MAC_LEN = 6, PATH_BYTES = 256 };

struct reading {
	struct niclist *list;
	unsigned int indices[NICLIST_MAX];
};

static void copy_mac(char out[static NICLIST_MAC_BYTES], const struct rtattr *attribute)
{
	static const uint8_t none[MAC_LEN];
	const uint8_t *mac = attribute != NULL && rtnetlink_len(attribute) == MAC_LEN ? rtnetlink_data(attribute) : none;
	out[0] = 0;
	if (memcmp(mac, none, MAC_LEN) != 0)
		snprintf(out, NICLIST_MAC_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
			 mac[5]);
}

/* The name of the driver's directory is where the link "driver" ends. */
static void read_driver(struct niclist_nic *nic)
{
	char path[PATH_BYTES], target[PATH_BYTES];
	snprintf(path, sizeof(path), "/sys/class/net/%s/device/driver", nic->name);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = 0;
	const char *slash = strrchr(target, '/');
	snprintf(nic->driver, sizeof(nic->driver), "%s", slash == NULL ? "" : slash + 1);
}

static void visit_link(void *context, const struct nlmsghdr *message)
{
	struct reading *reading = context;
	const struct rtattr *attributes[RTNETLINK_ATTRIBUTES_MAX];
	const struct ifinfomsg *info = rtnetlink_body(message);
	if (message->nlmsg_type != RTM_NEWLINK || (info->ifi_flags & IFF_LOOPBACK) != 0 || reading->list->count == NICLIST_MAX)
		return;
	struct niclist_nic *nic = &reading->list->nics[reading->list->count];
	rtnetlink_attributes(attributes, message, sizeof(*info));
	*nic = (struct niclist_nic){.has_carrier = (info->ifi_flags & IFF_LOWER_UP) != 0};
	rtnetlink_text(nic->name, sizeof(nic->name), attributes[IFLA_IFNAME]);
	copy_mac(nic->mac, attributes[IFLA_ADDRESS]);
	copy_mac(nic->permanent, attributes[IFLA_PERM_ADDRESS]);
	read_driver(nic);
	reading->indices[reading->list->count++] = (unsigned int)info->ifi_index;
}

static void visit_route(void *context, const struct nlmsghdr *message)
{
	struct reading *reading = context;
	const struct rtattr *attributes[RTNETLINK_ATTRIBUTES_MAX];
	const struct rtmsg *route = rtnetlink_body(message);
	if (message->nlmsg_type != RTM_NEWROUTE || route->rtm_dst_len != 0 || route->rtm_type != RTN_UNICAST)
		return;
	rtnetlink_attributes(attributes, message, sizeof(*route));
	for (size_t i = 0; i < reading->list->count; i++)
		if (reading->indices[i] == rtnetlink_u32(attributes[RTA_OIF], 0))
			reading->list->nics[i].has_default_route = true;
}

int niclist_read(struct niclist *out)
{
	struct reading reading = {.list = out};
	struct ifinfomsg any_link = {.ifi_family = AF_UNSPEC};
	struct rtmsg any_route = {.rtm_family = AF_INET};
	struct rtnetlink_question links = {.head = {.nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_DUMP}};
	struct rtnetlink_question routes = {.head = {.nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_DUMP}};
	rtnetlink_set_body(&links, &any_link, sizeof(any_link));
	rtnetlink_set_body(&routes, &any_route, sizeof(any_route));
	out->count = 0;
	int fd = rtnetlink_open();
	int result = fd < 0 ? fd : rtnetlink_ask(fd, &links, visit_link, &reading);
	if (result == 0)
		result = rtnetlink_ask(fd, &routes, visit_route, &reading);
	io_close(fd);
	return result;
}

const struct niclist_nic *niclist_find(const struct niclist *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->nics[i].name, name) == 0)
			return &list->nics[i];
	return NULL;
}
