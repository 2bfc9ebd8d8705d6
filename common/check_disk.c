#include <fcntl.h>

#include "check.h"
#include "diskfill.h"
#include "io.h"
#include "text.h"

static void add_space(const struct check *check, const char *what, const char *shown, int fd)
{
	uint32_t full = check->config->disk_full_percent;
	int percent = diskfill_percent(fd);
	if (percent < 0) {
		finding_type(report_result(check->report, FINDING_DISK_SPACE, percent, "%s: %s", what, shown), "df '%s'", shown);
		return;
	}
	enum diskfill level = diskfill_level(DISKFILL_FINE, (unsigned int)percent, full);
	struct finding *f = report_add(check->report, FINDING_DISK_SPACE,
				       level == DISKFILL_FULL ? FINDING_RED : level == DISKFILL_FILLING ? FINDING_AMBER : FINDING_GREEN,
				       "%s: %s, disk %d %% full, nothing new is begun from %u %% on", what, shown, percent, full);
	finding_type(f, "df '%s'; df -i '%s'; then remove what is no part of Weir, or enlarge the disk", shown, shown);
}

void check_disk(const struct check *check, const char *what, const char *path)
{
	char shown[2 * CONFIG_PATH_BYTES];
	int fd = io_open_dir(AT_FDCWD, path);
	text_escape_name(shown, sizeof(shown), path);
	if (fd < 0) {
		finding_type(report_result(check->report, FINDING_DISK_SPACE, fd, "%s: %s", what, shown),
			     "namei -l '%s'; mount it, or start the box once, which makes it", shown);
		return;
	}
	add_space(check, what, shown, fd);
	io_close(fd);
}
