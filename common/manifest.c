#include "manifest.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "verdict.h"

enum {
	FORMAT_VERSION = 1,
	SUITE = 1,
	HEADER_BYTES = 64,
	MEMBER_BYTES = 68, /* without the name */
	FRAME_LEN_BYTES = 4,
	COMPONENT_MAX = 255,
	NANOSECONDS_END = 1000000000,
};

static const char magic[8] = {'W', 'E', 'I', 'R', 'M', 'A', 'N', 'I'};

static bool component_is_valid(const char *name, size_t len)
{
	if (len == 0 || len > COMPONENT_MAX)
		return false;
	return !(len == 1 && name[0] == '.') && !(len == 2 && name[0] == '.' && name[1] == '.');
}

bool member_name_is_valid(const char *name, size_t len)
{
	if (len < 1 || len > MEMBER_NAME_MAX)
		return false;
	size_t start = 0;
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)name[i];
		if (byte < 0x20 || byte == 0x7f)
			return false;
		if (byte != '/')
			continue;
		if (!component_is_valid(name + start, i - start))
			return false;
		start = i + 1;
	}
	return component_is_valid(name + start, len - start);
}

/* '/' lowest puts a folder's members right behind the folder's own name. */
static unsigned int rank(char c)
{
	return c == '/' ? 1 : (uint8_t)c;
}

int member_name_compare(const char *a, const char *b)
{
	while (*a != 0 && *a == *b) {
		a++;
		b++;
	}
	unsigned int left = rank(*a), right = rank(*b);
	return left < right ? -1 : left > right;
}

/* Whether `name` may follow `before`: behind it, and not inside it. */
static bool follows(const char *before, const char *name)
{
	size_t len = strlen(before);
	return member_name_compare(before, name) < 0 &&
	       !(strncmp(before, name, len) == 0 && name[len] == '/');
}

/* The array with room for one more thing of `size` bytes, or NULL; doubles, so that adding stays cheap. */
static void *grow(void *array, size_t *capacity, size_t count, size_t size)
{
	if (count < *capacity)
		return array;
	size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
	void *grown = reallocarray(array, wanted, size);
	if (grown != NULL)
		*capacity = wanted;
	return grown;
}

static uint64_t encoded_len(const struct manifest *m)
{
	return HEADER_BYTES + FRAME_LEN_BYTES * (uint64_t)m->frame_count +
	       MEMBER_BYTES * (uint64_t)m->member_count + m->names_len;
}

int manifest_add_member(struct manifest *m, const struct member *member)
{
	if (!member_name_is_valid(member->name, strlen(member->name)))
		return VERDICT_BAD_NAME;
	size_t name_len = strlen(member->name);
	if (m->member_count == MEMBERS_MAX || member->mtime_ns >= NANOSECONDS_END ||
	    encoded_len(m) + MEMBER_BYTES + name_len > MANIFEST_BYTES_MAX)
		return VERDICT_BAD_LIMIT;
	if (m->member_count > 0 && !follows(m->members[m->member_count - 1].name, member->name))
		return VERDICT_BAD_ORDER;
	struct member *members =
		grow(m->members, &m->member_size, m->member_count, sizeof(*m->members));
	if (members == NULL)
		return -ENOMEM;
	m->members = members;
	struct member added = *member;
	added.name = strdup(member->name);
	if (added.name == NULL)
		return -ENOMEM;
	/* not by assignment, in which the analyzer of gcc 12 sees the name leak */
	memcpy(&members[m->member_count++], &added, sizeof(added));
	m->names_len += name_len;
	m->content_len += member->size;
	m->records += member->records;
	/* cppcheck-suppress memleak ; for which it is the other way round */
	return 0;
}

int manifest_add_frame(struct manifest *m, uint32_t compressed_len)
{
	if (compressed_len == 0 || compressed_len > FRAME_COMPRESSED_MAX ||
	    encoded_len(m) + FRAME_LEN_BYTES > MANIFEST_BYTES_MAX)
		return VERDICT_BAD_LIMIT;
	uint32_t *frames = grow(m->frame_len, &m->frame_size, m->frame_count, sizeof(*m->frame_len));
	if (frames == NULL)
		return -ENOMEM;
	m->frame_len = frames;
	m->frame_len[m->frame_count++] = compressed_len;
	m->stream_len += compressed_len;
	return 0;
}

static void write_member(struct writer *w, const struct member *member)
{
	size_t name_len = strlen(member->name);
	write_u16(w, (uint16_t)name_len);
	write_u8(w, (uint8_t)member->rule);
	write_u8(w, 0);
	write_u64(w, member->size);
	write_u64(w, (uint64_t)member->mtime_s);
	write_u32(w, member->mtime_ns);
	write_u32(w, member->columns);
	write_u64(w, member->records);
	write_bytes(w, member->digest, SUITE_DIGEST_BYTES);
	write_bytes(w, member->name, name_len);
}

int manifest_encode(const struct manifest *m, uint8_t **out, size_t *len)
{
	uint64_t size = encoded_len(m); /* adding has kept it below MANIFEST_BYTES_MAX */
	uint8_t *data = malloc(size);
	if (data == NULL)
		return -ENOMEM;
	struct writer w = writer_of(data, size);
	write_bytes(&w, magic, sizeof(magic));
	write_u16(&w, FORMAT_VERSION);
	write_u16(&w, SUITE);
	write_u32(&w, 0);
	write_bytes(&w, m->push_id, PUSH_ID_BYTES);
	write_u64(&w, m->content_len);
	write_u64(&w, m->stream_len);
	write_u64(&w, m->records);
	write_u32(&w, m->frame_count);
	write_u32(&w, m->member_count);
	for (uint32_t i = 0; i < m->frame_count; i++)
		write_u32(&w, m->frame_len[i]);
	for (uint32_t i = 0; i < m->member_count; i++)
		write_member(&w, &m->members[i]);
	assert(!w.overrun && w.at == size);
	*out = data;
	*len = size;
	return 0;
}

static int read_header(struct reader *r, struct manifest *m, uint64_t *content_len,
		       uint64_t *stream_len, uint64_t *records)
{
	const uint8_t *got = read_view(r, sizeof(magic));
	if (got == NULL)
		return VERDICT_TRUNCATED;
	if (memcmp(got, magic, sizeof(magic)) != 0)
		return VERDICT_BAD_MAGIC;
	uint16_t version = read_u16(r), suite = read_u16(r);
	bool reserved = read_zeros(r, 4);
	read_bytes(r, m->push_id, PUSH_ID_BYTES);
	*content_len = read_u64(r);
	*stream_len = read_u64(r);
	*records = read_u64(r);
	if (r->len < HEADER_BYTES)
		return VERDICT_TRUNCATED;
	if (version != FORMAT_VERSION)
		return VERDICT_UNKNOWN_VERSION;
	if (suite != SUITE)
		return VERDICT_UNKNOWN_SUITE;
	return reserved ? VERDICT_OK : VERDICT_BAD_RESERVED;
}

static int read_frames(struct reader *r, struct manifest *m, uint32_t count)
{
	if (reader_left(r) / 4 < count)
		return VERDICT_TRUNCATED;
	for (uint32_t i = 0; i < count; i++) {
		int result = manifest_add_frame(m, read_u32(r));
		if (result != 0)
			return result;
	}
	return 0;
}

static int read_member(struct reader *r, struct manifest *m)
{
	char name[MEMBER_NAME_MAX + 1];
	struct member member = {.name = name};
	size_t name_len = read_u16(r);
	uint8_t rule = read_u8(r);
	bool reserved = read_zeros(r, 1);
	member.size = read_u64(r);
	member.mtime_s = (int64_t)read_u64(r);
	member.mtime_ns = read_u32(r);
	member.columns = read_u32(r);
	member.records = read_u64(r);
	read_bytes(r, member.digest, SUITE_DIGEST_BYTES);
	const uint8_t *view = read_view(r, name_len);
	if (view == NULL)
		return VERDICT_TRUNCATED;
	if (!reserved)
		return VERDICT_BAD_RESERVED;
	if (rule > RECORDS_CSV)
		return VERDICT_BAD_LIMIT;
	/* with its length, since a zero byte in it must not hide what follows */
	if (!member_name_is_valid((const char *)view, name_len))
		return VERDICT_BAD_NAME;
	memcpy(name, view, name_len);
	name[name_len] = 0;
	member.rule = rule;
	if (rule == RECORDS_NOT_COUNTED && member.records != 0)
		return VERDICT_BAD_MANIFEST;
	/* sums that would wrap could lie */
	if (member.size > UINT64_MAX - m->content_len || member.records > UINT64_MAX - m->records)
		return VERDICT_BAD_MANIFEST;
	return manifest_add_member(m, &member);
}

static int decode(struct manifest *m, struct reader *r)
{
	uint64_t content_len, stream_len, records;
	int result = read_header(r, m, &content_len, &stream_len, &records);
	if (result != 0)
		return result;
	uint32_t frame_count = read_u32(r), member_count = read_u32(r);
	if (member_count > MEMBERS_MAX)
		return VERDICT_BAD_LIMIT;
	if (frame_count != content_len / FRAME_BYTES + (content_len % FRAME_BYTES != 0))
		return VERDICT_BAD_MANIFEST;
	result = read_frames(r, m, frame_count);
	for (uint32_t i = 0; result == 0 && i < member_count; i++)
		result = read_member(r, m);
	if (result != 0)
		return result;
	if (reader_left(r) > 0)
		return VERDICT_TRAILING_BYTES;
	if (m->content_len != content_len || m->stream_len != stream_len || m->records != records)
		return VERDICT_BAD_MANIFEST;
	return VERDICT_OK;
}

int manifest_decode(struct manifest *out, const uint8_t *in, size_t len)
{
	if (len > MANIFEST_BYTES_MAX)
		return VERDICT_BAD_LIMIT;
	struct manifest m = {0};
	struct reader r = reader_of(in, len);
	int result = decode(&m, &r);
	if (result == 0)
		*out = m;
	else
		manifest_free(&m);
	return result;
}

void manifest_digest(uint8_t out[static SUITE_DIGEST_BYTES], const uint8_t *encoded, size_t len,
		     const uint8_t manifest_key[static SUITE_KEY_BYTES])
{
	suite_hash(out, SUITE_DIGEST_BYTES, "weir1 manidigest", manifest_key, SUITE_KEY_BYTES, encoded,
		   len);
}

void manifest_free(struct manifest *m)
{
	for (uint32_t i = 0; i < m->member_count; i++)
		free(m->members[i].name);
	free(m->members);
	free(m->frame_len);
	*m = (struct manifest){0};
}
