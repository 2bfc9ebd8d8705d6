/* The file outside the spool that says how far its life has come. */
#include "sender/testimony.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static const struct life life = {.epoch = 5, .ledger = {.n = 7, .hash = {1}}, .beat = 9, .generation = 3};

static void test_paths(void)
{
	char path[CONFIG_PATH_BYTES + TESTIMONY_NAME_BYTES];
	struct testimony witness;
	is_number(testimony_open(&witness, test_path("witness")), 0, "a file in a folder that is there");
	is_text(witness.name, "witness", "is known by its name");
	testimony_close(&witness);
	is_number(testimony_open(&witness, "witness"), 0, "a bare name is in the folder where the program runs");
	is_text(witness.name, "witness", "and is the name");
	testimony_close(&witness);
	is_number(testimony_open(&witness, "/witness"), 0, "so is one in the root");
	testimony_close(&witness);
	is_number(testimony_open(&witness, test_path("nowhere/witness")), -ENOENT, "a folder that is not there is an error");
	is_number(witness.dir_fd, -1, "and nothing is open then");
	is_number(testimony_open(&witness, "/tmp/"), -ENAMETOOLONG, "a folder is no file");
	memset(path, 'a', sizeof(path));
	path[TESTIMONY_NAME_BYTES + 1] = 0;
	is_number(testimony_open(&witness, path), -ENAMETOOLONG, "nor is a name that is too long");
	memset(path, '/', sizeof(path));
	path[sizeof(path) - 2] = 'a';
	path[sizeof(path) - 1] = 0;
	is_number(testimony_open(&witness, path), -ENAMETOOLONG, "nor is a path that is too long");
}

static void test_file(void)
{
	struct testimony witness;
	struct life found;
	char text[1024];
	is_number(testimony_open(&witness, test_path("life")), 0, "it opens");
	is_number(testimony_load(&witness, &found), -ENOENT, "there is none yet");
	is_number(testimony_store(&witness, &life, 0), 0, "it is written");
	ok(testimony_load(&witness, &found) == 0 && memcmp(&found, &life, sizeof(found)) == 0, "and read as it was written");
	int fd = open(test_path("life"), O_RDWR | O_CLOEXEC);
	ssize_t len = read(fd, text, sizeof(text));
	for (ssize_t i = 0; i < len; i++) {
		char other = text[i] == '1' ? '2' : '1';
		bool good = pwrite(fd, &other, 1, i) == 1 && testimony_load(&witness, &found) == 0;
		if (good && memcmp(&found, &life, sizeof(found)) == 0)
			ok(false, "byte %zd can be another, and it says the same", i);
		if (pwrite(fd, &text[i], 1, i) != 1)
			abort();
	}
	ok(testimony_load(&witness, &found) == 0, "whatever byte was another one, it was refused or said something else");
	if (pwrite(fd, "x", 1, len) != 1)
		abort();
	is_number(testimony_load(&witness, &found), VERDICT_DAMAGED, "with a byte more it is damaged");
	if (pwrite(fd, "\0more", 5, len) != 5)
		abort();
	is_number(testimony_load(&witness, &found), VERDICT_DAMAGED, "also when that is a zero with more behind it");
	close(fd);
	testimony_close(&witness);
}

static void test_page(void)
{
	struct orders_page *page = calloc(1, sizeof(*page));
	struct life said;
	if (page == NULL)
		abort();
	ok(!testimony_of_page(&said, page), "a page that nobody has written tells nothing");
	page->epoch = 5;
	ok(!testimony_of_page(&said, page), "nor does one without a ledger");
	page->ledger.n = 7;
	page->beat = 9;
	ok(testimony_of_page(&said, page) && said.epoch == 5 && said.beat == 9, "with both it tells how far it is");
	free(page);
}

int main(void)
{
	test_paths();
	test_file();
	test_page();
	return done_testing();
}
