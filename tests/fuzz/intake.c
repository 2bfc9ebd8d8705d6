/*
 * What keep makes of datagrams whose tag is right, from a sender that may say anything: signed pages, heartbeats and
 * heads of any content, data of any bundle, block, row and symbol, and the clock between them.  Each input is a
 * sequence of such steps against a vault that is new.  Whatever comes, nothing is delivered but the bundle that a
 * person signed, and that whole; also when keep is started again in between, on what it left or on what was put back.
 */
#include <assert.h>
#include <errno.h>

#include "common/datagram.h"
#include "common/io.h"
#include "common/text.h"
#include "common/tree.h"
#include "common/verdict.h"
#include "receiver/intake.h"
#include "receiver/partial.h"
#include "receiver/vault.h"
#include "tests/lib/endorse.h"
#include "tests/lib/fuzzblocks.h"
#include "tests/lib/fuzzthreads.h"

#define EPOCH UINT64_C(0x1122334455667788)
#define NOW UINT64_C(1790000000)
enum {
	STEPS_MAX = 64, DATAGRAM = 64 + 11 * SYMBOL_BYTES, SEGMENTS = 4, OBJECT_BYTES = SEGMENTS * SEGMENT_BYTES,
	STARTS_MAX = 2, DISK_MAX = 4 << 20, TURNS_MAX = 2000, RUNS_A_BOX = 16,
};

const unsigned int fuzz_replay_every = 64;

static struct {
	struct key *box, *person, *recipient, *outside;
	char rules[2048], vault[96], runtime[96], witness[112];
	int vault_fd, runtime_fd;
	struct diary *diary;
	uint8_t object[OBJECT_BYTES];
	struct entry entry; /* of the one that is right: number 1 */
	uint64_t runs, steps;
} box;

struct life {
	struct intake *intake;
	struct lost *lost;
	uint64_t ms, generation, beat;
	unsigned int starts;
};

static struct key *new_key(enum key_kind kind, const char *name)
{
	struct key *key = key_new(kind, name);
	fuzz_need(key != NULL, "no key");
	memset(key->secret, (int)kind + 1, SUITE_KEY_BYTES);
	key_complete(key);
	return key;
}

static size_t add_card(size_t at, const struct key *key)
{
	char hex[2 * SUITE_KEY_BYTES + 1];
	text_hex(hex, sizeof(hex), key->card.public_key, SUITE_KEY_BYTES);
	return at + (size_t)snprintf(box.rules + at, sizeof(box.rules) - at, "[%s %s]\npublic = %s\n%s",
				     key_kind_name(key->card.kind), key->card.name, hex,
				     key->card.kind == KEY_PERSON ? "roles = operator\n" : "");
}

static void make_rules(void)
{
	size_t at = (size_t)snprintf(box.rules, sizeof(box.rules), "[registry]\nformat = 1\nname = test\nversion = 1\n"
				     "issued = 2026-01-01\nexpires = 2030-01-01\n");
	at = add_card(at, box.person);
	at = add_card(at, box.box);
	at = add_card(at, box.recipient);
	snprintf(box.rules + at, sizeof(box.rules) - at, "psk = %064d\n[route tax]\nid = 7\nrecipients = agency\n"
		 "operators = wang-mei\nformat = opaque\nrecords = waived\ndestroy_after_days = 30\npriority = 4\n", 1);
}

static struct registry *load_rules(void)
{
	struct registry *registry = NULL;
	char problem[PROBLEM_BYTES] = "";
	fuzz_need(registry_parse(&registry, (const uint8_t *)box.rules, strlen(box.rules), NULL, problem) == 0, problem);
	return registry;
}

/* A bundle as weir-hold would have released it; what is sealed in it nobody here can read. */
static void make_object(void)
{
	const struct geometry g = geometry_choose(OBJECT_BYTES, 125);
	struct release release = {
		.route_id = 7, .epoch = EPOCH, .number = 1, .released_at = NOW, .row_len = g.row_len,
		.source_rows = g.source_rows, .repair_rows = g.repair_rows, .box = "inside-1",
		.statement = {.created = NOW - 1, .destroy_by = NOW + 86400, .registry_version = 1,
			      .segments = SEGMENTS - 1, .manifest_segments = 1, .route = "tax", .person = "wang-mei",
			      .push_id = {1}},
	};
	struct head head = {.route = "tax", .count = 1};
	struct tree tree;
	struct endorsements endorsements;
	uint8_t leaf[1][SUITE_DIGEST_BYTES];
	memset(box.object, 0x5a, sizeof(box.object));
	memcpy(head.stanzas[0].key_id, box.recipient->card.id, KEY_ID_BYTES);
	head_encode(box.object + SEGMENT_BYTES, &head);
	tree_start(&tree);
	for (uint64_t i = 0; i < SEGMENTS - 1; i++) {
		tree_leaves(leaf, box.object + (i + 1) * SEGMENT_BYTES, 1);
		tree_add(&tree, leaf[0]);
	}
	tree_root(&tree, release.statement.root);
	memcpy(release.statement.person_key, box.person->card.id, KEY_ID_BYTES);
	memcpy(release.box_key, box.box->card.id, KEY_ID_BYTES);
	endorse_push(&endorsements, &release.statement, box.person->secret);
	fuzz_need(release_segment_encode(box.object, &release, &endorsements, box.box->secret) == 0, "cannot sign");
	box.entry = (struct entry){.route_id = 7, .epoch = EPOCH, .number = 1, .geometry = g,
				   .destroy_by = NOW + 86400, .offered_until = NOW + 3600};
	memcpy(box.entry.root, release.statement.root, SUITE_DIGEST_BYTES);
}

static void tell(void *context, int priority, const char *id, const char *text)
{
	(void)context, (void)priority, (void)id;
	for (const char *p = text; *p != 0; p++)
		assert((unsigned char)*p >= ' ');
}

/* ---- steps ---- */

/* The workers do between two turns whatever there is to do; but for slow ones, which have done nothing yet. */
static void turn_slowly(struct life *life, uint64_t ms)
{
	life->ms += ms;
	intake_turn(life->intake, life->ms, NOW + life->ms / 1000);
}

static void turn(struct life *life, uint64_t ms)
{
	fuzz_threads_run();
	turn_slowly(life, ms);
}

static void settle(struct life *life)
{
	turn(life, 1);
	for (int i = 0; i < TURNS_MAX && intake_is_busy(life->intake); i++)
		turn(life, 0);
	turn(life, 1);
}

static void send_control(struct life *life, uint64_t epoch, const uint8_t *message, size_t len)
{
	uint8_t datagram[DATAGRAM];
	if (datagram_encode_control(datagram, sizeof(datagram), epoch, NOW << 32, message, len) == 0)
		intake_train(life->intake, datagram, sizeof(datagram), sizeof(datagram));
}

static uint64_t take_epoch(const uint8_t **data, size_t *size)
{
	return EPOCH + (fuzz_take_byte(data, size) & 1U);
}

static void take_geometry(struct geometry *g, const uint8_t **data, size_t *size)
{
	uint8_t how = fuzz_take_byte(data, size);
	*g = box.entry.geometry;
	if ((how & 3) == 1)
		*g = geometry_choose((3U + how / 4) * (uint64_t)SEGMENT_BYTES, 125);
	if ((how & 3) != 2)
		return;
	fuzz_take(&g->source_rows, 1, data, size);
	fuzz_take(&g->repair_rows, 1, data, size);
	g->row_len = (1U + fuzz_take_byte(data, size) % 16) * ROW_UNIT_BYTES;
	g->object_len = (3U + fuzz_take_byte(data, size)) * (uint64_t)SEGMENT_BYTES;
}

/* Some 20 bytes for each entry; a vault in memory must stay small. */
static void page(struct life *life, const uint8_t **data, size_t *size)
{
	static struct page p;
	uint8_t message[PAGE_BYTES_MAX], what = fuzz_take_byte(data, size);
	size_t len;
	p = (struct page){
		.count = (uint16_t)(what % 4), .epoch = take_epoch(data, size),
		.generation = (what & 128) != 0 ? fuzz_take_byte(data, size) : ++life->generation,
		.time = NOW + life->ms / 1000 - ((what & 64) != 0 ? fuzz_take_byte(data, size) : 0U),
		.page = (what & 32) != 0 ? fuzz_take_byte(data, size) % 4 : 0, .pages = 1,
		.age = (what & 8) != 0 ? fuzz_take_byte(data, size) : 0,
	};
	p.pages = p.page + ((what & 16) != 0 ? 1 : 2);
	memcpy(p.box_key, box.box->card.id, KEY_ID_BYTES);
	for (unsigned int i = 0; i < p.count; i++) {
		struct entry *e = &p.entries[i];
		uint8_t which = fuzz_take_byte(data, size);
		*e = box.entry;
		if (which == 0)
			continue;
		e->number = which & 15;
		e->route_id = (uint16_t)(7 + (which >> 6));
		e->epoch = EPOCH - (which >> 5 & 1U);
		take_geometry(&e->geometry, data, size);
		e->destroy_by = NOW + 8 * (uint64_t)fuzz_take_byte(data, size);
		e->offered_until = NOW + 8 * (uint64_t)fuzz_take_byte(data, size);
		e->passes = fuzz_take_byte(data, size) % 4;
		e->root[0] ^= which & 16;
		if (geometry_check(&e->geometry) != 0 || partial_disk(&e->geometry) > DISK_MAX)
			return;
	}
	if (page_encode(message, &len, &p, box.box->secret) == 0)
		send_control(life, p.epoch, message, len);
}

static void heartbeat(struct life *life, const uint8_t **data, size_t *size)
{
	uint8_t message[HEARTBEAT_BYTES], what = fuzz_take_byte(data, size);
	struct heartbeat h = {
		.bundles = what & 3, .epoch = take_epoch(data, size), .beat = ++life->beat,
		.time = NOW + life->ms / 1000, .generation = life->generation, .pages = 1, .registry_version = 1,
		.ledger = {.n = 5},
	};
	memcpy(h.box_key, box.box->card.id, KEY_ID_BYTES);
	if ((what & 128) != 0)
		h.beat = fuzz_take_byte(data, size);
	if ((what & 64) != 0)
		h.generation = fuzz_take_byte(data, size);
	if ((what & 32) != 0)
		fuzz_take(&h.waiting, 4 * sizeof(uint64_t) - 8, data, size);
	if ((what & 16) != 0)
		h.epoch_before = EPOCH - (fuzz_take_byte(data, size) & 1U);
	if ((what & 8) != 0)
		fuzz_take(&h.ledger, sizeof(h.ledger), data, size);
	if ((what & 4) != 0)
		h.registry_version = fuzz_take_byte(data, size);
	if (heartbeat_encode(message, &h, box.box->secret) == 0)
		send_control(life, h.epoch, message, sizeof(message));
}

static void heads(struct life *life, const uint8_t **data, size_t *size)
{
	static struct heads h;
	uint8_t message[HEADS_BYTES_MAX], what = fuzz_take_byte(data, size);
	size_t len;
	h = (struct heads){
		.count = what % 4, .epoch = take_epoch(data, size), .epoch_before = (what & 128) != 0 ? EPOCH : 0,
		.generation = (what & 64) != 0 ? fuzz_take_byte(data, size) : life->generation,
		.time = NOW + life->ms / 1000, .pages = 1,
	};
	memcpy(h.box_key, box.box->card.id, KEY_ID_BYTES);
	for (unsigned int i = 0; i < h.count; i++)
		h.head[i] = (struct route_head){(uint16_t)(7 + i), 1U + fuzz_take_byte(data, size) % 8,
						fuzz_take_byte(data, size)};
	if (heads_encode(message, &len, &h, box.box->secret) == 0)
		send_control(life, h.epoch, message, len);
}

/* Any place in any bundle; where it is the right one, its bytes or others. */
static void data_of(struct life *life, const uint8_t **data, size_t *size)
{
	static uint8_t datagram[DATAGRAM];
	struct datagram d = {.type = DATAGRAM_TYPE_DATA, .id = {EPOCH, 1, 7}, .sequence = NOW << 32};
	uint8_t what = fuzz_take_byte(data, size);
	d.id.epoch = EPOCH - (what & 1U);
	d.id.number = fuzz_take_byte(data, size) & 15U;
	d.id.route_id = (uint16_t)(7 + (what >> 1 & 3));
	take_geometry(&d.geometry, data, size);
	fuzz_take(&d.block, sizeof(d.block), data, size);
	d.block = (what & 16) != 0 ? d.block : d.block & 3;
	fuzz_take(&d.row, sizeof(d.row), data, size);
	fuzz_take(&d.first_symbol, sizeof(d.first_symbol), data, size);
	d.first_symbol = (what & 32) != 0 ? d.first_symbol : d.first_symbol & 31;
	d.symbol_count = (uint8_t)(1 + fuzz_take_byte(data, size) % 11);
	memset(datagram, what, sizeof(datagram));
	datagram_encode_data(datagram, &d);
	intake_train(life->intake, datagram, 64 + (size_t)d.symbol_count * SYMBOL_BYTES,
		     64 + (size_t)d.symbol_count * SYMBOL_BYTES);
}

/* All source rows of the right one, but for some. */
static void whole(struct life *life, const uint8_t **data, size_t *size)
{
	static uint8_t datagram[DATAGRAM];
	const struct geometry *g = &box.entry.geometry;
	uint8_t skip = fuzz_take_byte(data, size), damage = fuzz_take_byte(data, size);
	unsigned int n = 0;
	for (uint32_t row = 0; row < g->source_rows; row++) {
		uint32_t sent = geometry_row_sent(g, 0, row);
		for (uint32_t first = 0; first < sent; first += 11) {
			uint32_t count = sent - first < 11 ? sent - first : 11;
			struct datagram d = {
				.type = DATAGRAM_TYPE_DATA, .id = {EPOCH, 1, 7}, .geometry = *g, .row = (uint8_t)row,
				.first_symbol = (uint16_t)first, .symbol_count = (uint8_t)count, .sequence = (NOW << 32) + n,
			};
			size_t len = 64 + (size_t)count * SYMBOL_BYTES;
			datagram_encode_data(datagram, &d);
			memcpy(datagram + 64, box.object + geometry_row_offset(g, 0, row) + (size_t)first * SYMBOL_BYTES,
			       len - 64);
			datagram[64 + damage % (len - 64)] ^= damage == n;
			if (skip == 0 || n % skip != 1)
				intake_train(life->intake, datagram, len, len);
			n++;
		}
	}
}

/* The next bytes as one datagram behind a tag, or as a control message. */
static void raw(struct life *life, const uint8_t **data, size_t *size)
{
	static uint8_t datagram[DATAGRAM];
	uint8_t what = fuzz_take_byte(data, size);
	size_t len = fuzz_take_byte(data, size);
	fuzz_take(datagram, len, data, size);
	if ((what & 1) != 0)
		send_control(life, EPOCH, datagram, len);
	else
		intake_train(life->intake, datagram, len + 40, 1 + (size_t)what * 6);
}

static void clock_goes(struct life *life, const uint8_t **data, size_t *size)
{
	uint8_t what = fuzz_take_byte(data, size);
	uint64_t ms = what < 128 ? what * 10U : (what - 127U) * 60000U;
	if (what % 8 == 4)
		turn_slowly(life, ms);
	else
		turn(life, ms);
	if (what == 255)
		settle(life);
}

/* ---- one box after another, and one keep after another ---- */

/* On a tmpfs a directory without entries has no size, and need not be opened. */
static bool may_have_entries(int dir_fd, const char *name)
{
	struct stat st;
	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) && st.st_size > 0;
}

/* Everything below a directory of the vault. */
static int remove_below(int dir_fd, const char *name, void *context)
{
	if (name[0] == '.')
		return 0;
	if (may_have_entries(dir_fd, name))
		fuzz_need(io_each_name(io_open_dir(dir_fd, name), remove_below, context) == 0, "no empty directory");
	if (unlinkat(dir_fd, name, 0) < 0)
		fuzz_need(unlinkat(dir_fd, name, AT_REMOVEDIR) == 0, "no empty vault");
	return 0;
}

/* Files, and what is below the directories, which stay, as in a vault that was never used. */
static int remove_name(int dir_fd, const char *name, void *context)
{
	if (strcmp(name, "ledger") == 0 || name[0] == '.')
		return 0;
	if (may_have_entries(dir_fd, name))
		fuzz_need(io_each_name(io_open_dir(dir_fd, name), remove_below, context) == 0, "no empty directory");
	else
		(void)unlinkat(dir_fd, name, 0);
	return 0;
}

/* A run is a sequence; what is counted is what keep was given. */
static void tell_steps(void)
{
	printf("# %llu steps\n", (unsigned long long)box.steps);
}

static void start_box(void)
{
	if (box.runs == 0) {
		fuzz_need(atexit(tell_steps) == 0, "no end");
		box.box = new_key(KEY_SENDER, "inside-1");
		box.person = new_key(KEY_PERSON, "wang-mei");
		box.recipient = new_key(KEY_RECIPIENT, "agency");
		box.outside = new_key(KEY_RECEIVER, "outside-1");
		make_rules();
		make_object();
		snprintf(box.vault, sizeof(box.vault), "%s/vault", fuzz_dir());
		snprintf(box.runtime, sizeof(box.runtime), "%s/runtime", fuzz_dir());
		snprintf(box.witness, sizeof(box.witness), "%s/marker", box.runtime);
	} else {
		diary_close(box.diary);
		close(box.vault_fd);
		close(box.runtime_fd);
		fuzz_remove_directory();
		fuzz_need(mkdir(fuzz_dir(), 0700) == 0, "no directory again");
	}
	box.vault_fd = fuzz_dir_fd("vault");
	box.runtime_fd = fuzz_dir_fd("runtime");
	fuzz_need(diary_open(&box.diary, box.vault, box.outside, NOW) == 0, "no ledger");
}

static void empty_vault(void)
{
	fuzz_need(io_each_name(io_open_dir(box.vault_fd, "."), remove_name, NULL) == 0 && vault_prepare(box.vault_fd) == 0,
		  "no vault");
}

static void open_life(struct life *life)
{
	static const struct teller teller = {tell, NULL};
	fuzz_need(lost_open(&life->lost, box.vault_fd) == 0, "no list of what is lost");
	const struct intake_options options = {
		.vault_fd = box.vault_fd, .runtime = box.runtime, .disk_full_percent = 101, .registry = load_rules(),
		.tell = &teller, .diary = box.diary, .lost = life->lost, .unfinished_days = 2, .witness = box.witness,
		.box_key = box.outside->card.id, .remembered_version = 1,
	};
	fuzz_need(intake_open(&life->intake, &options) == 0, "no intake");
	turn(life, 1);
}

static void close_life(struct life *life)
{
	intake_close(life->intake);
	lost_close(life->lost);
}

/* Keep is started again: after an orderly end or as after a kill; on its vault, or on one that is new or was lost. */
static void starts_again(struct life *life, const uint8_t **data, size_t *size)
{
	uint8_t what = fuzz_take_byte(data, size);
	if (life->starts++ == STARTS_MAX)
		return;
	if ((what & 1) != 0)
		intake_store(life->intake);
	close_life(life);
	if ((what & 2) != 0)
		empty_vault();
	if ((what & 4) != 0)
		(void)unlinkat(box.vault_fd, "annals", 0);
	if ((what & 8) != 0)
		(void)unlink(box.witness);
	open_life(life);
}

/* Nothing but the one bundle, whole, and the registry behind it. */
static void check_vault(void)
{
	struct vault_item *items = NULL;
	size_t count = 0, len = 0;
	uint8_t *bytes = NULL;
	char path[160];
	assert(vault_list(box.vault_fd, &items, &count) == 0 && count <= 1);
	if (count == 1) {
		assert(items[0].epoch == EPOCH && strcmp(items[0].name, "tax-000001") == 0);
		snprintf(path, sizeof(path), "bundles/%016llx/tax-000001.weir", (unsigned long long)EPOCH);
		assert(io_read_file(box.vault_fd, path, OBJECT_BYTES + sizeof(box.rules), &bytes, &len) == 0);
		assert(len == OBJECT_BYTES + strlen(box.rules) && memcmp(bytes, box.object, OBJECT_BYTES) == 0);
		assert(memcmp(bytes + OBJECT_BYTES, box.rules, strlen(box.rules)) == 0);
		free(bytes);
	}
	free(items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const steps[])(struct life *, const uint8_t **, size_t *) = {
		page, heartbeat, heads, data_of, whole, raw, clock_goes, starts_again,
	};
	struct life life = {.intake = NULL};
	if (size == 0 || size > 65536 || suite_start() != 0)
		return 0;
	if (box.runs % RUNS_A_BOX == 0)
		start_box();
	box.runs++;
	const size_t blocks = fuzz_blocks_in_use();
	fuzz_threads_begin();
	fuzz_need(io_each_name(io_open_dir(box.runtime_fd, "."), remove_name, NULL) == 0, "no runtime");
	empty_vault();
	open_life(&life);
	for (int i = 0; i < STEPS_MAX && size > 0; i++) {
		uint8_t step = fuzz_take_byte(&data, &size);
		box.steps++;
		steps[step % (sizeof(steps) / sizeof(steps[0]))](&life, &data, &size);
	}
	settle(&life);
	intake_store(life.intake);
	close_life(&life);
	fuzz_threads_end();
	fuzz_blocks_check(blocks);
	check_vault();
	return 0;
}
