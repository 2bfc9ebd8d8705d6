/*
 * The spool's promises, and what is found after a crash at every point of the way of a bundle: each
 * crash is played by putting the files where it would have left them (SPOOL.md).
 */
#include "sender/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/diskfill.h"
#include "common/geometry.h"
#include "common/io.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/endorse.h"
#include "tests/lib/tap.h"

enum { SEGMENTS = 5 };

static uint64_t state;
static struct key *box;
static size_t told;

static void count_tale(void *context, const char *file, int result)
{
	(void)context, (void)file, (void)result;
	told++;
}

static const char *fresh_dir(void)
{
	static unsigned int count;
	char name[32];
	snprintf(name, sizeof(name), "spool-%u", count++);
	const char *path = test_path(name);
	if (mkdir(path, 0700) < 0)
		abort();
	return path;
}

static struct spool *open_at(const char *path)
{
	struct spool *spool = NULL;
	struct spool_options options = {.path = path, .tell = count_tale};
	int result = spool_open(&spool, &options);
	if (result != 0) {
		note("spool_open: %d", result);
		abort();
	}
	return spool;
}

static struct statement statement_of(const char *route)
{
	struct statement s = {
		.person = "wang-mei",
		.created = 1000,
		.destroy_by = 2000,
		.registry_version = 1,
		.segments = SEGMENTS,
		.manifest_segments = 1,
	};
	snprintf(s.route, sizeof(s.route), "%s", route);
	test_random_bytes(&state, s.push_id, sizeof(s.push_id));
	test_random_bytes(&state, s.root, sizeof(s.root));
	return s;
}

/* Its push stands for it, and what was counted. */
static struct dossier dossier_of(const struct statement *s)
{
	static const uint8_t seed[SUITE_KEY_BYTES] = {7};
	struct dossier dossier = {.tally = {.content_len = 70, .members = 2, .records = 30, .columns = 4}};
	memcpy(dossier.push_id, s->push_id, PUSH_ID_BYTES);
	endorse_push(&dossier.endorsements, s, seed);
	return dossier;
}

static uint8_t body[SEGMENTS * SEGMENT_BYTES];

/* A held bundle on this route, its body in uneven pieces. */
static struct spool_item *hold_one(struct spool *spool, const struct statement *s)
{
	struct incoming *incoming;
	struct spool_item *item = NULL;
	struct dossier dossier = dossier_of(s);
	if (spool_begin(spool, &incoming) != 0)
		abort();
	for (size_t at = 0; at < sizeof(body);) {
		size_t n = 1 + test_random(&state) % 30000;
		if (n > sizeof(body) - at)
			n = sizeof(body) - at;
		if (spool_add(incoming, body + at, n) != 0)
			abort();
		at += n;
	}
	if (spool_hold(incoming, s, &dossier, &item) != 0)
		abort();
	return item;
}

static int release_one(struct spool *spool, struct spool_item *item, uint64_t at)
{
	struct dossier dossier;
	if (spool_dossier(spool, item, &dossier) != 0)
		abort();
	struct spool_terms terms = {
		.box = box,
		.route_id = strcmp(item->release.statement.route, "tax") == 0 ? 3 : 5,
		.released_at = at,
		.repair_permille = 125,
		.endorsements = &dossier.endorsements,
	};
	return spool_release(spool, item, &terms);
}

static bool exists(const char *spool_path, const char *folder, const char *name)
{
	char path[4400];
	snprintf(path, sizeof(path), "%s/%s/%s", spool_path, folder, name);
	return access(path, F_OK) == 0;
}

static const char *hex_of(const struct statement *s)
{
	static char hex[2 * PUSH_ID_BYTES + 1];
	return text_hex(hex, sizeof(hex), s->push_id, PUSH_ID_BYTES);
}

static void a_bundle_takes_its_way(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path);
	struct statement s = statement_of("tax");
	struct spool_item *item = hold_one(spool, &s);
	ok(item->state == SPOOL_HELD && exists(path, "held", hex_of(&s)),
	   "what came in is held under its push id");
	ok(!exists(path, "incoming", "0"), "and no longer incoming");
	ok(spool_find(spool, hex_of(&s)) == item, "it is found by its push id");

	is_number(release_one(spool, item, 5000), 0, "it is released");
	is_text(item->name, "tax-000001", "its number is the first of its route");
	ok(item->state == SPOOL_READY && exists(path, "ready", "tax-000001"), "it is ready");
	ok(!exists(path, "held", hex_of(&s)), "and no longer held");
	ok(spool_find(spool, "tax-000001") == item, "it is found by its name");

	char file[4400];
	uint8_t *bytes;
	size_t len;
	struct release release;
	struct endorsements endorsements;
	struct dossier dossier = dossier_of(&s);
	snprintf(file, sizeof(file), "%s/ready/tax-000001", path);
	if (io_read_file(AT_FDCWD, file, 1 << 20, &bytes, &len) != 0)
		abort();
	is_number((int64_t)len, (SEGMENTS + 1) * SEGMENT_BYTES, "the file is the object");
	is_number(release_segment_decode(&release, &endorsements, bytes), 0,
		  "its first segment is the release");
	is_number(release_segment_verify(bytes, box->card.public_key), 0, "signed by the box");
	ok(endorsements.count == 1 && endorsements.len == dossier.endorsements.len &&
		   memcmp(endorsements.bytes, dossier.endorsements.bytes, endorsements.len) == 0,
	   "it carries who stands for it");
	ok(release.epoch == spool_epoch(spool) && release.number == 1 && release.route_id == 3 &&
		   release.released_at == 5000,
	   "of this epoch, number, route and time");
	struct geometry g = {len, release.row_len, release.source_rows, release.repair_rows};
	is_number(geometry_check(&g), 0, "with a possible geometry");
	is_bytes(bytes + SEGMENT_BYTES, body, sizeof(body), "the body is what came in");
	free(bytes);

	is_number(spool_set_sent(spool, item), 0, "it is moved to sent");
	ok(item->state == SPOOL_SENT && exists(path, "sent", "tax-000001") &&
		   !exists(path, "ready", "tax-000001"),
	   "and is nowhere else");
	is_number(spool_remove(spool, item), 0, "it is removed");
	ok(spool_count(spool) == 0 && !exists(path, "sent", "tax-000001"), "and gone");
	s = statement_of("tax");
	item = hold_one(spool, &s);
	is_number(release_one(spool, item, 400), 0, "the next is released");
	is_text(item->name, "tax-000002", "under a new number, though the first bundle is gone");
	is_number((int64_t)item->release.released_at, 1000, "not before it was created");
	spool_close(spool);
}

/* What others do to files of the spool, and push ids that come again. */
static void vanished_files_and_used_ids(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path);
	struct statement s = statement_of("tax");
	struct spool_item *item = hold_one(spool, &s);
	struct dossier dossier = dossier_of(&s);
	struct incoming *incoming;
	char file[4400];
	if (release_one(spool, item, 5000) != 0 || spool_set_sent(spool, item) != 0)
		abort();
	snprintf(file, sizeof(file), "%s/sent/tax-000001", path);
	unlink(file);
	is_number(spool_remove(spool, item), 0, "one that somebody else has removed is gone as well");
	if (spool_begin(spool, &incoming) != 0 || spool_add(incoming, body, sizeof(body)) != 0)
		abort();
	is_number(spool_hold(incoming, &s, &dossier, &item), -EEXIST,
		  "the push id that has the newest number of its route never gets it for another body");
	spool_abandon(incoming);

	s = statement_of("tax");
	item = hold_one(spool, &s);
	if (release_one(spool, item, 5000) != 0)
		abort();
	snprintf(file, sizeof(file), "%s/ready/%s", path, item->name);
	unlink(file);
	is_number(spool_set_sent(spool, item), -ENOENT, "one that vanished while it was sent is told of");
	ok(item->state == SPOOL_READY, "and stays as it was");
	spool_close(spool);
}

static void one_process_at_a_time(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path), *second;
	struct spool_options options = {.path = path};
	is_number(spool_open(&second, &options), -EBUSY, "a second process is refused");
	uint64_t epoch = spool_epoch(spool);
	ok(epoch != 0, "the epoch is not 0");
	spool_close(spool);
	spool = open_at(path);
	ok(spool_epoch(spool) == epoch, "the epoch stays over a restart");
	spool_close(spool);
	spool = open_at(fresh_dir());
	ok(spool_epoch(spool) != epoch, "another spool has another epoch");
	spool_close(spool);
	options.path = test_path("no-such-spool");
	is_number(spool_open(&second, &options), -ENOENT, "a spool that is not there is said");
	spool_close(NULL);
}

/* What opening the spool says of these counters. */
static int write_counters(const char *file, const uint8_t *bytes, size_t len, const char *path)
{
	struct spool_options options = {.path = path};
	struct spool *spool;
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || io_write(fd, bytes, len) != 0 || close(fd) != 0)
		abort();
	int result = spool_open(&spool, &options);
	if (result == 0)
		spool_close(spool);
	return result;
}

static void counters_never_go_back(void)
{
	const char *path = fresh_dir();
	uint64_t last[COUNTER_END] = {0}, value;
	bool rises = true;
	for (int life = 0; life < 4; life++) {
		struct spool *spool = open_at(path);
		for (int i = 0; i < 1500; i++)
			for (int c = 0; c < COUNTER_END; c++) {
				if (spool_count_up(spool, (enum counter)c, &value) != 0)
					abort();
				rises = rises && value > last[c];
				last[c] = value;
			}
		spool_close(spool);
	}
	ok(rises, "counters rise over restarts");
	char file[4400];
	snprintf(file, sizeof(file), "%s/counters", path);
	struct spool_options options = {.path = path};
	struct spool *spool;
	uint8_t *whole, wrong[2048];
	size_t len, refused = 0, flips = 0;
	if (io_read_file(AT_FDCWD, file, sizeof(wrong), &whole, &len) != 0 || unlink(file) < 0)
		abort();
	is_number(spool_open(&spool, &options), VERDICT_DAMAGED, "an epoch without counters is refused");
	memcpy(wrong, whole, len);
	for (size_t i = 0; i <= len; i++)
		refused += i == len || write_counters(file, whole, i, path) == VERDICT_DAMAGED;
	is_number((int64_t)refused, (int64_t)len + 1, "counters cut at any length are refused");
	memset(wrong, 0, len / 2);
	is_number(write_counters(file, wrong, len, path), 0, "one slot may be torn");
	memcpy(wrong, whole, len);
	memset(wrong + len / 2, 0xff, len / 2);
	is_number(write_counters(file, wrong, len, path), 0, "or the other");
	wrong[0] ^= 1;
	is_number(write_counters(file, wrong, len, path), VERDICT_DAMAGED, "but not both");
	for (size_t i = 0; i < len / 2; i++) {
		memcpy(wrong, whole, len / 2);
		wrong[i] ^= 4;
		flips += write_counters(file, wrong, len, path) == VERDICT_DAMAGED;
	}
	is_number((int64_t)flips, (int64_t)len / 2, "a slot with one wrong bit in any byte does not count");
	free(whole);
	snprintf(file, sizeof(file), "%s/epoch", path);
	int fd = open(file, O_WRONLY | O_TRUNC);
	if (fd < 0 || io_write(fd, "0000000000000000\n", 17) != 0)
		abort();
	close(fd);
	is_number(spool_open(&spool, &options), VERDICT_DAMAGED, "an epoch of 0 is refused");
}

static void refusals(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path);
	struct statement s = statement_of("tax");
	struct incoming *incoming;
	struct spool_item *item;
	struct dossier dossier = dossier_of(&s);
	if (spool_begin(spool, &incoming) != 0 ||
	    spool_add(incoming, body, sizeof(body) - 1) != 0)
		abort();
	ok(exists(path, "incoming", "0"), "what comes in is in incoming/");
	is_number(spool_hold(incoming, &s, &dossier, &item), VERDICT_BAD_LENGTH,
		  "a body shorter than stated is refused");
	spool_abandon(incoming);
	ok(!exists(path, "incoming", "0"), "and removed at once");
	is_number((int64_t)spool_count(spool), 0, "nothing of it is left");
	hold_one(spool, &s);
	if (spool_begin(spool, &incoming) != 0 || spool_add(incoming, body, sizeof(body)) != 0)
		abort();
	is_number(spool_hold(incoming, &s, &dossier, &item), -EEXIST, "a push id is taken once");
	spool_abandon(incoming);
	ok(exists(path, "held", hex_of(&s)), "and the one that has it stays");
	spool_abandon(NULL);
	ok(spool_find(spool, "tax-000009") == NULL && spool_find(spool, "") == NULL,
	   "what is not there is not found");
	spool_close(spool);
}

/* After a crash while a bundle came in. */
static void crash_while_incoming(void)
{
	const char *path = fresh_dir();
	spool_close(open_at(path));
	char file[4400];
	snprintf(file, sizeof(file), "%s/incoming/3", path);
	int fd = open(file, O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || io_write(fd, body, sizeof(body)) != 0)
		abort();
	close(fd);
	struct spool *spool = open_at(path);
	ok(access(file, F_OK) < 0 && spool_count(spool) == 0,
	   "after a crash in incoming/ nothing of it is left");
	spool_close(spool);
}

static struct dossier dossier_with(struct spool *spool, struct spool_item *item, uint8_t officer)
{
	struct dossier dossier;
	struct endorsement approval = {
		.type = ENDORSEMENT_APPROVAL,
		.person = "tseng-yu",
		.key_id = {officer},
		.at = 1000,
		.signature = {.algorithm = SIGNATURE_ED25519, .len = 64},
	};
	if (spool_dossier(spool, item, &dossier) != 0)
		abort();
	endorse_with(&dossier.endorsements, &approval);
	return dossier;
}

/* What belongs to a bundle goes with it through all its states, and out of them. */
static void a_dossier_goes_with_its_bundle(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path);
	struct statement s = statement_of("tax");
	struct spool_item *item = hold_one(spool, &s);
	struct dossier dossier;
	ok(exists(path, "dossier", hex_of(&s)), "a held bundle has a dossier under its push id");
	is_number(item->approvals, 0, "nobody has approved it");
	ok(item->tally.content_len == 70 && item->tally.members == 2 && item->tally.records == 30 &&
		   item->tally.columns == 4,
	   "what was counted is known");
	for (uint8_t officer = 1; officer <= 2; officer++) {
		dossier = dossier_with(spool, item, officer);
		is_number(spool_set_dossier(spool, item, &dossier), 0, "approval %u is kept", officer);
		is_number(item->approvals, officer, "and counted");
	}
	spool_close(spool);

	spool = open_at(path);
	item = spool_find(spool, hex_of(&s));
	ok(item != NULL && item->state == SPOOL_HELD, "after a restart the bundle waits");
	is_number(item->approvals, 2, "with both approvals");
	ok(item->tally.content_len == 70 && item->tally.records == 30, "and what was counted");
	is_number(spool_dossier(spool, item, &dossier), 0, "its dossier is there");
	is_number((int64_t)endorsements_approvals(&dossier.endorsements), 2, "with all of them");

	if (release_one(spool, item, 5000) != 0)
		abort();
	char file[4400];
	uint8_t *bytes;
	size_t len;
	struct release release;
	struct endorsements endorsements;
	snprintf(file, sizeof(file), "%s/ready/tax-000001", path);
	if (io_read_file(AT_FDCWD, file, 1 << 20, &bytes, &len) != 0)
		abort();
	is_number(release_segment_decode(&release, &endorsements, bytes), 0, "it is released");
	is_number((int64_t)endorsements_approvals(&endorsements), 2, "with those who stand for it");
	free(bytes);
	ok(exists(path, "dossier", hex_of(&s)), "what is ready has a dossier");
	spool_close(spool);
	spool = open_at(path);
	item = spool_find(spool, "tax-000001");
	ok(item != NULL && item->tally.records == 30, "also after a restart");
	if (spool_set_sent(spool, item) != 0)
		abort();
	spool_close(spool);
	spool = open_at(path);
	item = spool_find(spool, "tax-000001");
	ok(item != NULL && item->state == SPOOL_SENT && item->tally.records == 30, "so has what is sent");
	is_number(spool_remove(spool, item), 0, "it is removed");
	ok(!exists(path, "dossier", hex_of(&s)) && !exists(path, "sent", "tax-000001"), "with its dossier");

	s = statement_of("tax");
	item = hold_one(spool, &s);
	is_number(spool_remove(spool, item), 0, "a held bundle can be removed");
	ok(!exists(path, "held", hex_of(&s)) && !exists(path, "dossier", hex_of(&s)), "with its dossier");
	is_number((int64_t)spool_count(spool), 0, "nothing is left of it");
	spool_close(spool);
	spool = open_at(path);
	is_number((int64_t)spool_count(spool), 0, "not after a restart either");
	spool_close(spool);
}

static void write_file(const char *path, const char *folder, const char *name, const void *data, size_t len)
{
	char file[4400];
	snprintf(file, sizeof(file), "%s/%s/%s", path, folder, name);
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || io_write(fd, data, len) != 0 || close(fd) < 0)
		abort();
}

/* After a crash between dossier and bundle, on the way in or out. */
static void crash_between_dossier_and_bundle(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path);
	struct statement s = statement_of("tax"), lost = statement_of("tax");
	hold_one(spool, &s);
	hold_one(spool, &lost);
	spool_close(spool);
	char held[4400], incoming[4400];
	snprintf(held, sizeof(held), "%s/held/%s", path, hex_of(&lost));
	snprintf(incoming, sizeof(incoming), "%s/incoming/7", path);
	if (rename(held, incoming) < 0) /* as it lies between dossier_save and the rename */
		abort();
	char hidden[64];
	snprintf(hidden, sizeof(hidden), ".%s.new", hex_of(&lost));
	write_file(path, "dossier", hidden, "half", 4);
	told = 0;
	spool = open_at(path);
	is_number((int64_t)spool_count(spool), 1, "a bundle that was not yet held is gone");
	ok(access(incoming, F_OK) < 0 && !exists(path, "dossier", hex_of(&lost)), "and so is its dossier");
	ok(!exists(path, "dossier", hidden), "and a dossier that was being written");
	ok(exists(path, "dossier", hex_of(&s)), "that of another bundle stays");
	is_number((int64_t)told, 0, "which is nothing to tell of");
	spool_close(spool);

	snprintf(held, sizeof(held), "%s/held/%s", path, hex_of(&s));
	if (unlink(held) < 0) /* as it lies between the two unlinks of spool_remove */
		abort();
	spool = open_at(path);
	ok(spool_count(spool) == 0 && !exists(path, "dossier", hex_of(&s)),
	   "a dossier whose bundle was removed is removed");
	is_number((int64_t)told, 0, "without a word");
	spool_close(spool);
}

/* Puts this in the place of a dossier, and opens the spool. */
static bool is_left_alone(const char *path, const struct statement *s, const void *data, size_t len)
{
	write_file(path, "dossier", hex_of(s), data, len);
	told = 0;
	struct spool *spool = open_at(path);
	bool good = spool_count(spool) == 0 && told == 1 && exists(path, "held", hex_of(s)) &&
		    exists(path, "dossier", hex_of(s));
	spool_close(spool);
	return good;
}

static void a_bundle_without_its_dossier_is_left(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path);
	struct statement s = statement_of("tax"), orphan = statement_of("tax");
	struct dossier other = dossier_of(&orphan);
	hold_one(spool, &s);
	spool_close(spool);
	char file[4400];
	uint8_t *bytes, changed[1024];
	size_t len, left = 0;
	snprintf(file, sizeof(file), "%s/dossier/%s", path, hex_of(&s));
	if (io_read_file(AT_FDCWD, file, sizeof(changed), &bytes, &len) != 0 || unlink(file) < 0)
		abort();
	int dir = io_open_dir(AT_FDCWD, path);
	int dossiers = io_open_dir(dir, "dossier");
	if (dossier_save(dossiers, &other) != 0)
		abort();
	told = 0;
	spool = open_at(path);
	ok(spool_count(spool) == 0 && told == 1 && exists(path, "held", hex_of(&s)),
	   "a held bundle without a dossier is told of, not used, and stays");
	ok(exists(path, "dossier", hex_of(&orphan)), "then no dossier is removed: it may be this one's");
	struct incoming *incoming;
	struct spool_item *item;
	struct dossier again = dossier_of(&s);
	if (spool_begin(spool, &incoming) != 0 || spool_add(incoming, body, sizeof(body)) != 0)
		abort();
	is_number(spool_hold(incoming, &s, &again, &item), -EEXIST, "its push id is not taken by another body");
	spool_abandon(incoming);
	ok(!exists(path, "dossier", hex_of(&s)), "nor is a dossier put beside it");
	spool_close(spool);
	for (size_t cut = 0; cut < len; cut += cut < 96 ? 1 : 37)
		left += !is_left_alone(path, &s, bytes, cut);
	is_number((int64_t)left, 0, "so is one whose dossier was cut");
	for (size_t at = 0; at < len; at++) {
		memcpy(changed, bytes, len);
		changed[at] ^= 4;
		left += !is_left_alone(path, &s, changed, len);
	}
	is_number((int64_t)left, 0, "or changed");
	static uint8_t encoded[DOSSIER_BYTES_MAX];
	size_t encoded_len = dossier_encode(encoded, &other);
	ok(is_left_alone(path, &s, encoded, encoded_len), "or is another push's");
	write_file(path, "dossier", hex_of(&s), bytes, len);
	write_file(path, "dossier", "README", "x", 1);
	told = 0;
	spool = open_at(path);
	ok(spool_count(spool) == 1 && spool_at(spool, 0)->tally.records == 30, "once it is back it is used");
	ok(!exists(path, "dossier", hex_of(&orphan)), "and the orphan is removed");
	ok(told == 1 && exists(path, "dossier", "README"), "a stranger's file is told of and stays");
	if (release_one(spool, spool_at(spool, 0), 2000) != 0)
		abort();
	spool_close(spool);
	unlink(file);
	told = 0;
	spool = open_at(path);
	ok(spool_count(spool) == 0 && exists(path, "ready", "tax-000001"),
	   "one that is ready and has lost its dossier is left, too");
	spool_close(spool);
	free(bytes);
	io_close(dossiers);
	io_close(dir);
}

/* What an officer is shown comes from the object of the held bundle. */
static void a_held_object_can_be_read(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path);
	struct statement s = statement_of("tax"), got;
	struct spool_item *item = hold_one(spool, &s);
	struct endorsements endorsements;
	uint8_t segment[SEGMENT_BYTES], tail[64];
	int fd = spool_open_held(spool, item);
	ok(fd >= 0, "a held object is opened");
	is_number(io_pread_exact(fd, segment, sizeof(segment), 0), 0, "it is read");
	is_number(unreleased_segment_decode(&got, &endorsements, segment), 0, "it begins with the unreleased form");
	is_bytes(got.push_id, s.push_id, PUSH_ID_BYTES, "of this push");
	is_number(io_pread_exact(fd, tail, sizeof(tail), item->object_len - sizeof(tail)), 0, "to its end");
	is_bytes(tail, body + sizeof(body) - sizeof(tail), sizeof(tail), "the body is what came in");
	ok(write(fd, "x", 1) < 0, "nobody writes there");
	io_close(fd);
	char file[4400];
	snprintf(file, sizeof(file), "%s/held/%s", path, hex_of(&s));
	unlink(file);
	is_number(spool_open_held(spool, item), -ENOENT, "one that has vanished is told");
	spool_close(spool);
}

static void flip_file(const char *path, off_t at, size_t len, const uint8_t *bytes)
{
	int fd = open(path, O_WRONLY);
	if (fd < 0 || io_pwrite(fd, bytes, len, (uint64_t)at) != 0)
		abort();
	close(fd);
}

/* After a crash between the sequence file and the rename, with any part of the release written. */
static void crash_while_released(void)
{
	/* between endorsements and the box's signature both forms hold zeros */
	for (size_t written = 0; written <= SEGMENT_BYTES;
	     written = written == 512 ? BOX_SIGNATURE_AT - 8 : written + 8) {
		char name[64];
		const char *path = fresh_dir();
		struct spool *spool = open_at(path);
		struct statement first = statement_of("tax"), other = statement_of("tax");
		struct spool_item *item = hold_one(spool, &first);
		uint8_t segment[SEGMENT_BYTES];
		struct release release;
		char file[4400], text[128];
		int len = snprintf(text, sizeof(text), "1 %s 3 1\n", hex_of(&first));
		write_file(path, "sequence", "tax", text, (size_t)len);
		release = item->release;
		release.number = 1;
		release.epoch = spool_epoch(spool);
		release.route_id = 3;
		struct dossier dossier = dossier_of(&first);
		if (release_segment_encode(segment, &release, &dossier.endorsements, box->secret) != 0)
			abort();
		snprintf(file, sizeof(file), "%s/held/%s", path, hex_of(&first));
		flip_file(file, 0, written, segment);
		hold_one(spool, &other); /* arrived just before, without a number */
		spool_close(spool);

		spool = open_at(path);
		struct spool_item *a = spool_find(spool, hex_of(&first));
		struct spool_item *b = spool_find(spool, hex_of(&other));
		bool good = a != NULL && b != NULL && a->state == SPOOL_HELD &&
			    spool_has_number(spool, a) && !spool_has_number(spool, b) &&
			    release_one(spool, a, 6000) == 0 && release_one(spool, b, 6000) == 0 &&
			    strcmp(a->name, "tax-000001") == 0 && strcmp(b->name, "tax-000002") == 0;
		snprintf(name, sizeof(name), "%zu", written);
		if (!good || written == 0 || written == RELEASE_BYTES || written == SEGMENT_BYTES)
			ok(good, "after a crash with %s bytes of the release written it keeps its number",
			   name);
		spool_close(spool);
		if (!good)
			return;
	}
}

static void crash_after_ready(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path);
	struct statement s[3] = {statement_of("tax"), statement_of("health"), statement_of("tax")};
	for (size_t i = 0; i < 3; i++)
		if (release_one(spool, hold_one(spool, &s[i]), 2000 + i) != 0)
			abort();
	if (spool_set_sent(spool, spool_find(spool, "health-000001")) != 0)
		abort();
	struct statement last = statement_of("tax");
	hold_one(spool, &last);
	spool_close(spool);
	spool = open_at(path);
	is_number((int64_t)spool_count(spool), 4, "after a restart everything is there");
	ok(spool_at(spool, 0)->state == SPOOL_HELD, "held ones first");
	is_text(spool_at(spool, 1)->name, "tax-000002", "then the newest release");
	is_text(spool_at(spool, 2)->name, "health-000001", "then the one before");
	ok(spool_at(spool, 2)->state == SPOOL_SENT, "which is sent");
	is_text(spool_at(spool, 3)->name, "tax-000001", "then the oldest");

	/* the sequence file is lost: numbers still do not come again */
	char file[4400];
	snprintf(file, sizeof(file), "%s/sequence/tax", path);
	spool_close(spool);
	if (unlink(file) < 0)
		abort();
	spool = open_at(path);
	is_number(release_one(spool, spool_at(spool, 0), 7000), 0, "without its sequence file");
	ok(spool_find(spool, "tax-000003") != NULL, "a route goes on behind its highest number");
	is_text(spool_at(spool, 0)->name, "tax-000003", "the new release comes first");
	spool_close(spool);
}

/* Files that are not what their name says stay, are told of, and are not used. */
static void damaged_files_are_left_out(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path);
	struct statement s = statement_of("tax");
	if (release_one(spool, hold_one(spool, &s), 2000) != 0)
		abort();
	spool_close(spool);
	char good[4400], file[4400];
	uint8_t *bytes;
	size_t len;
	snprintf(good, sizeof(good), "%s/ready/tax-000001", path);
	if (io_read_file(AT_FDCWD, good, 1 << 20, &bytes, &len) != 0)
		abort();
	size_t accepted = 0;
	for (size_t at = 0; at < RELEASE_BYTES; at++) {
		uint8_t changed = bytes[at] ^ 0x80;
		flip_file(good, (off_t)at, 1, &changed);
		spool = open_at(path);
		accepted += spool_count(spool) == 1;
		spool_close(spool);
		flip_file(good, (off_t)at, 1, &bytes[at]);
	}
	note("%zu of %d bytes of a release may change without being seen here (keys, signatures, times)",
	     accepted, RELEASE_BYTES);
	ok(accepted < RELEASE_BYTES, "fields of the release are checked");
	static const struct {
		const char *name;
		size_t cut;
	} wrong[] = {{"ready/tax-000002", 0}, {"ready/other-000001", 0}, {"ready/tax-000001", 1},
		     {"held/tax-000001", 0}, {"sent/tax-1", 0}};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(file, sizeof(file), "%s/%s", path, wrong[i].name);
		unlink(good);
		int fd = open(file, O_WRONLY | O_CREAT, 0600);
		if (fd < 0 || io_write(fd, bytes, len - wrong[i].cut) != 0)
			abort();
		close(fd);
		told = 0;
		spool = open_at(path);
		ok(spool_count(spool) == 0 && told == 1 && access(file, F_OK) == 0,
		   "%s is told of, not used, and stays", wrong[i].name);
		spool_close(spool);
		unlink(file);
	}
	snprintf(file, sizeof(file), "%s/ready/tax-000001", path);
	if (symlink("/etc/passwd", file) < 0)
		abort();
	told = 0;
	spool = open_at(path);
	ok(spool_count(spool) == 0 && told == 1, "a link is not followed");
	spool_close(spool);
	free(bytes);
}

static void a_full_disk_is_said(void)
{
	const char *path = fresh_dir();
	struct spool_options options = {.path = path, .disk_full_percent = 1};
	struct spool *spool;
	struct incoming *incoming;
	if (spool_open(&spool, &options) != 0)
		abort();
	if (diskfill_percent(spool_dir(spool)) >= 1)
		is_number(spool_begin(spool, &incoming), VERDICT_SPOOL_FULL,
			  "above the configured fill a bundle is refused at once");
	else
		skip("the disk is empty", "above the configured fill a bundle is refused at once");
	spool_close(spool);

	path = fresh_dir();
	if (mount("spool", path, "tmpfs", 0, "size=256k") < 0) {
		skip("mounting needs root", "a disk that fills up refuses the bundle");
		return;
	}
	spool = open_at(path);
	if (spool_begin(spool, &incoming) != 0)
		abort();
	int result = 0;
	for (int i = 0; i < 8 && result == 0; i++)
		result = spool_add(incoming, body, sizeof(body));
	is_number(result, VERDICT_SPOOL_FULL, "a disk that fills up refuses the bundle");
	spool_abandon(incoming);
	struct statement s = statement_of("tax");
	ok(hold_one(spool, &s) != NULL, "and has room again when it is abandoned");
	spool_close(spool);
	umount(path);
}

/* How far route 3, "tax", has come. */
static void is_head(const struct spool *spool, uint64_t first, uint64_t newest, const char *what)
{
	uint64_t got_first = 0, got_newest = 0;
	spool_head(spool, "tax", 3, &got_first, &got_newest);
	if (got_first != first || got_newest != newest)
		note("first %llu, newest %llu", (unsigned long long)got_first, (unsigned long long)got_newest);
	ok(got_first == first && got_newest == newest, "%s", what);
}

/* A disk on which nothing can be moved to ready/. */
static void hinder_release(const char *path, bool is_hindered)
{
	char from[4400], to[4400];
	snprintf(from, sizeof(from), "%s/ready", path);
	snprintf(to, sizeof(to), "%s/ready/tax-000001", path);
	if ((is_hindered ? mkdir(to, 0700) : rmdir(to)) < 0)
		abort();
}

static void a_number_is_given_back(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path);
	is_head(spool, 1, 0, "a route that has no bundle has no number");
	struct statement s[3] = {statement_of("tax"), statement_of("tax"), statement_of("tax")};
	struct spool_item *first = hold_one(spool, &s[0]);
	hinder_release(path, true);
	is_number(release_one(spool, first, 2000), -EEXIST, "a release that gets no place fails");
	ok(spool_has_number(spool, first), "and has its number");
	is_head(spool, 1, 0, "which counts as given when it is released");
	struct spool_item *second = hold_one(spool, &s[1]);
	hinder_release(path, false);
	ok(release_one(spool, second, 2000) == 0 && strcmp(second->name, "tax-000001") == 0,
	   "one that goes before it gets that number");
	ok(!spool_has_number(spool, first), "so it has none any more");
	is_head(spool, 1, 1, "one number was given");
	spool_close(spool);

	/* number 2 has been taken, and its push is refused */
	char text[128];
	int len = snprintf(text, sizeof(text), "2 %s 3 1\n", hex_of(&s[0]));
	write_file(path, "sequence", "tax", text, (size_t)len);
	spool = open_at(path);
	first = spool_find(spool, hex_of(&s[0]));
	ok(spool_has_number(spool, first), "one that had its number before a crash has it");
	is_head(spool, 1, 1, "which counts as given when it is released");
	is_number(spool_remove(spool, first), 0, "it is removed");
	spool_close(spool);
	spool = open_at(path);
	is_head(spool, 1, 1, "then its number was never given, also after a restart");
	struct spool_item *third = hold_one(spool, &s[2]);
	ok(release_one(spool, third, 2000) == 0 && strcmp(third->name, "tax-000002") == 0,
	   "and the next one gets it");
	is_head(spool, 1, 2, "so no number is left out");
	spool_close(spool);
}

static int release_as(struct spool *spool, const char *route, uint16_t route_id)
{
	struct statement s = statement_of(route);
	struct dossier dossier = dossier_of(&s);
	struct spool_terms terms = {.box = box, .route_id = route_id, .released_at = 3000, .repair_permille = 125,
				    .endorsements = &dossier.endorsements};
	return spool_release(spool, hold_one(spool, &s), &terms);
}

static void routes_are_named_anew(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path);
	bool good = true;
	for (int i = 0; i < 3; i++)
		good &= release_as(spool, "tax", 3) == 0;
	ok(good && release_as(spool, "duty", 3) == 0 && spool_find(spool, "duty-000004") != NULL,
	   "a route under another name goes on behind the numbers of its id");
	uint64_t first, newest;
	spool_head(spool, "duty", 3, &first, &newest);
	ok(first == 4 && newest == 4, "the row that a head covers begins with the new name");
	ok(release_as(spool, "tax", 9) == 0 && spool_find(spool, "tax-000004") != NULL,
	   "another route under the old name goes on behind the numbers of that name");
	spool_head(spool, "tax", 9, &first, &newest);
	ok(first == 4 && newest == 4, "and its row begins there");
	spool_close(spool);
	spool = open_at(path);
	ok(release_as(spool, "tax", 9) == 0 && spool_find(spool, "tax-000005") != NULL, "so it is after a restart");
	spool_head(spool, "tax", 9, &first, &newest);
	ok(first == 4 && newest == 5, "and the row goes on");
	spool_close(spool);
}

static void a_new_epoch_begins(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path);
	struct statement s[2] = {statement_of("tax"), statement_of("tax")};
	struct spool_item *first = hold_one(spool, &s[0]), *waits;
	uint64_t old = spool_epoch(spool);
	is_number((int64_t)spool_epoch_before(spool), 0, "a first epoch has none before it");
	if (release_one(spool, first, 2000) != 0)
		abort();
	const uint64_t released = first->release.released_at, before = (uint64_t)time(NULL);
	is_number((int64_t)spool_offered_since(spool, first), (int64_t)released, "a bundle is offered from its release on");
	waits = hold_one(spool, &s[1]);
	struct past past[] = {{"tax", 123}, {"health", 7}};
	is_number(spool_begin_epoch(spool, 0, past, 2), 0, "a new epoch begins");
	ok(spool_epoch(spool) != old && spool_epoch_before(spool) == old, "which names the one before");
	is_head(spool, 124, 123, "its numbers are above the one that was typed");
	spool_close(spool);
	spool = open_at(path);
	ok(spool_epoch_before(spool) == old && spool_count(spool) == 2, "after a restart all bundles are there");
	first = spool_find(spool, "tax-000001");
	ok(first != NULL && first->release.epoch == old, "an old one has its old id");
	uint64_t since = spool_offered_since(spool, first);
	ok(released < before && since >= before && since <= (uint64_t)time(NULL), "and is offered from the beginning of the new one on");
	waits = spool_find(spool, hex_of(&s[1]));
	ok(release_one(spool, waits, 2000) == 0 && strcmp(waits->name, "tax-000124") == 0 &&
		   waits->release.epoch == spool_epoch(spool),
	   "what waited is released in the new one");
	is_number((int64_t)spool_offered_since(spool, waits), (int64_t)waits->release.released_at, "and offered from its release on");
	is_head(spool, 124, 124, "and counted there");
	uint64_t head, newest;
	spool_head(spool, "health", 5, &head, &newest);
	ok(head == 8 && newest == 7, "so for a route that has no bundle here");
	is_number(spool_begin_epoch(spool, 0, NULL, 0), 0, "another one begins, with nothing typed");
	is_head(spool, 125, 124, "it goes on from what was given");
	past[0].number = 3;
	is_number(spool_begin_epoch(spool, 0, past, 1), 0, "or with too little typed");
	is_head(spool, 125, 124, "which changes nothing");
	spool_head(spool, "health", 5, &head, &newest);
	ok(head == 8 && newest == 7, "nor for other routes");
	for (int i = 0; i < 2 * EPOCHS_MAX; i++)
		if (spool_begin_epoch(spool, 0, NULL, 0) != 0)
			abort();
	ok(spool_epoch_before(spool) != old, "there may be any number of epochs");
	ok(spool_begin_epoch(spool, 77, NULL, 0) == 0 && spool_epoch_before(spool) == 77 && spool_knows_epoch(spool, 77),
	   "a spool that knows nothing of the one before is told which it was");
	spool_close(spool);
}

/* A push that had its number when the spool was put back may have been released with it. */
static void a_held_number_ends_with_its_epoch(void)
{
	const char *path = fresh_dir();
	struct spool *spool = open_at(path);
	struct statement s = statement_of("tax");
	hold_one(spool, &s);
	spool_close(spool);
	char text[128];
	int len = snprintf(text, sizeof(text), "6 %s 3 1\n", hex_of(&s));
	write_file(path, "sequence", "tax", text, (size_t)len);
	spool = open_at(path);
	is_head(spool, 1, 5, "five were given, and one waits with its number");
	if (spool_begin_epoch(spool, 0, (const struct past[]){{"tax", 6}}, 1) != 0)
		abort();
	struct spool_item *item = spool_find(spool, hex_of(&s));
	ok(!spool_has_number(spool, item) && release_one(spool, item, 2000) == 0 &&
		   strcmp(item->name, "tax-000007") == 0,
	   "in a new epoch behind it, it gets another");
	spool_close(spool);
}

static void limits(void)
{
	static const char *const wrong[] = {
		"", "x", "1\n", "0 00000000000000000000000000000000\n", "1 00 3 1\n",
		"281474976710656 00000000000000000000000000000000 3 1\n",
		"1 00000000000000000000000000000000 3 1", "1 00000000000000000000000000000000 0 1\n",
		"1 00000000000000000000000000000000 65536 1\n", "1 00000000000000000000000000000000 3 0\n",
		"1 00000000000000000000000000000000 3 3\n", "1 00000000000000000000000000000000 3 1 \n",
	};
	const char *path = fresh_dir();
	struct statement s = statement_of("tax");
	struct spool *spool = open_at(path);
	hold_one(spool, &s);
	spool_close(spool);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		write_file(path, "sequence", "tax", wrong[i], strlen(wrong[i]));
		spool = open_at(path);
		is_number(release_one(spool, spool_at(spool, 0), 1), VERDICT_DAMAGED, "wrong sequence file %zu is refused",
			  i + 1);
		spool_close(spool);
	}
	static const char last[] = "281474976710655 00000000000000000000000000000000 3 1\n";
	write_file(path, "sequence", "tax", last, strlen(last));
	spool = open_at(path);
	is_number(release_one(spool, spool_at(spool, 0), 1), VERDICT_BAD_LIMIT, "behind the last number there is none");
	ok(spool_at(spool, 0)->state == SPOOL_HELD, "the bundle stays held");
	spool_close(spool);
	static const char *const epochs[] = {"", "x\n", "0000000000000000\n", "0123456789abcdef", "past tax 3\n",
					     "0123456789abcdef\npast tax\n", "0123456789abcdef\npast  3\n",
					     "0123456789abcdef\nfedcba9876543210\npast tax 3\n",
					     "0123456789abcdef\npast tax 281474976710656\n", "0123456789abcdef\n\n"};
	for (size_t i = 0; i < sizeof(epochs) / sizeof(epochs[0]); i++) {
		struct spool_options options = {.path = path};
		write_file(path, ".", "epoch", epochs[i], strlen(epochs[i]));
		is_number(spool_open(&spool, &options), VERDICT_DAMAGED, "wrong epoch file %zu is refused", i + 1);
	}
}

int main(void)
{
	state = test_seed();
	if (suite_start() != 0)
		return 1;
	box = key_new(KEY_SENDER, "inside-1");
	test_random_bytes(&state, body, sizeof(body));
	a_bundle_takes_its_way();
	vanished_files_and_used_ids();
	one_process_at_a_time();
	counters_never_go_back();
	refusals();
	a_dossier_goes_with_its_bundle();
	a_held_object_can_be_read();
	crash_between_dossier_and_bundle();
	a_bundle_without_its_dossier_is_left();
	crash_while_incoming();
	crash_while_released();
	crash_after_ready();
	damaged_files_are_left_out();
	a_full_disk_is_said();
	a_number_is_given_back();
	routes_are_named_anew();
	a_new_epoch_begins();
	a_held_number_ends_with_its_epoch();
	limits();
	key_free(box);
	return done_testing();
}
