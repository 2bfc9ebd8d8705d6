#include "diskfill.h"

#include <errno.h>
#include <sys/statvfs.h>

static uint64_t percent_of(uint64_t all, uint64_t free, uint64_t available)
{
	uint64_t used = all - free, whole = used + available;
	return whole == 0 ? 0 : (used * 100 + whole - 1) / whole;
}

int diskfill_blocks(int fd)
{
	struct statvfs fs;
	if (fstatvfs(fd, &fs) < 0)
		return -errno;
	return (int)(fs.f_blocks == 0 ? 100 : percent_of(fs.f_blocks, fs.f_bfree, fs.f_bavail));
}

int diskfill_inodes(int fd)
{
	struct statvfs fs;
	if (fstatvfs(fd, &fs) < 0)
		return -errno;
	/* a file system without a fixed number of inodes says that it has none */
	return (int)percent_of(fs.f_files, fs.f_ffree, fs.f_favail);
}

int diskfill_percent(int fd)
{
	int blocks = diskfill_blocks(fd), inodes = diskfill_inodes(fd);
	return blocks < 0 || blocks > inodes ? blocks : inodes;
}

enum diskfill diskfill_level(enum diskfill before, unsigned int percent, uint32_t full_percent)
{
	uint32_t warn = full_percent > DISKFILL_WARN_POINTS ? full_percent - DISKFILL_WARN_POINTS : 1;
	if (percent >= full_percent)
		return DISKFILL_FULL;
	/* what is taken again at once when it may be; the word of it comes when it is likely to last */
	if (percent >= warn || (before != DISKFILL_FINE && percent + DISKFILL_CALM_POINTS > warn))
		return DISKFILL_FILLING;
	return DISKFILL_FINE;
}
