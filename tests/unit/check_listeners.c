/* Who else listens at the link NIC. */
#include "tests/lib/checks.h"

int main(void)
{
	static const char packet[] = "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n";
	static const char socket[] = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
	char text[1024];
	struct config config = {.side = CONFIG_RECEIVER, .address = "127.0.0.5", .port = 4747};
	is_text(found(check_listeners, &config, "listeners"), "", "without a link NIC nobody listens there");
	snprintf(config.interface, sizeof(config.interface), "lo"); /* the first interface of any network namespace */
	finds(check_listeners, &config, "green listeners: this machine does not tell", "where it is not told it is green");
	snprintf(text, sizeof(text), "%s0000000000000000 3      3    0003   7     1 0      0      100\n", packet);
	box_put("/proc/net/packet", text);
	finds(check_listeners, &config, "green listeners: nobody else listens at lo", "who listens elsewhere is no matter");
	snprintf(text, sizeof(text), "%s   0: 0500007F:128B 00000000:0000 07 0:0 0:0 0 0 0 0\n", socket);
	box_put("/proc/net/udp", text);
	snprintf(text, sizeof(text), "%s   0: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 0\n   1: 0500007F:0016 0600007F:1234 01 0:0 0:0 0 0 0 0\n", socket);
	box_put("/proc/net/tcp", text);
	finds(check_listeners, &config, "green listeners: nobody else listens at lo", "nor is weir-catch, what is connected, or who listens everywhere");
	snprintf(text, sizeof(text), "%s   0: 0500007F:0016 00000000:0000 0A 0:0 0:0 0 0 0 0\n", socket);
	box_put("/proc/net/tcp", text);
	finds(check_listeners, &config, "amber listeners: 1 other socket listens at the address of lo, as at port 22; type: ss -lnptu",
	      "who listens at its address is amber");
	snprintf(text, sizeof(text), "%s   0: 0500007F:128B 0:0 07 0:0\n   1: 0500007F:0035 0:0 07 0:0\n", socket);
	box_put("/proc/net/udp", text);
	finds(check_listeners, &config, "amber listeners: 2 other sockets listen at the address of lo, as at port 53", "also by datagrams");
	snprintf(text, sizeof(text), "%s0000000000000000 3      3    0003   1     1 0      0      100\n", packet);
	box_put("/proc/net/packet", text);
	finds(check_listeners, &config, "amber listeners: 1 socket takes frames straight from lo; type: ss -0 -p", "and who takes frames");
	return done_testing();
}
