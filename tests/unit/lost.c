#include "receiver/lost.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/suite.h"
#include "common/verdict.h"
#include "receiver/vault.h"
#include "tests/lib/tap.h"

#define NOW UINT64_C(1795478400)

static char vault[4096];
static int vault_fd = -1;
static struct key *box;
static struct diary *diary;

static void start(const char *name)
{
	snprintf(vault, sizeof(vault), "%s", test_path(name));
	if (mkdir(vault, 0700) < 0 || (vault_fd = io_open_dir(AT_FDCWD, vault)) < 0 ||
	    diary_open(&diary, vault, box, NOW) != 0)
		abort();
}

static void end(void)
{
	diary_close(diary);
	io_close(vault_fd);
}

static struct lost_item item(uint64_t number, enum lost_why why)
{
	return (struct lost_item){.id = {0x1234, number, 7}, .count = 1, .why = why, .held_bytes = 100,
				  .object_bytes = 49152, .at_s = NOW};
}

static void name_of(const void *context, const struct bundle_id *id, char name[static 64])
{
	(void)context;
	snprintf(name, 64, "tax-%06u", (unsigned int)id->number);
}

/* How often a text stands in the ledger. */
static int entered(const char *what)
{
	char command[8192], answer[16] = "";
	snprintf(command, sizeof(command), "cat '%s'/ledger/*.jsonl | grep -cF -- '%s'", vault, what);
	FILE *pipe = popen(command, "r");
	if (pipe == NULL || fgets(answer, sizeof(answer), pipe) == NULL)
		abort();
	(void)pclose(pipe);
	return atoi(answer);
}

static void settle(struct lost *lost)
{
	lost_enter(lost, diary, name_of, NULL);
	is_number(lost_entered(lost, diary_commit(diary)), 0, "what is owed is entered and listed");
}

static void a_loss_is_entered_and_listed(void)
{
	struct lost *lost = NULL;
	struct lost_item *items = NULL;
	size_t count = 0;
	start("listed");
	is_number(lost_open(&lost, vault_fd), 0, "a vault without a list has an empty one");
	struct lost_item one = item(1, LOST_NOT_OFFERED), two = item(2, LOST_NEVER_NAMED), three = item(3, LOST_NO_ROOM);
	two.count = 5;
	lost_add(lost, &one);
	lost_add(lost, &one);
	lost_add(lost, &two);
	lost_add(lost, &three);
	ok(lost_owes(lost) && lost_count(lost) == 0, "what is added is owed, and not listed yet");
	is_number(lost_load(vault_fd, &items, &count), 0, "there is no file yet");
	is_number((int64_t)count, 0, "and nothing in it");
	settle(lost);
	ok(!lost_owes(lost), "then nothing is owed");
	is_number(entered("\"event\":\"lost\""), 3, "each has one entry");
	is_number(entered("\"bundle\":\"tax-000001\",\"epoch\":\"0000000000001234\",\"route_id\":7,\"number\":1,"
			  "\"why\":\"not-offered\",\"held\":100,\"bytes\":49152"), 1, "which says what and why");
	is_number(entered("\"number\":2,\"count\":5,\"why\":\"never-named\""), 1, "and how many");
	is_number((int64_t)lost_count(lost), 2, "what gave way to another is not listed: it may still come");
	lost_add(lost, &one);
	ok(!lost_owes(lost), "what is listed is not owed again");
	lost_close(lost);
	is_number(lost_open(&lost, vault_fd), 0, "after a restart");
	ok(lost_count(lost) == 2 && lost_find(lost, &one.id) != NULL && lost_at(lost, 1)->count == 5, "it stands there");
	lost_add(lost, &one);
	ok(!lost_owes(lost), "and is not entered again");

	const uint8_t mandate[16] = {0xab};
	const struct lost_note note = {.who = {.has_peer = true, .uid = 1000, .pid = 42, .person = "chen-yi"}, .mandate = mandate};
	is_number(lost_acknowledge(lost, &three.id, diary, &note, "tax-000003"), -ENOENT, "only what is listed can be acknowledged");
	is_number(lost_acknowledge(lost, &one.id, diary, &note, "tax-000001"), 0, "that can");
	is_number(entered("\"event\":\"lost.acknowledged\",\"result\":\"ok\",\"who\":{\"person\":\"chen-yi\",\"uid\":1000,\"pid\":42},"
			  "\"mandate\":\"ab000000000000000000000000000000\",\"bundle\":\"tax-000001\""),
		  1, "by whom, and by which order, is in the ledger");
	is_number(lost_acknowledge(lost, &one.id, diary, &note, "tax-000001"), -ENOENT, "once");
	is_number(lost_load(vault_fd, &items, &count), 0, "the file");
	ok(count == 1 && items[0].id.number == 2, "has it no more");
	free(items);
	ok(lost_remove(lost, &two.id) && lost_owes(lost) && !lost_remove(lost, &two.id), "what has come after all is taken off");
	settle(lost);
	is_number(lost_load(vault_fd, &items, &count), 0, "also in the file");
	is_number((int64_t)count, 0, "which is empty then");
	free(items);
	lost_close(lost);
	end();
}

static void nothing_is_forgotten_while_the_ledger_fails(void)
{
	struct lost *lost = NULL;
	start("failing");
	if (lost_open(&lost, vault_fd) != 0)
		abort();
	struct lost_item one = item(1, LOST_REFUSED), two = item(2, LOST_TOO_OLD), three = item(3, LOST_NO_ROOM);
	lost_add(lost, &one);
	lost_enter(lost, diary, name_of, NULL);
	is_number(lost_entered(lost, -EIO), 0, "when the commit fails");
	ok(lost_owes(lost) && lost_count(lost) == 0, "it stays owed");
	lost_add(lost, &three);
	lost_enter(lost, diary, name_of, NULL);
	lost_add(lost, &two);
	is_number(lost_entered(lost, 0), 0, "when it goes well");
	ok(lost_count(lost) == 1 && lost_owes(lost), "what was added meanwhile is owed still");
	settle(lost);
	ok(lost_count(lost) == 2 && lost_find(lost, &two.id) != NULL && !lost_owes(lost), "and comes with the next");
	char moved[4200];
	snprintf(moved, sizeof(moved), "%s/.lost.new", vault);
	mkdir(moved, 0700);
	lost_remove(lost, &one.id);
	ok(lost_entered(lost, 0) < 0 && lost_owes(lost), "a file that cannot be written stays owed");
	rmdir(moved);
	is_number(lost_entered(lost, 0), 0, "until it can");
	ok(!lost_owes(lost), "then it is not");
	lost_close(lost);
	end();
}

static int decode(const char *text, size_t len)
{
	struct lost_item *items = NULL;
	size_t count = 0;
	int result = lost_decode(&items, &count, text, len);
	if (result == 0)
		free(items);
	return result;
}

static void only_what_was_written_is_read(void)
{
	struct lost_item all[] = {item(1, LOST_NOT_OFFERED), item(281474976710655, LOST_REFUSED)};
	char *text = NULL;
	size_t len = 0;
	unsigned int read = 0, same = 0;
	if (lost_encode(&text, &len, all, 2) != 0)
		abort();
	is_text(text[len - 1] == '\n' ? "whole" : "cut", "whole", "a list ends with a line feed");
	is_number(decode(text, len), 0, "it is read again");
	for (size_t cut = 0; cut < len; cut++)
		read += decode(text, cut) == 0;
	is_number(read, 2, "of its beginnings only those of whole lines are"); /* none, and one */
	for (size_t bit = 0; bit < len * 8; bit++) {
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
		struct lost_item *items = NULL;
		size_t count = 0;
		if (lost_decode(&items, &count, text, len) == 0) {
			char *again = NULL;
			size_t again_len = 0;
			same += lost_encode(&again, &again_len, items, count) != 0 || again_len != len ||
				memcmp(again, text, len) != 0;
			free(again);
			free(items);
		}
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
	}
	is_number(same, 0, "with any bit flipped it is refused, or says just what it says");
	free(text);
	static const char *const bad[] = {
		"", "weir-lost 1", "weir-lost 2\n", "weir-lost 1\n\n", "weir-lost 1\nx\n",
		"weir-lost 1\n0000000000001234.7.1 0 refused 1 2 3\n", "weir-lost 1\n0000000000001234.7.1 1 gone 1 2 3\n",
		"weir-lost 1\n0000000000001234.7.1 1 refused 1 2 3 4\n", "weir-lost 1\n0000000000001234.7.1  1 refused 1 2 3\n",
		"weir-lost 1\n0000000000001234.7.1 1 refused 1 2 03\n",
	};
	read = 0;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		read += decode(bad[i], strlen(bad[i])) != VERDICT_DAMAGED;
	is_number(read, 0, "what is no list is damaged");
}

static void a_damaged_list_is_kept(void)
{
	struct lost *lost = NULL;
	struct stat st;
	start("damaged");
	io_write_file(vault_fd, "lost", "nonsense\n", 9, 0640);
	is_number(lost_open(&lost, vault_fd), VERDICT_DAMAGED, "a damaged list is told of");
	ok(lost != NULL && lost_count(lost) == 0, "and an empty one goes on");
	ok(fstatat(vault_fd, "lost.damaged", &st, 0) == 0 && st.st_size == 9, "it is kept beside it");
	lost_close(lost);
	end();
}

int main(void)
{
	if (suite_start() != 0 || (box = key_new(KEY_RECEIVER, "outside-1")) == NULL)
		return 1;
	a_loss_is_entered_and_listed();
	nothing_is_forgotten_while_the_ledger_fails();
	only_what_was_written_is_read();
	a_damaged_list_is_kept();
	key_free(box);
	return done_testing();
}
