#include "checkup_outage.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/datagram.h"
#include "common/text.h"
#include "plan.h"

static double seconds(uint64_t payload, const struct config *config)
{
	uint64_t symbols = datagram_symbols(config->mtu);
	double share = (double)symbols * SYMBOL_BYTES /
		       (double)(datagram_len((uint32_t)symbols) + IP_UDP_BYTES);
	return (double)payload * 8 / share / (double)config->rate_bits_per_s;
}

static void add_cost(const struct check *check, uint64_t object_len)
{
	const struct config *config = check->config;
	const struct plan_terms terms = {
		.rate_bits_per_s = config->rate_bits_per_s,
		.mtu = config->mtu,
		.passes = 1,
		.survive_outage_ms = config->survive_outage_ms,
	};
	struct geometry g = geometry_choose(object_len, config->repair_permille);
	struct plan plan = {0};
	struct plan_step step;
	char size[32];
	(void)plan_work(&step, &plan, &g, &terms);
	uint64_t pass = plan_step_bytes(&step, &g), late = 0;
	double whole_s = seconds(pass, config);
	plan.passes = 1;
	if (plan_work(&step, &plan, &g, &terms)) {
		late = plan_step_bytes(&step, &g);
		whole_s += (double)config->survive_outage_ms / 1000 + seconds(late, config);
	}
	text_size(size, sizeof(size), object_len);
	if (late == 0)
		report_add(check->report, FINDING_OUTAGE, FINDING_GREEN, "a bundle of %s costs nothing: its %u repair rows (%.1f %%) "
			   "last longer than %" PRIu32 " ms", size, g.repair_rows, 100.0 * g.repair_rows / g.source_rows,
			   config->survive_outage_ms);
	else
		report_add(check->report, FINDING_OUTAGE, FINDING_GREEN, "for a bundle of %s %.0f %% more is sent; after an outage it is "
			   "whole %.1f s after its first datagram", size, 100.0 * (double)late / (double)pass, whole_s);
}

void checkup_outage(const struct check *check)
{
	static const uint64_t sizes[] = {
		UINT64_C(64) << 10, UINT64_C(1) << 20, UINT64_C(64) << 20, UINT64_C(1) << 30, UINT64_C(16) << 30};
	const struct config *config = check->config;
	char lost[32];
	uint64_t bytes = config->rate_bits_per_s / 8000 * config->survive_outage_ms;
	if (config->survive_outage_ms == 0)
		report_add(check->report, FINDING_OUTAGE, FINDING_GREEN,
			   "none is provided for; survive_outage_ms in [link] asks for it");
	else
		report_add(check->report, FINDING_OUTAGE, FINDING_GREEN, "%" PRIu32 " ms are survived, in which %s may be lost",
			   config->survive_outage_ms, text_size(lost, sizeof(lost), bytes));
	for (size_t i = 0; config->survive_outage_ms != 0 && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		add_cost(check, sizes[i]);
	if (config->heal_percent == 0)
		finding_type(report_add(check->report, FINDING_HEALING, FINDING_AMBER,
					"off: what is lost stays lost until somebody has it sent again"),
			     "set heal_percent in [link], and start the box again");
	else
		report_add(check->report, FINDING_HEALING, FINDING_GREEN,
			   "%" PRIu32 " %% of the rate, when nothing new waits, for %" PRIu32 " day%s", config->heal_percent,
			   config->retention_days, config->retention_days == 1 ? "" : "s");
}
