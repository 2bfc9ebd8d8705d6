#include "receiver/unpack.h"

#include <sys/wait.h>

#include "common/compress.h"
#include "common/confine.h"
#include "common/cursor.h"
#include "common/sha256.h"
#include "sender/pack_seal.h"
#include "tests/unit/world.h"

enum { DATA_BYTES = 4 * FRAME_BYTES + 1000, SMALL_BYTES = 1000 };

static struct registry *registry;
static uint8_t *noise;

static const char csv[] = "id,name\n1,\"wang\nmei\"\n2,lee\n";

/* What a sink and a visitor have been given. */
struct got {
	uint8_t *data;
	size_t len;
	unsigned int begun, ended, calls;
	unsigned int fail_at; /* the call, of any kind, that fails; from 1 */
};

static int next_call(struct got *got)
{
	return ++got->calls == got->fail_at ? -EPIPE : 0;
}

static int take(void *context, const void *data, size_t len)
{
	struct got *got = context;
	if (got->len + len > DATA_BYTES)
		return -EFBIG;
	memcpy(got->data + got->len, data, len);
	got->len += len;
	return next_call(got);
}

static int begin(void *context, uint32_t index, const struct member *member)
{
	struct got *got = context;
	(void)member;
	got->begun++;
	return index == got->begun - 1 && index == got->ended ? next_call(got) : -EBADMSG;
}

static int end(void *context, uint32_t index, const struct member *member)
{
	struct got *got = context;
	(void)index;
	(void)member;
	got->ended++;
	return got->begun == got->ended ? next_call(got) : -EBADMSG;
}

static int open_all(struct unpack *u, unsigned int threads, struct got *got)
{
	static uint8_t buffer[DATA_BYTES];
	got->data = buffer;
	const struct unpack_visitor visitor = {begin, take, end, got};
	return unpack_all(u, threads, &visitor);
}

/* Verify, unlock, and open all: the result of the first step that fails. */
static int open_whole(int fd, struct got *got)
{
	struct unpack *u = NULL;
	int result = world_unlock(&u, fd, registry, "tax-agency");
	if (result == 0)
		result = open_all(u, 0, got);
	unpack_free(u);
	return result;
}

static struct world_file small_object(void)
{
	const struct world_member members[] = {{"a.csv", (const uint8_t *)csv, strlen(csv)}, {"b", noise, SMALL_BYTES}};
	return world_object(registry, "tax", RECORDS_CSV, members, 2);
}

static int verify(int fd)
{
	struct unpack *u = NULL;
	int result = unpack_open(&u, fd);
	if (result == 0)
		result = unpack_verify(u, registry, NULL, NULL);
	unpack_free(u);
	return result;
}

static uint8_t *map(const struct world_file *file)
{
	uint8_t *bytes = mmap(NULL, file->len, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
	world_need(bytes != MAP_FAILED, "cannot map a file");
	return bytes;
}

/*
 * Every bit of the release, and of the other segments, whose bytes are only hashed, one in every few
 * bytes; with BUDGET set, as for the long tests, every bit of all.
 */
static void test_every_bit(uint64_t *state)
{
	struct world_file file = small_object();
	uint8_t *bytes = map(&file);
	bool all = getenv("BUDGET") != NULL;
	size_t accepted = 0, tried = 0;
	is_number((int64_t)file.len, 4 * SEGMENT_BYTES, "the smallest object has four segments");
	is_number(verify(file.fd), 0, "it verifies");
	for (size_t bit = 0; bit < file.len * 8; tried++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		accepted += verify(file.fd) <= 0;
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		bit += all || bit < RELEASE_BYTES * 8 ? 1 : 1 + test_random(state) % 64;
	}
	is_number((int64_t)accepted, 0, "with any of %zu bits flipped it is refused", tried);
	accepted = 0;
	for (uint64_t len = file.len; len-- > 0;) {
		world_need(ftruncate(file.fd, (off_t)len) == 0, "cannot cut a file");
		accepted += verify(file.fd) != VERDICT_TRUNCATED;
	}
	is_number((int64_t)accepted, 0, "every truncation of it is refused as such");
	munmap(bytes, file.len);
	io_close(file.fd);
}

/* What happens to a file after it was verified never comes out as anything else. */
static void test_changes_behind_our_back(uint64_t *state)
{
	struct world_file file = small_object();
	uint8_t *bytes = map(&file);
	struct unpack *u = NULL;
	world_need(world_unlock(&u, file.fd, registry, "tax-agency") == 0, "cannot unlock");
	size_t wrong = 0;
	for (int round = 0; round < 500; round++) {
		size_t bit = test_random(state) % (SEGMENT_BYTES * 8), at = 2 * SEGMENT_BYTES + bit / 8;
		struct got got = {0};
		bytes[at] ^= (uint8_t)(1U << bit % 8);
		wrong += open_all(u, 1, &got) != VERDICT_DAMAGED || got.ended != 0 || got.len != 0;
		bytes[at] ^= (uint8_t)(1U << bit % 8);
	}
	is_number((int64_t)wrong, 0, "content that is changed after it was verified is damaged, and nothing leaves");
	world_need(ftruncate(file.fd, 2 * SEGMENT_BYTES) == 0, "cannot cut a file");
	struct got got = {0};
	is_number(open_all(u, 1, &got), VERDICT_TRUNCATED, "content that is cut off then is truncated");
	unpack_free(u);
	munmap(bytes, file.len);
	io_close(file.fd);

	static const struct {
		uint64_t segment;
		int verdict;
		const char *what;
	} cases[] = {
		{1, VERDICT_BAD_MAGIC, "a head"},
		{3, VERDICT_DAMAGED, "a manifest"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct key key = world_key(KEY_RECIPIENT, "tax-agency"), psk = world_key(KEY_PSK, "tax-agency");
		file = small_object();
		world_need(unpack_open(&u, file.fd) == 0 && unpack_verify(u, registry, NULL, NULL) == 0,
			   "cannot verify");
		uint8_t byte;
		world_need(io_pread_exact(file.fd, &byte, 1, cases[i].segment * SEGMENT_BYTES) == 0, "cannot read");
		byte ^= 1;
		world_need(io_pwrite(file.fd, &byte, 1, cases[i].segment * SEGMENT_BYTES) == 0, "cannot write");
		is_number(unpack_unlock(u, &key, psk.secret), cases[i].verdict, "%s that is changed is refused",
			  cases[i].what);
		unpack_free(u);
		io_close(file.fd);
	}
}

static void test_recipients(void)
{
	struct world_file file = small_object();
	struct key key = world_key(KEY_RECIPIENT, "tax-agency"), psk = world_key(KEY_PSK, "tax-agency");
	struct key other = world_key(KEY_RECIPIENT, "census"), other_psk = world_key(KEY_PSK, "census");
	struct unpack *u = NULL;
	world_need(unpack_open(&u, file.fd) == 0 && unpack_verify(u, registry, NULL, NULL) == 0, "cannot verify");
	is_number(unpack_unlock(u, &other, other_psk.secret), VERDICT_WRONG_RECIPIENT, "another recipient is refused");
	is_number(unpack_unlock(u, &key, other_psk.secret), VERDICT_WRONG_KEY, "another pre-shared key is");
	struct key forged = key;
	forged.secret[0] ^= 8;
	is_number(unpack_unlock(u, &forged, psk.secret), VERDICT_WRONG_KEY, "another secret is");
	is_number(unpack_unlock(u, &key, psk.secret), 0, "the right keys open it even then");
	const struct manifest *m = unpack_manifest(u);
	is_number(m->member_count, 2, "it has two members");
	is_text(m->members[0].name, "a.csv", "with their names");
	is_number((int64_t)m->members[0].records, 2, "and records");
	unpack_free(u);

	struct got got = {0};
	is_number(open_whole(file.fd, &got), 0, "all of it opens");
	ok(got.begun == 2 && got.ended == 2 && got.len == strlen(csv) + SMALL_BYTES &&
		   memcmp(got.data, csv, strlen(csv)) == 0 && memcmp(got.data + strlen(csv), noise, SMALL_BYTES) == 0,
	   "to what went in");
	io_close(file.fd);
}

static void test_registry_text(void)
{
	struct world_file file = small_object();
	struct unpack *u = NULL;
	uint8_t *text = NULL;
	size_t len = 1;
	world_need(unpack_open(&u, file.fd) == 0, "cannot open");
	is_number(unpack_registry_text(u, &text, &len), 0, "an object may have no registry behind it");
	ok(text == NULL && len == 0, "then there is none");
	unpack_free(u);

	io_pwrite(file.fd, "[registry]", 10, file.len);
	world_need(unpack_open(&u, file.fd) == 0, "cannot open");
	is_number(unpack_registry_text(u, &text, &len), 0, "what is behind it is the registry");
	ok(len == 10 && memcmp(text, "[registry]", len) == 0, "all of it");
	free(text);
	text = NULL;
	is_number(unpack_verify(u, registry, NULL, NULL), 0, "the object verifies as before");
	unpack_free(u);

	io_pwrite(file.fd, "x", 1, file.len + REGISTRY_BYTES_MAX);
	world_need(unpack_open(&u, file.fd) == 0, "cannot open");
	is_number(unpack_registry_text(u, &text, &len), VERDICT_BAD_LIMIT, "a registry above its limit is refused");
	ok(text == NULL, "and nothing comes out");
	unpack_free(u);
	io_close(file.fd);
}

static void advance(void *context, uint64_t done)
{
	uint64_t *last = context;
	*last = done > *last ? done : UINT64_MAX;
}

static struct world_file large_object(struct world_member *members, size_t count)
{
	size_t at = 0;
	static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
	static const size_t sizes[] = {10, FRAME_BYTES - 10, 0, 2 * FRAME_BYTES + 5, FRAME_BYTES - 100, 1000};
	for (size_t i = 0; i < count; i++) {
		members[i] = (struct world_member){names[i], noise + at, sizes[i]};
		at += sizes[i];
	}
	return world_object(registry, "tax", RECORDS_LINES, members, count);
}

static void test_members(void)
{
	struct world_member members[6];
	struct world_file file = large_object(members, 6);
	struct unpack *u = NULL;
	uint64_t done = 0;
	world_need(unpack_open(&u, file.fd) == 0, "cannot open");
	is_number(unpack_verify(u, registry, advance, &done), 0, "a larger object verifies");
	ok(done == unpack_release(u)->statement.segments, "progress grows up to the number of segments");
	unpack_free(u);

	world_need(world_unlock(&u, file.fd, registry, "tax-agency") == 0, "cannot unlock");
	for (unsigned int threads = 0; threads < 4; threads++) {
		struct got got = {0};
		is_number(open_all(u, threads, &got), 0, "all members open on %u threads (0: all cores)", threads);
		ok(got.ended == 6 && memcmp(got.data, noise, got.len) == 0, "each begun and ended once, in order");
	}
	for (uint32_t i = 0; i < 6; i++) {
		static uint8_t buffer[DATA_BYTES];
		struct got got = {.data = buffer};
		is_number(unpack_member(u, i, 2, take, &got), 0, "member %u opens alone", i);
		ok(got.len == members[i].len && memcmp(got.data, members[i].data, got.len) == 0, "to its bytes");
	}
	struct got whole = {0};
	size_t wrong = 0, went_on = 0;
	open_all(u, 2, &whole);
	for (unsigned int call = 1; call <= whole.calls; call++) {
		struct got got = {.fail_at = call};
		wrong += open_all(u, 2, &got) != -EPIPE;
		went_on += got.calls != call;
	}
	ok(whole.calls > 15, "that took %u calls of sink and visitor", whole.calls);
	is_number((int64_t)wrong, 0, "a failure of any of them ends the opening with its result");
	is_number((int64_t)went_on, 0, "and no other follows");
	unpack_free(u);
	unpack_free(NULL);
	io_close(file.fd);
}

/* What a hostile sender puts into a bundle that is signed and sealed as it should be. */
struct craft {
	const uint8_t *frame;
	size_t frame_len;
	struct manifest manifest;
	const uint8_t *manifest_stream; /* instead of the manifest, when not NULL */
	size_t manifest_stream_len;
	bool other_digest, other_push_id;
};

/* u32 z, u32 length, frame: the caller frees it. */
static uint8_t *stream_of(const uint8_t *encoded, size_t len, size_t *out_len)
{
	size_t size = compress_bound(len), frame_len = 0;
	uint8_t *stream = malloc(8 + size);
	struct compressor *compressor = compressor_new();
	world_need(compress_frame(compressor, stream + 8, size, &frame_len, encoded, len) == 0, "cannot compress");
	compressor_free(compressor);
	struct writer w = writer_of(stream, 8);
	write_u32(&w, (uint32_t)frame_len);
	write_u32(&w, (uint32_t)len);
	*out_len = 8 + frame_len;
	return stream;
}

static struct world_file craft(const struct craft *c)
{
	struct world_file file = world_file();
	const struct party *recipient = registry_route(registry, "tax")->recipients[0];
	struct bundle_keys keys;
	struct head head = {.route = "tax", .count = 1};
	struct statement s = {0};
	struct pack_seal *seal = NULL;
	uint8_t *encoded = NULL;
	size_t encoded_len = 0, stream_len = 0;
	bundle_keys_new(&keys);
	bundle_keys_commit(&head, &keys);
	world_need(stanza_seal(&head.stanzas[0], &keys, "tax", recipient->card.id, recipient->card.public_key,
			       world_key(KEY_PSK, "tax-agency").secret) == 0 &&
			   manifest_encode(&c->manifest, &encoded, &encoded_len) == 0 &&
			   pack_seal_start(&seal, &head, &keys, 1, world_sink, &file) == 0 &&
			   pack_seal_add(seal, &(struct extent){c->frame, c->frame_len}, 1) == 0,
		   "cannot craft");
	uint8_t *made = stream_of(encoded, encoded_len, &stream_len);
	const uint8_t *stream = c->manifest_stream != NULL ? c->manifest_stream : made;
	stream_len = c->manifest_stream != NULL ? c->manifest_stream_len : stream_len;
	world_need(pack_seal_finish(seal, stream, stream_len, &s) == 0, "cannot craft");
	manifest_digest(s.manifest_digest, encoded, encoded_len, keys.manifest);
	s.manifest_digest[0] ^= c->other_digest;
	memcpy(s.push_id, c->manifest.push_id, PUSH_ID_BYTES);
	s.push_id[0] ^= c->other_push_id;
	pack_seal_free(seal);
	free(made);
	free(encoded);
	world_release(&file, registry, "tax", &s);
	return file;
}

/* One member over one frame. */
static struct manifest manifest_of(uint64_t size, uint32_t frame_len)
{
	struct manifest m = {0};
	char name[] = "a";
	struct member member = {.name = name, .size = size, .rule = RECORDS_LINES, .records = 1};
	memset(member.digest, 1, sizeof(member.digest));
	world_need(manifest_add_member(&m, &member) == 0 && manifest_add_frame(&m, frame_len) == 0,
		   "cannot make a manifest");
	return m;
}

static void expect(const struct craft *c, int verdict, const char *sentence)
{
	struct world_file file = craft(c);
	struct got got = {0};
	is_number(open_whole(file.fd, &got), verdict, "%s", sentence);
	ok(got.ended == 0, "and no member of it is ended");
	io_close(file.fd);
}

static void test_frames(void)
{
	static const struct {
		const char *sentence;
		uint64_t size;
		size_t len;
		int verdict;
		uint8_t bytes[24];
	} frames[] = {
		{"a frame that declares 16 EiB is refused", 100, 18, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x68, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x23, 0x03, 0x00,
		  'x'}},
		{"a frame that holds 100 KiB more than it declares is refused", 100, 14, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x68, 100, 0, 0, 0, 0x03, 0x80, 0x0c, 'x'}},
		{"a frame that holds less is refused", 100, 14, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x68, 100, 0, 0, 0, 0x1b, 0x03, 0x00, 'x'}},
		{"a frame of another size than its place demands is refused", 101, 14, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x68, 100, 0, 0, 0, 0x23, 0x03, 0x00, 'x'}},
		{"a frame that declares no size is refused", 100, 10, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x68, 0x23, 0x03, 0x00, 'x'}},
		{"a window of more than 8 MiB is refused", 100, 14, VERDICT_BAD_FRAME,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x69, 100, 0, 0, 0, 0x23, 0x03, 0x00, 'x'}},
		{"no frame at all is refused", 100, 24, VERDICT_BAD_FRAME, {0}},
		{"a member of another digest is refused", 100, 14, VERDICT_BAD_DIGEST,
		 {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x68, 100, 0, 0, 0, 0x23, 0x03, 0x00, 'x'}},
	};
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct craft c = {.frame = frames[i].bytes, .frame_len = frames[i].len};
		c.manifest = manifest_of(frames[i].size, (uint32_t)frames[i].len);
		expect(&c, frames[i].verdict, frames[i].sentence);
		manifest_free(&c.manifest);
	}
	/* 100 times 'x' is one line, and the digest is right */
	struct craft c = {.frame = frames[7].bytes, .frame_len = 14};
	uint8_t line[100];
	memset(line, 'x', sizeof(line));
	c.manifest = manifest_of(sizeof(line), 14);
	struct member *m = &c.manifest.members[0];
	struct sha256 hasher;
	sha256_start(&hasher);
	sha256_add(&hasher, line, sizeof(line));
	sha256_end(&hasher, m->digest);
	m->records = c.manifest.records = 2;
	expect(&c, VERDICT_BAD_COUNT, "a member of another number of records is refused");
	m->records = c.manifest.records = 1;
	struct world_file file = craft(&c);
	struct got got = {0};
	is_number(open_whole(file.fd, &got), 0, "and with the right one it opens");
	ok(got.len == sizeof(line) && memcmp(got.data, line, sizeof(line)) == 0, "to what the frame holds");
	io_close(file.fd);
	manifest_free(&c.manifest);
}

static void test_manifests(void)
{
	static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x68, 100, 0, 0, 0, 0x23, 0x03, 0x00, 'x'};
	struct craft c = {.frame = frame, .frame_len = sizeof(frame)};
	c.manifest = manifest_of(100, sizeof(frame));
	c.other_push_id = true;
	expect(&c, VERDICT_BAD_MANIFEST, "a manifest of another push is refused");
	c.other_push_id = false;
	c.other_digest = true;
	expect(&c, VERDICT_BAD_DIGEST, "a manifest that the person did not sign is refused");
	c.other_digest = false;

	uint8_t stream[3 * SEGMENT_PLAIN_BYTES] = {4, 0, 0, 0, 100, 0, 0, 0, 'n', 'o', 'p', 'e'};
	c.manifest_stream = stream;
	c.manifest_stream_len = 12;
	expect(&c, VERDICT_BAD_FRAME, "a manifest that is no frame is refused");
	memcpy(stream, "\x12\0\0\0\0\0\0\4\x28\xb5\x2f\xfd\xc0\x68\0\0\0\4\0\0\0\0\x23\3\0x", 26);
	expect(&c, VERDICT_BAD_FRAME, "a frame of 64 MiB that holds 100 bytes is no manifest");
	memcpy(stream, "\x12\0\0\0\1\0\0\4", 8);
	expect(&c, VERDICT_BAD_LIMIT, "a manifest above 64 MiB is refused");
	memcpy(stream, "\xff\xff\xff\xff\xff\0\0\0", 8);
	expect(&c, VERDICT_TRUNCATED, "a frame beyond the stream is refused");
	memcpy(stream, "\4\0\0\0\xff\0\0\0", 8);
	stream[sizeof(stream) - 1] = 1;
	c.manifest_stream_len = sizeof(stream);
	expect(&c, VERDICT_BAD_RESERVED, "anything behind the manifest's frame is refused");
	manifest_free(&c.manifest);

	/* one content segment, and frames that would reach beyond it */
	c = (struct craft){.frame = frame, .frame_len = sizeof(frame)};
	c.manifest = manifest_of(100, SEGMENT_PLAIN_BYTES + 1);
	expect(&c, VERDICT_BAD_MANIFEST, "frames beyond the content are refused");
	manifest_free(&c.manifest);
}

static void test_hostile_names(void)
{
	static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x68, 100, 0, 0, 0, 0x23, 0x03, 0x00, 'x'};
	static const char *const names[] = {"/", ".", "\n", "\x1b", "\x7f"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct craft c = {.frame = frame, .frame_len = sizeof(frame)};
		c.manifest = manifest_of(100, sizeof(frame));
		c.manifest.members[0].name[0] = names[i][0];
		expect(&c, VERDICT_BAD_NAME, "a name that no member may have is refused before a member begins");
		manifest_free(&c.manifest);
	}
}

/* In a process that may only read at an offset, map and lock memory, and make threads. */
static void test_confined(void)
{
	struct world_member members[6];
	struct world_file file = large_object(members, 6);
	pid_t child = fork();
	if (child == 0) {
		static const char *const calls[] = {"pread64", "newfstatat", "mlock", "munlock", "thread", NULL};
		struct got got = {0};
		if (confine_privileges() != 0 || confine_calls(calls) != 0)
			_exit(2);
		_exit(open_whole(file.fd, &got) == 0 && got.ended == 6 ? 0 : 3);
	}
	int status = -1;
	ok(child > 0 && waitpid(child, &status, 0) == child, "a confined process ends");
	is_number(status, 0, "it verifies and opens with pread, fstat, locked memory and threads alone");
	io_close(file.fd);
}

/* Whoever owns the sending box can seal to anybody whose public key it has. */
static void test_foreign_recipient(void)
{
	struct route open = *registry_route(registry, "tax");
	const struct route *all = registry_route(registry, "all");
	struct world_file file = world_file();
	struct statement statement = {0};
	open.recipients = all->recipients;
	open.recipient_count = all->recipient_count;
	struct pack *pack = world_pack_for(&file, &open, RECORDS_CSV, 0);
	world_need(pack_finish(pack, &statement) == 0, "cannot pack");
	pack_free(pack);
	world_release(&file, registry, "tax", &statement);
	is_number(verify(file.fd), VERDICT_WRONG_RECIPIENT,
		  "what is sealed to a recipient of another route, too, does not verify");
	io_close(file.fd);
}

int main(void)
{
	uint64_t state = test_seed();
	world_need(suite_start() == 0, "no cryptography");
	registry = world_registry();
	noise = malloc(DATA_BYTES);
	test_random_bytes(&state, noise, DATA_BYTES);
	test_recipients();
	test_foreign_recipient();
	test_registry_text();
	test_members();
	test_changes_behind_our_back(&state);
	test_frames();
	test_manifests();
	test_hostile_names();
	test_confined();
	test_every_bit(&state);
	free(noise);
	registry_free(registry);
	return done_testing();
}
