#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "check.h"
#include "diskfill.h"
#include "io.h"
#include "machine.h"
#include "nvmehealth.h"
#include "text.h"

enum { MOUNTS_BYTES = 262144, WORD_BYTES = 256, OTHERS_WRITE = 022, OTHERS = 007 };

/* A disk that is looked at. */
struct disk {
	const struct check *check;
	const char *what;       /* "vault" */
	const char *path;
	const char *shown;      /* the path, escaped */
	char device[64];        /* where sysfs has it */
	/* of the mount; "" where nobody tells */
	char type[WORD_BYTES], options[WORD_BYTES], of_type[WORD_BYTES];
};

/* ---- space ---- */

static void add_fill(const struct disk *d, enum finding_id id, int percent, const char *of)
{
	uint32_t full = d->check->config->disk_full_percent;
	struct finding *f;
	if (percent < 0) {
		f = report_result(d->check->report, id, percent, "%s: %s", d->what, d->shown);
	} else {
		enum diskfill level = diskfill_level(DISKFILL_FINE, (unsigned int)percent, full);
		f = report_add(d->check->report, id,
			       level == DISKFILL_FULL ? FINDING_RED : level == DISKFILL_FILLING ? FINDING_AMBER : FINDING_GREEN,
			       "%s: %s, %d %% of its %s in use, nothing new is begun from %" PRIu32 " %% on", d->what, d->shown, percent, of,
			       full);
	}
	finding_type(f, id == FINDING_DISK_SPACE ? "df '%s'; then remove what is no part of Weir, or enlarge the disk"
						 : "df -i '%s'; then remove what is no part of Weir, or make the file system anew with more",
		     d->shown);
}

/* ---- the mount ---- */

/* Whether a folder is path, or holds it; the longest is nearest. */
static size_t holds(const char *folder, size_t len, const char *path)
{
	if (len == 1 && folder[0] == '/')
		return 1;
	return strncmp(folder, path, len) == 0 && (path[len] == '/' || path[len] == 0) ? len : 0;
}

static void copy_word(char out[static WORD_BYTES], const char *word)
{
	snprintf(out, WORD_BYTES, "%.*s", (int)strcspn(word, " \n"), word);
}

static const char *skip_words(const char *line, unsigned int count)
{
	for (; count > 0; count--) {
		line += strcspn(line, " \n");
		line += *line == ' ';
	}
	return line;
}

/* "36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue" */
static void take_mounts(struct disk *d, const char *text, const char *path)
{
	size_t best = 0;
	for (const char *line = text; *line != 0;) {
		size_t len = strcspn(line, "\n");
		const char *folder = skip_words(line, 4), *end = strstr(line, " - ");
		size_t held = holds(folder, strcspn(folder, " \n"), path);
		/* a later mount lies over an earlier one */
		if (held > 0 && held >= best && end != NULL && end < line + len) {
			best = held;
			copy_word(d->options, skip_words(folder, 1));
			copy_word(d->type, end + 3);
			copy_word(d->of_type, skip_words(end + 3, 2));
		}
		line += len;
		line += *line == '\n';
	}
}

static void read_mount(struct disk *d)
{
	char whole[PATH_MAX];
	char *text = malloc(MOUNTS_BYTES);
	if (text != NULL && realpath(d->path, whole) != NULL &&
	    machine_read(text, MOUNTS_BYTES, d->check->root, "/proc/self/mountinfo") > 0)
		take_mounts(d, text, whole);
	free(text);
}

/* Whether a list with commas has this word. */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);
	for (const char *at = list; (at = strstr(at, word)) != NULL; at += len)
		if ((at == list || at[-1] == ',') && (at[len] == 0 || at[len] == ','))
			return true;
	return false;
}

static bool is_one_of(const char *type, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strncmp(type, *list, strlen(*list)) == 0)
			return true;
	return false;
}

static const char *mount_fault(const struct disk *d, enum finding_state *state)
{
	static const char *const in_memory[] = {"tmpfs", "ramfs", NULL};
	static const char *const far[] = {"nfs", "cifs", "smb", "9p", "fuse", "ceph", "afs", NULL};
	*state = FINDING_RED;
	if (has_word(d->options, "ro") || has_word(d->of_type, "ro"))
		return "cannot be written";
	if (is_one_of(d->type, in_memory))
		return "is in memory, and gone when the box starts again";
	if (has_word(d->of_type, "nobarrier") || has_word(d->of_type, "barrier=0"))
		return "may lose in a power cut what it said was written";
	*state = FINDING_AMBER;
	if (is_one_of(d->type, far))
		return "is on another machine";
	if (has_word(d->of_type, "data=writeback"))
		return "may show old content in a file after a power cut";
	if (has_word(d->options, "sync") || has_word(d->of_type, "sync"))
		return "waits for the disk at each single write";
	*state = FINDING_GREEN;
	return NULL;
}

static void check_mount(const struct disk *d)
{
	/* of these, fallocate(2) is known to set room aside */
	static const char *const reserving[] = {"ext4", "xfs", "btrfs", "f2fs", "tmpfs", NULL};
	struct report *report = d->check->report;
	enum finding_state state = FINDING_GREEN;
	char type[4 * WORD_BYTES];
	if (d->type[0] == 0) {
		report_add(report, FINDING_DISK_MOUNT, FINDING_GREEN, "%s: this machine does not tell", d->what);
		report_add(report, FINDING_DISK_RESERVE, FINDING_GREEN, "%s: this machine does not tell", d->what);
		return;
	}
	text_escape_name(type, sizeof(type), d->type);
	const char *fault = mount_fault(d, &state);
	if (fault == NULL)
		report_add(report, FINDING_DISK_MOUNT, FINDING_GREEN, "%s: %s", d->what, type);
	else
		finding_type(report_add(report, FINDING_DISK_MOUNT, state, "%s: %s (%s) %s", d->what, d->shown, type, fault),
			     "findmnt -T '%s'; then put it on a disk of this box, ext4 or xfs, and mount that without these options", d->shown);
	bool can_reserve = is_one_of(d->type, reserving);
	finding_type(report_add(report, FINDING_DISK_RESERVE, can_reserve ? FINDING_GREEN : FINDING_AMBER,
				can_reserve ? "%s: %s sets room aside" : "%s: %s may not set room aside", d->what, type),
		     "put it on ext4 or xfs");
}

/* ---- the disk below ---- */

/* A file of the disk, or of the one of which it is a part; *part says which. */
static long read_device(const struct disk *d, char *out, size_t size, const char *file, const char **part)
{
	static const char *const parts[] = {"", "/.."};
	long len = -ENOENT;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && len < 0; i++) {
		*part = parts[i];
		len = machine_read(out, size, d->check->root, "/sys/dev/block/%s%s/%s", d->device, *part, file);
	}
	return len;
}

static void check_queue(const struct disk *d)
{
	char rotational[8], scheduler[WORD_BYTES], shown[4 * WORD_BYTES];
	const char *part = "";
	if (read_device(d, rotational, sizeof(rotational), "queue/rotational", &part) <= 0 ||
	    read_device(d, scheduler, sizeof(scheduler), "queue/scheduler", &part) <= 0) {
		report_add(d->check->report, FINDING_DISK_QUEUE, FINDING_GREEN, "%s: this machine does not tell", d->what);
		return;
	}
	bool turns = strcmp(rotational, "1") == 0;
	const char *begin = strchr(scheduler, '[');
	begin = begin == NULL ? scheduler : begin + 1;
	snprintf(shown, sizeof(shown), "%.*s", (int)strcspn(begin, "] "), begin);
	bool is_wrong = turns ? strcmp(shown, "none") == 0 : strcmp(shown, "bfq") == 0;
	finding_type(report_add(d->check->report, FINDING_DISK_QUEUE, is_wrong ? FINDING_AMBER : FINDING_GREEN, "%s: %s for a disk that %s",
				d->what, shown, turns ? "turns" : "does not turn"),
		     "echo mq-deadline >/sys/dev/block/%s%s/queue/scheduler, and a udev rule for each start", d->device, part);
}

/* "DEVNAME=sda1" */
static void device_name(const struct disk *d, char out[static WORD_BYTES])
{
	char text[1024];
	static const char label[] = "DEVNAME=";
	out[0] = 0;
	if (machine_read(text, sizeof(text), d->check->root, "/sys/dev/block/%s/uevent", d->device) <= 0)
		return;
	const char *at = strstr(text, label);
	if (at != NULL)
		copy_word(out, at + strlen(label));
}

/* "nvme0n1p2" is of "nvme0". */
static bool nvme_fault(const struct disk *d, const char *name, char out[static NVMEHEALTH_TEXT_BYTES], bool *is_bad, bool *is_told)
{
	char path[MACHINE_PATH_BYTES];
	struct nvmehealth health;
	static const char kind[] = "nvme";
	size_t len = strlen(kind) + strspn(name + strlen(kind), "0123456789");
	snprintf(path, sizeof(path), "%s/dev/%.*s", d->check->root, (int)len, name);
	if (nvmehealth_read(&health, path) != 0)
		return false;
	*is_told = true;
	return nvmehealth_fault(out, &health, is_bad);
}

/* What is wrong, by what the kernel tells without a tool; *is_bad unless the disk is only wearing out. */
static bool disk_fault(const struct disk *d, char out[static NVMEHEALTH_TEXT_BYTES], bool *is_bad, bool *is_told)
{
	const size_t size = NVMEHEALTH_TEXT_BYTES;
	char name[WORD_BYTES], state[WORD_BYTES], text[32];
	const char *part = "";
	uint64_t errors = 0, degraded = 0;
	device_name(d, name);
	*is_told = false;
	*is_bad = true;
	if (name[0] != 0 && strchr(name, '/') == NULL &&
	    machine_number(&errors, d->check->root, "/sys/fs/%s/%s/errors_count", d->type, name) == 0) {
		*is_told = true;
		if (errors > 0) {
			snprintf(out, size, "the file system has found %" PRIu64 " error%s", errors, errors == 1 ? "" : "s");
			return true;
		}
	}
	if (read_device(d, text, sizeof(text), "md/degraded", &part) > 0 && text_parse_u64(&degraded, text, UINT64_MAX) == 0) {
		*is_told = true;
		if (degraded > 0) {
			snprintf(out, size, "%" PRIu64 " disk%s of its array %s missing", degraded, degraded == 1 ? "" : "s",
				 degraded == 1 ? "is" : "are");
			return true;
		}
	}
	if (read_device(d, state, sizeof(state), "device/state", &part) > 0) {
		*is_told = true;
		if (strcmp(state, "running") != 0 && strcmp(state, "live") != 0) {
			snprintf(out, size, "its state is %.64s", state);
			return true;
		}
	}
	return strncmp(name, "nvme", 4) == 0 && nvme_fault(d, name, out, is_bad, is_told);
}

static void check_health(const struct disk *d)
{
	char fault[NVMEHEALTH_TEXT_BYTES], shown[4 * NVMEHEALTH_TEXT_BYTES];
	bool is_told = false, is_bad = true;
	if (disk_fault(d, fault, &is_bad, &is_told))
		finding_type(report_add(d->check->report, FINDING_DISK_HEALTH, is_bad ? FINDING_RED : FINDING_AMBER, "%s: %s", d->what,
					text_escape_name(shown, sizeof(shown), fault)),
			     "journalctl -k; smartctl -a of the disk below '%s'; copy what is on it, and replace it", d->shown);
	else
		report_add(d->check->report, FINDING_DISK_HEALTH, FINDING_GREEN, is_told ? "%s: the kernel tells of no fault"
			   : "%s: this machine does not tell", d->what);
}

/* ---- the folder ---- */

static void check_mode(const struct disk *d, mode_t mode)
{
	enum finding_state state = (mode & OTHERS_WRITE) != 0 ? FINDING_RED : (mode & OTHERS) != 0 ? FINDING_AMBER : FINDING_GREEN;
	finding_type(report_add(d->check->report, FINDING_FOLDER_MODE, state, "%s: %s has mode %04o", d->what, d->shown, mode & 07777),
		     "chmod 0750 '%s'", d->shown);
}

void check_disk(const struct check *check, const char *what, const char *path)
{
	char shown[2 * CONFIG_PATH_BYTES];
	struct disk d = {.check = check, .what = what, .path = path, .shown = text_escape_name(shown, sizeof(shown), path)};
	struct stat st;
	int fd = io_open_dir(AT_FDCWD, path);
	int result = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;
	if (result != 0) {
		io_close(fd);
		finding_type(report_result(check->report, FINDING_DISK_SPACE, result, "%s: %s", what, shown),
			     "namei -l '%s'; mount it, or start the box once, which makes it", shown);
		return;
	}
	snprintf(d.device, sizeof(d.device), "%u:%u", major(st.st_dev), minor(st.st_dev));
	add_fill(&d, FINDING_DISK_SPACE, diskfill_blocks(fd), "room");
	add_fill(&d, FINDING_DISK_INODES, diskfill_inodes(fd), "inodes");
	io_close(fd);
	check_mode(&d, st.st_mode);
	read_mount(&d);
	check_mount(&d);
	check_queue(&d);
	check_health(&d);
}
