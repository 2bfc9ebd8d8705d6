/*
 * The guard over any bytes: the first byte chooses format, encoding and caps, the second how the rest is cut.
 * Cut or whole, the outcome is the same, and what passes has as many records as records.c counts.
 */
#include "sender/guard.h"

#include <assert.h>
#include <string.h>

#include "common/records.h"
#include "common/suite.h"
#include "common/verdict.h"
#include "tests/lib/fuzzblocks.h"

static struct policy_column columns[] = {
	{.name = "id", .width = 10, .is_unique = true, .may_hold_identity = true},
	{.name = "name", .width = 6},
	{.name = "note", .width = 12},
};
static const struct policy_pattern patterns[] = {{"note", "(?i)secret"}, {"*", "密"}, {"name", "^\\d+$"}};
static const struct policy_pattern line_patterns[] = {{"*", "(?i)secret"}};

static const struct policy strict = {
	.version = 1, .encoding = ENCODING_UTF8, .column_count = 3, .columns = columns,
	.pattern_count = 3, .patterns = patterns, .refuses_identity = true,
};
static const struct policy big5 = {
	.version = 1, .encoding = ENCODING_BIG5, .column_count = 3, .columns = columns,
	.pattern_count = 3, .patterns = patterns, .refuses_identity = true,
};
static const struct policy cns = {
	.version = 1, .encoding = ENCODING_CNS11643, .column_count = 3, .columns = columns,
	.pattern_count = 3, .patterns = patterns, .refuses_identity = true,
};
static const struct policy lax = {
	.version = 1, .pattern_count = 3, .patterns = patterns, .refuses_identity = true,
};
static const struct policy lines = {
	.version = 1, .encoding = ENCODING_UTF8, .pattern_count = 1, .patterns = line_patterns,
	.refuses_identity = true,
};

/* Each member has one with its count; see MEMBER_END. */
static const struct policy controlled = {
	.version = 1, .encoding = ENCODING_UTF8, .column_count = 3, .columns = columns, .needs_control = true,
};
static const struct policy controlled_lines = {.version = 1, .encoding = ENCODING_UTF8, .needs_control = true};

static const struct {
	const struct policy *policy;
	enum record_format format;
} kinds[] = {
	{&strict, FORMAT_CSV}, {&lax, FORMAT_CSV},    {&strict, FORMAT_JSON}, {&lax, FORMAT_JSON},
	{&strict, FORMAT_FIXED}, {&big5, FORMAT_FIXED}, {&lines, FORMAT_LINES}, {&big5, FORMAT_CSV},
	{&cns, FORMAT_CSV},    {NULL, FORMAT_CSV},     {&controlled, FORMAT_CSV}, {&controlled_lines, FORMAT_LINES},
};

struct outcome {
	int result;
	char text[GUARD_DESCRIPTION_BYTES];
	uint64_t records;
	uint32_t columns;
};

/* Where there are control files this byte ends a member, and the next begins. */
enum { MEMBER_END = 0x1d };

static int push_member(struct guard *guard, const char *name, const uint8_t *data, size_t len, size_t piece)
{
	int result = guard_member_begin(guard, name);
	for (size_t at = 0; result == 0 && at < len; at += piece)
		result = guard_add(guard, data + at, len - at < piece ? len - at : piece);
	return result == 0 ? guard_member_end(guard) : result;
}

static int push_members(struct guard *guard, const uint8_t *data, size_t len, size_t piece)
{
	static const char *const names[] = {"a", "a.b", "a.b.count", "a.count", "b", "b.count"};
	int result = 0;
	for (size_t i = 0; result == 0 && i < sizeof(names) / sizeof(names[0]) && len > 0; i++) {
		const uint8_t *end = memchr(data, MEMBER_END, len);
		size_t n = end == NULL ? len : (size_t)(end - data);
		/* an empty one is left out: so one may lack its control file */
		if (n > 0)
			result = push_member(guard, names[i], data, n, piece);
		data += end == NULL ? n : n + 1;
		len -= end == NULL ? n : n + 1;
	}
	return result;
}

static void push(struct outcome *out, const struct guard_options *options, const uint8_t *data, size_t len,
		 size_t piece)
{
	char problem[GUARD_PROBLEM_BYTES];
	struct guard *guard = NULL;
	memset(out, 0, sizeof(*out));
	int result = guard_new(&guard, options, problem);
	assert(result == 0);
	bool has_control = options->policy != NULL && options->policy->needs_control;
	result = has_control ? push_members(guard, data, len, piece) : push_member(guard, "a", data, len, piece);
	if (result == 0)
		result = guard_finish(guard);
	assert(result == 0 || result == VERDICT_AGAINST_POLICY);
	assert((result == 0) == (guard_finding(guard)->rule == GUARD_NOTHING));
	out->result = result;
	guard_describe(out->text, guard_finding(guard));
	if (result == 0) {
		out->records = guard_records(guard);
		out->columns = guard_columns(guard);
	}
	guard_free(guard);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct encodings *encodings;
	struct outcome whole, cut;
	if (size < 2 || (encodings == NULL && (suite_start() != 0 || encodings_open(&encodings) != 0)))
		return 0;
	size_t kind = (data[0] & 15) % (sizeof(kinds) / sizeof(kinds[0])), len = size - 2;
	struct guard_options options = {
		.policy = kinds[kind].policy,
		.format = kinds[kind].format,
		.max_records = data[0] & 16 ? 2 : 0,
		.max_bytes = data[0] & 32 ? 64 : 0,
		.encodings = encodings,
	};
	const size_t blocks = fuzz_blocks_in_use();
	push(&whole, &options, data + 2, len, len + 1);
	push(&cut, &options, data + 2, len, 1 + data[1] % 64);
	fuzz_blocks_check(blocks);
	assert(memcmp(&whole, &cut, sizeof(whole)) == 0);
	if (whole.result == 0 && (options.policy == NULL || !options.policy->needs_control)) {
		struct record_counter counter;
		records_start(&counter, options.format == FORMAT_CSV ? RECORDS_CSV : RECORDS_LINES);
		records_add(&counter, data + 2, len);
		assert(records_count(&counter) == whole.records);
	}
	return 0;
}
