#include <errno.h>
#include <stdio.h>

#include "check.h"
#include "swapless.h"
#include "text.h"

void check_swap(const struct check *check)
{
	char area[CONFIG_PATH_BYTES] = "", shown[2 * CONFIG_PATH_BYTES], table[CONFIG_PATH_BYTES + sizeof("/proc/swaps")];
	snprintf(table, sizeof(table), "%s/proc/swaps", check->root);
	int result = swapless_area(area, sizeof(area), table);
	text_escape_name(shown, sizeof(shown), area);
	if (result != 0)
		finding_type(report_result(check->report, FINDING_SWAP, result, "/proc/swaps"), "cat /proc/swaps");
	else if (area[0] == 0)
		report_add(check->report, FINDING_SWAP, FINDING_GREEN, "none");
	else
		finding_type(report_add(check->report, FINDING_SWAP, FINDING_RED, "%s is in use", shown),
			     "swapoff '%s'; then take it out of /etc/fstab", shown);
}
