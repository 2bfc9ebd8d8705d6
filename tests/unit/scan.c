#include "sender/scan.h"

#include <errno.h>

#include "common/cursor.h"
#include "common/verdict.h"
#include "fake_clamd.h"
#include "sender/scan_probe.h"

enum { LONG_MS = 20000, MAX = 1000, OVERLAP = 100, FILES_MAX = 64, BYTES = 8192 };

/* What the stand-in has had, in memory that both processes share. */
struct record {
	unsigned int count;
	struct {
		size_t len;
		uint8_t data[BYTES];
	} files[FILES_MAX];
};

/* Takes everything, and finds a file in which "BAD" stands. */
static int play_record(struct fake_session *session, const void *argument)
{
	struct record *record = *(struct record *const *)argument;
	for (int file; (file = fake_file(session)) >= 0;) {
		size_t len = 0;
		uint8_t *data = fake_read(file, &len);
		if (data == NULL || len > BYTES || record->count == FILES_MAX) {
			free(data);
			return 1;
		}
		record->files[record->count].len = len;
		memcpy(record->files[record->count++].data, data, len);
		bool is_bad = memmem(data, len, "BAD", 3) != NULL;
		free(data); /* who is replied to may have gone, and that ends this process */
		fake_reply(session, "%u: fd[1]: %s", session->id, is_bad ? "Bad.Thing FOUND" : "OK");
	}
	return 0;
}

static struct record *record_new(void)
{
	struct record *record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (record == MAP_FAILED)
		abort();
	return record;
}

static struct scan *open_scan(const struct fake *fake, struct scan_finding *finding)
{
	struct scan *scan = NULL;
	const struct scan_options options = {fake->path, LONG_MS, MAX, OVERLAP};
	if (scan_open(&scan, &options, finding) != 0) {
		note("cannot open: %s", finding->said);
		abort();
	}
	return scan;
}

/* One member, given in pieces of `step` bytes. */
static int add_member(struct scan *scan, const char *name, const void *data, size_t len, size_t step)
{
	int result = scan_member_begin(scan, name);
	for (size_t at = 0; at < len && result == 0; at += step)
		result = scan_add(scan, (const uint8_t *)data + at, len - at < step ? len - at : step);
	int ended = scan_member_end(scan);
	return result != 0 ? result : ended;
}

/* One member over a session of its own; *record, when not NULL, says what clamd had. */
static int scan_bytes(const void *data, size_t len, size_t step, struct record *record,
		      struct scan_finding *finding)
{
	struct record *own = record != NULL ? record : record_new();
	own->count = 0;
	struct fake fake = fake_start(play_record, &own);
	struct scan *scan = open_scan(&fake, finding);
	int result = add_member(scan, "member", data, len, step);
	if (result == 0)
		result = scan_finish(scan);
	scan_close(scan);
	if (fake_end(&fake) != 0)
		result = -EIO;
	if (record == NULL)
		munmap(own, sizeof(*own));
	return result;
}

static void fill_text(uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)('a' + i % 23);
}

/* ---- members and windows ---- */

static void test_members(void)
{
	struct record *record = record_new();
	struct scan_finding finding = {.said = ""};
	struct fake fake = fake_start(play_record, &record);
	struct scan *scan = open_scan(&fake, &finding);
	is_number(add_member(scan, "one", "first", 5, 2), 0, "a member is taken");
	is_number(add_member(scan, "empty", "", 0, 1), 0, "an empty one, too");
	is_number(add_member(scan, "two", "second", 6, 100), 0, "and the next");
	is_number(scan_finish(scan), 0, "all are clean");
	scan_close(scan);
	is_number(fake_end(&fake), 0, "the session ended well");
	is_number(record->count, 2, "clamd had each by itself, but the empty one");
	ok(record->files[0].len == 5 && memcmp(record->files[0].data, "first", 5) == 0,
	   "whole, however it came");
	ok(record->files[1].len == 6 && memcmp(record->files[1].data, "second", 6) == 0,
	   "with nothing of another");
	scan_close(NULL);
	munmap(record, sizeof(*record));
}

/* Each window but the last is of MAX bytes, and they overlap by OVERLAP. */
static bool are_windows(const struct record *record, const uint8_t *data, size_t len)
{
	size_t start = 0;
	for (unsigned int i = 0; i < record->count; i++) {
		size_t wanted = len - start < MAX ? len - start : MAX;
		if (record->files[i].len != wanted ||
		    memcmp(record->files[i].data, data + start, wanted) != 0)
			return false;
		if (start + wanted == len)
			return i == record->count - 1;
		start += wanted - OVERLAP;
	}
	return false;
}

static void test_windows(void)
{
	static const size_t lens[] = {1, MAX - 1, MAX, MAX + 1, 2 * MAX - OVERLAP, 2 * MAX - OVERLAP + 1,
				      2 * MAX, 5555};
	static const size_t steps[] = {1, 7, MAX, 100000};
	struct record *record = record_new();
	struct scan_finding finding = {.said = ""};
	uint8_t data[BYTES];
	fill_text(data, sizeof(data));
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			int result = scan_bytes(data, lens[i], steps[j], record, &finding);
			ok(result == 0 && are_windows(record, data, lens[i]),
			   "text of %zu bytes in steps of %zu comes in overlapping windows", lens[i], steps[j]);
		}
	unsigned int missed = 0;
	for (size_t at = MAX - OVERLAP - 5; at <= MAX + 5; at++) {
		fill_text(data, 3000);
		memcpy(data + at, "BAD", 3);
		missed += scan_bytes(data, 3000, 512, record, &finding) != VERDICT_INFECTED;
	}
	is_number(missed, 0, "what lies across the edge of a window is found, wherever it begins");
	is_text(finding.said, "Bad.Thing", "its signature is named");
	is_text(finding.member, "member", "and its member");
	munmap(record, sizeof(*record));
}

/* Every byte, in a member that is just too large: before the edge of the first window, and behind it. */
static void test_text(void)
{
	struct scan_finding finding = {.said = ""};
	uint8_t data[MAX + 50];
	unsigned int wrong = 0;
	for (unsigned int byte = 0; byte < 256; byte++) {
		bool is_text = byte >= 0x20 ? byte != 0x7f : byte == 9 || byte == 10 || byte == 12 || byte == 13;
		for (size_t at = 3; at < sizeof(data); at += MAX + 10) {
			fill_text(data, sizeof(data));
			data[at] = (uint8_t)byte;
			int result = scan_bytes(data, sizeof(data), 300, NULL, &finding);
			if (result != (is_text ? 0 : VERDICT_NOT_SCANNED) && ++wrong <= 8)
				note("byte %u at %zu: %d, %s", byte, at, result, finding.said);
		}
	}
	is_number(wrong, 0, "text is every byte but control characters, of which tab, LF, FF and CR are text");
	fill_text(data, sizeof(data));
	data[MAX + 13] = 0;
	is_number(scan_bytes(data, sizeof(data), 300, NULL, &finding), VERDICT_NOT_SCANNED,
		  "a large member is judged to its last byte");
	is_text(finding.said,
		"larger than max_mib of [scan], 1000 B, and no text: byte 1013 is 0x00; raise MaxFileSize and "
		"MaxScanSize in clamd.conf and then max_mib, or split it",
		"it is said where it is no text, and what to do");
	ok(!finding.is_signature, "and that nothing was found");
	data[5] = 0x1b;
	is_number(scan_bytes(data, MAX, 300, NULL, &finding), 0, "a binary of max_bytes goes as a whole");
	is_number(scan_bytes(data, MAX + 1, 300, NULL, &finding), VERDICT_NOT_SCANNED, "one byte more is refused");
}

static void test_failures(void)
{
	struct record *record = record_new();
	struct scan_finding finding = {.said = ""};
	struct fake fake = fake_start(play_record, &record);
	struct scan *scan = open_scan(&fake, &finding);
	add_member(scan, "good", "fine", 4, 4);
	add_member(scan, "bad\n", "so BAD", 6, 6);
	for (int i = 0; i < 40; i++)
		add_member(scan, "later", "fine", 4, 4);
	is_number(scan_finish(scan), VERDICT_INFECTED, "an infected member makes the scan fail");
	is_text(finding.member, "bad\n", "it is named");
	is_text(finding.said, "Bad.Thing", "with its signature");
	ok(finding.is_signature, "as one");
	is_number(scan_member_begin(scan, "x"), VERDICT_INFECTED, "the failure stays for a next member");
	is_number(scan_add(scan, "x", 1), VERDICT_INFECTED, "for its bytes");
	is_number(scan_member_end(scan), VERDICT_INFECTED, "for its end");
	is_number(scan_finish(scan), VERDICT_INFECTED, "and for the end of all");
	is_text(finding.member, "bad\n", "and so does the finding");
	scan_close(scan);
	fake_end(&fake);

	fake = fake_start(play_record, &record);
	record->count = FILES_MAX; /* it hangs up at once */
	scan = open_scan(&fake, &finding);
	add_member(scan, "lost", "fine", 4, 4);
	is_number(scan_finish(scan), VERDICT_NOT_SCANNED, "a clamd that ends has scanned nothing");
	is_text(finding.said, "clamd has hung up", "which is said");
	is_number(scan_member_begin(scan, "x"), VERDICT_NOT_SCANNED, "and stays");
	scan_close(scan);
	fake_end(&fake);

	const struct scan_options options = {test_path("none"), 300, MAX, OVERLAP};
	struct scan *none = NULL;
	is_number(scan_open(&none, &options, &finding), VERDICT_NOT_SCANNED, "no clamd is no scan");
	ok(none == NULL, "and leaves the output alone");
	munmap(record, sizeof(*record));
}

/* ---- probes ---- */

/* A clamd with settings: it knows the probes by what they are. */
struct settings {
	bool finds_all, finds_eicar, alerts_exceeded, alerts_encrypted, alerts_inflating;
	size_t file_max;
};

static const char *answer_probe(const struct settings *settings, const uint8_t *data, size_t len)
{
	struct reader r = reader_of(data, len);
	bool is_zip = read_u32(&r) == 0x04034b50;
	(void)read_u16(&r);
	bool is_encrypted = is_zip && (read_u16(&r) & 1) != 0;
	bool is_nested = is_zip && len > 35 + 4 && memcmp(data + 35, "PK\3\4", 4) == 0;
	if (settings->finds_all)
		return "Phantom FOUND";
	if (len > 2000000)
		return settings->alerts_inflating ? "Heuristics.Limits.Exceeded.MaxScanSize FOUND" : "OK";
	if (len > settings->file_max)
		return settings->alerts_exceeded ? "Heuristics.Limits.Exceeded.MaxFileSize FOUND" : "OK";
	if (is_encrypted)
		return settings->alerts_encrypted ? "Heuristics.Encrypted.Zip FOUND" : "OK";
	if (is_nested)
		return settings->alerts_exceeded ? "Heuristics.Limits.Exceeded.MaxRecursion FOUND" : "OK";
	bool is_eicar = memmem(data, len, "EICAR-STANDARD-ANTIVIRUS", 24) != NULL;
	return is_eicar && settings->finds_eicar ? "Eicar-Test FOUND" : "OK";
}

static int play_settings(struct fake_session *session, const void *argument)
{
	for (int file; (file = fake_file(session)) >= 0;) {
		size_t len = 0;
		uint8_t *data = fake_read(file, &len);
		if (data == NULL)
			return 1;
		fake_reply(session, "%u: fd[1]: %s", session->id, answer_probe(argument, data, len));
		free(data);
	}
	return 0;
}

static void test_probes(void)
{
	enum { LARGE = 65536 };
	static const struct {
		const char *what, *said;
		struct settings settings;
		int result;
	} cases[] = {
		{"a clamd that does all it should is believed", "", {false, true, true, true, true, LARGE}, 0},
		{"one that finds something in everything is not",
		 "clamd finds something in a harmless line; look at its signatures",
		 {true, true, true, true, true, LARGE}, VERDICT_NOT_SCANNED},
		{"nor one without signatures",
		 "clamd does not find the EICAR test file; it has no signatures: run freshclam, or carry them in",
		 {false, false, true, true, true, LARGE}, VERDICT_NOT_SCANNED},
		{"nor one that passes what is beyond its limits",
		 "clamd passes archives that it has not looked into; set 'AlertExceedsMax yes' in clamd.conf",
		 {false, true, false, true, true, LARGE}, VERDICT_NOT_SCANNED},
		{"nor one that passes encrypted archives",
		 "clamd passes encrypted archives; set 'AlertEncrypted yes' in clamd.conf",
		 {false, true, true, false, true, LARGE}, VERDICT_NOT_SCANNED},
		{"nor one whose limits are below max_mib",
		 "clamd does not look into archives of max_mib, 64.0 KiB; raise MaxFileSize and MaxScanSize in "
		 "clamd.conf, with 'ScanArchive yes', or lower max_mib",
		 {false, true, true, true, true, LARGE - 1}, VERDICT_NOT_SCANNED},
		{"nor one that passes archives which hold more than it looks into",
		 "clamd passes archives whose members are larger than it looks into; set MaxFileSize in "
		 "clamd.conf to no less than MaxScanSize",
		 {false, true, true, true, false, LARGE}, VERDICT_NOT_SCANNED},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scan_finding finding = {.said = ""};
		uint64_t elapsed_us = 0;
		struct fake fake = fake_start(play_settings, &cases[i].settings);
		const struct clamd_options options = {fake.path, LONG_MS, 2 * LARGE};
		is_number(scan_probe(&options, LARGE, &elapsed_us, &finding), cases[i].result, "%s",
			  cases[i].what);
		is_text(finding.said, cases[i].said, "which is said with what to do");
		ok((elapsed_us > 0) == (cases[i].result == 0), "and timed when it is");
		is_number(fake_end(&fake), 0, "the session ended well");
	}
	struct scan_finding finding = {.said = ""};
	uint64_t elapsed_us = 0;
	const struct settings blind = {false, false, true, true, true, LARGE};
	struct fake fake = fake_start(play_settings, &blind);
	struct scan *scan = open_scan(&fake, &finding);
	is_number(scan_begin(scan), VERDICT_NOT_SCANNED, "a scan does not begin with such a clamd");
	is_number(scan_member_begin(scan, "x"), VERDICT_NOT_SCANNED, "and takes no member");
	scan_close(scan);
	fake_end(&fake);
	const struct clamd_options none = {test_path("none"), 300, LARGE};
	is_number(scan_probe(&none, LARGE, &elapsed_us, &finding), VERDICT_NOT_SCANNED,
		  "no clamd answers no probe");
	ok(strstr(finding.said, "is clamav-daemon running?") != NULL, "and it is asked for");
}

int main(void)
{
	test_members();
	test_windows();
	test_text();
	test_failures();
	test_probes();
	return done_testing();
}
