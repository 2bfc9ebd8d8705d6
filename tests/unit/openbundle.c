#include "common/openbundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/endorsement.h"
#include "common/io.h"
#include "common/judgement.h"
#include "common/tree.h"
#include "common/verdict.h"
#include "tests/unit/world.h"

static const char text[] = "[registry]\nformat = 1\n";
enum { TEXT_LEN = sizeof(text) - 1 };

static uint8_t *make(struct statement *s, size_t *body_len, const void *data, size_t len)
{
	uint8_t *body = NULL;
	*s = (struct statement){.registry_version = 0};
	world_need(open_make(&body, body_len, s, OPEN_REGISTRY, data, len) == 0, "no memory");
	return body;
}

static int decode(const uint8_t *body, size_t body_len, const struct statement *s)
{
	const uint8_t *out;
	size_t len;
	return open_decode(&out, &len, body, body_len, s);
}

static void test_made(void)
{
	struct statement s;
	size_t body_len = 0, len = 0;
	const uint8_t *out = NULL;
	uint8_t *body = make(&s, &body_len, text, TEXT_LEN);
	is_number(open_decode(&out, &len, body, body_len, &s), 0, "what was made is read");
	ok(len == TEXT_LEN && memcmp(out, text, len) == 0, "as the text that it was");
	is_text(s.route, OPEN_ROUTE, "its route is the reserved one");
	ok(open_is(&s), "by which it is known");
	is_number((int64_t)s.segments, 3, "it has as many segments as the link needs");
	is_number((int64_t)body_len, 3 * SEGMENT_BYTES, "the body has their length");
	is_number(s.manifest_segments, 1, "one of them counts as the manifest's");
	is_number(open_check_statement(&s), 0, "the rest of the statement is as it has to be");

	struct tree tree;
	uint8_t leaf[1][SUITE_DIGEST_BYTES], root[SUITE_DIGEST_BYTES];
	tree_start(&tree);
	for (uint64_t i = 0; i < s.segments; i++) {
		tree_leaves(leaf, body + i * SEGMENT_BYTES, 1);
		tree_add(&tree, leaf[0]);
	}
	tree_root(&tree, root);
	is_bytes(s.root, root, sizeof(root), "the root is that of the hash tree");
	free(body);
	s.route[0] = 'R';
	ok(!open_is(&s), "a bundle of another route is none");
}

static void test_sizes(void)
{
	static const struct {
		size_t len;
		int64_t segments;
	} sizes[] = {{1, 3},     {16384, 3},  {16385, 3},      {32768, 3},       {32769, 4},
		     {49153, 5}, {131072, 10}, {1000000, 64},   {OPEN_TEXT_MAX, 272}};
	uint8_t *data = malloc(OPEN_TEXT_MAX);
	world_need(data != NULL, "no memory");
	memset(data, 'x', OPEN_TEXT_MAX);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct statement s;
		size_t body_len = 0;
		uint8_t *body = make(&s, &body_len, data, sizes[i].len);
		is_number((int64_t)s.segments, sizes[i].segments, "segments of %zu bytes", sizes[i].len);
		is_number(decode(body, body_len, &s), 0, "which are read");
		is_number(open_check_statement(&s), 0, "under a statement that may be");
		s.segments++;
		is_number(decode(body, body_len, &s), VERDICT_BAD_LENGTH, "and under no other count");
		free(body);
	}
	free(data);
}

/* Every bit of the body counts; in the text it is the digest that says so, beside the root. */
static void test_every_bit(void)
{
	struct statement s;
	size_t body_len = 0, accepted = 0;
	uint8_t *body = make(&s, &body_len, text, TEXT_LEN);
	for (size_t bit = 0; bit < 8 * body_len; bit += bit < 8 * 64 ? 1 : 61) {
		body[bit / 8] ^= (uint8_t)(1U << bit % 8);
		accepted += decode(body, body_len, &s) == 0;
		body[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t bit = 8 * SEGMENT_BYTES; bit < 8 * (SEGMENT_BYTES + TEXT_LEN + 8); bit++) {
		body[bit / 8] ^= (uint8_t)(1U << bit % 8);
		accepted += decode(body, body_len, &s) == 0;
		body[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	is_number((int64_t)accepted, 0, "no body with another bit is read");
	for (size_t len = 0; len < body_len; len += len < 64 || len + 64 > body_len ? 1 : 97)
		accepted += decode(body, len, &s) == 0;
	is_number((int64_t)accepted, 0, "and none that ends too early");
	free(body);
}

static void test_statement(void)
{
	struct statement s, t;
	size_t body_len = 0;
	free(make(&s, &body_len, text, TEXT_LEN));
	t = s, t.registry_version = 1;
	is_number(open_check_statement(&t), VERDICT_BAD_LIMIT, "it was sealed under no registry");
	t = s, t.manifest_segments = 2;
	is_number(open_check_statement(&t), VERDICT_BAD_LIMIT, "there is no manifest");
	t = s, t.segments = 273;
	is_number(open_check_statement(&t), VERDICT_BAD_LIMIT, "and no more than a registry can need");
	t = s, t.policy_version = 1;
	is_number(open_check_statement(&t), VERDICT_WRONG_POLICY, "it is under no policy");
	t = s, t.guard = GUARD_PASSED;
	is_number(open_check_statement(&t), VERDICT_WRONG_POLICY, "under no rules");
	t = s, t.scan = SCAN_CLEAN;
	is_number(open_check_statement(&t), VERDICT_WRONG_POLICY, "and was not scanned");
}

static void test_file(void)
{
	struct statement s;
	size_t body_len = 0, len = 0;
	uint8_t *out = NULL, *body = make(&s, &body_len, text, TEXT_LEN);
	int fd = memfd_create("object", MFD_CLOEXEC);
	world_need(fd >= 0 && io_pwrite(fd, body, body_len, SEGMENT_BYTES) == 0, "no memory for a file");
	is_number(open_read(&out, &len, fd, &s), 0, "it is read from an object");
	ok(len == TEXT_LEN && memcmp(out, text, len + 1) == 0, "with a zero byte behind it");
	free(out);
	out = NULL;
	s.segments = UINT32_MAX;
	is_number(open_read(&out, &len, fd, &s), VERDICT_BAD_LIMIT, "no statement makes it take much memory");
	s.segments = 3;
	world_need(ftruncate(fd, (off_t)body_len) == 0, "cannot cut a file");
	is_number(open_read(&out, &len, fd, &s), VERDICT_TRUNCATED, "an object that ends too early is none");
	ok(out == NULL, "and nothing comes out");
	s.registry_version = 1;
	is_number(open_read(&out, &len, fd, &s), VERDICT_BAD_LIMIT, "nor of one whose statement is wrong");
	io_close(fd);
	free(body);
}

static void test_routes(void)
{
	struct registry *registry = world_registry();
	is_text(open_route_name(registry, OPEN_ROUTE_ID), OPEN_ROUTE, "the reserved number has its name");
	is_text(open_route_name(registry, 1), "tax", "others have those of the registry");
	ok(open_route_name(registry, 12345) == NULL, "or none");
	is_number(open_route_id(registry, OPEN_ROUTE), OPEN_ROUTE_ID, "and the other way round");
	is_number(open_route_id(registry, "tax"), 1, "for a route of the registry");
	is_number(open_route_id(registry, "none"), 0, "and one that is not in it");
	registry_free(registry);
}

/* Signed by the box with this key, in the name of this party. */
static int push_of(const struct registry *registry, const struct key *party, const struct key *signer,
		   uint64_t at)
{
	struct statement s;
	struct endorsements endorsements;
	size_t body_len = 0;
	free(make(&s, &body_len, text, TEXT_LEN));
	memcpy(s.person, party->card.name, NAME_BYTES);
	memcpy(s.person_key, party->card.id, KEY_ID_BYTES);
	s.created = s.destroy_by = world_now;
	endorse_push(&endorsements, &s, signer->secret);
	int result = push_check(registry, &s, &endorsements, at);
	is_number(approvals_check(registry, &s, &endorsements, at, party->card.id), 0, "nobody has to approve it");
	return result;
}

static void test_who_pushes(void)
{
	struct registry *registry = world_registry();
	struct key box = world_key(KEY_SENDER, "inside-1"), person = world_key(KEY_PERSON, "wang-mei"),
		   stranger = world_key(KEY_SENDER, "stranger"), old = world_key(KEY_SENDER, "inside-stop");
	is_number(push_of(registry, &box, &box, world_now), 0, "the sending box pushes it");
	is_number(push_of(registry, &box, &person, world_now), VERDICT_BAD_SIGNATURE, "by its own signature");
	is_number(push_of(registry, &person, &person, world_now), VERDICT_UNKNOWN_KEY, "a person does not");
	is_number(push_of(registry, &stranger, &stranger, world_now), VERDICT_UNKNOWN_KEY, "nor does a box that nobody knows");
	is_number(push_of(registry, &old, &old, world_now), VERDICT_SUSPENDED, "nor one that is suspended");
	ok(registry_check(registry, registry_expires(registry) + 1) != 0 &&
		   push_of(registry, &box, &box, registry_expires(registry) + 1) == VERDICT_EXPIRED,
	   "a box counts as long as its entry does");
	registry_free(registry);
}

int main(void)
{
	if (suite_start() != 0)
		return EXIT_FAILURE;
	test_made();
	test_sizes();
	test_every_bit();
	test_statement();
	test_file();
	test_routes();
	test_who_pushes();
	return done_testing();
}
