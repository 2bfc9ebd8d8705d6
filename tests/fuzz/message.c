/* Any bytes as a control message: decoded or refused; what was decoded encodes to the same bytes. */
#include <assert.h>
#include <string.h>

#include "common/catalogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_heartbeat(const uint8_t *data, size_t size)
{
	struct heartbeat beat;
	uint8_t out[HEARTBEAT_BYTES], seed[SUITE_KEY_BYTES] = {1};
	if (heartbeat_decode(&beat, data, size) != 0)
		return;
	assert(heartbeat_encode(out, &beat, seed) == 0);
	assert(memcmp(out, data, HEARTBEAT_BYTES - SUITE_SIGNATURE_BYTES) == 0);
}

static void try_page(const uint8_t *data, size_t size)
{
	struct page page;
	size_t len;
	uint8_t out[PAGE_BYTES_MAX], seed[SUITE_KEY_BYTES] = {1};
	if (page_decode(&page, data, size) != 0)
		return;
	assert(page_encode(out, &len, &page, seed) == 0);
	assert(len == size && memcmp(out, data, len - SUITE_SIGNATURE_BYTES) == 0);
}

static void try_heads(const uint8_t *data, size_t size)
{
	struct heads heads;
	size_t len;
	uint8_t out[HEADS_BYTES_MAX], seed[SUITE_KEY_BYTES] = {1};
	if (heads_decode(&heads, data, size) != 0)
		return;
	assert(heads_encode(out, &len, &heads, seed) == 0);
	assert(len == size && memcmp(out, data, len - SUITE_SIGNATURE_BYTES) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)message_kind(data, size);
	try_heartbeat(data, size);
	try_page(data, size);
	try_heads(data, size);
	return 0;
}
