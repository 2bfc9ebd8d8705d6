/* Settings of the kernel, each planted wrong and right. */
#include "tests/lib/checks.h"

static struct config config = {
	.side = CONFIG_RECEIVER, .socket_buffer_bytes = 67108864, .interface = "weir0", .mtu = 1500, .rate_bits_per_s = 1000000000,
};

/* 128 MiB are 32768 pages of 4 KiB. */
static void test_udp_mem(void)
{
	char text[64], wanted[160];
	uint64_t pages = UINT64_C(134217728) / (uint64_t)sysconf(_SC_PAGESIZE);
	snprintf(text, sizeof(text), "%llu\t2\t3\n", (unsigned long long)pages);
	box_put("/proc/sys/net/ipv4/udp_mem", text);
	finds(check_kernel, &config, "green udp-mem: 128.0 MiB wanted, 128.0 MiB allowed for all sockets", "memory for twice the buffer is green");
	snprintf(text, sizeof(text), "%llu %llu %llu\n", (unsigned long long)pages - 1, (unsigned long long)pages, 2 * (unsigned long long)pages);
	box_put("/proc/sys/net/ipv4/udp_mem", text);
	snprintf(wanted, sizeof(wanted), "red udp-mem: 128.0 MiB wanted, 128.0 MiB allowed for all sockets; type: sysctl -w net.ipv4.udp_mem='%llu %llu %llu'",
		 (unsigned long long)pages, (unsigned long long)pages, 2 * (unsigned long long)pages);
	is_text(found(check_kernel, &config, "udp-mem"), wanted, "less in the first of the three numbers is red, whatever the others are");
}

static void test_rp_filter(void)
{
	finds(check_kernel, &config, "green rp-filter: net.ipv4.conf.all.rp_filter cannot be seen from here", "without a filter to see it is green");
	box_put("/proc/sys/net/ipv4/conf/all/rp_filter", "0\n");
	box_put("/proc/sys/net/ipv4/conf/weir0/rp_filter", "1\n");
	is_text(found(check_kernel, &config, "rp-filter"), "red rp-filter: strict at weir0; type: sysctl -w net.ipv4.conf.weir0.rp_filter=0",
		"a strict filter is red");
	box_put("/proc/sys/net/ipv4/conf/all/rp_filter", "2\n");
	is_text(found(check_kernel, &config, "rp-filter"), "amber rp-filter: loose at weir0; type: sysctl -w net.ipv4.conf.all.rp_filter=0; "
		"sysctl -w net.ipv4.conf.weir0.rp_filter=0", "the larger of both counts, and a loose one is amber");
	box_put("/proc/sys/net/ipv4/conf/all/rp_filter", "0\n");
	box_put("/proc/sys/net/ipv4/conf/weir0/rp_filter", "0\n");
	finds(check_kernel, &config, "green rp-filter: off at weir0", "none is green");
	snprintf(config.interface, sizeof(config.interface), "eth0.5");
	box_put("/proc/sys/net/ipv4/conf/eth0.5/rp_filter", "1\n");
	is_text(found(check_kernel, &config, "rp-filter"), "red rp-filter: strict at eth0.5; type: sysctl -w net.ipv4.conf.eth0/5.rp_filter=0",
		"also of a NIC whose name has a dot");
	snprintf(config.interface, sizeof(config.interface), "weir0");
}

static void test_coming_in(void)
{
	box_put("/proc/sys/net/core/netdev_max_backlog", "many\n");
	finds(check_kernel, &config, "amber backlog: net.core.netdev_max_backlog is no number: many", "what is no number is told of");
	box_put("/proc/sys/net/core/netdev_max_backlog", "1000\n");
	finds(check_kernel, &config, "green backlog: 1000 frames wanted, 1000 allowed", "a backlog that fits the rate is green");
	config.rate_bits_per_s = UINT64_C(10000000000);
	is_text(found(check_kernel, &config, "backlog"), "amber backlog: 8333 frames wanted, 1000 allowed; type: sysctl -w net.core.netdev_max_backlog=8333",
		"one that a hundredth of a second fills is amber");
	box_put("/proc/sys/net/core/netdev_budget", "300\n");
	box_put("/proc/sys/net/core/netdev_budget_usecs", "2000\n");
	finds(check_kernel, &config, "green poll-budget: 300 frames or 2000 microseconds a turn", "the kernel's own turn is green");
	box_put("/proc/sys/net/core/netdev_budget", "64\n");
	box_put("/proc/sys/net/core/netdev_budget_usecs", "200\n");
	is_text(found(check_kernel, &config, "poll-budget"), "amber poll-budget: 64 frames or 200 microseconds a turn; type: "
		"sysctl -w net.core.netdev_budget=300; sysctl -w net.core.netdev_budget_usecs=2000", "a shorter one is amber");
}

static void test_fragments(void)
{
	static const char names[] = "Ip: Forwarding ReasmTimeout ReasmReqds ReasmOKs FragOKs FragFails FragCreates\n";
	char text[512];
	finds(check_kernel, &config, "green fragments: this machine does not tell", "without counters nothing is said of pieces");
	snprintf(text, sizeof(text), "%sIp: 2 0 0 0 0 0 7\nIcmp: InMsgs\nIcmp: 5\n", names);
	box_put("/proc/net/snmp", text);
	finds(check_kernel, &config, "green fragments: 0 pieces", "a receiver to which no piece came is green");
	config.side = CONFIG_SENDER;
	finds(check_kernel, &config, "amber fragments: 7 pieces of datagrams were sent", "a sender that sent pieces is amber");
	config.side = CONFIG_RECEIVER;
	snprintf(text, sizeof(text), "%sIp: 2 0 1 0 0 0 0\n", names);
	box_put("/proc/net/snmp", text);
	finds(check_kernel, &config, "amber fragments: 1 piece of datagrams were received", "and so is a receiver to which some came");
}

static void test_memory(void)
{
	finds(check_kernel, &config, "green dirty-memory: this machine does not tell", "without vm nothing is said of it");
	box_put("/proc/meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\n");
	box_put("/proc/sys/vm/dirty_background_bytes", "0\n");
	box_put("/proc/sys/vm/dirty_bytes", "0\n");
	box_put("/proc/sys/vm/dirty_background_ratio", "10\n");
	box_put("/proc/sys/vm/dirty_ratio", "20\n");
	is_text(found(check_kernel, &config, "dirty-memory"), "amber dirty-memory: writing begins at 1.6 GiB, and all writers wait at 3.2 GiB; type: "
		"sysctl -w vm.dirty_background_bytes=268435456; sysctl -w vm.dirty_bytes=1073741824", "a share of a large memory is amber");
	box_put("/proc/sys/vm/dirty_background_bytes", "268435456\n");
	box_put("/proc/sys/vm/dirty_bytes", "1073741824\n");
	finds(check_kernel, &config, "green dirty-memory: writing begins at 256.0 MiB", "with numbers of bytes it is green");
	box_put("/proc/sys/kernel/core_pattern", "core\n");
	box_put("/proc/sys/fs/suid_dumpable", "0\n");
	finds(check_kernel, &config, "green core-dumps: cores go to core", "cores in a file, for whom they are not forbidden, are green");
	box_put("/proc/sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump %P\n");
	box_put("/proc/sys/fs/suid_dumpable", "2\n");
	is_text(found(check_kernel, &config, "core-dumps"), "amber core-dumps: cores go to |/usr/lib/systemd/systemd-coredump %P, "
		"also those of programs that change their user; type: sysctl -w kernel.core_pattern=core; sysctl -w fs.suid_dumpable=0",
		"a program that takes them is amber");
}

int main(void)
{
	test_udp_mem();
	test_rp_filter();
	test_coming_in();
	test_fragments();
	test_memory();
	return done_testing();
}
