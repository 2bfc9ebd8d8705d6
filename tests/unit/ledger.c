#include "common/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/json.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/ledgers.h"
#include "tests/lib/tap.h"

static struct key *box;

/* The last entry of a ledger, as JSON; freed by the caller. */
static struct json *last_entry(const char *path, unsigned int from_end)
{
	size_t len = 0, count = 0;
	struct json *json = NULL;
	uint8_t *data = ledgers_read(ledgers_file(path, -1), &len);
	while (ledgers_line(data, len, count) != NULL)
		count++;
	char *line = ledgers_line(data, len, count - 1 - from_end);
	if (json_parse(&json, line, strcspn(line, "\n")) != 0)
		json = NULL;
	free(data);
	return json;
}

static void is_field(struct json *json, const char *key, const char *wanted, const char *sentence)
{
	is_text(json_text(json_get(json_view_of(json), key)), wanted, "%s", sentence);
}

/* ---- entries ---- */

static void test_entries(void)
{
	const char *path = test_path("entries");
	static const uint8_t id[KEY_ID_BYTES] = {0xab};
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	const struct ledger_who who = {.person = "wang-mei", .key_id = id, .has_peer = true, .uid = 7, .pid = 9};
	struct ledger_entry *e = ledger_entry_new("push.refused", VERDICT_NOT_ALLOWED);
	ledger_set_who(e, &who);
	ledger_set_text(e, "where", "a\x1b[2J\"'\\\n王\xff");
	ledger_set_text(e, "nothing", NULL);
	ledger_set_number(e, "records", INT64_MAX);
	ledger_set_bool(e, "again", true);
	ledger_set_hex(e, "root", id, sizeof(id));
	ledger_set_time(e, "created", ledgers_start);
	is_number(ledger_write(ledger, e, ledgers_start + 1), 0, "an entry is written");
	struct json *json = last_entry(path, 1);
	struct json_view view = json_view_of(json);
	static const char *const order[] = {"n", "at", "before", "event", "result", "who", "where"};
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		is_text(json_key(view, i), order[i], "key %zu is %s", i, order[i]);
	is_field(json, "at", "2026-11-23T08:00:01Z", "it says when");
	is_field(json, "event", "push.refused", "what");
	is_field(json, "result", "not-allowed", "and how it ended");
	is_text(json_get_text(json_get(view, "who"), "person", ""), "wang-mei", "who");
	is_text(json_get_text(json_get(view, "who"), "key", ""), "ab000000000000000000000000000000",
		"by which key");
	is_number((int64_t)json_get_number(json_get(view, "who"), "uid", 0), 7, "which user");
	is_number((int64_t)json_get_number(json_get(view, "who"), "pid", 0), 9, "and which process");
	is_field(json, "where", "a\\x1b[2J\\x22\\x27\\x5c\\x0a王\\xff", "a hostile text is escaped");
	is_number((int64_t)json_get_number(view, "records", 0), INT64_MAX, "a number is a number");
	is_field(json, "created", "2026-11-23T08:00:00Z", "a time is a text");
	json_free(json);

	is_number(ledger_write(ledger, ledger_entry_new("sent", -EIO), ledgers_start + 2), 0,
		  "a failure of the environment is written");
	json = last_entry(path, 0);
	is_field(json, "result", "environment", "as environment");
	is_field(json, "error", strerror(EIO), "with the reason");
	json_free(json);
	is_number(ledger_close(ledger, ledgers_start + 3), 0, "the ledger is closed");
	ledgers_are_good(path, box, 0, "and verified");
	ledger_set_text(NULL, "key", "text");
	ledger_set_who(NULL, &who);
	ledger_entry_free(NULL);
	is_number(ledger_close(NULL, 0), 0, "no ledger and no entry are taken everywhere");
}

static void test_failures_stick(void)
{
	const char *path = test_path("stick");
	struct ledger_head before, after;
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	ledgers_write(ledger, 1, ledgers_start);
	ledger_head(ledger, &before);
	struct ledger_entry *e = ledger_entry_new("release", 0);
	ledger_set_number(e, "passes", UINT64_MAX);
	is_number(ledger_write(ledger, e, ledgers_start), -EOVERFLOW, "a number no reader holds is refused");
	is_number(ledger_write(ledger, NULL, ledgers_start), -ENOMEM, "an entry that could not be made is");
	e = ledger_entry_new("release", 0);
	uint8_t hex[LEDGER_LINE_MAX / 2] = {0};
	ledger_set_hex(e, "long", hex, sizeof(hex));
	is_number(ledger_write(ledger, e, ledgers_start), VERDICT_BAD_LENGTH,
		  "an entry longer than a line is");
	is_number(ledger_add(ledger, ledger_entry_new("sent", 0), ledgers_start), 0, "one waits");
	is_number(ledger_add(ledger, NULL, ledgers_start), -ENOMEM, "the next is refused");
	is_number(ledger_add(ledger, ledger_entry_new("sent", 0), ledgers_start), -ENOMEM, "so are those behind");
	is_number(ledger_commit(ledger, ledgers_start), -ENOMEM, "and the commit");
	is_number(ledger_commit(ledger, ledgers_start), 0, "once");
	ledger_head(ledger, &after);
	ok(memcmp(&before, &after, sizeof(before)) == 0, "none of all that is in the ledger");
	is_number(ledgers_write(ledger, 1, ledgers_start), 0, "which goes on");
	ledger_close(ledger, ledgers_start);
	ledgers_are_good(path, box, 0, "and is whole");
}

/* Whatever a caller is given, ten texts of it make an entry. */
static void test_ten_texts(void)
{
	const char *path = test_path("texts");
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	char longest[LEDGER_EVENT_MAX + 1], hostile[2000], key[] = "a23456789012345678901234567890_0";
	static const uint8_t id[KEY_ID_BYTES];
	memset(longest, 'e', LEDGER_EVENT_MAX);
	longest[LEDGER_EVENT_MAX] = 0;
	memset(hostile, '\x1b', sizeof(hostile) - 1);
	hostile[sizeof(hostile) - 1] = 0;
	const struct ledger_who who = {.person = "name-31-bytes-long-0123456789ab", .key_id = id,
				       .has_peer = true, .uid = UINT32_MAX, .pid = INT32_MIN};
	struct ledger_entry *e = ledger_entry_new(longest, VERDICT_RECORDS_NOT_STATED);
	ledger_set_who(e, &who);
	for (int i = 0; i < LEDGER_TEXTS; i++) {
		key[sizeof(key) - 2] = (char)('0' + i);
		ledger_set_text(e, key, hostile);
	}
	is_number(ledger_write(ledger, e, ledgers_start), 0, "ten hostile texts fit into an entry");
	struct json *json = last_entry(path, 1);
	const char *text = json_get_text(json_view_of(json), key, "");
	ok(strlen(text) <= LEDGER_TEXT_MAX && strcmp(text + strlen(text) - 3, "…") == 0,
	   "a text that is too long is cut, and shows it");
	json_free(json);
	memset(hostile, 'x', LEDGER_TEXT_MAX);
	hostile[LEDGER_TEXT_MAX] = 0;
	e = ledger_entry_new("alarm", 0);
	ledger_set_text(e, "what", hostile);
	ledger_write(ledger, e, ledgers_start);
	json = last_entry(path, 0);
	is_field(json, "what", hostile, "a text as long as it may be is whole");
	json_free(json);
	ledger_close(ledger, ledgers_start);
}

/* ---- checkpoints ---- */

static void test_checkpoints(void)
{
	const char *path = test_path("checkpoints");
	struct ledger_head head;
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	ledger_head(ledger, &head);
	is_number((int64_t)head.n, 1, "a ledger begins with a checkpoint");
	ledger_write(ledger, ledger_entry_new("start", 0), ledgers_start);
	ledger_head(ledger, &head);
	is_number((int64_t)head.n, 3, "the first entry after the start is signed with it");
	ledgers_write(ledger, 10, ledgers_start);
	ledger_head(ledger, &head);
	is_number((int64_t)head.n, 13, "those behind it wait");
	is_number(ledger_tick(ledger, ledgers_start + LEDGER_CHECKPOINT_S - 1), 0, "until the time");
	ledger_head(ledger, &head);
	is_number((int64_t)head.n, 13, "has come");
	is_number(ledger_tick(ledger, ledgers_start + LEDGER_CHECKPOINT_S), 0, "and then");
	ledger_head(ledger, &head);
	is_number((int64_t)head.n, 14, "one checkpoint signs them");
	ledger_tick(ledger, ledgers_start + 10 * LEDGER_CHECKPOINT_S);
	ledger_head(ledger, &head);
	is_number((int64_t)head.n, 14, "where nothing was written, nothing is signed");
	ledgers_write(ledger, 1, ledgers_start + 1000);
	ledger_tick(ledger, ledgers_start + 900);
	ledger_head(ledger, &head);
	is_number((int64_t)head.n, 16, "a clock that was set back holds none up");
	for (unsigned int i = 0; i < 3 * LEDGER_CHECKPOINT_ENTRIES; i++)
		ledger_add(ledger, ledger_entry_new("sent", 0), ledgers_start + 1000);
	is_number(ledger_commit(ledger, ledgers_start + 1000), 0, "a large batch is written");
	ledger_head(ledger, &head);
	is_number((int64_t)head.n, 16 + 3 * LEDGER_CHECKPOINT_ENTRIES + 3,
		  "with a checkpoint behind every 256 entries");
	ledger_close(ledger, ledgers_start + 1000);
	const struct ledgers_found *found = ledgers_verify(path, box, NULL);
	is_number((int64_t)found->summary.head.n, (int64_t)head.n, "nothing to sign, nothing at the end");
	is_number((int64_t)found->summary.signed_n, (int64_t)head.n - 1, "all is signed");
	is_text(found->summary.box, "inside-1", "by the box");
	ledgers_are_good(path, box, 1, "the clock that was set back is noted");
}

static void test_heads(void)
{
	const char *path = test_path("heads");
	struct ledger_head head, again;
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	ledgers_write(ledger, 5, ledgers_start);
	ledger_head(ledger, &head);
	ledger_add(ledger, ledger_entry_new("sent", 0), ledgers_start + 4);
	ledger_head(ledger, &again);
	ok(memcmp(&head, &again, sizeof(head)) == 0, "the head does not show what is not durable");
	is_number(ledger_commit(ledger, ledgers_start + 4), 0, "it is made durable");
	ledger_head(ledger, &head);
	is_number((int64_t)head.n, (int64_t)again.n + 1, "then it does");
	ledger_close(ledger, ledgers_start);
	size_t len;
	uint8_t *data = ledgers_read(ledgers_file(path, 0), &len);
	char *line = ledgers_line(data, len, head.n - 1);
	uint8_t hash[SUITE_DIGEST_BYTES];
	ledger_line_hash(hash, line, strcspn(line, "\n"));
	is_bytes(head.hash, hash, sizeof(hash), "it is the hash of the newest line");
	free(data);
}

/* ---- crashes ---- */

/* The machine loses power at every byte of a ledger. */
static void test_torn(void)
{
	const char *path = test_path("torn");
	size_t len, broken = 0, confused = 0, silent = 0;
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	ledgers_write(ledger, 3, ledgers_start);
	ledger_close(ledger, ledgers_start);
	uint8_t *data = ledgers_read(ledgers_file(path, 0), &len);
	char file[4300];
	snprintf(file, sizeof(file), "%s", ledgers_file(path, 0));
	for (size_t cut = 0; cut <= len; cut++) {
		ledgers_put(file, data, cut);
		bool is_torn = cut > 0 && data[cut - 1] != '\n';
		const struct ledgers_found *found = ledgers_verify(path, box, NULL);
		confused += found->result != 0 || found->count != (is_torn || cut == 0) ||
			    (is_torn && (found->findings[0].verdict != VERDICT_TRUNCATED ||
					 strstr(found->what[0], "torn") == NULL));
		ledger = ledgers_open(path, box, ledgers_start + 10);
		broken += ledger == NULL || ledgers_write(ledger, 1, ledgers_start + 11) != 0 ||
			  ledger_close(ledger, ledgers_start + 12) != 0;
		found = ledgers_verify(path, box, NULL);
		broken += found->result != 0 || found->count != 0;
		uint8_t *mended = ledgers_read(file, &(size_t){0});
		silent += (strstr((char *)mended, "\"event\":\"repaired\"") != NULL) != is_torn;
		free(mended);
	}
	is_number((int64_t)confused, 0, "a torn line is verified as torn, and as nothing else");
	is_number((int64_t)broken, 0, "and the ledger goes on behind the last whole line");
	is_number((int64_t)silent, 0, "and says that it was mended");
	free(data);
}

/* A new file was made, and the power went at every byte of the batch that follows. */
static void test_torn_between_files(void)
{
	const char *path = test_path("between");
	size_t len, next_len, broken = 0, cases = 0;
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	ledgers_write(ledger, 2, ledgers_start);
	is_number(ledgers_write(ledger, 2, ledgers_start + 8 * 86400), 0, "a month begins a new file");
	ledger_close(ledger, ledgers_start + 8 * 86400);
	is_number((int64_t)ledgers_count(path), 2, "beside the old one");
	char old[4300], next[4300];
	snprintf(old, sizeof(old), "%s", ledgers_file(path, 0));
	snprintf(next, sizeof(next), "%s", ledgers_file(path, 1));
	uint8_t *data = ledgers_read(old, &len), *next_data = ledgers_read(next, &next_len);
	ledgers_are_good(path, box, 0, "both are verified");
	/* the old file without its last two lines, byte by byte, and the new one empty */
	size_t lines = 0;
	while (ledgers_line(data, len, lines) != NULL)
		lines++;
	for (size_t cut = (size_t)(ledgers_line(data, len, lines - 2) - (char *)data); cut <= len; cut++) {
		ledgers_put(old, data, cut);
		ledgers_put(next, "", 0);
		const struct ledgers_found *found = ledgers_verify(path, box, NULL);
		broken += found->result != 0;
		ledger = ledgers_open(path, box, ledgers_start + 8 * 86400);
		broken += ledger == NULL || ledgers_write(ledger, 2, ledgers_start + 8 * 86400) != 0 ||
			  ledger_close(ledger, ledgers_start + 8 * 86400) != 0;
		found = ledgers_verify(path, box, NULL);
		broken += found->result != 0 || found->count != 0;
		if (broken > 0)
			break;
		cases++;
		while (ledgers_count(path) > 1)
			unlink(ledgers_file(path, -1));
	}
	/* the first line of the new one, byte by byte */
	size_t first_len = strcspn((char *)next_data, "\n");
	for (size_t cut = 0; cut <= first_len; cut++) {
		ledgers_put(old, data, len);
		ledgers_put(next, next_data, cut);
		broken += ledgers_verify(path, box, NULL)->result != 0;
		ledger = ledgers_open(path, box, ledgers_start + 9 * 86400);
		broken += ledger == NULL || ledger_close(ledger, ledgers_start + 9 * 86400) != 0;
		broken += ledgers_verify(path, box, NULL)->result != 0;
		cases++;
	}
	is_number((int64_t)broken, 0, "cut at any of %zu bytes between the two, it goes on", cases);
	free(next_data);
	free(data);
}

/* An end that no crash leaves is not written behind. */
static void test_changed_end(void)
{
	const char *path = test_path("changed");
	size_t len, opened = 0;
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	ledgers_write(ledger, 3, ledgers_start);
	ledger_close(ledger, ledgers_start);
	char file[4300];
	snprintf(file, sizeof(file), "%s", ledgers_file(path, 0));
	uint8_t *data = ledgers_read(file, &len);
	const struct ledger_options options = {.path = path, .box = box};
	char *second = ledgers_line(data, len, 1), *third = ledgers_line(data, len, 2);
	for (char *p = second; p < third; p++) {
		*p ^= 1;
		ledgers_put(file, data, len);
		int result = ledger_open(&ledger, &options, ledgers_start);
		opened += result != VERDICT_BAD_CHAIN;
		if (result == 0)
			ledger_close(ledger, ledgers_start);
		*p ^= 1;
	}
	is_number((int64_t)opened, 0, "a changed entry near the end lets no ledger be opened");
	size_t second_len = (size_t)(third - second), at = (size_t)(second - (char *)data);
	memmove(second, third, len - at - second_len);
	ledgers_put(file, data, len - second_len);
	is_number(ledger_open(&ledger, &options, ledgers_start), VERDICT_BAD_CHAIN, "nor does a missing one");
	free(data);
	/* a file of another kind in the place of a ledger's */
	unlink(file);
	if (mkfifo(file, 0600) < 0)
		abort();
	ok(ledger_open(&ledger, &options, ledgers_start) < 0, "nor a FIFO in the place of a file");
}

/* ---- files ---- */

static void put(struct ledger *ledger, const char *event, const char *push_id)
{
	struct ledger_entry *e = ledger_entry_new(event, 0);
	ledger_set_text(e, "push_id", push_id);
	is_number(ledger_write(ledger, e, ledgers_start), 0, "%s %s is written", event, push_id);
}

/* What was decided and is not known to be done, as a crash leaves it. */
static void test_undone(void)
{
	char text[40] = "";
	const char *path = test_path("undone");
	const struct ledger_options options = {.path = path, .box = box, .begun = "decision", .done = "release"};
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	put(ledger, "decision", "aa");
	put(ledger, "release", "aa");
	put(ledger, "decision", "bb");
	put(ledger, "alarm", "cc");
	ok(!ledger_undone(ledger, "push_id", text, sizeof(text)), "who has named no pair is told of none");
	is_number(ledger_close(ledger, ledgers_start), 0, "it is closed");
	is_number(ledger_open(&ledger, &options, ledgers_start), 0, "it is opened again, with a pair");
	ok(ledger_undone(ledger, "push_id", text, sizeof(text)), "one decision was not followed");
	is_text(text, "bb", "it is the last one");
	ok(!ledger_undone(ledger, "push_id", text, 2), "no room for it: none");
	ok(!ledger_undone(ledger, "bundle", text, sizeof(text)), "nor has it another field");
	put(ledger, "release", "bb");
	ok(!ledger_undone(ledger, "push_id", text, sizeof(text)), "when that is followed it is so no more");
	put(ledger, "decision", "dd");
	ok(ledger_undone(ledger, "push_id", text, sizeof(text)) && strcmp(text, "dd") == 0, "a new one is not followed yet");
	is_number(ledger_add(ledger, ledger_entry_new("release", 0), ledgers_start), 0, "what follows it waits");
	ok(!ledger_undone(ledger, "push_id", text, sizeof(text)), "and counts, so that it is not written twice");
	is_number(ledger_add(ledger, NULL, ledgers_start), -ENOMEM, "it is dropped for want of memory");
	is_number(ledger_commit(ledger, ledgers_start), -ENOMEM, "which the commit says");
	ok(ledger_undone(ledger, "push_id", text, sizeof(text)) && strcmp(text, "dd") == 0, "so it still is not followed");
	is_number(ledger_add(ledger, ledger_entry_new("decision", 0), ledgers_start), 0, "another decision waits");
	is_number(ledger_add(ledger, NULL, ledgers_start), -ENOMEM, "and is dropped");
	(void)ledger_commit(ledger, ledgers_start);
	ok(ledger_undone(ledger, "push_id", text, sizeof(text)) && strcmp(text, "dd") == 0, "which changes nothing");
	put(ledger, "release", "dd");
	ok(!ledger_undone(ledger, "push_id", text, sizeof(text)), "at last it is followed");
	is_number(ledger_close(ledger, ledgers_start), 0, "it is closed");
	is_number(ledger_open(&ledger, &options, ledgers_start), 0, "and opened");
	ok(!ledger_undone(ledger, "push_id", text, sizeof(text)), "now all are followed");
	is_number(ledger_close(ledger, ledgers_start), 0, "it is closed");

	const struct ledger_options fresh = {.path = test_path("undone-new"), .box = box, .begun = "decision", .done = "release"};
	is_number(ledger_open(&ledger, &fresh, ledgers_start), 0, "a new ledger is begun, with a pair");
	put(ledger, "decision", "ee");
	ok(ledger_undone(ledger, "push_id", text, sizeof(text)) && strcmp(text, "ee") == 0, "it follows the pair in its first life, too");
	is_number(ledger_close(ledger, ledgers_start), 0, "it is closed");
}

/* How many alarms are more than what is read at the end of a file. */
enum { ALARMS = 1500 };

static void put_alarms(struct ledger *ledger, uint64_t now)
{
	size_t failed = 0;
	for (int i = 0; i < ALARMS; i++)
		failed += ledger_add(ledger, ledger_entry_new("alarm", 0), now) != 0;
	is_number((int64_t)failed + ledger_commit(ledger, now), 0, "%d alarms are written", ALARMS);
}

/* The ledger goes on in a new file between the two of a pair, and the box ends, there or far behind it. */
static void test_undone_in_other_files(void)
{
	enum { MONTH = 31 * 86400 };
	char text[40] = "";
	const char *path = test_path("undone-elsewhere");
	const struct ledger_options options = {.path = path, .box = box, .begun = "decision", .done = "release"};
	struct ledger *ledger;
	uint64_t now = ledgers_start;
	is_number(ledger_open(&ledger, &options, now), 0, "a ledger is opened");
	put(ledger, "decision", "aa");
	for (int month = 1; month <= 3; month++) {
		now = ledgers_start + (uint64_t)month * MONTH;
		put_alarms(ledger, now);
		is_number(ledger_close(ledger, now), 0, "it is closed, %d months later", month);
		is_number(ledger_open(&ledger, &options, now), 0, "and opened");
		ok(ledger_undone(ledger, "push_id", text, sizeof(text)) && strcmp(text, "aa") == 0,
		   "the decision is not followed, %d files behind it", month);
	}
	ok(ledgers_file(path, 3)[0] != 0 && ledgers_file(path, 4)[0] == 0, "these are four files");
	is_number(ledger_write(ledger, ledger_entry_new("release", 0), now), 0, "it is followed");
	put_alarms(ledger, now);
	is_number(ledger_close(ledger, now), 0, "it is closed when what followed is far behind in the last file");
	is_number(ledger_open(&ledger, &options, now), 0, "and opened");
	ok(!ledger_undone(ledger, "push_id", text, sizeof(text)), "the decision of four files ago is not taken for an open one");
	is_number(ledger_close(ledger, now), 0, "it is closed");
	is_number(ledgers_verify(path, box, NULL)->result, 0, "it verifies");
}

static void test_files(void)
{
	const char *path = test_path("files");
	struct stat st;
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	while (ledgers_count(path) < 3) {
		int result = 0;
		for (unsigned int i = 0; i < 5000 && result == 0; i++)
			result = ledger_add(ledger, ledger_entry_new("sent", 0), ledgers_start);
		if (result != 0 || ledger_commit(ledger, ledgers_start) != 0)
			break;
	}
	ledger_write(ledger, ledger_entry_new("stop", 0), ledgers_start);
	ledger_close(ledger, ledgers_start);
	is_number((int64_t)ledgers_count(path), 3, "a full file is followed by another");
	stat(ledgers_file(path, 1), &st);
	ok(st.st_size >= LEDGER_FILE_BYTES && st.st_size < LEDGER_FILE_BYTES + LEDGER_BATCH_BYTES + 8192,
	   "it is as large as it may be");
	ok(st.st_blocks * 512 < st.st_size + LEDGER_LAST_BYTES, "and gives back what was set aside behind it");
	is_number(st.st_mode & 0777, 0640, "others cannot read it");
	stat(path, &st);
	is_number(st.st_mode & 0777, 0750, "nor the directory");
	ledgers_are_good(path, box, 0, "all of them are one ledger");
	ledgers_remove(path);
}

static void test_retention(void)
{
	const char *path = test_path("retention");
	const uint64_t month = UINT64_C(31) * 86400;
	uint64_t now = ledgers_start;
	struct ledger *ledger = NULL;
	const struct ledger_options options = {.path = path, .box = box, .retention_days = 100};
	ledger_open(&ledger, &options, now);
	size_t most = 0, bad = 0;
	for (unsigned int i = 0; i < 12; i++, now += month) {
		bad += ledgers_write(ledger, 20, now) != 0;
		bad += ledger_tick(ledger, now + 100) != 0;
		bad += ledgers_verify(path, box, NULL)->result != 0;
		most = ledgers_count(path) > most ? ledgers_count(path) : most;
	}
	is_number(ledger_close(ledger, now), 0, "a year passes");
	is_number((int64_t)bad, 0, "in which the ledger is whole all the time");
	ok(most == 5, "and keeps what is younger than 100 days (%zu files at most)", most);
	const struct ledgers_found *found = ledgers_verify(path, box, NULL);
	ok(found->result == 0 && found->summary.first > 1, "it begins where it says that it begins");
	/* one file more than the box removed */
	unlink(ledgers_file(path, 0));
	found = ledgers_verify(path, box, NULL);
	is_number(found->result, VERDICT_MISSING_ENTRIES, "a file more that is missing is found");
	ledgers_remove(path);
}

/* The number of files depends on a listing: what else lies there does not count. */
static void test_other_names(void)
{
	const char *path = test_path("names");
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	ledger_close(ledger, ledgers_start);
	static const char *const names[] = {"0000000000000009-20261123.jsonl~", "0000000000000000-20261123.jsonl",
					    "000000000000000a-20261123.jsonl", "0000000000000009-2026112.jsonl",
					    "9999999999999999-20261123.jsonl", "notes"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char other[4400];
		snprintf(other, sizeof(other), "%s/%s", path, names[i]);
		ledgers_put(other, "x", 1);
	}
	is_number((int64_t)ledgers_count(path), 1, "other names in the directory are no files of the ledger");
	ledger = ledgers_open(path, box, ledgers_start);
	is_number(ledger_close(ledger, ledgers_start), 0, "and do not disturb it");
}

/* ---- a full disk ---- */

/* Runs in a child, which may leave limits and mounts behind. */
static int in_child(int (*run)(void))
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		int code = run();
		fflush(stdout);
		_exit(code);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

enum { SHORT_BYTES = 100 };

/* The file may grow by a part of an entry alone. */
static int write_short(void)
{
	struct ledger_head before, after;
	struct stat st;
	struct ledger *ledger = ledgers_open(test_path("short"), box, ledgers_start);
	ledgers_write(ledger, 3, ledgers_start);
	ledger_head(ledger, &before);
	stat(ledgers_file(test_path("short"), 0), &st);
	off_t size = st.st_size;
	struct rlimit limit = {.rlim_cur = (rlim_t)size + SHORT_BYTES, .rlim_max = RLIM_INFINITY};
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	if (ledgers_write(ledger, 1, ledgers_start) != -EFBIG)
		return 1;
	stat(ledgers_file(test_path("short"), 0), &st);
	ledger_head(ledger, &after);
	if (st.st_size != size || memcmp(&before, &after, sizeof(before)) != 0)
		return 2;
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	return ledgers_write(ledger, 1, ledgers_start) != 0 || ledger_close(ledger, ledgers_start) != 0 ? 3 : 0;
}

static void fill(const char *path)
{
	static uint8_t block[65536];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	for (size_t len = sizeof(block); len > 0;)
		if (write(fd, block, len) != (ssize_t)len)
			len /= 2;
	close(fd);
}

/* A disk of 8 MiB that something else fills to its last byte. */
static int write_full(void)
{
	const char *disk = test_path("disk");
	char path[4300], rubbish[4300];
	snprintf(path, sizeof(path), "%s/ledger", disk);
	snprintf(rubbish, sizeof(rubbish), "%s/rubbish", disk);
	mkdir(disk, 0700);
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", disk, "tmpfs", 0, "size=8m") < 0)
		return 77;
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	if (ledgers_write(ledger, 1, ledgers_start) != 0 || ledger_is_low(ledger))
		return 1;
	fill(rubbish);
	unsigned int written = 0;
	uint64_t bytes = 0;
	int result = 0;
	while (result == 0 && written < 100000) {
		struct ledger_entry *e = ledger_entry_new("push.refused", VERDICT_SPOOL_FULL);
		ledger_set_text(e, "where", "spool");
		result = ledger_write(ledger, e, ledgers_start);
		written += result == 0;
	}
	struct stat st;
	stat(ledgers_file(path, 0), &st);
	bytes = (uint64_t)st.st_size;
	/* no number of refused commands may take the place of the alarm */
	if (result != -ENOSPC || !ledger_is_low(ledger) || bytes < LEDGER_RESERVE_BYTES - LEDGER_LAST_BYTES)
		return 2;
	struct ledger_entry *alarm = ledger_entry_new("alarm", VERDICT_SPOOL_FULL);
	ledger_set_urgent(alarm);
	if (ledger_write(ledger, alarm, ledgers_start + 1) != 0)
		return 3;
	if (ledgers_write(ledger, 1, ledgers_start + 2) != -ENOSPC)
		return 4;
	struct ledger_entry *stop = ledger_entry_new("stop", 0);
	ledger_set_urgent(stop);
	if (ledger_write(ledger, stop, ledgers_start + 3) != 0 || ledger_close(ledger, ledgers_start + 3) != 0)
		return 5;
	const struct ledgers_found *found = ledgers_verify(path, box, NULL);
	if (found->result != 0 || found->count != 0) {
		note("%s", found->what[0]);
		return 6;
	}
	/* room again: the box starts, and the ledger has its reserve */
	unlink(rubbish);
	ledger = ledgers_open(path, box, ledgers_start + 4);
	if (ledger == NULL || ledger_is_low(ledger) || ledgers_write(ledger, 1, ledgers_start + 4) != 0)
		return 7;
	fill(rubbish);
	for (result = 0; result == 0;)
		result = ledgers_write(ledger, 1, ledgers_start + 5);
	unlink(rubbish);
	if (ledger_tick(ledger, ledgers_start + 6) != 0 || ledger_is_low(ledger) ||
	    ledgers_write(ledger, 1, ledgers_start + 6) != 0)
		return 8;
	/* a month ends on a full disk: the old file goes on */
	fill(rubbish);
	uint64_t later = ledgers_start + 8 * 86400;
	if (ledgers_write(ledger, 3, later) != 0 || ledgers_count(path) != 1)
		return 9;
	unlink(rubbish);
	if (ledgers_write(ledger, 3, later + LEDGER_RETRY_S) != 0 || ledgers_count(path) != 2 ||
	    ledger_close(ledger, later + LEDGER_RETRY_S) != 0)
		return 10;
	return ledgers_verify(path, box, NULL)->result != 0 ? 11 : 0;
}

static void test_full_disk(void)
{
	is_number(in_child(write_short), 0, "an entry that could not be written whole is cut off again");
	ledgers_are_good(test_path("short"), box, 0, "and the next one stands in its place");
	int code = in_child(write_full);
	if (code == 77)
		skip("no file system can be mounted here", "on a full disk alarm and stop are still written");
	else
		is_number(code, 0, "on a full disk alarm and stop are still written");
}

/* The ledger's descriptor becomes a pipe, which takes what is written and cannot be synchronised. */
static int break_sync(const char *path)
{
	int pipe_fd[2];
	if (pipe(pipe_fd) < 0)
		return -1;
	for (int fd = 3; fd < 64; fd++) {
		struct stat a, b;
		if (fstat(fd, &a) == 0 && stat(ledgers_file(path, -1), &b) == 0 && a.st_ino == b.st_ino &&
		    a.st_dev == b.st_dev && dup2(pipe_fd[1], fd) == fd)
			return fd;
	}
	return -1;
}

static void test_first_failure_is_final(void)
{
	const char *path = test_path("final");
	struct ledger_head before, after;
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	ledgers_write(ledger, 2, ledgers_start);
	ledger_head(ledger, &before);
	/* without room to be set aside, fallocate would be asked, and fail on a pipe first */
	ok(break_sync(path) >= 0, "the disk stops answering");
	is_number(ledgers_write(ledger, 1, ledgers_start), -EINVAL, "what cannot be synchronised is not written");
	is_number(ledgers_write(ledger, 1, ledgers_start), -EINVAL, "and nothing is, from then on");
	is_number(ledger_add(ledger, ledger_entry_new("sent", 0), ledgers_start), -EINVAL, "whatever is tried");
	is_number(ledger_tick(ledger, ledgers_start + 1000), -EINVAL, "a tick says so");
	ledger_head(ledger, &after);
	ok(memcmp(&before, &after, sizeof(before)) == 0, "the head is what was durable");
	is_number(ledger_close(ledger, ledgers_start), -EINVAL, "and so does the close");
	ledger = ledgers_open(path, box, ledgers_start);
	is_number(ledgers_write(ledger, 1, ledgers_start), 0, "opened anew, it goes on");
	ledger_close(ledger, ledgers_start);
	ledgers_are_good(path, box, 0, "and is whole");
}

/* ---- the table of system calls ---- */

static int write_confined(void)
{
	static const char *const calls[] = {"write", "fdatasync", "fallocate", "ftruncate", "openat", "close",
					    "fstat", "newfstatat", "fcntl", "fsync", "getdents64", "lseek",
					    "pread64", "unlinkat", NULL};
	const struct ledger_options options = {
		.path = test_path("confined"), .box = box, .retention_days = 20};
	struct ledger *ledger = NULL;
	if (ledger_open(&ledger, &options, ledgers_start) != 0 || confine_privileges() != 0 ||
	    confine_calls(calls) != 0)
		return 1;
	for (uint64_t month = 0; month < 4; month++)
		if (ledgers_write(ledger, 3, ledgers_start + month * 31 * 86400) != 0 ||
		    ledger_tick(ledger, ledgers_start + month * 31 * 86400 + 61) != 0)
			return 2;
	struct ledger_entry *e = ledger_entry_new("release", 0);
	ledger_set_number(e, "passes", UINT64_MAX);
	if (ledger_write(ledger, e, ledgers_start) != -EOVERFLOW)
		return 3;
	return ledger_close(ledger, ledgers_start + 4 * 31 * 86400) == 0 ? 0 : 4;
}

static void test_system_calls(void)
{
	is_number(in_child(write_confined), 0, "it needs no system call but those of its header");
	ok(ledgers_count(test_path("confined")) == 2, "new files and old ones among it");
	ledgers_are_good(test_path("confined"), box, 0, "and is whole");
}

/* ---- LEDGER.md 8 ---- */

static void page_shows(const char *page, const char *text, const char *what)
{
	char line[LEDGER_LINE_MAX + 8];
	snprintf(line, sizeof(line), "\n    %s\n", text);
	if (!ok(strstr(page, line) != NULL, "LEDGER.md shows %s as it is made", what))
		printf("%s", line);
}

static void test_worked_example(void)
{
	const char *path = test_path("example");
	static const uint8_t root[KEY_ID_BYTES] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
	const struct ledger_who who = {.person = "wang-mei", .key_id = root, .has_peer = true, .uid = 1000, .pid = 4242};
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	ledger_write(ledger, ledger_entry_new("start", 0), ledgers_start);
	struct ledger_entry *e = ledger_entry_new("push.refused", VERDICT_NOT_ALLOWED);
	ledger_set_who(e, &who);
	ledger_set_text(e, "route", "tax");
	ledger_write(ledger, e, ledgers_start + 7);
	ledger_write(ledger, ledger_entry_new("stop", 0), ledgers_start + 9);
	ledger_close(ledger, ledgers_start + 9);
	size_t len, page_len;
	uint8_t *data = ledgers_read(ledgers_file(path, 0), &len);
	uint8_t *page = ledgers_read("common/LEDGER.md", &page_len);
	char hex[2 * SUITE_SIGNATURE_BYTES + 1], text[256];
	page_shows((char *)page, strrchr(ledgers_file(path, 0), '/') + 1, "the name of the file");
	for (size_t i = 0; ledgers_line(data, len, i) != NULL; i++) {
		char *line = ledgers_line(data, len, i);
		line[strcspn(line, "\n")] = 0;
		snprintf(text, sizeof(text), "line %zu", i + 1);
		page_shows((char *)page, line, text);
		line[strlen(line)] = '\n';
	}
	const struct ledgers_found *found = ledgers_verify(path, box, NULL);
	snprintf(text, sizeof(text), "head %llu %s", (unsigned long long)found->summary.head.n,
		 text_hex(hex, sizeof(hex), found->summary.head.hash, SUITE_DIGEST_BYTES));
	page_shows((char *)page, text, "the head");
	snprintf(text, sizeof(text), "public = %s",
		 text_hex(hex, sizeof(hex), box->card.public_key, SUITE_KEY_BYTES));
	page_shows((char *)page, text, "the box's key");
	free(page);
	free(data);
}

int main(void)
{
	if (suite_start() != 0)
		abort();
	box = ledgers_key(KEY_SENDER, "inside-1", 0x11);
	test_entries();
	test_failures_stick();
	test_ten_texts();
	test_checkpoints();
	test_heads();
	test_torn();
	test_torn_between_files();
	test_changed_end();
	test_undone();
	test_undone_in_other_files();
	test_files();
	test_retention();
	test_other_names();
	test_full_disk();
	test_first_failure_is_final();
	test_system_calls();
	test_worked_example();
	key_free(box);
	return done_testing();
}
