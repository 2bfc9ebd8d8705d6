#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/linkstate.h"
#include "common/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is read is written so that it is read as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct linkstate state, again;
	char text[LINKSTATE_BYTES_MAX + 1];
	int verdict = linkstate_decode(&state, data, len);
	if (verdict != VERDICT_OK)
		return 0;
	long written = linkstate_encode(text, sizeof(text), &state);
	if (written <= 0 || linkstate_decode(&again, (const uint8_t *)text, (size_t)written) != VERDICT_OK ||
	    memcmp(&state, &again, sizeof(state)) != 0)
		abort();
	return 0;
}
