/*
 * Any bytes, zero-filled to the length of each structure: decoded or refused; what was decoded encodes
 * to the same bytes.
 */
#include <assert.h>
#include <string.h>

#include "common/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_statement(const uint8_t *segment)
{
	struct statement s;
	uint8_t out[STATEMENT_BYTES];
	if (statement_decode(&s, segment) != 0)
		return;
	statement_encode(out, &s);
	assert(memcmp(out, segment, sizeof(out)) == 0);
}

static void try_release(const uint8_t *segment)
{
	struct release r;
	uint8_t out[SEGMENT_BYTES];
	if (release_segment_decode(&r, segment) != 0)
		return;
	release_segment_encode(out, &r);
	assert(memcmp(out, segment, sizeof(out)) == 0);
	char name[BUNDLE_NAME_BYTES], route[NAME_BYTES];
	uint64_t number;
	bundle_name(name, r.statement.route, r.number);
	assert(bundle_name_parse(name, route, &number) == 0);
	assert(number == r.number && memcmp(route, r.statement.route, NAME_BYTES) == 0);
}

static void try_unreleased(const uint8_t *segment)
{
	struct statement s;
	uint8_t signature[SUITE_SIGNATURE_BYTES], out[SEGMENT_BYTES];
	if (unreleased_segment_decode(&s, signature, segment) != 0)
		return;
	unreleased_segment_encode(out, &s, signature);
	assert(memcmp(out, segment, sizeof(out)) == 0);
}

static void try_head(const uint8_t *segment)
{
	static const uint8_t secret[SUITE_KEY_BYTES] = {1}, psk[SUITE_KEY_BYTES] = {2};
	struct head h;
	struct bundle_keys keys;
	uint8_t out[SEGMENT_BYTES];
	if (head_decode(&h, segment) != 0)
		return;
	head_encode(out, &h);
	assert(memcmp(out, segment, sizeof(out)) == 0);
	assert(head_open(&keys, &h, h.stanzas[0].key_id, secret, psk) != 0);
}

static void try_name(const uint8_t *data, size_t size)
{
	char text[BUNDLE_NAME_BYTES + 8], route[NAME_BYTES], again[BUNDLE_NAME_BYTES];
	uint64_t number;
	size_t len = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
	if (len > 0)
		memcpy(text, data, len);
	text[len] = 0;
	if (bundle_name_parse(text, route, &number) != 0)
		return;
	bundle_name(again, route, number);
	assert(strcmp(again, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t segment[SEGMENT_BYTES] = {0};
	if (size > 0)
		memcpy(segment, data, size < sizeof(segment) ? size : sizeof(segment));
	if (suite_start() != 0)
		return 0;
	try_statement(segment);
	try_release(segment);
	try_unreleased(segment);
	try_head(segment);
	try_name(data, size);
	return 0;
}
