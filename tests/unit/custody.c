/* Which files in holds/ and purges/ count when a receiving box starts; tests/unit/intake.c has the taking of orders. */
#include "receiver/custody.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static const struct bundle_id bundles[] = {{5, 1, 1}, {5, 2, 1}};
static int vault = -1;

static void must(bool good, const char *what)
{
	if (good)
		return;
	note("the test cannot go on: %s", what);
	exit(2);
}

/* A file of another hand. */
static bool leave(const char *path, const void *data, size_t len)
{
	int fd = openat(vault, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd >= 0 && io_write(fd, data, len) == 0 && io_close(fd) == 0;
}

/* An order as it lies there; nobody looks at its signature any more. */
static void put(const char *path, enum mandate_kind kind, uint8_t id)
{
	static uint8_t bytes[MANDATE_BYTES_MAX];
	static const uint8_t seed[SUITE_KEY_BYTES] = {1};
	struct mandate m = {.kind = kind, .id = {id}, .time = 7, .person = "kuo-an", .count = 2, .bundles = bundles};
	if (kind == MANDATE_HOLD || kind == MANDATE_RELEASE)
		memcpy(m.name, "case-1", 7);
	if (kind == MANDATE_RELEASE)
		m.count = 0;
	must(signature_make(&m.signature, MANDATE_DOMAIN, bytes, mandate_signed(bytes, &m), seed) == 0 &&
		     leave(path, bytes, mandate_encode(bytes, &m)), "an order");
}

static struct custody *open_it(bool may_write, struct custody_found *found)
{
	struct custody *custody = NULL;
	is_number(custody_open(&custody, vault, may_write, found), 0, "it opens");
	return custody;
}

static void test_nothing(void)
{
	struct custody_found found;
	struct custody *custody = open_it(false, &found);
	ok(custody_count(custody) == 0 && found.damaged == 0, "a reader finds nothing where no folders are");
	ok(faccessat(vault, "holds", F_OK, 0) != 0, "and makes none");
	custody_close(custody);
	custody_close(open_it(true, &found));
	ok(faccessat(vault, "holds", F_OK, 0) == 0 && faccessat(vault, "purges", F_OK, 0) == 0, "the box makes them");
}

static void test_files(void)
{
	static const char id[] = "00000000000000000000000000000000";
	char path[128];
	struct custody_found found;
	struct mandate first;
	for (unsigned int i = 1; i <= 20; i++) {
		snprintf(path, sizeof(path), "holds/case-1.%02x%s", i, id + 2);
		put(path, MANDATE_HOLD, (uint8_t)i);
	}
	snprintf(path, sizeof(path), "purges/30%s", id + 2);
	put(path, MANDATE_PURGE, 0x30);
	struct custody *custody = open_it(false, &found);
	is_number((int64_t)custody_count(custody), 21, "each order counts");
	is_number((int64_t)found.damaged, 0, "and none is damaged");
	ok(custody_holds(custody, &bundles[1], &first) && first.kind == MANDATE_HOLD, "what is held is held");
	ok(custody_purges(custody, &bundles[0], NULL), "what is to be purged, too");
	ok(!custody_holds(custody, &(struct bundle_id){5, 3, 1}, NULL), "another is not");
	custody_close(custody);

	put("holds/.new", MANDATE_HOLD, 0x40);
	put("holds/case-2.50000000000000000000000000000000", MANDATE_HOLD, 0x50);
	snprintf(path, sizeof(path), "holds/60%s", id + 2);
	put(path, MANDATE_PURGE, 0x60);
	put("purges/case-1.70000000000000000000000000000000", MANDATE_HOLD, 0x70);
	put("holds/case-1.80000000000000000000000000000000", MANDATE_RELEASE, 0x80);
	must(leave("purges/nothing", "x", 1), "a file");
	must(leave("purges/large", "", 0), "a file");
	snprintf(path, sizeof(path), "%s/purges/large", test_path("vault"));
	must(truncate(path, MANDATE_BYTES_MAX + 1) == 0, "a large file");
	custody = open_it(false, &found);
	is_number((int64_t)custody_count(custody), 21, "none counts under another name, in the wrong folder, or of another kind");
	is_number((int64_t)found.damaged, 6, "each of these is told of, but for what was being written");
	ok(found.name[0] != 0, "one of them by its name");
	custody_close(custody);
}

static void test_no_folder(void)
{
	struct custody *custody = NULL;
	struct custody_found found;
	must(renameat(vault, "holds", vault, "before") == 0 && leave("holds", "x", 1), "a file");
	is_number(custody_open(&custody, vault, false, &found), -ENOTDIR, "a file in a folder's place is an error, also for a reader");
}

int main(void)
{
	must(suite_start() == 0 && mkdir(test_path("vault"), 0700) == 0, "a folder");
	vault = io_open_dir(AT_FDCWD, test_path("vault"));
	test_nothing();
	test_files();
	test_no_folder();
	io_close(vault);
	return done_testing();
}
