#include "common/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

enum {
	/* offsets of BUNDLE.md 5 */
	AT_CONTENT_LEN = 32,
	AT_STREAM_LEN = 40,
	AT_RECORDS = 48,
	AT_FRAME_COUNT = 56,
	AT_MEMBER_COUNT = 60,
	AT_FRAMES = 64,
	AT_MEMBERS = 72, /* behind two frames */
};

static char *unconst(const char *text)
{
	union {
		const char *in;
		char *out;
	} u = {.in = text};
	return u.out;
}

static int add_name(struct manifest *m, const char *name)
{
	struct member member = {.name = unconst(name)};
	return manifest_add_member(m, &member);
}

/* Two members over two frames. */
static void make_manifest(struct manifest *m)
{
	*m = (struct manifest){0};
	memset(m->push_id, 0xc1, sizeof(m->push_id));
	struct member a = {.name = unconst("a/x.csv"), .size = FRAME_BYTES, .mtime_s = -5, .mtime_ns = 999999999,
			   .rule = RECORDS_CSV, .records = 1000,
			   .columns = UINT32_MAX};
	struct member b = {.name = unconst("b"), .size = 77};
	memset(a.digest, 0xd1, sizeof(a.digest));
	memset(b.digest, 0xd2, sizeof(b.digest));
	if (manifest_add_member(m, &a) != 0 || manifest_add_member(m, &b) != 0 ||
	    manifest_add_frame(m, FRAME_COMPRESSED_MAX) != 0 || manifest_add_frame(m, 1) != 0)
		abort();
}

static uint8_t *encode_one(size_t *len)
{
	struct manifest m;
	uint8_t *data = NULL;
	make_manifest(&m);
	if (manifest_encode(&m, &data, len) != 0)
		abort();
	manifest_free(&m);
	return data;
}

static void test_round_trip(void)
{
	size_t len = 0, again_len = 0;
	uint8_t *data = encode_one(&len), *again = NULL;
	struct manifest m;
	is_number((int64_t)len, AT_MEMBERS + 68 + 7 + 68 + 1, "a manifest is as long as the page says");
	is_number(manifest_decode(&m, data, len), 0, "it is read back");
	is_number((int64_t)m.content_len, FRAME_BYTES + 77, "the content's length is the members' sum");
	is_number((int64_t)m.stream_len, FRAME_COMPRESSED_MAX + 1, "the stream's is the frames'");
	is_number((int64_t)m.records, 1000, "the records are the members'");
	is_text(m.members[0].name, "a/x.csv", "a member has its name");
	is_number(m.members[0].mtime_s, -5, "a time before 1970");
	is_number(m.members[0].mtime_ns, 999999999, "its nanoseconds");
	is_number(m.members[0].rule, RECORDS_CSV, "its rule");
	is_number(m.members[0].columns, UINT32_MAX, "and its columns");
	is_number(manifest_encode(&m, &again, &again_len), 0, "it is written again");
	ok(again_len == len && memcmp(again, data, len) == 0, "as the same bytes");
	manifest_free(&m);
	ok(m.members == NULL && m.member_count == 0 && m.content_len == 0, "freeing leaves an empty one");
	manifest_free(&m);
	free(again);
	free(data);

	is_number(manifest_encode(&m, &data, &len), 0, "an empty manifest is written");
	is_number((int64_t)len, AT_FRAMES, "in 64 bytes");
	is_number(manifest_decode(&m, data, len), 0, "and read");
	free(data);
}

static int decode_with(size_t at, const void *bytes, size_t count)
{
	size_t len;
	uint8_t *data = encode_one(&len);
	memcpy(data + at, bytes, count);
	struct manifest m;
	int result = manifest_decode(&m, data, len);
	if (result == 0)
		manifest_free(&m);
	free(data);
	return result;
}

static int decode_with_u64(size_t at, uint64_t value, size_t bytes)
{
	uint8_t raw[8];
	struct writer w = writer_of(raw, sizeof(raw));
	write_u64(&w, value);
	return decode_with(at, raw, bytes);
}

static void test_reject_rules(void)
{
	static const struct {
		size_t at, bytes;
		uint64_t value;
		int verdict;
		const char *sentence;
	} cases[] = {
		{0, 1, 'w', VERDICT_BAD_MAGIC, "another magic"},
		{8, 2, 2, VERDICT_UNKNOWN_VERSION, "another version"},
		{10, 2, 0, VERDICT_UNKNOWN_SUITE, "another suite"},
		{15, 1, 1, VERDICT_BAD_RESERVED, "a reserved byte"},
		{AT_CONTENT_LEN, 8, FRAME_BYTES + 78, VERDICT_BAD_MANIFEST, "a content length that is not the sum"},
		{AT_CONTENT_LEN, 8, UINT64_MAX, VERDICT_BAD_MANIFEST, "a content length beyond all frames"},
		{AT_STREAM_LEN, 8, FRAME_COMPRESSED_MAX, VERDICT_BAD_MANIFEST, "a stream length that is not"},
		{AT_RECORDS, 8, 999, VERDICT_BAD_MANIFEST, "records that are not"},
		{AT_FRAME_COUNT, 4, 1, VERDICT_BAD_MANIFEST, "a frame too few"},
		{AT_FRAME_COUNT, 4, 3, VERDICT_BAD_MANIFEST, "a frame too many"},
		{AT_MEMBER_COUNT, 4, MEMBERS_MAX + 1, VERDICT_BAD_LIMIT, "a member above the limit"},
		{AT_MEMBER_COUNT, 4, MEMBERS_MAX, VERDICT_TRUNCATED, "members that are not there"},
		{AT_MEMBER_COUNT, 4, 1, VERDICT_TRAILING_BYTES, "a member that is not counted"},
		{AT_FRAMES, 4, 0, VERDICT_BAD_LIMIT, "a frame of nothing"},
		{AT_FRAMES, 4, FRAME_COMPRESSED_MAX + 1, VERDICT_BAD_LIMIT, "a frame above the limit"},
		{AT_MEMBERS, 2, 0, VERDICT_BAD_NAME, "a name of nothing"},
		{AT_MEMBERS, 2, 4097, VERDICT_TRUNCATED, "a name that is not there"},
		{AT_MEMBERS + 2, 1, 3, VERDICT_BAD_LIMIT, "an unknown counting rule"},
		{AT_MEMBERS + 2, 1, 0, VERDICT_BAD_MANIFEST, "records that nobody counted"},
		{AT_MEMBERS + 3, 1, 1, VERDICT_BAD_RESERVED, "a reserved byte of a member"},
		{AT_MEMBERS + 4, 8, FRAME_BYTES - 1, VERDICT_BAD_MANIFEST, "a size that is not in the sum"},
		{AT_MEMBERS + 4, 8, UINT64_MAX, VERDICT_BAD_MANIFEST, "sizes that overflow"},
		{AT_MEMBERS + 20, 4, 1000000000, VERDICT_BAD_LIMIT, "a second of nanoseconds"},
		{AT_MEMBERS + 28, 8, 1001, VERDICT_BAD_MANIFEST, "records that are not in the sum"},
		{AT_MEMBERS + 68, 1, 'c', VERDICT_BAD_ORDER, "names that descend"},
		{AT_MEMBERS + 68, 1, '/', VERDICT_BAD_NAME, "a name from the root"},
		{AT_MEMBERS + 68, 1, 0, VERDICT_BAD_NAME, "a zero byte in a name"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_number(decode_with_u64(cases[i].at, cases[i].value, cases[i].bytes), cases[i].verdict,
			  "refused: %s", cases[i].sentence);
}

/* The second member takes away what the first has too much. */
static void test_sums_that_wrap(void)
{
	static const struct {
		size_t at; /* in a member */
		uint64_t first;
		const char *sentence;
	} cases[] = {
		{4, FRAME_BYTES + 78, "sizes that wrap to the right sum are refused"},
		{28, 1001, "records that do are refused"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len, second = AT_MEMBERS + 68 + 7;
		uint8_t *data = encode_one(&len);
		data[second + 2] = RECORDS_LINES;
		struct writer w = writer_of(data + AT_MEMBERS + cases[i].at, 8);
		write_u64(&w, cases[i].first);
		w = writer_of(data + second + cases[i].at, 8);
		write_u64(&w, UINT64_MAX);
		struct manifest m;
		is_number(manifest_decode(&m, data, len), VERDICT_BAD_MANIFEST, "%s", cases[i].sentence);
		free(data);
	}
}

static void test_lengths(void)
{
	size_t len, accepted = 0, other = 0;
	uint8_t *data = encode_one(&len);
	struct manifest m = {.records = 42};
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(cut + 1);
		memcpy(copy, data, cut);
		int result = manifest_decode(&m, copy, cut);
		accepted += result == 0;
		other += result != VERDICT_TRUNCATED;
		free(copy);
	}
	is_number((int64_t)accepted, 0, "no manifest that is cut short is accepted");
	is_number((int64_t)other, 0, "each is truncated");
	uint8_t *longer = calloc(1, len + 1);
	memcpy(longer, data, len);
	is_number(manifest_decode(&m, longer, len + 1), VERDICT_TRAILING_BYTES, "a byte more is one too many");
	is_number(manifest_decode(&m, data, (size_t)MANIFEST_BYTES_MAX + 1), VERDICT_BAD_LIMIT,
		  "a manifest has a largest size");
	ok(m.records == 42 && m.members == NULL, "the result is untouched by refusals");
	free(longer);
	free(data);
}

/* The digest in the statement catches what the format cannot. */
static void test_every_bit(void)
{
	static const uint8_t key[SUITE_KEY_BYTES] = {9}, other_key[SUITE_KEY_BYTES] = {8};
	uint8_t digest[SUITE_DIGEST_BYTES], got[SUITE_DIGEST_BYTES];
	size_t len, accepted = 0;
	uint8_t *data = encode_one(&len);
	manifest_digest(digest, data, len, key);
	for (size_t bit = 0; bit < len * 8; bit++) {
		data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		struct manifest m;
		if (manifest_decode(&m, data, len) == 0)
			manifest_free(&m);
		manifest_digest(got, data, len, key);
		accepted += memcmp(got, digest, sizeof(digest)) == 0;
		data[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	is_number((int64_t)accepted, 0, "a manifest with any bit flipped has another digest");
	manifest_digest(got, data, len, other_key);
	ok(memcmp(got, digest, sizeof(digest)) != 0, "and under another key");
	free(data);
}

static void test_names(void)
{
	static const char *const good[] = {"a", "a/b", "...", ".a", "a.", "..a", "a b", "-", "\xe7\x8e\x8b/\xff",
					   "~", "\\", "\"", "a/.../b", " "};
	static const char *const bad[] = {"", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "a/..", "../a",
					  "a/../b", "a\nb", "a\tb", "\x1b[2J", "a\x7f", "\x01"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(member_name_is_valid(good[i], strlen(good[i])), "name %zu of those allowed is allowed", i);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!member_name_is_valid(bad[i], strlen(bad[i])), "name %zu of those refused is refused", i);
	ok(!member_name_is_valid("a\0b", 3), "a zero byte is refused");
	char name[MEMBER_NAME_MAX + 2];
	memset(name, 'x', sizeof(name));
	ok(member_name_is_valid(name, 255), "a component may have 255 bytes");
	ok(!member_name_is_valid(name, 256), "and no more");
	for (size_t i = 255; i < sizeof(name); i += 256)
		name[i] = '/';
	name[MEMBER_NAME_MAX - 1] = 'x';
	name[MEMBER_NAME_MAX - 2] = '/';
	ok(member_name_is_valid(name, MEMBER_NAME_MAX), "a name may have 4,096 bytes");
	name[MEMBER_NAME_MAX] = 'x';
	ok(!member_name_is_valid(name, MEMBER_NAME_MAX + 1), "and no more");
}

static int sign(int value)
{
	return value < 0 ? -1 : value > 0;
}

static void test_order(void)
{
	static const char *const ascending[] = {" ", "!", "a", "a/b", "a/b/c", "a/c", "a ", "a!", "a.b", "a0", "aa",
						"b", "\x80", "\xff"};
	size_t count = sizeof(ascending) / sizeof(ascending[0]);
	size_t wrong = 0;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++)
			wrong += sign(member_name_compare(ascending[i], ascending[j])) !=
				 (i < j ? -1 : i > j);
	is_number((int64_t)wrong, 0, "names are compared byte by byte with '/' lowest");

	struct manifest m = {0};
	is_number(add_name(&m, "a"), 0, "a name is added");
	is_number(add_name(&m, "a"), VERDICT_BAD_ORDER, "not twice");
	is_number(add_name(&m, "a/b"), VERDICT_BAD_ORDER, "a file is no folder");
	is_number(add_name(&m, "a "), 0, "what comes behind the folder's members may follow");
	is_number(add_name(&m, "a/b"), VERDICT_BAD_ORDER, "and the folder's members no longer");
	is_number(add_name(&m, ".."), VERDICT_BAD_NAME, "a bad name is refused");
	is_number(add_name(&m, "b/c"), 0, "a name in a folder");
	is_number(add_name(&m, "b"), VERDICT_BAD_ORDER, "the folder itself is no file");
	is_number(add_name(&m, "b/c/d"), VERDICT_BAD_ORDER, "nor is its member a folder");
	struct member late = {.name = unconst("z"), .mtime_ns = 1000000000};
	is_number(manifest_add_member(&m, &late), VERDICT_BAD_LIMIT, "nanoseconds stay below a second");
	is_number(manifest_add_frame(&m, 0), VERDICT_BAD_LIMIT, "a frame has bytes");
	is_number(manifest_add_frame(&m, FRAME_COMPRESSED_MAX + 1), VERDICT_BAD_LIMIT, "and at most so many");
	is_number(m.member_count, 3, "what was refused is not there");
	manifest_free(&m);
}

static void test_largest(void)
{
	struct manifest m = {0};
	char name[MEMBER_NAME_MAX + 1];
	int result = 0;
	memset(name, 'x', MEMBER_NAME_MAX);
	name[MEMBER_NAME_MAX] = 0;
	for (size_t i = 200; i < MEMBER_NAME_MAX; i += 200)
		name[i] = '/';
	/* each as long as a name may be: what is kept is bounded by the encoded length, from the start */
	for (uint32_t i = 0; result == 0 && i < MEMBERS_MAX; i++) {
		snprintf(name, 9, "%08u", i);
		name[8] = 'x';
		result = add_name(&m, name);
	}
	is_number(result, VERDICT_BAD_LIMIT, "members are refused when the manifest would be too long");
	uint8_t *data = NULL;
	size_t len = 0;
	is_number(manifest_encode(&m, &data, &len), 0, "what was taken is written");
	ok(len <= MANIFEST_BYTES_MAX && len > MANIFEST_BYTES_MAX - 2 * MEMBER_NAME_MAX,
	   "and is as long as a manifest may be");
	uint32_t count = m.member_count;
	struct manifest got;
	is_number(manifest_decode(&got, data, len), 0, "and are read back");
	is_number(got.member_count, count, "all of them");
	manifest_free(&got);
	manifest_free(&m);
	free(data);
}

int main(void)
{
	if (suite_start() != 0)
		return 1;
	test_round_trip();
	test_reject_rules();
	test_sums_that_wrap();
	test_lengths();
	test_every_bit();
	test_names();
	test_order();
	test_largest();
	return done_testing();
}
