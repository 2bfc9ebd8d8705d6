#include "sender/pack.h"

#include <stdio.h>

#include "common/compress.h"
#include "common/sha256.h"
#include "common/tree.h"
#include "tests/unit/world.h"

enum { DATA_BYTES = 5 * FRAME_BYTES };

static struct registry *registry;
static uint8_t *noise, *table; /* DATA_BYTES of each */

/* What must come out: the member being opened, and those behind it. */
struct expected {
	const struct world_member *members;
	size_t at; /* bytes of it so far */
};

static int member_begins(void *context, uint32_t index, const struct member *m)
{
	(void)index;
	struct expected *e = context;
	const struct world_member *wanted = e->members;
	uint8_t digest[SHA256_BYTES];
	struct sha256 hasher;
	sha256_start(&hasher);
	sha256_add(&hasher, wanted->data, wanted->len);
	sha256_end(&hasher, digest);
	e->at = 0;
	bool good = strcmp(m->name, wanted->name) == 0 && m->size == wanted->len && m->mtime_s == 1780000000 &&
		    m->mtime_ns == 5 && memcmp(m->digest, digest, sizeof(digest)) == 0;
	return good ? 0 : -EBADMSG;
}

static int member_data(void *context, const void *data, size_t len)
{
	struct expected *e = context;
	if (memcmp(e->members->data + e->at, data, len) != 0)
		return -EBADMSG;
	e->at += len;
	return 0;
}

static int member_ends(void *context, uint32_t index, const struct member *m)
{
	struct expected *e = context;
	(void)index;
	bool good = e->at == m->size && m->size == e->members->len;
	e->members++;
	return good ? 0 : -EBADMSG;
}

/* Opens all members and compares them. */
static bool opens_to(const struct world_file *file, const char *recipient,
		     const struct world_member *members, size_t count)
{
	struct unpack *u = NULL;
	struct expected expected = {.members = members};
	const struct unpack_visitor visitor = {member_begins, member_data, member_ends, &expected};
	int result = world_unlock(&u, file->fd, registry, recipient);
	bool good = result == 0 && unpack_manifest(u)->member_count == count &&
		    unpack_all(u, 0, &visitor) == 0 && expected.members == members + count;
	unpack_free(u);
	return good;
}

static bool crosses(const struct world_member *members, size_t count)
{
	struct world_file file = world_object(registry, "tax", RECORDS_LINES, members, count);
	bool good = opens_to(&file, "tax-agency", members, count);
	io_close(file.fd);
	return good;
}

static void test_sizes(void)
{
	static const size_t sizes[] = {0, 1, 1399, 1400, 1401, 16367, 16368, 16369, 65536, FRAME_BYTES - 1,
				       FRAME_BYTES, FRAME_BYTES + 1, 2 * FRAME_BYTES, 3 * FRAME_BYTES + 7};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct world_member random = {"a", noise, sizes[i]}, plain = {"a", table, sizes[i]};
		ok(crosses(&random, 1), "%zu random bytes cross", sizes[i]);
		ok(crosses(&plain, 1), "%zu bytes of a table cross", sizes[i]);
	}
}

static void test_members(uint64_t *state)
{
	ok(crosses(NULL, 0), "a bundle without members crosses");
	const struct world_member some[] = {
		{"a", noise, 0}, {"b", noise, 1}, {"c", table, FRAME_BYTES}, {"d", noise, 0},
		{"e", noise + 5, FRAME_BYTES - 1}, {"f", table, FRAME_BYTES + 1}, {"g/h", noise, 100}, {"i", noise, 0},
	};
	ok(crosses(some, sizeof(some) / sizeof(some[0])), "members that end where frames do cross");

	enum { MANY = 10000 };
	struct world_member *many = calloc(MANY, sizeof(*many));
	char (*names)[16] = calloc(MANY, sizeof(*names));
	for (size_t i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "%04zu/%zu", i / 10, i % 10);
		many[i] = (struct world_member){names[i], noise + i, test_random(state) % 400};
	}
	ok(crosses(many, MANY), "10,000 small members cross");
	for (size_t i = 0; i < MANY; i++)
		many[i].len = 0;
	ok(crosses(many, MANY), "so do 10,000 of nothing");
	free(names);
	free(many);
}

static void test_pieces(uint64_t *state)
{
	static const unsigned int threads[] = {1, 2, 5};
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		struct world_file file = world_file();
		struct statement statement = {0};
		struct pack *pack = world_pack(&file, registry, "tax", RECORDS_LINES, threads[i]);
		int result = pack_member_begin(pack, "a", 1780000000, 5);
		for (size_t at = 0; result == 0 && at < DATA_BYTES;) {
			size_t now = test_random(state) % 300000;
			now = now < DATA_BYTES - at ? now : DATA_BYTES - at;
			result = pack_add(pack, table + at, now);
			at += now;
		}
		is_number(result, 0, "a member is given in pieces to %u threads", threads[i]);
		is_number((int64_t)pack_content_len(pack), DATA_BYTES, "all of it has been taken");
		is_number(pack_member_end(pack), 0, "it ends");
		is_number(pack_finish(pack, &statement), 0, "and is packed");
		pack_free(pack);
		world_release(&file, registry, "tax", &statement);
		struct world_member whole = {"a", table, DATA_BYTES};
		ok(opens_to(&file, "tax-agency", &whole, 1), "it comes out whole");
		io_close(file.fd);
	}
}

/* Where a chunk ends there is less room than was asked for. */
static void test_room(void)
{
	struct world_file file = world_file();
	struct statement statement = {0};
	struct pack *pack = world_pack(&file, registry, "tax", RECORDS_LINES, 2);
	bool fits = true;
	int result = pack_member_begin(pack, "a", 1780000000, 5);
	for (size_t at = 0; result == 0 && at < DATA_BYTES;) {
		uint8_t *room;
		size_t now = DATA_BYTES - at < 300000 ? DATA_BYTES - at : 300000;
		size_t wanted = now, left = FRAME_BYTES - at % FRAME_BYTES;
		result = pack_reserve(pack, &room, &now);
		if (result != 0)
			break;
		fits = fits && now == (wanted < left ? wanted : left);
		/* not all of it is filled in */
		now -= now > 1 ? 1 : 0;
		memcpy(room, table + at, now);
		pack_commit(pack, now);
		at += now;
	}
	ok(result == 0 && fits, "there is room for what is asked for, up to the end of a frame");
	ok(pack_member_end(pack) == 0 && pack_finish(pack, &statement) == 0, "what was filled in is packed");
	pack_free(pack);
	world_release(&file, registry, "tax", &statement);
	struct world_member whole = {"a", table, DATA_BYTES};
	ok(opens_to(&file, "tax-agency", &whole, 1), "it comes out whole");
	io_close(file.fd);
}

static void test_drain(void)
{
	struct world_file file = world_file();
	struct statement statement = {0};
	const struct manifest *manifest = NULL;
	struct pack *pack = world_pack(&file, registry, "tax", RECORDS_CSV, 0);
	static const char csv[] = "name,note\nwang,\"two\nlines\"\nlee,\n";
	is_number(pack_member_begin(pack, "a.csv", 1780000000, 5), 0, "a member begins");
	is_number(pack_add(pack, csv, strlen(csv)), 0, "it has two records");
	is_number(pack_member_end(pack), 0, "it ends");
	is_number(pack_drain(pack, &manifest), 0, "the pack is drained");
	is_number((int64_t)manifest->records, 2, "the manifest has the records");
	is_number((int64_t)manifest->members[0].records, 2, "of the member too");
	is_number(manifest->frame_count, 1, "and the frame");
	const struct manifest *again = NULL;
	ok(pack_drain(pack, &again) == 0 && again == manifest, "draining twice is fine");
	is_number(pack_finish(pack, &statement), 0, "then it is finished");
	ok(memcmp(statement.push_id, manifest->push_id, PUSH_ID_BYTES) == 0, "the statement has the push id");
	pack_free(pack);
	io_close(file.fd);
}

static void test_body(void)
{
	struct world_member members[] = {{"a", noise, 200000}};
	struct world_file file = world_file(), second = world_file();
	struct statement s = {0}, other = {0};
	struct pack *pack = world_pack(&file, registry, "all", RECORDS_NOT_COUNTED, 0);
	uint8_t head[SEGMENT_BYTES], root[SUITE_DIGEST_BYTES];
	struct head h;
	is_number((int64_t)file.len, 2 * SEGMENT_BYTES, "the sink has the head at once");
	is_number(io_pread_exact(file.fd, head, sizeof(head), SEGMENT_BYTES), 0, "which is a segment");
	is_number(head_decode(&h, head), 0, "it is a head");
	is_number(h.count, 3, "with a stanza for each recipient");
	is_text(h.route, "all", "and the route");
	ok(pack_member_begin(pack, "a", 1780000000, 5) == 0 && pack_add(pack, noise, 200000) == 0 &&
		   pack_member_end(pack) == 0 && pack_finish(pack, &s) == 0,
	   "a member is packed");
	pack_free(pack);
	is_number((int64_t)file.len, (int64_t)((s.segments + 1) * SEGMENT_BYTES), "the sink has N segments");
	ok(tree_of_file(file.fd, SEGMENT_BYTES, s.segments, root, NULL, NULL) == 0 &&
		   memcmp(root, s.root, sizeof(root)) == 0,
	   "whose root is the statement's");
	/* 200,000 random bytes are 13 segments, the manifest is 1: 15 with the head */
	is_number((int64_t)s.segments, 16, "N is padded");
	is_number(s.manifest_segments, 1, "M is what the manifest needs");
	world_release(&file, registry, "all", &s);
	ok(opens_to(&file, "tax-agency", members, 1), "the first recipient opens it");
	ok(opens_to(&file, "census", members, 1), "so does the second");
	ok(opens_to(&file, "audit", members, 1), "and the third");

	pack = world_pack(&second, registry, "all", RECORDS_NOT_COUNTED, 0);
	ok(pack_member_begin(pack, "a", 1780000000, 5) == 0 && pack_add(pack, noise, 200000) == 0 &&
		   pack_member_end(pack) == 0 && pack_finish(pack, &other) == 0,
	   "the same is packed once more");
	pack_free(pack);
	ok(memcmp(s.push_id, other.push_id, PUSH_ID_BYTES) != 0, "under another push id");
	ok(memcmp(s.root, other.root, sizeof(root)) != 0, "with another root");
	ok(memcmp(s.manifest_digest, other.manifest_digest, sizeof(root)) != 0, "and another digest of the manifest");
	io_close(second.fd);
	io_close(file.fd);
}

/* The lengths that a push gives away grow in steps. */
static void test_padding(void)
{
	for (size_t len = 0; len <= 1000000; len += 99991) {
		struct world_member member = {"a", noise, len};
		struct world_file file = world_object(registry, "tax", RECORDS_NOT_COUNTED, &member, 1);
		uint64_t n = file.len / SEGMENT_BYTES - 1;
		ok(bundle_pad(n) == n, "%zu bytes make %d segments, a padded number", len, (int)n);
		io_close(file.fd);
	}
}

static void test_refusals(void)
{
	static const struct {
		const char *name;
		uint32_t ns;
		int verdict;
	} cases[] = {
		{"", 0, VERDICT_BAD_NAME},
		{"../b", 0, VERDICT_BAD_NAME},
		{"a", 0, VERDICT_BAD_ORDER},
		{"a/b", 0, VERDICT_BAD_ORDER},
		{"0", 0, VERDICT_BAD_ORDER},
		{"b", 1000000000, VERDICT_BAD_LIMIT},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world_file file = world_file();
		struct pack *pack = world_pack(&file, registry, "tax", RECORDS_LINES, 0);
		ok(pack_member_begin(pack, "a", 0, 0) == 0 && pack_member_end(pack) == 0, "after a member 'a'");
		is_number(pack_member_begin(pack, cases[i].name, 0, cases[i].ns), cases[i].verdict,
			  "'%s' is refused", cases[i].name);
		pack_free(pack);
		io_close(file.fd);
	}
	struct party weak = *registry_route(registry, "tax")->recipients[0];
	memset(weak.card.public_key, 0, SUITE_KEY_BYTES);
	const struct party *recipients[] = {&weak};
	struct route route = *registry_route(registry, "tax");
	route.recipients = recipients;
	const uint8_t psk[1][SUITE_KEY_BYTES] = {{0}};
	struct world_file file = world_file();
	const struct pack_options options = {.route = &route, .psk = psk, .sink = world_sink, .context = &file};
	struct pack *pack = NULL;
	is_number(pack_start(&pack, &options), VERDICT_BAD_KEY, "nothing is sealed for a key of low order");
	ok(pack == NULL && file.calls == 0, "nothing is left, and the sink has seen nothing");
	io_close(file.fd);
}

/* Packs 3 frames of noise; the result of the first call that fails. */
static int pack_into(struct world_file *file)
{
	const struct route *route = registry_route(registry, "tax");
	const uint8_t psk[1][SUITE_KEY_BYTES] = {{0}};
	const struct pack_options options = {
		.route = route, .psk = psk, .rule = RECORDS_LINES, .threads = 2, .sink = world_sink, .context = file,
	};
	struct statement s = {0};
	struct pack *pack = NULL;
	int result = pack_start(&pack, &options);
	if (result == 0)
		result = pack_member_begin(pack, "a", 0, 0);
	for (size_t at = 0; result == 0 && at < DATA_BYTES; at += 65536)
		result = pack_add(pack, noise + at, 65536);
	if (result == 0)
		result = pack_member_end(pack);
	if (result == 0)
		result = pack_finish(pack, &s);
	pack_free(pack);
	return result;
}

static void test_failing_sinks(void)
{
	struct world_file whole = world_file();
	is_number(pack_into(&whole), 0, "a sink that never fails is called some times");
	size_t wrong = 0, went_on = 0;
	for (int call = 1; call <= whole.calls; call++) {
		struct world_file file = world_file();
		file.fail_after = call;
		wrong += pack_into(&file) != -ENOSPC;
		went_on += file.calls != call;
		io_close(file.fd);
	}
	ok(whole.calls >= 6, "there were %d of them", whole.calls);
	is_number((int64_t)wrong, 0, "failing at any of them ends the packing with the sink's result");
	is_number((int64_t)went_on, 0, "and the sink is not called again");
	io_close(whole.fd);
}

static void test_abandoning(void)
{
	for (size_t len = 0; len <= 3 * FRAME_BYTES; len += FRAME_BYTES / 2) {
		struct world_file file = world_file();
		struct pack *pack = world_pack(&file, registry, "tax", RECORDS_LINES, 0);
		ok(pack_member_begin(pack, "a", 0, 0) == 0 && pack_add(pack, noise, len) == 0,
		   "a pack can be given up after %zu bytes", len);
		pack_free(pack);
		io_close(file.fd);
	}
	pack_free(NULL);
}

int main(void)
{
	uint64_t state = test_seed();
	world_need(suite_start() == 0, "no cryptography");
	registry = world_registry();
	noise = malloc(DATA_BYTES);
	table = malloc(DATA_BYTES);
	test_random_bytes(&state, noise, DATA_BYTES);
	for (size_t i = 0; i < DATA_BYTES; i++)
		table[i] = (uint8_t)"0123456789,\n"[noise[i] % 12];
	test_sizes();
	test_members(&state);
	test_pieces(&state);
	test_room();
	test_drain();
	test_body();
	test_padding();
	test_refusals();
	test_failing_sinks();
	test_abandoning();
	free(noise);
	free(table);
	registry_free(registry);
	return done_testing();
}
