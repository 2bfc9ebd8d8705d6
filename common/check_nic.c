#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "machine.h"
#include "nicfacts.h"
#include "text.h"

enum { MBIT = 1000000 };

static bool is_sender(const struct check *check)
{
	return check->config->side == CONFIG_SENDER;
}

static void add_untold(const struct check *check, enum finding_id id)
{
	report_add(check->report, id, FINDING_GREEN, "the driver of %s does not tell", check->config->interface);
}

static void judge_way(const struct check *check, const struct nicfacts *facts)
{
	const struct config *config = check->config;
	bool is_right = strcmp(facts->way, config->interface) == 0;
	char way[4 * INTERFACE_BYTES];
	text_escape_name(way, sizeof(way), facts->way[0] != 0 ? facts->way : "no interface");
	bool is_any = !is_sender(check) && strcmp(config->address, "0.0.0.0") == 0;
	struct finding *f = report_add(check->report, FINDING_LINK_ROUTE, is_right ? FINDING_GREEN : FINDING_RED,
				       is_sender(check) ? "what is sent to %s leaves by %s"
				       : is_any ? "%s, any address of this box, is one of %s" : "%s is an address of %s",
				       config->address, way);
	if (is_sender(check))
		finding_type(f, "ip route get %s; then ip route replace %s/32 dev %s", config->address, config->address,
			     config->interface);
	else
		finding_type(f, "ip -br addr; then ip addr add %s/30 dev %s, or name the right one in [link] interface",
			     is_any ? "ADDRESS" : config->address, config->interface);
}

/* The fibre has one direction: a sender's NIC may see no light, and yet send. */
static void judge_carrier(const struct check *check, const struct nicfacts *facts)
{
	const char *nic = check->config->interface;
	enum finding_state lacking = is_sender(check) ? FINDING_AMBER : FINDING_RED;
	if (facts->has_carrier)
		report_add(check->report, FINDING_CARRIER, FINDING_GREEN, "%s has a link", nic);
	else
		finding_type(report_add(check->report, FINDING_CARRIER, lacking, "%s has no link%s", nic,
					is_sender(check) ? ", and a kernel sends nothing by a NIC whose driver says so" : ""),
			     is_sender(check) ? "ip -s link show dev %s shows whether its count of sent bytes grows; if it does not, take a "
						"NIC or a media converter that gives it a link"
					      : "ip link show dev %s; then look at the fibre, the module and the sending box", nic);
	if (facts->fault[0] != 0)
		finding_type(report_add(check->report, FINDING_FAR_END, lacking, "%s: %s", nic, facts->fault),
			     "ethtool %s; then look at the far end, the fibre and the module", nic);
	else if (facts->has_carrier)
		report_add(check->report, FINDING_FAR_END, FINDING_GREEN, "%s tells of no fault", nic);
	else
		add_untold(check, FINDING_FAR_END);
}

static void judge_mtu(const struct check *check, const struct nicfacts *facts)
{
	uint32_t wanted = check->config->mtu;
	struct finding *f = report_add(check->report, FINDING_MTU, facts->mtu == wanted ? FINDING_GREEN
				       : facts->mtu < wanted ? FINDING_RED : FINDING_AMBER,
				       "%" PRIu32 " configured, %" PRIu32 " at %s", wanted, facts->mtu, check->config->interface);
	if (facts->mtu > wanted)
		finding_type(f, "when what lies between carries it, set mtu = %" PRIu32 " in [link] on both boxes",
			     facts->mtu < 9000 ? facts->mtu : 9000);
	else
		finding_remedy(f, REMEDY_MTU, check->config->interface, "%" PRIu32, wanted);
}

static void judge_link(const struct check *check, const struct nicfacts *facts)
{
	const char *nic = check->config->interface;
	const struct ethtool_link *link = &facts->link;
	uint64_t rate = check->config->rate_bits_per_s;
	char configured[64] = "a rate is not configured";
	if (rate > 0)
		snprintf(configured, sizeof(configured), "%" PRIu64 " Mbit/s configured", rate / MBIT);
	if (facts->link_failure != 0) {
		add_untold(check, FINDING_SPEED);
		add_untold(check, FINDING_NEGOTIATION);
		return;
	}
	if (link->mbit_per_s == 0)
		add_untold(check, FINDING_SPEED);
	else
		finding_type(report_add(check->report, FINDING_SPEED, link->is_half_duplex || (uint64_t)link->mbit_per_s * MBIT < rate
					? FINDING_RED : FINDING_GREEN, "%" PRIu32 " Mbit/s%s at %s, %s",
					link->mbit_per_s, link->is_half_duplex ? ", half duplex," : "", nic, configured),
			     "ethtool %s; then a NIC or a module that is faster, or a lower 'rate' in [link]", nic);
	bool is_asking = link->is_fibre && link->negotiates;
	finding_type(report_add(check->report, FINDING_NEGOTIATION, is_asking ? FINDING_AMBER : FINDING_GREEN,
				is_asking ? "%s negotiates over a fibre" : "%s does not negotiate over a fibre", nic),
		     "ethtool -s %s autoneg off speed %" PRIu32 " duplex full", nic,
		     link->mbit_per_s != 0 ? link->mbit_per_s : 1000);
}

static void judge_light(const struct check *check, const struct nicfacts *facts)
{
	static const char *const words[] = {"", ", which is weak", ", which is strong", ", which is too weak", ", which is too strong"};
	const struct light *light = is_sender(check) ? &facts->optics.sent : &facts->optics.seen;
	if (facts->optics_failure != 0 || !light->is_told) {
		add_untold(check, FINDING_OPTICAL_POWER);
		return;
	}
	enum light_level level = light_judge(light);
	enum finding_state state = level == LIGHT_GOOD ? FINDING_GREEN
				   : level == LIGHT_WEAK || level == LIGHT_STRONG ? FINDING_AMBER : FINDING_RED;
	bool is_strong = level == LIGHT_STRONG || level == LIGHT_TOO_STRONG;
	finding_type(report_add(check->report, FINDING_OPTICAL_POWER, state, "%s %s %" PRIu32 ".%" PRIu32 " microwatts%s",
				check->config->interface, is_sender(check) ? "sends" : "sees", light->power / 10, light->power % 10,
				words[level]),
		     is_strong ? "ethtool -m %s; then put an attenuator into the fibre"
			       : "ethtool -m %s; then clean the connectors, look for a bent fibre, or replace the module", check->config->interface);
}

static void judge_ring(const struct check *check, const struct nicfacts *facts)
{
	const struct ethtool_rings *r = &facts->rings;
	uint32_t now = is_sender(check) ? r->tx : r->rx, most = is_sender(check) ? r->tx_max : r->rx_max;
	if (facts->rings_failure != 0 || most == 0) {
		add_untold(check, FINDING_NIC_RING);
		return;
	}
	struct finding *f = report_add(check->report, FINDING_NIC_RING, now >= most ? FINDING_GREEN : FINDING_AMBER,
				       "room for %" PRIu32 " frames, of %" PRIu32 " that %s can have", now, most,
				       check->config->interface);
	finding_remedy(f, is_sender(check) ? REMEDY_TX_RING : REMEDY_RX_RING, check->config->interface, "%" PRIu32, most);
}

static void judge_offload(const struct check *check, const struct nicfacts *facts)
{
	const char *nic = check->config->interface, *what = is_sender(check) ? "gso" : "gro";
	bool is_on = is_sender(check) ? facts->takes_apart : facts->joins;
	if (facts->offloads_failure != 0)
		add_untold(check, FINDING_OFFLOAD);
	else
		finding_type(report_add(check->report, FINDING_OFFLOAD, is_on ? FINDING_GREEN : FINDING_AMBER, "%s is %s at %s", what,
					is_on ? "on" : "off", nic), "ethtool -K %s %s on", nic, what);
}

void nicfacts_judge(const struct check *check, const struct nicfacts *facts)
{
	const char *nic = check->config->interface;
	if (!facts->is_there || !facts->is_up) {
		finding_type(report_add(check->report, FINDING_LINK_NIC, FINDING_RED, facts->is_there ? "%s is down" : "there is no %s",
					nic), facts->is_there ? "ip link set dev %s up" : "ip -br link # and name the right one in [link] "
			     "interface, which says %s", nic);
		if (!facts->is_there)
			return;
	} else {
		report_add(check->report, FINDING_LINK_NIC, FINDING_GREEN, "%s is there, and up", nic);
	}
	judge_way(check, facts);
	judge_carrier(check, facts);
	judge_mtu(check, facts);
	judge_link(check, facts);
	judge_light(check, facts);
	judge_ring(check, facts);
	judge_offload(check, facts);
}

/* ---- counters ---- */

/* What this side alone can know: of a receiver, weir-keep tells where datagrams are lost. */
static void check_counters(const struct check *check)
{
	static const char *const of_sender[] = {"tx_errors", "tx_dropped", "tx_carrier_errors", NULL};
	static const char *const of_receiver[] = {"rx_crc_errors", "rx_frame_errors", "rx_missed_errors", "rx_fifo_errors", NULL};
	const char *const *names = is_sender(check) ? of_sender : of_receiver;
	const char *nic = check->config->interface;
	char text[160] = "";
	bool is_told = false;
	for (size_t at = 0; *names != NULL; names++) {
		uint64_t value = 0;
		if (machine_number(&value, check->root, "/sys/class/net/%s/statistics/%s", nic, *names) != 0)
			continue;
		is_told = true;
		if (value > 0 && at < sizeof(text))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s %" PRIu64, at > 0 ? ", " : "", *names, value);
	}
	if (!is_told)
		add_untold(check, FINDING_NIC_ERRORS);
	else if (text[0] == 0)
		report_add(check->report, FINDING_NIC_ERRORS, FINDING_GREEN, "%s has counted none", nic);
	else
		finding_type(report_add(check->report, FINDING_NIC_ERRORS, FINDING_AMBER, "%s has counted %s since it is there", nic, text),
			     "ethtool -S %s; ip -s -s link show dev %s; then look at the fibre and the module, and whether the "
			     "counters still grow", nic, nic);
}

void check_nic(const struct check *check)
{
	const struct config *config = check->config;
	struct nicfacts facts = {.mtu = 0};
	if (config->interface[0] == 0) {
		finding_type(report_add(check->report, FINDING_LINK_NIC, FINDING_AMBER, "no interface is named, and nothing is looked at"),
			     "name the link NIC in [link] interface");
		return;
	}
	int result = nicfacts_read(&facts, config);
	if (result != 0) {
		finding_type(report_result(check->report, FINDING_LINK_NIC, result, "%s", config->interface), "ip link show dev %s",
			     config->interface);
		return;
	}
	nicfacts_judge(check, &facts);
	if (facts.is_there)
		check_counters(check);
}
