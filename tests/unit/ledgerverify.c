#include "common/ledgerverify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ledgerevent.h"
#include "common/ledgerread.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/ledgers.h"
#include "tests/lib/tap.h"

enum { LINES_MAX = 2048 };

static struct key *box;

/* The lines of one file, as a vandal without the box's key may arrange them. */
struct lines {
	char file[8300];
	size_t count;
	char *text[LINES_MAX]; /* with line feed and a zero */
};

static void lines_load(struct lines *l, const char *file)
{
	size_t len;
	uint8_t *data = ledgers_read(file, &len);
	char *rest = (char *)data, *line;
	snprintf(l->file, sizeof(l->file), "%s", file);
	l->count = 0;
	while ((line = strsep(&rest, "\n")) != NULL && rest != NULL && l->count < LINES_MAX)
		if (asprintf(&l->text[l->count++], "%s\n", line) < 0)
			abort();
	free(data);
}

static void lines_free(struct lines *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->text[i]);
	l->count = 0;
}

static void lines_save(const struct lines *l)
{
	FILE *file = fopen(l->file, "w");
	for (size_t i = 0; i < l->count; i++)
		fputs(l->text[i], file);
	fclose(file);
}

static void lines_remove(struct lines *l, size_t i)
{
	free(l->text[i]);
	memmove(&l->text[i], &l->text[i + 1], (--l->count - i) * sizeof(l->text[0]));
}

static void lines_insert(struct lines *l, size_t i, const char *text)
{
	memmove(&l->text[i + 1], &l->text[i], (l->count++ - i) * sizeof(l->text[0]));
	l->text[i] = strdup(text);
}

static void lines_swap(struct lines *l, size_t a, size_t b)
{
	char *text = l->text[a];
	l->text[a] = l->text[b];
	l->text[b] = text;
}

/* Numbers and hashes as if everything from line i on had been written so. */
static void lines_chain(struct lines *l, size_t i)
{
	for (; i < l->count; i++) {
		uint8_t hash[SUITE_DIGEST_BYTES];
		char hex[2 * SUITE_DIGEST_BYTES + 1], *old = l->text[i];
		ledger_line_hash(hash, l->text[i - 1], strlen(l->text[i - 1]) - 1);
		text_hex(hex, sizeof(hex), hash, sizeof(hash));
		if (asprintf(&l->text[i], "{\"n\":%llu,%.*s%s%s", strtoull(l->text[i - 1] + 5, NULL, 10) + 1,
			     (int)strlen("\"at\":\"2026-11-23T08:00:00Z\",\"before\":\""), strchr(old, ',') + 1, hex,
			     strstr(old, "\",\"event\"")) < 0)
			abort();
		free(old);
	}
}

static bool lines_are(const struct lines *l, size_t i, const char *event)
{
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "\"event\":\"%s\"", event);
	return strstr(l->text[i], wanted) != NULL;
}

/* A ledger of one file, closed. */
static void make(const char *path, unsigned int entries)
{
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	int result = ledger_write(ledger, ledger_entry_new("start", 0), ledgers_start);
	if (result == 0)
		result = ledgers_write(ledger, entries, ledgers_start);
	if (result == 0)
		result = ledger_write(ledger, ledger_entry_new("stop", 0), ledgers_start + entries);
	if (result != 0 || ledger_close(ledger, ledgers_start + entries) != 0)
		abort();
}

/* What the last line stands for, as a witness may have noted it. */
static struct ledger_head head_of(const struct lines *l, size_t i)
{
	struct ledger_head head = {.n = strtoull(l->text[i] + 5, NULL, 10)};
	ledger_line_hash(head.hash, l->text[i], strlen(l->text[i]) - 1);
	return head;
}

/* ---- a line ---- */

static void test_lines(void)
{
	static const char good[] =
		"{\"n\":12,\"at\":\"2026-11-23T08:00:00Z\",\"before\":\""
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\","
		"\"event\":\"push.refused\",\"result\":\"not-allowed\",\"route\":\"稅\"}";
	static const struct {
		const char *what, *with, *sentence;
	} cases[] = {
		{"\"n\":12", "\"n\":012", "a number with a zero in front"},
		{"\"n\":12", "\"n\":0", "entry 0"},
		{"\"n\":12", "\"n\":-1", "a number below 0"},
		{"\"n\":12", "\"n\":1.0", "a number with a point"},
		{"\"n\":12", "\"n\":9007199254740992", "a number that not every reader holds"},
		{"\"n\":12", "\"n\":99999999999999999999", "one that no reader holds"},
		{"\"n\":12,", "\"n\":12, ", "a blank"},
		{"{\"n\":12,\"at\":\"2026-11-23T08:00:00Z\"", "{\"at\":\"2026-11-23T08:00:00Z\",\"n\":12",
		 "another order"},
		{"08:00:00Z", "08:00:60Z", "a time that is none"},
		{"2026-11-23T08:00:00Z", "2026-11-23 08:00:00Z", "a time of another form"},
		{"2026-11-23T", "2026-02-30T", "a day that is none"},
		{"aabbccddeeff\"", "AABBCCDDEEFF\"", "capitals in a hash"},
		{"aabbccddeeff\"", "aabbccddee\"", "a hash too short"},
		{"aabbccddeeff\"", "aabbccddeeff00\"", "a hash too long"},
		{"push.refused", "Push", "a capital in an event"},
		{"push.refused", "", "no event"},
		{"push.refused", "\\u0070ush", "an escaped event"},
		{"push.refused", "a23456789a23456789a23456789a23456789a2345", "an event too long"},
		{"not-allowed", "not.allowed", "a point in a result"},
		{"not-allowed", "a23456789a23456789a23456789a23456", "a result too long"},
		{"\"稅\"", "\"\x1b[2J\"", "a control byte"},
		{"\"稅\"", "\"\x7f\"", "DEL"},
		{"\"稅\"", "\"\xff\"", "what is not UTF-8"},
		{"\"稅\"}", "\"稅\"", "no end"},
		{"\"稅\"}", "\"稅\"} ", "a blank behind the end"},
		{",\"route\"", "x\"route\"", "no comma"},
	};
	struct ledger_line line;
	is_number(ledger_line_parse(&line, good, strlen(good)), 0, "a line is read");
	ok(line.n == 12 && line.at == ledgers_start && line.before[1] == 0x11 &&
		   ledger_line_is(&line, "push.refused") && !ledger_line_is(&line, "push") &&
		   line.result_len == 11 && memcmp(line.result, "not-allowed", 11) == 0,
	   "with its fields");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1024];
		const char *at = strstr(good, cases[i].what);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, cases[i].with,
			 at + strlen(cases[i].what));
		is_number(ledger_line_parse(&line, text, strlen(text)), VERDICT_BAD_ENTRY, "refused: %s",
			  cases[i].sentence);
	}
	size_t passed = 0;
	for (size_t cut = 0; cut < strlen(good); cut++) {
		char *copy = malloc(cut + 1); /* so that a sanitizer sees a byte too far */
		memcpy(copy, good, cut);
		passed += ledger_line_parse(&line, copy, cut) != VERDICT_BAD_ENTRY;
		free(copy);
	}
	is_number((int64_t)passed, 0, "every truncation of a line is refused");
	char longest[LEDGER_LINE_MAX];
	memset(longest, 'x', sizeof(longest));
	size_t at = (size_t)snprintf(longest, sizeof(longest), "%.*s", (int)(strlen(good) - 5), good);
	longest[at] = 'x';
	longest[LEDGER_LINE_MAX - 2] = '}';
	is_number(ledger_line_parse(&line, longest, LEDGER_LINE_MAX - 1), 0, "a line may have 4,096 bytes");
	longest[LEDGER_LINE_MAX - 1] = '}';
	is_number(ledger_line_parse(&line, longest, LEDGER_LINE_MAX), VERDICT_BAD_ENTRY, "and no more");
}

static void test_file_names(void)
{
	struct ledger_file file;
	char name[LEDGER_FILE_NAME_BYTES];
	static const char *const bad[] = {
		"", "0000000000000001-20261123.json", "0000000000000000-20261123.jsonl",
		"000000000000001-20261123.jsonl", "0000000000000001_20261123.jsonl",
		"9007199254740992-20261123.jsonl", "0000000000000001-2026112a.jsonl",
		"0000000000000001-20261123.jsonl2", "-000000000000001-20261123.jsonl"};
	ok(ledger_file_parse(&file, "0000000000000012-20261123.jsonl") && file.first == 12 &&
		   file.day == 20261123, "a file's name says with what it begins, and when it was made");
	ledger_file_name(name, &file);
	is_text(name, "0000000000000012-20261123.jsonl", "and is made of that");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!ledger_file_parse(&file, bad[i]), "'%s' is none", bad[i]);
	is_number(ledger_day(ledgers_start), 20261123, "a day is written as a number");
}

/* ---- one file ---- */

static void test_every_bit(void)
{
	const char *path = test_path("bits");
	make(path, 2);
	size_t len, found = 0, torn = 0, unnamed = 0;
	char file[8300];
	snprintf(file, sizeof(file), "%s", ledgers_file(path, 0));
	uint8_t *data = ledgers_read(file, &len);
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		uint8_t flipped = data[bit / 8] ^ (uint8_t)(1U << bit % 8);
		io_pwrite(fd, &flipped, 1, bit / 8);
		const struct ledgers_found *f = ledgers_verify(path, box, NULL);
		if (bit / 8 == len - 1)
			torn += f->result == 0 && f->count == 1 && f->findings[0].verdict == VERDICT_TRUNCATED;
		else
			found += f->result > 0;
		unnamed += f->count == 0 || f->file[0][0] == 0 || f->findings[0].line == 0 ||
			   f->findings[0].n == 0 || f->what[0][0] == 0 || f->findings[0].next[0] == 0;
		io_pwrite(fd, &data[bit / 8], 1, bit / 8);
	}
	close(fd);
	is_number((int64_t)found, (int64_t)(8 * (len - 1)), "every flipped bit of a closed ledger is found");
	is_number((int64_t)torn, 8, "those of the last line feed make a torn line");
	is_number((int64_t)unnamed, 0, "each finding names file, line and entry, what is wrong, and the next step");
	ledgers_are_good(path, box, 0, "and without any, nothing is found");
	free(data);
}

static void test_lines_moved(void)
{
	const char *path = test_path("moved");
	struct lines l;
	make(path, 6);
	lines_load(&l, ledgers_file(path, 0));
	size_t count = l.count, removed = 0, swapped = 0, repeated = 0, cut = 0, foreseen = 0;
	struct ledger_head head = head_of(&l, count - 1);
	struct ledger_witness witness = {.heads = &head, .count = 1, .size = 1};
	for (size_t i = 0; i < count; i++) {
		lines_free(&l);
		ledgers_remove(path);
		make(path, 6);
		lines_load(&l, ledgers_file(path, 0));
		char *copy = strdup(l.text[i]);
		if (i + 1 < count) {
			lines_swap(&l, i, i + 1);
			lines_save(&l);
			swapped += ledgers_verify(path, box, NULL)->result > 0;
			lines_swap(&l, i, i + 1);
		}
		lines_insert(&l, i, copy);
		lines_save(&l);
		repeated += ledgers_verify(path, box, NULL)->result > 0;
		lines_remove(&l, i);
		lines_remove(&l, i);
		lines_save(&l);
		if (i + 1 < count)
			removed += ledgers_verify(path, box, NULL)->result > 0;
		free(copy);
	}
	is_number((int64_t)swapped, (int64_t)count - 1, "two lines that changed places are found, wherever");
	is_number((int64_t)repeated, (int64_t)count, "a line that stands twice is");
	is_number((int64_t)removed, (int64_t)count - 1, "and one that is missing, but for the last");
	ledgers_remove(path);
	make(path, 6);
	lines_free(&l);
	lines_load(&l, ledgers_file(path, 0));
	is_number(ledgers_verify(path, box, &witness)->result, 0, "a witness that saw the end finds it there");
	is_number((int64_t)ledgers_verify(path, box, &witness)->summary.witnessed_n, (int64_t)head.n, "up to it");
	for (size_t left = count - 1; left > 0; left--) {
		lines_remove(&l, left);
		lines_save(&l);
		cut += ledgers_verify(path, box, &witness)->result == VERDICT_MISSING_ENTRIES;
		foreseen += ledgers_verify(path, box, NULL)->result > 0;
	}
	is_number((int64_t)cut, (int64_t)count - 1, "an end that was cut off is found by the witness, wherever");
	is_number((int64_t)foreseen, 0, "and by nobody else: that is what it is for");
	lines_free(&l);
}

/* Somebody who can write, and compute hashes, but has no key. */
static void test_rewritten(void)
{
	const char *path = test_path("rewritten");
	struct lines l;
	make(path, 6);
	lines_load(&l, ledgers_file(path, 0));
	struct ledger_head head = head_of(&l, l.count - 1);
	struct ledger_witness witness = {.heads = &head, .count = 1, .size = 1};
	size_t changed = 0, tried = 0;
	for (size_t i = 1; i + 1 < l.count; i++) {
		if (lines_are(&l, i, "checkpoint"))
			continue;
		char *old = l.text[i], *at;
		l.text[i] = strdup(old);
		at = strstr(l.text[i], "\"result\":\"ok\"");
		memcpy(at, "\"result\":\"no\"", 13);
		char *rest[LINES_MAX];
		for (size_t k = i + 1; k < l.count; k++)
			rest[k] = strdup(l.text[k]);
		lines_chain(&l, i + 1);
		lines_save(&l);
		changed += ledgers_verify(path, box, NULL)->result == VERDICT_BAD_SIGNATURE;
		tried++;
		for (size_t k = i; k < l.count; k++) {
			free(l.text[k]);
			l.text[k] = k == i ? old : rest[k];
		}
	}
	ok(tried >= 7 && changed == tried, "an entry that was changed with all hashes behind it is found");
	/* the end was changed, and its checkpoint left out */
	lines_remove(&l, l.count - 1);
	memcpy(strstr(l.text[l.count - 1], "\"result\":\"ok\""), "\"result\":\"no\"", 13);
	lines_save(&l);
	is_number(ledgers_verify(path, box, NULL)->result, 0, "what is not signed is not proven");
	ok(ledgers_verify(path, box, NULL)->summary.signed_n < l.count - 1, "and told to be so");
	is_number(ledgers_verify(path, box, &witness)->result, VERDICT_MISSING_ENTRIES, "but by the witness");
	head = head_of(&l, l.count - 1);
	head.hash[0] ^= 1;
	is_number(ledgers_verify(path, box, &witness)->result, VERDICT_BAD_CHAIN,
		  "which also finds another entry in the place of one");
	lines_free(&l);

	/* many entries behind the last checkpoint */
	path = test_path("stripped");
	make(path, LEDGER_CHECKPOINT_ENTRIES + 10);
	lines_load(&l, ledgers_file(path, 0));
	for (size_t i = l.count - 1; i > 3; i--)
		if (lines_are(&l, i, "checkpoint"))
			lines_remove(&l, i);
	lines_chain(&l, 4);
	lines_save(&l);
	is_number(ledgers_verify(path, box, NULL)->result, VERDICT_BAD_SIGNATURE,
		  "more than 256 entries without a checkpoint are no box's work");
	for (size_t i = l.count - 1; i > 0; i--)
		if (lines_are(&l, i, "checkpoint"))
			lines_remove(&l, i);
	while (l.count > 5)
		lines_remove(&l, l.count - 1);
	lines_remove(&l, 0);
	memcpy(strstr(l.text[0], "\"n\":2") + 4, "1", 1);
	memset(strstr(l.text[0], "\"before\":\"") + 10, '0', 64);
	lines_chain(&l, 1);
	lines_save(&l);
	is_number(ledgers_verify(path, box, NULL)->result, VERDICT_BAD_SIGNATURE,
		  "nor is a ledger without any");
	lines_free(&l);
}

/* ---- checkpoints ---- */

/* The last line is a checkpoint by this key, over the head before it. */
static void put_checkpoint(struct lines *l, const struct key *key, uint64_t at)
{
	struct ledger_head head = head_of(l, l->count - 2);
	char text[LEDGER_LINE_MAX + 1];
	size_t len;
	if (ledger_checkpoint_compose(text, &len, &head, at, key) != 0)
		abort();
	text[len] = 0;
	lines_remove(l, l->count - 1);
	lines_insert(l, l->count, text);
}

static void test_checkpoints(void)
{
	const char *path = test_path("forged");
	struct lines l;
	struct key *other = ledgers_key(KEY_SENDER, "inside-1", 0x22);
	struct key *same_id = ledgers_key(KEY_SENDER, "inside-1", 0x33);
	struct key *receiver = ledgers_key(KEY_RECEIVER, "outside-1", 0x44);
	memcpy(same_id->card.id, box->card.id, KEY_ID_BYTES);
	make(path, 3);
	lines_load(&l, ledgers_file(path, 0));
	put_checkpoint(&l, box, ledgers_start + 3);
	lines_save(&l);
	is_number(ledgers_verify(path, box, NULL)->result, 0, "a checkpoint by the box is good");
	put_checkpoint(&l, other, ledgers_start + 3);
	lines_save(&l);
	is_number(ledgers_verify(path, box, NULL)->result, VERDICT_UNKNOWN_KEY, "one by another key is not");
	put_checkpoint(&l, same_id, ledgers_start + 3);
	lines_save(&l);
	is_number(ledgers_verify(path, box, NULL)->result, VERDICT_BAD_SIGNATURE,
		  "nor one that only names the key");
	put_checkpoint(&l, box, ledgers_start + 3);
	memcpy(strstr(l.text[l.count - 1], "08:00:03"), "08:00:04", 8);
	lines_save(&l);
	is_number(ledgers_verify(path, box, NULL)->result, VERDICT_BAD_SIGNATURE, "nor one of another time");
	char *text;
	put_checkpoint(&l, box, ledgers_start + 3);
	if (asprintf(&text, "%.*s,\"more\":1}\n", (int)strlen(l.text[l.count - 1]) - 2, l.text[l.count - 1]) < 0)
		abort();
	lines_remove(&l, l.count - 1);
	lines_insert(&l, l.count, text);
	free(text);
	lines_save(&l);
	is_number(ledgers_verify(path, box, NULL)->result, VERDICT_BAD_ENTRY, "nor one with a field more");

	/* another box that the registry knows */
	put_checkpoint(&l, receiver, ledgers_start + 3);
	lines_save(&l);
	struct ledgers_found found = {.count = 0};
	const struct card *boxes[] = {&other->card, &receiver->card, &box->card};
	struct ledger_verifying verifying = {
		.boxes = boxes, .box_count = 3, .report = ledgers_report, .context = &found};
	int dir = io_open_dir(AT_FDCWD, path);
	is_number(ledger_verify(dir, &verifying, &found.summary), VERDICT_BAD_SIGNATURE,
		  "nor one by another box, which has a ledger of its own");
	/* a box that got a new key */
	put_checkpoint(&l, other, ledgers_start + 3);
	lines_save(&l);
	is_number(ledger_verify(dir, &verifying, &found.summary), 0, "a box may get a new key");
	close(dir);
	lines_free(&l);
	key_free(other);
	key_free(same_id);
	key_free(receiver);
}

/* ---- many files ---- */

enum { MONTH_S = 31 * 86400 };

static void make_files(const char *path, unsigned int months, uint32_t retention_days)
{
	struct ledger *ledger = NULL;
	const struct ledger_options options = {.path = path, .box = box, .retention_days = retention_days};
	if (ledger_open(&ledger, &options, ledgers_start) != 0)
		abort();
	for (uint64_t i = 0; i < months; i++)
		if (ledgers_write(ledger, 4, ledgers_start + i * MONTH_S) != 0)
			abort();
	if (ledger_close(ledger, ledgers_start + months * MONTH_S) != 0)
		abort();
}

static void test_whole_files(void)
{
	const char *path = test_path("whole");
	size_t found = 0, named = 0;
	for (int i = 0; i < 4; i++) {
		make_files(path, 4, 0);
		if (i == 0)
			ledgers_are_good(path, box, 0, "a ledger of four files is whole");
		unlink(ledgers_file(path, i));
		const struct ledgers_found *f = ledgers_verify(path, box, NULL);
		found += f->result == VERDICT_MISSING_ENTRIES;
		named += f->count == 1 && f->findings[0].next[0] != 0;
		ledgers_remove(path);
	}
	is_number((int64_t)found, 4, "each file that is missing is found, also the first and the last");
	is_number((int64_t)named, 4, "by one finding");

	size_t swapped = 0, renamed = 0, emptied = 0, cut = 0;
	for (int i = 0; i < 3; i++) {
		size_t a_len, b_len;
		char a[8300], b[8300];
		make_files(path, 4, 0);
		snprintf(a, sizeof(a), "%s", ledgers_file(path, i));
		snprintf(b, sizeof(b), "%s", ledgers_file(path, i + 1));
		uint8_t *a_data = ledgers_read(a, &a_len), *b_data = ledgers_read(b, &b_len);
		ledgers_put(a, b_data, b_len);
		ledgers_put(b, a_data, a_len);
		swapped += ledgers_verify(path, box, NULL)->result > 0;
		ledgers_put(b, b_data, b_len);
		ledgers_put(a, "", 0);
		emptied += ledgers_verify(path, box, NULL)->result > 0;
		ledgers_put(a, a_data, a_len - 1);
		cut += ledgers_verify(path, box, NULL)->result > 0;
		ledgers_put(a, a_data, a_len);
		a_data[strlen("{\"n\":")]++; /* for the name alone */
		snprintf(b, sizeof(b), "%s/0000000000000%03d-20261123.jsonl", path, 2 + i);
		if (strcmp(a, b) != 0 && rename(a, b) == 0)
			renamed += ledgers_verify(path, box, NULL)->result > 0;
		free(a_data);
		free(b_data);
		ledgers_remove(path);
	}
	is_number((int64_t)swapped, 3, "two files that changed places are found");
	is_number((int64_t)emptied, 3, "a file that was emptied is");
	is_number((int64_t)cut, 3, "one that lacks its last byte, with others behind it");
	is_number((int64_t)renamed, 3, "and one that has another name");
}

static void test_trimmed(void)
{
	const char *path = test_path("trimmed");
	struct lines l;
	make_files(path, 8, 100);
	const struct ledgers_found *f = ledgers_verify(path, box, NULL);
	ok(f->result == 0 && f->count == 0 && f->summary.first > 1,
	   "a ledger that gave up its oldest files says so, and is whole");
	struct ledger_head early = {.n = 2};
	struct ledger_witness witness = {.heads = &early, .count = 1, .size = 1};
	is_number(ledgers_verify(path, box, &witness)->result, 0, "a witness of what is gone proves nothing");

	/* the statement says another hash: the box's own, signed, but of other entries */
	lines_load(&l, ledgers_file(path, 0));
	char file[8300];
	snprintf(file, sizeof(file), "%s", l.file);
	lines_free(&l);
	unlink(file);
	is_number(ledgers_verify(path, box, NULL)->result, VERDICT_MISSING_ENTRIES,
		  "a file more that is gone is missing");

	/* a vandal's statement, behind the last checkpoint */
	ledgers_remove(path);
	make_files(path, 3, 0);
	lines_load(&l, ledgers_file(path, 1));
	struct ledger_head front = {.n = strtoull(l.text[0] + 5, NULL, 10) - 1};
	char hash[2 * SUITE_DIGEST_BYTES + 1], rest[512], text[LEDGER_LINE_MAX + 1];
	snprintf(hash, sizeof(hash), "%.64s", strstr(l.text[0], "\"before\":\"") + 10);
	lines_free(&l);
	unlink(ledgers_file(path, 0));
	lines_load(&l, ledgers_file(path, -1));
	int n = snprintf(rest, sizeof(rest),
			 "{\"event\":\"trimmed\",\"result\":\"ok\",\"through\":%llu,\"hash\":\"%s\",\"files\":1}",
			 (unsigned long long)front.n, hash);
	struct ledger_head last = head_of(&l, l.count - 1);
	size_t len;
	ledger_line_compose(text, &len, &last, ledgers_start + 3 * MONTH_S, rest, (size_t)n);
	text[len] = 0;
	lines_insert(&l, l.count, text);
	lines_save(&l);
	is_number(ledgers_verify(path, box, NULL)->result, VERDICT_MISSING_ENTRIES,
		  "who says so without a signature is not believed");
	lines_insert(&l, l.count, "\n");
	put_checkpoint(&l, box, ledgers_start + 3 * MONTH_S);
	lines_save(&l);
	is_number(ledgers_verify(path, box, NULL)->result, 0, "who says it signed, is");
	/* signed, but of another past */
	*strstr(l.text[l.count - 2], hash) ^= 1;
	put_checkpoint(&l, box, ledgers_start + 3 * MONTH_S);
	lines_save(&l);
	is_number(ledgers_verify(path, box, NULL)->result, VERDICT_BAD_CHAIN,
		  "what is left stands behind what was removed");
	lines_free(&l);
}

/* ---- the rest ---- */

static void test_rubbish(void)
{
	const char *path = test_path("rubbish");
	struct lines l;
	char *long_line = malloc(3 * LEDGER_LINE_MAX + 2);
	memset(long_line, 'x', 3 * LEDGER_LINE_MAX);
	memcpy(long_line + 3 * LEDGER_LINE_MAX, "\n", 2);
	make(path, 4);
	lines_load(&l, ledgers_file(path, 0));
	lines_insert(&l, 3, long_line);
	lines_save(&l);
	const struct ledgers_found *f = ledgers_verify(path, box, NULL);
	ok(f->result == VERDICT_BAD_ENTRY && f->findings[0].line == 4, "a line that is too long is found");
	lines_remove(&l, 3);
	lines_insert(&l, 3, "\n");
	lines_save(&l);
	f = ledgers_verify(path, box, NULL);
	ok(f->result == VERDICT_BAD_ENTRY && f->findings[0].line == 4, "and an empty line");
	lines_free(&l);
	ledgers_put(l.file, long_line, LEDGER_LINE_MAX * 2);
	is_number(ledgers_verify(path, box, NULL)->result, VERDICT_BAD_ENTRY, "and a file of nothing else");

	uint64_t state = test_seed();
	size_t passed = 0, crashed = 0;
	for (int i = 0; i < 200; i++) {
		uint8_t bytes[2000];
		test_random_bytes(&state, bytes, sizeof(bytes));
		bytes[1999] = '\n';
		ledgers_put(l.file, bytes, sizeof(bytes));
		f = ledgers_verify(path, box, NULL);
		passed += f->result == 0;
		crashed += f->result < 0;
	}
	is_number((int64_t)(passed + crashed), 0, "random bytes are no ledger");
	free(long_line);
	ledgers_remove(path);
	mkdir(path, 0700);
	f = ledgers_verify(path, box, NULL);
	is_number(f->result, -ENOENT, "a directory without a file of a ledger is none");
	ok(f->summary.files == 0 && f->summary.entries == 0, "and the summary is untouched");
}

static void test_clock(void)
{
	const char *path = test_path("clock");
	struct ledger *ledger = ledgers_open(path, box, ledgers_start);
	ledgers_write(ledger, 1, ledgers_start + 100);
	ledgers_write(ledger, 1, ledgers_start + 100 - LEDGER_BACKWARDS_S);
	ledger_close(ledger, ledgers_start + 101);
	ledgers_are_good(path, box, 0, "a clock may be set back by five seconds");
	ledger = ledgers_open(path, box, ledgers_start + 101);
	ledgers_write(ledger, 1, ledgers_start + 101 - LEDGER_BACKWARDS_S - 1);
	ledger_close(ledger, ledgers_start + 102);
	const struct ledgers_found *f = ledgers_verify(path, box, NULL);
	ok(f->result == 0 && f->count == 1 && f->findings[0].is_note &&
		   f->findings[0].verdict == VERDICT_BAD_TIME, "more is noted, and wrong by itself is it not");
}

static void test_witness(void)
{
	struct ledger_witness witness = {.heads = NULL};
	struct ledger_head head = {.n = 0};
	bool has_newest = true, fits = true;
	for (uint64_t i = 0; i < 5 * (uint64_t)LEDGER_WITNESS_MAX; i++) {
		head.n = i ^ 1; /* not quite in order */
		if (ledger_witness_add(&witness, &head) != 0)
			abort();
		fits = fits && witness.count <= LEDGER_WITNESS_MAX;
	}
	ledger_witness_sort(&witness);
	has_newest = witness.heads[witness.count - 1].n == 5 * (uint64_t)LEDGER_WITNESS_MAX - 1;
	bool ascends = true;
	for (size_t i = 1; i < witness.count; i++)
		ascends = ascends && witness.heads[i - 1].n < witness.heads[i].n;
	ok(fits, "a witness of any length takes no more memory than its limit");
	ok(ascends && witness.count > LEDGER_WITNESS_MAX / 2, "it keeps heads of all times");
	ok(has_newest, "and the newest");
	ledger_witness_free(&witness);
	ok(witness.heads == NULL && witness.count == 0, "freed, it is empty");
}

static int count_lines(void *context, const struct ledger_line *line, const char *text, size_t len)
{
	uint64_t *sum = context;
	(void)text, (void)len;
	*sum += line->n;
	return line->n == 5 ? -ECANCELED : 0;
}

static void ignore(void *context, const struct ledger_finding *finding)
{
	(void)context, (void)finding;
}

static void test_take(void)
{
	const char *path = test_path("take");
	uint64_t sum = 0;
	const struct card *boxes[] = {&box->card};
	const struct ledger_verifying verifying = {
		.boxes = boxes, .box_count = 1, .report = ignore, .take = count_lines, .context = &sum};
	struct ledger_summary summary = {.first = 42};
	make(path, 6);
	int dir = io_open_dir(AT_FDCWD, path);
	is_number(ledger_verify(dir, &verifying, &summary), -ECANCELED, "whoever takes the entries can end it");
	is_number((int64_t)sum, 1 + 2 + 3 + 4 + 5, "having got them in order");
	is_number((int64_t)summary.first, 42, "and the summary is untouched");
	uint64_t bytes = 0;
	struct stat st;
	stat(ledgers_file(path, 0), &st);
	ok(ledger_size(dir, &bytes) == 0 && bytes == (uint64_t)st.st_size, "the size is that of the files");
	close(dir);
}

static void test_events(void)
{
	is_text(ledger_event_phrase("push.refused", 12, false), "a push was refused", "an event has words");
	is_text(ledger_event_phrase("approve", 7, true), "a bundle was approved", "also what was done");
	is_text(ledger_event_phrase("approve", 7, false), "an approval was refused", "and what was tried and refused");
	ok(ledger_event_phrase("push", 4, true) == NULL && ledger_event_phrase("push.refused.", 13, true) == NULL,
	   "one that is not in the list has none");
}

int main(void)
{
	if (suite_start() != 0)
		abort();
	box = ledgers_key(KEY_SENDER, "inside-1", 0x11);
	test_lines();
	test_file_names();
	test_every_bit();
	test_lines_moved();
	test_rewritten();
	test_checkpoints();
	test_whole_files();
	test_trimmed();
	test_rubbish();
	test_clock();
	test_witness();
	test_take();
	test_events();
	key_free(box);
	return done_testing();
}
