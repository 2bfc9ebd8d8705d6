/* The sender's witness: what it holds, and what it says of a spool (sender/testimony.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/verdict.h"
#include "sender/testimony.h"
#include "tests/lib/tap.h"

static struct life life_of(uint64_t n, uint8_t hash, uint64_t beat, uint64_t generation)
{
	struct life life = {.epoch = 7, .ledger.n = n, .beat = beat, .generation = generation};
	memset(life.ledger.hash, hash, sizeof(life.ledger.hash));
	return life;
}

static void comparing(void)
{
	const struct life before = life_of(100, 1, 2048, 3072);
	static const struct {
		uint64_t n;
		uint8_t hash;
		uint64_t beat, generation;
		enum lapse lapse;
		const char *what;
	} cases[] = {
		{100, 1, 2048, 3072, LAPSE_NONE, "a spool that is as it was"},
		{120, 2, 2049, 3073, LAPSE_NONE, "one that has gone on"},
		{99, 1, 2048, 3072, LAPSE_BACK, "a ledger that ends before"},
		{100, 2, 2048, 3072, LAPSE_BACK, "another last entry of the same number"},
		{100, 1, 2047, 3072, LAPSE_BACK, "fewer beats"},
		{100, 1, 2048, 3071, LAPSE_BACK, "an earlier generation"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct life now = life_of(cases[i].n, cases[i].hash, cases[i].beat, cases[i].generation);
		is_number(testimony_compare(&before, &now, true), cases[i].lapse, "%s: %s", cases[i].what,
			  cases[i].lapse == LAPSE_NONE ? "all is well" : "it was put back");
	}
	is_number(testimony_compare(&before, &before, false), LAPSE_OTHER, "an epoch that it knows nothing of: another spool");
}

static void write_witness(const char *text, size_t len)
{
	int fd = open(test_path("seen"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || io_write(fd, text, len) != 0)
		abort();
	close(fd);
}

static void keeping(void)
{
	struct testimony w;
	struct life life = life_of(UINT64_C(1) << 50, 0xab, 3, 4), back = {.beat = 99};
	is_number(testimony_open(&w, "/nowhere/at/all"), -ENOENT, "a folder that is not there");
	is_number(testimony_open(&w, "folder/"), -ENAMETOOLONG, "no name");
	is_number(testimony_open(&w, test_path("seen")), 0, "a folder that is");
	is_number(testimony_load(&w, &back), -ENOENT, "where nothing was written yet");
	ok(testimony_is_due(&w, &life, TESTIMONY_SOON_MS) && !testimony_is_due(&w, &life, TESTIMONY_SOON_MS - 1),
	   "is written after ten seconds");
	is_number(testimony_store(&w, &life, 50000), 0, "it is written");
	ok(testimony_load(&w, &back) == 0 && memcmp(&life, &back, sizeof(life)) == 0, "and says what was written");
	life.beat++;
	ok(!testimony_is_due(&w, &life, 50000 + TESTIMONY_LATE_MS - 1) && testimony_is_due(&w, &life, 50000 + TESTIMONY_LATE_MS),
	   "for beats alone it is written every ten minutes");
	life.ledger.n++;
	ok(testimony_is_due(&w, &life, 50000 + TESTIMONY_SOON_MS), "when the ledger has grown after ten seconds");
	uint8_t *text = NULL;
	size_t len = 0;
	if (io_read_file(AT_FDCWD, test_path("seen"), 1000, &text, &len) != 0)
		abort();
	bool refused = true;
	back.beat = 99;
	for (size_t cut = 0; cut < len; cut++) {
		write_witness((const char *)text, cut);
		refused &= testimony_load(&w, &back) == VERDICT_DAMAGED;
	}
	ok(refused && back.beat == 99, "cut at any length it is refused");
	for (size_t i = 0; i < len; i++) {
		text[i] ^= 0x80;
		write_witness((const char *)text, len);
		refused &= testimony_load(&w, &back) == VERDICT_DAMAGED;
		text[i] ^= 0x80;
	}
	ok(refused, "and with any byte that does not belong there");
	free(text);
	testimony_close(&w);
}

static void the_page(void)
{
	struct orders_page *page = calloc(1, sizeof(*page));
	struct life life = {.beat = 99};
	ok(!testimony_of_page(&life, page), "an empty page tells nothing");
	page->epoch = 7;
	page->ledger.n = 5;
	page->beat = 8;
	page->generation = 9;
	ok(testimony_of_page(&life, page) && life.epoch == 7 && life.ledger.n == 5 && life.beat == 8 && life.generation == 9,
	   "one that was written tells of that life");
	free(page);
}

int main(void)
{
	comparing();
	keeping();
	the_page();
	return done_testing();
}
