/* Whether each layer of the link holds, from readings that were made up. */
#include "common/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ethtool.h"
#include "common/io.h"
#include "common/linkread.h"
#include "common/lldp.h"
#include "common/rules.h"
#include "tests/lib/tap.h"

static const struct config configs[] = {
	[CONFIG_SENDER] = {.side = CONFIG_SENDER, .interface = "weir0", .address = "10.77.0.2"},
	[CONFIG_RECEIVER] = {.side = CONFIG_RECEIVER, .interface = "weir0", .address = "10.77.0.2"},
};

/* A box as an installer leaves it, and weir-link. */
static struct link_reading good(enum config_side side)
{
	return (struct link_reading){
		.index = 7,
		.has_neighbour = side == CONFIG_SENDER,
		.route = ROUTE_DIRECT,
		.route_name = "weir0",
		.rules = RULES_LOADED,
		.program = side == CONFIG_SENDER ? 31 : 0,
		.loaded = side == CONFIG_SENDER ? 31 : 0,
	};
}

static void judge(struct layer_finding out[static LAYER_COUNT], const struct link_reading *reading,
		  const struct config *config)
{
	layers_judge(out, reading, config, "kill 7");
}

/* One thing is wrong: this layer is missing, for this, and no other is. */
static void misses(const char *what, const struct link_reading *reading, enum config_side side, enum layer layer,
		   const char *found, const char *mend)
{
	struct layer_finding findings[LAYER_COUNT];
	judge(findings, reading, &configs[side]);
	is_number(findings[layer].state, LAYER_MISSING, "%s: layer '%s' is missing", what, layer_name(layer));
	is_text(findings[layer].found, found, "what was found is said");
	is_text(findings[layer].mend, mend, "and what to type");
	bool others_hold = true;
	for (int i = 0; i < LAYER_COUNT; i++)
		others_hold &= i == (int)layer || (findings[i].state == LAYER_HOLDS && findings[i].found[0] == 0);
	ok(others_hold, "and the others hold");
}

#define MISSES(what, side, change, layer, found, mend) \
	do { \
		struct link_reading r = good(side); \
		change; \
		misses(what, &r, side, layer, found, mend); \
	} while (0)

static void test_good(void)
{
	struct layer_finding findings[LAYER_COUNT];
	for (int side = CONFIG_SENDER; side <= CONFIG_RECEIVER; side++) {
		struct link_reading reading = good((enum config_side)side);
		bool holds = true;
		judge(findings, &reading, &configs[side]);
		for (int i = 0; i < LAYER_COUNT; i++)
			holds &= findings[i].state == LAYER_HOLDS;
		ok(holds, "on a good %s every layer holds", side == CONFIG_SENDER ? "sender" : "receiver");
	}
	ok(!layer_is_of(LAYER_XDP, CONFIG_RECEIVER) && !layer_is_of(LAYER_ROUTE, CONFIG_RECEIVER) &&
		   layer_is_of(LAYER_XDP, CONFIG_SENDER),
	   "xdp and route are of the sender alone");
}

static void test_nic(void)
{
	MISSES("another NIC", CONFIG_SENDER, r.is_another = true, LAYER_NIC,
	       "weir0 is not the interface for which the rules were loaded", "kill 7");
	struct link_reading none = {.index = 0};
	struct layer_finding findings[LAYER_COUNT];
	bool all = true;
	judge(findings, &none, &configs[CONFIG_SENDER]);
	for (int i = 0; i < LAYER_COUNT; i++)
		all &= findings[i].state == LAYER_MISSING &&
		       strcmp(findings[i].found, "there is no interface weir0") == 0;
	ok(all, "without a NIC no layer holds, and each says why");
}

static void test_role(void)
{
	MISSES("a receiver's rules on a sender", CONFIG_SENDER, r.has_other_rules = true, LAYER_ROLE,
	       "weir0 carries the rules of the other role: table netdev weir_receiver",
	       "nft delete table netdev weir_receiver");
	MISSES("a sender's rules on a receiver", CONFIG_RECEIVER, r.has_other_rules = true, LAYER_ROLE,
	       "weir0 carries the rules of the other role: table netdev weir_sender",
	       "nft delete table netdev weir_sender");
	MISSES("a program on a receiver", CONFIG_RECEIVER, r.program = 9, LAYER_ROLE,
	       "an XDP program (id 9) is attached to weir0, where a receiver has none", "ip link set dev weir0 xdp off");
}

static void test_settings(void)
{
	MISSES("arp on", CONFIG_RECEIVER, r.has_arp = true, LAYER_ARP, "ARP is on at weir0",
	       "ip link set dev weir0 arp off");
	MISSES("multicast on", CONFIG_SENDER, r.has_multicast = true, LAYER_MULTICAST, "multicast is on at weir0",
	       "ip link set dev weir0 multicast off");
	MISSES("a group", CONFIG_SENDER, strcpy(r.group, "01:00:5e:00:00:fb"), LAYER_MULTICAST,
	       "weir0 is a member of group 01:00:5e:00:00:fb",
	       "ip maddress show dev weir0 # and end the program that joined it");
	MISSES("IPv6 on", CONFIG_RECEIVER, r.has_ipv6 = true, LAYER_IPV6, "IPv6 is on at weir0",
	       "sysctl -w net/ipv6/conf/weir0/disable_ipv6=1");
	MISSES("an IPv6 address", CONFIG_SENDER, r.has_ipv6_address = true, LAYER_IPV6, "weir0 has an IPv6 address",
	       "sysctl -w net/ipv6/conf/weir0/disable_ipv6=1");
	MISSES("forwarding", CONFIG_SENDER, strcpy(r.forwarder, "eth1"), LAYER_FORWARDING,
	       "the box forwards IPv4 at eth1", "sysctl -w net/ipv4/ip_forward=0");
	MISSES("proxy ARP", CONFIG_RECEIVER, r.has_proxy_arp = true, LAYER_FORWARDING, "weir0 answers ARP for others",
	       "sysctl -w net/ipv4/conf/weir0/proxy_arp=0");
	MISSES("a bridge", CONFIG_SENDER, strcpy(r.master, "br0"), LAYER_BRIDGE, "weir0 belongs to br0",
	       "ip link set dev weir0 nomaster");
	MISSES("something on top", CONFIG_RECEIVER, strcpy(r.upper, "vlan5"), LAYER_BRIDGE, "vlan5 lies on top of weir0",
	       "ip link del dev vlan5");
	MISSES("a hostile name", CONFIG_RECEIVER, strcpy(r.upper, "a\x1b[2J'b"), LAYER_BRIDGE,
	       "a\\x1b[2J\\x27b lies on top of weir0", "ip link del dev a\\x1b[2J\\x27b");
}

static void test_neighbours(void)
{
	MISSES("a dynamic neighbour", CONFIG_RECEIVER, strcpy(r.dynamic, "10.77.0.9"), LAYER_NEIGHBOUR,
	       "the neighbour 10.77.0.9 at weir0 is not permanent", "ip neigh del 10.77.0.9 dev weir0");
	MISSES("no neighbour", CONFIG_SENDER, r.has_neighbour = false, LAYER_NEIGHBOUR,
	       "the receiver 10.77.0.2 has no permanent neighbour entry at weir0",
	       "ip neigh replace 10.77.0.2 lladdr MAC-OF-THE-RECEIVER nud permanent dev weir0");
	MISSES("no route", CONFIG_SENDER, r.route = ROUTE_NONE, LAYER_ROUTE, "there is no route to 10.77.0.2",
	       "ip route replace 10.77.0.2/32 dev weir0");
	MISSES("a gateway", CONFIG_SENDER, r.route = ROUTE_GATEWAY, LAYER_ROUTE,
	       "10.77.0.2 is reached over a gateway at weir0", "ip route replace 10.77.0.2/32 dev weir0");
	MISSES("another interface", CONFIG_SENDER, strcpy(r.route_name, "lo"), LAYER_ROUTE,
	       "10.77.0.2 is reached over lo, and not over weir0", "ip route replace 10.77.0.2/32 dev weir0");
	MISSES("a local address", CONFIG_SENDER, r.route = ROUTE_OTHER; strcpy(r.route_name, "lo"), LAYER_ROUTE,
	       "10.77.0.2 is reached over lo, and not over weir0", "ip route replace 10.77.0.2/32 dev weir0");
}

static void test_lldp(void)
{
	MISSES("lldpd", CONFIG_SENDER, r.lldp = LLDP_DAEMON; strcpy(r.lldp_where, "lldpd"), LAYER_LLDP, "lldpd runs",
	       "systemctl disable --now lldpd");
	MISSES("networkd", CONFIG_SENDER, r.lldp = LLDP_NETWORKD; strcpy(r.lldp_where, "/etc/a.network"), LAYER_LLDP,
	       "systemd-networkd speaks LLDP at weir0, by /etc/a.network",
	       "networkctl reload # when EmitLLDP is taken out of /etc/a.network");
	MISSES("firmware", CONFIG_RECEIVER, r.lldp = LLDP_FIRMWARE; strcpy(r.lldp_where, "fw-lldp-agent"), LAYER_LLDP,
	       "the firmware of weir0 speaks LLDP: see its flag fw-lldp-agent",
	       "ethtool --set-priv-flags weir0 fw-lldp-agent off");
	MISSES("other firmware", CONFIG_RECEIVER, r.lldp = LLDP_FIRMWARE; strcpy(r.lldp_where, "disable-fw-lldp"),
	       LAYER_LLDP, "the firmware of weir0 speaks LLDP: see its flag disable-fw-lldp",
	       "ethtool --set-priv-flags weir0 disable-fw-lldp on");
	MISSES("a listener", CONFIG_RECEIVER, r.lldp = LLDP_SOCKET; strcpy(r.lldp_where, "a socket of its protocol"),
	       LAYER_LLDP, "a program hears LLDP at weir0: a socket of its protocol",
	       "ss -0p # and end that program, or say LLDP=no in the .network file of weir0");
	ok(ethtool_speaks_lldp("fw-lldp-agent", true) && !ethtool_speaks_lldp("fw-lldp-agent", false) &&
		   ethtool_speaks_lldp("disable-fw-lldp", false) && !ethtool_speaks_lldp("disable-fw-lldp", true) &&
		   !ethtool_speaks_lldp("legacy-rx", true) && !ethtool_speaks_lldp("", false),
	   "the flags of firmware with an agent are known");
}

static void test_rules(void)
{
	MISSES("pause frames sent", CONFIG_SENDER, r.sends_pause = true, LAYER_PAUSE, "weir0 sends pause frames",
	       "ethtool -A weir0 autoneg off rx off tx off");
	MISSES("pause frames obeyed", CONFIG_SENDER, r.obeys_pause = true, LAYER_PAUSE, "weir0 obeys pause frames",
	       "ethtool -A weir0 autoneg off rx off tx off");
	MISSES("rules removed", CONFIG_RECEIVER, r.rules = RULES_GONE, LAYER_NFT,
	       "table netdev weir_receiver is gone", "kill 7");
	MISSES("rules changed", CONFIG_SENDER, r.rules = RULES_CHANGED, LAYER_NFT,
	       "table netdev weir_sender is not as it was loaded", "kill 7");
	MISSES("rules not loaded", CONFIG_SENDER, r.rules = RULES_NOT_LOADED; strcpy(r.rules_failure, "a \x01 b"),
	       LAYER_NFT, "table netdev weir_sender cannot be loaded: a \\x01 b", "kill 7");
	MISSES("no program", CONFIG_SENDER, r.program = 0, LAYER_XDP,
	       "the XDP program is not attached to weir0 any more", "kill 7");
	MISSES("another program", CONFIG_SENDER, r.program = 32, LAYER_XDP,
	       "another XDP program (id 32) is attached to weir0", "kill 7");
	MISSES("a program not loaded", CONFIG_SENDER, r.loaded = 0; r.program = 0; r.xdp_failure = -EPERM, LAYER_XDP,
	       "the XDP program cannot be attached to weir0: Operation not permitted", "kill 7");
	MISSES("somebody else's program", CONFIG_SENDER, r.loaded = 0; r.program = 5; r.xdp_failure = -EBUSY, LAYER_XDP,
	       "the XDP program cannot be attached to weir0: Device or resource busy", "kill 7");
}

static void test_unseen(void)
{
	for (int i = 0; i < LAYER_COUNT; i++) {
		struct link_reading reading = good(CONFIG_SENDER);
		reading.failure[i] = -EACCES;
		misses("what cannot be read", &reading, CONFIG_SENDER, (enum layer)i, "it cannot be seen: Permission denied",
		       "kill 7");
	}
}

static void test_absent(void)
{
	struct layer_finding findings[LAYER_COUNT];
	struct config config = configs[CONFIG_SENDER];
	struct link_reading reading = good(CONFIG_SENDER);
	config.absent = 1U << LAYER_XDP | 1U << LAYER_ARP;
	reading.has_arp = true;
	reading.program = 0;
	judge(findings, &reading, &config);
	ok(findings[LAYER_ARP].state == LAYER_ABSENT && findings[LAYER_XDP].state == LAYER_ABSENT &&
		   findings[LAYER_NFT].state == LAYER_HOLDS && findings[LAYER_ARP].found[0] == 0,
	   "what is named as absent is not looked at");
	for (int i = 0; i < LAYER_COUNT; i++) {
		is_number(layer_from_name(layer_name((enum layer)i), strlen(layer_name((enum layer)i))), i,
			  "layer '%s' has a name", layer_name((enum layer)i));
		ok(layer_what((enum layer)i)[0] != 0 && layer_why((enum layer)i)[0] != 0, "and says what and why");
	}
	is_number(layer_from_name("ar", 2), -ENOENT, "half a name is none");
	is_number(layer_from_name("", 0), -ENOENT, "nor is nothing");
}

/* ---- lines of the kernel, files of networkd, what nft lists ---- */

static void test_lines(void)
{
	char group[16];
	ok(linkread_is_group("7    weir0           1     0     01005e0000fb", 7, group) &&
		   strcmp(group, "01005e0000fb") == 0,
	   "a group of the NIC is seen");
	ok(!linkread_is_group("8    eth0            1     0     01005e0000fb", 7, group), "that of another is not ours");
	ok(!linkread_is_group("7    weir0           1     0     01005e000001", 7, group) &&
		   !linkread_is_group("7    weir0           1     0     333300000001", 7, group),
	   "the kernel's own two do not count");
	ok(!linkread_is_group("", 7, group) && !linkread_is_group("7 weir0 x", 7, group), "nor does nonsense");
	ok(lldp_is_group("0180c200000e") && !lldp_is_group("01005e0000fb"), "LLDP has groups of its own");
	ok(lldp_is_socket("00000000f6a5ad4a 3      3    88cc   7     1 0      0      23741", 7), "its socket is seen");
	ok(lldp_is_socket("00000000f6a5ad4a 3      3    88cc   0     1 0      0      23741", 7), "also on every NIC");
	ok(!lldp_is_socket("00000000f6a5ad4a 3      3    88cc   6     1 0      0      23741", 7) &&
		   !lldp_is_socket("00000000f6a5ad4a 3      3    0003   7     1 0      0      23741", 7) &&
		   !lldp_is_socket("sk               RefCnt Type Proto  Iface R Rmem   User   Inode", 7) &&
		   !lldp_is_socket("", 7),
	   "other sockets are not");
	ok(lldp_daemon("0000: 00000002 00000000 00010000 0001 01 17 /run/lldpd.socket") != NULL &&
		   lldp_daemon("0000: 00000002 00000000 00010000 0001 01 17 @/com/intel/lldpad") != NULL &&
		   lldp_daemon("0000: 00000002 00000000 00010000 0001 01 17 /run/systemd/notify") == NULL,
	   "lldpd and lldpad are known by their sockets");
}

static void test_networkd(void)
{
	static const struct {
		const char *text;
		bool is_emitted;
	} cases[] = {
		{"[Match]\nName=x\n[Network]\nEmitLLDP=yes\n", true},
		{"[Network]\nEmitLLDP = nearest-bridge \n", true},
		{"[Network]\n\tEmitLLDP=customer-bridge", true},
		{"[Network]\nEmitLLDP=no\nEmitLLDP=true\n", true},
		{"[Network]\nEmitLLDP=true\nEmitLLDP=\n", false},
		{"[Network]\nEmitLLDP=No\n", false},
		{"[Network]\nEmitLLDP=0\r\n", false},
		{"[Network]\nLLDP=yes\n", false},
		{"[Network]\n#EmitLLDP=yes\n;EmitLLDP=yes\n", false},
		{"[Link]\nEmitLLDP=yes\n", false},
		{"[Network]\nEmitLLDPx=yes\nEmitLLDP\n", false},
		{"EmitLLDP=yes\n", false},
		{"", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(lldp_is_emitted(cases[i].text) == cases[i].is_emitted, "networkd's file %zu %s", i,
		   cases[i].is_emitted ? "has LLDP sent" : "has none sent");
	char file[32];
	ok(lldp_network_file(file, sizeof(file), "ADMIN_STATE=configured\nNETWORK_FILE=/etc/a.network\nDNS=\n") &&
		   strcmp(file, "/etc/a.network") == 0,
	   "networkd says which file it uses");
	ok(!lldp_network_file(file, sizeof(file), "ADMIN_STATE=unmanaged\n") &&
		   !lldp_network_file(file, sizeof(file), "NETWORK_FILE=\n") &&
		   !lldp_network_file(file, sizeof(file), "NETWORK_FILE=/a/path/that/has/no/room/here/x.network\n"),
	   "or that it has none");
}

static void put(const char *path, const char *text)
{
	char command[512];
	snprintf(command, sizeof(command), "mkdir -p \"$(dirname '%s%s')\"", test_dir(), path);
	if (system(command) != 0)
		note("cannot make a folder for %s", path);
	char whole[512];
	snprintf(whole, sizeof(whole), "%s%s", test_dir(), path);
	FILE *out = fopen(whole, "we");
	if (out != NULL) {
		fputs(text, out);
		fclose(out);
	}
}

static void finds(enum lldp_source wanted, const char *where, const char *sentence)
{
	enum lldp_source source = LLDP_SOCKET;
	char found[LINK_WHERE_BYTES] = "";
	is_number(lldp_find(&source, found, 7, test_dir()), 0, "the box is looked at");
	is_number(source, wanted, "%s", sentence);
	is_text(found, where, "and it is said where");
}

static void test_find(void)
{
	enum lldp_source source;
	char found[LINK_WHERE_BYTES];
	is_number(lldp_find(&source, found, 7, test_dir()), -ENOENT, "without /proc nothing is known");
	put("/proc/net/packet", "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
	put("/proc/net/unix", "Num       RefCount Protocol Flags    Type St Inode Path\n");
	finds(LLDP_NOBODY, "", "without networkd nobody speaks");
	put("/run/systemd/netif/links/7", "NETWORK_FILE=/etc/systemd/network/10-link.network\n");
	finds(LLDP_NOBODY, "", "a file that is gone says nothing");
	put("/etc/systemd/network/10-link.network", "[Network]\nLLDP=no\n");
	finds(LLDP_NOBODY, "", "nor does one that does not ask for it");
	put("/run/systemd/network/10-link.network.d/a.conf", "[Network]\nEmitLLDP=yes\n");
	finds(LLDP_NETWORKD, "/run/systemd/network/10-link.network.d/a.conf", "a part beside it does");
	put("/etc/systemd/network/10-link.network", "[Network]\nEmitLLDP=yes\n");
	finds(LLDP_NETWORKD, "/etc/systemd/network/10-link.network", "so does the file itself");
	put("/proc/net/unix", "0000: 00000002 00000000 00010000 0001 01 17 /run/lldpd.socket\n");
	finds(LLDP_DAEMON, "lldpd", "a daemon is named first");
}

static void test_listing(void)
{
	uint64_t packets = 0, bytes = 0;
	ok(rules_parse_counter("table netdev weir_sender {\n\tcounter back {\n\t\tpackets 3 bytes 180\n\t}\n}\n", &packets,
			       &bytes) && packets == 3 && bytes == 180,
	   "nft's counter is read");
	ok(!rules_parse_counter("table netdev weir_sender {\n}\n", &packets, &bytes) &&
		   !rules_parse_counter("packets x bytes 1", &packets, &bytes),
	   "where there is one");
	static const char old[] = "\tchain in {\n\t\ttype filter hook ingress device \"weir0\" priority -500;\n\t}\n";
	static const char new[] = "\t\ttype filter hook egress devices = { \"eth1\", \"weir0\" } priority -500;\n";
	ok(rules_name_interface(old, "weir0") && rules_name_interface(new, "weir0") && rules_name_interface(new, "eth1"),
	   "the interface of a chain is found");
	ok(!rules_name_interface(old, "weir") && !rules_name_interface(old, "weir00") &&
		   !rules_name_interface("comment \"weir0\"\n\thook x \"eth0\"\n\"weir0\"\n", "weir0"),
	   "and no other");
}

/* What the kernel says of this machine, whatever that is. */
static void test_reader(void)
{
	struct config config = configs[CONFIG_RECEIVER];
	struct linkread reader;
	struct link_reading reading;
	struct frames frames;
	strcpy(config.interface, "lo");
	is_number(linkread_open(&reader), 0, "the kernel can be asked");
	linkread_look(&reader, &config, &reading, &frames);
	ok(reading.index == 1 && frames.is_counted[FRAMES_NIC], "the loopback interface is there, and counts");
	bool all = true;
	for (int i = 0; i < LAYER_COUNT; i++)
		all &= reading.failure[i] == 0;
	ok(all, "nothing about it is hidden");
	ok(reading.master[0] == 0 && !reading.sends_pause && reading.lldp == LLDP_NOBODY,
	   "it has no master, no pause frames and no LLDP");
	strcpy(config.interface, "no-such-one");
	linkread_look(&reader, &config, &reading, &frames);
	ok(reading.index == 0 && reading.failure[LAYER_NIC] == 0 && !frames.is_counted[FRAMES_NIC],
	   "an interface that is not there is not there");
	linkread_close(&reader);
}

int main(void)
{
	test_good();
	test_nic();
	test_role();
	test_settings();
	test_neighbours();
	test_lldp();
	test_rules();
	test_unseen();
	test_absent();
	test_lines();
	test_networkd();
	test_find();
	test_listing();
	test_reader();
	return done_testing();
}
