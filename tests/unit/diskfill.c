/* How full a disk is, and when somebody should know. */
#include "common/diskfill.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/lib/tap.h"

static void levels(void)
{
	static const struct {
		enum diskfill before;
		unsigned int percent;
		uint32_t full;
		enum diskfill wanted;
	} cases[] = {
		{DISKFILL_FINE, 79, 90, DISKFILL_FINE},       {DISKFILL_FINE, 80, 90, DISKFILL_FILLING},
		{DISKFILL_FINE, 89, 90, DISKFILL_FILLING},    {DISKFILL_FINE, 90, 90, DISKFILL_FULL},
		{DISKFILL_FULL, 89, 90, DISKFILL_FILLING},    {DISKFILL_FILLING, 79, 90, DISKFILL_FILLING},
		{DISKFILL_FILLING, 78, 90, DISKFILL_FINE},    {DISKFILL_FULL, 10, 90, DISKFILL_FINE},
		{DISKFILL_FINE, 0, 5, DISKFILL_FINE},         {DISKFILL_FINE, 1, 5, DISKFILL_FILLING},
		{DISKFILL_FINE, 100, 99, DISKFILL_FULL},      {DISKFILL_FINE, 100, 101, DISKFILL_FILLING},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_number(diskfill_level(cases[i].before, cases[i].percent, cases[i].full), cases[i].wanted,
			  "%u %% of %u, after %d", cases[i].percent, cases[i].full, cases[i].before);
}

int main(void)
{
	levels();
	int fd = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int percent = diskfill_percent(fd);
	ok(percent >= 0 && percent <= 100, "a disk is filled from 0 to 100 percent");
	close(fd);
	is_number(diskfill_percent(fd), -EBADF, "what is none has no fill");
	return done_testing();
}
