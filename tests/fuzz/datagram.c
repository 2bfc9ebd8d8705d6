/* Any bytes behind a right tag: decoded or refused; what was decoded encodes to the same header. */
#include <assert.h>
#include <string.h>

#include "common/datagram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct datagram d;
	uint8_t header[DATAGRAM_DATA_BYTES] = {0};
	if (datagram_decode(&d, data, size) != 0)
		return 0;
	assert(d.payload >= data && d.payload_len <= size);
	if (d.type == DATAGRAM_TYPE_DATA) {
		assert(geometry_check(&d.geometry) == 0);
		datagram_encode_data(header, &d);
		assert(memcmp(header + SUITE_TAG_BYTES, data + SUITE_TAG_BYTES,
			      sizeof(header) - SUITE_TAG_BYTES) == 0);
	}
	return 0;
}
