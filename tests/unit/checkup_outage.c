/* What surviving an outage costs, in the words of `weir-sender check`. */
#include "sender/checkup_outage.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/tap.h"

static char text[4096];

static void say(void *context, int result, const char *what, const char *detail, const char *why)
{
	(void)context;
	size_t at = strlen(text);
	if (result == 0 && why[0] == 0)
		snprintf(text + at, sizeof(text) - at, "%s: %s\n", what, detail);
}

static const char *check(const struct config *config)
{
	text[0] = 0;
	checkup_outage(config, say, NULL);
	return text;
}

int main(void)
{
	struct config config = {
		.rate_bits_per_s = 500000000, .mtu = 1500, .repair_permille = 125, .heal_percent = 25,
		.retention_days = 5,
	};
	is_text(check(&config), "outage: none is provided for; survive_outage_ms in [link] asks for it\n"
		"healing: 25 % of the rate, when nothing new waits, for 5 days\n", "without an outage to survive");
	config.survive_outage_ms = 1000;
	config.heal_percent = 0;
	is_text(check(&config),
		"outage: 1000 ms are survived, in which 59.6 MiB may be lost\n"
		"outage, bundle of 64.0 KiB: 100 % more is sent; after an outage it is whole 1.0 s after its first datagram\n"
		"outage, bundle of 1.0 MiB: 100 % more is sent; after an outage it is whole 1.0 s after its first datagram\n"
		"outage, bundle of 64.0 MiB: 78 % more is sent; after an outage it is whole 3.3 s after its first datagram\n"
		"outage, bundle of 1.0 GiB: costs nothing: its 16 repair rows (12.5 %) last longer than 1000 ms\n"
		"outage, bundle of 16.0 GiB: costs nothing: its 18 repair rows (14.1 %) last longer than 1000 ms\n"
		"healing: off: what is lost stays lost until somebody has it sent again\n",
		"what a second costs at 500 Mbit/s");
	return done_testing();
}
