#include "layers.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "verdict.h"

enum { SENDER = 1 << CONFIG_SENDER, RECEIVER = 1 << CONFIG_RECEIVER, BOTH = SENDER | RECEIVER };

/* LAYERS.md 1; a test compares. */
static const struct {
	const char *name;
	unsigned int sides;
	const char *what;
	const char *why;
} layers[LAYER_COUNT] = {
	[LAYER_NIC] = {"nic", BOTH, "the link NIC is there, and the one for which the rules were loaded",
		       "rules of a NIC that is gone hold nothing"},
	[LAYER_ROLE] = {"role", BOTH, "the link NIC carries no rules of the other role",
			"they would drop what is to pass, and pass what is to be dropped"},
	[LAYER_ARP] = {"arp", BOTH, "the link NIC has the flag NOARP", "ARP asks, and answers whoever asks"},
	[LAYER_MULTICAST] = {"multicast", BOTH, "the link NIC has no MULTICAST and no groups",
			     "a membership is reported, and listens to anybody"},
	[LAYER_IPV6] = {"ipv6", BOTH, "IPv6 is disabled at the link NIC",
			"neighbour discovery and solicitations go out by themselves"},
	[LAYER_NEIGHBOUR] = {"neighbour", BOTH, "the link NIC has permanent neighbours alone",
			     "an entry that is not permanent is asked for, and can be given by who answers"},
	[LAYER_ROUTE] = {"route", SENDER, "the receiver's address is reached over the link NIC, and over no gateway",
			 "another way may have an answer"},
	[LAYER_FORWARDING] = {"forwarding", BOTH, "no interface forwards, and the link NIC answers for nobody else",
			      "a box that forwards joins the link to other networks"},
	[LAYER_BRIDGE] = {"bridge", BOTH, "the link NIC has no master, and nothing on top of it",
			  "who is bridged to the link talks on it"},
	[LAYER_LLDP] = {"lldp", BOTH, "nobody speaks or hears LLDP at the link NIC", "LLDP tells who is there, unasked"},
	[LAYER_PAUSE] = {"pause", BOTH, "the link NIC neither sends nor obeys pause frames",
			 "a pause frame comes from below any rule, and stops who obeys it"},
	[LAYER_NFT] = {"nft", BOTH, "our nftables rules are loaded, and as they were loaded",
		       "they drop and count what the others let through"},
	[LAYER_XDP] = {"xdp", SENDER, "our XDP program is attached to the link NIC",
		       "it drops and counts what comes in, before anything of the kernel sees it"},
};

const char *layer_name(enum layer layer)
{
	return layers[layer].name;
}

const char *layer_what(enum layer layer)
{
	return layers[layer].what;
}

const char *layer_why(enum layer layer)
{
	return layers[layer].why;
}

int layer_from_name(const char *name, size_t len)
{
	for (int i = 0; i < LAYER_COUNT; i++)
		if (strlen(layers[i].name) == len && memcmp(layers[i].name, name, len) == 0)
			return i;
	return -ENOENT;
}

bool layer_is_of(enum layer layer, enum config_side side)
{
	return (layers[layer].sides >> side & 1) != 0;
}

bool layer_is_absent(enum layer layer, const struct config *config)
{
	return config->is_unwatched || (config->absent >> layer & 1) != 0;
}

char *layers_absent(char out[static LAYER_NAMES_BYTES], const struct config *config)
{
	size_t at = 0;
	out[0] = 0;
	if (config->is_unwatched) {
		snprintf(out, LAYER_NAMES_BYTES, "all");
		return out;
	}
	for (int i = 0; i < LAYER_COUNT && at < LAYER_NAMES_BYTES; i++)
		if (layer_is_absent((enum layer)i, config))
			at += (size_t)snprintf(out + at, LAYER_NAMES_BYTES - at, "%s%s", at > 0 ? " " : "",
					       layers[i].name);
	return out;
}

/* ---- judging ---- */

struct judging {
	const struct link_reading *reading;
	const struct config *config;
	const char *reload;
	const char *nic;
};

__attribute__((format(printf, 2, 3))) static void found(struct layer_finding *finding, const char *format, ...)
{
	va_list arguments;
	finding->state = LAYER_MISSING;
	va_start(arguments, format);
	vsnprintf(finding->found, sizeof(finding->found), format, arguments);
	va_end(arguments);
}

__attribute__((format(printf, 2, 3))) static void mend(struct layer_finding *finding, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(finding->mend, sizeof(finding->mend), format, arguments);
	va_end(arguments);
}

struct shown_name {
	char text[4 * LINK_NAME_BYTES];
};

static const char *shown(struct shown_name *out, const char *name)
{
	return text_escape_name(out->text, sizeof(out->text), name);
}

static void judge_nic(struct layer_finding *f, const struct judging *j)
{
	if (j->reading->index == 0) {
		found(f, "there is no interface %s", j->nic);
		mend(f, "ip link show # and name the right one in [link] interface");
	} else if (j->reading->is_another) {
		found(f, "%s is not the interface for which the rules were loaded", j->nic);
		mend(f, "%s", j->reload);
	}
}

static void judge_role(struct layer_finding *f, const struct judging *j)
{
	const char *table = j->config->side == CONFIG_SENDER ? "weir_receiver" : "weir_sender";
	if (j->reading->has_other_rules) {
		found(f, "%s carries the rules of the other role: table netdev %s", j->nic, table);
		mend(f, "nft delete table netdev %s", table);
	} else if (j->config->side == CONFIG_RECEIVER && j->reading->program != 0) {
		found(f, "an XDP program (id %u) is attached to %s, where a receiver has none", j->reading->program,
		      j->nic);
		mend(f, "ip link set dev %s xdp off", j->nic);
	}
}

static void judge_arp(struct layer_finding *f, const struct judging *j)
{
	if (!j->reading->has_arp)
		return;
	found(f, "ARP is on at %s", j->nic);
	mend(f, "ip link set dev %s arp off", j->nic);
}

static void judge_multicast(struct layer_finding *f, const struct judging *j)
{
	if (j->reading->has_multicast) {
		found(f, "multicast is on at %s", j->nic);
		mend(f, "ip link set dev %s multicast off", j->nic);
	} else if (j->reading->group[0] != 0) {
		found(f, "%s is a member of group %s", j->nic, j->reading->group);
		mend(f, "ip maddress show dev %s # and end the program that joined it", j->nic);
	}
}

static void judge_ipv6(struct layer_finding *f, const struct judging *j)
{
	if (!j->reading->has_ipv6 && !j->reading->has_ipv6_address)
		return;
	found(f, j->reading->has_ipv6 ? "IPv6 is on at %s" : "%s has an IPv6 address", j->nic);
	mend(f, "sysctl -w net/ipv6/conf/%s/disable_ipv6=1", j->nic);
}

static void judge_neighbour(struct layer_finding *f, const struct judging *j)
{
	if (j->reading->dynamic[0] != 0) {
		found(f, "the neighbour %s at %s is not permanent", j->reading->dynamic, j->nic);
		mend(f, "ip neigh del %s dev %s", j->reading->dynamic, j->nic);
	} else if (j->config->side == CONFIG_SENDER && !j->reading->has_neighbour) {
		found(f, "the receiver %s has no permanent neighbour entry at %s", j->config->address, j->nic);
		mend(f, "ip neigh replace %s lladdr MAC-OF-THE-RECEIVER nud permanent dev %s", j->config->address,
		     j->nic);
	}
}

static void judge_route(struct layer_finding *f, const struct judging *j)
{
	struct shown_name name;
	const char *way = shown(&name, j->reading->route_name);
	bool is_ours = strcmp(j->reading->route_name, j->nic) == 0;
	const char *address = j->config->address;
	if (j->reading->route == ROUTE_DIRECT && is_ours)
		return;
	if (j->reading->route == ROUTE_NONE)
		found(f, "there is no route to %s", address);
	else if (j->reading->route == ROUTE_GATEWAY)
		found(f, "%s is reached over a gateway at %s", address, way);
	else
		found(f, "%s is reached over %s, and not over %s", address, way, j->nic);
	mend(f, "ip route replace %s/32 dev %s", address, j->nic);
}

static void judge_forwarding(struct layer_finding *f, const struct judging *j)
{
	struct shown_name name;
	if (j->reading->forwarder[0] != 0) {
		found(f, "the box forwards IPv4 at %s", shown(&name, j->reading->forwarder));
		mend(f, "sysctl -w net/ipv4/ip_forward=0");
	} else if (j->reading->has_proxy_arp) {
		found(f, "%s answers ARP for others", j->nic);
		mend(f, "sysctl -w net/ipv4/conf/%s/proxy_arp=0", j->nic);
	}
}

static void judge_bridge(struct layer_finding *f, const struct judging *j)
{
	struct shown_name name;
	if (j->reading->master[0] != 0) {
		found(f, "%s belongs to %s", j->nic, shown(&name, j->reading->master));
		mend(f, "ip link set dev %s nomaster", j->nic);
	} else if (j->reading->upper[0] != 0) {
		found(f, "%s lies on top of %s", shown(&name, j->reading->upper), j->nic);
		mend(f, "ip link del dev %s", name.text);
	}
}

static void judge_lldp(struct layer_finding *f, const struct judging *j)
{
	char where[LAYER_TEXT_BYTES / 2];
	text_escape_name(where, sizeof(where), j->reading->lldp_where);
	switch (j->reading->lldp) {
	case LLDP_NOBODY:
		return;
	case LLDP_DAEMON:
		found(f, "%s runs", where);
		mend(f, "systemctl disable --now %s", where);
		return;
	case LLDP_NETWORKD:
		found(f, "systemd-networkd speaks LLDP at %s, by %s", j->nic, where);
		mend(f, "networkctl reload # when EmitLLDP is taken out of %s", where);
		return;
	case LLDP_FIRMWARE:
		found(f, "the firmware of %s speaks LLDP: see its flag %s", j->nic, where);
		/* disable-fw-lldp of one driver, fw-lldp-agent of another */
		mend(f, "ethtool --set-priv-flags %s %s %s", j->nic, where,
		     strncmp(where, "disable", strlen("disable")) == 0 ? "on" : "off");
		return;
	case LLDP_SOCKET:
		found(f, "a program hears LLDP at %s: %s", j->nic, where);
		mend(f, "ss -0p # and end that program, or say LLDP=no in the .network file of %s", j->nic);
		return;
	}
}

static void judge_pause(struct layer_finding *f, const struct judging *j)
{
	if (!j->reading->sends_pause && !j->reading->obeys_pause)
		return;
	found(f, "%s %s pause frames", j->nic, j->reading->sends_pause ? "sends" : "obeys");
	mend(f, "ethtool -A %s autoneg off rx off tx off", j->nic);
}

static void judge_nft(struct layer_finding *f, const struct judging *j)
{
	char why[LAYER_TEXT_BYTES / 2];
	const char *table = j->config->side == CONFIG_SENDER ? "weir_sender" : "weir_receiver";
	if (j->reading->rules == RULES_LOADED)
		return;
	if (j->reading->rules == RULES_NOT_LOADED)
		found(f, "table netdev %s cannot be loaded: %s", table,
		      text_escape_name(why, sizeof(why), j->reading->rules_failure));
	else if (j->reading->rules == RULES_GONE)
		found(f, "table netdev %s is gone", table);
	else
		found(f, "table netdev %s is not as it was loaded", table);
	mend(f, "%s", j->reload);
}

static void judge_xdp(struct layer_finding *f, const struct judging *j)
{
	unsigned int program = j->reading->program;
	if (j->reading->loaded != 0 && program == j->reading->loaded)
		return;
	if (j->reading->loaded == 0)
		found(f, "the XDP program cannot be attached to %s: %s", j->nic,
		      verdict_explain(j->reading->xdp_failure));
	else if (program == 0)
		found(f, "the XDP program is not attached to %s any more", j->nic);
	else
		found(f, "another XDP program (id %u) is attached to %s", program, j->nic);
	mend(f, "%s", j->reload);
}

typedef void judge(struct layer_finding *finding, const struct judging *judging);

static judge *const judges[LAYER_COUNT] = {
	[LAYER_NIC] = judge_nic,           [LAYER_ROLE] = judge_role,
	[LAYER_ARP] = judge_arp,           [LAYER_MULTICAST] = judge_multicast,
	[LAYER_IPV6] = judge_ipv6,         [LAYER_NEIGHBOUR] = judge_neighbour,
	[LAYER_ROUTE] = judge_route,       [LAYER_FORWARDING] = judge_forwarding,
	[LAYER_BRIDGE] = judge_bridge,     [LAYER_LLDP] = judge_lldp,
	[LAYER_PAUSE] = judge_pause,       [LAYER_NFT] = judge_nft,
	[LAYER_XDP] = judge_xdp,
};

static void judge_layer(struct layer_finding *f, enum layer layer, const struct judging *j)
{
	int failure = j->reading->failure[layer];
	*f = (struct layer_finding){.state = LAYER_HOLDS};
	if (!layer_is_of(layer, j->config->side))
		return;
	if (layer_is_absent(layer, j->config)) {
		f->state = LAYER_ABSENT;
	} else if (failure != 0) {
		found(f, "it cannot be seen: %s", verdict_explain(failure));
		mend(f, "%s", j->reload);
	} else if (layer != LAYER_NIC && j->reading->index == 0) {
		found(f, "there is no interface %s", j->nic);
		mend(f, "ip link show # and name the right one in [link] interface");
	} else {
		judges[layer](f, j);
	}
}

void layers_judge(struct layer_finding out[static LAYER_COUNT], const struct link_reading *reading,
		  const struct config *config, const char *reload)
{
	const struct judging j = {reading, config, reload, config->interface};
	for (int i = 0; i < LAYER_COUNT; i++)
		judge_layer(&out[i], (enum layer)i, &j);
}
