/* Whether memory can reach a disk. */
#include "tests/lib/checks.h"

int main(void)
{
	static const char head[] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
	char table[256];
	const struct config config = {.side = CONFIG_SENDER};
	finds(check_swap, &config, "red swap: /proc/swaps: No such file", "a table that cannot be read is red");
	box_put("/proc/swaps", head);
	finds(check_swap, &config, "green swap: none", "without swap it is green");
	snprintf(table, sizeof(table), "%s/dev/sda2 partition\t1000\t0\t-2\n", head);
	box_put("/proc/swaps", table);
	is_text(found(check_swap, &config, "swap"), "red swap: /dev/sda2 is in use; type: swapoff '/dev/sda2'; then take it out of /etc/fstab",
		"an area in use is red");
	return done_testing();
}
