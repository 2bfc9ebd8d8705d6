#include "receiver/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/io.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static int vault_fd = -1;

static void put(const char *name, const char *content)
{
	int fd = openat(vault_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || io_write(fd, content, strlen(content)) != 0)
		abort();
	io_close(fd);
}

static void deliver(uint64_t epoch, const char *name, int64_t arrived_s)
{
	put("partial/x", name);
	int dir_fd = io_open_dir(vault_fd, "partial");
	const struct timespec times[2] = {{.tv_sec = arrived_s}, {.tv_sec = arrived_s}};
	if (utimensat(dir_fd, "x", times, 0) != 0)
		abort();
	is_number(vault_deliver(vault_fd, dir_fd, "x", epoch, name), 0, "%s of epoch %llx is delivered",
		  name, (unsigned long long)epoch);
	ok(faccessat(dir_fd, "x", F_OK, 0) != 0, "and is no longer where it was");
	io_close(dir_fd);
}

static bool opens_as(const char *name, const char *content)
{
	char text[64] = "";
	int fd = vault_open_bundle(vault_fd, name);
	if (fd < 0)
		return false;
	ssize_t n = io_read(fd, text, sizeof(text) - 1);
	io_close(fd);
	return n > 0 && strcmp(text, content) == 0;
}

static void test_delivery(void)
{
	struct vault_item *items = NULL;
	size_t count = 9;
	is_number(vault_list(vault_fd, &items, &count), 0, "an empty vault is listed");
	is_number((int64_t)count, 0, "and has nothing");
	free(items);
	is_number(vault_is_delivered(vault_fd, 5, "tax-000001"), 0, "nothing is delivered yet");
	deliver(5, "tax-1000000", 2000);
	deliver(5, "tax-999999", 2100);
	deliver(5, "farm-000001", 2200);
	deliver(0xabc, "tax-000001", 1000);
	deliver(7, "tax-000001", 3000);
	is_number(vault_is_delivered(vault_fd, 7, "tax-000001"), 1, "then it is");

	put("partial/x", "other");
	int dir_fd = io_open_dir(vault_fd, "partial");
	is_number(vault_deliver(vault_fd, dir_fd, "x", 7, "tax-000001"), -EEXIST,
		  "a delivered bundle is never replaced");
	ok(opens_as("tax-000001@0000000000000007", "tax-000001"), "it stays as it is");
	io_close(dir_fd);

	put("bundles/0000000000000005/notes.txt", "x");
	put("bundles/0000000000000005/tax-000002.weir.new", "x");
	put("bundles/stray.weir", "x");
	mkdirat(vault_fd, "bundles/0000000000000005/tax-000003.weir", 0700);
	is_number(vault_list(vault_fd, &items, &count), 0, "a vault is listed");
	is_number((int64_t)count, 5, "bundles and nothing else");
	static const char *const names[] = {"tax-000001", "farm-000001", "tax-999999", "tax-1000000",
					    "tax-000001"};
	static const uint64_t epochs[] = {0xabc, 5, 5, 5, 7};
	for (size_t i = 0; i < count && i < 5; i++)
		ok(strcmp(items[i].name, names[i]) == 0 && items[i].epoch == epochs[i],
		   "number %zu is %s: epochs by arrival, names by route and number", i, names[i]);
	ok(items[2].bytes == strlen("tax-999999") && items[2].arrived_s == 2100,
	   "with its size and time");
	free(items);
}

static void test_opening(void)
{
	ok(opens_as("tax-999999", "tax-999999"), "a bundle is opened by its name");
	is_number(vault_open_bundle(vault_fd, "tax-000001"), -EEXIST, "a name in two epochs is ambiguous");
	ok(opens_as("tax-000001@0000000000000abc", "tax-000001"), "with its epoch it is not");
	is_number(vault_open_bundle(vault_fd, "tax-000042"), -ENOENT, "one that is not there is not");
	static const char *const wrong[] = {
		"", "tax", "tax-", "tax-1", "../x-000001", "tax-000001@", "tax-000001@7", "tax-000001@000000000000000G",
		"tax-000001@0000000000000007@", "/tax-000001", "tax-000001.weir", "stray", "bundles/tax-999999",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-000001",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		is_number(vault_open_bundle(vault_fd, wrong[i]), -ENOENT, "'%s' names nothing", wrong[i]);
	if (symlinkat("/etc/passwd", vault_fd, "bundles/0000000000000005/tax-000009.weir") != 0)
		abort();
	ok(vault_open_bundle(vault_fd, "tax-000009") < 0, "a symbolic link is not followed");
}

static void test_refusals(void)
{
	struct bundle_id id = {0x10, 12345678901, 65535};
	char name[VAULT_NAME_BYTES];
	vault_partial_name(name, &id);
	is_text(name, "0000000000000010.65535.12345678901", "a partial bundle is named by its id");
	is_number(vault_refusal(vault_fd, &id), 0, "nothing is refused yet");
	is_number(vault_refuse(vault_fd, &id, VERDICT_BAD_ROOT), 0, "a refusal is remembered");
	is_number(vault_refusal(vault_fd, &id), VERDICT_BAD_ROOT, "with its verdict");
	put("refused/0000000000000010.65535.12345678901", "no-such-verdict\n");
	ok(vault_refusal(vault_fd, &id) > 0, "a verdict of another version is a refusal all the same");
}

static void test_partial_ids(void)
{
	mkdirat(vault_fd, "partial/0000000000000010.7.3", 0700);
	mkdirat(vault_fd, "partial/0000000000000010.07.3", 0700);
	mkdirat(vault_fd, "partial/10.7.3", 0700);
	mkdirat(vault_fd, "partial/0000000000000010.70000.3", 0700);
	mkdirat(vault_fd, "partial/0000000000000010.7.3x", 0700);
	struct bundle_id *ids = NULL;
	size_t count = 0;
	is_number(vault_partial_ids(vault_fd, &ids, &count), 0, "partial bundles are listed");
	ok(count == 1 && ids[0].epoch == 0x10 && ids[0].route_id == 7 && ids[0].number == 3,
	   "those with a name as keep writes it");
	free(ids);
}

static size_t make_page(uint8_t *out, uint32_t number, uint64_t generation, uint64_t age, uint16_t count)
{
	static const uint8_t seed[SUITE_KEY_BYTES] = {1};
	struct page page = {.count = count, .epoch = 9, .generation = generation, .time = 100, .page = number,
			    .pages = 2, .age = age};
	for (unsigned int i = 0; i < count; i++)
		page.entries[i] = (struct entry){
			.route_id = 7, .epoch = 9, .number = PAGE_ENTRIES_MAX * number + i + 1, .destroy_by = 5,
			.geometry = geometry_choose(49152, 125)};
	size_t len;
	struct writer w = writer_of(out, 2);
	if (page_encode(out + 2, &len, &page, seed) != 0)
		abort();
	write_u16(&w, (uint16_t)len);
	return len + 2;
}

static void test_catalogue(void)
{
	uint8_t bytes[2 * (2 + PAGE_BYTES_MAX)];
	struct vault_catalogue catalogue = {.count = 9};
	is_number(vault_catalogue_load(vault_fd, &catalogue), 0, "an absent catalogue is no error");
	ok(catalogue.count == 0 && catalogue.epoch == 0, "and is empty");
	size_t one = make_page(bytes, 0, 4, 0, 16), len = one + make_page(bytes + one, 1, 4, 0, 3);
	is_number(vault_catalogue_store(vault_fd, bytes, len), 0, "a catalogue is stored");
	is_number(vault_catalogue_load(vault_fd, &catalogue), 0, "and loaded");
	ok(catalogue.epoch == 9 && catalogue.generation == 4 && catalogue.count == 19, "with all its entries");
	ok(catalogue.entries[18].number == 19, "in order");
	free(catalogue.entries);
	for (size_t cut = 1; cut < len; cut++) {
		catalogue = (struct vault_catalogue){.count = 77};
		vault_catalogue_store(vault_fd, bytes, cut);
		if (vault_catalogue_load(vault_fd, &catalogue) <= 0 || catalogue.count != 77)
			ok(false, "its first %zu bytes are refused", cut);
		cut += cut % 7; /* not every length: each is a file */
	}
	ok(true, "a catalogue that is cut off is refused");
	make_page(bytes + one, 1, 5, 0, 3);
	vault_catalogue_store(vault_fd, bytes, len);
	is_number(vault_catalogue_load(vault_fd, &catalogue), VERDICT_BAD_ORDER,
		  "a page that is older than it is in the newest generation is refused");
	make_page(bytes + one, 1, 5, 1, 3);
	vault_catalogue_store(vault_fd, bytes, len);
	is_number(vault_catalogue_load(vault_fd, &catalogue), 0, "one that did not change since an older generation is not");
	ok(catalogue.generation == 5 && catalogue.count == 19, "and all of that generation is there");
	free(catalogue.entries);
	vault_catalogue_store(vault_fd, bytes + one, len - one);
	is_number(vault_catalogue_load(vault_fd, &catalogue), VERDICT_BAD_ORDER, "nor is a page that is not in its place");
}

int main(void)
{
	suite_start();
	vault_fd = io_open_dir(AT_FDCWD, test_dir());
	is_number(vault_prepare(vault_fd), 0, "a vault is prepared");
	is_number(vault_prepare(vault_fd), 0, "again, too");
	test_delivery();
	test_opening();
	test_refusals();
	test_partial_ids();
	test_catalogue();
	io_close(vault_fd);
	return done_testing();
}
