/* Large objects gathered in memory: what is noted is in the file, what is hashed is what was written, and nothing is let go before. */
#include "receiver/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "common/tree.h"
#include "receiver/gatherparts.h"
#include "receiver/vault.h"
#include "tests/lib/tap.h"

enum { SEGMENTS = 401, STEPS_MAX = 40000, OTHER_BYTES = 69 * SYMBOL_BYTES, FROM = 3 * SYMBOL_BYTES, TO = 100 * SYMBOL_BYTES };

static const struct bundle_id id = {0xabcdef, 17, 4};
static struct partial_site site = {-1, -1, {0}};
static struct geometry geometry;
static const uint64_t window_bytes = GATHER_WINDOW_BYTES;
static bool is_behind;
static int owner; /* whoever's the bundle is */
static uint8_t *object, *repair; /* as they should be */
static uint64_t random_state;
static struct partial *arriving;

/* What the listener was told. */
static struct {
	unsigned int failed, decodable, hashed, wrong_hashes, not_noted;
	uint64_t written;
	struct bodytree_known known;
	_Atomic unsigned int notified;
} seen;

static void on_decodable(void *context, void *whose, uint16_t block)
{
	(void)context;
	seen.decodable += whose == &owner && block == 0;
}

static void on_failed(void *context, void *whose, int error)
{
	(void)context;
	(void)whose;
	(void)error;
	seen.failed++;
}

static void on_written(void *context, void *whose, uint64_t begin, uint64_t end)
{
	(void)context;
	(void)whose;
	seen.written += end - begin;
}

/* All symbols of a part of the object. */
static bool is_noted(uint64_t begin, uint64_t len)
{
	for (uint64_t at = begin; at < begin + len; at += SYMBOL_BYTES) {
		struct span span = {0, (uint8_t)(at / geometry.row_len), (uint16_t)(at % geometry.row_len / SYMBOL_BYTES), 1};
		if (!arrivals_have(partial_arrivals(arriving), &span))
			return false;
	}
	return true;
}

static void on_hashed(void *context, void *whose, uint64_t piece, const uint8_t hash[static SUITE_DIGEST_BYTES])
{
	(void)context;
	(void)whose;
	uint8_t wanted[SUITE_DIGEST_BYTES];
	bodytree_hash_piece(wanted, object + SEGMENT_BYTES + piece * GATHER_WINDOW_BYTES);
	seen.hashed++;
	seen.not_noted += !is_noted(SEGMENT_BYTES + piece * GATHER_WINDOW_BYTES, GATHER_WINDOW_BYTES);
	seen.wrong_hashes += memcmp(wanted, hash, sizeof(wanted)) != 0;
	bodytree_known_set(&seen.known, piece, hash);
}

static void on_notify(void *context)
{
	(void)context;
	seen.notified++;
}

static const struct gather_listener listener = {{on_decodable, on_failed, NULL, on_written, NULL}, on_hashed, on_notify, NULL};

static const uint8_t *payload_of(const struct span *span)
{
	uint64_t in_row = (uint64_t)span->first * SYMBOL_BYTES;
	if (span->row < geometry.source_rows)
		return object + geometry_row_offset(&geometry, span->block, span->row) + in_row;
	return repair + (size_t)(span->row - geometry.source_rows) * geometry.row_len + in_row;
}

/* A step: datagrams as a link could bring them. */
struct step {
	struct span span;
	bool is_in; /* was given to gather */
};
static struct step step[STEPS_MAX];
static unsigned int step_count;

/* All of a pass in its order, `symbols` in each; `lost` and `twice` are per mille of them, and `moved` change places. */
static void make_steps(uint32_t symbols, unsigned int lost, unsigned int twice, unsigned int moved)
{
	step_count = 0;
	for (uint32_t row = 0; row < (uint32_t)geometry.source_rows + geometry.repair_rows; row++) {
		uint32_t end = row < geometry.source_rows ? geometry_row_sent(&geometry, 0, row)
							  : geometry_row_symbols(&geometry);
		for (uint32_t first = 0; first < end; first += symbols) {
			struct span span = {0, (uint8_t)row, (uint16_t)first,
					    (uint16_t)(end - first < symbols ? end - first : symbols)};
			unsigned int times = test_random(&random_state) % 1000 < lost ? 0
					     : test_random(&random_state) % 1000 < twice ? 2 : 1;
			while (times-- > 0 && step_count < STEPS_MAX)
				step[step_count++] = (struct step){.span = span};
		}
	}
	for (unsigned int i = 0; i + 20 < step_count; i++) {
		if (test_random(&random_state) % 1000 >= moved)
			continue;
		unsigned int other = i + (unsigned int)(test_random(&random_state) % 20);
		struct step swap = step[i];
		step[i] = step[other];
		step[other] = swap;
	}
}

/* Symbols that are noted, and are not in the file as they should be. */
static uint64_t count_wrong(struct partial *partial)
{
	static uint8_t symbol[SYMBOL_BYTES];
	char name[VAULT_NAME_BYTES], path[2][VAULT_NAME_BYTES + 16];
	uint64_t wrong = 0;
	vault_partial_name(name, &id);
	snprintf(path[0], sizeof(path[0]), "%s/object", name);
	snprintf(path[1], sizeof(path[1]), "%s/repair", name);
	int fd[2] = {openat(site.dir_fd, path[0], O_RDONLY), openat(site.dir_fd, path[1], O_RDONLY)};
	for (uint32_t row = 0; row < (uint32_t)geometry.source_rows + geometry.repair_rows; row++) {
		uint32_t end = row < geometry.source_rows ? geometry_row_sent(&geometry, 0, row)
							  : geometry_row_symbols(&geometry);
		for (uint32_t at = 0; at < end; at++) {
			struct span span = {0, (uint8_t)row, (uint16_t)at, 1};
			bool is_repair;
			uint64_t offset = partial_offset(partial, &span, &is_repair);
			if (!arrivals_have(partial_arrivals(partial), &span))
				continue;
			wrong += io_pread_exact(fd[is_repair], symbol, sizeof(symbol), offset) != 0 ||
				 memcmp(symbol, payload_of(&span), sizeof(symbol)) != 0;
		}
	}
	io_close(fd[0]);
	io_close(fd[1]);
	return wrong;
}

/* Steps that the caller may have let go, by gather_oldest, and that are not noted. */
static unsigned int count_let_go(struct gather *gather, struct partial *partial, unsigned int end)
{
	unsigned int lost = 0;
	uint64_t oldest = gather_oldest(gather);
	struct arrivals *arrivals = partial_arrivals(partial);
	for (unsigned int i = 0; i < end && i < oldest; i++)
		lost += step[i].is_in && arrivals_block_state(arrivals, 0) == BLOCK_RECEIVING &&
			!arrivals_have(arrivals, &step[i].span);
	return lost;
}

static struct partial *begin(struct gather **gather, uint64_t budget)
{
	struct partial *partial = NULL;
	partial_remove(&site, &id);
	ok(partial_create(&partial, &site, &id, &geometry) == 0 && gather_new(gather, &listener, budget) == 0, "a bundle begins");
	arriving = partial;
	bodytree_known_clear(&seen.known);
	memset(&seen, 0, sizeof(seen));
	bodytree_known_start(&seen.known, SEGMENTS - 1);
	return partial;
}

static unsigned int give_all(struct gather *gather, struct partial *partial)
{
	unsigned int let_go = 0;
	for (unsigned int i = 0; i < step_count; i++) {
		gather_mark(gather, i);
		gather_hurry(gather, is_behind);
		step[i].is_in = true;
		gather_add(gather, &owner, partial, &step[i].span, payload_of(&step[i].span));
		if (i % 64 == 63)
			gather_turn(gather, i / 64);
		if (i % 97 == 0)
			let_go += count_let_go(gather, partial, i);
	}
	return let_go;
}

/* One way for datagrams to come. */
static void passes(const char *what, uint64_t budget, uint32_t symbols, unsigned int lost, unsigned int twice, unsigned int moved)
{
	struct gather *gather = NULL;
	struct partial *partial = begin(&gather, budget);
	uint8_t wanted[SUITE_DIGEST_BYTES], root[SUITE_DIGEST_BYTES];
	make_steps(symbols, lost, twice, moved);
	is_number(give_all(gather, partial), 0, "%s: nothing is let go before it is noted", what);
	gather_settle(gather);
	ok(gather_oldest(gather) == GATHER_NOTHING && count_let_go(gather, partial, step_count) == 0,
	   "%s: in the end all of it is noted", what);
	is_number((int64_t)count_wrong(partial), 0, "%s: what is noted is in the files", what);
	ok(seen.failed == 0 && seen.wrong_hashes == 0 && seen.not_noted == 0, "%s: no write failed, and a piece that was hashed is noted, and has no other hash", what);
	if (lost == 0) {
		is_number(seen.decodable, 1, "%s: it was told that the block is decodable, once", what);
		char name[VAULT_NAME_BYTES], path[VAULT_NAME_BYTES + 16];
		vault_partial_name(name, &id);
		snprintf(path, sizeof(path), "%s/object", name);
		int in = openat(site.dir_fd, path, O_RDONLY | O_CLOEXEC);
		tree_of_file(in, SEGMENT_BYTES, SEGMENTS - 1, wanted, NULL, NULL);
		is_number(bodytree_root(in, -1, SEGMENT_BYTES, SEGMENTS - 1, &seen.known, root, NULL), 0, "%s: the tree", what);
		is_bytes(root, wanted, sizeof(root), "%s: is the one of the file", what);
		io_close(in);
	}
	note("%s: %u of %u pieces hashed, %lu bytes through the cache, %u times notified", what, seen.hashed,
	     (unsigned int)seen.known.pieces, (unsigned long)seen.written, seen.notified);
	gather_forget(gather, partial);
	gather_free(gather);
	partial_close(partial);
}

/* The repair rows come first, so that the block is decodable while windows are being written that it then does not need. */
static void too_late(void)
{
	struct gather *gather = NULL;
	struct partial *partial = begin(&gather, 22 * window_bytes);
	make_steps(69, 0, 0, 0);
	for (int is_source = 0; is_source < 2; is_source++)
		for (unsigned int i = 0; i < step_count; i++)
			if ((step[i].span.row < geometry.source_rows) == is_source)
				gather_add(gather, &owner, partial, &step[i].span, payload_of(&step[i].span));
	gather_settle(gather);
	ok(seen.decodable == 1 && seen.hashed < seen.known.pieces, "a block is decodable before all of it is there");
	ok(seen.wrong_hashes == 0 && seen.not_noted == 0, "no piece of it is hashed that is not noted");
	is_number((int64_t)count_wrong(partial), 0, "and what is noted is in the files");
	gather_forget(gather, partial);
	gather_free(gather);
	partial_close(partial);
}

/* Until nothing is under way any more, at this time. */
static bool turns_to_nothing(struct gather *gather, uint64_t now_ms)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	for (int i = 0; i < 10000 && gather_oldest(gather) != GATHER_NOTHING; i++) {
		gather_turn(gather, now_ms);
		nanosleep(&pause, NULL);
	}
	return gather_oldest(gather) == GATHER_NOTHING;
}

static void when_it_is_written(void)
{
	struct gather *gather = NULL;
	struct partial *partial = begin(&gather, 8 * window_bytes);
	make_steps(69, 0, 0, 0);
	gather_turn(gather, 1000);
	gather_mark(gather, 7);
	gather_add(gather, &owner, partial, &step[0].span, payload_of(&step[0].span));
	gather_turn(gather, 1000 + GATHER_HOLD_MS - 1);
	is_number((int64_t)gather_oldest(gather), 7, "what is not full waits for more");
	ok(!arrivals_have(partial_arrivals(partial), &step[0].span), "and is not noted");
	ok(turns_to_nothing(gather, 1000 + GATHER_HOLD_MS) && arrivals_have(partial_arrivals(partial), &step[0].span),
	   "but not for ever");
	for (unsigned int i = 0; step[i].span.row < geometry.source_rows; i++)
		gather_add(gather, &owner, partial, &step[i].span, payload_of(&step[i].span));
	ok(turns_to_nothing(gather, 1000 + GATHER_HOLD_MS + 1) && seen.decodable == 1,
	   "what makes a bundle whole is written at once");
	gather_forget(gather, partial);
	gather_free(gather);
	partial_close(partial);
}

/* keep is killed in the middle: what is noted is in the files all the same. */
static void killed(void)
{
	struct gather *gather = NULL;
	struct partial *partial = begin(&gather, 8 * window_bytes);
	make_steps(69, 20, 0, 0);
	step_count /= 2;
	is_number(give_all(gather, partial), 0, "of a half nothing is let go before it is noted");
	/* not before something has been written, be it as slow as it likes */
	const struct timespec pause = {.tv_nsec = 1000000};
	for (int i = 0; i < 10000 && !arrivals_have_begun(partial_arrivals(partial)); i++) {
		gather_collect(gather);
		nanosleep(&pause, NULL);
	}
	gather_free(gather);
	partial_close(partial);
	is_number(partial_load(&partial, &site, &id, &geometry), 0, "it is taken up");
	ok(arrivals_have_begun(partial_arrivals(partial)), "with what was noted");
	is_number((int64_t)count_wrong(partial), 0, "all of which is in the files");
	partial_close(partial);
}

/* A second copy that says something else, with the right tag: of what was hashed nothing is written again. */
static void another_copy(void)
{
	struct gather *gather = NULL;
	struct partial *partial = begin(&gather, 8 * window_bytes);
	uint8_t *other = malloc(OTHER_BYTES);
	test_random_bytes(&random_state, other, OTHER_BYTES);
	make_steps(69, 0, 0, 0);
	unsigned int taken = 0;
	for (unsigned int i = 0; i < step_count; i++) {
		gather_mark(gather, i);
		gather_add(gather, &owner, partial, &step[i].span, payload_of(&step[i].span));
		taken += gather_add(gather, &owner, partial, &step[i].span, other) == SPAN_NEW;
	}
	gather_settle(gather);
	is_number(taken, 0, "a second copy of what has come is none");
	is_number((int64_t)count_wrong(partial), 0, "and changes nothing");
	free(other);
	gather_forget(gather, partial);
	gather_free(gather);
	partial_close(partial);
}

/* Memory that O_DIRECT cannot take: most file systems refuse it as if they did not know O_DIRECT at all. */
static void refused_on_the_way(void)
{
	struct gather *gather = NULL;
	struct partial *partial = begin(&gather, 8 * window_bytes);
	for (unsigned int i = 0; i + 1 < WINDOWS_MAX; i++)
		gather->window[i].bytes++;
	make_steps(69, 0, 0, 0);
	is_number(give_all(gather, partial), 0, "refused: nothing is let go before it is noted");
	gather_settle(gather);
	ok(seen.failed == 0 && seen.decodable == 1, "refused: no write failed");
	is_number((int64_t)count_wrong(partial), 0, "refused: what is noted is in the files");
	unsigned int refused = 0, open = 0;
	for (unsigned int i = 0; i < GATHER_TARGETS_MAX; i++) {
		refused += gather->target[i].is_refused[0];
		open += gather->target[i].direct_fd[0] >= 0;
	}
	note("refused: %u of %u descriptors, %lu bytes through the cache", refused, open, (unsigned long)seen.written);
	ok(refused == 0 || (open == refused && seen.written > 0),
	   "refused: the rest goes through the cache, and the descriptor stays open for whoever is writing");
	gather_forget(gather, partial);
	gather_free(gather);
	partial_close(partial);
}

/* What a file system says that does not know O_DIRECT; where the one of the test does, a file that cannot be written at all says it. */
static int open_refusing(const uint8_t *bytes)
{
	const char *const paths[] = {test_path("plain"), "/proc/self/ns/net"};
	for (int i = 0; i < 2; i++) {
		int fd = open(paths[i], O_WRONLY | O_CLOEXEC | (i == 0 ? O_DIRECT : 0));
		if (fd >= 0 && pwrite(fd, bytes, 4096, 0) < 0 && errno == EINVAL)
			return fd;
		io_close(fd);
	}
	return -1;
}

/* Beside one flag a symbol. */
static void ranges(void)
{
	static struct window w;
	static bool model[SYMBOLS];
	unsigned int wrong = 0;
	for (int round = 0; round < 4000; round++) {
		uint32_t at = (uint32_t)(test_random(&random_state) % SYMBOLS);
		uint32_t most = round % 8 == 0 ? SYMBOLS : 200, count = (uint32_t)(test_random(&random_state) % most), here = 0;
		if (count > SYMBOLS - at)
			count = SYMBOLS - at;
		bool is_here = test_random(&random_state) % 2 == 0;
		for (uint32_t i = at; i < at + count; i++)
			here += model[i];
		wrong += gather_count_here(&w, at, count) != here;
		gather_set_here(&w, at, count, is_here);
		for (uint32_t i = at; i < at + count; i++)
			model[i] = is_here;
	}
	for (uint32_t i = 0; i < SYMBOLS; i++)
		wrong += gather_count_here(&w, i, 1) != model[i];
	is_number(wrong, 0, "ranges of symbols are noted and counted as one by one");
}

static void refusals(void)
{
	static struct window w;
	int fd = open(test_path("plain"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct target t = {.fd = {fd, -1}, .direct_fd = {open_refusing(object + 1), -1}};
	uint8_t back[4 * 4096];
	ok(t.direct_fd[0] >= 0, "a descriptor that refuses");
	w = (struct window){.target = &t, .end = GATHER_WINDOW_BYTES, .bytes = object + 1};
	for (uint32_t at = 3; at < 100; at++)
		w.here[at / 64] |= UINT64_C(1) << (at % 64);
	gather_write(&w, true);
	ok(w.result == 0 && w.is_refused, "its refusal is seen");
	ok(io_pread_exact(fd, back, TO, 0) == 0 && memcmp(back + FROM, object + 1 + FROM, TO - FROM) == 0,
	   "and what was to be written is written all the same");
	close(t.direct_fd[0]);
	close(fd);
	t.fd[0] = t.direct_fd[0] = open("/dev/full", O_WRONLY | O_CLOEXEC);
	gather_write(&w, true);
	is_number(w.result, -ENOSPC, "any other failure is one");
	close(t.fd[0]);
}

static void choose(uint32_t repair_permille)
{
	geometry = geometry_choose((uint64_t)SEGMENTS * SEGMENT_BYTES, repair_permille);
	size_t len = (size_t)geometry.repair_rows * geometry.row_len;
	free(repair);
	repair = malloc(len);
	test_random_bytes(&random_state, repair, len);
}

int main(void)
{
	random_state = test_seed();
	ok(suite_start() == 0, "the suite starts");
	choose(125);
	is_number(geometry_block_count(&geometry), 1, "the object is one block");
	ok(gather_takes(&geometry, 0) && gather_takes(&geometry, (uint32_t)geometry.source_rows + geometry.repair_rows - 1U) &&
	   !gather_takes(&geometry, (uint32_t)geometry.source_rows + geometry.repair_rows), "of which the rows of a pass are gathered");
	struct geometry small = geometry_choose(3 << 20, 125);
	ok(!gather_takes(&small, 0), "and smaller ones not");
	object = aligned_alloc(4096, (size_t)SEGMENTS * SEGMENT_BYTES);
	test_random_bytes(&random_state, object, (size_t)SEGMENTS * SEGMENT_BYTES);
	mkdir(test_path("partial"), 0700);
	mkdir(test_path("maps"), 0700);
	site.dir_fd = io_open_dir(AT_FDCWD, test_path("partial"));
	site.maps_fd = io_open_dir(AT_FDCWD, test_path("maps"));
	ok(partial_site_boot(&site) == 0, "there is a place for it");

	passes("in order", 22 * window_bytes, 69, 0, 0, 0);
	ok(seen.hashed == seen.known.pieces || seen.written > 0,
	   "in order: all whole pieces were hashed as they came, unless the disk stalled");
	passes("in order, at MTU 1500", 22 * window_bytes, 11, 0, 0, 0);
	is_behind = true;
	passes("behind", 22 * window_bytes, 69, 0, 0, 0);
	is_number(seen.hashed, 0, "behind: nothing was hashed, and the tree is made by reading");
	is_behind = false;
	passes("with little room", GATHER_BUDGET_MIN, 69, 0, 0, 0);
	passes("with losses", 22 * window_bytes, 69, 20, 0, 0);
	passes("with losses, at MTU 1500", 8 * window_bytes, 11, 20, 0, 0);
	passes("twice", 8 * window_bytes, 11, 0, 300, 0);
	passes("in disorder", 8 * window_bytes, 11, 0, 0, 300);
	passes("in disorder, with losses, twice", 4 * window_bytes, 11, 50, 100, 300);
	when_it_is_written();
	killed();
	another_copy();
	choose(500);
	too_late();
	refused_on_the_way();
	ranges();
	refusals();
	bodytree_known_clear(&seen.known);
	free(object);
	free(repair);
	return done_testing();
}
