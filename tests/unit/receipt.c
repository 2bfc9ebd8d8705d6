/* Receipts: one form, one signature, and who may give them. */
#include "common/receipt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/key.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

#define THEN UINT64_C(1795478400)

static uint8_t seed[SUITE_KEY_BYTES];

/* The examples of RECEIPT.md 3. */
static struct receipt opened(void)
{
	struct receipt r = {.kind = RECEIPT_OPENED, .bundle = "tax-000123", .epoch = UINT64_C(0x1122334455667788),
			    .recipient = "tax-agency", .at = THEN, .records = 1234, .bytes = 98765};
	memset(r.id, 0xcc, sizeof(r.id));
	memset(r.root, 0xee, sizeof(r.root));
	memset(r.manifest, 0xdd, sizeof(r.manifest));
	memset(r.key_id, 0xa0, sizeof(r.key_id));
	return r;
}

static struct receipt destroyed(void)
{
	struct receipt r = opened();
	r.kind = RECEIPT_DESTROYED;
	r.records = r.bytes = 0;
	snprintf(r.how, sizeof(r.how), "disk overwritten, 王美 watched");
	return r;
}

static size_t encode(char out[static RECEIPT_BYTES_MAX], struct receipt r)
{
	size_t len = 0;
	if (receipt_encode(out, &len, &r, seed) != 0)
		exit(2);
	return len;
}

static void come_back(void)
{
	struct receipt r = opened(), back;
	char text[RECEIPT_BYTES_MAX];
	size_t len = encode(text, r);
	is_number(receipt_decode(&back, text, len), 0, "a receipt of an opening is read");
	memcpy(r.signature, back.signature, sizeof(r.signature));
	ok(back.kind == r.kind && strcmp(back.bundle, r.bundle) == 0 && back.epoch == r.epoch && back.at == r.at &&
		   back.records == 1234 && back.bytes == 98765 && back.result == 0 &&
		   strcmp(back.recipient, "tax-agency") == 0 && memcmp(back.root, r.root, sizeof(r.root)) == 0 &&
		   memcmp(back.manifest, r.manifest, sizeof(r.manifest)) == 0 &&
		   memcmp(back.key_id, r.key_id, sizeof(r.key_id)) == 0, "as it was");
	r = destroyed();
	len = encode(text, r);
	ok(receipt_decode(&back, text, len) == 0 && back.kind == RECEIPT_DESTROYED && strcmp(back.how, r.how) == 0,
	   "so is one of a destruction, with its words");
	r = opened();
	r.result = VERDICT_DAMAGED;
	len = encode(text, r);
	ok(receipt_decode(&back, text, len) == 0 && back.result == VERDICT_DAMAGED, "and one that ended badly");
	r.result = -28;
	len = encode(text, r);
	ok(receipt_decode(&back, text, len) == 0 && back.result < 0, "also for the environment's sake");
	memset(r.bundle, 0, sizeof(r.bundle));
	bundle_name(r.bundle, "a123456789012345678901234567890", (UINT64_C(1) << 48) - 1);
	snprintf(r.recipient, sizeof(r.recipient), "a123456789012345678901234567890");
	r.kind = RECEIPT_DESTROYED;
	r.result = 0;
	r.records = r.bytes = 0;
	memset(r.how, 'x', RECEIPT_HOW_MAX);
	len = encode(text, r);
	ok(receipt_decode(&back, text, len) == 0, "the longest one fits: %zu bytes", len);
}

static void refuses_as(int verdict, const char *from, const char *to, const char *what)
{
	char text[RECEIPT_BYTES_MAX + 64], changed[2 * RECEIPT_BYTES_MAX];
	struct receipt back;
	size_t len = encode(text, opened());
	text[len] = 0;
	char *at = strstr(text, from);
	if (at == NULL)
		exit(2);
	snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	is_number(receipt_decode(&back, changed, strlen(changed)), verdict, "%s is refused", what);
}

static void refuses(const char *from, const char *to, const char *what)
{
	refuses_as(VERDICT_BAD_ENTRY, from, to, what);
}

static void rules(void)
{
	refuses_as(VERDICT_UNKNOWN_VERSION, "{\"receipt\":1", "{\"receipt\":2", "the next version");
	refuses("{\"receipt\":1", "{\"receipt\":0", "no version");
	refuses("cccccccc", "cccc", "a short id");
	refuses("\"opened\"", "\"read\"", "another kind");
	refuses("\"opened\"", "\"destroyed\"", "a destruction from which something came out");
	refuses("tax-000123", "tax-123", "a bundle's name of another form");
	refuses("tax-000123", "../000123", "a path");
	refuses("1122334455667788", "0000000000000000", "epoch 0");
	refuses("1122334455667788", "11223344556677", "a short epoch");
	refuses("eeee", "EEEE", "hex in capitals");
	refuses("tax-agency", "Tax-agency", "a recipient's name that is none");
	refuses("\"records\":1234", "\"records\":\"1234\"", "a number as a text");
	refuses("\"records\":1234", "\"records\":-1", "a negative number");
	refuses("\"records\":1234", "\"records\":01234", "a zero in front");
	refuses("\"result\":\"ok\"", "\"result\":\"fine\"", "a result that is none");
	refuses("\"how\":\"\"", "\"how\":\"burnt\"", "words at an opening");
	refuses("\"how\"", " \"how\"", "a blank");
	refuses(",\"how\":\"\"", "", "a field that is missing");
	refuses(",\"how\":\"\"", ",\"how\":\"\",\"more\":1", "a field too many");
	refuses("}\n", "}", "a line without an end");
	refuses("}\n", "}\n\n", "something behind it");
	is_number(receipt_check_how("plain 文字"), 0, "words in any script are taken");
	is_number(receipt_check_how("a \"quote\""), VERDICT_BAD_NAME, "quotes are not");
	is_number(receipt_check_how("\x1b[2J"), VERDICT_BAD_NAME, "nor what moves a terminal");
	char longest[RECEIPT_HOW_MAX + 2];
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	is_number(receipt_check_how(longest), VERDICT_BAD_LENGTH, "nor a byte more than fits");
}

/* ---- by whom ---- */

static size_t add_card(char *text, size_t at, const struct key *key)
{
	char hex[2 * SUITE_KEY_BYTES + 1];
	return at + (size_t)sprintf(text + at, "[%s %s]\npublic = %s\n", key_kind_name(key->card.kind), key->card.name,
				    text_hex(hex, sizeof(hex), key->card.public_key, SUITE_KEY_BYTES));
}

static struct registry *make_registry(const struct key *root, const struct key *recipient, bool has_receipts,
				      const char *more)
{
	char text[4096], hex[2 * SUITE_KEY_BYTES + 1], problem[PROBLEM_BYTES] = "";
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct roots *roots = NULL;
	struct registry *registry = NULL;
	size_t at = (size_t)sprintf(text, "[registry]\nformat = 1\nname = test\nversion = 1\nissued = 2026-01-01\n"
					  "expires = 2030-01-01\n");
	at = add_card(text, at, recipient);
	at += (size_t)sprintf(text + at, "psk = %064d\n", 1);
	if (has_receipts)
		at += (size_t)sprintf(text + at, "receipts = %s\n",
				      text_hex(hex, sizeof(hex), recipient->card.second, SUITE_KEY_BYTES));
	at += (size_t)sprintf(text + at, "%s", more);
	if (registry_sign(&bytes, &len, (const uint8_t *)text, at, root) != 0)
		exit(2);
	at = add_card(text, 0, root);
	at += (size_t)sprintf(text + at, "[roots]\nquorum = 1\n");
	if (roots_parse(&roots, (const uint8_t *)text, at, problem) != 0 ||
	    registry_parse(&registry, bytes, len, roots, problem) != 0) {
		note("%s", problem);
		exit(2);
	}
	free(bytes);
	roots_free(roots);
	return registry;
}

static int judge(struct receipt r, const struct key *root, const struct key *recipient, bool has_receipts,
		 const char *more, uint64_t now)
{
	char text[RECEIPT_BYTES_MAX];
	struct registry *registry = make_registry(root, recipient, has_receipts, more);
	size_t len = encode(text, r);
	struct receipt back;
	int result = receipt_decode(&back, text, len);
	if (result == 0)
		result = receipt_judge(&back, text, len, registry, now);
	registry_free(registry);
	return result;
}

static void judged(void)
{
	struct key *root = key_new(KEY_ROOT, "root-1"), *agency = key_new(KEY_RECIPIENT, "tax-agency");
	struct key *other = key_new(KEY_RECIPIENT, "tax-agency");
	struct receipt r = opened();
	uint8_t example_seed[SUITE_KEY_BYTES];
	memcpy(example_seed, seed, sizeof(seed));
	key_receipt_seed(seed, agency);
	memcpy(r.key_id, agency->card.id, KEY_ID_BYTES);
	is_number(judge(r, root, agency, true, "", THEN), 0, "a recipient's own receipt counts");
	is_number(judge(r, root, agency, true, "", THEN + 86400 * 365), 0, "also when it is brought a year later");
	is_number(judge(r, root, agency, false, "", THEN), VERDICT_UNKNOWN_KEY, "not without a receipt key in the registry");
	is_number(judge(r, root, other, true, "", THEN), VERDICT_UNKNOWN_KEY, "nor of a key that is not there");
	is_number(judge(r, root, agency, true, "", THEN - 301), VERDICT_BAD_TIME, "nor from the future");
	is_number(judge(r, root, agency, true, "suspended = 2026-11-01\n", THEN), VERDICT_SUSPENDED,
		  "nor of who was suspended before");
	is_number(judge(r, root, agency, true, "suspended = 2026-12-01\n", THEN + 86400 * 30), VERDICT_SUSPENDED,
		  "nor of who is suspended now");
	is_number(judge(r, root, agency, true, "expires = 2026-06-01\n", THEN), VERDICT_EXPIRED,
		  "nor of who had expired then");
	is_number(judge(r, root, agency, true, "expires = 2027-01-01\n", THEN + 86400 * 365), 0,
		  "but of who has expired since");
	snprintf(r.recipient, sizeof(r.recipient), "census");
	is_number(judge(r, root, agency, true, "", THEN), VERDICT_WRONG_RECIPIENT, "nor under another name");
	r = opened();
	memcpy(r.key_id, agency->card.id, KEY_ID_BYTES);
	key_receipt_seed(seed, other);
	is_number(judge(r, root, agency, true, "", THEN), VERDICT_BAD_SIGNATURE, "nor signed by another key");
	memcpy(seed, agency->secret, sizeof(seed));
	is_number(judge(r, root, agency, true, "", THEN), VERDICT_BAD_SIGNATURE, "nor by the recipient's other key");
	memcpy(seed, example_seed, sizeof(seed));
	key_free(root);
	key_free(agency);
	key_free(other);
}

static void mutations(void)
{
	struct key *root = key_new(KEY_ROOT, "root-1"), *agency = key_new(KEY_RECIPIENT, "tax-agency");
	struct registry *registry = make_registry(root, agency, true, "");
	uint8_t example_seed[SUITE_KEY_BYTES];
	memcpy(example_seed, seed, sizeof(seed));
	key_receipt_seed(seed, agency);
	struct receipt r = opened(), back;
	memcpy(r.key_id, agency->card.id, KEY_ID_BYTES);
	char text[RECEIPT_BYTES_MAX];
	size_t len = encode(text, r);
	unsigned int taken = 0;
	for (size_t bit = 0; bit < 8 * len; bit++) {
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
		taken += receipt_decode(&back, text, len) == 0 && receipt_judge(&back, text, len, registry, THEN) == 0;
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
	}
	is_number(taken, 0, "no receipt counts with a single bit flipped");
	for (size_t cut = 0; cut < len; cut++) {
		char *exact = malloc(cut + 1);
		memcpy(exact + 1, text, cut);
		taken += receipt_decode(&back, exact + 1, cut) == 0;
		free(exact);
	}
	is_number(taken, 0, "nor cut at any length");
	memcpy(seed, example_seed, sizeof(seed));
	registry_free(registry);
	key_free(root);
	key_free(agency);
}

static void examples(void)
{
	char text[RECEIPT_BYTES_MAX];
	struct receipt both[2] = {opened(), destroyed()};
	FILE *page = fopen("common/RECEIPT.md", "r");
	static char whole[65536];
	size_t got = page == NULL ? 0 : fread(whole, 1, sizeof(whole) - 1, page);
	whole[got] = 0;
	for (int i = 0; i < 2; i++) {
		size_t len = encode(text, both[i]);
		text[len] = 0;
		ok(strstr(whole, text) != NULL, "RECEIPT.md shows the receipt of what was %s as it is made",
		   receipt_kind_name(both[i].kind)) || (note("%s", text), false);
	}
	if (page != NULL)
		fclose(page);
}

int main(void)
{
	ok(suite_start() == 0, "the suite starts");
	memset(seed, 0x22, sizeof(seed));
	come_back();
	rules();
	judged();
	mutations();
	examples();
	return done_testing();
}
