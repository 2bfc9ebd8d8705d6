/* What surviving an outage costs, in the words of `weir-sender check`. */
#include "sender/checkup_outage.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/tap.h"

static char text[4096];

static const char *check(const struct config *config)
{
	struct check check = {.config = config, .root = ""};
	if (report_new(&check.report) != 0)
		return "no memory";
	checkup_outage(&check);
	text[0] = 0;
	const struct finding *f;
	for (size_t i = 0, at = 0; (f = report_at(check.report, i)) != NULL && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s %s: %s\n", finding_state_name(f->state),
				       finding_name(f->id), f->what);
	report_free(check.report);
	return text;
}

int main(void)
{
	struct config config = {
		.rate_bits_per_s = 500000000, .mtu = 1500, .repair_permille = 125, .heal_percent = 25,
		.retention_days = 5,
	};
	is_text(check(&config), "green outage: none is provided for; survive_outage_ms in [link] asks for it\n"
		"green healing: 25 % of the rate, when nothing new waits, for 5 days\n", "without an outage to survive");
	config.survive_outage_ms = 1000;
	config.heal_percent = 0; /* plants healing */
	is_text(check(&config),
		"green outage: 1000 ms are survived, in which 59.6 MiB may be lost\n"
		"green outage: for a bundle of 64.0 KiB 100 % more is sent; after an outage it is whole 1.0 s after its first datagram\n"
		"green outage: for a bundle of 1.0 MiB 100 % more is sent; after an outage it is whole 1.0 s after its first datagram\n"
		"green outage: for a bundle of 64.0 MiB 78 % more is sent; after an outage it is whole 3.3 s after its first datagram\n"
		"green outage: a bundle of 1.0 GiB costs nothing: its 16 repair rows (12.5 %) last longer than 1000 ms\n"
		"green outage: a bundle of 16.0 GiB costs nothing: its 18 repair rows (14.1 %) last longer than 1000 ms\n"
		"amber healing: off: what is lost stays lost until somebody has it sent again\n",
		"what a second costs at 500 Mbit/s");
	return done_testing();
}
