#include "common/swapless.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/tap.h"

static int area_of(const char *table, char *area, size_t size)
{
	const char *path = test_path("swaps");
	FILE *file = fopen(path, "we");
	if (file == NULL || fputs(table, file) < 0 || fclose(file) != 0)
		return -EIO;
	return swapless_area(area, size, path);
}

int main(void)
{
	bool is_memory = false;
	char area[64];
	is_number(swapless_folder(&is_memory, "/dev/shm"), 0, "a folder is looked at");
	ok(is_memory, "/dev/shm is memory");
	is_number(swapless_folder(&is_memory, "/proc"), 0, "another one, too");
	ok(!is_memory, "/proc is not");
	is_number(swapless_folder(&is_memory, test_path("none")), -ENOENT, "one that is not there is no memory");

	static const char head[] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
	char table[512];
	is_number(area_of(head, area, sizeof(area)), 0, "a table without an area is read");
	is_text(area, "", "there is no swap");
	snprintf(table, sizeof(table), "%s/dev/sda2                               partition\t1000\t\t0\t\t-2\n", head);
	is_number(area_of(table, area, sizeof(area)), 0, "a table with an area is read");
	is_text(area, "/dev/sda2", "the area is named");
	snprintf(table, sizeof(table), "%s/swap\\040file\tfile\t1\t0\t-2\n/dev/zram0\tpartition\t1\t0\t9\n", head);
	is_number(area_of(table, area, sizeof(area)), 0, "several areas are read");
	is_text(area, "/swap\\040file", "the first is named");
	is_number(area_of("", area, sizeof(area)), -EBADMSG, "an empty file is no table");
	is_number(area_of("/dev/sda2 partition\n", area, sizeof(area)), -EBADMSG, "nor is one without its heading");
	is_number(swapless_area(area, sizeof(area), test_path("none")), -ENOENT, "nor one that is not there");
	is_number(swapless_area(area, sizeof(area), "/proc/swaps"), 0, "the kernel's is one");
	return done_testing();
}
