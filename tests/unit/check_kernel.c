/* Settings of the kernel. */
#include "tests/lib/checks.h"

static struct config config = {.side = CONFIG_RECEIVER, .socket_buffer_bytes = 67108864};

static void test_receive_buffer(void)
{
	finds(check_kernel, &config, "green receive-buffer: net.core.rmem_max cannot be seen from here",
	      "where the kernel does not tell its buffer it is green");
	box_put("/proc/sys/net/core/rmem_max", "212992\n");
	is_text(found(check_kernel, &config, "receive-buffer"),
		"red receive-buffer: 64.0 MiB wanted, 208.0 KiB allowed; type: sysctl -w net.core.rmem_max=67108864",
		"a buffer that is too small is red");
	box_put("/proc/sys/net/core/rmem_max", "67108864\n");
	finds(check_kernel, &config, "green receive-buffer: 64.0 MiB wanted, 64.0 MiB allowed", "one that is large enough is green");
	config.side = CONFIG_SENDER;
	is_text(found(check_kernel, &config, "receive-buffer"), "", "a sender receives nothing");
	config.side = CONFIG_RECEIVER;
}

int main(void)
{
	test_receive_buffer();
	return done_testing();
}
