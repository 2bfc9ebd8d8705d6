#include "nicfacts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "io.h"
#include "linkread.h"

_Static_assert(INTERFACE_BYTES == IFNAMSIZ, "a name of the kernel");

static int read_flags(struct nicfacts *out, int fd, const char *name)
{
	struct ifreq request = {.ifr_flags = 0};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return errno == ENODEV ? 0 : -errno;
	out->is_there = true;
	out->is_up = (request.ifr_flags & IFF_UP) != 0;
	out->has_carrier = (request.ifr_flags & IFF_RUNNING) != 0;
	if (ioctl(fd, SIOCGIFMTU, &request) < 0)
		return -errno;
	out->mtu = (uint32_t)request.ifr_mtu;
	return 0;
}

/* The NIC with the address at which a receiver listens; when that is every address, the link NIC if it has any. */
static int find_holder(char out[static INTERFACE_BYTES], const struct config *config)
{
	struct ifaddrs *all = NULL;
	struct in_addr wanted;
	if (inet_pton(AF_INET, config->address, &wanted) != 1)
		return -EINVAL;
	if (getifaddrs(&all) < 0)
		return -errno;
	for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
		struct sockaddr_in address;
		if (one->ifa_addr == NULL || one->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&address, one->ifa_addr, sizeof(address));
		/* an address with a label is listed as "eth0:label" */
		char name[INTERFACE_BYTES];
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(one->ifa_name, ":"), one->ifa_name);
		bool is_ours = wanted.s_addr == htonl(INADDR_ANY) ? strcmp(name, config->interface) == 0
								   : address.sin_addr.s_addr == wanted.s_addr;
		if (is_ours)
			memcpy(out, name, sizeof(name));
	}
	freeifaddrs(all);
	return 0;
}

/* The NIC that a datagram to the receiver takes. */
static int find_route(char out[static INTERFACE_BYTES], const struct config *config)
{
	struct linkread reader;
	struct link_reading reading;
	struct frames frames;
	int result = linkread_open(&reader);
	if (result != 0)
		return result;
	linkread_look(&reader, config, &reading, &frames);
	linkread_close(&reader);
	if (reading.failure[LAYER_ROUTE] == 0 && reading.route != ROUTE_NONE)
		snprintf(out, INTERFACE_BYTES, "%s", reading.route_name);
	return reading.failure[LAYER_ROUTE];
}

static int read_optics(struct optics *out, int fd, const char *name)
{
	uint8_t memory[ETHTOOL_MODULE_BYTES];
	uint32_t kind = 0;
	long len = ethtool_module(fd, name, memory, sizeof(memory), &kind);
	return len < 0 ? (int)len : optics_decode(out, memory, (size_t)len, kind);
}

int nicfacts_read(struct nicfacts *out, const struct config *config)
{
	struct nicfacts facts = {.mtu = 0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int result = read_flags(&facts, fd, config->interface);
	if (result == 0 && facts.is_there) {
		result = config->side == CONFIG_SENDER ? find_route(facts.way, config) : find_holder(facts.way, config);
		facts.link_failure = ethtool_read_link(fd, config->interface, &facts.link);
		facts.rings_failure = ethtool_read_rings(fd, config->interface, &facts.rings);
		facts.offloads_failure = ethtool_offloads(fd, config->interface, &facts.joins, &facts.takes_apart);
		facts.optics_failure = read_optics(&facts.optics, fd, config->interface);
		/* a driver that tells nothing is no fault */
		(void)nicfault_read(facts.fault, config->interface);
	}
	io_close(fd);
	if (result == 0)
		*out = facts;
	return result;
}
