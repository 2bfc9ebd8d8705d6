#include "notice.h"

#include <assert.h>
#include <string.h>

#include "common/cursor.h"
#include "common/verdict.h"

/* Zeros behind the text, at least one. */
static bool is_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);
	return len < size && bytes_are_zero((const uint8_t *)text + len, size - len);
}

static bool is_verb(const char *verb)
{
	return is_text(verb, NOTICE_VERB_BYTES) && verb[0] != 0 &&
	       verb[strspn(verb, "abcdefghijklmnopqrstuvwxyz ")] == 0;
}

static bool is_result(int32_t result)
{
	return result >= NOTICE_RESULT_MIN && result < VERDICT_COUNT_END;
}

void notice_begin_encode(uint8_t out[static NOTICE_BEGIN_BYTES], const struct notice_begin *begin)
{
	struct writer w = writer_of(out, NOTICE_BEGIN_BYTES);
	write_bytes(&w, begin->verb, sizeof(begin->verb));
	write_bytes(&w, begin->about, sizeof(begin->about));
}

int notice_begin_decode(struct notice_begin *out, const uint8_t *in, size_t len)
{
	struct notice_begin begin;
	if (len != NOTICE_BEGIN_BYTES)
		return VERDICT_BAD_PROTOCOL;
	struct reader r = reader_of(in, len);
	read_bytes(&r, begin.verb, sizeof(begin.verb));
	read_bytes(&r, begin.about, sizeof(begin.about));
	if (!is_verb(begin.verb) || !is_text(begin.about, sizeof(begin.about)))
		return VERDICT_BAD_PROTOCOL;
	*out = begin;
	return 0;
}

void notice_commit_encode(uint8_t out[static NOTICE_COMMIT_BYTES], const struct notice_commit *commit)
{
	struct writer w = writer_of(out, NOTICE_COMMIT_BYTES);
	write_bytes(&w, commit->name, sizeof(commit->name));
	write_bytes(&w, commit->key_id, sizeof(commit->key_id));
}

int notice_commit_decode(struct notice_commit *out, const uint8_t *in, size_t len)
{
	struct notice_commit commit = {0};
	if (len != NOTICE_COMMIT_BYTES)
		return VERDICT_BAD_PROTOCOL;
	struct reader r = reader_of(in, len);
	read_bytes(&r, commit.name, sizeof(commit.name));
	read_bytes(&r, commit.key_id, sizeof(commit.key_id));
	bool is_none = bytes_are_zero(commit.key_id, sizeof(commit.key_id));
	if (!is_text(commit.name, sizeof(commit.name)) || is_none != (commit.name[0] == 0) ||
	    (!is_none && !name_is_valid(commit.name)))
		return VERDICT_BAD_PROTOCOL;
	*out = commit;
	return 0;
}

void notice_end_encode(uint8_t out[static NOTICE_END_BYTES], const struct notice_end *end)
{
	struct writer w = writer_of(out, NOTICE_END_BYTES);
	write_u32(&w, (uint32_t)end->result);
	write_u32(&w, end->exit_code);
	write_u64(&w, end->records);
	write_u64(&w, end->bytes);
}

int notice_end_decode(struct notice_end *out, const uint8_t *in, size_t len)
{
	struct notice_end end;
	if (len != NOTICE_END_BYTES)
		return VERDICT_BAD_PROTOCOL;
	struct reader r = reader_of(in, len);
	end.result = (int32_t)read_u32(&r);
	end.exit_code = read_u32(&r);
	end.records = read_u64(&r);
	end.bytes = read_u64(&r);
	if (!is_result(end.result) || end.exit_code > UINT8_MAX || end.records > INT64_MAX || end.bytes > INT64_MAX)
		return VERDICT_BAD_PROTOCOL;
	*out = end;
	return 0;
}

void notice_answer_encode(uint8_t out[static NOTICE_ANSWER_BYTES], int result)
{
	struct writer w = writer_of(out, NOTICE_ANSWER_BYTES);
	write_u32(&w, (uint32_t)result);
}

int notice_answer_decode(int *result, const uint8_t *in, size_t len)
{
	if (len != NOTICE_ANSWER_BYTES)
		return VERDICT_BAD_PROTOCOL;
	struct reader r = reader_of(in, len);
	int32_t value = (int32_t)read_u32(&r);
	if (!is_result(value))
		return VERDICT_BAD_PROTOCOL;
	*result = value;
	return 0;
}

size_t notice_frame(uint8_t *out, size_t size, enum notice_type type, const uint8_t *payload, size_t len)
{
	struct writer w = writer_of(out, size);
	write_u32(&w, (uint32_t)len);
	write_u16(&w, (uint16_t)type);
	write_u16(&w, 0);
	write_bytes(&w, payload, len);
	assert(!w.overrun);
	return w.at;
}
