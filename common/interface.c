#include "interface.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>

static const uint64_t bits_per_mbit = 1000000;

static int ask(int fd, unsigned long what, struct ifreq *request)
{
	return ioctl(fd, what, request) < 0 ? -errno : 0;
}

/* A driver that knows no answer leaves the field as it is. */
static void look_closer(struct interface *found, int fd, struct ifreq *request)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_cmd speed = {.cmd = ETHTOOL_GSET};
	request->ifr_data = (char *)&driver;
	if (ask(fd, SIOCETHTOOL, request) == 0)
		snprintf(found->driver, sizeof(found->driver), "%.*s", (int)sizeof(found->driver) - 1, driver.driver);
	request->ifr_data = (char *)&speed;
	if (ask(fd, SIOCETHTOOL, request) == 0) {
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
	int result = ask(fd, SIOCGIFMTU, &request);
	if (result != 0)
		return result;
	found.mtu = request.ifr_mtu > 0 ? (uint32_t)request.ifr_mtu : 0;
	look_closer(&found, fd, &request);
	*out = found;
	return 0;
}
