/*
 * Short texts that people, files and other programs write: the first byte chooses how they are read.  Numbers, times,
 * names of files; what is shown on a terminal; JSON; keep's status page, as weir-inbox reads it; certificates.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "common/identity.h"
#include "common/io.h"
#include "common/json.h"
#include "common/ledgerline.h"
#include "common/rsa.h"
#include "common/text.h"
#include "common/verdict.h"
#include "receiver/inbox.h"
#include "receiver/vault.h"
#include "tests/lib/fuzzing.h"

enum { WORD_MAX = 256, NOW = 1900000000 };

static int top = -1;

static const char *as_word(const uint8_t *data, size_t len)
{
	static char word[WORD_MAX];
	size_t n = len < sizeof(word) - 1 ? len : sizeof(word) - 1;
	if (n > 0)
		memcpy(word, data, n);
	word[n] = 0;
	return word;
}

static void numbers(const uint8_t *data, size_t len)
{
	const char *word = as_word(data, len);
	char again[64];
	uint64_t value;
	if (text_parse_u64(&value, word, UINT64_MAX) == 0) {
		snprintf(again, sizeof(again), "%" PRIu64, value);
		assert(strcmp(again, word + strspn(word, "0") - (value == 0)) == 0);
		assert(value == 0 || text_parse_u64(&value, word, value - 1) == VERDICT_BAD_LIMIT);
	}
	if (text_parse_size(&value, word, INT64_MAX) == 0)
		assert(value <= INT64_MAX);
	if (text_parse_rate(&value, word, UINT64_MAX) == 0) {
		uint64_t back = 0;
		assert(text_parse_rate(&back, text_rate(again, sizeof(again), value), value) == 0 && back <= value);
		assert(value - back <= value / 1000);
	}
	if (text_parse_time(&value, word) == 0) {
		text_time(again, sizeof(again), value);
		assert(strncmp(again, word, strlen(word) < 10 ? strlen(word) : 10) == 0);
	}
}

static void names(const uint8_t *data, size_t len)
{
	const char *word = as_word(data, len);
	char again[WORD_MAX], route[NAME_BYTES];
	struct ledger_file file;
	struct bundle_id id;
	uint64_t number;
	uint8_t bytes[16];
	if (ledger_file_parse(&file, word)) {
		ledger_file_name(again, &file);
		assert(strcmp(again, word) == 0);
	}
	if (vault_parse_id(&id, word)) {
		vault_partial_name(again, &id);
		assert(strcmp(again, word) == 0);
	}
	if (bundle_name_parse(word, route, &number) == 0) {
		bundle_name(again, route, number);
		assert(strcmp(again, word) == 0);
	}
	if (text_unhex(bytes, sizeof(bytes), word) == 0)
		assert(strcmp(text_hex(again, sizeof(again), bytes, sizeof(bytes)), word) == 0);
	assert(!name_is_valid(word) || (strlen(word) < NAME_BYTES && strpbrk(word, "/. \n\x1b") == NULL));
}

/* Nothing that is shown can move a cursor, end a line or turn the direction of writing. */
static void shown(const uint8_t *data, size_t len)
{
	char out[4 * WORD_MAX];
	size_t size = 1 + fuzz_take_byte(&data, &len) * 4U;
	text_escape(out, size, data, len);
	size_t n = strlen(out);
	assert(n < size && text_is_utf8(out, n));
	for (size_t i = 0; i < n; i++) {
		assert((unsigned char)out[i] >= ' ' && out[i] != 0x7f && out[i] != '\'');
		/* U+0080 to U+009F; U+200B to U+200F; U+202A to U+202E; U+2066 to U+2069; U+FEFF */
		assert(out[i] != '\xc2' || (unsigned char)out[i + 1] >= 0xa0);
		assert(memcmp(out + i, "\xe2\x80\x8b", 3) != 0 && memcmp(out + i, "\xe2\x80\xae", 3) != 0);
		assert(memcmp(out + i, "\xe2\x81\xa6", 3) != 0 && memcmp(out + i, "\xef\xbb\xbf", 3) != 0);
	}
}

/* Numbers that stand for a person, wherever they are. */
static void identities(const uint8_t *data, size_t len)
{
	const char *word = as_word(data, len);
	size_t at = SIZE_MAX;
	bool is_found = identity_find(data, len, &at);
	assert(!is_found || at + IDENTITY_CHARACTERS <= len);
	assert(!identity_number_is_valid(data, len) || (is_found && at == 0 && len == IDENTITY_CHARACTERS));
	(void)identity_in_passphrase(word, NOW, 20);
}

static void json(const uint8_t *data, size_t len)
{
	struct json *document = NULL, *second = NULL;
	char *text = NULL, *again = NULL;
	size_t text_len, again_len;
	int result = json_parse(&document, data, len);
	assert(result == 0 || result == VERDICT_BAD_PROTOCOL);
	if (result != 0)
		return;
	/* what is printed is read again, and printed the same */
	if (json_dump(document, &text, &text_len) == 0) {
		assert(json_parse(&second, text, text_len) == 0);
		assert(json_dump(second, &again, &again_len) == 0 && again_len == text_len);
		assert(memcmp(again, text, text_len) == 0);
	}
	struct json_view view = json_view_of(document);
	for (size_t i = 0; i < json_count(view); i++)
		if (json_key(view, i) != NULL)
			(void)json_get_text(view, json_key(view, i), "");
	free(text);
	free(again);
	json_free(document);
	json_free(second);
}

static void status(const uint8_t *data, size_t len)
{
	struct inbox_status status;
	fuzz_put(top, "status.json", data, len);
	if (inbox_status_load(&status, top) != 0)
		return;
	struct json_view bundles = json_get(status.view, "bundles");
	for (size_t i = 0; i < json_count(bundles); i++)
		assert(inbox_permille(json_at(bundles, i)) <= 1000);
	struct way way = inbox_way(status.view);
	assert(strnlen(way.interface, sizeof(way.interface)) < sizeof(way.interface));
	inbox_status_free(&status);
}

/* Leaf and chain, with a zero between them. */
static void certificate(const uint8_t *data, size_t len)
{
	static char text[16384];
	struct certificate c;
	char problem[CERTIFICATE_PROBLEM_BYTES] = "";
	if (len >= sizeof(text) || !fuzz_is_sampled(data, len))
		return;
	memset(text, 0, sizeof(text));
	if (len > 0)
		memcpy(text, data, len);
	size_t leaf = strlen(text);
	int result = certificate_check(&c, text, leaf < len ? text + leaf + 1 : "", NOW, problem);
	assert((result == 0) == (problem[0] == 0) && memchr(problem, 0, sizeof(problem)) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const uint8_t *, size_t) = {numbers, names, shown, json, status, certificate, identities};
	if (size == 0 || suite_start() != 0)
		return 0;
	if (top < 0)
		top = fuzz_dir_fd(".");
	readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](data + 1, size - 1);
	return 0;
}
