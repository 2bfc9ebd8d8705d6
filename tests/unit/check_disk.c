/* The disk of spool or vault. */
#include <fcntl.h>

#include "common/diskfill.h"
#include "common/io.h"
#include "tests/lib/checks.h"

static struct config config;
static const char *folder;

static void look(const struct check *check)
{
	check_disk(check, "spool", folder);
}

/* What others write meanwhile is a few percent at most. */
static void test_space(void)
{
	int fd = io_open_dir(AT_FDCWD, folder);
	int percent = diskfill_percent(fd);
	io_close(fd);
	ok(percent > 0, "something of a disk is in use");
	config.disk_full_percent = (uint32_t)percent + 40;
	finds(look, &config, "green disk-space: spool: ", "a disk with room is green");
	config.disk_full_percent = (uint32_t)percent + 5;
	finds(look, &config, "amber disk-space: spool: ", "one that fills up is amber");
	config.disk_full_percent = percent > 5 ? (uint32_t)percent - 5 : 1;
	finds(look, &config, "red disk-space: spool: ", "one that takes nothing more is red");
	folder = test_path("none");
	finds(look, &config, "red disk-space: spool: ", "and so is a folder that is not there");
	folder = test_dir();
}

int main(void)
{
	folder = test_dir();
	test_space();
	return done_testing();
}
