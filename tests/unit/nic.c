#include "receiver/nic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/tap.h"

static const char *name_of(uint32_t address)
{
	static char name[NIC_NAME_BYTES];
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(address)}};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	memset(name, 'x', sizeof(name));
	is_number(bind(fd, (const struct sockaddr *)&here, sizeof(here)), 0, "a socket is bound");
	is_number(nic_name_of(name, fd), 0, "and asked for its interface");
	close(fd);
	return name;
}

int main(void)
{
	struct nic_counters counters = {.full = 7};
	char name[NIC_NAME_BYTES];
	is_text(name_of(INADDR_LOOPBACK), "lo", "127.0.0.1 is the loopback's");
	is_text(name_of(INADDR_ANY), "", "0.0.0.0 is nobody's");
	is_text(name_of(INADDR_LOOPBACK + 5), "", "nor is an address that no interface has as its own");
	is_number(nic_name_of(name, -1), -EBADF, "no socket has none");
	is_number(nic_read(&counters, "none-such"), -ENOENT, "an interface that is not there has no counters");
	is_number((int64_t)counters.full, 7, "and changes nothing");
	is_number(nic_read(&counters, "lo"), 0, "the loopback has");
	ok(counters.full == 0 && counters.damaged == 0, "and never loses or damages a frame");
	return done_testing();
}
