/* What is thought of a link NIC, for each fault that it can have; and what is read of one that is there. */
#include "common/nicfacts.h"

#include <linux/ethtool.h>

#include "tests/lib/checks.h"

static struct config config = {
	.side = CONFIG_RECEIVER, .interface = "weir0", .address = "192.0.2.2", .mtu = 1500, .rate_bits_per_s = 1000000000,
};
static struct nicfacts facts;

static void judge(const struct check *check)
{
	nicfacts_judge(check, &facts);
}

static void begin(enum config_side side)
{
	config.side = side;
	facts = (struct nicfacts){
		.is_there = true, .is_up = true, .has_carrier = true, .way = "weir0", .mtu = 1500,
		.link = {.mbit_per_s = 10000, .is_fibre = true},
		.rings = {.rx = 4096, .rx_max = 4096, .tx = 4096, .tx_max = 4096},
		.optics = {.sent = {true, 5012, 1000, 1500, 8000, 10000}, .seen = {true, 3981, 200, 300, 10000, 12000}},
		.joins = true, .takes_apart = true,
	};
}

static void test_good(enum config_side side)
{
	static const char *const all[] = {"link-nic", "link-route", "carrier", "far-end", "mtu", "speed", "negotiation", "optical-power",
					  "nic-ring", "offload"};
	begin(side);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		ok(strncmp(found(judge, &config, all[i]), "green ", 6) == 0, "a good NIC is green: %s", all[i]);
}

static void test_there(void)
{
	begin(CONFIG_RECEIVER);
	facts.is_up = false;
	is_text(found(judge, &config, "link-nic"), "red link-nic: weir0 is down; type: ip link set dev weir0 up", "a NIC that is down is red");
	facts.is_there = false;
	finds(judge, &config, "red link-nic: there is no weir0; type: ip -br link", "one that is not there is red");
	is_text(found(judge, &config, "mtu"), "", "and nothing else is said of it");
}

static void test_way(void)
{
	begin(CONFIG_RECEIVER);
	snprintf(facts.way, sizeof(facts.way), "eth0");
	finds(judge, &config, "red link-route: 192.0.2.2 is an address of eth0; type: ip -br addr", "an address of another NIC is red");
	facts.way[0] = 0;
	finds(judge, &config, "red link-route: 192.0.2.2 is an address of no interface", "and that of none");
	snprintf(config.address, sizeof(config.address), "0.0.0.0");
	finds(judge, &config, "red link-route: 0.0.0.0, any address of this box, is one of no interface; type: ip -br addr; then ip addr add ADDRESS/30",
	      "so is a NIC without one where every address is listened at");
	snprintf(config.address, sizeof(config.address), "192.0.2.2");
	begin(CONFIG_SENDER);
	snprintf(facts.way, sizeof(facts.way), "eth0");
	finds(judge, &config, "red link-route: what is sent to 192.0.2.2 leaves by eth0; type: ip route get 192.0.2.2",
	      "a route over another NIC is red");
}

static void test_carrier(void)
{
	begin(CONFIG_RECEIVER);
	facts.has_carrier = false;
	finds(judge, &config, "red carrier: weir0 has no link; type: ", "a receiver without a link is red");
	finds(judge, &config, "green far-end: the driver of weir0 does not tell", "whose driver may not tell why");
	snprintf(facts.fault, sizeof(facts.fault), "%s",
		 nicfault_explain(ETHTOOL_LINK_EXT_STATE_LINK_TRAINING_FAILURE, ETHTOOL_LINK_EXT_SUBSTATE_LT_REMOTE_FAULT));
	finds(judge, &config, "red far-end: weir0: the far end tells of a fault; type: ", "or may");
	config.side = CONFIG_SENDER;
	finds(judge, &config, "amber carrier: weir0 has no link, and a kernel sends nothing", "a sender without one is amber");
	finds(judge, &config, "amber far-end: weir0: the far end tells of a fault", "and so is its fault");
	for (uint8_t i = 0; i < 32; i++)
		ok(nicfault_explain(i, 0)[0] != 0, "state %d of a driver has words", i);
}

static void test_mtu(void)
{
	begin(CONFIG_RECEIVER);
	facts.mtu = 1400;
	is_text(found(judge, &config, "mtu"), "red mtu: 1500 configured, 1400 at weir0; type: ip link set dev weir0 mtu 1500",
		"a NIC that takes less than is sent is red");
	facts.mtu = 65535;
	finds(judge, &config, "amber mtu: 1500 configured, 65535 at weir0; type: when what lies between carries it, set mtu = 9000",
	      "one that takes more is amber");
}

static void test_link(void)
{
	begin(CONFIG_SENDER);
	facts.link.mbit_per_s = 100;
	finds(judge, &config, "red speed: 100 Mbit/s at weir0, 1000 Mbit/s configured", "a NIC that is slower than the rate is red");
	config.rate_bits_per_s = 0;
	finds(judge, &config, "green speed: 100 Mbit/s at weir0, a rate is not configured", "a receiver need not know the rate");
	begin(CONFIG_SENDER);
	facts.link = (struct ethtool_link){.mbit_per_s = 10000, .is_half_duplex = true};
	finds(judge, &config, "red speed: 10000 Mbit/s, half duplex, at weir0", "half of a duplex is red");
	facts.link = (struct ethtool_link){.is_fibre = true, .negotiates = true};
	finds(judge, &config, "green speed: the driver of weir0 does not tell", "a speed that is not known is green");
	finds(judge, &config, "amber negotiation: weir0 negotiates over a fibre; type: ethtool -s weir0 autoneg off speed 1000 duplex full",
	      "a NIC that negotiates over a fibre is amber");
	facts.link.is_fibre = false;
	finds(judge, &config, "green negotiation: ", "over copper it may");
	facts.link_failure = -EOPNOTSUPP;
	finds(judge, &config, "green negotiation: the driver of weir0 does not tell", "a driver that tells nothing is green");
}

static void test_light(void)
{
	begin(CONFIG_RECEIVER);
	facts.optics.seen.power = 199;
	finds(judge, &config, "red optical-power: weir0 sees 19.9 microwatts, which is too weak; type: ethtool -m weir0; then clean", "too little light is red");
	facts.optics.seen.power = 299;
	finds(judge, &config, "amber optical-power: weir0 sees 29.9 microwatts, which is weak", "little is amber");
	facts.optics.seen.power = 12001;
	finds(judge, &config, "red optical-power: weir0 sees 1200.1 microwatts, which is too strong; type: ethtool -m weir0; then put an attenuator",
	      "too much is red");
	config.side = CONFIG_SENDER;
	finds(judge, &config, "green optical-power: weir0 sends 501.2 microwatts", "a sender sends");
	facts.optics.sent.power = 8001;
	finds(judge, &config, "amber optical-power: weir0 sends 800.1 microwatts, which is strong", "and is told of that");
	facts.optics.sent.is_told = false;
	finds(judge, &config, "green optical-power: the driver of weir0 does not tell", "where it is not measured it is green");
	facts.optics.sent.is_told = true;
	facts.optics_failure = -EOPNOTSUPP;
	finds(judge, &config, "green optical-power: the driver of weir0 does not tell", "and where there is no module");
}

static void test_ring(void)
{
	begin(CONFIG_RECEIVER);
	facts.rings.rx = 512;
	is_text(found(judge, &config, "nic-ring"), "amber nic-ring: room for 512 frames, of 4096 that weir0 can have; type: ethtool -G weir0 rx 4096",
		"a ring that could be larger is amber");
	config.side = CONFIG_SENDER;
	finds(judge, &config, "green nic-ring: room for 4096", "the other ring is no matter");
	facts.rings.tx = 256;
	finds(judge, &config, "amber nic-ring: room for 256 frames, of 4096 that weir0 can have; type: ethtool -G weir0 tx 4096", "its own is");
	facts.rings_failure = -EOPNOTSUPP;
	finds(judge, &config, "green nic-ring: the driver of weir0 does not tell", "a NIC without rings is green");
}

static void test_offload(void)
{
	begin(CONFIG_RECEIVER);
	facts.joins = false;
	is_text(found(judge, &config, "offload"), "amber offload: gro is off at weir0; type: ethtool -K weir0 gro on",
		"a receiver that takes datagrams one by one is amber");
	config.side = CONFIG_SENDER;
	finds(judge, &config, "green offload: gso is on", "what comes in is no matter to a sender");
	facts.takes_apart = false;
	finds(judge, &config, "amber offload: gso is off at weir0; type: ethtool -K weir0 gso on", "what goes out is");
	facts.offloads_failure = -EOPNOTSUPP;
	finds(judge, &config, "green offload: the driver", "a driver that does not tell is green");
}

/* The one that every network namespace has. */
static void test_real(void)
{
	begin(CONFIG_RECEIVER);
	snprintf(config.interface, sizeof(config.interface), "lo");
	snprintf(config.address, sizeof(config.address), "127.0.0.1");
	is_number(nicfacts_read(&facts, &config), 0, "a NIC is read");
	ok(facts.is_there && facts.is_up && facts.has_carrier && facts.mtu >= 1500, "it is there, up, and takes frames");
	is_text(facts.way, "lo", "and has its address");
	is_number(facts.offloads_failure, 0, "it tells whether it joins what comes in");
	snprintf(config.address, sizeof(config.address), "0.0.0.0");
	is_number(nicfacts_read(&facts, &config), 0, "where every address is listened at");
	is_text(facts.way, "lo", "any of its own is one");
	snprintf(config.address, sizeof(config.address), "127.0.0.1");
	config.side = CONFIG_SENDER;
	is_number(nicfacts_read(&facts, &config), 0, "it is read for a sender, too");
	is_text(facts.way, "lo", "and the route leads over it");
	snprintf(config.interface, sizeof(config.interface), "none-such");
	is_number(nicfacts_read(&facts, &config), 0, "one that is not there is no failure");
	ok(!facts.is_there, "but is not there");
	char fault[NICFAULT_BYTES] = "x";
	int result = nicfault_read(fault, "lo");
	ok(result == -EOPNOTSUPP || (result == 0 && fault[0] == 0), "a NIC with a link has no fault");
	config.interface[0] = 0;
	finds(check_nic, &config, "amber link-nic: no interface is named", "where none is named nothing is looked at");
}

static void test_counters(void)
{
	snprintf(config.interface, sizeof(config.interface), "lo");
	config.side = CONFIG_RECEIVER;
	finds(check_nic, &config, "green nic-errors: the driver of lo does not tell", "without counters nothing is said of errors");
	box_put("/sys/class/net/lo/statistics/rx_crc_errors", "0\n");
	box_put("/sys/class/net/lo/statistics/tx_errors", "5\n");
	finds(check_nic, &config, "green nic-errors: lo has counted none", "a receiver's errors are those of what came in");
	box_put("/sys/class/net/lo/statistics/rx_crc_errors", "3\n");
	box_put("/sys/class/net/lo/statistics/rx_missed_errors", "4\n");
	finds(check_nic, &config, "amber nic-errors: lo has counted rx_crc_errors 3, rx_missed_errors 4 since it is there", "which are amber");
	config.side = CONFIG_SENDER;
	finds(check_nic, &config, "amber nic-errors: lo has counted tx_errors 5 since", "a sender's those of what went out");
}

int main(void)
{
	test_good(CONFIG_SENDER);
	test_good(CONFIG_RECEIVER);
	test_there();
	test_way();
	test_carrier();
	test_mtu();
	test_link();
	test_light();
	test_ring();
	test_offload();
	test_real();
	test_counters();
	return done_testing();
}
