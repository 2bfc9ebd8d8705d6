/* Any bytes behind a right tag: decoded or refused; what was decoded encodes to the same header. */
#include <assert.h>
#include <string.h>

#include "common/trial.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t pattern[TRIAL_SIZE_MAX];
	struct trial t;
	uint8_t header[TRIAL_HEADER_BYTES] = {0};
	if (pattern[1] == 0) /* the register of ones takes a byte to change */
		trial_pattern(pattern, sizeof(pattern));
	if (trial_decode(&t, data, size, pattern) != 0)
		return 0;
	assert(t.step < t.steps && t.steps <= TRIAL_STEPS_MAX && t.test_id != 0);
	assert(trial_len(&t.plan, t.part) == size);
	trial_encode(header, &t);
	assert(memcmp(header + SUITE_TAG_BYTES, data + SUITE_TAG_BYTES, sizeof(header) - SUITE_TAG_BYTES) == 0);
	return 0;
}
