/* What the manifest says of a member, looked at beside the writing or not: digest and records. */
#include "receiver/unpack_check.h"

#include <stdlib.h>
#include <string.h>

#include "common/records.h"
#include "common/sha256.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { LEN = 300000, LINE_BYTES = 60 };

static uint8_t *text;

/* In pieces of this length, of which a thread takes those from 64 KiB on. */
static int check(struct unpack_check *c, const struct member *member, size_t piece)
{
	unpack_check_begin(c, member);
	for (size_t at = 0; at < LEN; at += piece) {
		unpack_check_add(c, text + at, LEN - at < piece ? LEN - at : piece);
		unpack_check_settle(c);
	}
	return unpack_check_end(c, member);
}

static void looks(bool has_thread)
{
	static const size_t pieces[] = {1000, 65536, 131072, LEN};
	const char *how = has_thread ? "with a thread" : "without one";
	struct unpack_check *c = NULL;
	struct sha256 hasher;
	struct member member = {.size = LEN, .rule = RECORDS_LINES, .records = LEN / LINE_BYTES};
	sha256_start(&hasher);
	sha256_add(&hasher, text, LEN);
	sha256_end(&hasher, member.digest);
	is_number(unpack_check_new(&c, has_thread), 0, "%s: it begins", how);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		is_number(check(c, &member, pieces[i]), VERDICT_OK, "%s: in pieces of %zu it is right", how, pieces[i]);
		member.digest[31] ^= 1;
		is_number(check(c, &member, pieces[i]), VERDICT_BAD_DIGEST, "%s: another digest is not its own", how);
		member.digest[31] ^= 1;
		member.records++;
		is_number(check(c, &member, pieces[i]), VERDICT_BAD_COUNT, "%s: nor is another count", how);
		member.records--;
	}
	unpack_check_free(c);
}

int main(void)
{
	uint64_t random = test_seed();
	ok(suite_start() == 0, "the suite starts");
	text = malloc(LEN);
	test_random_bytes(&random, text, LEN);
	for (size_t i = 0; i < LEN; i++)
		text[i] = (i + 1) % LINE_BYTES == 0 ? '\n' : (uint8_t)('a' + text[i] % 26);
	looks(false);
	looks(true);
	unpack_check_free(NULL);
	free(text);
	return done_testing();
}
