/* Who comes to keep's control socket, and what stands in the ledger then. */
#include "receiver/porter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "receiver/notice.h"
#include "tests/lib/tap.h"

#define NOW UINT64_C(1790000040)

static char vault[4096], socket_path[4200];
static struct key *box;
static struct diary *diary;
static struct porter *porter;
static int listener, vault_fd = -1;
static const struct registry *registry; /* none of these tests brings a receipt that is read so far */
static uint64_t now_ms = 1;

static void must(bool good, const char *what)
{
	if (!good) {
		note("the test cannot go on: %s", what);
		exit(2);
	}
}

static void start(const char *name)
{
	snprintf(vault, sizeof(vault), "%s", test_path(name));
	snprintf(socket_path, sizeof(socket_path), "%s/s", vault);
	must(mkdir(vault, 0700) == 0 && diary_open(&diary, vault, box, NOW) == 0, "a diary");
	diary_tick(diary, NOW);
	listener = channel_listen(socket_path, 0600);
	vault_fd = io_open_dir(AT_FDCWD, vault);
	must(vault_fd >= 0, "a folder");
	const struct import_site site = {.vault_fd = vault_fd, .diary = diary, .registry = registry};
	must(listener >= 0 && porter_new(&porter, listener, &site) == 0, "a porter");
}

static void end(void)
{
	porter_free(porter);
	io_close(vault_fd);
	diary_close(diary);
	close(listener);
}

static void turn(void)
{
	porter_turn(porter, ++now_ms, NOW);
}

/* Lines of the ledger with this text. */
static int entered(const char *text)
{
	char command[8400], answer[32] = "";
	diary_commit(diary);
	snprintf(command, sizeof(command), "cat '%s'/ledger/*.jsonl | grep -cF '%s'", vault, text);
	FILE *f = popen(command, "r");
	must(f != NULL && fgets(answer, sizeof(answer), f) != NULL, "grep");
	pclose(f);
	return atoi(answer);
}

static int call(void)
{
	int fd = channel_connect(socket_path);
	must(fd >= 0, "connect");
	return fd;
}

static void say_begin(int fd, const char *verb)
{
	uint8_t bytes[NOTICE_BEGIN_BYTES];
	struct notice_begin begin = {.about = "tax-000001"};
	snprintf(begin.verb, sizeof(begin.verb), "%s", verb);
	notice_begin_encode(bytes, &begin);
	must(channel_send(fd, NOTICE_BEGIN, bytes, sizeof(bytes)) == 0, "begin");
}

static void say_commit(int fd)
{
	uint8_t bytes[NOTICE_COMMIT_BYTES];
	notice_commit_encode(bytes, &(struct notice_commit){.name = "tax-agency", .key_id = {1}});
	must(channel_send(fd, NOTICE_COMMIT, bytes, sizeof(bytes)) == 0, "commit");
}

static void say_end(int fd, int result)
{
	uint8_t bytes[NOTICE_END_BYTES];
	notice_end_encode(bytes, &(struct notice_end){.result = result, .records = 5, .bytes = 6});
	must(channel_send(fd, NOTICE_END, bytes, sizeof(bytes)) == 0, "end");
}

static bool is_gone(int fd)
{
	char byte;
	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* 1 when there is no answer. */
static int answer_of(int fd)
{
	uint8_t frame[CHANNEL_HEADER_BYTES + NOTICE_ANSWER_BYTES];
	int result = 1;
	if (recv(fd, frame, sizeof(frame), MSG_DONTWAIT) == (ssize_t)sizeof(frame) && frame[4] == NOTICE_ANSWER)
		must(notice_answer_decode(&result, frame + CHANNEL_HEADER_BYTES, NOTICE_ANSWER_BYTES) == 0, "answer");
	return result;
}

static void questions(void)
{
	start("questions");
	int fd = call();
	say_begin(fd, "list");
	turn();
	is_number(entered("\"event\":\"command\""), 0, "what has only begun has no entry");
	say_end(fd, 0);
	turn();
	is_number(entered("\"verb\":\"list\",\"about\":\"tax-000001\",\"exit\":0"), 1, "what has ended has one");
	char who[100];
	snprintf(who, sizeof(who), "\"who\":{\"uid\":%u,\"pid\":%d}", (unsigned int)getuid(), (int)getpid());
	is_number(entered(who), 1, "of whoever is at the other end, by the kernel's word");
	ok(is_gone(fd), "then the connection is closed");
	close(fd);
	fd = call();
	say_begin(fd, "verify");
	say_end(fd, 4);
	close(fd);
	turn();
	is_number(entered("\"verb\":\"verify\""), 1, "who has gone before anybody looked is heard all the same");
	fd = call();
	say_begin(fd, "show");
	turn();
	close(fd);
	turn();
	is_number(entered("\"result\":\"environment\",\"error\":\"Operation canceled\""), 1, "what ends without a word "
		  "has been broken off");
	end();
}

/* One more descriptor than there are now is one too many. */
static void limit_descriptors(bool does_limit)
{
	static rlim_t before;
	struct rlimit limit;
	int lowest = does_limit ? dup(vault_fd) : -1;
	must(getrlimit(RLIMIT_NOFILE, &limit) == 0 && (!does_limit || close(lowest) == 0), "the lowest descriptor");
	if (does_limit)
		before = limit.rlim_cur;
	limit.rlim_cur = does_limit ? (rlim_t)lowest : before;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "a limit of descriptors");
}

static void callers_who_cannot_be_taken(void)
{
	start("full");
	int waits = call(), leaves = call();
	say_begin(waits, "open");
	say_commit(waits);
	say_begin(leaves, "copy");
	say_commit(leaves);
	limit_descriptors(true);
	for (int i = 0; i < 3000; i++)
		turn();
	limit_descriptors(false);
	is_number(entered("\"id\":\"E2007\""), 1, "callers who cannot be taken are told of once");
	is_number(answer_of(waits), 1, "and wait");
	close(leaves);
	for (int i = 0; i < 1000; i++)
		turn();
	is_number(answer_of(waits), 0, "a second behind the cure they are answered");
	is_number(entered("\"phase\":\"begin\""), 1, "but for one who has left: nothing comes of that");
	is_number(entered("\"verb\":\"copy\""), 1, "than an entry");
	is_number(entered("Operation canceled"), 1, "that it was broken off");
	say_end(waits, 0);
	turn();
	close(waits);
	end();
}

static void openings(void)
{
	start("openings");
	int fd = call();
	say_begin(fd, "open");
	say_commit(fd);
	turn();
	is_number(answer_of(fd), 0, "who must be entered is answered");
	is_number(entered("\"who\":{\"person\":\"tax-agency\",\"key\":\"01000000000000000000000000000000\""), 1,
		  "when it is on the disk, with the key");
	is_number(entered("\"phase\":\"begin\""), 1, "as a beginning");
	say_end(fd, 0);
	turn();
	is_number(entered("\"phase\":\"end\",\"exit\":0,\"records\":5,\"bytes\":6"), 1, "its end says what came out");
	close(fd);
	fd = call();
	say_begin(fd, "open");
	say_commit(fd);
	turn();
	close(fd);
	turn();
	is_number(entered("\"phase\":\"end\""), 2, "also of one that was killed");
	int last = call();
	say_begin(last, "open");
	say_commit(last);
	turn();
	end();
	close(last);
	char path[4200];
	snprintf(path, sizeof(path), "%s/ledger", vault);
	must(diary_open(&diary, vault, box, NOW) == 0, "again");
	is_number(entered("\"phase\":\"end\""), 3, "and of one that keep's end broke off");
	diary_close(diary);
}

static void no_room(void)
{
	start("no-room");
	int fd = call();
	struct rlimit none = {0, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
	must(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &none) == 0, "no file may grow");
	diary_add(diary, ledger_entry_new("named", 0));
	say_begin(fd, "open");
	say_commit(fd);
	turn();
	is_number(answer_of(fd), -EFBIG, "what cannot be entered is refused");
	is_number(diary_commit(diary), -EFBIG, "and whoever has added what waited with it learns of it, too");
	must(setrlimit(RLIMIT_FSIZE, &all) == 0, "files may grow");
	say_commit(fd);
	turn();
	is_number(answer_of(fd), 0, "when it can be it may be asked again");
	close(fd);
	end();
}

static void floods(void)
{
	start("floods");
	for (unsigned int i = 0; i < 1000; i++) {
		int fd = call();
		say_begin(fd, "list");
		say_end(fd, 0);
		close(fd);
		turn();
	}
	is_number(entered("\"verb\":\"list\""), DIARY_COMMANDS_MAX, "of a thousand questions in a minute so many have an entry");
	int fd = call();
	say_begin(fd, "open");
	say_commit(fd);
	turn();
	is_number(answer_of(fd), 0, "and what is not done without one has its own");
	close(fd);
	turn();
	diary_tick(diary, NOW + 60);
	is_number(entered("\"verb\":\"more\",\"left_out\":880"), 1, "the others are counted");
	int fds[PORTER_GUESTS_MAX + 1];
	for (unsigned int i = 0; i <= PORTER_GUESTS_MAX; i++)
		fds[i] = call();
	say_begin(fds[PORTER_GUESTS_MAX], "open");
	say_commit(fds[PORTER_GUESTS_MAX]);
	turn();
	is_number(answer_of(fds[PORTER_GUESTS_MAX]), 1, "who finds no place waits");
	now_ms += PORTER_BEGIN_MS + 1;
	turn();
	turn();
	ok(is_gone(fds[0]), "who says nothing is sent away");
	is_number(answer_of(fds[PORTER_GUESTS_MAX]), 0, "and others get their turn");
	for (unsigned int i = 0; i <= PORTER_GUESTS_MAX; i++)
		close(fds[i]);
	end();
}

static void refuses(const void *bytes, size_t len, const char *what)
{
	int fd = call();
	must(send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len, "send");
	turn();
	ok(is_gone(fd) || errno == ECONNRESET, "%s is sent away", what);
	close(fd);
}

static void nonsense(void)
{
	start("nonsense");
	static const uint8_t zeros[4096];
	uint8_t frame[NOTICE_FRAME_MAX], payload[NOTICE_BEGIN_BYTES] = "list";
	refuses(zeros, 8, "a frame of no kind");
	refuses("\377\377\377\377\1\0\0\0", 8, "a frame that is too long");
	refuses("\0\0\0\0\1\0\1\0", 8, "a frame whose reserved bytes are not zero");
	size_t len = notice_frame(frame, sizeof(frame), NOTICE_END, payload, NOTICE_END_BYTES);
	refuses(frame, len, "an end without a beginning");
	len = notice_frame(frame, sizeof(frame), NOTICE_COMMIT, zeros, NOTICE_COMMIT_BYTES);
	refuses(frame, len, "a commit without a beginning");
	len = notice_frame(frame, sizeof(frame), NOTICE_ANSWER, zeros, NOTICE_ANSWER_BYTES);
	refuses(frame, len, "who answers unasked");
	payload[0] = 'L';
	len = notice_frame(frame, sizeof(frame), NOTICE_BEGIN, payload, NOTICE_BEGIN_BYTES);
	refuses(frame, len, "a beginning that is none");
	is_number(entered("\"event\":\"command\""), 0, "none of them has an entry");
	int fd = call();
	say_begin(fd, "list");
	say_begin(fd, "list");
	turn();
	ok(is_gone(fd), "who begins twice is sent away");
	close(fd);
	payload[0] = 'l';
	len = notice_frame(frame, sizeof(frame), NOTICE_BEGIN, payload, NOTICE_BEGIN_BYTES);
	fd = call();
	for (size_t i = 0; i < len; i++) {
		must(send(fd, frame + i, 1, MSG_NOSIGNAL) == 1, "send");
		turn();
	}
	say_end(fd, 0);
	turn();
	is_number(entered("\"verb\":\"list\",\"exit\":0"), 1, "what comes byte by byte is understood");
	close(fd);
	end();
}

int main(void)
{
	must(suite_start() == 0 && (box = key_new(KEY_RECEIVER, "outside-1")) != NULL, "a box");
	questions();
	callers_who_cannot_be_taken();
	openings();
	no_room();
	floods();
	nonsense();
	key_free(box);
	return done_testing();
}
