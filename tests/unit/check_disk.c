/* The disk of spool or vault: its room, its mount, what lies below, and its folder. */
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "common/diskfill.h"
#include "common/io.h"
#include "tests/lib/checks.h"

static struct config config = {.side = CONFIG_RECEIVER, .disk_full_percent = 100};
static char folder[4200];
static char device[64];

static void look(const struct check *check)
{
	check_disk(check, "vault", folder);
}

/* What others write meanwhile is a few percent at most. */
static void test_fill(int percent, const char *green, const char *amber, const char *red)
{
	config.disk_full_percent = (uint32_t)percent + 40;
	finds(look, &config, green, "a disk with room is green");
	if (percent > 0) { /* a file system without a fixed number of inodes never fills up with them */
		config.disk_full_percent = (uint32_t)percent + 5;
		finds(look, &config, amber, "one that fills up is amber");
	}
	config.disk_full_percent = percent > 5 ? (uint32_t)percent - 5 : 0;
	finds(look, &config, red, "one that takes nothing more is red");
}

static void test_space(void)
{
	int fd = io_open_dir(AT_FDCWD, folder);
	int blocks = diskfill_blocks(fd), inodes = diskfill_inodes(fd);
	io_close(fd);
	ok(blocks >= 0 && inodes >= 0, "a disk says how full it is");
	test_fill(blocks, "green disk-space: vault: ", "amber disk-space: vault: ", "red disk-space: vault: ");
	test_fill(inodes, "green disk-inodes: vault: ", "amber disk-inodes: vault: ", "red disk-inodes: vault: ");
	config.disk_full_percent = 100;
	snprintf(folder, sizeof(folder), "%s/none", test_dir());
	finds(look, &config, "red disk-space: vault: ", "and so is a folder that is not there");
	snprintf(folder, sizeof(folder), "%s/vault", test_dir());
}

static void put_mount(const char *type, const char *options, const char *of_type)
{
	char text[16384];
	snprintf(text, sizeof(text), "22 1 0:21 / / ro,relatime - overlay overlay ro\n23 22 0:22 / %s rw - other other rw\n"
		 "24 22 8:1 / %s %s master:1 - %s /dev/sda1 %s\n25 22 8:2 / %sx rw - other other rw\n", test_dir(), folder, options, type,
		 of_type, folder);
	box_put("/proc/self/mountinfo", text);
}

static void test_mount(void)
{
	finds(look, &config, "green disk-mount: vault: this machine does not tell", "where no mount is told it is green");
	finds(look, &config, "green disk-reserve: vault: this machine does not tell", "and so is what it can");
	put_mount("ext4", "rw,noatime", "rw,errors=remount-ro");
	finds(look, &config, "green disk-mount: vault: ext4", "the mount next to the folder counts");
	finds(look, &config, "green disk-reserve: vault: ext4 sets room aside", "and can set room aside");
	put_mount("ext4", "ro,noatime", "rw");
	ok(strstr(found(look, &config, "disk-mount"), "(ext4) cannot be written; type: findmnt -T ") != NULL, "one that is only read is red");
	finds(look, &config, "red disk-mount: vault: ", "as its colour says");
	put_mount("tmpfs", "rw", "rw");
	finds(look, &config, "red disk-mount: vault: ", "memory is red");
	put_mount("ext4", "rw", "rw,nobarrier");
	finds(look, &config, "red disk-mount: vault: ", "a disk that is not waited for is red");
	put_mount("ext4", "rw", "rw,data=writeback");
	finds(look, &config, "amber disk-mount: vault: ", "data that come after their names are amber");
	put_mount("xfs", "rw,sync", "rw");
	finds(look, &config, "amber disk-mount: vault: ", "waiting at each write is amber");
	put_mount("nfs4", "rw", "rw");
	finds(look, &config, "amber disk-mount: vault: ", "another machine's disk is amber");
	finds(look, &config, "amber disk-reserve: vault: nfs4 may not set room aside; type: put it on ext4 or xfs", "and may not set room aside");
}

static void put_below(const char *file, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "/sys/dev/block/%s/%s", device, file);
	box_put(path, text);
}

static void test_below(void)
{
	char wanted[256];
	finds(look, &config, "green disk-queue: vault: this machine does not tell", "a disk that tells nothing is green");
	put_below("queue/rotational", "1\n");
	put_below("queue/scheduler", "none [mq-deadline] bfq\n");
	finds(look, &config, "green disk-queue: vault: mq-deadline for a disk that turns", "a disk that turns has a scheduler");
	put_below("queue/scheduler", "[none] mq-deadline bfq\n");
	snprintf(wanted, sizeof(wanted), "amber disk-queue: vault: none for a disk that turns; type: echo mq-deadline >/sys/dev/block/%s/queue/scheduler", device);
	finds(look, &config, wanted, "without one it is amber");
	put_below("queue/rotational", "0\n");
	finds(look, &config, "green disk-queue: vault: none for a disk that does not turn", "a disk without parts that turn needs none");
	put_below("queue/scheduler", "none mq-deadline [bfq]\n");
	finds(look, &config, "amber disk-queue: vault: bfq for a disk that does not turn", "and is slowed down by another");
}

/* A part of a disk has its queue in that. */
static void test_part(void)
{
	char wanted[256], path[256];
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%s/queue/%s", device, i == 0 ? "rotational" : "scheduler");
		box_remove(path);
	}
	box_put("/sys/dev/block/queue/rotational", "1\n");
	box_put("/sys/dev/block/queue/scheduler", "[none]\n");
	snprintf(wanted, sizeof(wanted), "amber disk-queue: vault: none for a disk that turns; type: echo mq-deadline >/sys/dev/block/%s/../queue/scheduler", device);
	finds(look, &config, wanted, "a part of a disk has the queue of the whole");
}

static void test_health(void)
{
	put_mount("ext4", "rw", "rw");
	finds(look, &config, "green disk-health: vault: this machine does not tell", "a disk that tells nothing is green");
	put_below("uevent", "MAJOR=8\nMINOR=1\nDEVNAME=sda1\n");
	box_put("/sys/fs/ext4/sda1/errors_count", "0\n");
	finds(look, &config, "green disk-health: vault: the kernel tells of no fault", "one without a fault is green");
	box_put("/sys/fs/ext4/sda1/errors_count", "3\n");
	finds(look, &config, "red disk-health: vault: the file system has found 3 errors; type: ", "errors of the file system are red");
	box_put("/sys/fs/ext4/sda1/errors_count", "0\n");
	box_put("/sys/dev/block/md/degraded", "1\n");
	finds(look, &config, "red disk-health: vault: 1 disk of its array is missing", "an array that lacks a disk is red");
	box_put("/sys/dev/block/md/degraded", "0\n");
	put_below("device/state", "offline\n");
	finds(look, &config, "red disk-health: vault: its state is offline", "a disk that is off is red");
	put_below("device/state", "live\n");
	put_below("uevent", "MAJOR=259\nMINOR=1\nDEVNAME=nvme0n1p2\n");
	box_put("/dev/nvme0", "no disk");
	finds(look, &config, "green disk-health: vault: the kernel tells of no fault", "one that is on is green");
}

static void test_mode(void)
{
	chmod(folder, 0750);
	finds(look, &config, "green folder-mode: vault: ", "a folder that others cannot read is green");
	chmod(folder, 0755);
	finds(look, &config, "amber folder-mode: vault: ", "one that they can read is amber");
	chmod(folder, 0770);
	finds(look, &config, "red folder-mode: vault: ", "one that they can write is red");
}

int main(void)
{
	struct stat st;
	box_put("/vault/file", "");
	snprintf(folder, sizeof(folder), "%s/vault", test_dir());
	if (stat(folder, &st) < 0)
		return 1;
	snprintf(device, sizeof(device), "%u:%u", major(st.st_dev), minor(st.st_dev));
	test_space();
	test_mount();
	test_below();
	test_part();
	test_health();
	test_mode();
	return done_testing();
}
