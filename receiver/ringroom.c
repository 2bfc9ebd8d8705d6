#include "ringroom.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "common/command.h"
#include "common/datagram.h"
#include "common/geometry.h"
#include "common/io.h"
#include "common/text.h"
#include "ring.h"

/* What records of so many symbols take in the ring, and as packets on the link. */
struct cost {
	uint64_t ring, link;
};

static void add_datagram(struct cost *cost, uint32_t symbols)
{
	uint64_t len = datagram_len(symbols);
	cost->ring += RING_ALIGN + (len + RING_ALIGN - 1) / RING_ALIGN * RING_ALIGN;
	cost->link += len + IP_UDP_BYTES;
}

/* Of the rows there are, the shortest have the largest share of short datagrams. */
static struct cost dearest(uint32_t mtu)
{
	struct cost full = {0, 0}, row = {0, 0};
	uint32_t most = datagram_symbols(mtu), left = ROW_UNIT_BYTES / SYMBOL_BYTES;
	assert(most > 0);
	add_datagram(&full, most);
	while (left > 0) {
		uint32_t now = left < most ? left : most;
		add_datagram(&row, now);
		left -= now;
	}
	return row.ring * full.link > full.ring * row.link ? row : full;
}

uint64_t ringroom_bytes(uint64_t rate_bits_per_s, uint32_t mtu, uint64_t stall_ms)
{
	struct cost cost = dearest(mtu);
	uint64_t bytes = rate_bits_per_s / 8 * stall_ms / 1000;
	bytes += bytes / 16;
	return bytes / cost.link * cost.ring + cost.ring + RINGROOM_RESERVE;
}

uint64_t ringroom_ms(uint64_t ring_bytes, uint64_t rate_bits_per_s, uint32_t mtu)
{
	struct cost cost = dearest(mtu);
	if (rate_bits_per_s < 8)
		return UINT64_MAX;
	if (ring_bytes < RINGROOM_RESERVE)
		return 0;
	uint64_t bytes = (ring_bytes - RINGROOM_RESERVE) / cost.ring * cost.link;
	return bytes / 17 * 16 * 1000 / (rate_bits_per_s / 8);
}

uint64_t ringroom_size(const struct config *config)
{
	if (config->ride_out_stall_ms == 0)
		return config->ring_bytes;
	uint64_t bytes = ringroom_bytes(config->rate_bits_per_s, config->mtu, config->ride_out_stall_ms);
	return bytes > config->ring_bytes ? bytes : config->ring_bytes;
}

/* "MemAvailable:   12345 kB"; a /proc file has no size, so not io_read_file. */
static uint64_t memory_available(void)
{
	char text[1024] = "";
	int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return UINT64_MAX;
	ssize_t n = io_read(fd, text, sizeof(text) - 1);
	io_close(fd);
	static const char label[] = "\nMemAvailable:";
	const char *line = n > 0 ? strstr(text, label) : NULL;
	return line == NULL ? UINT64_MAX : strtoull(line + sizeof(label) - 1, NULL, 10) * 1024;
}

int ringroom_look(struct ringroom *out, int dir_fd)
{
	struct statfs st;
	if (fstatfs(dir_fd, &st) < 0)
		return -errno;
	*out = (struct ringroom){
		/* a tmpfs without a limit says 0 of 0 */
		.file_system = st.f_blocks == 0 ? UINT64_MAX : (uint64_t)st.f_bavail * (uint64_t)st.f_bsize,
		.memory = memory_available(),
	};
	return 0;
}

int ringroom_judge(const struct ringroom *room, uint64_t bytes)
{
	if (bytes > room->file_system)
		return -ENOSPC;
	return room->memory < RINGROOM_SPARE || bytes > room->memory - RINGROOM_SPARE ? -ENOMEM : 0;
}

int ringroom_check(int dir_fd, uint64_t bytes)
{
	struct ringroom room = {0, 0};
	int result = ringroom_look(&room, dir_fd);
	return result != 0 ? result : ringroom_judge(&room, bytes);
}

void ringroom_explain(char out[static RINGROOM_TEXT_BYTES], const struct config *config, int result)
{
	char need[32], have[32], spare[32];
	struct ringroom room = {0, 0};
	int dir_fd = io_open_dir(AT_FDCWD, config->runtime);
	bool is_known = dir_fd >= 0 && ringroom_look(&room, dir_fd) == 0;
	io_close(dir_fd);
	const char *change = config->ride_out_stall_ms > 0 ? "'rate' or 'ride_out_stall_ms'" : "'ring_mib'";
	text_size(need, sizeof(need), ringroom_size(config));
	text_size(spare, sizeof(spare), RINGROOM_SPARE);
	if (is_known && result == -ENOSPC)
		snprintf(out, RINGROOM_TEXT_BYTES, "it takes %s, and the file system of 'runtime' has %s left: "
			 "lower %s, or enlarge that tmpfs", need,
			 text_size(have, sizeof(have), room.file_system), change);
	else if (is_known && result == -ENOMEM)
		snprintf(out, RINGROOM_TEXT_BYTES, "it takes %s and has to leave %s, and %s of memory are "
			 "available: lower %s, or add memory", need, spare,
			 text_size(have, sizeof(have), room.memory), change);
	else
		snprintf(out, RINGROOM_TEXT_BYTES, "%s", strerror(-result));
}

int ringroom_fail(const struct config *config, int result)
{
	char text[RINGROOM_TEXT_BYTES];
	ringroom_explain(text, config, result);
	command_say("ring '%s/%s': %s", config->runtime, RING_FILE, text);
	return EXIT_ENVIRONMENT;
}
