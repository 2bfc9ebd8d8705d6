/* Buffers of sockets, as the kernel tells of them. */
#include "common/sockbuf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/tap.h"

struct search {
	ino_t inode;
	struct sockbuf found;
	unsigned int count;
};

static void take(void *context, const struct sockbuf *socket)
{
	struct search *s = context;
	if (socket->inode != s->inode)
		return;
	s->found = *socket;
	s->count++;
}

int main(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(here);
	int size = 70000, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct stat st;
	is_number(bind(fd, (const struct sockaddr *)&here, sizeof(here)), 0, "a socket is bound");
	is_number(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0, "with a buffer of a size");
	size = 50000;
	is_number(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0, "and another one");
	if (getsockname(fd, (struct sockaddr *)&here, &len) < 0 || fstat(fd, &st) < 0)
		return 1;
	struct search search = {.inode = st.st_ino};
	int result = sockbuf_each(take, &search);
	if (result == -ENOENT) {
		skip("this kernel does not tell", "the buffers are found");
		return done_testing();
	}
	is_number(result, 0, "the kernel lists its sockets");
	is_number(search.count, 1, "this one is there once");
	is_number(search.found.port, ntohs(here.sin_port), "at its port");
	is_number((int64_t)search.found.receives, 70000, "with what it may receive");
	is_number((int64_t)search.found.sends, 50000, "and send");
	close(fd);
	search.count = 0;
	is_number(sockbuf_each(take, &search), 0, "they are listed again");
	is_number(search.count, 0, "and one that is closed is gone");
	return done_testing();
}
