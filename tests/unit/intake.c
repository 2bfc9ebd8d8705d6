/* A sender in memory, and what keep makes of its datagrams under all that a link can do to them. */
#include "receiver/intake.h"

#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/erasure.h"
#include "common/io.h"
#include "common/ledgerread.h"
#include "common/text.h"
#include "common/tree.h"
#include "common/verdict.h"
#include "receiver/accept.h"
#include "receiver/diary.h"
#include "receiver/mandate.h"
#include "receiver/partial.h"
#include "receiver/reception.h"
#include "receiver/vault.h"
#include "receiver/vigil.h"
#include "tests/lib/endorse.h"
#include "tests/lib/tap.h"

enum { EPOCH = 0x1122334455667788, SYMBOLS = 11, TRAIN = 44, DATAGRAM = 64 + SYMBOLS * 128 };
#define NOW UINT64_C(1790000000)

struct bundle {
	struct bundle_id id;
	struct entry entry;
	uint8_t *object;
	uint8_t *datagrams; /* DATAGRAM bytes apart */
	size_t *lens;
	size_t count;
};

struct world {
	struct key *root, *box, *person, *recipient, *outside;
	bool seals_to_another; /* than its route has */
	uint8_t *registry_text[3]; /* version 1, 2, … */
	size_t registry_len[3];
	char vault[4096], runtime[4104];
	int vault_fd;
	struct ring *ring;
	struct diary *diary;
	struct lost *lost;
	struct intake *intake;
	uint64_t ms, generation, beat;
	uint64_t random;
	uint64_t clock_s; /* set forward by so much */
	uint64_t push_of; /* what is made brings the push of this number; 0: its own */
};

static char last_event[1024];

static void tell(void *context, int priority, const char *id, const char *text)
{
	(void)context;
	(void)priority;
	snprintf(last_event, sizeof(last_event), "%s %s", id, text);
	if (getenv("VERBOSE") != NULL)
		note("%s", last_event);
}

static const struct teller teller = {tell, NULL};

static void must(bool good, const char *what)
{
	if (!good) {
		note("the test cannot go on: %s", what);
		exit(2);
	}
}

/* The sender */

static size_t add_card(char *text, size_t at, const struct key *key)
{
	char hex[2 * SUITE_KEY_BYTES + 1];
	text_hex(hex, sizeof(hex), key->card.public_key, SUITE_KEY_BYTES);
	return at + (size_t)sprintf(text + at, "[%s %s]\npublic = %s\n",
				    key_kind_name(key->card.kind), key->card.name, hex);
}

static const char *expectation = "";
static const char *roles = "operator officer";

static void make_registry(struct world *w, unsigned int version)
{
	char text[4096];
	size_t at = (size_t)sprintf(text, "[registry]\nformat = 1\nname = test\nversion = %u\n"
				    "issued = 2026-01-01\nexpires = 2030-01-01\n", version);
	at = add_card(text, at, w->person);
	at += (size_t)sprintf(text + at, "roles = %s\n", roles);
	at = add_card(text, at, w->box);
	at = add_card(text, at, w->recipient);
	at += (size_t)sprintf(text + at, "psk = %064d\n[route tax]\nid = 7\nrecipients = agency\n"
			      "operators = wang-mei\nformat = opaque\nrecords = waived\n"
			      "destroy_after_days = 30\npriority = 4\n%s", 1, expectation);
	must(registry_sign(&w->registry_text[version - 1], &w->registry_len[version - 1],
			   (const uint8_t *)text, at, w->root) == 0, "registry_sign");
}

static struct registry *load_registry(const struct world *w, unsigned int version)
{
	char text[512], problem[PROBLEM_BYTES] = "";
	size_t at = add_card(text, 0, w->root);
	at += (size_t)sprintf(text + at, "[roots]\nquorum = 1\n");
	struct roots *roots = NULL;
	struct registry *registry = NULL;
	must(roots_parse(&roots, (const uint8_t *)text, at, problem) == 0, problem);
	int result = registry_parse(&registry, w->registry_text[version - 1],
				    w->registry_len[version - 1], roots, problem);
	if (result != 0)
		note("%s %s", verdict_name(result), problem);
	must(result == 0, "registry_parse");
	roots_free(roots);
	return registry;
}

static void make_object(struct world *w, struct bundle *b, uint64_t version)
{
	struct geometry *g = &b->entry.geometry;
	uint64_t segments = g->object_len / SEGMENT_BYTES - 1;
	struct release release = {
		.route_id = b->id.route_id,
		.epoch = b->id.epoch,
		.number = b->id.number,
		.released_at = NOW,
		.row_len = g->row_len,
		.source_rows = g->source_rows,
		.repair_rows = g->repair_rows,
		.statement = {
			.created = NOW - 1,
			.destroy_by = b->entry.destroy_by,
			.registry_version = version,
			.segments = segments,
			.manifest_segments = 1,
		},
	};
	struct tree tree;
	uint8_t leaf[1][SUITE_DIGEST_BYTES];
	b->object = malloc(g->object_len);
	must(b->object != NULL, "memory");
	test_random_bytes(&w->random, b->object, g->object_len);
	struct head head = {.route = "tax", .count = 1};
	memcpy(head.stanzas[0].key_id, w->recipient->card.id, KEY_ID_BYTES);
	head.stanzas[0].key_id[0] ^= w->seals_to_another ? 1 : 0;
	head_encode(b->object + SEGMENT_BYTES, &head);
	tree_start(&tree);
	for (uint64_t i = 0; i < segments; i++) {
		tree_leaves(leaf, b->object + (i + 1) * SEGMENT_BYTES, 1);
		tree_add(&tree, leaf[0]);
	}
	tree_root(&tree, release.statement.root);
	memcpy(release.statement.push_id, w->push_of != 0 ? &w->push_of : &b->id.number, sizeof(uint64_t));
	strcpy(release.statement.route, "tax");
	strcpy(release.statement.person, "wang-mei");
	strcpy(release.box, "inside-1");
	memcpy(release.statement.person_key, w->person->card.id, KEY_ID_BYTES);
	memcpy(release.box_key, w->box->card.id, KEY_ID_BYTES);
	struct endorsements endorsements;
	endorse_push(&endorsements, &release.statement, w->person->secret);
	must(release_segment_encode(b->object, &release, &endorsements, w->box->secret) == 0, "signing");
	memcpy(b->entry.root, release.statement.root, SUITE_DIGEST_BYTES);
}

static void add_row(struct bundle *b, uint32_t block, uint32_t row, const uint8_t *bytes)
{
	const struct geometry *g = &b->entry.geometry;
	uint32_t sent = row < g->source_rows ? geometry_row_sent(g, block, row)
					     : geometry_row_symbols(g);
	for (uint32_t first = 0; first < sent; first += SYMBOLS) {
		uint32_t count = sent - first < SYMBOLS ? sent - first : SYMBOLS;
		struct datagram d = {
			.type = DATAGRAM_TYPE_DATA,
			.sequence = (NOW << 32) + b->count,
			.id = b->id,
			.geometry = *g,
			.block = (uint16_t)block,
			.row = (uint8_t)row,
			.first_symbol = (uint16_t)first,
			.symbol_count = (uint8_t)count,
		};
		uint8_t *at = b->datagrams + b->count * DATAGRAM;
		datagram_encode_data(at, &d);
		memcpy(at + 64, bytes + (size_t)first * 128, (size_t)count * 128);
		b->lens[b->count++] = 64 + (size_t)count * 128;
	}
}

static void make_datagrams(struct bundle *b)
{
	const struct geometry *g = &b->entry.geometry;
	uint32_t blocks = geometry_block_count(g), k = g->source_rows, r = g->repair_rows;
	size_t rows_len = (size_t)(k + r) * g->row_len;
	size_t per_row = (geometry_row_symbols(g) + SYMBOLS - 1) / SYMBOLS;
	struct erasure *code = erasure_new(k, r);
	uint8_t *rows = calloc(1, rows_len);
	b->datagrams = calloc(blocks * (k + r) * per_row, DATAGRAM);
	b->lens = calloc(blocks * (k + r) * per_row, sizeof(*b->lens));
	must(code != NULL && rows != NULL && b->datagrams != NULL && b->lens != NULL, "memory");
	for (uint32_t block = 0; block < blocks; block++) {
		const uint8_t *source[ROWS_MAX];
		uint8_t *repair[ROWS_MAX];
		uint64_t begin = geometry_row_offset(g, block, 0), left = g->object_len - begin;
		uint64_t block_len = (uint64_t)k * g->row_len;
		memset(rows, 0, rows_len);
		memcpy(rows, b->object + begin, left < block_len ? left : block_len);
		for (uint32_t i = 0; i < k; i++)
			source[i] = rows + (size_t)i * g->row_len;
		for (uint32_t i = 0; i < r; i++)
			repair[i] = rows + (size_t)(k + i) * g->row_len;
		erasure_encode(code, source, 0, r, repair, g->row_len);
		for (uint32_t row = 0; row < k + r; row++)
			add_row(b, block, row, rows + (size_t)row * g->row_len);
	}
	erasure_free(code);
	free(rows);
}

static struct bundle make_bundle_of(struct world *w, uint64_t number, struct geometry g,
				    uint64_t registry_version)
{
	struct bundle b = {.id = {EPOCH, number, 7}};
	b.entry = (struct entry){
		.route_id = 7, .epoch = EPOCH, .number = number, .destroy_by = NOW + 86400, .geometry = g,
	};
	must(geometry_check(&g) == 0, "geometry");
	make_object(w, &b, registry_version);
	make_datagrams(&b);
	return b;
}

static struct bundle make_bundle(struct world *w, uint64_t number, uint64_t segments)
{
	return make_bundle_of(w, number, geometry_choose(segments * SEGMENT_BYTES, 125), 1);
}

static void free_bundle(struct bundle *b)
{
	free(b->object);
	free(b->datagrams);
	free(b->lens);
}

/* The link: a train at a time, and a turn of the clock now and then. */

static void turn(struct world *w, uint64_t ms)
{
	w->ms += ms;
	intake_turn(w->intake, w->ms, NOW + w->clock_s + w->ms / 1000);
}

static void send_control(struct world *w, const uint8_t *message, size_t len)
{
	uint8_t datagram[DATAGRAM];
	must(datagram_encode_control(datagram, sizeof(datagram), EPOCH, NOW << 32, message, len) == 0,
	     "control");
	intake_train(w->intake, datagram, sizeof(datagram), sizeof(datagram));
}

static void send_page(struct world *w, const struct bundle *const *bundles, unsigned int count)
{
	uint8_t message[PAGE_BYTES_MAX];
	size_t len;
	struct page page = {
		.count = (uint16_t)count, .epoch = EPOCH, .generation = ++w->generation,
		.time = NOW, .page = 0, .pages = 1,
	};
	memcpy(page.box_key, w->box->card.id, KEY_ID_BYTES);
	for (unsigned int i = 0; i < count; i++)
		page.entries[i] = bundles[i]->entry;
	must(page_encode(message, &len, &page, w->box->secret) == 0, "page");
	send_control(w, message, len);
}

static void send_heartbeat(struct world *w, uint64_t registry_version)
{
	uint8_t message[HEARTBEAT_BYTES];
	struct heartbeat beat = {
		.bundles = 1, .epoch = EPOCH, .beat = ++w->beat, .time = NOW + w->ms / 1000,
		.generation = w->generation, .pages = 1, .registry_version = registry_version,
	};
	memcpy(beat.box_key, w->box->card.id, KEY_ID_BYTES);
	must(heartbeat_encode(message, &beat, w->box->secret) == 0, "heartbeat");
	send_control(w, message, sizeof(message));
}

/* lost[i] true: it does not come. */
static void send_range(struct world *w, const struct bundle *b, size_t from, size_t to,
		       const bool *lost)
{
	for (size_t i = from; i < to;) {
		size_t n = 0;
		if (lost != NULL && lost[i]) {
			i++;
			continue;
		}
		/* a train: equal lengths, the last may be shorter */
		while (n < TRAIN && i + n < to && b->lens[i + n] == DATAGRAM &&
		       (lost == NULL || !lost[i + n]))
			n++;
		if (n == 0)
			intake_train(w->intake, b->datagrams + i * DATAGRAM, b->lens[i], b->lens[i]);
		else
			intake_train(w->intake, b->datagrams + i * DATAGRAM, n * DATAGRAM, DATAGRAM);
		i += n > 0 ? n : 1;
	}
}

static void send_all(struct world *w, const struct bundle *b, const bool *lost)
{
	send_range(w, b, 0, b->count, lost);
}

static void vault_path(const struct world *w, char out[static 5000], uint64_t number)
{
	snprintf(out, 5000, "%s/bundles/%016llx/tax-%06llu.weir", w->vault,
		 (unsigned long long)EPOCH, (unsigned long long)number);
}

static bool is_delivered(const struct world *w, uint64_t number)
{
	char path[5000];
	vault_path(w, path, number);
	return access(path, F_OK) == 0;
}

static bool is_partial(const struct world *w, const struct bundle *b)
{
	char path[5000], name[VAULT_NAME_BYTES];
	vault_partial_name(name, &b->id);
	snprintf(path, sizeof(path), "%s/partial/%s", w->vault, name);
	return access(path, F_OK) == 0;
}

/* Turns until jobs have ended; workers ring when one has. */
static void settle(struct world *w)
{
	turn(w, 1);
	for (int i = 0; i < 20000 && intake_is_busy(w->intake); i++) {
		ring_wait(w->ring, ring_bell(w->ring), 100);
		turn(w, 1);
	}
	turn(w, 1);
}

static bool file_is(const struct world *w, const struct bundle *b, unsigned int version)
{
	char path[5000];
	uint8_t *bytes = NULL;
	size_t len = 0, object_len = b->entry.geometry.object_len;
	vault_path(w, path, b->id.number);
	if (io_read_file(AT_FDCWD, path, object_len + 100000, &bytes, &len) != 0)
		return false;
	bool good = len == object_len + w->registry_len[version - 1] &&
		    memcmp(bytes, b->object, object_len) == 0 &&
		    memcmp(bytes + object_len, w->registry_text[version - 1], len - object_len) == 0;
	free(bytes);
	return good;
}

static char *status_of(struct world *w)
{
	intake_store(w->intake);
	uint8_t *text;
	size_t len;
	must(io_read_file(w->vault_fd, "status.json", STATUS_BYTES_MAX, &text, &len) == 0, "status");
	char *copy = strdup((const char *)text);
	must(copy != NULL, "memory");
	free(text);
	return copy;
}

static bool status_has(struct world *w, const char *what)
{
	char *text = status_of(w);
	bool found = strstr(text, what) != NULL;
	if (!found)
		note("%s", text);
	free(text);
	return found;
}

/* A box of its own for each test. */

static void start_keep_with(struct world *w, unsigned int version, uint32_t full_percent,
			    const struct teller *teller_of_test)
{
	must(ring_open(&w->ring, w->runtime, RING_BYTES_MIN) == 0, "ring");
	must(diary_open(&w->diary, w->vault, w->outside, NOW) == 0, "diary");
	must(lost_open(&w->lost, w->vault_fd) == 0, "lost");
	int result = intake_open(&w->intake, &(struct intake_options){
		.vault_fd = w->vault_fd,
		.runtime = w->runtime,
		.disk_full_percent = full_percent,
		.registry = load_registry(w, version),
		.tell = teller_of_test,
		.diary = w->diary,
		.lost = w->lost,
		.unfinished_days = 2,
		.box_key = w->outside->card.id,
		.remembered_version = version,
		.ring = w->ring,
	});
	must(result == 0, "intake_open");
}

static void start_keep(struct world *w, unsigned int version)
{
	start_keep_with(w, version, 101, &teller);
	turn(w, 1);
}

/* The catalogue is written by another thread; a test must not depend on how soon. */
static void store_catalogue(struct world *w)
{
	intake_store(w->intake);
}

static void stop_keep(struct world *w)
{
	intake_close(w->intake);
	lost_close(w->lost);
	diary_close(w->diary);
	ring_close(w->ring);
	w->diary = NULL;
	w->intake = NULL;
	w->ring = NULL;
}

static struct world new_world(const char *name)
{
	struct world w = {.vault_fd = -1, .random = test_seed(), .ms = 1};
	for (const char *p = name; *p != 0; p++)
		w.random = w.random * 31 + (uint8_t)*p;
	w.root = key_new(KEY_ROOT, "root-1");
	w.box = key_new(KEY_SENDER, "inside-1");
	w.person = key_new(KEY_PERSON, "wang-mei");
	w.recipient = key_new(KEY_RECIPIENT, "agency");
	w.outside = key_new(KEY_RECEIVER, "outside-1");
	must(w.root != NULL && w.box != NULL && w.person != NULL && w.recipient != NULL && w.outside != NULL,
	     "keys");
	for (unsigned int version = 1; version <= 3; version++)
		make_registry(&w, version);
	snprintf(w.vault, sizeof(w.vault), "%s", test_path(name));
	must(mkdir(w.vault, 0700) == 0, "mkdir");
	snprintf(w.runtime, sizeof(w.runtime), "%s/run", w.vault);
	must(mkdir(w.runtime, 0700) == 0, "mkdir");
	w.vault_fd = io_open_dir(AT_FDCWD, w.vault);
	must(w.vault_fd >= 0, "vault");
	start_keep(&w, 1);
	return w;
}

static void free_world(struct world *w)
{
	stop_keep(w);
	io_close(w->vault_fd);
	for (size_t i = 0; i < 3; i++)
		free(w->registry_text[i]);
	key_free(w->root);
	key_free(w->box);
	key_free(w->person);
	key_free(w->recipient);
	key_free(w->outside);
}

/* The tests */

static void test_whole(void)
{
	struct world w = new_world("whole");
	static const uint64_t sizes[] = {4, 5, 37, 128, 700};
	for (size_t i = 0; i < 5; i++) {
		struct bundle b = make_bundle(&w, i + 1, sizes[i]);
		send_page(&w, (const struct bundle *[]){&b}, 1);
		send_all(&w, &b, NULL);
		settle(&w);
		ok(file_is(&w, &b, 1), "a bundle of %d segments lies in the vault, its registry behind it",
		   (int)sizes[i]);
		ok(!is_partial(&w, &b), "nothing is left of it under partial/");
		free_bundle(&b);
	}
	is_number((int64_t)intake_counters(w.intake)->repaired_symbols, 0, "nothing had to be repaired");
	is_number((int64_t)intake_counters(w.intake)->link_lost, 0, "nothing was lost");
	free_world(&w);
}

static void lose(struct world *w, bool *lost, size_t count, double share)
{
	for (size_t i = 0; i < count; i++)
		lost[i] = (double)(test_random(&w->random) >> 11) / 9007199254740992.0 < share;
}

static void shuffle(struct world *w, struct bundle *b, size_t reach)
{
	uint8_t spare[DATAGRAM];
	for (size_t i = 0; i + 1 < b->count; i++) {
		size_t j = i + test_random(&w->random) % (b->count - i < reach ? b->count - i : reach);
		size_t len = b->lens[i];
		memcpy(spare, b->datagrams + i * DATAGRAM, DATAGRAM);
		memcpy(b->datagrams + i * DATAGRAM, b->datagrams + j * DATAGRAM, DATAGRAM);
		memcpy(b->datagrams + j * DATAGRAM, spare, DATAGRAM);
		b->lens[i] = b->lens[j];
		b->lens[j] = len;
	}
}

static void test_losses(void)
{
	struct world w = new_world("losses");
	for (uint64_t round = 1; round <= 4; round++) {
		struct bundle b = make_bundle(&w, round, 60 * round * round);
		bool *lost = calloc(b.count, 1);
		note("a bundle of %d blocks, %d + %d rows: one pass at 2 %% loss fails with probability "
		     "%.2g", (int)geometry_block_count(&b.entry.geometry), b.entry.geometry.source_rows,
		     b.entry.geometry.repair_rows, geometry_failure(&b.entry.geometry, 0.02, SYMBOLS));
		lose(&w, lost, b.count, 0.02);
		send_page(&w, (const struct bundle *[]){&b}, 1);
		if (round % 2 == 0)
			shuffle(&w, &b, round == 2 ? 50 : b.count);
		send_all(&w, &b, lost);
		settle(&w);
		ok(file_is(&w, &b, 1), "with 2 %% lost%s it is whole",
		   round % 2 == 0 ? " and the rest out of order" : "");
		free(lost);
		free_bundle(&b);
	}
	ok(intake_counters(w.intake)->repaired_symbols > 0, "symbols were repaired");
	free_world(&w);
}

/* Whether the datagram carries one of `count` rows from `first` on, in the order of sending. */
static bool in_rows(const struct bundle *b, size_t i, uint32_t block, uint32_t first, uint32_t count)
{
	struct datagram d;
	must(datagram_decode(&d, b->datagrams + i * DATAGRAM, b->lens[i]) == 0, "decode");
	return d.block == block && d.row >= first && d.row < first + count;
}

static void test_whole_rows(void)
{
	struct world w = new_world("rows");
	struct geometry g = {.object_len = 24 * SEGMENT_BYTES, .row_len = 4096, .source_rows = 20,
			     .repair_rows = 3};
	uint64_t number = 0;
	for (uint32_t first = 0; first + 3 <= 23; first += 5) {
		struct bundle b = make_bundle_of(&w, ++number, g, 1);
		bool *lost = calloc(b.count, 1);
		for (size_t i = 0; i < b.count; i++)
			lost[i] = in_rows(&b, i, 2, first, 3);
		send_page(&w, (const struct bundle *[]){&b}, 1);
		send_all(&w, &b, lost);
		settle(&w);
		ok(file_is(&w, &b, 1), "r whole rows lost from row %u on are repaired", first);
		free(lost);
		free_bundle(&b);
	}
	struct bundle b = make_bundle_of(&w, 90, g, 1);
	bool *lost = calloc(b.count, 1);
	for (size_t i = 0; i < b.count; i++)
		lost[i] = in_rows(&b, i, 2, 7, 4);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_all(&w, &b, lost);
	settle(&w);
	ok(!is_delivered(&w, 90), "with one row more nothing is delivered");
	ok(is_partial(&w, &b), "what has come is kept");
	ok(status_has(&w, "\"name\":\"tax-000090\",\"epoch\":\"1122334455667788\",\"state\":"
			  "\"receiving\",\"verdict\":\"\",\"route_id\":7,\"number\":90,"
			  "\"object_bytes\":393216,\"held_bytes\":389120,"
			  "\"missing_bytes\":4096"),
	   "the status says that one row is missing");
	for (size_t i = 0; i < b.count; i++)
		lost[i] = !in_rows(&b, i, 2, 9, 1);
	send_all(&w, &b, lost);
	settle(&w);
	ok(file_is(&w, &b, 1), "any one of the lost rows, sent again, completes it");
	free(lost);
	free_bundle(&b);
	free_world(&w);
}

static void test_pending(void)
{
	struct world w = new_world("pending");
	struct bundle b = make_bundle(&w, 1, 50), c = make_bundle(&w, 2, 50);
	send_all(&w, &b, NULL);
	send_all(&w, &c, NULL);
	settle(&w);
	ok(!is_partial(&w, &b) && !is_delivered(&w, 1), "a bundle that nobody named leaves no state");
	is_number((int64_t)intake_counters(w.intake)->unknown, (int64_t)(b.count + c.count),
		  "its datagrams are counted");
	send_page(&w, (const struct bundle *[]){&b}, 1);
	settle(&w);
	ok(file_is(&w, &b, 1), "once it is named, what waited completes it");
	ok(!is_partial(&w, &c) && !is_delivered(&w, 2), "another one goes on waiting");
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	settle(&w);
	ok(file_is(&w, &c, 1), "until it is named, too");
	free_bundle(&b);
	free_bundle(&c);
	free_world(&w);
}

static void test_disorder(void)
{
	struct world w = new_world("disorder");
	struct bundle big = make_bundle(&w, 1, 900), small = make_bundle(&w, 2, 5);
	send_page(&w, (const struct bundle *[]){&big, &small}, 2);
	send_range(&w, &big, 0, big.count / 2, NULL);
	send_range(&w, &big, 0, big.count / 4, NULL);
	is_number((int64_t)intake_counters(w.intake)->duplicate, (int64_t)(big.count / 4),
		  "duplicates are counted and change nothing");
	send_all(&w, &small, NULL);
	settle(&w);
	ok(file_is(&w, &small, 1), "a small bundle does not wait for a big one");
	ok(!is_delivered(&w, 1), "the big one is not there before it is whole");
	send_range(&w, &big, big.count / 2, big.count, NULL);
	settle(&w);
	ok(file_is(&w, &big, 1), "the big one comes through");
	uint64_t late = intake_counters(w.intake)->late;
	send_all(&w, &big, NULL);
	settle(&w);
	ok(intake_counters(w.intake)->late == late + big.count && !is_partial(&w, &big),
	   "what was delivered makes no state again");
	free_bundle(&big);
	free_bundle(&small);
	free_world(&w);
}

/* Damaged datagrams: catch takes the type away; whatever else comes must not matter either. */
static void test_damage(void)
{
	struct world w = new_world("damage");
	struct bundle b = make_bundle(&w, 1, 80);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	for (size_t i = 0; i < b.count; i += 60) {
		uint8_t copy[DATAGRAM];
		memcpy(copy, b.datagrams + i * DATAGRAM, b.lens[i]);
		copy[100] ^= 1;
		copy[17] = 0;
		intake_train(w.intake, copy, b.lens[i], b.lens[i]);
	}
	for (int i = 0; i < 20000; i++) {
		uint8_t noise[200];
		size_t len = test_random(&w.random) % sizeof(noise);
		test_random_bytes(&w.random, noise, sizeof(noise));
		if (i % 2 == 0)
			memcpy(noise, b.datagrams, 64);
		noise[test_random(&w.random) % 64] ^= (uint8_t)test_random(&w.random);
		intake_train(w.intake, noise, len, 1 + test_random(&w.random) % 200);
	}
	for (size_t len = 0; len < b.lens[0]; len++)
		intake_train(w.intake, b.datagrams, len, DATAGRAM);
	ok(intake_counters(w.intake)->malformed > 0, "malformed datagrams are counted");
	/* with the noise above a good header may have come with foreign symbols: so a fresh bundle */
	struct bundle c = make_bundle(&w, 2, 80);
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	for (size_t i = 0; i < c.count; i += 60) {
		uint8_t copy[DATAGRAM];
		memcpy(copy, c.datagrams + i * DATAGRAM, c.lens[i]);
		copy[100] ^= 1;
		copy[17] = 0;
		intake_train(w.intake, copy, c.lens[i], c.lens[i]);
	}
	send_all(&w, &c, NULL);
	settle(&w);
	ok(file_is(&w, &c, 1), "datagrams with wrong tags leave no trace in the object");
	free_bundle(&b);
	free_bundle(&c);
	free_world(&w);
}

static void remove_maps(const struct world *w)
{
	char command[5000];
	snprintf(command, sizeof(command), "rm -rf '%s/maps'", w->runtime);
	must(system(command) == 0, "rm");
}

static void test_restart(void)
{
	struct world w = new_world("restart");
	struct bundle b = make_bundle(&w, 1, 400);
	size_t third = b.count / 3;
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_range(&w, &b, 0, third, NULL);
	intake_store(w.intake);
	stop_keep(&w);
	start_keep(&w, 1);
	ok(status_has(&w, "\"state\":\"receiving\""), "a restarted keep takes up what has come");
	stop_keep(&w);
	/* killed: nothing is stored in order, but the map in the runtime directory is there */
	pid_t child = fork();
	if (child == 0) {
		start_keep(&w, 1); /* threads do not cross a fork: one of its own */
		send_range(&w, &b, third, 2 * third, NULL);
		_exit(0);
	}
	int status;
	must(waitpid(child, &status, 0) == child && status == 0, "child");
	start_keep(&w, 1);
	send_range(&w, &b, 2 * third, b.count, NULL);
	settle(&w);
	ok(file_is(&w, &b, 1), "keep was stopped once and killed once, and nothing was lost");
	is_number((int64_t)intake_counters(w.intake)->repaired_symbols, 0,
		  "not even what had come in the last moment");
	stop_keep(&w);
	start_keep(&w, 1);
	send_all(&w, &b, NULL);
	settle(&w);
	ok(intake_counters(w.intake)->late >= b.count && !is_partial(&w, &b),
	   "after a restart, too, what was delivered makes no state");
	free_bundle(&b);
	free_world(&w);
}

static void test_power_cut(void)
{
	struct world w = new_world("power");
	struct bundle b = make_bundle(&w, 1, 400), c = make_bundle(&w, 2, 400);
	size_t half = b.count / 2;
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	send_range(&w, &b, 0, half, NULL);
	intake_store(w.intake);
	send_range(&w, &b, half, b.count - 200, NULL);
	send_range(&w, &c, 0, half, NULL); /* its map was never stored: no second has passed */
	stop_keep(&w);
	remove_maps(&w);
	start_keep(&w, 1);
	char *status = status_of(&w);
	const char *one = strstr(status, "tax-000001"), *two = strstr(status, "tax-000002");
	ok(one != NULL && strstr(one, "\"held_bytes\":0,") != strstr(one, "\"held_bytes\""),
	   "after a power cut the stored map holds");
	ok(two != NULL && strstr(two, "\"held_bytes\":0,") == strstr(two, "\"held_bytes\""),
	   "and claims nothing that was not synchronised");
	free(status);
	send_range(&w, &b, half, b.count, NULL);
	send_all(&w, &c, NULL);
	settle(&w);
	ok(file_is(&w, &b, 1) && file_is(&w, &c, 1), "the rest, sent again, completes both");
	free_bundle(&b);
	free_bundle(&c);
	free_world(&w);
}

static void test_repair_after_restart(void)
{
	struct world w = new_world("again");
	struct bundle b = make_bundle(&w, 1, 100);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	store_catalogue(&w);
	/* complete, but stopped before anything was done about it: jobs not begun are dropped */
	send_all(&w, &b, NULL);
	stop_keep(&w);
	start_keep(&w, 1);
	settle(&w);
	ok(file_is(&w, &b, 1), "a bundle that was whole when keep stopped is delivered by the next");
	free_bundle(&b);
	free_world(&w);
}

static void expect_refusal(struct world *w, struct bundle *b, const char *verdict, const char *what)
{
	char path[5000], name[VAULT_NAME_BYTES], line[64];
	free(b->datagrams);
	free(b->lens);
	b->count = 0;
	make_datagrams(b);
	send_page(w, (const struct bundle *[]){b}, 1);
	send_all(w, b, NULL);
	settle(w);
	vault_partial_name(name, &b->id);
	snprintf(path, sizeof(path), "%s/refused/%s", w->vault, name);
	snprintf(line, sizeof(line), "%s\n", verdict);
	uint8_t *text = NULL;
	size_t len = 0;
	bool there = io_read_file(AT_FDCWD, path, 100, &text, &len) == 0;
	is_text(there ? (const char *)text : "", line, "%s is refused", what);
	ok(!is_delivered(w, b->id.number) && !is_partial(w, b), "and nothing of it is there");
	free(text);
}

static void test_refusals(void)
{
	struct world w = new_world("refusals");
	struct bundle b = make_bundle(&w, 1, 30);
	b.object[20 * SEGMENT_BYTES] ^= 1;
	expect_refusal(&w, &b, "bad-root", "a body that differs in one bit");
	send_all(&w, &b, NULL);
	settle(&w);
	ok(!is_partial(&w, &b), "what was refused makes no state again");
	ok(status_has(&w, "\"state\":\"refused\",\"verdict\":\"bad-root\""), "the status says why");
	char path[VAULT_NAME_BYTES + 16], name[VAULT_NAME_BYTES];
	vault_partial_name(name, &b.id);
	snprintf(path, sizeof(path), "refused/%s", name);
	must(unlinkat(w.vault_fd, path, 0) == 0, "unlink");
	turn(&w, 60000);
	send_range(&w, &b, 0, 50, NULL);
	ok(is_partial(&w, &b), "once its verdict is removed, it is received again");
	free_bundle(&b);

	b = make_bundle(&w, 2, 30);
	b.object[SEGMENT_BYTES - 9] ^= 1;
	expect_refusal(&w, &b, "bad-signature", "a release that its box did not sign");
	free_bundle(&b);

	b = make_bundle(&w, 3, 30);
	b.object[600] = 1;
	expect_refusal(&w, &b, "bad-reserved", "a release segment with something behind the release");
	free_bundle(&b);

	b = make_bundle(&w, 4, 30);
	b.entry.root[0] ^= 1;
	expect_refusal(&w, &b, "bad-root", "a bundle with another root than the catalogue's");
	free_bundle(&b);

	b = make_bundle(&w, 5, 30);
	b.entry.destroy_by++;
	expect_refusal(&w, &b, "bad-time", "a bundle with another time than the catalogue's");
	free_bundle(&b);

	b = make_bundle(&w, 6, 30);
	b.id.number = b.entry.number = 7;
	expect_refusal(&w, &b, "wrong-route", "a bundle that says it is another one");
	free_bundle(&b);

	b = make_bundle(&w, 8, 30);
	b.entry.geometry.repair_rows++;
	expect_refusal(&w, &b, "bad-geometry", "a release with another geometry");
	free_bundle(&b);

	w.seals_to_another = true;
	b = make_bundle(&w, 9, 30);
	w.seals_to_another = false;
	expect_refusal(&w, &b, "wrong-recipient", "a bundle that is sealed to nobody of its route");
	free_bundle(&b);
	is_number((int64_t)intake_counters(w.intake)->refused, 8, "refusals are counted");
	free_world(&w);
}

static void test_registry(void)
{
	struct world w = new_world("registry");
	struct bundle b = make_bundle_of(&w, 1, geometry_choose(30 * SEGMENT_BYTES, 125), 3);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_heartbeat(&w, 3);
	send_all(&w, &b, NULL);
	settle(&w);
	ok(!is_delivered(&w, 1) && is_partial(&w, &b), "a bundle under a newer registry waits");
	ok(status_has(&w, "\"state\":\"waiting-for-registry\""), "the status says so");
	ok(status_has(&w, "\"wanted_registry\":3"), "and for which it waits");
	intake_set_registry(w.intake, load_registry(&w, 2));
	settle(&w);
	ok(!is_delivered(&w, 1), "one that is still older does not help");
	store_catalogue(&w);
	stop_keep(&w);
	start_keep(&w, 2);
	settle(&w);
	ok(!is_delivered(&w, 1) && is_partial(&w, &b), "a restart does not lose it");
	intake_set_registry(w.intake, load_registry(&w, 3));
	settle(&w);
	ok(file_is(&w, &b, 3), "with its registry it is delivered");
	free_bundle(&b);
	free_world(&w);
}

static void test_newer_sender(void)
{
	struct world w = new_world("newer");
	struct bundle b = make_bundle(&w, 1, 30);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	uint8_t newer[DATAGRAM];
	memcpy(newer, b.datagrams, b.lens[0]);
	newer[16] = 2; /* LINK.md 1: version */
	intake_train(w.intake, newer, b.lens[0], DATAGRAM);
	is_number((int64_t)intake_counters(w.intake)->malformed, 1, "a datagram of the next version is not taken");
	ok(strncmp(last_event, "E2041", 5) == 0 && strstr(last_event, "upgrade Weir here [unknown-version]") != NULL,
	   "and it is said what to do: '%s'", last_event);
	send_all(&w, &b, NULL);
	settle(&w);
	ok(file_is(&w, &b, 1), "those of this version are taken as before");
	free_bundle(&b);
	free_world(&w);
}

static void test_strangers(void)
{
	struct world w = new_world("strangers");
	struct bundle b = make_bundle(&w, 1, 30);
	struct key *box = w.box, *stranger = key_new(KEY_SENDER, "inside-1");
	w.box = stranger;
	send_page(&w, (const struct bundle *[]){&b}, 1);
	is_number((int64_t)intake_counters(w.intake)->refused_messages, 1,
		  "a page of a box that is not in the registry is refused");
	ok(strncmp(last_event, "E2041", 5) == 0 && strstr(last_event, "unknown-key") != NULL,
	   "and that is said");
	memcpy(stranger->card.id, box->card.id, KEY_ID_BYTES);
	turn(&w, 11000); /* refusals are told of every ten seconds */
	send_page(&w, (const struct bundle *[]){&b}, 1);
	ok(strstr(last_event, "bad-signature") != NULL, "so is one that its box did not sign");
	send_all(&w, &b, NULL);
	settle(&w);
	ok(!is_delivered(&w, 1) && intake_known(w.intake).epoch == 0, "it names nothing");
	w.box = box;
	send_page(&w, (const struct bundle *[]){&b}, 1);
	settle(&w);
	ok(file_is(&w, &b, 1), "a page of the right box names it");
	key_free(stranger);
	free_bundle(&b);
	free_world(&w);
}

static void test_dropped(void)
{
	struct world w = new_world("dropped");
	struct bundle b = make_bundle(&w, 1, 300), c = make_bundle(&w, 2, 300);
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	send_heartbeat(&w, 1);
	send_range(&w, &b, 0, b.count / 2, NULL);
	send_range(&w, &c, 0, c.count / 2, NULL);
	settle(&w);
	ok(is_partial(&w, &b) && is_partial(&w, &c), "two bundles are arriving");
	send_page(&w, (const struct bundle *[]){&c}, 1);
	settle(&w);
	settle(&w);
	ok(!is_partial(&w, &b), "one that is no longer named is removed");
	ok(is_partial(&w, &c), "the other stays");
	ok(strncmp(last_event, "E2014", 5) == 0, "and that is said");
	send_range(&w, &c, c.count / 2, c.count, NULL);
	settle(&w);
	ok(file_is(&w, &c, 1), "and comes through");
	/* an orphan: of a bundle that was dropped while keep was not there */
	struct bundle d = make_bundle(&w, 3, 300);
	send_page(&w, (const struct bundle *[]){&d}, 1);
	send_range(&w, &d, 0, d.count / 2, NULL);
	settle(&w);
	store_catalogue(&w);
	stop_keep(&w);
	must(unlinkat(w.vault_fd, "catalogue", 0) == 0, "catalogue");
	start_keep(&w, 1);
	ok(is_partial(&w, &d), "without a catalogue nothing is removed");
	send_page(&w, (const struct bundle *[]){&c}, 1);
	settle(&w);
	ok(is_partial(&w, &d), "nor before a heartbeat says that it is the newest");
	send_heartbeat(&w, 1);
	settle(&w);
	ok(!is_partial(&w, &d), "with one, what nobody names is");
	free_bundle(&b);
	free_bundle(&c);
	free_bundle(&d);
	free_world(&w);
}

/* Pages of one generation, one at a time. */
static void send_one_page(struct world *w, uint64_t generation, uint32_t number, uint32_t pages,
			  const struct entry *entries, unsigned int count)
{
	uint8_t message[PAGE_BYTES_MAX];
	size_t len;
	struct page page = {
		.count = (uint16_t)count, .epoch = EPOCH, .generation = generation,
		.time = NOW, .page = number, .pages = pages,
	};
	memcpy(page.box_key, w->box->card.id, KEY_ID_BYTES);
	for (unsigned int i = 0; i < count; i++)
		page.entries[i] = entries[i];
	must(page_encode(message, &len, &page, w->box->secret) == 0, "page");
	send_control(w, message, len);
}

static void keep_restarts_between_two_pages(void)
{
	struct world w = new_world("between-pages");
	struct bundle a = make_bundle(&w, 1, 30), b = make_bundle(&w, 2, 300);
	struct bundle c = make_bundle_of(&w, 3, geometry_choose(30 * SEGMENT_BYTES, 125), 2);
	send_one_page(&w, 1, 0, 1, &a.entry, 1);
	w.generation = 1;
	send_heartbeat(&w, 1);
	settle(&w);
	store_catalogue(&w);
	/* page 1 of 2 is still on its way */
	send_one_page(&w, 2, 0, 2, (const struct entry[]){b.entry, c.entry}, 2);
	send_range(&w, &b, 0, b.count * 7 / 10, NULL);
	send_all(&w, &c, NULL);
	settle(&w);
	intake_store(w.intake);
	stop_keep(&w);
	start_keep(&w, 1);
	settle(&w);
	ok(is_partial(&w, &b), "what only a newer, incomplete generation names outlives a restart");
	ok(is_partial(&w, &c), "so does what is whole and waits for a registry");
	send_one_page(&w, 2, 0, 2, (const struct entry[]){b.entry, c.entry}, 2);
	send_range(&w, &b, b.count * 7 / 10, b.count, NULL);
	settle(&w);
	ok(file_is(&w, &b, 1), "and is delivered when the rest has come");
	intake_set_registry(w.intake, load_registry(&w, 2));
	settle(&w);
	ok(is_delivered(&w, 3), "or its registry");
	free_bundle(&a);
	free_bundle(&b);
	free_bundle(&c);
	free_world(&w);
}

static void registry_comes_during_a_judgement(void)
{
	struct world w = new_world("sighup");
	struct bundle b = make_bundle_of(&w, 1, geometry_choose(30 * SEGMENT_BYTES, 125), 3);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_heartbeat(&w, 3);
	/* the judgement is begun at once, and its end is taken at the next turn */
	send_all(&w, &b, NULL);
	intake_set_registry(w.intake, load_registry(&w, 3));
	settle(&w);
	settle(&w);
	ok(is_delivered(&w, 1), "a registry that is loaded during a judgement counts for it");
	free_bundle(&b);
	free_world(&w);
}

/* Sealed under a registry whose keys have expired, released under a newer one that we do not have yet. */
static void restart_before_a_newer_registry(void)
{
	struct world w = new_world("newer-registry");
	char text[4096];
	free(w.registry_text[0]);
	size_t at = (size_t)sprintf(text, "[registry]\nformat = 1\nname = test\nversion = 1\n"
				    "issued = 2026-01-01\nexpires = 2030-01-01\n");
	at = add_card(text, at, w.person);
	at += (size_t)sprintf(text + at, "roles = operator\nexpires = 2026-09-20\n");
	at = add_card(text, at, w.box);
	at = add_card(text, at, w.recipient);
	at += (size_t)sprintf(text + at, "psk = %064d\n[route tax]\nid = 7\nrecipients = agency\n"
			      "operators = wang-mei\nformat = opaque\nrecords = waived\n"
			      "destroy_after_days = 30\npriority = 4\n", 1);
	must(registry_sign(&w.registry_text[0], &w.registry_len[0], (const uint8_t *)text, at,
			   w.root) == 0, "registry_sign");
	stop_keep(&w);
	start_keep(&w, 1);
	struct bundle b = make_bundle(&w, 1, 30);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_heartbeat(&w, 2);
	send_all(&w, &b, NULL);
	settle(&w);
	store_catalogue(&w);
	ok(is_partial(&w, &b), "a verdict that a newer registry may change is not given");
	intake_store(w.intake);
	stop_keep(&w);
	start_keep(&w, 1);
	settle(&w);
	ok(is_partial(&w, &b), "nor after a restart, before the sender has been heard");
	send_heartbeat(&w, 2);
	intake_set_registry(w.intake, load_registry(&w, 2));
	for (int i = 0; i < 3; i++) {
		turn(&w, 10000);
		settle(&w);
	}
	ok(is_delivered(&w, 1), "with the newer registry it is delivered");
	free_bundle(&b);
	free_world(&w);
}

static void place_cannot_be_had(void)
{
	struct world w = new_world("no-place");
	struct bundle b = make_bundle(&w, 1, 30);
	int fd = openat(w.vault_fd, "bundles/1122334455667788", O_CREAT | O_WRONLY, 0600);
	must(fd >= 0 && close(fd) == 0, "a file where the folder of the epoch should be");
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_all(&w, &b, NULL);
	settle(&w);
	ok(is_partial(&w, &b), "a whole bundle that cannot be put into the vault stays");
	ok(strncmp(last_event, "E2018", 5) == 0, "and that is said");
	must(unlinkat(w.vault_fd, "bundles/1122334455667788", 0) == 0, "cure");
	turn(&w, RECEPTION_RETRY_MS + 1000);
	settle(&w);
	ok(file_is(&w, &b, 1), "it is delivered once the cause is gone");
	free_bundle(&b);
	free_world(&w);
}

static void files_are_removed_by_somebody(void)
{
	struct world w = new_world("removed");
	/* whole, and waiting for its registry */
	struct bundle b = make_bundle_of(&w, 1, geometry_choose(30 * SEGMENT_BYTES, 125), 2);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_heartbeat(&w, 2);
	send_all(&w, &b, NULL);
	settle(&w);
	must(is_partial(&w, &b), "it waits");
	char command[5000], name[VAULT_NAME_BYTES];
	vault_partial_name(name, &b.id);
	snprintf(command, sizeof(command), "rm -r '%s/partial/%s'", w.vault, name);
	must(system(command) == 0, "rm");
	intake_set_registry(w.intake, load_registry(&w, 2));
	settle(&w);
	ok(strncmp(last_event, "E2013", 5) == 0, "a bundle whose files were removed begins again");
	turn(&w, RECEPTION_RETRY_MS + 1000);
	send_all(&w, &b, NULL);
	settle(&w);
	ok(is_delivered(&w, 1), "and is delivered when it is sent again");
	free_bundle(&b);
	free_world(&w);
}

static void idle_ones_make_room(void)
{
	struct world w = new_world("room");
	enum { PAGES = 65 };
	struct bundle small = make_bundle(&w, 1, 3), good = make_bundle(&w, PAGES * PAGE_ENTRIES_MAX, 30);
	for (uint32_t i = 0; i < PAGES; i++) {
		struct entry entries[PAGE_ENTRIES_MAX];
		for (unsigned int j = 0; j < PAGE_ENTRIES_MAX; j++) {
			entries[j] = small.entry;
			entries[j].number = i * PAGE_ENTRIES_MAX + j + 1;
			if (entries[j].number == good.id.number)
				entries[j] = good.entry;
		}
		send_one_page(&w, 1, i, PAGES, entries, PAGE_ENTRIES_MAX);
	}
	w.generation = 1;
	send_heartbeat(&w, 1);
	struct datagram d;
	must(datagram_decode(&d, small.datagrams, small.lens[0]) == 0, "datagram");
	for (uint64_t number = 1; number <= RECEPTION_BUNDLES_MAX; number++) {
		uint8_t copy[DATAGRAM];
		memcpy(copy, small.datagrams, small.lens[0]);
		d.id.number = number;
		datagram_encode_data(copy, &d);
		memcpy(copy + 64, small.datagrams + 64, small.lens[0] - 64);
		intake_train(w.intake, copy, small.lens[0], small.lens[0]);
	}
	send_all(&w, &good, NULL);
	settle(&w);
	ok(!is_delivered(&w, good.id.number), "as many bundles arrive as there may");
	turn(&w, RECEPTION_IDLE_S * 1000 + 1000);
	intake_store(w.intake);
	for (int i = 0; i < 3; i++) {
		send_all(&w, &good, NULL);
		turn(&w, RECEPTION_STORE_MS + 1);
		intake_store(w.intake); /* the maps of all of them */
		settle(&w);
	}
	ok(is_delivered(&w, good.id.number), "one of which nothing comes any more makes room for another");
	free_bundle(&small);
	free_bundle(&good);
	free_world(&w);
}

static unsigned int event_count;

static void count_event(void *context, int priority, const char *id, const char *text)
{
	event_count++;
	tell(context, priority, id, text);
}

static void replayed_heartbeats_are_quiet(void)
{
	struct world w = new_world("replay");
	stop_keep(&w);
	static const struct teller counting = {count_event, NULL};
	start_keep_with(&w, 1, 101, &counting);
	uint8_t datagrams[2][DATAGRAM];
	for (unsigned int i = 0; i < 2; i++) {
		uint8_t message[HEARTBEAT_BYTES];
		struct heartbeat beat = {.bundles = 1, .epoch = EPOCH, .beat = 10 + i, .time = NOW,
					 .pages = 1, .registry_version = 1};
		memcpy(beat.box_key, w.box->card.id, KEY_ID_BYTES);
		must(heartbeat_encode(message, &beat, w.box->secret) == 0 &&
		     datagram_encode_control(datagrams[i], DATAGRAM, EPOCH, 1, message,
					     sizeof(message)) == 0, "heartbeat");
	}
	turn(&w, 1000);
	for (unsigned int i = 0; i < 10000; i++)
		intake_train(w.intake, datagrams[i % 2 == 0], DATAGRAM, DATAGRAM);
	ok(event_count > 0 && event_count < 5, "10,000 heartbeats that are replayed make %u events",
	   event_count);
	free_world(&w);
}

static void test_blocks(void)
{
	struct world w = new_world("blocks");
	struct geometry g = {.object_len = 200 * SEGMENT_BYTES, .row_len = 8192, .source_rows = 30,
			     .repair_rows = 9};
	struct bundle b = make_bundle_of(&w, 1, g, 1);
	bool *lost = calloc(b.count, 1);
	must(geometry_block_count(&g) == 14, "fourteen blocks");
	note("a block loses more than 9 of 39 rows somewhere with probability %.2g",
	     geometry_failure(&g, 0.02, SYMBOLS));
	lose(&w, lost, b.count, 0.02);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	shuffle(&w, &b, b.count);
	send_all(&w, &b, lost);
	settle(&w);
	ok(file_is(&w, &b, 1), "fourteen blocks, all mixed up, come together");
	free(lost);
	free_bundle(&b);
	free_world(&w);
}

static void test_full_disk(void)
{
	struct world w = new_world("full");
	struct bundle b = make_bundle(&w, 1, 30);
	stop_keep(&w);
	start_keep_with(&w, 1, 1, &teller);
	turn(&w, 1000);
	ok(strncmp(last_event, "E2020", 5) == 0, "a full disk is said");
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_all(&w, &b, NULL);
	settle(&w);
	ok(!is_partial(&w, &b) && !is_delivered(&w, 1), "nothing is begun on a full disk");
	is_number((int64_t)intake_counters(w.intake)->no_room, (int64_t)b.count, "that is counted");
	store_catalogue(&w);
	stop_keep(&w);
	start_keep(&w, 1);
	turn(&w, 2000);
	send_all(&w, &b, NULL);
	settle(&w);
	ok(file_is(&w, &b, 1), "when there is room, it is received");
	free_bundle(&b);
	free_world(&w);
}

/* Its maps would take more than all bundles together may: 140 GB for 64 TiB. */
static void test_too_large(void)
{
	struct world w = new_world("too-large");
	const uint64_t gib = UINT64_C(1) << 30;
	const struct geometry largest = geometry_choose((uint64_t)UINT32_MAX * SEGMENT_BYTES, 125),
			      taken = geometry_choose(240 * gib, 125), refused = geometry_choose(256 * gib, 125);
	struct bundle b = {.id = {EPOCH, 1, 7}};
	b.entry = (struct entry){.route_id = 7, .epoch = EPOCH, .number = 1, .destroy_by = NOW + 86400, .geometry = largest};
	uint8_t datagram[DATAGRAM] = {0};
	struct datagram d = {.type = DATAGRAM_TYPE_DATA, .id = b.id, .geometry = largest, .symbol_count = SYMBOLS};
	datagram_encode_data(datagram, &d);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	intake_train(w.intake, datagram, sizeof(datagram), sizeof(datagram));
	settle(&w);
	ok(!is_partial(&w, &b) && strncmp(last_event, "E2015", 5) == 0 && strstr(last_event, "push it in parts") != NULL,
	   "the largest bundle that there can be is not begun, and that is said");
	is_number((int64_t)intake_counters(w.intake)->no_room, 1, "and its datagrams are counted");
	ok(partial_memory(&taken) <= RECEPTION_MEMORY_MAX && partial_memory(&refused) > RECEPTION_MEMORY_MAX,
	   "one of 240 GiB is within the bound whatever it lacks, and one of 256 GiB is not");
	free_world(&w);
}

/* Room for the maps of five blocks, of fourteen that all want theirs at once.  77: nothing can be mounted here. */
static int receive_with_little_memory(struct world *w, struct bundle *b)
{
	char maps[5000];
	snprintf(maps, sizeof(maps), "%s/maps", w->runtime);
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", maps, "tmpfs", 0, "size=24k") < 0)
		return 77;
	start_keep(w, 1);
	send_page(w, (const struct bundle *[]){b}, 1);
	shuffle(w, b, b->count);
	send_all(w, b, NULL);
	settle(w);
	if (is_delivered(w, 1) || !is_partial(w, b) || intake_counters(w->intake)->no_room == 0 ||
	    strncmp(last_event, "E2017 ", 6) != 0)
		return 1;
	/* what had room is complete, or becomes so, and makes room */
	for (int i = 0; i < 3 && !is_delivered(w, 1); i++) {
		shuffle(w, b, b->count);
		send_all(w, b, NULL);
		settle(w);
	}
	int result = file_is(w, b, 1) ? 0 : 2;
	stop_keep(w);
	return result;
}

static void test_full_runtime(void)
{
	struct world w = new_world("full-runtime");
	const struct geometry g = {.object_len = 200 * SEGMENT_BYTES, .row_len = 8192, .source_rows = 30,
				   .repair_rows = 9};
	struct bundle b = make_bundle_of(&w, 1, g, 1);
	static const char *const what = "blocks for whose maps there is no memory begin when others are complete";
	stop_keep(&w);
	int status = 0;
	pid_t child = fork();
	if (child == 0)
		_exit(receive_with_little_memory(&w, &b));
	must(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status), "it ends by itself");
	if (WEXITSTATUS(status) == 77)
		skip("no file system can be mounted here", what);
	else
		is_number(WEXITSTATUS(status), 0, "%s", what);
	start_keep(&w, 1);
	free_bundle(&b);
	free_world(&w);
}

/* The ledger: events in their order, with a blank behind each; and how many lines hold a text. */

struct told {
	char events[8192];
	const char *what;
	unsigned int count;
};

static int take_line(void *context, const struct ledger_record *record)
{
	struct told *told = context;
	struct ledger_line line;
	must(record->piece == LEDGER_LINE && ledger_line_parse(&line, record->text, record->len) == 0,
	     "the ledger is sound");
	told->count += told->what != NULL && memmem(record->text, record->len, told->what,
						    strlen(told->what)) != NULL;
	if (ledger_line_is(&line, "checkpoint"))
		return 0;
	size_t at = strlen(told->events);
	must(at + line.event_len + 2 < sizeof(told->events), "room");
	memcpy(told->events + at, line.event, line.event_len);
	memcpy(told->events + at + line.event_len, " ", 2);
	return 0;
}

static struct told ledger_of(const struct world *w, const char *what)
{
	struct told told = {.what = what};
	int dir = io_open_dir(w->vault_fd, "ledger");
	must(dir >= 0 && ledger_read(dir, &(struct ledger_reading){.take = take_line, .context = &told}) == 0,
	     "the ledger is read");
	io_close(dir);
	return told;
}

/*
 * The rename was done, could not be made durable, and could not be undone either: the bundle is in its place, and
 * nothing was written of it.  Moved there from another vault of the same world it looks the same.
 */
static void what_lies_in_its_place_is_entered(void)
{
	struct world w = new_world("in-place");
	struct bundle b = make_bundle(&w, 1, 30), other = make_bundle(&w, 2, 30);
	char path[5000], aside[5000], wipe[10100], root[100] = "\"root\":\"";
	text_hex(root + 8, sizeof(root) - 8, b.entry.root, SUITE_DIGEST_BYTES);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_all(&w, &b, NULL);
	settle(&w);
	vault_path(&w, path, 1);
	stop_keep(&w);
	snprintf(aside, sizeof(aside), "%s/../in-place.weir", w.vault);
	must(rename(path, aside) == 0, "a bundle is put aside");
	/* a ledger and annals that have heard of another bundle alone */
	snprintf(wipe, sizeof(wipe), "find '%s' -mindepth 1 -maxdepth 1 ! -name run -exec rm -r {} +", w.vault);
	must(system(wipe) == 0, "what was written of it goes");
	start_keep(&w, 1);
	send_page(&w, (const struct bundle *[]){&other}, 1);
	send_all(&w, &other, NULL);
	settle(&w);
	ok(is_delivered(&w, 2) && ledger_of(&w, root).count == 0, "a vault knows nothing of a bundle");
	stop_keep(&w);
	must(rename(aside, path) == 0, "the bundle comes to lie in its place");
	start_keep(&w, 1);
	turn(&w, 1);
	struct told told = ledger_of(&w, root);
	ok(told.count == 1 && strcmp(told.events, "named verified delivered stop delivered ") == 0,
	   "what lies in its place, and nothing was written of, is entered at the start");
	stop_keep(&w);
	start_keep(&w, 1);
	turn(&w, 1);
	is_number(ledger_of(&w, root).count, 1, "once");
	free_bundle(&b);
	free_bundle(&other);
	free_world(&w);
}

static void a_delivery_is_entered(void)
{
	struct world w = new_world("entered");
	struct bundle b = make_bundle(&w, 1, 30);
	char root[100] = "\"root\":\"";
	text_hex(root + 8, sizeof(root) - 8, b.entry.root, SUITE_DIGEST_BYTES);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_all(&w, &b, NULL);
	settle(&w);
	struct told told = ledger_of(&w, root);
	is_text(told.events, "named verified delivered ", "a bundle is named, verified and delivered, durably by then");
	is_number(told.count, 3, "each entry has its root");
	is_number(ledger_of(&w, "\"person\":\"wang-mei\"").count, 2, "and says whose it is");
	ok(!is_partial(&w, &b), "then nothing is left of it under partial/");
	stop_keep(&w);
	start_keep(&w, 1);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	turn(&w, 2000);
	is_text(ledger_of(&w, NULL).events, "named verified delivered stop ",
		"after a restart nothing is entered again");
	free_bundle(&b);
	free_world(&w);
}

static void names_are_entered_once(void)
{
	struct world w = new_world("names");
	struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 2, 30);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	is_text(ledger_of(&w, NULL).events, "", "a name costs no synchronising while datagrams come");
	turn(&w, 1000);
	is_text(ledger_of(&w, NULL).events, "named ", "it is durable within a second");
	store_catalogue(&w);
	stop_keep(&w);
	start_keep(&w, 1);
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	turn(&w, 1000);
	is_text(ledger_of(&w, NULL).events, "named stop named ", "after a restart only what is new is named");
	is_number(ledger_of(&w, "tax-000002").count, 1, "which is the other one");
	free_bundle(&b);
	free_bundle(&c);
	free_world(&w);
}

static void killed_before_the_rename(void)
{
	struct world w = new_world("before");
	struct bundle b = make_bundle(&w, 1, 30);
	int fd = openat(w.vault_fd, "bundles/1122334455667788", O_CREAT | O_WRONLY, 0600);
	must(fd >= 0 && close(fd) == 0, "a file where the folder of the epoch should be");
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_all(&w, &b, NULL);
	settle(&w);
	store_catalogue(&w);
	stop_keep(&w);
	must(unlinkat(w.vault_fd, "bundles/1122334455667788", 0) == 0, "cure");
	start_keep(&w, 1);
	settle(&w);
	ok(file_is(&w, &b, 1), "what was entered as verified and had no place yet is delivered by the next keep");
	is_text(ledger_of(&w, NULL).events, "named verified stop verified delivered ",
		"and judged and entered again before");
	free_bundle(&b);
	free_world(&w);
}

/* As a keep leaves it that dies behind the rename: the map alone. */
static void leave_map(const struct world *w, const struct bundle *b, bool with_object)
{
	char name[VAULT_NAME_BYTES], path[VAULT_NAME_BYTES + 32];
	vault_partial_name(name, &b->id);
	snprintf(path, sizeof(path), "partial/%s", name);
	must(mkdirat(w->vault_fd, path, 0700) == 0, "mkdir");
	for (int i = 0; i <= with_object; i++) {
		snprintf(path, sizeof(path), "partial/%s/%s", name, i == 0 ? "map" : "object");
		int fd = openat(w->vault_fd, path, O_CREAT | O_WRONLY, 0600);
		must(fd >= 0 && close(fd) == 0, "a file");
	}
}

static void killed_behind_the_rename(void)
{
	struct world w = new_world("behind");
	struct bundle b = make_bundle(&w, 1, 30);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_all(&w, &b, NULL);
	settle(&w);
	stop_keep(&w);
	leave_map(&w, &b, false);
	start_keep(&w, 1);
	struct told told = ledger_of(&w, "\"person\":\"wang-mei\",\"officers\":null,\"registry\":1,\"found\":true");
	is_text(told.events, "named verified delivered stop delivered ",
		"what lies in the vault and has no entry is entered by the next keep");
	is_number(told.count, 1, "as found, with all that its release says");
	ok(!is_partial(&w, &b), "and what told so is gone");
	stop_keep(&w);
	start_keep(&w, 1);
	is_number(ledger_of(&w, "\"found\"").count, 1, "it is found once");
	stop_keep(&w);
	leave_map(&w, &b, false);
	char path[5000];
	vault_path(&w, path, 1);
	must(unlink(path) == 0, "somebody removes the bundle");
	start_keep(&w, 1);
	is_number(ledger_of(&w, "\"found\"").count, 1, "what is not in the vault is not entered as delivered");
	free_bundle(&b);
	free_world(&w);
}

static void killed_behind_a_refusal(void)
{
	struct world w = new_world("refusal");
	struct bundle b = make_bundle(&w, 1, 30);
	b.object[SEGMENT_BYTES + 100] ^= 1;
	free(b.datagrams);
	free(b.lens);
	b.count = 0;
	make_datagrams(&b);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_all(&w, &b, NULL);
	settle(&w);
	is_text(ledger_of(&w, NULL).events, "named delivery.refused ", "a refusal is entered");
	is_number(ledger_of(&w, "\"result\":\"bad-root\"").count, 1, "with its verdict");
	ok(!is_partial(&w, &b), "then nothing is left of it under partial/");
	stop_keep(&w);
	leave_map(&w, &b, true);
	start_keep(&w, 1);
	is_text(ledger_of(&w, NULL).events, "named delivery.refused stop delivery.refused ",
		"one that had no entry yet gets it from the next keep");
	ok(!is_partial(&w, &b), "and what told so is gone");
	free_bundle(&b);
	free_world(&w);
}

static void send_head(struct world *w, uint64_t n, uint8_t hash)
{
	uint8_t message[HEARTBEAT_BYTES];
	struct heartbeat beat = {
		.bundles = 1, .epoch = EPOCH, .beat = ++w->beat, .time = NOW, .generation = w->generation,
		.pages = 1, .registry_version = 1, .ledger = {.n = n},
	};
	memset(beat.ledger.hash, hash, sizeof(beat.ledger.hash));
	memcpy(beat.box_key, w->box->card.id, KEY_ID_BYTES);
	must(heartbeat_encode(message, &beat, w->box->secret) == 0, "heartbeat");
	send_control(w, message, sizeof(message));
}

static void heads_are_witnessed(void)
{
	struct world w = new_world("witness");
	for (unsigned int i = 0; i < 100; i++) {
		send_head(&w, 10 + i, 1);
		turn(&w, 1000);
	}
	struct told told = ledger_of(&w, "\"box\":\"inside-1\",\"head\":");
	is_text(told.events, "witness witness ", "of a hundred heads in a hundred seconds two are entered");
	stop_keep(&w);
	is_number(ledger_of(&w, "\"head\":109").count, 1, "and the newest at the end");
	start_keep(&w, 1);
	last_event[0] = 0;
	send_head(&w, 109, 1);
	turn(&w, 1000);
	is_text(ledger_of(&w, NULL).events, "witness witness witness stop ", "the same head again is no news");
	is_text(last_event, "", "and no alarm");
	send_head(&w, 109, 2);
	turn(&w, 1000);
	is_number(ledger_of(&w, "\"id\":\"E2045\"").count, 1, "another hash of the same entry is an alarm, also "
		  "after a restart");
	is_number(ledger_of(&w, "\"head\":109").count, 2, "and entered at once");
	send_head(&w, 108, 1);
	turn(&w, 1000);
	is_number(ledger_of(&w, "\"id\":\"E2045\"").count, 2, "fewer entries than before are an alarm");
	is_number(ledger_of(&w, "\"head\":108").count, 1, "and entered at once");
	free_world(&w);
}

static void silence_is_told(void)
{
	struct world w = new_world("silence");
	send_head(&w, 1, 1);
	turn(&w, 29000);
	last_event[0] = 0;
	turn(&w, 500);
	is_text(last_event, "", "half a minute without a heartbeat may be");
	turn(&w, 1000);
	ok(strncmp(last_event, "E2043 ", 6) == 0, "more of it is told");
	send_head(&w, 2, 1);
	turn(&w, 10);
	ok(strncmp(last_event, "E2044 ", 6) == 0, "and when it is over");
	free_world(&w);
}

static uint64_t caught_up(struct world *w)
{
	const char *const key = "\"caught_up\":";
	turn(w, 2000);
	char *text = status_of(w), *at = strstr(text, key);
	must(at != NULL, "caught_up");
	uint64_t when = strtoull(at + strlen(key), NULL, 10);
	free(text);
	return when;
}

/* What is stored is not all that is promised, until a heartbeat says so. */
static void a_restart_has_not_caught_up(void)
{
	struct world w = new_world("caught-up");
	struct bundle b = make_bundle(&w, 1, 5);
	const struct bundle *const all[] = {&b};
	send_page(&w, all, 1);
	send_heartbeat(&w, 1);
	is_number((int64_t)(caught_up(&w) - NOW), 0, "with a heartbeat and the pages that it promises keep has caught up");
	stop_keep(&w);
	start_keep(&w, 1);
	is_number((int64_t)caught_up(&w), 0, "what a restart finds stored may be old");
	send_heartbeat(&w, 1);
	uint64_t then = caught_up(&w);
	ok(then >= NOW + 2, "until a heartbeat names no newer one");
	w.generation++;
	send_heartbeat(&w, 1);
	is_number((int64_t)(caught_up(&w) - then), 0, "one that names a newer one has its pages waited for");
	free_bundle(&b);
	free_world(&w);
}

/* What was done is remembered. */

/* Until a look of the retention has done all that is due. */
static void look(struct world *w, uint64_t ms)
{
	const struct timespec pause = {0, 2000000};
	turn(w, ms);
	for (int i = 0; i < 50; i++) {
		nanosleep(&pause, NULL);
		turn(w, 1);
	}
}

static bool is_there(const struct world *w, const char *path)
{
	return faccessat(w->vault_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void deliver(struct world *w, const struct bundle *b)
{
	send_page(w, (const struct bundle *[]){b}, 1);
	send_all(w, b, NULL);
	settle(w);
	must(is_delivered(w, b->id.number), "a delivery");
}

static void a_push_comes_once(void)
{
	struct world w = new_world("once");
	struct bundle b = make_bundle(&w, 1, 30);
	deliver(&w, &b);
	/* the sender was put back, and releases the same push as number 9 */
	struct bundle again = make_bundle(&w, 1, 30), other = make_bundle(&w, 2, 30);
	free_bundle(&again);
	w.push_of = 1;
	again = make_bundle(&w, 9, 30);
	w.push_of = 0;
	for (int round = 0; round < 3; round++) {
		static const char *const when[] = {"", ", also after a restart", ", also when the first was destroyed"};
		send_page(&w, (const struct bundle *[]){&b, &again, &other}, 3);
		send_all(&w, &again, NULL);
		settle(&w);
		ok(!is_delivered(&w, 9), "a push that was delivered is not delivered again under another number%s", when[round]);
		is_number(vault_refusal(w.vault_fd, &again.id), VERDICT_ALREADY_DELIVERED, "it is refused%s", when[round]);
		is_number(ledger_of(&w, "\"result\":\"already-delivered\",\"bundle\":\"tax-000009\",\"epoch\":\"1122334455667788\","
				    "\"route_id\":7,\"number\":9,\"same_as\":\"tax-000001@1122334455667788\"").count,
			  1, "and the ledger names both%s", when[round]);
		if (round == 1) {
			stop_keep(&w);
			/* a day later */
			w.ms += 2 * 86400000;
			must(unlinkat(w.vault_fd, "refused/1122334455667788.7.9", 0) == 0, "the refusal is removed");
			start_keep(&w, 1);
			look(&w, 61000);
			must(!is_delivered(&w, 1), "the first is destroyed");
			break;
		}
		stop_keep(&w);
		start_keep(&w, 1);
	}
	free_bundle(&b);
	free_bundle(&again);
	free_bundle(&other);
	free_world(&w);
}

static void a_destroyed_one_stays_so(void)
{
	struct world w = new_world("destroyed");
	struct bundle b = make_bundle(&w, 1, 30), late = make_bundle(&w, 2, 30);
	send_page(&w, (const struct bundle *[]){&b, &late}, 2);
	send_all(&w, &b, NULL);
	send_range(&w, &late, 0, late.count / 2, NULL);
	settle(&w);
	must(is_delivered(&w, 1) && is_partial(&w, &late), "one and a half are here");
	look(&w, 86000000);
	ok(is_delivered(&w, 1), "a bundle is kept until its date");
	look(&w, 500000);
	ok(!is_delivered(&w, 1), "and destroyed then");
	is_number(ledger_of(&w, "\"how\":\"date\"").count, 1, "which the ledger says");
	ok(!is_partial(&w, &late), "what has come of another goes, too");
	for (int round = 0; round < 2; round++) {
		send_page(&w, (const struct bundle *[]){&b, &late}, 2);
		send_all(&w, &b, NULL);
		send_all(&w, &late, NULL);
		settle(&w);
		ok(!is_delivered(&w, 1) && !is_partial(&w, &b) && !is_delivered(&w, 2) && !is_partial(&w, &late),
		   "while the sender goes on with them nothing is begun%s", round == 0 ? "" : " after a restart");
		ok(!status_has(&w, "tax-000001"), "nor is it missing");
		stop_keep(&w);
		start_keep(&w, 1);
		look(&w, 61000);
	}
	free_bundle(&b);
	free_bundle(&late);
	free_world(&w);
}

/* What a keep leaves that dies between two steps of a destruction. */
static void killed_while_destroying(void)
{
	struct world w = new_world("killed");
	struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 2, 30);
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	send_all(&w, &b, NULL);
	send_all(&w, &c, NULL);
	settle(&w);
	stop_keep(&w);
	struct annals *annals = NULL;
	struct annals_found found;
	struct annal annal;
	must(annals_open(&annals, w.vault_fd, true, &found) == 0, "annals");
	for (size_t i = 0; i < 2; i++) {
		annals_at(annals, i, &annal);
		annal.what = ANNAL_DESTROYING;
		annal.how = ANNAL_BY_DATE;
		must(annals_write(annals, &annal, 1) == 0, "write");
	}
	annals_close(annals);
	char path[5000];
	vault_path(&w, path, 2);
	must(unlink(path) == 0, "the second is gone already");
	start_keep(&w, 1);
	look(&w, 1000);
	ok(!is_delivered(&w, 1), "what had begun to be destroyed is destroyed by the next keep");
	is_number(ledger_of(&w, "\"how\":\"date\"").count, 2, "and entered, also where the file was gone");
	is_number(ledger_of(&w, "\"found\":true").count, 2, "as found");
	stop_keep(&w);
	start_keep(&w, 1);
	look(&w, 1000);
	is_number(ledger_of(&w, "\"how\":\"date\"").count, 2, "once");
	free_bundle(&b);
	free_bundle(&c);
	free_world(&w);
}

static void deliveries_are_noted(void)
{
	struct world w = new_world("noted");
	struct bundle b = make_bundle(&w, 1, 30);
	deliver(&w, &b);
	stop_keep(&w);
	must(unlinkat(w.vault_fd, "annals", 0) == 0, "the annals are gone");
	start_keep(&w, 1);
	struct annals *annals = NULL;
	struct annals_found found;
	struct annal annal;
	must(annals_open(&annals, w.vault_fd, false, &found) == 0, "annals");
	ok(annals_find(annals, &b.id, &annal) && annal.what == ANNAL_DELIVERED &&
	   annal.destroy_by == b.entry.destroy_by && annal.push_id[0] == 1, "what lies in bundles/ is noted at a start");
	annals_close(annals);
	char path[5000];
	vault_path(&w, path, 1);
	stop_keep(&w);
	must(unlink(path) == 0, "somebody takes the file away");
	start_keep(&w, 1);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	ok(strncmp(last_event, "E2072 ", 6) == 0, "a file that is gone is told of");
	send_all(&w, &b, NULL);
	settle(&w);
	ok(is_delivered(&w, 1), "and is received again");
	free_bundle(&b);
	free_world(&w);
}

static void clocks_apart(void)
{
	struct world w = new_world("clocks");
	struct bundle b = make_bundle(&w, 1, 30);
	deliver(&w, &b);
	w.clock_s = 30 * 86400;
	look(&w, 40000);
	send_heartbeat(&w, 1);
	look(&w, 60000);
	ok(is_delivered(&w, 1), "a clock that is a month ahead of the sender's destroys nothing");
	ok(strncmp(last_event, "E2073 ", 6) == 0, "and that is told");
	w.clock_s = 0;
	look(&w, 1000);
	send_heartbeat(&w, 1);
	look(&w, 60000);
	ok(is_delivered(&w, 1) && strstr(last_event, "agree again") != NULL, "nor when it is mended");
	w.clock_s = 2 * 86400;
	look(&w, 40000);
	ok(is_delivered(&w, 1), "when it leaps the sender is waited for");
	look(&w, 60000);
	ok(!is_delivered(&w, 1), "but not for ever");
	free_bundle(&b);
	free_world(&w);
}

/* Orders */

static int order_of(struct world *w, struct mandate *m, const struct key *signer, uint64_t id, uint8_t *bytes, size_t *len)
{
	const struct ledger_who peer = {.person = NULL};
	memcpy(m->id, &id, sizeof(id));
	memcpy(m->box_key, w->outside->card.id, KEY_ID_BYTES);
	memcpy(m->person, signer->card.name, NAME_BYTES);
	memcpy(m->person_key, signer->card.id, KEY_ID_BYTES);
	*len = mandate_signed(bytes, m);
	must(signature_make(&m->signature, MANDATE_DOMAIN, bytes, *len, signer->secret) == 0, "sign");
	*len = mandate_encode(bytes, m);
	return intake_take_mandate(w->intake, &peer, bytes, *len, NOW + w->ms / 1000);
}

static int order(struct world *w, enum mandate_kind kind, const char *name, uint64_t id, uint64_t number)
{
	static uint8_t bytes[MANDATE_BYTES_MAX];
	size_t len;
	struct bundle_id bundle = {EPOCH, number, 7};
	struct mandate m = {.kind = kind, .time = NOW + w->ms / 1000, .count = kind != MANDATE_RELEASE, .bundles = &bundle};
	snprintf(m.name, sizeof(m.name), "%s", name);
	return order_of(w, &m, w->person, id, bytes, &len);
}

static void holds_hold(void)
{
	struct world w = new_world("holds");
	struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 2, 30);
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	send_all(&w, &b, NULL);
	send_all(&w, &c, NULL);
	settle(&w);
	is_number(order(&w, MANDATE_HOLD, "case-7", 1, 1), 0, "a bundle is held");
	is_number(order(&w, MANDATE_HOLD, "case-8", 2, 1), 0, "for a second case as well");
	is_number(order(&w, MANDATE_HOLD, "case-8", 2, 1), VERDICT_BAD_ORDER, "an order counts once");
	is_number(order(&w, MANDATE_HOLD, "case-8", 3, 5), VERDICT_NO_SUCH_BUNDLE, "what is not here cannot be held");
	is_number(order(&w, MANDATE_PURGE, "", 4, 1), VERDICT_ON_HOLD, "what is held cannot be purged");
	is_number(order(&w, MANDATE_RELEASE, "case-9", 5, 0), VERDICT_BAD_ORDER, "a case that holds nothing cannot end");
	stop_keep(&w);
	start_keep(&w, 1);
	look(&w, 90000000);
	ok(is_delivered(&w, 1) && !is_delivered(&w, 2), "after a restart and at its date it is kept, and another is not");
	is_number(order(&w, MANDATE_RELEASE, "case-7", 6, 0), 0, "one case ends");
	look(&w, 60000);
	ok(is_delivered(&w, 1), "the other still holds it");
	is_number(order(&w, MANDATE_RELEASE, "case-8", 7, 0), 0, "when that ends, too");
	look(&w, 100);
	ok(!is_delivered(&w, 1), "it is destroyed");
	is_number(ledger_of(&w, "\"event\":\"hold\",\"result\":\"ok\"").count, 2, "the ledger has both holds");
	is_number(ledger_of(&w, "\"event\":\"hold.ended\",\"result\":\"ok\"").count, 2, "and their ends");
	is_number(ledger_of(&w, "\"result\":\"on-hold\"").count, 1, "and what was refused");
	free_bundle(&b);
	free_bundle(&c);
	free_world(&w);
}

static void purges_destroy(void)
{
	struct world w = new_world("purges");
	struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 2, 30);
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	send_all(&w, &b, NULL);
	send_all(&w, &c, NULL);
	settle(&w);
	is_number(order(&w, MANDATE_PURGE, "", 1, 1), 0, "a purge is taken");
	look(&w, 100);
	ok(!is_delivered(&w, 1) && is_delivered(&w, 2), "and done, and nothing else");
	is_number(ledger_of(&w, "\"how\":\"purge\"").count, 1, "the ledger says how");
	is_number(ledger_of(&w, "\"event\":\"destroyed\",\"result\":\"ok\",\"who\":{\"person\":\"wang-mei\"").count, 1, "and by whose order");
	char name[64] = "purges/0100000000000000";
	memset(name + 23, '0', 16);
	ok(!is_there(&w, name), "then nothing is left of the order");
	is_number(order(&w, MANDATE_PURGE, "", 2, 1), VERDICT_NO_SUCH_BUNDLE, "what is gone cannot be purged");
	send_all(&w, &b, NULL);
	settle(&w);
	ok(!is_delivered(&w, 1), "nor does it come again");
	free_bundle(&b);
	free_bundle(&c);
	free_world(&w);
}

static void orders_are_judged(void)
{
	struct world w = new_world("judged");
	struct bundle b = make_bundle(&w, 1, 30);
	static uint8_t bytes[MANDATE_BYTES_MAX];
	const struct ledger_who peer = {.person = NULL};
	size_t len;
	deliver(&w, &b);
	struct key *stranger = key_new(KEY_PERSON, "wang-mei");
	struct mandate m = {.kind = MANDATE_PURGE, .time = NOW + w.ms / 1000, .count = 1, .bundles = &b.id};
	is_number(order_of(&w, &m, stranger, 1, bytes, &len), VERDICT_UNKNOWN_KEY, "a stranger orders nothing");
	m.time = NOW - 7200;
	is_number(order_of(&w, &m, w.person, 1, bytes, &len), VERDICT_BAD_TIME, "nor does an old order count");
	m.time = NOW + w.ms / 1000;
	memcpy(m.box_key, w.box->card.id, KEY_ID_BYTES);
	m.bundles = &b.id;
	size_t signed_len = mandate_signed(bytes, &m);
	must(signature_make(&m.signature, MANDATE_DOMAIN, bytes, signed_len, w.person->secret) == 0, "sign");
	len = mandate_encode(bytes, &m);
	is_number(intake_take_mandate(w.intake, &peer, bytes, len, NOW), VERDICT_WRONG_KEY, "nor one for another box");
	int taken = 0;
	must(order_of(&w, &m, stranger, 2, bytes, &len) == VERDICT_UNKNOWN_KEY, "a form to change");
	m.bundles = &b.id;
	memcpy(m.person_key, w.person->card.id, KEY_ID_BYTES);
	len = mandate_encode(bytes, &m);
	for (size_t bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		taken += bit % 5 == 0 && intake_take_mandate(w.intake, &peer, bytes, len, NOW) == 0;
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut++)
		taken += intake_take_mandate(w.intake, &peer, bytes, cut, NOW) == 0;
	is_number(taken, 0, "none that is cut, flipped or signed by another");
	look(&w, 100);
	ok(is_delivered(&w, 1), "and all is still there");
	key_free(stranger);
	free_bundle(&b);
	free_world(&w);
}

static void losses_are_acknowledged(void)
{
	struct world w = new_world("acknowledged");
	struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 2, 30), d = make_bundle(&w, 3, 30);
	static uint8_t bytes[MANDATE_BYTES_MAX];
	size_t len;
	send_page(&w, (const struct bundle *[]){&b, &c, &d}, 3);
	send_heartbeat(&w, 1);
	settle(&w);
	is_number(order(&w, MANDATE_ACKNOWLEDGE, "", 1, 1), VERDICT_NO_SUCH_BUNDLE, "what is offered is no loss to acknowledge");
	send_page(&w, (const struct bundle *[]){&d}, 1);
	settle(&w);
	turn(&w, 1000);
	must(lost_count(w.lost) == 2, "two losses");
	struct mandate m = {.kind = MANDATE_ACKNOWLEDGE, .time = NOW - 60, .count = 1, .bundles = &b.id};
	is_number(order_of(&w, &m, w.person, 2, bytes, &len), VERDICT_BAD_ORDER, "what was signed before it was lost hides no loss");
	struct bundle_id both[] = {{EPOCH, 1, 7}, {EPOCH, 4, 7}};
	m = (struct mandate){.kind = MANDATE_ACKNOWLEDGE, .time = NOW + w.ms / 1000, .count = 2, .bundles = both};
	is_number(order_of(&w, &m, w.person, 3, bytes, &len), VERDICT_NO_SUCH_BUNDLE, "of two, one of which is not lost, nothing is taken");
	is_number((int64_t)lost_count(w.lost), 2, "both losses are listed still");
	is_number(order(&w, MANDATE_ACKNOWLEDGE, "", 4, 1), 0, "one is acknowledged");
	ok(lost_find(w.lost, &b.id) == NULL && lost_find(w.lost, &c.id) != NULL, "and listed no more, the other still is");
	is_number(ledger_of(&w, "\"event\":\"lost.acknowledged\",\"result\":\"ok\",\"who\":{\"person\":\"wang-mei\",\"key\":\"").count, 1,
		  "the ledger names the person");
	is_number(ledger_of(&w, "\"mandate\":\"04000000000000000000000000000000\",\"bundle\":\"tax-000001\",").count, 1,
		  "the order, and the bundle by its route");
	is_number(ledger_of(&w, "\"event\":\"lost.acknowledged\",\"result\":\"no-such-bundle\"").count, 2, "what was refused, too");
	is_number(order(&w, MANDATE_ACKNOWLEDGE, "", 5, 1), VERDICT_NO_SUCH_BUNDLE, "once");
	stop_keep(&w);
	start_keep(&w, 1);
	ok(lost_find(w.lost, &b.id) == NULL && lost_find(w.lost, &c.id) != NULL, "after a restart it is so, too");
	must(lost_add(w.lost, &(struct lost_item){.id = {EPOCH, 9, 8}, .count = 5, .why = LOST_NEVER_NAMED, .at_s = 1}) == 0, "add");
	turn(&w, 1000);
	const struct bundle_id two[] = {{EPOCH, 2, 7}, {EPOCH, 9, 8}};
	m = (struct mandate){.kind = MANDATE_ACKNOWLEDGE, .time = NOW + w.ms / 1000, .count = 2, .bundles = two};
	is_number(order_of(&w, &m, w.person, 6, bytes, &len), 0, "two may be acknowledged in one order");
	is_number((int64_t)lost_count(w.lost), 0, "then none is listed");
	is_number(ledger_of(&w, "\"mandate\":\"06000000000000000000000000000000\"").count, 2, "each has an entry");
	is_number(ledger_of(&w, "\"bundle\":\"route8-000009\"").count, 2, "that of a route which the registry does not know by its id");
	free_bundle(&b);
	free_bundle(&c);
	free_bundle(&d);
	free_world(&w);
}

/* Of each role, beside that of an operator: h may hold, e end a case, p purge, a acknowledge a loss. */
static void who_may_order_what(void)
{
	static const struct {
		const char *roles;
		const char *may;
	} table[] = {
		{"operator", ""},
		{"operator officer", "hepa"},
		{"operator auditor", "hea"},
		{"operator receiving-admin", "pa"},
		{"operator recipient", ""},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		roles = table[i].roles;
		struct world w = new_world(roles);
		char may[8] = "";
		static const enum mandate_kind kinds[] = {MANDATE_HOLD, MANDATE_RELEASE, MANDATE_PURGE, MANDATE_ACKNOWLEDGE};
		for (size_t k = 0; k < 4; k++) {
			bool has_case = kinds[k] <= MANDATE_RELEASE;
			int result = order(&w, kinds[k], has_case ? "case-1" : "", 10 + k, 1);
			must(result == VERDICT_NOT_ALLOWED || result == VERDICT_NO_SUCH_BUNDLE || result == VERDICT_BAD_ORDER, "order");
			if (result != VERDICT_NOT_ALLOWED)
				strncat(may, &"h\0e\0p\0a"[2 * k], 1);
		}
		is_text(may, table[i].may, "%s: may order '%s'", roles, table[i].may);
		free_world(&w);
	}
	roles = "operator officer";
}

/* One flipped bit anywhere in the vault. */
static void flip(const struct world *w, uint64_t number, uint64_t at)
{
	char path[5000];
	uint8_t byte = 0;
	vault_path(w, path, number);
	int fd = open(path, O_RDWR);
	must(fd >= 0 && pread(fd, &byte, 1, (off_t)at) == 1, "read");
	byte ^= 16;
	must(pwrite(fd, &byte, 1, (off_t)at) == 1 && close(fd) == 0, "write");
}

static void scrub_again(struct world *w)
{
	stop_keep(w);
	must(unlinkat(w->vault_fd, "scrub", 0) == 0, "a round was done");
	start_keep(w, 1);
	look(w, 1000);
	look(w, 1000);
}

static void the_vault_is_read_again(void)
{
	struct world w = new_world("scrub");
	struct bundle b = make_bundle(&w, 1, 30);
	deliver(&w, &b);
	uint64_t object = b.entry.geometry.object_len;
	const uint64_t places[] = {0, 700, 5000, SEGMENT_BYTES - 10, SEGMENT_BYTES, object / 2, object - 1, object,
				   object + w.registry_len[0] / 2, object + w.registry_len[0] - 1};
	scrub_again(&w);
	ok(is_delivered(&w, 1) && ledger_of(&w, "\"damaged\"").count == 0, "what is right stays");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		flip(&w, 1, places[i]);
		scrub_again(&w);
		ok(!is_delivered(&w, 1) && is_there(&w, "damaged/tax-000001@1122334455667788.weir"),
		   "a bit that was flipped at %d is found, and the bundle set aside", (int)places[i]);
		is_number(ledger_of(&w, "\"event\":\"damaged\"").count, (int64_t)i + 1, "which the ledger says");
		send_page(&w, (const struct bundle *[]){&b}, 1);
		send_all(&w, &b, NULL);
		settle(&w);
		ok(file_is(&w, &b, 1), "it is received again");
	}
	scrub_again(&w);
	ok(is_delivered(&w, 1) && !is_there(&w, "damaged/tax-000001@1122334455667788.weir"), "then what was set aside goes");
	char path[5000];
	vault_path(&w, path, 1);
	must(truncate(path, (off_t)object) == 0, "cut");
	scrub_again(&w);
	ok(!is_delivered(&w, 1), "what was cut off is found, too");
	stop_keep(&w);
	start_keep(&w, 1);
	look(&w, 1000);
	ok(is_there(&w, "damaged/tax-000001@1122334455667788.weir"), "what does not come again stays aside");
	look(&w, 90000000);
	ok(!is_there(&w, "damaged/tax-000001@1122334455667788.weir"), "until its date");
	free_bundle(&b);
	free_world(&w);
}

/* As it stands in the vault. */
static bool has_annal(const struct world *w, const struct bundle *b, enum annal_what what, enum annal_how how)
{
	struct annals *annals = NULL;
	struct annals_found found;
	struct annal annal;
	must(annals_open(&annals, w->vault_fd, false, &found) == 0, "annals");
	bool is_so = annals_find(annals, &b->id, &annal) && annal.what == what && annal.how == how;
	annals_close(annals);
	return is_so;
}

/* What was set aside, and nobody offers any more, is known when a person says so; it stays wanted, and goes at its date. */
static void a_damage_is_acknowledged(void)
{
	struct world w = new_world("damage-known");
	struct bundle b = make_bundle(&w, 1, 30);
	deliver(&w, &b);
	is_number(order(&w, MANDATE_ACKNOWLEDGE, "", 1, 1), VERDICT_NO_SUCH_BUNDLE, "of what is well there is nothing to acknowledge");
	flip(&w, 1, 700);
	scrub_again(&w);
	must(has_annal(&w, &b, ANNAL_DAMAGED, ANNAL_NO_WAY), "damage");
	static uint8_t bytes[MANDATE_BYTES_MAX];
	size_t len;
	struct mandate m = {.kind = MANDATE_ACKNOWLEDGE, .time = NOW - 60, .count = 1, .bundles = &b.id};
	is_number(order_of(&w, &m, w.person, 2, bytes, &len), VERDICT_BAD_ORDER, "what was signed before it was found hides no damage");
	is_number(order(&w, MANDATE_ACKNOWLEDGE, "", 3, 1), 0, "a damage is acknowledged");
	ok(has_annal(&w, &b, ANNAL_DAMAGED, ANNAL_KNOWN), "which the annals say");
	is_number(ledger_of(&w, "\"event\":\"lost.acknowledged\",\"result\":\"ok\",\"who\":{\"person\":\"wang-mei\",\"key\":\"").count, 1,
		  "the ledger names the person");
	is_number(ledger_of(&w, "\"why\":\"damaged\"").count, 1, "and what it was");
	is_number(order(&w, MANDATE_ACKNOWLEDGE, "", 4, 1), VERDICT_NO_SUCH_BUNDLE, "once");
	stop_keep(&w);
	start_keep(&w, 1);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_all(&w, &b, NULL);
	settle(&w);
	ok(file_is(&w, &b, 1) && has_annal(&w, &b, ANNAL_DELIVERED, ANNAL_NO_WAY), "when it comes again it is kept all the same");
	flip(&w, 1, 700);
	scrub_again(&w);
	ok(has_annal(&w, &b, ANNAL_DAMAGED, ANNAL_NO_WAY), "and a new damage is one that nobody knows of");
	free_bundle(&b);
	free_world(&w);
}

static void killed_while_setting_aside(void)
{
	struct world w = new_world("aside");
	struct bundle b = make_bundle(&w, 1, 30);
	deliver(&w, &b);
	stop_keep(&w);
	must(renameat(w.vault_fd, "bundles/1122334455667788/tax-000001.weir", w.vault_fd,
		      "damaged/tax-000001@1122334455667788.weir") == 0, "as keep does");
	start_keep(&w, 1);
	look(&w, 100);
	ok(has_annal(&w, &b, ANNAL_DAMAGED, ANNAL_NO_WAY), "what was set aside is noted by the next keep");
	free_bundle(&b);
	free_world(&w);
}

/* A vault, or a part of it, that was put back to an older copy. */
static void put_back_is_seen(void)
{
	static const char *const parts[] = {"annals", "catalogue", "ledger", "everything"};
	for (size_t i = 0; i < 4; i++) {
		char name[32], command[12000];
		snprintf(name, sizeof(name), "put-back-%s", parts[i]);
		struct world w = new_world(name);
		struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 2, 30);
		bool is_all = i == 3;
		deliver(&w, &b);
		look(&w, 2000);
		stop_keep(&w);
		snprintf(command, sizeof(command), "cd '%s' && mkdir ../copy-%s && cp -a %s ../copy-%s", w.vault, name,
			 is_all ? "annals catalogue ledger bundles partial" : parts[i], name);
		must(system(command) == 0, "a copy");
		start_keep(&w, 1);
		send_page(&w, (const struct bundle *[]){&b, &c}, 2);
		send_all(&w, &c, NULL);
		settle(&w);
		look(&w, 90000000); /* both are destroyed */
		look(&w, 2000);
		must(!is_delivered(&w, 1) && !is_delivered(&w, 2), "destroyed");
		stop_keep(&w);
		start_keep(&w, 1);
		ok(!is_there(&w, "put-back") && ledger_of(&w, "\"vault.older\"").count == 0, "%s: as it was left it is no older",
		   parts[i]);
		stop_keep(&w);
		snprintf(command, sizeof(command), "cd '%s' && rm -rf %s && cp -a ../copy-%s/. .", w.vault,
			 is_all ? "annals catalogue ledger bundles partial" : parts[i], name);
		must(system(command) == 0, "put back");
		start_keep(&w, 1);
		ok(is_there(&w, "put-back"), "%s: an older one is seen", parts[i]);
		is_number(ledger_of(&w, "\"event\":\"vault.older\"").count, 1, "%s: and entered", parts[i]);
		look(&w, 2000);
		if (i == 0) {
			send_page(&w, (const struct bundle *[]){&b, &c}, 2);
			send_all(&w, &c, NULL);
			settle(&w);
			ok(!is_delivered(&w, 2) && !is_partial(&w, &c), "what the ledger knows as destroyed is not begun again");
		}
		stop_keep(&w);
		must(unlinkat(w.vault_fd, "put-back", 0) == 0, "it was seen");
		start_keep(&w, 1);
		ok(!is_there(&w, "put-back"), "%s: it is told once", parts[i]);
		free_bundle(&b);
		free_bundle(&c);
		free_world(&w);
	}
}

/* ---- what is lost ---- */

static char all_events[16384];

static void collect(void *context, int priority, const char *id, const char *text)
{
	(void)context;
	(void)priority;
	size_t at = strlen(all_events);
	snprintf(all_events + at, sizeof(all_events) - at, "%s %s\n", id, text);
}

static unsigned int told(const char *what)
{
	unsigned int count = 0;
	for (const char *p = all_events; (p = strstr(p, what)) != NULL; p++)
		count++;
	return count;
}

static struct world new_world_that_collects(const char *name)
{
	static const struct teller collecting = {collect, NULL};
	struct world w = new_world(name);
	stop_keep(&w);
	start_keep_with(&w, 1, 101, &collecting);
	turn(&w, 1);
	all_events[0] = 0;
	return w;
}

/* A keep that was killed finds the ring full of what has come since: it is taken before the clock is looked at. */
static void what_comes_before_the_first_turn_is_new(void)
{
	struct world w = new_world_that_collects("first-turn");
	static const struct teller collecting = {collect, NULL};
	struct bundle b = make_bundle(&w, 1, 30);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_heartbeat(&w, 1);
	send_range(&w, &b, 0, b.count / 2, NULL);
	turn(&w, 1);
	stop_keep(&w);
	start_keep_with(&w, 1, 101, &collecting);
	all_events[0] = 0;
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_range(&w, &b, b.count / 2, b.count - 20, NULL);
	turn(&w, 60000);
	is_number(told("E2096"), 0, "what came before the first turn is not given up for its age");
	send_heartbeat(&w, 1);
	send_range(&w, &b, b.count - 20, b.count, NULL);
	settle(&w);
	/* judged before a heartbeat had come, it is judged again; and entered with the next second */
	for (int i = 0; i < 20 && !is_delivered(&w, 1); i++) {
		turn(&w, 1000);
		settle(&w);
		store_catalogue(&w);
	}
	ok(is_delivered(&w, 1), "and goes on");
	free_bundle(&b);
	free_world(&w);
}

static void losses_are_told(void)
{
	struct world w = new_world_that_collects("told-losses");
	struct bundle b[5];
	const struct bundle *all[5];
	for (uint64_t i = 0; i < 5; i++) {
		b[i] = make_bundle(&w, i + 1, 30);
		all[i] = &b[i];
	}
	send_page(&w, all, 5);
	send_all(&w, &b[0], NULL);
	send_range(&w, &b[1], 0, b[1].count / 2, NULL);
	send_range(&w, &b[2], b[2].count / 2, b[2].count, NULL);
	settle(&w);
	turn(&w, 60000);
	send_heartbeat(&w, 1);
	turn(&w, 1000);
	is_number(told("was lost"), 0, "while no pass has ended nothing is called lost, however long that takes");
	for (size_t i = 0; i < 4; i++)
		b[i].entry.passes = 1;
	send_page(&w, all, 5);
	turn(&w, 1000);
	turn(&w, 1000);
	is_number(told("was lost"), 0, "nor for some seconds behind it");
	send_heartbeat(&w, 1);
	turn(&w, 1000);
	turn(&w, 1000);
	is_number(told("E2090 keep: the end of 'tax-000002' was lost"), 1, "then a lost end is told of");
	is_number(told("E2092 keep: a part of 'tax-000003' was lost"), 1, "and a loss in between");
	is_number(told("E2091 keep: 'tax-000004' was lost as a whole"), 1, "and one of which nothing came");
	is_number(told("was lost"), 3, "and nothing else: not what came, not what is on its way");
	is_number(told("no more of it is coming"), 3, "with what comes of it");
	ok(status_has(&w, "\"kind\":\"tail\"") && status_has(&w, "\"kind\":\"whole\"") &&
	   status_has(&w, "\"kind\":\"part\"") && status_has(&w, "\"kind\":\"on-its-way\""), "the status says the same");
	send_range(&w, &b[3], 0, b[3].count / 2, NULL);
	settle(&w);
	turn(&w, 5000);
	is_number(told("was lost"), 3, "each is told of once, whatever comes later");
	send_range(&w, &b[1], b[1].count / 2, b[1].count, NULL);
	settle(&w);
	turn(&w, 1000);
	turn(&w, 1000);
	is_number(told("E2093 keep: 'tax-000002' is whole again, "), 1, "what is healed is told of");
	is_number(told("E2093"), 1, "and what never lacked anything is not");
	for (size_t i = 0; i < 5; i++)
		free_bundle(&b[i]);
	free_world(&w);
}

/* The line of a bundle in vault/lost, without its time; "" when there is none. */
static const char *lost_line(const struct world *w, const struct bundle *b)
{
	static char line[256];
	struct lost_item *items = NULL;
	size_t count = 0;
	line[0] = 0;
	must(lost_load(w->vault_fd, &items, &count) == 0, "lost");
	for (size_t i = 0; i < count; i++)
		if (items[i].id.number == b->id.number)
			snprintf(line, sizeof(line), "%s %u of %u", lost_why_name(items[i].why),
				 (unsigned int)items[i].held_bytes, (unsigned int)items[i].object_bytes);
	free(items);
	return line;
}

static void what_is_no_longer_offered_is_lost(void)
{
	struct world w = new_world_that_collects("lost-for-good");
	struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 2, 30), d = make_bundle(&w, 3, 30);
	send_page(&w, (const struct bundle *[]){&b, &c, &d}, 3);
	send_heartbeat(&w, 1);
	send_range(&w, &b, 0, b.count / 2, NULL);
	send_all(&w, &d, NULL);
	settle(&w);
	turn(&w, 1000);
	is_text(lost_line(&w, &b), "", "what is offered is not given up");
	send_page(&w, (const struct bundle *[]){&c}, 1);
	settle(&w);
	turn(&w, 1000);
	ok(strncmp(lost_line(&w, &b), "not-offered ", 12) == 0, "what is no longer offered and not here is: %s", lost_line(&w, &b));
	is_text(lost_line(&w, &d), "", "what is here is not");
	is_number(ledger_of(&w, "\"event\":\"lost\",\"result\":\"ok\",\"bundle\":\"tax-000001\"").count, 1, "the ledger has it");
	stop_keep(&w); /* the catalogue that drops it is not stored yet, or is: either way */
	start_keep(&w, 1);
	send_heartbeat(&w, 1);
	send_page(&w, (const struct bundle *[]){&c}, 1);
	settle(&w);
	turn(&w, 1000);
	is_number(ledger_of(&w, "\"event\":\"lost\"").count, 1, "also after a restart, once");
	/* while we are away it is dropped, and nothing tells of it but what had come */
	send_range(&w, &c, 0, c.count / 2, NULL);
	settle(&w);
	store_catalogue(&w);
	stop_keep(&w);
	must(unlinkat(w.vault_fd, "catalogue", 0) == 0, "catalogue");
	start_keep(&w, 1);
	send_page(&w, (const struct bundle *[]){&d}, 1);
	send_heartbeat(&w, 1);
	settle(&w);
	turn(&w, 1000);
	is_text(lost_line(&w, &c), "not-offered 0 of 0", "what only its remains tell of is lost, too");
	/* the sender was put back to when it had it */
	send_page(&w, (const struct bundle *[]){&b, &d}, 2);
	send_all(&w, &b, NULL);
	settle(&w);
	turn(&w, 1000);
	turn(&w, 1000);
	ok(is_delivered(&w, 1), "one that comes after all is delivered");
	is_text(lost_line(&w, &b), "", "and lost no more");
	free_bundle(&b);
	free_bundle(&c);
	free_bundle(&d);
	free_world(&w);
}

static void no_ledger_no_oblivion(void)
{
	struct world w = new_world_that_collects("lost-ledger");
	struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 2, 30);
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	send_heartbeat(&w, 1);
	settle(&w);
	store_catalogue(&w);
	struct lost_item ours = {.id = b.id, .count = 1, .why = LOST_NOT_OFFERED, .at_s = 1};
	must(lost_add(w.lost, &ours) == 0, "add");
	/* what the ledger, or the list, cannot take holds the catalogue back that names it no more */
	char blocked[4200];
	snprintf(blocked, sizeof(blocked), "%s/.lost.new", w.vault);
	must(mkdir(blocked, 0700) == 0, "mkdir");
	send_page(&w, (const struct bundle *[]){&c}, 1);
	turn(&w, 1000);
	turn(&w, 1000);
	is_number(told("E2050 keep: cannot write lost: "), 1, "a list that cannot be written is told of once");
	intake_store(w.intake);
	stop_keep(&w);
	must(rmdir(blocked) == 0, "rmdir");
	start_keep(&w, 1);
	send_page(&w, (const struct bundle *[]){&c}, 1);
	send_heartbeat(&w, 1);
	settle(&w);
	turn(&w, 1000);
	ok(strncmp(lost_line(&w, &b), "not-offered ", 12) == 0, "after a restart it is found again");
	free_bundle(&b);
	free_bundle(&c);
	free_world(&w);
}

static void send_heads(struct world *w, uint64_t newest)
{
	uint8_t message[HEADS_BYTES_MAX];
	size_t len;
	struct heads heads = {
		.count = 1, .epoch = EPOCH, .generation = w->generation, .time = NOW + w->ms / 1000, .pages = 1,
		.head[0] = {.route_id = 7, .first = 1, .newest = newest},
	};
	memcpy(heads.box_key, w->box->card.id, KEY_ID_BYTES);
	must(heads_encode(message, &len, &heads, w->box->secret) == 0, "heads");
	send_control(w, message, len);
}

/* What is settled as lost, and then stands in no list, would be missing unseen. */
static void no_list_no_settling(void)
{
	struct world w = new_world_that_collects("unlisted");
	struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 3, 30);
	struct lost_item *items = NULL;
	size_t count = 0;
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_heartbeat(&w, 1);
	send_heads(&w, 1);
	settle(&w);
	turn(&w, 1000);
	store_catalogue(&w);
	char blocked[4200];
	snprintf(blocked, sizeof(blocked), "%s/.lost.new", w.vault);
	must(mkdir(blocked, 0700) == 0, "mkdir");
	turn(&w, 20000);
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	send_heartbeat(&w, 1);
	send_heads(&w, 3);
	turn(&w, 1000);
	turn(&w, 20000);
	is_number(told("E2087 keep: 'tax-000002' to 'tax-000002' were released"), 1, "a number that nobody named is lost");
	intake_store(w.intake);
	stop_keep(&w);
	must(rmdir(blocked) == 0, "rmdir");
	is_number(lost_load(w.vault_fd, &items, &count), 0, "the list");
	is_number((int64_t)count, 0, "and could not be listed before keep ended");
	free(items);
	start_keep(&w, 1);
	send_heartbeat(&w, 1);
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	send_heartbeat(&w, 1);
	send_heads(&w, 3);
	settle(&w);
	turn(&w, 1000);
	is_number(lost_load(w.vault_fd, &items, &count), 0, "after a restart the list");
	ok(count == 1 && items[0].id.number == 2 && items[0].why == LOST_NEVER_NAMED, "has it");
	free(items);
	free_bundle(&b);
	free_bundle(&c);
	free_world(&w);
}

/* A page of a generation that was never complete: no stored catalogue has what it names. */
static void a_name_before_a_power_cut(void)
{
	struct world w = new_world_that_collects("named-once");
	struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 2, 30), d = make_bundle(&w, 3, 30);
	struct lost_item *items = NULL;
	size_t count = 0;
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_heartbeat(&w, 1);
	send_heads(&w, 1);
	settle(&w);
	turn(&w, 1000);
	store_catalogue(&w);
	send_one_page(&w, ++w.generation, 0, 2, (const struct entry[]){c.entry, d.entry}, 2);
	send_heads(&w, 3);
	send_all(&w, &c, NULL);
	settle(&w);
	ok(is_delivered(&w, 2), "what an incomplete generation names comes");
	for (int i = 0; i < 3; i++) {
		turn(&w, 20000); /* the file `heard` is written */
		settle(&w);
	}
	stop_keep(&w);
	start_keep(&w, 1);
	is_number((int64_t)intake_known(w.intake).bundles, 1, "behind a power cut the stored catalogue names what it did");
	send_heartbeat(&w, 1);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_heartbeat(&w, 1);
	send_heads(&w, 3);
	settle(&w);
	turn(&w, 1000);
	store_catalogue(&w);
	is_number(lost_load(w.vault_fd, &items, &count), 0, "when the sender offers neither any more, the list");
	ok(count == 1 && items[0].id.number == 3 && items[0].count == 1 && items[0].why == LOST_NEVER_NAMED,
	   "has the one that has not come, and not the one that has (%zu)", count);
	free(items);
	free_bundle(&b);
	free_bundle(&c);
	free_bundle(&d);
	free_world(&w);
}

/* A newer generation comes whole, and keep is killed before a heartbeat: what it does not name nobody has given up yet. */
static void killed_before_a_heartbeat(void)
{
	struct world w = new_world_that_collects("no-heartbeat");
	struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 2, 30);
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	send_heartbeat(&w, 1);
	send_heads(&w, 2);
	settle(&w);
	turn(&w, 1000);
	store_catalogue(&w);
	stop_keep(&w);
	start_keep(&w, 1);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	settle(&w);
	turn(&w, 1000);
	store_catalogue(&w);
	stop_keep(&w);
	start_keep(&w, 1);
	is_number((int64_t)intake_known(w.intake).bundles, 2, "the stored catalogue is the one that names what is to be given up");
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_heartbeat(&w, 1);
	settle(&w);
	turn(&w, 1000);
	store_catalogue(&w);
	ok(strncmp(lost_line(&w, &c), "not-offered ", 12) == 0, "and with the first heartbeat it is: %s", lost_line(&w, &c));
	free_bundle(&b);
	free_bundle(&c);
	free_world(&w);
}

static off_t size_of(const struct world *w, const char *file)
{
	struct stat st;
	must(fstatat(w->vault_fd, file, &st, 0) == 0, file);
	return st.st_size;
}

static void a_catalogue_is_stored_behind_its_time(void)
{
	struct world w = new_world("behind-its-time");
	struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 2, 30), d = make_bundle(&w, 3, 30);
	send_page(&w, (const struct bundle *[]){&b}, 1);
	send_heartbeat(&w, 1);
	settle(&w);
	store_catalogue(&w);
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	send_one_page(&w, ++w.generation, 0, 2, &d.entry, 1);
	const off_t before = size_of(&w, "catalogue");
	for (int i = 0; i < 5000 && size_of(&w, "catalogue") == before; i++) {
		turn(&w, 2000);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* a thread writes it */
	}
	stop_keep(&w);
	start_keep(&w, 1);
	is_number((int64_t)intake_known(w.intake).bundles, 2, "a generation that was complete is stored, also when the next had begun by then");
	free_bundle(&b);
	free_bundle(&c);
	free_bundle(&d);
	free_world(&w);
}

static void what_is_too_old_is_lost(void)
{
	struct world w = new_world_that_collects("lost-old");
	struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 2, 30);
	c.entry.offered_until = NOW + 10 * 86400;
	b.entry.destroy_by = c.entry.destroy_by = NOW + 30 * 86400;
	send_page(&w, (const struct bundle *[]){&b, &c}, 2);
	send_heartbeat(&w, 1);
	send_range(&w, &b, 0, b.count / 2, NULL);
	send_range(&w, &c, 0, c.count / 2, NULL);
	settle(&w);
	turn(&w, UINT64_C(2) * 86400 * 1000 - 5000);
	send_heartbeat(&w, 1);
	turn(&w, 1000);
	ok(is_partial(&w, &b), "before unfinished_days are over everything is kept");
	for (int i = 0; i < 5; i++) {
		send_heartbeat(&w, 1);
		turn(&w, 2000);
	}
	store_catalogue(&w); /* jobs of storing, too, have ended then */
	turn(&w, 1);
	ok(!is_partial(&w, &b), "then what is no longer offered is given up");
	ok(strncmp(lost_line(&w, &b), "too-old ", 8) == 0, "and listed: %s", lost_line(&w, &b));
	is_number(told("E2096 keep: 'tax-000001' is given up: nothing of it has come for 2 days, and the sender does not offer it any more"),
		  1, "and told of");
	ok(is_partial(&w, &c), "what is offered is kept while the sender is heard");
	turn(&w, 10000);
	store_catalogue(&w);
	turn(&w, 1);
	ok(!is_partial(&w, &c) && told("and the sender is silent") == 1, "and given up when it is silent");
	free_bundle(&b);
	free_bundle(&c);
	free_world(&w);
}

/* NOW is 14:13:20. */
/* As it stood when keep ended: nothing has come since. */
static void put_expected(const struct world *w, const char *due)
{
	char text[128];
	uint64_t due_s;
	must(text_parse_time(&due_s, due) == 0, "time");
	int len = snprintf(text, sizeof(text), "weir-expected 1\ntax %llu 0 0 0\n", (unsigned long long)due_s);
	must(io_write_file(w->vault_fd, "expected", text, (size_t)len, 0600) == 0, "expected");
}

static void what_is_expected_is_watched(void)
{
	expectation = "expect = daily 14:20\n";
	struct world w = new_world_that_collects("expected");
	expectation = "";
	struct bundle b = make_bundle(&w, 1, 30), c = make_bundle(&w, 2, 30), d = make_bundle(&w, 3, 30);
	send_page(&w, (const struct bundle *[]){&b, &c, &d}, 3);
	turn(&w, 1000);
	intake_store(w.intake);
	stop_keep(&w);
	is_number(told("E2094"), 0, "a vault that is new expects from now on");
	ok(is_there(&w, "expected"), "which it notes");
	put_expected(&w, "2026-09-13T14:20:00Z");
	all_events[0] = 0;
	static const struct teller collecting = {collect, NULL};
	start_keep_with(&w, 1, 101, &collecting);
	turn(&w, 1);
	is_number(told("E2094 keep: route 'tax': nothing has come that was expected by 2026-09-13T14:20:00Z"), 1,
		  "at a start what has not come since it was noted is told of");
	turn(&w, 2000);
	intake_store(w.intake);
	stop_keep(&w);
	start_keep_with(&w, 1, 101, &collecting);
	turn(&w, 1);
	is_number(told("E2094"), 1, "and not once more at the next");
	send_page(&w, (const struct bundle *[]){&b, &c, &d}, 3);
	send_all(&w, &b, NULL);
	settle(&w);
	turn(&w, 1000);
	is_number(told("E2095 keep: route 'tax': what was expected by 2026-09-13T14:20:00Z has come, 7 d 23 h late"), 1,
		  "what comes late is told of");
	turn(&w, 410000);
	is_number(told("expected by 2026-09-21T14:20:00Z"), 1, "and does not stand for today's");
	send_all(&w, &c, NULL);
	settle(&w);
	turn(&w, 1000);
	is_number(told("expected by 2026-09-21T14:20:00Z has come, "), 1, "which comes in its turn");
	send_all(&w, &d, NULL);
	settle(&w);
	turn(&w, 1000);
	turn(&w, UINT64_C(86400000));
	is_number(told("E2094"), 2, "one that has come in time is not told of");
	is_number(told("E2095"), 2, "neither late nor in time");
	turn(&w, 2000);
	intake_store(w.intake);
	stop_keep(&w);
	must(io_write_file(w.vault_fd, "expected", "x", 1, 0600) == 0, "expected");
	start_keep_with(&w, 1, 101, &collecting);
	turn(&w, 2000);
	is_number(told("E2098 keep: vault/expected cannot be read, and is begun anew: it is damaged"), 1, "a file that is none is told of");
	is_number(told("E2094"), 2, "and what it said is not known any more");
	free_bundle(&b);
	free_bundle(&c);
	free_bundle(&d);
	free_world(&w);
}

static void many_losses_are_counted(void)
{
	enum { MANY = 16 };
	struct world w = new_world_that_collects("told-many");
	struct bundle b[MANY];
	const struct bundle *all[MANY];
	for (unsigned int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < MANY; i++) {
			b[i] = make_bundle(&w, round * MANY + i + 1, 3);
			b[i].entry.passes = 1;
			all[i] = &b[i];
		}
		send_page(&w, all, MANY);
		for (uint64_t i = 0; i < MANY; i++)
			free_bundle(&b[i]);
	}
	for (int i = 0; i < 5; i++)
		turn(&w, 1000);
	is_number(told("E2091 keep: 'tax-"), VIGIL_TOLD_MAX, "of many losses some are told of one by one");
	turn(&w, 60000);
	is_number(told("E2091 keep: and 12 more bundles were lost as a whole"), 1, "and the rest is counted");
	free_world(&w);
}

int main(void)
{
	must(suite_start() == 0, "suite");
	a_delivery_is_entered();
	what_lies_in_its_place_is_entered();
	names_are_entered_once();
	killed_before_the_rename();
	killed_behind_the_rename();
	killed_behind_a_refusal();
	heads_are_witnessed();
	silence_is_told();
	a_restart_has_not_caught_up();
	losses_are_told();
	many_losses_are_counted();
	what_is_expected_is_watched();
	what_is_no_longer_offered_is_lost();
	no_ledger_no_oblivion();
	no_list_no_settling();
	a_name_before_a_power_cut();
	a_catalogue_is_stored_behind_its_time();
	killed_before_a_heartbeat();
	what_is_too_old_is_lost();
	test_whole();
	test_losses();
	test_whole_rows();
	test_pending();
	test_disorder();
	test_damage();
	test_restart();
	test_power_cut();
	test_repair_after_restart();
	test_refusals();
	test_registry();
	test_newer_sender();
	test_strangers();
	test_dropped();
	keep_restarts_between_two_pages();
	registry_comes_during_a_judgement();
	restart_before_a_newer_registry();
	place_cannot_be_had();
	files_are_removed_by_somebody();
	idle_ones_make_room();
	what_comes_before_the_first_turn_is_new();
	replayed_heartbeats_are_quiet();
	test_blocks();
	test_full_disk();
	test_full_runtime();
	test_too_large();
	a_push_comes_once();
	a_destroyed_one_stays_so();
	killed_while_destroying();
	deliveries_are_noted();
	clocks_apart();
	holds_hold();
	purges_destroy();
	orders_are_judged();
	losses_are_acknowledged();
	who_may_order_what();
	the_vault_is_read_again();
	a_damage_is_acknowledged();
	killed_while_setting_aside();
	put_back_is_seen();
	return done_testing();
}
