#include "receiver/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/suite.h"
#include "receiver/placement.h"
#include "receiver/vault.h"
#include "tests/lib/tap.h"

static const struct geometry geometry = {.object_len = 10 * 16384, .row_len = 8192, .source_rows = 6,
					 .repair_rows = 3};
static const struct bundle_id id = {0xabcdef, 17, 4};
static struct partial_site site = {-1, -1, {0}};

static void open_site(void)
{
	mkdir(test_path("partial"), 0700);
	mkdir(test_path("maps"), 0700);
	site.dir_fd = io_open_dir(AT_FDCWD, test_path("partial"));
	site.maps_fd = io_open_dir(AT_FDCWD, test_path("maps"));
	is_number(partial_site_boot(&site), 0, "this life of the machine has an id");
}

static const char *file_of(const char *name)
{
	static char path[5000];
	char dir[VAULT_NAME_BYTES];
	vault_partial_name(dir, &id);
	snprintf(path, sizeof(path), "%s/%s/%s", test_path("partial"), dir, name);
	return path;
}

static uint64_t held(struct partial *partial)
{
	return geometry.object_len / SYMBOL_BYTES -
	       arrivals_missing_symbols(partial_arrivals(partial));
}

static void note_symbols(struct partial *partial, uint8_t row, uint16_t first, uint16_t count)
{
	arrivals_note(partial_arrivals(partial), &(struct span){0, row, first, count});
	partial_set_changed(partial);
}

static int store(struct partial *partial)
{
	struct mapfile_copy *copy = partial_begin_store(partial);
	int result = partial_store(&site, &id, copy);
	partial_end_store(partial, copy);
	return result;
}

static struct partial *load(void)
{
	struct partial *partial = NULL;
	return partial_load(&partial, &site, &id, &geometry) == 0 ? partial : NULL;
}

static void forget_live(void)
{
	char name[VAULT_NAME_BYTES];
	vault_partial_name(name, &id);
	unlinkat(site.maps_fd, name, 0);
}

static void test_files(void)
{
	struct partial *partial = NULL;
	struct stat st;
	is_number(partial_load(&partial, &site, &id, &geometry), -ENOENT, "at first there is nothing");
	is_number(partial_create(&partial, &site, &id, &geometry), 0, "a partial bundle is made");
	ok(stat(file_of("object"), &st) == 0 && st.st_size == (off_t)geometry.object_len &&
	   st.st_blocks * 512 >= (off_t)geometry.object_len, "its object has its length and its space");
	is_number((int64_t)partial_disk(&geometry), (int64_t)geometry.object_len + 4 * 3 * 8192,
		  "four blocks have three repair rows each");
	ok(stat(file_of("repair"), &st) == 0 &&
	   st.st_size == 4 * 12 * 8192 && st.st_blocks * 512 >= 4 * 3 * 8192 &&
	   st.st_blocks * 512 < 4 * 6 * 8192, "so have the repair rows of a pass; further ones are a hole");
	is_number((int64_t)held(partial), 0, "nothing has come");
	ok(!partial_has_changed(partial), "nothing has changed");
	ok(!partial_has_open_files(partial), "no file is open");
	is_number(partial_open_files(partial), 0, "files open");
	is_number(partial_open_files(partial), 0, "opening them again is fine");
	bool is_repair;
	ok(partial_offset(partial, &(struct span){2, 5, 10, 1}, &is_repair) == (2 * 6 + 5) * 8192 + 1280 &&
	   !is_repair, "a source row lies in the object");
	ok(partial_offset(partial, &(struct span){2, 7, 10, 1}, &is_repair) == (2 * 12 + 1) * 8192 + 1280 &&
	   is_repair, "a repair row lies in the other file");
	partial_close_files(partial);
	ok(!partial_has_open_files(partial), "and close");
	partial_close(partial);
	partial_close(NULL);
}

static void test_maps(void)
{
	struct partial *partial = load();
	ok(partial != NULL && held(partial) == 0, "it is taken up as it was");
	note_symbols(partial, 0, 0, 64);
	is_number((int64_t)held(partial), 64, "what is noted is here");
	ok(partial_has_changed(partial), "and has changed something");
	is_number(store(partial), 0, "a copy of the map is stored");
	ok(!partial_has_changed(partial), "since then nothing has changed");
	note_symbols(partial, 1, 0, 10);
	partial_close(partial); /* killed: not stored */

	partial = load();
	is_number((int64_t)held(partial), 74, "after a kill all that was noted is here");
	partial_close(partial);
	forget_live();
	partial = load();
	is_number((int64_t)held(partial), 64, "after a power cut what was stored is here");
	note_symbols(partial, 1, 0, 10);
	partial_close(partial);
	site.boot[0] ^= 1;
	partial = load();
	is_number((int64_t)held(partial), 64, "a map of another life of the machine counts for nothing");
	partial_close(partial);
	site.boot[0] ^= 1;
}

static void test_damage(void)
{
	uint8_t *map = NULL;
	size_t len = 0;
	struct partial *partial = NULL;
	io_read_file(AT_FDCWD, file_of("map"), 1 << 20, &map, &len);
	is_number((int64_t)len, 128 + 4 + 18 * 8 + 32, "the stored map has the length of its format, with one block under way");
	unsigned int wrong = 0;
	for (size_t bit = 0; bit < 8 * len; bit += 13) {
		partial_remove(&site, &id);
		partial_create(&partial, &site, &id, &geometry);
		partial_close(partial);
		forget_live();
		map[bit / 8] ^= (uint8_t)(1U << bit % 8);
		int fd = open(file_of("map"), O_WRONLY | O_TRUNC);
		if (fd < 0 || io_write(fd, map, len) != 0)
			abort();
		io_close(fd);
		map[bit / 8] ^= (uint8_t)(1U << bit % 8);
		wrong += load() != NULL || access(file_of(""), F_OK) == 0;
	}
	is_number(wrong, 0, "a map with a flipped bit is as good as none, and all is removed");
	wrong = 0;
	for (size_t cut = 0; cut < len; cut += 5) {
		partial_create(&partial, &site, &id, &geometry);
		partial_close(partial);
		int fd = open(file_of("map"), O_WRONLY | O_TRUNC);
		if (fd < 0 || io_write(fd, map, cut) != 0)
			abort();
		io_close(fd);
		wrong += load() != NULL;
	}
	is_number(wrong, 0, "so is one that is cut off");
	free(map);

	partial_create(&partial, &site, &id, &geometry);
	partial_close(partial);
	struct geometry other = geometry;
	other.row_len = 4096;
	is_number(partial_load(&partial, &site, &id, &other), -ENOENT, "another geometry is not taken up");
	partial_create(&partial, &site, &id, &geometry);
	partial_close(partial);
	if (truncate(file_of("object"), 5) != 0)
		abort();
	ok(load() == NULL, "an object that is too short is not taken up");
	partial_create(&partial, &site, &id, &geometry);
	note_symbols(partial, 0, 0, 20);
	partial_close(partial);
	partial_create(&partial, &site, &id, &geometry);
	is_number((int64_t)held(partial), 0, "who makes it anew begins at nothing");
	is_number(partial_remove(&site, &id), 0, "it is removed");
	is_number(store(partial), -ENOENT, "what is gone is not stored");
	is_number(partial_remove(&site, &id), 0, "removing it again is fine");
	partial_close(partial);
}

/* Bytes of memory that the map in use takes. */
static int64_t map_memory(void)
{
	char name[VAULT_NAME_BYTES];
	struct stat st;
	vault_partial_name(name, &id);
	return fstatat(site.maps_fd, name, &st, 0) == 0 ? 512 * (int64_t)st.st_blocks : -1;
}

static int64_t stored_len(void)
{
	struct stat st;
	return stat(file_of("map"), &st) == 0 ? (int64_t)st.st_size : -1;
}

static void note_block(struct partial *partial, uint16_t block)
{
	for (uint8_t row = 0; row < geometry.source_rows; row++) {
		struct span span = {block, row, 0, (uint16_t)geometry_row_sent(&geometry, block, row)};
		if (span.count > 0)
			arrivals_note(partial_arrivals(partial), &span);
	}
	partial_set_changed(partial);
}

static bool block_is_complete(struct partial *partial, uint32_t block)
{
	return arrivals_block_state(partial_arrivals(partial), block) == BLOCK_COMPLETE;
}

/* A bundle takes memory for the blocks that are under way, whatever its size. */
static void test_memory(void)
{
	enum { PAGE = ARRIVALS_PAGE_BYTES };
	struct partial *partial = NULL;
	partial_create(&partial, &site, &id, &geometry);
	is_number(map_memory(), PAGE, "a map of which nothing has come takes a page, for what each block is");
	note_symbols(partial, 0, 0, 64);
	is_number(map_memory(), 2 * PAGE, "a block that begins takes its map");
	note_block(partial, 0);
	arrivals_complete_block(partial_arrivals(partial), 0);
	is_number(map_memory(), PAGE, "and gives it back when it is complete");
	note_block(partial, 1);
	arrivals_note(partial_arrivals(partial), &(struct span){2, 0, 5, 1});
	is_number(store(partial), 0, "it is stored");
	is_number(stored_len(), 128 + 4 + 2 * 18 * 8 + 32, "with the maps of two blocks under way, and of no others");

	struct mapfile_copy *copy = partial_begin_store(partial);
	arrivals_complete_block(partial_arrivals(partial), 1);
	is_number(map_memory(), 3 * PAGE, "while it is stored a complete block keeps its map");
	is_number(partial_store(&site, &id, copy), 0, "since it is read then");
	partial_end_store(partial, copy);
	is_number(map_memory(), 2 * PAGE, "and gives it back afterwards");
	partial_close(partial);

	partial = load();
	ok(partial != NULL && block_is_complete(partial, 0) && block_is_complete(partial, 1) && held(partial) == 2 * 6 * 64 + 1,
	   "after a kill all of that is known");
	partial_close(partial);
	forget_live();
	partial = load();
	ok(partial != NULL && block_is_complete(partial, 0) && held(partial) == 2 * 6 * 64 + 1,
	   "so it is after a power cut");
	is_number(arrivals_block_state(partial_arrivals(partial), 2), BLOCK_RECEIVING, "a block that lacks something goes on");
	is_number(map_memory(), 3 * PAGE - PAGE * block_is_complete(partial, 1), "and only such have their maps");
	partial_close(partial);
	ok(partial_memory(&geometry) >= 5 * PAGE, "what it is counted with is what it takes at most");
	partial_remove(&site, &id);
}

struct clerk {
	struct mapfile_copy *copy;
	int result;
	atomic_bool is_done;
};

static void *store_there(void *context)
{
	struct clerk *clerk = context;
	clerk->result = partial_store(&site, &id, clerk->copy);
	atomic_store(&clerk->is_done, true);
	return NULL;
}

/* What a power cut would leave. */
static int64_t stored_symbols(void)
{
	forget_live();
	struct partial *partial = load();
	int64_t symbols = partial == NULL ? -1 : (int64_t)held(partial);
	partial_close(partial);
	return symbols;
}

/* As keep does: the map is written by another thread while symbols come, and blocks become complete. */
static void test_store_meanwhile(void)
{
	struct partial *partial = NULL;
	unsigned int wrong = 0, failed = 0, rounds = 0;
	partial_create(&partial, &site, &id, &geometry);
	uint64_t symbol = 0, all = geometry.object_len / SYMBOL_BYTES;
	while (symbol < all) {
		struct clerk clerk = {.copy = partial_begin_store(partial)};
		pthread_t thread;
		int64_t before = (int64_t)held(partial);
		if (pthread_create(&thread, NULL, store_there, &clerk) != 0)
			abort();
		for (int i = 0; symbol < all && (i < 10 || (i < 100 && !atomic_load(&clerk.is_done))); i++, symbol++) {
			struct span span = {(uint16_t)(symbol / 384), (uint8_t)(symbol / 64 % 6), (uint16_t)(symbol % 64), 1};
			if (arrivals_note(partial_arrivals(partial), &span))
				arrivals_complete_block(partial_arrivals(partial), span.block);
		}
		pthread_join(thread, NULL);
		partial_end_store(partial, clerk.copy);
		failed += clerk.result != 0;
		int64_t stored = stored_symbols();
		wrong += stored < before || stored > (int64_t)held(partial);
		rounds++;
	}
	is_number(failed, 0, "a map is stored while symbols come, %u times", rounds);
	is_number(wrong, 0, "it claims all that had come before, and nothing that has not come");
	is_number(store(partial), 0, "in the end it is stored once more");
	ok(arrivals_are_complete(partial_arrivals(partial)) && stored_symbols() == (int64_t)all && stored_len() == 128 + 4 + 32,
	   "and says in a few bytes that all is here");
	partial_close(partial);
	partial_remove(&site, &id);
}

static void on_decodable(void *context, void *owner, uint16_t block)
{
	(void)owner;
	*(unsigned int *)context += 1U << block;
}

static void on_failed(void *context, void *owner, int error)
{
	(void)owner;
	(void)error;
	*(unsigned int *)context += 1000;
}

static void on_dropped(void *context, unsigned int spans)
{
	*(unsigned int *)context += 100000 * spans;
}

static uint64_t written_end, written_bytes;

static void on_written(void *context, void *owner, uint64_t begin, uint64_t end)
{
	(void)context;
	(void)owner;
	written_bytes += end - begin;
	written_end = end;
}

static void test_placement(void)
{
	unsigned int told = 0;
	struct placement placement = {.listener = {on_decodable, on_failed, on_dropped, on_written, &told}};
	struct partial *partial = NULL;
	uint8_t *bytes = malloc(geometry.object_len), *back = NULL;
	size_t len = 0;
	uint64_t random = test_seed();
	test_random_bytes(&random, bytes, geometry.object_len);
	partial_create(&partial, &site, &id, &geometry);
	partial_open_files(partial);
	for (uint64_t symbol = 0; symbol < geometry.object_len / 128; symbol += 4) {
		uint64_t row = symbol / 64;
		struct span span = {(uint16_t)(row / 6), (uint8_t)(row % 6), (uint16_t)(symbol % 64), 4};
		if (placement_add(&placement, partial, partial, &span, bytes + symbol * 128) != SPAN_NEW)
			abort();
		if (symbol == 0)
			is_number((int64_t)held(partial), 0, "what was not written yet is not noted");
	}
	is_number(told, 3, "two blocks became decodable on the way");
	placement_flush(&placement);
	is_number(told, 15, "and the others when the rest was written");
	ok(written_bytes == geometry.object_len && written_end == geometry.object_len,
	   "all that was written to the object was told of");
	io_read_file(AT_FDCWD, file_of("object"), 1 << 20, &back, &len);
	is_bytes(back, bytes, geometry.object_len, "every symbol lies in its place");
	is_number(placement_add(&placement, partial, partial, &(struct span){0, 0, 0, 4}, bytes), SPAN_LATE,
		  "a block that needs nothing takes nothing");
	free(back);
	partial_close(partial);

	told = 0;
	partial_create(&partial, &site, &id, &geometry);
	partial_open_files(partial);
	struct span span = {0, 0, 0, 4};
	placement_add(&placement, partial, partial, &span, bytes);
	is_number(placement_add(&placement, partial, partial, &span, bytes), SPAN_DUPLICATE,
		  "the same symbols again are a duplicate, even in one run");
	close(partial_fd(partial, false));
	placement_add(&placement, partial, partial, &(struct span){0, 1, 0, 4}, bytes);
	placement_flush(&placement);
	is_number(told, 1000, "a write that fails is told");
	is_number((int64_t)held(partial), 4, "and nothing of it is noted");
	partial_close(partial);
	free(bytes);
}

int main(void)
{
	suite_start();
	open_site();
	test_files();
	test_maps();
	test_damage();
	test_memory();
	test_store_meanwhile();
	test_placement();
	io_close(site.dir_fd);
	io_close(site.maps_fd);
	return done_testing();
}
