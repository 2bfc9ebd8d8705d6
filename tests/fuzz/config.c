#include <stdint.h>
#include <stdlib.h>

#include "common/config.h"
#include "common/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char problem[PROBLEM_BYTES];
	for (int side = CONFIG_SENDER; side <= CONFIG_RECEIVER; side++) {
		struct config config;
		int result = config_parse(&config, (enum config_side)side, "/etc/weir/", data, len,
					  problem);
		if (result != 0 && result != VERDICT_BAD_CONFIGURATION)
			abort();
		if (result == 0 && (config.mtu < 1500 || config.mtu > 9000 || config.port == 0 ||
				    (side == CONFIG_SENDER && config.rate_bits_per_s == 0)))
			abort();
	}
	return 0;
}
