/* Any bytes as a manifest: decoded or refused; what was decoded encodes to the same bytes. */
#include "common/manifest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest m;
	if (manifest_decode(&m, data, size) != 0)
		return 0;
	for (uint32_t i = 0; i < m.member_count; i++) {
		assert(member_name_is_valid(m.members[i].name, strlen(m.members[i].name)));
		assert(i == 0 || member_name_compare(m.members[i - 1].name, m.members[i].name) < 0);
	}
	uint8_t *out = NULL;
	size_t len = 0;
	assert(manifest_encode(&m, &out, &len) == 0);
	assert(len == size && memcmp(out, data, len) == 0);
	free(out);
	manifest_free(&m);
	return 0;
}
