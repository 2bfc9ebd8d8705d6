/* What weir-inbox and weir-keep say to each other. */
#include "receiver/notice.h"

#include <string.h>

#include "common/verdict.h"
#include "tests/lib/tap.h"

static const struct notice_begin good_begin = {.verb = "ledger verify", .about = "tax-000001"};
static const struct notice_commit good_commit = {.name = "tax-agency", .key_id = {1, 2, 3}};
static const struct notice_end good_end = {.result = -5, .exit_code = 3, .records = 7, .bytes = 1 << 20};

static void come_back(void)
{
	uint8_t bytes[NOTICE_BEGIN_BYTES];
	struct notice_begin begin;
	struct notice_commit commit, none = {.name = ""};
	struct notice_end end;
	int result = 99;
	notice_begin_encode(bytes, &good_begin);
	ok(notice_begin_decode(&begin, bytes, NOTICE_BEGIN_BYTES) == 0 &&
		   memcmp(&begin, &good_begin, sizeof(begin)) == 0, "a beginning comes back as it was");
	notice_commit_encode(bytes, &good_commit);
	ok(notice_commit_decode(&commit, bytes, NOTICE_COMMIT_BYTES) == 0 &&
		   memcmp(&commit, &good_commit, sizeof(commit)) == 0, "so does whose key it is");
	notice_commit_encode(bytes, &none);
	ok(notice_commit_decode(&commit, bytes, NOTICE_COMMIT_BYTES) == 0 && commit.name[0] == 0, "also nobody's");
	notice_end_encode(bytes, &good_end);
	ok(notice_end_decode(&end, bytes, NOTICE_END_BYTES) == 0 && end.result == -5 && end.exit_code == 3 &&
		   end.records == 7 && end.bytes == 1 << 20, "and an end");
	notice_answer_encode(bytes, -28);
	ok(notice_answer_decode(&result, bytes, NOTICE_ANSWER_BYTES) == 0 && result == -28, "and an answer");
	uint8_t frame[NOTICE_FRAME_MAX];
	ok(notice_frame(frame, sizeof(frame), NOTICE_ANSWER, bytes, 4) == 12 && frame[0] == 4 && frame[4] == NOTICE_ANSWER &&
		   memcmp(frame + 8, bytes, 4) == 0, "a frame is as channel.h says");
}

static void begin_refuses(size_t at, uint8_t value, const char *what)
{
	uint8_t bytes[NOTICE_BEGIN_BYTES];
	struct notice_begin begin = {.verb = "kept"};
	notice_begin_encode(bytes, &good_begin);
	bytes[at] = value;
	ok(notice_begin_decode(&begin, bytes, sizeof(bytes)) == VERDICT_BAD_PROTOCOL &&
		   strcmp(begin.verb, "kept") == 0, "%s is refused, and nothing written", what);
}

static void commit_refuses(const struct notice_commit *commit, const char *what)
{
	uint8_t bytes[NOTICE_COMMIT_BYTES];
	struct notice_commit out;
	notice_commit_encode(bytes, commit);
	is_number(notice_commit_decode(&out, bytes, sizeof(bytes)), VERDICT_BAD_PROTOCOL, "%s is refused", what);
}

static void end_refuses(const struct notice_end *end, const char *what)
{
	uint8_t bytes[NOTICE_END_BYTES];
	struct notice_end out;
	notice_end_encode(bytes, end);
	is_number(notice_end_decode(&out, bytes, sizeof(bytes)), VERDICT_BAD_PROTOCOL, "%s is refused", what);
}

static void rules(void)
{
	begin_refuses(0, 0, "no verb");
	begin_refuses(0, 'L', "a verb in capitals");
	begin_refuses(6, '\n', "a line feed in a verb");
	begin_refuses(NOTICE_VERB_BYTES - 1, 'x', "a verb without an end");
	begin_refuses(NOTICE_VERB_BYTES + 250, 1, "something behind the end of what it is about");
	struct notice_begin full = good_begin;
	memset(full.about, 'x', sizeof(full.about));
	uint8_t bytes[NOTICE_BEGIN_BYTES];
	notice_begin_encode(bytes, &full);
	is_number(notice_begin_decode(&full, bytes, sizeof(bytes)), VERDICT_BAD_PROTOCOL, "a text without an end is refused");
	struct notice_commit c = good_commit;
	c.name[0] = 0;
	commit_refuses(&c, "a key of nobody");
	c = (struct notice_commit){.name = "tax-agency"};
	commit_refuses(&c, "a name without a key");
	c = good_commit;
	c.name[3] = ' ';
	commit_refuses(&c, "a name that is none");
	end_refuses(&(struct notice_end){.result = VERDICT_COUNT_END}, "a verdict that is none");
	end_refuses(&(struct notice_end){.result = NOTICE_RESULT_MIN - 1}, "an error that is none");
	end_refuses(&(struct notice_end){.exit_code = 256}, "an exit code that is none");
	end_refuses(&(struct notice_end){.records = UINT64_MAX}, "a count that no ledger holds");
	end_refuses(&(struct notice_end){.bytes = UINT64_MAX}, "so many bytes");
}

static void lengths(void)
{
	uint8_t bytes[NOTICE_BEGIN_BYTES + 1] = {0};
	struct notice_begin begin;
	struct notice_commit commit;
	struct notice_end end;
	int answer;
	unsigned int taken[4] = {0};
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		notice_begin_encode(bytes, &good_begin);
		taken[0] += notice_begin_decode(&begin, bytes, len) == 0;
		notice_commit_encode(bytes, &good_commit);
		taken[1] += notice_commit_decode(&commit, bytes, len) == 0;
		notice_end_encode(bytes, &good_end);
		taken[2] += notice_end_decode(&end, bytes, len) == 0;
		notice_answer_encode(bytes, 0);
		taken[3] += notice_answer_decode(&answer, bytes, len) == 0;
	}
	ok(taken[0] == 1 && taken[1] == 1 && taken[2] == 1 && taken[3] == 1, "each has one length");
}

int main(void)
{
	come_back();
	rules();
	lengths();
	return done_testing();
}
