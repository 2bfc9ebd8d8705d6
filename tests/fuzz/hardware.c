/* What plugged modules and disks have in their memory, for `check`: any bytes. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/nvmehealth.h"
#include "common/optics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_module(const uint8_t *data, size_t len)
{
	struct optics optics;
	/* the last bytes that are read are the last that there are: a copy of its own, so that one more is seen */
	uint8_t *memory = malloc(len - 1 > 0 ? len - 1 : 1);
	if (memory == NULL)
		return;
	memcpy(memory, data + 1, len - 1);
	if (optics_decode(&optics, memory, len - 1, data[0] % 8) == 0) {
		(void)light_judge(&optics.sent);
		(void)light_judge(&optics.seen);
	}
	free(memory);
}

static void read_disk(const uint8_t *data, size_t len)
{
	struct nvmehealth health;
	uint8_t log[NVMEHEALTH_LOG_BYTES] = {0};
	char text[NVMEHEALTH_TEXT_BYTES];
	bool is_bad = false;
	memcpy(log, data, len < sizeof(log) ? len : sizeof(log));
	nvmehealth_decode(&health, log);
	bool is_fault = nvmehealth_fault(text, &health, &is_bad);
	assert(is_fault == (text[0] != 0) && strlen(text) < sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	read_module(data, len);
	read_disk(data, len);
	return 0;
}
