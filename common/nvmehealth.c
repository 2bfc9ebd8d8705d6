#include "nvmehealth.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/nvme_ioctl.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "io.h"

enum {
	GET_LOG_PAGE = 0x02, HEALTH_PAGE = 0x02,
	AT_WARNINGS = 0, AT_USED = 5, AT_MEDIA_ERRORS = 160, COUNTER_BYTES = 16,
	WORN_PERCENT = 90,
};

static const char *const warnings[] = {
	"it has too few spare blocks left", "it is too hot or too cold", "it has become unreliable", "it can be read only",
	"its memory is not safe in a power cut", "its persistent memory is not reliable",
};

int nvmehealth_read(struct nvmehealth *out, const char *path)
{
	uint8_t log[NVMEHEALTH_LOG_BYTES] = {0};
	struct nvme_admin_cmd command = {
		.opcode = GET_LOG_PAGE,
		.nsid = UINT32_MAX, /* of the whole disk */
		.addr = (uintptr_t)log,
		.data_len = sizeof(log),
		.cdw10 = HEALTH_PAGE | (sizeof(log) / sizeof(uint32_t) - 1) << 16,
	};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	/* above 0 is a status of the disk's */
	int result = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &command);
	result = result < 0 ? -errno : result > 0 ? -EIO : 0;
	io_close(fd);
	if (result == 0)
		nvmehealth_decode(out, log);
	return result;
}

void nvmehealth_decode(struct nvmehealth *out, const uint8_t log[static NVMEHEALTH_LOG_BYTES])
{
	uint64_t errors = 0;
	for (size_t i = COUNTER_BYTES; i > 0; i--)
		errors = errors >> 56 != 0 ? UINT64_MAX : errors << 8 | log[AT_MEDIA_ERRORS + i - 1];
	*out = (struct nvmehealth){log[AT_WARNINGS], log[AT_USED], errors};
}

bool nvmehealth_fault(char text[static NVMEHEALTH_TEXT_BYTES], const struct nvmehealth *health, bool *is_bad)
{
	text[0] = 0;
	*is_bad = health->warnings != 0;
	for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++)
		if ((health->warnings >> i & 1) != 0) {
			snprintf(text, NVMEHEALTH_TEXT_BYTES, "%s", warnings[i]);
			return true;
		}
	if (health->warnings != 0)
		snprintf(text, NVMEHEALTH_TEXT_BYTES, "it warns of something that is not known here: %02x", health->warnings);
	else if (health->media_errors > 0)
		snprintf(text, NVMEHEALTH_TEXT_BYTES, "it could not read back data %" PRIu64 " time%s", health->media_errors,
			 health->media_errors == 1 ? "" : "s");
	else if (health->used_percent >= WORN_PERCENT)
		snprintf(text, NVMEHEALTH_TEXT_BYTES, "%u %% of the life that its maker promises are used", health->used_percent);
	return text[0] != 0;
}
