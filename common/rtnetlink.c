#include "rtnetlink.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io.h"

enum { ANSWER_BYTES = 65536 };

int rtnetlink_open(void)
{
	const int on = 1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	/* else the kernel would not look at what a question is narrowed to */
	if (setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0) {
		int result = -errno;
		io_close(fd);
		return result;
	}
	return fd;
}

void rtnetlink_set_body(struct rtnetlink_question *q, const void *body, size_t len)
{
	assert(len <= sizeof(q->body));
	memcpy(q->body, body, len);
	q->len = NLMSG_ALIGN(len);
}

void rtnetlink_add(struct rtnetlink_question *q, uint16_t type, const void *data, size_t len)
{
	const struct rtattr head = {.rta_len = (unsigned short)RTA_LENGTH(len), .rta_type = type};
	assert(q->len + RTA_SPACE(len) <= sizeof(q->body));
	memcpy(q->body + q->len, &head, sizeof(head));
	memcpy(q->body + q->len + RTA_LENGTH(0), data, len);
	q->len += RTA_SPACE(len);
}

static int ask(int fd, struct rtnetlink_question *q)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	q->head.nlmsg_len = (uint32_t)(sizeof(q->head) + q->len);
	q->head.nlmsg_flags |= NLM_F_REQUEST;
	q->head.nlmsg_seq++;
	ssize_t n = sendto(fd, q, q->head.nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
	return n < 0 ? -errno : 0;
}

/* One datagram of the kernel's.  Its length, or -errno. */
static ssize_t receive(int fd, void *out, size_t size)
{
	struct sockaddr_nl from = {0};
	struct iovec piece = {.iov_base = out, .iov_len = size};
	struct msghdr message = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &piece,
		.msg_iovlen = 1,
	};
	ssize_t n;
	do {
		n = recvmsg(fd, &message, 0);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n < 0)
		return -errno;
	return (message.msg_flags & MSG_TRUNC) != 0 ? -EMSGSIZE : n;
}

const void *rtnetlink_body(const struct nlmsghdr *message)
{
	return (const uint8_t *)message + NLMSG_HDRLEN;
}

const void *rtnetlink_data(const struct rtattr *attribute)
{
	return (const uint8_t *)attribute + RTA_LENGTH(0);
}

size_t rtnetlink_len(const struct rtattr *attribute)
{
	return attribute->rta_len - (size_t)RTA_LENGTH(0);
}

static int error_of(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = rtnetlink_body(message);
	return message->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) ? -EPROTO : error->error;
}

/* 1 when the answer ends here, 0 when more is to come, or -errno. */
static int take(const struct nlmsghdr *message, const struct rtnetlink_question *q, rtnetlink_visit *visit,
		void *context)
{
	if (message->nlmsg_seq != q->head.nlmsg_seq)
		return 0; /* of a question that was given up */
	if (message->nlmsg_type == NLMSG_ERROR) {
		int error = error_of(message);
		return error < 0 ? error : 1;
	}
	if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
		return -EINTR;
	if (message->nlmsg_type == NLMSG_DONE)
		return 1;
	visit(context, message);
	return (message->nlmsg_flags & NLM_F_MULTI) != 0 ? 0 : 1;
}

int rtnetlink_ask(int fd, struct rtnetlink_question *q, rtnetlink_visit *visit, void *context)
{
	static _Alignas(struct nlmsghdr) uint8_t answer[ANSWER_BYTES]; /* of the one thread that asks */
	int result = ask(fd, q);
	while (result == 0) {
		ssize_t n = receive(fd, answer, sizeof(answer));
		if (n < 0)
			return (int)n;
		for (size_t at = 0; result == 0 && (size_t)n - at >= sizeof(struct nlmsghdr);) {
			const struct nlmsghdr *message = (const struct nlmsghdr *)(answer + at);
			if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > (size_t)n - at)
				return -EPROTO;
			result = take(message, q, visit, context);
			at += NLMSG_ALIGN(message->nlmsg_len);
			at = at < (size_t)n ? at : (size_t)n;
		}
	}
	return result < 0 ? result : 0;
}

static void list(const struct rtattr *out[static RTNETLINK_ATTRIBUTES_MAX], const struct rtattr *first, size_t len)
{
	memset(out, 0, RTNETLINK_ATTRIBUTES_MAX * sizeof(out[0]));
	const uint8_t *at = (const uint8_t *)first;
	for (size_t left = len; left >= sizeof(struct rtattr);) {
		const struct rtattr *a = (const struct rtattr *)(const void *)at;
		size_t step = RTA_ALIGN((size_t)a->rta_len);
		if (a->rta_len < sizeof(*a) || a->rta_len > left)
			return;
		/* above are two flags */
		unsigned int type = a->rta_type & 0x3fffU;
		if (type < RTNETLINK_ATTRIBUTES_MAX)
			out[type] = a;
		at += step;
		left = step < left ? left - step : 0;
	}
}

void rtnetlink_attributes(const struct rtattr *out[static RTNETLINK_ATTRIBUTES_MAX], const struct nlmsghdr *message,
			  size_t body_len)
{
	size_t at = NLMSG_SPACE(body_len);
	const uint8_t *begin = (const uint8_t *)message;
	list(out, (const struct rtattr *)(const void *)(begin + at),
	     message->nlmsg_len > at ? message->nlmsg_len - at : 0);
}

void rtnetlink_nested(const struct rtattr *out[static RTNETLINK_ATTRIBUTES_MAX], const struct rtattr *attribute)
{
	if (attribute == NULL)
		memset(out, 0, RTNETLINK_ATTRIBUTES_MAX * sizeof(out[0]));
	else
		list(out, rtnetlink_data(attribute), rtnetlink_len(attribute));
}

uint32_t rtnetlink_u32(const struct rtattr *attribute, uint32_t otherwise)
{
	uint32_t value;
	if (attribute == NULL || rtnetlink_len(attribute) < sizeof(value))
		return otherwise;
	memcpy(&value, rtnetlink_data(attribute), sizeof(value));
	return value;
}

char *rtnetlink_text(char *out, size_t size, const struct rtattr *attribute)
{
	const char *text = attribute == NULL ? "" : rtnetlink_data(attribute);
	snprintf(out, size, "%.*s", attribute == NULL ? 0 : (int)rtnetlink_len(attribute), text);
	return out;
}
