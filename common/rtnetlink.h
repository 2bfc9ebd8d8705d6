/*
 * rtnetlink: questions about interfaces, addresses, neighbours and routes to the kernel, in the network
 * namespace in which the socket was made.
 */
#ifndef WEIR_RTNETLINK_H
#define WEIR_RTNETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

enum { RTNETLINK_ASKED_BYTES = 128, RTNETLINK_ATTRIBUTES_MAX = 96 };

/* The socket, or -errno. */
int rtnetlink_open(void);

/* Begins as all bytes zero.  The body is ifinfomsg, ifaddrmsg, ndmsg or rtmsg, and then attributes. */
struct rtnetlink_question {
	struct nlmsghdr head; /* nlmsg_type; nlmsg_flags: NLM_F_DUMP or 0 */
	uint8_t body[RTNETLINK_ASKED_BYTES];
	size_t len;           /* of the body, with padding */
};

void rtnetlink_set_body(struct rtnetlink_question *question, const void *body, size_t len);
void rtnetlink_add(struct rtnetlink_question *question, uint16_t type, const void *data, size_t len);

/* Called for each message of the answer, with its body and attributes. */
typedef void rtnetlink_visit(void *context, const struct nlmsghdr *message);

/* 0 or -errno: what the kernel answered, or -EINTR when the answer was torn by a change: ask again. */
int rtnetlink_ask(int fd, struct rtnetlink_question *question, rtnetlink_visit *visit, void *context);

/*
 * The attributes behind a body of body_len bytes, by type; NULL where there is none.  Types beyond the most are
 * left out.  An attribute whose length makes no sense ends the list.
 */
void rtnetlink_attributes(const struct rtattr *out[static RTNETLINK_ATTRIBUTES_MAX], const struct nlmsghdr *message,
			  size_t body_len);
/* The same of the attributes nested in one, which may be NULL. */
void rtnetlink_nested(const struct rtattr *out[static RTNETLINK_ATTRIBUTES_MAX], const struct rtattr *attribute);
/* NLMSG_DATA, RTA_DATA and RTA_PAYLOAD of what is const. */
const void *rtnetlink_body(const struct nlmsghdr *message);
const void *rtnetlink_data(const struct rtattr *attribute);
size_t rtnetlink_len(const struct rtattr *attribute);
/* A number of 4 bytes, or otherwise; NULL and one that is shorter are otherwise. */
uint32_t rtnetlink_u32(const struct rtattr *attribute, uint32_t otherwise);
/* A text, cut off at size; "" for NULL.  Gives out. */
char *rtnetlink_text(char *out, size_t size, const struct rtattr *attribute);

#endif
