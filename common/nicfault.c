#include "nicfault.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "io.h"
#include "rtnetlink.h"

struct answer {
	uint16_t family;
	bool has_state;
	uint8_t state, part;
};

const char *nicfault_explain(uint8_t state, uint8_t part)
{
	switch (state) {
	case ETHTOOL_LINK_EXT_STATE_AUTONEG:
		return "it negotiates, and nobody answers";
	case ETHTOOL_LINK_EXT_STATE_LINK_TRAINING_FAILURE:
		return part == ETHTOOL_LINK_EXT_SUBSTATE_LT_REMOTE_FAULT ? "the far end tells of a fault"
									 : "it cannot agree with the far end";
	case ETHTOOL_LINK_EXT_STATE_LINK_LOGICAL_MISMATCH:
		return "what comes in is no signal of its kind";
	case ETHTOOL_LINK_EXT_STATE_BAD_SIGNAL_INTEGRITY:
		return "the signal is bad";
	case ETHTOOL_LINK_EXT_STATE_NO_CABLE:
		return "nothing is plugged in";
	case ETHTOOL_LINK_EXT_STATE_CABLE_ISSUE:
		return "its cable or module does not fit";
	case ETHTOOL_LINK_EXT_STATE_EEPROM_ISSUE:
		return "its module cannot be read";
	case ETHTOOL_LINK_EXT_STATE_CALIBRATION_FAILURE:
		return "it cannot be calibrated";
	case ETHTOOL_LINK_EXT_STATE_POWER_BUDGET_EXCEEDED:
		return "its module takes more power than there is";
	case ETHTOOL_LINK_EXT_STATE_OVERHEAT:
		return "it is too hot";
	case ETHTOOL_LINK_EXT_STATE_MODULE:
		return "its module is not ready";
	default:
		return "its driver tells of a fault that is not known here";
	}
}

static void take_family(void *context, const struct nlmsghdr *message)
{
	const struct rtattr *a[RTNETLINK_ATTRIBUTES_MAX];
	struct answer *answer = context;
	rtnetlink_attributes(a, message, sizeof(struct genlmsghdr));
	if (a[CTRL_ATTR_FAMILY_ID] != NULL && rtnetlink_len(a[CTRL_ATTR_FAMILY_ID]) >= sizeof(answer->family))
		memcpy(&answer->family, rtnetlink_data(a[CTRL_ATTR_FAMILY_ID]), sizeof(answer->family));
}

static uint8_t byte_of(const struct rtattr *attribute)
{
	uint8_t value = 0;
	if (attribute != NULL && rtnetlink_len(attribute) >= sizeof(value))
		memcpy(&value, rtnetlink_data(attribute), sizeof(value));
	return value;
}

static void take_state(void *context, const struct nlmsghdr *message)
{
	const struct rtattr *a[RTNETLINK_ATTRIBUTES_MAX];
	struct answer *answer = context;
	rtnetlink_attributes(a, message, sizeof(struct genlmsghdr));
	answer->has_state = a[ETHTOOL_A_LINKSTATE_EXT_STATE] != NULL;
	answer->state = byte_of(a[ETHTOOL_A_LINKSTATE_EXT_STATE]);
	answer->part = byte_of(a[ETHTOOL_A_LINKSTATE_EXT_SUBSTATE]);
}

static int find_family(int fd, struct answer *answer)
{
	const struct genlmsghdr body = {.cmd = CTRL_CMD_GETFAMILY, .version = 1};
	struct rtnetlink_question q = {.head = {.nlmsg_type = GENL_ID_CTRL}};
	rtnetlink_set_body(&q, &body, sizeof(body));
	rtnetlink_add(&q, CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME, sizeof(ETHTOOL_GENL_NAME));
	int result = rtnetlink_ask(fd, &q, take_family, answer);
	return result == -ENOENT || (result == 0 && answer->family == 0) ? -EOPNOTSUPP : result;
}

static int ask_state(int fd, const char *name, struct answer *answer)
{
	const struct genlmsghdr body = {.cmd = ETHTOOL_MSG_LINKSTATE_GET, .version = ETHTOOL_GENL_VERSION};
	struct rtnetlink_question q = {.head = {.nlmsg_type = answer->family}};
	struct {
		struct rtattr head;
		char name[RTNETLINK_ASKED_BYTES / 2];
	} nested = {.head = {.rta_type = ETHTOOL_A_HEADER_DEV_NAME}};
	size_t len = strlen(name) + 1;
	if (len > sizeof(nested.name))
		return -ENODEV;
	nested.head.rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(nested.name, name, len);
	rtnetlink_set_body(&q, &body, sizeof(body));
	rtnetlink_add(&q, ETHTOOL_A_LINKSTATE_HEADER | NLA_F_NESTED, &nested, RTA_ALIGN(nested.head.rta_len));
	return rtnetlink_ask(fd, &q, take_state, answer);
}

int nicfault_read(char out[static NICFAULT_BYTES], const char *name)
{
	struct answer answer = {.family = 0};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return -errno;
	int result = find_family(fd, &answer);
	if (result == 0)
		result = ask_state(fd, name, &answer);
	io_close(fd);
	if (result == 0)
		snprintf(out, NICFAULT_BYTES, "%s", answer.has_state ? nicfault_explain(answer.state, answer.part) : "");
	return result;
}
