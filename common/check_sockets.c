#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "machine.h"
#include "sockbuf.h"
#include "text.h"

enum { INODES_MAX = 32 };

/* The socket of the link: at a receiver by its port, at a sender one of those that weir-emit has. */
struct link_socket {
	const struct check *check;
	long pid;
	uint32_t inodes[INODES_MAX];
	size_t count;
	bool is_found;
	uint64_t bytes;      /* the least, where there are several */
};

/* "socket:[12345]" */
static void take_descriptor(void *context, const char *name)
{
	struct link_socket *s = context;
	char path[MACHINE_PATH_BYTES], goal[64];
	static const char label[] = "socket:[";
	snprintf(path, sizeof(path), "%s/proc/%ld/fd/%s", s->check->root, s->pid, name);
	ssize_t len = readlink(path, goal, sizeof(goal) - 1);
	goal[len < 0 ? 0 : len] = 0;
	if (strncmp(goal, label, strlen(label)) == 0 && s->count < INODES_MAX)
		s->inodes[s->count++] = (uint32_t)strtoul(goal + strlen(label), NULL, 10);
}

static void take_socket(void *context, const struct sockbuf *socket)
{
	struct link_socket *s = context;
	bool is_sender = s->check->config->side == CONFIG_SENDER;
	bool is_ours = !is_sender && socket->port == s->check->config->port;
	for (size_t i = 0; is_sender && i < s->count; i++)
		is_ours |= s->inodes[i] == socket->inode;
	uint64_t bytes = is_sender ? socket->sends : socket->receives;
	if (!is_ours || (s->is_found && bytes >= s->bytes))
		return;
	s->is_found = true;
	s->bytes = bytes;
}

static void find(struct link_socket *s)
{
	char folder[64];
	if (s->check->config->side == CONFIG_SENDER) {
		s->pid = check_find_process(s->check, "weir-emit");
		if (s->pid <= 0)
			return;
		snprintf(folder, sizeof(folder), "/proc/%ld/fd", s->pid);
		(void)machine_each(s->check->root, folder, take_descriptor, s);
	}
	/* where the kernel tells of none there is its limit */
	(void)sockbuf_each(take_socket, s);
}

/* What a socket that is made by itself may have; systemd, and who is root, may give it more. */
static void check_limit(const struct check *check, enum finding_id id, const char *name, uint64_t wanted)
{
	uint64_t most = 0;
	char have[32], want[32];
	int result = machine_number(&most, check->root, "/proc/sys/net/core/%s", name);
	if (result != 0) {
		report_add(check->report, id, FINDING_GREEN, "net.core.%s cannot be seen from here", name);
		return;
	}
	enum finding_state lacking = id == FINDING_RECEIVE_BUFFER ? FINDING_RED : FINDING_AMBER;
	char setting[32];
	snprintf(setting, sizeof(setting), "net.core.%s", name);
	finding_remedy(report_add(check->report, id, most >= wanted ? FINDING_GREEN : lacking,
				  "%s wanted, %s allowed, and no socket of %s is seen", text_size(want, sizeof(want), wanted),
				  text_size(have, sizeof(have), most), check_link_daemon(check)),
		       REMEDY_SETTING, setting, "%" PRIu64, wanted);
}

void check_sockets(const struct check *check)
{
	bool is_sender = check->config->side == CONFIG_SENDER;
	enum finding_id id = is_sender ? FINDING_SEND_BUFFER : FINDING_RECEIVE_BUFFER;
	uint64_t wanted = is_sender ? CHECK_SEND_BUFFER_BYTES : check->config->socket_buffer_bytes;
	const char *name = is_sender ? "wmem_max" : "rmem_max", *daemon = check_link_daemon(check);
	struct link_socket s = {.check = check};
	char have[32], want[32];
	find(&s);
	if (!s.is_found) {
		check_limit(check, id, name, wanted);
		return;
	}
	finding_type(report_add(check->report, id, s.bytes >= wanted ? FINDING_GREEN : is_sender ? FINDING_AMBER : FINDING_RED,
				"%s wanted, the socket of %s has %s", text_size(want, sizeof(want), wanted), daemon,
				text_size(have, sizeof(have), s.bytes)),
		     "sysctl -w net.core.%s=%" PRIu64 ", or %s=%" PRIu64 " in a drop-in of %s.socket; then start the box again", name,
		     wanted, is_sender ? "SendBuffer" : "ReceiveBuffer", wanted, daemon);
}
