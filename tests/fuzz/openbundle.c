/*
 * Any bytes as the body of an open bundle: the first 64 begin its head, the rest its text, zeros follow both.  What
 * is read makes the same body again; what is made of any text is read.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/openbundle.h"

#include "tests/lib/fuzzblocks.h"

enum { HEAD_PART = 64, TEXT_MOST = 65536 };

static void is_read(const uint8_t *body, size_t body_len, const struct statement *statement, const uint8_t *text,
		    size_t len)
{
	const uint8_t *out = NULL;
	size_t out_len = 0;
	assert(open_check_statement(statement) == 0);
	assert(open_decode(&out, &out_len, body, body_len, statement) == 0);
	assert(out_len == len && memcmp(out, text, len) == 0);
}

/* What was read makes the same body again. */
static void makes_again(const uint8_t *text, size_t len, const uint8_t *body, size_t body_len)
{
	struct statement statement = {.registry_version = 0};
	uint8_t *again = NULL;
	size_t again_len = 0;
	if (open_make(&again, &again_len, &statement, OPEN_REGISTRY, text, len) != 0)
		abort();
	is_read(again, again_len, &statement, text, len);
	assert(again_len == body_len && memcmp(again, body, body_len) == 0);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (suite_start() != 0 || size <= HEAD_PART || size - HEAD_PART > TEXT_MOST)
		return 0;
	const size_t blocks = fuzz_blocks_in_use();
	const size_t text_len = size - HEAD_PART;
	const uint8_t *out = NULL;
	size_t out_len = 0;
	struct statement statement = {.registry_version = 0};
	uint8_t *made = NULL;
	size_t body_len = 0;
	/* its length, and the digest of its text */
	if (open_make(&made, &body_len, &statement, OPEN_REGISTRY, data + HEAD_PART, text_len) != 0)
		abort();
	is_read(made, body_len, &statement, data + HEAD_PART, text_len);
	memcpy(made, data, HEAD_PART);
	if (open_decode(&out, &out_len, made, body_len, &statement) == 0)
		makes_again(out, out_len, made, body_len);
	for (size_t cut = 0; cut < body_len; cut += 4099)
		assert(open_decode(&out, &out_len, made, cut, &statement) != 0);
	free(made);
	fuzz_blocks_check(blocks);
	return 0;
}
