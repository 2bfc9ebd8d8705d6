/* What is heard of the other box's ledger, and found again after a start. */
#include "receiver/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/ledger.h"
#include "tests/lib/tap.h"

#define NOW UINT64_C(1790000000)

static struct ledger_head head(uint64_t n, uint8_t byte)
{
	struct ledger_head h = {.n = n};
	if (n != 0)
		memset(h.hash, byte, sizeof(h.hash));
	return h;
}

static enum witness_news hear(struct witness *w, const char *box, uint64_t n, uint8_t byte)
{
	struct ledger_head h = head(n, byte);
	return witness_hear(w, box, &h);
}

static void news(void)
{
	struct witness w = {.written_s = 0};
	is_number(hear(&w, "inside-1", 0, 0), WITNESS_SAME, "a box without a ledger is no news");
	is_number(hear(&w, "inside-1", 5, 1), WITNESS_MORE, "the first head is");
	is_number(hear(&w, "inside-1", 5, 1), WITNESS_SAME, "the same again is not");
	is_number(hear(&w, "inside-1", 9, 2), WITNESS_MORE, "a ledger that has grown is");
	is_number(hear(&w, "inside-1", 9, 3), WITNESS_CHANGED, "another hash of the same entry is a change");
	is_number(hear(&w, "inside-1", 9, 3), WITNESS_SAME, "of which there is no second news");
	is_number(hear(&w, "inside-1", 8, 1), WITNESS_WENT_BACK, "a number below is a way back");
	is_number(hear(&w, "inside-1", 0, 0), WITNESS_WENT_BACK, "so is a ledger that is gone");
	is_number(hear(&w, "inside-2", 3, 7), WITNESS_MORE, "another box's ledger is another ledger");
	is_text(w.box, "inside-2", "whose name is kept");
	is_number(hear(&w, "inside-1", 1, 1), WITNESS_MORE, "also when the first box comes back");
}

static void times(void)
{
	struct witness w = {.written_s = 0};
	ok(!witness_is_owed(&w) && !witness_is_due(&w, NOW), "before anything is heard nothing is to be written");
	hear(&w, "inside-1", 5, 1);
	ok(witness_is_owed(&w) && witness_is_due(&w, NOW), "the first head is due at once");
	witness_note_written(&w, NOW);
	ok(!witness_is_owed(&w) && !witness_is_due(&w, NOW + 1000), "once written it is not due again");
	hear(&w, "inside-1", 6, 1);
	ok(witness_is_owed(&w) && !witness_is_due(&w, NOW + WITNESS_EVERY_S - 1), "the next one waits a minute");
	ok(witness_is_due(&w, NOW + WITNESS_EVERY_S), "and no longer");
	ok(witness_is_due(&w, NOW - 1), "unless the clock was set back");
}

static void add_entries(const char *path, const struct key *box, unsigned int others, uint64_t n, uint8_t byte)
{
	struct ledger *ledger = NULL;
	struct ledger_options options = {.path = path, .box = box};
	int result = ledger_open(&ledger, &options, NOW);
	struct ledger_head h = head(n, byte);
	if (result == 0 && n != 0) {
		struct ledger_entry *e = ledger_entry_new("witness", 0);
		ledger_set_head(e, "inside-1", &h);
		result = ledger_add(ledger, e, NOW + n);
	}
	for (unsigned int i = 0; result == 0 && i < others; i++)
		result = ledger_add(ledger, ledger_entry_new("named", 0), NOW + n);
	if (result == 0)
		result = ledger_commit(ledger, NOW + n);
	ok(result == 0 && ledger_close(ledger, NOW + n) == 0, "a ledger is written");
}

static void recalling(void)
{
	struct key *box = key_new(KEY_RECEIVER, "outside-1");
	const char *path = test_path("ledger");
	struct witness w = {.written_s = 0};
	add_entries(path, box, 3, 0, 0);
	int dir = io_open_dir(AT_FDCWD, path);
	ok(witness_recall(&w, dir) == 0 && w.heard.n == 0, "where nothing was heard nothing is found");
	add_entries(path, box, 0, 7, 1);
	add_entries(path, box, 2000, 9, 2);
	struct ledger_head wanted = head(9, 2);
	ok(witness_recall(&w, dir) == 0 && w.heard.n == 9 &&
		   memcmp(w.heard.hash, wanted.hash, sizeof(wanted.hash)) == 0 && w.written_s == NOW + 9,
	   "the newest that was heard is found behind two thousand others, with its time");
	is_text(w.box, "inside-1", "and whose it is");
	ok(!witness_is_owed(&w), "which is not written again");
	is_number(hear(&w, "inside-1", 9, 3), WITNESS_CHANGED, "and what does not follow it is noticed");
	struct ledger_file *files = NULL;
	size_t count = 0;
	char name[LEDGER_FILE_NAME_BYTES];
	ok(ledger_file_list(dir, &files, &count) == 0 && count == 1, "it is in one file");
	ledger_file_name(name, &files[0]);
	int fd = openat(dir, name, O_WRONLY | O_APPEND | O_CLOEXEC);
	ok(fd >= 0 && write(fd, "{\"n\":", 5) == 5 && close(fd) == 0, "a torn line is put behind it");
	w = (struct witness){.written_s = 0};
	ok(witness_recall(&w, dir) == 0 && w.heard.n == 9, "a torn line does not matter");
	free(files);
	io_close(dir);
	is_number(witness_recall(&w, -1), -EBADF, "what cannot be read is said");
	key_free(box);
}

int main(void)
{
	ok(suite_start() == 0, "the suite starts");
	news();
	times();
	recalling();
	return done_testing();
}
