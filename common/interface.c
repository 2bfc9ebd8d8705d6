#include "interface.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>

static const uint64_t bits_per_mbit = 1000000;

static int ask_driver(int fd, const char *name, void *command)
{
	struct ifreq request = {.ifr_data = command};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

/* A driver that knows no answer leaves the field as it is. */
static void look_closer(struct interface *found, int fd)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_cmd speed = {.cmd = ETHTOOL_GSET};
	if (ask_driver(fd, found->name, &driver) == 0)
		snprintf(found->driver, sizeof(found->driver), "%.*s", (int)sizeof(found->driver) - 1, driver.driver);
	if (ask_driver(fd, found->name, &speed) == 0) {
		uint32_t mbit = ethtool_cmd_speed(&speed);
		found->speed_bits_per_s = mbit == (uint32_t)SPEED_UNKNOWN ? 0 : mbit * bits_per_mbit;
	}
}

int interface_look(struct interface *out, int fd, const char *name)
{
	struct interface found = {.mtu = 0};
	struct ifreq request = {.ifr_mtu = 0};
	snprintf(found.name, sizeof(found.name), "%s", name);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFMTU, &request) < 0)
		return -errno;
	found.mtu = request.ifr_mtu > 0 ? (uint32_t)request.ifr_mtu : 0;
	look_closer(&found, fd);
	*out = found;
	return 0;
}
