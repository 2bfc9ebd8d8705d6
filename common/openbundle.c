#include "openbundle.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bundle_parts.h"
#include "io.h"
#include "tree.h"
#include "verdict.h"

enum { HEAD_SEGMENTS = 1, SEGMENTS_MIN = 3 };

static const char magic[] = "WEIROPEN";

bool open_is(const struct statement *statement)
{
	return strcmp(statement->route, OPEN_ROUTE) == 0;
}

const char *open_route_name(const struct registry *registry, uint16_t route_id)
{
	if (route_id == OPEN_ROUTE_ID)
		return OPEN_ROUTE;
	const struct route *route = registry_route_by_id(registry, route_id);
	return route == NULL ? NULL : route->name;
}

uint16_t open_route_id(const struct registry *registry, const char *name)
{
	if (strcmp(name, OPEN_ROUTE) == 0)
		return OPEN_ROUTE_ID;
	const struct route *route = registry_route(registry, name);
	return route == NULL ? 0 : route->id;
}

/* N for a text of this length: never so few that the object would be too small for the link. */
static uint64_t segments_of(uint64_t len)
{
	uint64_t segments = bundle_pad(HEAD_SEGMENTS + (len + SEGMENT_BYTES - 1) / SEGMENT_BYTES);
	return segments < SEGMENTS_MIN ? SEGMENTS_MIN : segments;
}

void open_digest(uint8_t out[static SUITE_DIGEST_BYTES], const uint8_t *text, size_t len)
{
	suite_hash(out, SUITE_DIGEST_BYTES, "weir1 open", NULL, 0, text, len);
}

static void hash_body(uint8_t root[static SUITE_DIGEST_BYTES], const uint8_t *body, uint64_t segments)
{
	struct tree tree;
	uint8_t leaf[1][SUITE_DIGEST_BYTES];
	tree_start(&tree);
	for (uint64_t i = 0; i < segments; i++) {
		tree_leaves(leaf, body + i * SEGMENT_BYTES, 1);
		tree_add(&tree, leaf[0]);
	}
	tree_root(&tree, root);
}

int open_make(uint8_t **out, size_t *out_len, struct statement *statement, enum open_kind kind,
	      const uint8_t *text, size_t len)
{
	assert(len >= 1 && len <= OPEN_TEXT_MAX);
	uint64_t segments = segments_of(len);
	uint8_t *body = calloc((size_t)segments, SEGMENT_BYTES);
	if (body == NULL)
		return -ENOMEM;
	struct writer w = writer_of(body, SEGMENT_BYTES);
	bundle_write_start(&w, magic);
	write_u16(&w, (uint16_t)kind);
	write_u16(&w, 0);
	write_u64(&w, len);
	assert(w.at == OPEN_HEAD_BYTES);
	memcpy(body + SEGMENT_BYTES, text, len);
	memset(statement->route, 0, sizeof(statement->route));
	memcpy(statement->route, OPEN_ROUTE, sizeof(OPEN_ROUTE));
	statement->segments = segments;
	statement->manifest_segments = 1;
	hash_body(statement->root, body, segments);
	open_digest(statement->manifest_digest, text, len);
	*out = body;
	*out_len = (size_t)(segments * SEGMENT_BYTES);
	return 0;
}

int open_check_statement(const struct statement *s)
{
	if (s->policy_version != 0 || s->guard != GUARD_NO_RULES || s->scan != SCAN_NOT_ASKED)
		return VERDICT_WRONG_POLICY;
	return s->registry_version != 0 || s->manifest_segments != 1 ||
			       s->segments > segments_of(OPEN_TEXT_MAX)
		       ? VERDICT_BAD_LIMIT
		       : VERDICT_OK;
}

static int decode_head(uint64_t *len, const uint8_t *segment)
{
	struct reader r = reader_of(segment, SEGMENT_BYTES);
	int result = bundle_read_start(&r, magic);
	if (result != 0)
		return result;
	if (read_u16(&r) != OPEN_REGISTRY)
		return VERDICT_BAD_TYPE;
	if (!read_zeros(&r, 2))
		return VERDICT_BAD_RESERVED;
	*len = read_u64(&r);
	if (*len == 0 || *len > OPEN_TEXT_MAX)
		return VERDICT_BAD_LIMIT;
	return read_zeros(&r, SEGMENT_BYTES - OPEN_HEAD_BYTES) ? VERDICT_OK : VERDICT_BAD_RESERVED;
}

int open_decode(const uint8_t **text, size_t *len, const uint8_t *body, size_t body_len,
		const struct statement *statement)
{
	uint64_t text_len = 0;
	uint8_t digest[SUITE_DIGEST_BYTES];
	if (body_len < (size_t)SEGMENTS_MIN * SEGMENT_BYTES)
		return VERDICT_TRUNCATED;
	int result = decode_head(&text_len, body);
	if (result != 0)
		return result;
	if (statement->segments != segments_of(text_len) ||
	    body_len != statement->segments * SEGMENT_BYTES)
		return VERDICT_BAD_LENGTH;
	const uint8_t *begin = body + SEGMENT_BYTES;
	if (!bytes_are_zero(begin + text_len, body_len - SEGMENT_BYTES - (size_t)text_len))
		return VERDICT_BAD_RESERVED;
	open_digest(digest, begin, (size_t)text_len);
	if (!suite_equal(digest, statement->manifest_digest, sizeof(digest)))
		return VERDICT_BAD_DIGEST;
	*text = begin;
	*len = (size_t)text_len;
	return VERDICT_OK;
}

int open_read(uint8_t **out, size_t *len, int fd, const struct statement *statement)
{
	const uint8_t *text = NULL;
	int result = open_check_statement(statement);
	if (result != 0)
		return result;
	size_t body_len = (size_t)(statement->segments * SEGMENT_BYTES);
	uint8_t *body = malloc(body_len);
	if (body == NULL)
		return -ENOMEM;
	result = io_pread_exact(fd, body, body_len, SEGMENT_BYTES);
	if (result == 0)
		result = open_decode(&text, len, body, body_len, statement);
	if (result != 0) {
		free(body);
		return result;
	}
	/* the first segment leaves room for the zero behind */
	memmove(body, text, *len);
	body[*len] = 0;
	*out = body;
	return 0;
}
