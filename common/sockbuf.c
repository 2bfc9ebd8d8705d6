#include "sockbuf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "io.h"
#include "rtnetlink.h"

struct listing {
	sockbuf_visit *visit;
	void *context;
};

static void take(void *context, const struct nlmsghdr *message)
{
	const struct listing *listing = context;
	const struct rtattr *a[RTNETLINK_ATTRIBUTES_MAX];
	uint32_t memory[SK_MEMINFO_VARS] = {0};
	struct inet_diag_msg body;
	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(body)))
		return;
	memcpy(&body, rtnetlink_body(message), sizeof(body));
	rtnetlink_attributes(a, message, sizeof(body));
	const struct rtattr *told = a[INET_DIAG_SKMEMINFO];
	if (told == NULL)
		return;
	size_t len = rtnetlink_len(told);
	memcpy(memory, rtnetlink_data(told), len < sizeof(memory) ? len : sizeof(memory));
	const struct sockbuf socket = {
		.port = ntohs(body.id.idiag_sport),
		.inode = body.idiag_inode,
		.receives = memory[SK_MEMINFO_RCVBUF] / 2,
		.sends = memory[SK_MEMINFO_SNDBUF] / 2,
	};
	listing->visit(listing->context, &socket);
}

int sockbuf_each(sockbuf_visit *visit, void *context)
{
	const struct inet_diag_req_v2 body = {
		.sdiag_family = AF_INET,
		.sdiag_protocol = IPPROTO_UDP,
		.idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1),
		.idiag_states = UINT32_MAX,
	};
	struct rtnetlink_question q = {.head = {.nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_DUMP}};
	struct listing listing = {visit, context};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return errno == EPROTONOSUPPORT ? -ENOENT : -errno;
	rtnetlink_set_body(&q, &body, sizeof(body));
	int result = rtnetlink_ask(fd, &q, take, &listing);
	io_close(fd);
	return result;
}
