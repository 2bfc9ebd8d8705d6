/* What was delivered and destroyed is known as long as it must be, whatever a crash leaves of the file. */
#include "receiver/annals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"
#include "common/suite.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

#define NOW UINT64_C(1790000000)
enum { EPOCH = 0x1122334455667788, MANY = 1000000 };

static int vault = -1;

static void must(bool good, const char *what)
{
	if (!good) {
		note("the test cannot go on: %s", what);
		exit(2);
	}
}

static void fresh(const char *name)
{
	io_close(vault);
	const char *path = test_path(name);
	must(mkdir(path, 0700) == 0, "mkdir");
	vault = io_open_dir(AT_FDCWD, path);
	must(vault >= 0, "open");
}

static struct annal annal_of(uint64_t number, enum annal_what what)
{
	struct annal a = {
		.id = {EPOCH, number, 7},
		.route = "tax",
		.what = what,
		.how = what == ANNAL_DESTROYING || what == ANNAL_DESTROYED ? ANNAL_BY_DATE : ANNAL_NO_WAY,
		.at = NOW + number,
		.destroy_by = NOW + 86400 + number,
	};
	uint64_t half = number * UINT64_C(0x9e3779b97f4a7c15);
	memcpy(a.push_id, &half, sizeof(half));
	memset(a.edges, 5, sizeof(a.edges));
	return a;
}

static struct annals *reopen(struct annals *a, struct annals_found *found)
{
	struct annals *again = NULL;
	annals_close(a);
	must(annals_open(&again, vault, true, found) == 0, "annals_open");
	return again;
}

static void put(struct annals *a, uint64_t number, enum annal_what what)
{
	struct annal annal = annal_of(number, what);
	must(annals_write(a, &annal, 1) == 0, "annals_write");
}

static int state_of(const struct annals *a, uint64_t number)
{
	struct annal annal;
	return annals_find(a, &(struct bundle_id){EPOCH, number, 7}, &annal) ? (int)annal.what : 0;
}

static off_t size_of(void)
{
	struct stat st;
	must(fstatat(vault, "annals", &st, 0) == 0, "stat");
	return st.st_size;
}

static void test_states(void)
{
	struct annals_found found;
	struct annal out;
	fresh("states");
	struct annals *a = reopen(NULL, &found);
	ok(found.is_new && size_of() == ANNAL_BYTES, "without a file they begin, with a header");
	put(a, 1, ANNAL_DELIVERED);
	put(a, 2, ANNAL_DELIVERED);
	put(a, 1, ANNAL_DESTROYING);
	put(a, 1, ANNAL_DESTROYED);
	put(a, 3, ANNAL_DELIVERED);
	put(a, 3, ANNAL_DAMAGED);
	for (int round = 0; round < 2; round++) {
		const char *when = round == 0 ? "at once" : "by the next process";
		ok(state_of(a, 1) == ANNAL_DESTROYED && state_of(a, 2) == ANNAL_DELIVERED &&
		   state_of(a, 3) == ANNAL_DAMAGED && state_of(a, 4) == 0, "the newest record counts, %s", when);
		is_number((int64_t)annals_count(a), 3, "each bundle is there once, %s", when);
		ok(annals_find_name(a, EPOCH, "tax", 2, &out) && out.id.route_id == 7 &&
		   !annals_find_name(a, EPOCH, "taxi", 2, &out) && !annals_find_name(a, EPOCH + 1, "tax", 2, &out),
		   "a bundle is found by its name, %s", when);
		struct annal second = annal_of(2, ANNAL_DELIVERED), third = annal_of(3, ANNAL_DELIVERED);
		struct bundle_id other = {EPOCH + 1, 9, 7};
		ok(annals_find_push(a, second.push_id, &other, &out) && out.id.number == 2,
		   "and by its push, %s", when);
		ok(!annals_find_push(a, second.push_id, &second.id, &out), "but not for itself, %s", when);
		ok(!annals_find_push(a, third.push_id, &other, &out), "nor what was set aside, %s", when);
		annals_at(a, 0, &out);
		ok(out.id.number == 1 && out.how == ANNAL_BY_DATE && strcmp(out.route, "tax") == 0 &&
		   out.at == NOW + 1 && out.destroy_by == NOW + 86401 && out.edges[0] == 5,
		   "everything of it is kept, %s", when);
		a = reopen(a, &found);
		ok(!found.is_new && found.cut == 0 && found.damaged == 0, "and nothing was wrong");
	}
	annals_close(a);
}

/* Every length to which a crash may have cut the file. */
static void test_torn(void)
{
	struct annals_found found;
	fresh("torn");
	struct annals *a = reopen(NULL, &found);
	struct annal batch[5];
	put(a, 1, ANNAL_DELIVERED);
	off_t begin = size_of();
	for (uint64_t i = 0; i < 5; i++)
		batch[i] = annal_of(10 + i, ANNAL_DELIVERED);
	must(annals_write(a, batch, 5) == 0, "write");
	annals_close(a);
	uint8_t *whole = NULL;
	size_t len = 0;
	must(io_read_file(vault, "annals", 100000, &whole, &len) == 0, "read");
	int wrong = 0;
	for (size_t cut = (size_t)begin; cut < len; cut += 7) {
		for (int zeros = 0; zeros < 2; zeros++) {
			int fd = openat(vault, "annals", O_WRONLY | O_CREAT | O_TRUNC, 0640);
			must(fd >= 0 && io_write(fd, whole, cut) == 0, "write");
			/* a length that is durable before the bytes are */
			must(zeros == 0 || ftruncate(fd, (off_t)len) == 0, "grow");
			close(fd);
			a = reopen(NULL, &found);
			size_t records = cut / ANNAL_BYTES - 1;
			wrong += annals_count(a) != records || found.damaged != 0 ||
				 size_of() != (off_t)((records + 1) * ANNAL_BYTES);
			put(a, 99, ANNAL_DELIVERED);
			a = reopen(a, &found);
			wrong += annals_count(a) != records + 1 || found.cut != 0 || state_of(a, 99) == 0;
			annals_close(a);
		}
	}
	is_number(wrong, 0, "a batch that was cut off anywhere leaves its whole records, and more can be written");
	int fd = openat(vault, "annals", O_WRONLY | O_TRUNC);
	must(fd >= 0 && io_write(fd, whole, 100) == 0 && close(fd) == 0, "write");
	a = NULL;
	is_number(annals_open(&a, vault, true, &found), VERDICT_DAMAGED, "a header that is none was not left by a crash");
	free(whole);
}

static void test_damage(void)
{
	struct annals_found found;
	fresh("damage");
	struct annals *a = reopen(NULL, &found);
	for (uint64_t i = 1; i <= 600; i++)
		put(a, i, ANNAL_DELIVERED);
	annals_close(a);
	uint8_t *whole = NULL;
	size_t len = 0;
	must(io_read_file(vault, "annals", 1000000, &whole, &len) == 0, "read");
	int wrong = 0;
	for (size_t bit = 0; bit < 8 * ANNAL_BYTES; bit++) {
		struct annal out;
		uint8_t record[ANNAL_BYTES];
		memcpy(record, whole + 3 * ANNAL_BYTES, ANNAL_BYTES);
		record[bit / 8] ^= (uint8_t)(1 << bit % 8);
		wrong += annal_decode(&out, record, 3) == 0;
	}
	is_number(wrong, 0, "a record with any bit flipped is none");
	/* D delivered, g being destroyed, G destroyed, d damaged, each with how: - none, t date, p purge, k known */
	char pairs[64] = "";
	for (int what = 0; what <= ANNAL_DAMAGED + 1; what++)
		for (int how = 0; how <= ANNAL_KNOWN + 1; how++) {
			struct annal annal = annal_of(3, ANNAL_DELIVERED), out;
			uint8_t record[ANNAL_BYTES];
			annal.what = (enum annal_what)what;
			annal.how = (enum annal_how)how;
			annal_encode(record, &annal, 3);
			if (annal_decode(&out, record, 3) == 0)
				snprintf(pairs + strlen(pairs), sizeof(pairs) - strlen(pairs), "%c%c ", "?DgGd?"[what], "-tpk?"[how]);
		}
	is_text(pairs, "D- gt gp Gt Gp d- dk ", "of what was done, only its own ways");
	struct annal out;
	is_number(annal_decode(&out, whole + 3 * ANNAL_BYTES, 4), VERDICT_BAD_ORDER, "nor is one in another place");
	whole[3 * ANNAL_BYTES + 9] ^= 4;
	whole[5 * ANNAL_BYTES + 9] ^= 4;
	int fd = openat(vault, "annals", O_WRONLY);
	must(fd >= 0 && io_write(fd, whole, len) == 0 && close(fd) == 0, "write");
	a = reopen(NULL, &found);
	ok(found.damaged == 2 && found.cut == 0 && annals_count(a) == 598, "two damaged records are told of, the others count");
	annals_close(a);
	memset(whole + 60 * ANNAL_BYTES, 0, len - 60 * ANNAL_BYTES);
	fd = openat(vault, "annals", O_WRONLY);
	must(fd >= 0 && io_write(fd, whole, len) == 0 && close(fd) == 0, "write");
	is_number(annals_open(&a, vault, true, &found), VERDICT_DAMAGED,
		  "an end of more than one batch that is nothing was not left by a crash");
	free(whole);
}

static void test_reader(void)
{
	struct annals_found found;
	fresh("reader");
	struct annals *a = NULL;
	ok(annals_open(&a, vault, false, &found) == 0 && annals_count(a) == 0, "who only reads finds nothing in no file");
	ok(faccessat(vault, "annals", F_OK, 0) < 0, "and makes none");
	annals_close(a);
	a = reopen(NULL, &found);
	put(a, 1, ANNAL_DELIVERED);
	annals_close(a);
	int fd = openat(vault, "annals", O_WRONLY | O_APPEND);
	must(fd >= 0 && write(fd, "torn", 4) == 4 && close(fd) == 0, "write");
	ok(annals_open(&a, vault, false, &found) == 0 && state_of(a, 1) == ANNAL_DELIVERED && size_of() == 260,
	   "a record that is being written is passed over, and stays");
	annals_close(a);
}

static void test_no_room(void)
{
	struct annals_found found;
	fresh("room");
	struct annals *a = reopen(NULL, &found);
	put(a, 1, ANNAL_DELIVERED);
	struct rlimit none = {300, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
	must(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &none) == 0, "limit");
	struct annal annal = annal_of(2, ANNAL_DELIVERED);
	is_number(annals_write(a, &annal, 1), -EFBIG, "what has no room is not there");
	is_number(state_of(a, 2), 0, "also in memory");
	must(setrlimit(RLIMIT_FSIZE, &all) == 0, "limit");
	is_number(annals_write(a, &annal, 1), 0, "when there is room it is");
	a = reopen(a, &found);
	ok(state_of(a, 1) == ANNAL_DELIVERED && state_of(a, 2) == ANNAL_DELIVERED && found.cut == 0 && found.damaged == 0,
	   "and the file is whole");
	annals_close(a);
}

static bool is_old(void *context, const struct annal *annal)
{
	return annal->what == ANNAL_DESTROYED && annal->id.number < *(const uint64_t *)context;
}

static void test_tidy(void)
{
	struct annals_found found;
	struct annals_head before, after;
	fresh("tidy");
	struct annals *a = reopen(NULL, &found);
	struct annal batch[ANNALS_BATCH_MAX];
	for (uint64_t i = 0; i < 900; i++) {
		for (int what = ANNAL_DELIVERED; what <= ANNAL_DESTROYED; what++)
			batch[what - 1] = annal_of(i + 1, (enum annal_what)what);
		must(annals_write(a, batch, i < 800 ? 3 : 1) == 0, "write");
	}
	uint64_t limit = 701;
	annals_head(a, &before);
	is_number(annals_tidy(a, true, is_old, &limit), 0, "what may be forgotten is");
	annals_head(a, &after);
	ok(annals_count(a) == 200 && state_of(a, 700) == 0 && state_of(a, 701) == ANNAL_DESTROYED &&
	   state_of(a, 900) == ANNAL_DELIVERED, "and the rest is not");
	is_number(size_of(), 201 * ANNAL_BYTES, "the file has a record for each of the rest");
	ok(before.life != after.life && after.n == 200, "which its head shows");
	put(a, 901, ANNAL_DELIVERED);
	a = reopen(a, &found);
	ok(annals_count(a) == 201 && found.damaged == 0 && state_of(a, 750) == ANNAL_DESTROYED &&
	   state_of(a, 901) == ANNAL_DELIVERED, "and is whole");
	annals_close(a);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_many(void)
{
	struct annals_found found;
	fresh("many");
	struct annals *a = reopen(NULL, &found);
	struct annal batch[ANNALS_BATCH_MAX];
	for (uint64_t i = 0; i < MANY; i += ANNALS_BATCH_MAX) {
		for (uint64_t j = 0; j < ANNALS_BATCH_MAX; j++)
			batch[j] = annal_of(i + j, ANNAL_DELIVERED);
		must(annals_write(a, batch, ANNALS_BATCH_MAX) == 0, "write");
	}
	annals_close(a);
	double begin = now();
	a = reopen(NULL, &found);
	note("%zu records are read in %.2f s", annals_count(a), now() - begin);
	begin = now();
	int wrong = 0;
	for (uint64_t i = 0; i < MANY; i += 97) {
		struct annal annal = annal_of(i, ANNAL_DELIVERED), out;
		struct bundle_id other = {1, 1, 1};
		wrong += state_of(a, i) != ANNAL_DELIVERED || state_of(a, MANY * 2 + i) != 0 ||
			 !annals_find_push(a, annal.push_id, &other, &out) || out.id.number != i;
	}
	note("%d lookups take %.3f s", 3 * (MANY / 97), now() - begin);
	is_number(wrong, 0, "of a million each is found by id and by push");
	annals_close(a);
}

int main(void)
{
	must(suite_start() == 0, "suite");
	test_states();
	test_torn();
	test_damage();
	test_reader();
	test_no_room();
	test_tidy();
	test_many();
	io_close(vault);
	return done_testing();
}
