#include "sender/clamd.h"

#include <errno.h>

#include "common/io.h"
#include "common/verdict.h"
#include "fake_clamd.h"

/* What is judged by an answer waits long, what is judged by its absence does not. */
enum { LONG_MS = 20000, SHORT_MS = 400, BYTES_MAX = 1000 };

static int memory_file(const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	if (io_write(fd, text, strlen(text)) != 0 || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	return fd;
}

static struct clamd *open_session(const char *path, uint32_t timeout_ms, struct scan_finding *finding)
{
	struct clamd *clamd = NULL;
	const struct clamd_options options = {path, timeout_ms, BYTES_MAX};
	int result = clamd_open(&clamd, &options, finding);
	if (result != 0)
		note("cannot open: %d, %s", result, finding->said);
	return clamd;
}

static int give(struct clamd *clamd, const char *text, uint64_t len, const char *member)
{
	int fd = memory_file(text);
	int result = clamd_give(clamd, fd, len, member);
	close(fd);
	return result;
}

/* One file over a session of its own. */
static int scan_one(struct fake *fake, uint32_t timeout_ms, struct scan_finding *finding)
{
	struct clamd *clamd = open_session(fake->path, timeout_ms, finding);
	int result = give(clamd, "text", 4, "a.csv");
	if (result == 0)
		result = clamd_wait(clamd);
	if (result != 0)
		clamd_finding(clamd, finding);
	clamd_close(clamd);
	return result;
}

/* ---- one reply ---- */

enum then { SILENT, HANGS_UP, WAITS }; /* until the other side hangs up */

struct answer {
	const char *bytes;
	size_t len;
	enum then then;
};

static int play_answer(struct fake_session *session, const void *argument)
{
	const struct answer *answer = argument;
	size_t len = 0;
	int file = fake_file(session);
	if (file < 0)
		return 1;
	uint8_t *data = fake_read(file, &len);
	if (data == NULL || len != 4 || memcmp(data, "text", 4) != 0)
		return 2;
	free(data);
	if (write(session->fd, answer->bytes, answer->len) != (ssize_t)answer->len)
		return 3;
	if (answer->then == HANGS_UP)
		shutdown(session->fd, SHUT_RDWR);
	fake_wait(session);
	return 0;
}

static int scan_answered(const void *bytes, size_t len, enum then then, struct scan_finding *finding)
{
	const struct answer answer = {bytes, len, then};
	struct fake fake = fake_start(play_answer, &answer);
	int result = scan_one(&fake, then == SILENT ? SHORT_MS : LONG_MS, finding);
	int status = fake_end(&fake);
	if (status != 0)
		note("the part ended with %d", status);
	return status == 0 ? result : -EIO;
}

static void test_answers(void)
{
	static const struct {
		const char *reply, *said;
		int result;
	} cases[] = {
		{"1: fd[9]: OK", "", 0},
		{"1: fd[4294967295]: OK", "", 0},
		{"1: fd[9]: Eicar-Test FOUND", "Eicar-Test", VERDICT_INFECTED},
		{"1: fd[9]: OK FOUND", "OK", VERDICT_INFECTED},
		{"1: fd[9]: a\x1b[31mb FOUND", "a\\x1b[31mb", VERDICT_INFECTED},
		{"1: fd[9]: Heuristics.Limits.Exceeded.MaxFileSize FOUND",
		 "Heuristics.Limits.Exceeded.MaxFileSize", VERDICT_NOT_SCANNED},
		{"1: fd[9]: Heuristics.Encrypted.Zip FOUND", "Heuristics.Encrypted.Zip",
		 VERDICT_NOT_SCANNED},
		{"1: fd[9]: Heuristics.Broken.Executable FOUND", "Heuristics.Broken.Executable",
		 VERDICT_INFECTED},
		{"1: fd[9]: Time limit reached ERROR", "clamd says: Time limit reached ERROR",
		 VERDICT_NOT_SCANNED},
		{"1: No file descriptor received. ERROR", "clamd says: No file descriptor received. ERROR",
		 VERDICT_NOT_SCANNED},
		{"1: fd[9]: Excluded", "clamd broke the protocol: Excluded", VERDICT_NOT_SCANNED},
		{"1: OK", "clamd broke the protocol: OK", VERDICT_NOT_SCANNED},
		{"1: stream: OK", "clamd broke the protocol: stream: OK", VERDICT_NOT_SCANNED},
		{"1: fd[]: OK", "clamd broke the protocol: fd[]: OK", VERDICT_NOT_SCANNED},
		{"1: fd[x]: OK", "clamd broke the protocol: fd[x]: OK", VERDICT_NOT_SCANNED},
		{"1: fd[12345678901]: OK", "clamd broke the protocol: fd[12345678901]: OK",
		 VERDICT_NOT_SCANNED},
		{"1: fd[9]: OK ", "clamd broke the protocol: OK ", VERDICT_NOT_SCANNED},
		{"1: fd[9]:  FOUND", "clamd broke the protocol:  FOUND", VERDICT_NOT_SCANNED},
		{"1: fd[9]: ", "clamd broke the protocol: ", VERDICT_NOT_SCANNED},
		{"1: PONG", "clamd broke the protocol: PONG", VERDICT_NOT_SCANNED},
		{"2: fd[9]: OK", "clamd answered what was not asked: 2: fd[9]: OK", VERDICT_NOT_SCANNED},
		{"2: fd[9]: x FOUND", "clamd answered what was not asked: 2: fd[9]: x FOUND",
		 VERDICT_NOT_SCANNED},
		{"0: fd[9]: OK", "clamd broke the protocol: 0: fd[9]: OK", VERDICT_NOT_SCANNED},
		{"01: fd[9]: OK", "clamd broke the protocol: 01: fd[9]: OK", VERDICT_NOT_SCANNED},
		{"-1: fd[9]: OK", "clamd broke the protocol: -1: fd[9]: OK", VERDICT_NOT_SCANNED},
		{"4294967297: fd[9]: OK", "clamd broke the protocol: 4294967297: fd[9]: OK",
		 VERDICT_NOT_SCANNED},
		{"18446744073709551617: fd[9]: OK",
		 "clamd broke the protocol: 18446744073709551617: fd[9]: OK", VERDICT_NOT_SCANNED},
		{"fd[9]: OK", "clamd broke the protocol: fd[9]: OK", VERDICT_NOT_SCANNED},
		{"UNKNOWN COMMAND", "clamd broke the protocol: UNKNOWN COMMAND", VERDICT_NOT_SCANNED},
		{"", "clamd broke the protocol: ", VERDICT_NOT_SCANNED},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scan_finding finding = {.said = ""};
		int result = scan_answered(cases[i].reply, strlen(cases[i].reply) + 1, WAITS, &finding);
		if (strchr(cases[i].reply, '\x1b') == NULL)
			is_number(result, cases[i].result, "'%s' is %s", cases[i].reply,
				  verdict_name(cases[i].result));
		else
			is_number(result, cases[i].result, "what a signature is called is escaped");
		is_text(finding.said, cases[i].said, "and that is said");
	}
}

/* Whatever comes instead of a good answer, the file is not clean. */
static void test_damaged_answers(void)
{
	static const char good[] = "1: fd[9]: OK";
	struct scan_finding finding = {.said = ""};
	unsigned int wrong = 0;
	for (size_t len = 0; len < sizeof(good); len++)
		wrong += scan_answered(good, len, HANGS_UP, &finding) != VERDICT_NOT_SCANNED;
	is_number(wrong, 0, "no truncation of a good answer makes a file clean");
	is_text(finding.said, "clamd has hung up", "what is missing is said");
	wrong = 0;
	for (size_t bit = 0; bit < 8 * sizeof(good); bit++) {
		char bad[sizeof(good)];
		memcpy(bad, good, sizeof(good));
		bad[bit / 8] = (char)(bad[bit / 8] ^ 1 << bit % 8);
		/* the number that clamd has for the descriptor is its own affair */
		bool is_other_number = bit / 8 == 6 && bad[6] >= '0' && bad[6] <= '9';
		/* without its end an answer is waited for */
		int result = scan_answered(bad, sizeof(bad), bit / 8 == 12 ? HANGS_UP : WAITS, &finding);
		bool is_right = result == (is_other_number ? 0 : VERDICT_NOT_SCANNED);
		if (!is_right)
			note("bit %zu: %d, %s: %s", bit, result, finding.said, bad);
		wrong += !is_right;
	}
	is_number(wrong, 0, "no flipped bit makes a file clean");
	is_number(scan_answered("1: fd[9]", 8, SILENT, &finding), VERDICT_NOT_SCANNED,
		  "half an answer and silence is no answer");
	is_text(finding.said, "clamd has not answered within 400 ms", "it is not waited for");
	is_text(finding.member, "a.csv", "the file is named");
	is_number(scan_answered("", 0, SILENT, &finding), VERDICT_NOT_SCANNED, "silence is no answer");
	static char endless[CLAMD_REPLY_BYTES + 1];
	memset(endless, '1', sizeof(endless));
	is_number(scan_answered(endless, sizeof(endless), WAITS, &finding), VERDICT_NOT_SCANNED,
		  "an answer without an end is refused");
	is_text(finding.said, "clamd broke the protocol: a reply without an end", "and named");
	is_number(scan_answered("1: fd[9]: OK\0" "1: fd[9]: OK", 26, WAITS, &finding),
		  VERDICT_NOT_SCANNED, "an answer that comes twice is refused");
}

/* ---- many files ---- */

static int play_byte_by_byte(struct fake_session *session, const void *argument)
{
	char reply[64];
	for (int i = 0; i < 3; i++) {
		int file = fake_file(session);
		close(file);
		int n = snprintf(reply, sizeof(reply), "%u: fd[%d]: OK", session->id, file);
		for (int at = 0; at <= n; at++)
			if (write(session->fd, reply + at, 1) != 1)
				return 1;
	}
	(void)argument;
	fake_wait(session);
	return 0;
}

/* The last asked is answered first, all in one write. */
static int play_backwards(struct fake_session *session, const void *argument)
{
	const unsigned int *infected = argument;
	char replies[CLAMD_FLIGHTS_MAX * 64];
	size_t at = 0;
	for (int i = 0; i < CLAMD_FLIGHTS_MAX; i++)
		close(fake_file(session));
	if (!fake_is_quiet(session, 100))
		return 1;
	for (unsigned int id = CLAMD_FLIGHTS_MAX; id > 0; id--)
		at += (size_t)snprintf(replies + at, sizeof(replies) - at, "%u: fd[%u]: %s", id, id,
				       id == *infected ? "Bad FOUND" : "OK") + 1;
	if (write(session->fd, replies, at) != (ssize_t)at)
		return 2;
	while (fake_file(session) >= 0)
		if (*infected == 0)
			fake_reply(session, "%u: fd[1]: OK", session->id);
	return 0;
}

static int play_twice(struct fake_session *session, const void *argument)
{
	for (int i = 0; i < 2; i++) {
		close(fake_file(session));
		fake_reply(session, "1: fd[5]: OK");
	}
	(void)argument;
	fake_wait(session);
	return 0;
}

static void test_many(void)
{
	struct scan_finding finding = {.said = ""};
	struct fake fake = fake_start(play_byte_by_byte, NULL);
	struct clamd *clamd = open_session(fake.path, LONG_MS, &finding);
	for (int i = 0; i < 3; i++)
		give(clamd, "x", 1, "x");
	is_number(clamd_wait(clamd), 0, "answers may come byte by byte");
	clamd_close(clamd);
	is_number(fake_end(&fake), 0, "and did");

	const unsigned int nobody = 0, seventh = 7;
	fake = fake_start(play_backwards, &nobody);
	clamd = open_session(fake.path, LONG_MS, &finding);
	for (int i = 0; i < CLAMD_FLIGHTS_MAX + 3; i++)
		is_number(give(clamd, "x", 1, "x"), 0, "file %d is handed over", i);
	is_number(clamd_wait(clamd), 0, "answers may come in any order");
	clamd_close(clamd);
	is_number(fake_end(&fake), 0, "no more than %d files are under way", CLAMD_FLIGHTS_MAX);

	fake = fake_start(play_backwards, &seventh);
	clamd = open_session(fake.path, LONG_MS, &finding);
	char name[24];
	for (int i = 1; i <= CLAMD_FLIGHTS_MAX; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		give(clamd, "x", 1, name);
	}
	is_number(clamd_wait(clamd), VERDICT_INFECTED, "one bad file of many is found");
	clamd_finding(clamd, &finding);
	is_text(finding.member, "file-7", "and is the one that is named");
	ok(finding.is_signature, "with a signature");
	is_number(give(clamd, "x", 1, "later"), VERDICT_INFECTED, "the failure stays");
	clamd_finding(clamd, &finding);
	is_text(finding.member, "file-7", "and so does its finding");
	clamd_close(clamd);
	is_number(fake_end(&fake), 0, "nothing is sent any more");

	fake = fake_start(play_twice, NULL);
	clamd = open_session(fake.path, LONG_MS, &finding);
	give(clamd, "x", 1, "one");
	is_number(clamd_wait(clamd), 0, "the first of two files is clean");
	give(clamd, "x", 1, "two");
	is_number(clamd_wait(clamd), VERDICT_NOT_SCANNED, "the answer to one file is none to another");
	clamd_close(clamd);
	is_number(fake_end(&fake), 0, "given twice");
}

/* bytes_max: two files of 500 may be under way, a third may not; one larger than that goes alone. */
static int play_bytes(struct fake_session *session, const void *argument)
{
	(void)argument;
	close(fake_file(session));
	close(fake_file(session));
	if (!fake_is_quiet(session, 200))
		return 1;
	fake_reply(session, "1: fd[1]: OK");
	close(fake_file(session));
	if (!fake_is_quiet(session, 200))
		return 2;
	fake_reply(session, "2: fd[1]: OK");
	if (!fake_is_quiet(session, 200))
		return 3;
	fake_reply(session, "3: fd[1]: OK");
	close(fake_file(session));
	fake_reply(session, "4: fd[1]: OK");
	fake_wait(session);
	return 0;
}

static void test_bytes(void)
{
	struct scan_finding finding = {.said = ""};
	struct fake fake = fake_start(play_bytes, NULL);
	struct clamd *clamd = open_session(fake.path, LONG_MS, &finding);
	int result = give(clamd, "x", 500, "one");
	for (int i = 0; i < 2; i++)
		result |= give(clamd, "x", 500, "more");
	result |= give(clamd, "x", BYTES_MAX + 1, "large");
	is_number(result, 0, "files are handed over as there is room");
	is_number(clamd_wait(clamd), 0, "and are clean");
	clamd_close(clamd);
	is_number(fake_end(&fake), 0, "not more than bytes_max are under way, or one larger file");
}

/* ---- asking ---- */

static int play_asked(struct fake_session *session, const void *argument)
{
	static const char *const replies[] = {"Bad FOUND", "OK", "Worse FOUND"};
	(void)argument;
	for (size_t i = 0; i < 3; i++) {
		close(fake_file(session));
		fake_reply(session, "%u: fd[1]: %s", session->id, replies[i]);
	}
	return 0;
}

static int ask(struct clamd *clamd, struct scan_finding *finding)
{
	int fd = memory_file("x");
	int result = clamd_ask(clamd, fd, 1, "probe", finding);
	close(fd);
	return result;
}

static void test_asking(void)
{
	struct scan_finding finding = {.said = ""};
	struct fake fake = fake_start(play_asked, NULL);
	struct clamd *clamd = open_session(fake.path, LONG_MS, &finding);
	is_number(ask(clamd, &finding), VERDICT_INFECTED, "who asks is told");
	is_text(finding.said, "Bad", "what it was");
	is_number(ask(clamd, &finding), 0, "and can ask again");
	is_number(give(clamd, "x", 1, "m"), 0, "a file is handed over then");
	is_number(clamd_wait(clamd), VERDICT_INFECTED, "and is found");
	is_number(ask(clamd, &finding), VERDICT_INFECTED, "asking does not forget what was found before");
	is_text(finding.said, "Worse", "nor what it was");
	is_number(clamd_wait(clamd), VERDICT_INFECTED, "which stays");
	clamd_close(clamd);
	is_number(fake_end(&fake), 0, "clamd was asked as often");
	fake = fake_start(play_asked, NULL);
	clamd = open_session(fake.path, LONG_MS, &finding);
	for (int i = 0; i < 3; i++)
		ask(clamd, &finding);
	fake_end(&fake);
	/* the verdict is the last answer's when clamd has hung up with it */
	int result = ask(clamd, &finding);
	ok(result == VERDICT_NOT_SCANNED || result == VERDICT_INFECTED,
	   "a session that has ended makes nothing clean");
	is_number(clamd_wait(clamd), result, "and that stays");
	clamd_close(clamd);
}

/* ---- connecting ---- */

static void test_connecting(void)
{
	struct clamd *clamd = NULL;
	struct scan_finding finding = {.said = ""};
	char path[256], wanted[400];
	struct clamd_options options = {test_path("none"), 300, BYTES_MAX};
	is_number(clamd_open(&clamd, &options, &finding), VERDICT_NOT_SCANNED, "no clamd is no scan");
	snprintf(wanted, sizeof(wanted),
		 "cannot reach clamd at '%s': No such file or directory; is clamav-daemon running?",
		 options.socket);
	is_text(finding.said, wanted, "its socket is named");
	is_text(finding.member, "clamd", "no member is");
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	options.socket = path;
	is_number(clamd_open(&clamd, &options, &finding), -ENAMETOOLONG, "a path may be too long");

	/* one that accepts nobody, and has one in its queue */
	options.socket = test_path("deaf");
	int listener = channel_listen(options.socket, 0600);
	if (listen(listener, 0) < 0)
		abort();
	int first = channel_connect(options.socket);
	is_number(clamd_open(&clamd, &options, &finding), VERDICT_NOT_SCANNED,
		  "a clamd that accepts nobody is not waited for");
	ok(strstr(finding.said, "it accepts nobody") != NULL, "which is said");
	close(first);
	close(listener);
	ok(clamd == NULL, "a failure leaves the output alone");
	clamd_close(NULL);
}

/* ---- silence ---- */

static int play_pinged(struct fake_session *session, const void *argument)
{
	char command[32];
	const bool *answers = argument;
	if (fake_command(session, command) == NULL || fake_command(session, command) == NULL ||
	    strcmp(command, "PING") != 0 || session->id != 1)
		return 1;
	if (!*answers)
		return fake_command(session, command) == NULL ? 0 : 2;
	fake_reply(session, "1: PONG");
	close(fake_file(session));
	fake_reply(session, "2: fd[1]: OK");
	fake_wait(session);
	return 0;
}

static void test_silence(void)
{
	struct scan_finding finding = {.said = ""}, dead_finding = {.said = ""};
	const bool yes = true, no = false;
	struct fake alive = fake_start(play_pinged, &yes), dead = fake_start(play_pinged, &no);
	struct clamd *to_alive = open_session(alive.path, LONG_MS, &finding);
	struct clamd *to_dead = open_session(dead.path, SHORT_MS, &dead_finding);
	/* it hangs up when it is pinged in vain */
	usleep((CLAMD_PING_MS + 2000) * 1000);
	is_number(give(to_alive, "x", 1, "m"), 0, "a session lives through silence");
	is_number(clamd_wait(to_alive), 0, "because clamd is pinged");
	is_number(give(to_dead, "x", 1, "m"), VERDICT_NOT_SCANNED, "a clamd that does not answer is noticed");
	clamd_finding(to_dead, &dead_finding);
	is_text(dead_finding.said, "clamd has not answered within 400 ms", "and named");
	clamd_close(to_alive);
	clamd_close(to_dead);
	is_number(fake_end(&alive), 0, "it was pinged once");
	is_number(fake_end(&dead), 0, "the dead one, too");
}

int main(void)
{
	test_answers();
	test_damaged_answers();
	test_many();
	test_bytes();
	test_asking();
	test_connecting();
	test_silence();
	return done_testing();
}
