#include "ethtool.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

enum { FLAGS_MAX = 32 }; /* a bit each */
_Static_assert(ETHTOOL_FLAG_BYTES > ETH_GSTRING_LEN, "a name and its zero");

/* The NIC, or its driver, has no such thing. */
static bool is_lack(int result)
{
	return result == -EOPNOTSUPP || result == -ENOTTY;
}

static int ask(int fd, const char *name, void *command)
{
	struct ifreq request = {.ifr_data = command};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

int ethtool_pause(int fd, const char *name, bool *sends, bool *obeys)
{
	struct ethtool_pauseparam pause = {.cmd = ETHTOOL_GPAUSEPARAM};
	int result = ask(fd, name, &pause);
	if (result != 0 && !is_lack(result))
		return result;
	*sends = result == 0 && pause.tx_pause != 0;
	*obeys = result == 0 && pause.rx_pause != 0;
	return 0;
}

int ethtool_stop_pause(int fd, const char *name)
{
	struct ethtool_pauseparam pause = {.cmd = ETHTOOL_SPAUSEPARAM};
	return ask(fd, name, &pause);
}

/* The kernel says first how many words its masks of modes have. */
int ethtool_read_link(int fd, const char *name, struct ethtool_link *out)
{
	union {
		struct ethtool_link_settings head;
		uint8_t bytes[sizeof(struct ethtool_link_settings) + 3 * sizeof(uint32_t) * INT8_MAX];
	} link = {.head = {.cmd = ETHTOOL_GLINKSETTINGS}};
	int result = ask(fd, name, &link);
	if (result != 0)
		return result;
	if (link.head.link_mode_masks_nwords < 0) {
		link.head.link_mode_masks_nwords = (int8_t)-link.head.link_mode_masks_nwords;
		link.head.cmd = ETHTOOL_GLINKSETTINGS;
		result = ask(fd, name, &link);
	}
	if (result != 0)
		return result;
	*out = (struct ethtool_link){
		.mbit_per_s = link.head.speed == (uint32_t)SPEED_UNKNOWN ? 0 : link.head.speed,
		.is_half_duplex = link.head.duplex == DUPLEX_HALF,
		.negotiates = link.head.autoneg == AUTONEG_ENABLE,
		.is_fibre = link.head.port == PORT_FIBRE,
	};
	return 0;
}

int ethtool_read_rings(int fd, const char *name, struct ethtool_rings *out)
{
	struct ethtool_ringparam rings = {.cmd = ETHTOOL_GRINGPARAM};
	int result = ask(fd, name, &rings);
	if (result == 0)
		*out = (struct ethtool_rings){rings.rx_pending, rings.rx_max_pending, rings.tx_pending, rings.tx_max_pending};
	return result;
}

int ethtool_set_rings(int fd, const char *name, uint32_t rx, uint32_t tx)
{
	struct ethtool_ringparam rings = {.cmd = ETHTOOL_GRINGPARAM};
	int result = ask(fd, name, &rings);
	if (result != 0)
		return result;
	rings.cmd = ETHTOOL_SRINGPARAM;
	rings.rx_pending = rx != 0 ? rx : rings.rx_pending;
	rings.tx_pending = tx != 0 ? tx : rings.tx_pending;
	return ask(fd, name, &rings);
}

int ethtool_offloads(int fd, const char *name, bool *receives, bool *sends)
{
	struct ethtool_value gro = {.cmd = ETHTOOL_GGRO}, gso = {.cmd = ETHTOOL_GGSO};
	int result = ask(fd, name, &gro);
	if (result == 0)
		result = ask(fd, name, &gso);
	if (result != 0)
		return result;
	*receives = gro.data != 0;
	*sends = gso.data != 0;
	return 0;
}

long ethtool_module(int fd, const char *name, uint8_t *out, size_t size, uint32_t *kind)
{
	struct ethtool_modinfo info = {.cmd = ETHTOOL_GMODULEINFO};
	union {
		struct ethtool_eeprom head;
		uint8_t bytes[sizeof(struct ethtool_eeprom) + ETHTOOL_MODULE_BYTES];
	} eeprom = {.head = {.cmd = ETHTOOL_GMODULEEEPROM}};
	int result = ask(fd, name, &info);
	if (result != 0)
		return result;
	eeprom.head.len = info.eeprom_len < ETHTOOL_MODULE_BYTES ? info.eeprom_len : ETHTOOL_MODULE_BYTES;
	result = ask(fd, name, &eeprom);
	if (result != 0)
		return result;
	size_t len = eeprom.head.len < size ? eeprom.head.len : size;
	memcpy(out, eeprom.bytes + sizeof(eeprom.head), len);
	*kind = info.type;
	return (long)len;
}

bool ethtool_speaks_lldp(const char *flag, bool is_on)
{
	if (strcmp(flag, "disable-fw-lldp") == 0)
		return !is_on;
	return strcmp(flag, "fw-lldp-agent") == 0 && is_on;
}

/* How many private flags a NIC has; 0 where it has none. */
static int count_flags(int fd, const char *name, uint32_t *count)
{
	/* the number comes behind the head */
	union {
		struct ethtool_sset_info head;
		uint8_t bytes[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
	} info = {.head = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = UINT64_C(1) << ETH_SS_PRIV_FLAGS}};
	uint32_t found;
	int result = ask(fd, name, &info);
	if (result != 0 && !is_lack(result))
		return result;
	memcpy(&found, info.bytes + sizeof(info.head), sizeof(found));
	*count = result == 0 && info.head.sset_mask != 0 ? found : 0;
	return 0;
}

int ethtool_firmware(int fd, const char *name, char flag[static ETHTOOL_FLAG_BYTES])
{
	union {
		struct ethtool_gstrings head;
		char bytes[sizeof(struct ethtool_gstrings) + (size_t)FLAGS_MAX * ETH_GSTRING_LEN];
	} all = {.head = {.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_PRIV_FLAGS}};
	struct ethtool_value flags = {.cmd = ETHTOOL_GPFLAGS};
	uint32_t count = 0;
	int result = count_flags(fd, name, &count);
	flag[0] = 0;
	if (result != 0 || count == 0)
		return result;
	if (count > FLAGS_MAX)
		return -E2BIG;
	all.head.len = count;
	result = ask(fd, name, &all);
	if (result == 0)
		result = ask(fd, name, &flags);
	for (uint32_t i = 0; result == 0 && i < count; i++) {
		char one[ETHTOOL_FLAG_BYTES];
		snprintf(one, sizeof(one), "%.*s", ETH_GSTRING_LEN,
			 all.bytes + sizeof(all.head) + (size_t)i * ETH_GSTRING_LEN);
		if (ethtool_speaks_lldp(one, (flags.data >> i & 1) != 0))
			memcpy(flag, one, sizeof(one));
	}
	return result;
}
