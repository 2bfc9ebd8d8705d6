#include <inttypes.h>

#include "check.h"
#include "machine.h"
#include "text.h"

/* Our daemons may force their buffer only through systemd or as root; else this is what they get. */
static void check_receive_buffer(const struct check *check)
{
	uint64_t most = 0, wanted = check->config->socket_buffer_bytes;
	char have[32], want[32];
	if (machine_number(&most, check->root, "/proc/sys/net/core/rmem_max") != 0) {
		/* a network namespace other than the first has no such file */
		report_add(check->report, FINDING_RECEIVE_BUFFER, FINDING_GREEN, "net.core.rmem_max cannot be seen from here");
		return;
	}
	struct finding *f = report_add(check->report, FINDING_RECEIVE_BUFFER, most >= wanted ? FINDING_GREEN : FINDING_RED,
				       "%s wanted, %s allowed", text_size(want, sizeof(want), wanted),
				       text_size(have, sizeof(have), most));
	finding_type(f, "sysctl -w net.core.rmem_max=%" PRIu64, wanted);
}

void check_kernel(const struct check *check)
{
	if (check->config->side == CONFIG_RECEIVER)
		check_receive_buffer(check);
}
