/* The buffer of the link's socket. */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "common/sockbuf.h"
#include "tests/lib/checks.h"

static struct config config = {.side = CONFIG_RECEIVER, .socket_buffer_bytes = 67108864};

static void test_limits(void)
{
	finds(check_sockets, &config, "green receive-buffer: net.core.rmem_max cannot be seen from here",
	      "where the kernel does not tell its limit it is green");
	box_put("/proc/sys/net/core/rmem_max", "212992\n");
	is_text(found(check_sockets, &config, "receive-buffer"), "red receive-buffer: 64.0 MiB wanted, 208.0 KiB allowed, and no socket of "
		"weir-catch is seen; type: sysctl -w net.core.rmem_max=67108864", "a limit that is too low is red");
	box_put("/proc/sys/net/core/rmem_max", "67108864\n");
	finds(check_sockets, &config, "green receive-buffer: 64.0 MiB wanted, 64.0 MiB allowed", "one that is high enough is green");
	config.side = CONFIG_SENDER;
	is_text(found(check_sockets, &config, "receive-buffer"), "", "a sender receives nothing");
	box_put("/proc/sys/net/core/wmem_max", "212992\n");
	is_text(found(check_sockets, &config, "send-buffer"), "amber send-buffer: 4.0 MiB wanted, 208.0 KiB allowed, and no socket of weir-emit "
		"is seen; type: sysctl -w net.core.wmem_max=4194304", "but a small buffer slows it");
	box_put("/proc/sys/net/core/wmem_max", "4194304\n");
	finds(check_sockets, &config, "green send-buffer: ", "and a large one does not");
	config.side = CONFIG_RECEIVER;
	is_text(found(check_sockets, &config, "send-buffer"), "", "a receiver sends nothing");
}

static void ignore(void *context, const struct sockbuf *socket)
{
	(void)context, (void)socket;
}

/* One of this process, as if it were that of the daemon. */
static void test_socket(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(here);
	char goal[64];
	struct stat st;
	int size = 65536, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sockbuf_each(ignore, NULL) != 0) {
		skip("this kernel does not tell", "the socket itself counts");
		return;
	}
	is_number(bind(fd, (const struct sockaddr *)&here, sizeof(here)) | getsockname(fd, (struct sockaddr *)&here, &len), 0, "a socket is bound");
	is_number(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) | setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0,
		  "with a buffer");
	config.port = ntohs(here.sin_port);
	finds(check_sockets, &config, "red receive-buffer: 64.0 MiB wanted, the socket of weir-catch has 64.0 KiB; type: sysctl -w "
	      "net.core.rmem_max=67108864, or ReceiveBuffer=67108864 in a drop-in of weir-catch.socket",
	      "a socket with a small buffer is red, whatever the limit");
	config.socket_buffer_bytes = 65536;
	finds(check_sockets, &config, "green receive-buffer: 64.0 KiB wanted, the socket of weir-catch has 64.0 KiB", "one with a large one is green");
	config.side = CONFIG_SENDER;
	box_put("/proc/1/comm", "systemd\n");
	box_put("/proc/77/comm", "weir-emit\n");
	box_put("/proc/77/fd/other", "");
	is_number(fstat(fd, &st), 0, "it has a number");
	snprintf(goal, sizeof(goal), "socket:[%llu]", (unsigned long long)st.st_ino);
	is_number(symlink(goal, test_path("proc/77/fd/5")), 0, "which a process has");
	finds(check_sockets, &config, "amber send-buffer: 4.0 MiB wanted, the socket of weir-emit has 64.0 KiB", "the socket of weir-emit is found by it");
	close(fd);
	finds(check_sockets, &config, "green send-buffer: 4.0 MiB wanted, 4.0 MiB allowed", "and without it the limit counts");
}

int main(void)
{
	test_limits();
	test_socket();
	return done_testing();
}
