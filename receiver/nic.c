#include "nic.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/io.h"
#include "common/text.h"

enum { INTERFACES_MAX = 64, SOFTNET_BYTES = 65536 };
_Static_assert(NIC_NAME_BYTES == IFNAMSIZ, "a name of the kernel");

int nic_name_of(char out[static NIC_NAME_BYTES], int socket_fd)
{
	struct sockaddr_in here = {0}, there;
	socklen_t len = sizeof(here);
	if (getsockname(socket_fd, (struct sockaddr *)&here, &len) < 0)
		return -errno;
	memset(out, 0, NIC_NAME_BYTES);
	if (here.sin_family != AF_INET || here.sin_addr.s_addr == htonl(INADDR_ANY))
		return 0;
	struct ifreq list[INTERFACES_MAX] = {0};
	struct ifconf all = {.ifc_len = sizeof(list), .ifc_req = list};
	if (ioctl(socket_fd, SIOCGIFCONF, &all) < 0)
		return -errno;
	for (size_t i = 0; i < (size_t)all.ifc_len / sizeof(list[0]); i++) {
		memcpy(&there, &list[i].ifr_addr, sizeof(there));
		if (there.sin_addr.s_addr != here.sin_addr.s_addr)
			continue;
		/* an address with a label is listed as "eth0:label" */
		size_t end = strcspn(list[i].ifr_name, ":");
		memcpy(out, list[i].ifr_name, end < NIC_NAME_BYTES - 1 ? end : NIC_NAME_BYTES - 1);
		break;
	}
	return 0;
}

static int read_text(char *out, size_t size, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = io_read(fd, out, size - 1);
	io_close(fd);
	if (n < 0)
		return (int)n;
	out[n] = 0;
	return 0;
}

static int add_counter(uint64_t *sum, const char *name, const char *counter)
{
	char path[128], text[32];
	uint64_t value = 0;
	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", name, counter);
	int result = read_text(text, sizeof(text), path);
	if (result != 0)
		return result;
	text[strcspn(text, "\n")] = 0;
	if (text_parse_u64(&value, text, UINT64_MAX) != 0)
		return -EIO;
	*sum += value;
	return 0;
}

/* One line a processor, hexadecimal; the second number is what was dropped.  0 where it is hidden. */
static uint64_t read_backlog(void)
{
	static char text[SOFTNET_BYTES]; /* of the one thread that calls */
	uint64_t sum = 0;
	if (read_text(text, sizeof(text), "/proc/net/softnet_stat") != 0)
		return 0;
	for (const char *line = text; *line != 0;) {
		char *second = NULL;
		(void)strtoull(line, &second, 16); /* what was processed */
		sum += strtoull(second, NULL, 16);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return sum;
}

int nic_read(struct nic_counters *out, const char *name)
{
	struct nic_counters counters = {0};
	const struct {
		const char *name;
		uint64_t *sum;
	} files[] = {
		{"rx_missed_errors", &counters.full}, {"rx_fifo_errors", &counters.full},
		{"rx_over_errors", &counters.full}, {"rx_dropped", &counters.refused},
		{"rx_length_errors", &counters.refused}, {"rx_crc_errors", &counters.damaged},
		{"rx_frame_errors", &counters.damaged},
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int result = add_counter(files[i].sum, name, files[i].name);
		if (result != 0)
			return result;
	}
	counters.backlog = read_backlog();
	*out = counters;
	return 0;
}
