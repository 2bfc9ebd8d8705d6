#include "receipt.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"
#include "verdict.h"

enum { CLOCKS_APART_S = 300, VERSION = 1 };
static const char DOMAIN[] = "weir1 receipt";
static const char BEFORE_SIGNATURE[] = ",\"signature\":\"";
static const char *const kinds[] = {[RECEIPT_OPENED] = "opened", [RECEIPT_DESTROYED] = "destroyed"};

const char *receipt_kind_name(enum receipt_kind kind)
{
	return kinds[kind];
}

int receipt_check_how(const char *how)
{
	char escaped[4 * RECEIPT_HOW_MAX + 1];
	size_t len = strlen(how);
	if (len > RECEIPT_HOW_MAX)
		return VERDICT_BAD_LENGTH;
	text_escape(escaped, sizeof(escaped), how, len);
	return strcmp(escaped, how) == 0 ? VERDICT_OK : VERDICT_BAD_NAME;
}

static const char *result_name(int result)
{
	return result < 0 ? "environment" : verdict_name(result);
}

/* What is signed: the text up to its signature. */
static size_t compose(char out[static RECEIPT_BYTES_MAX], const struct receipt *r)
{
	char root[2 * SUITE_DIGEST_BYTES + 1], manifest[2 * SUITE_DIGEST_BYTES + 1];
	char key[2 * KEY_ID_BYTES + 1], at[32], id[2 * RECEIPT_ID_BYTES + 1];
	int n = snprintf(out, RECEIPT_BYTES_MAX,
			 "{\"receipt\":1,\"id\":\"%s\",\"kind\":\"%s\",\"bundle\":\"%s\",\"epoch\":\"%016" PRIx64 "\",\"root\":\"%s\","
			 "\"manifest\":\"%s\",\"recipient\":\"%s\",\"key\":\"%s\",\"at\":\"%s\",\"records\":%" PRIu64 ","
			 "\"bytes\":%" PRIu64 ",\"result\":\"%s\",\"how\":\"%s\"",
			 text_hex(id, sizeof(id), r->id, sizeof(r->id)), kinds[r->kind], r->bundle, r->epoch, text_hex(root, sizeof(root), r->root, sizeof(r->root)),
			 text_hex(manifest, sizeof(manifest), r->manifest, sizeof(r->manifest)), r->recipient,
			 text_hex(key, sizeof(key), r->key_id, sizeof(r->key_id)), text_time(at, sizeof(at), r->at),
			 r->records, r->bytes, result_name(r->result), r->how);
	assert(n > 0 && n < RECEIPT_BYTES_MAX);
	return (size_t)n;
}

static size_t finish(char out[static RECEIPT_BYTES_MAX], size_t len, const struct receipt *r)
{
	char signature[2 * SUITE_SIGNATURE_BYTES + 1];
	text_hex(signature, sizeof(signature), r->signature, sizeof(r->signature));
	int n = snprintf(out + len, RECEIPT_BYTES_MAX - len, "%s%s\"}\n", BEFORE_SIGNATURE, signature);
	assert(n > 0 && (size_t)n < RECEIPT_BYTES_MAX - len);
	return len + (size_t)n;
}

static bool is_sound(const struct receipt *r)
{
	char route[NAME_BYTES];
	uint64_t number;
	return r->epoch != 0 && r->at != 0 && bundle_name_parse(r->bundle, route, &number) == 0 &&
	       name_is_valid(r->recipient) && receipt_check_how(r->how) == 0 &&
	       r->records <= INT64_MAX && r->bytes <= INT64_MAX &&
	       (r->kind == RECEIPT_OPENED ? r->how[0] == 0
					  : r->records == 0 && r->bytes == 0 && r->result == 0);
}

int receipt_encode(char out[static RECEIPT_BYTES_MAX], size_t *len, struct receipt *r,
		   const uint8_t seed[static SUITE_KEY_BYTES])
{
	assert(is_sound(r));
	size_t signed_len = compose(out, r);
	int result = suite_sign(r->signature, DOMAIN, out, signed_len, seed);
	if (result == 0)
		*len = finish(out, signed_len, r);
	return result;
}

static bool take_text(char *out, size_t size, struct json_view view, const char *key)
{
	const char *text = json_get_text(view, key, NULL);
	size_t len = text == NULL ? size : strlen(text);
	if (len >= size)
		return false;
	memcpy(out, text, len + 1);
	memset(out + len, 0, size - len);
	return true;
}

static bool take_hex(uint8_t *out, size_t len, struct json_view view, const char *key)
{
	const char *text = json_get_text(view, key, NULL);
	return text != NULL && text_unhex(out, len, text) == 0;
}

static bool take_kind(enum receipt_kind *out, struct json_view view)
{
	const char *text = json_get_text(view, "kind", "");
	*out = strcmp(text, kinds[RECEIPT_DESTROYED]) == 0 ? RECEIPT_DESTROYED : RECEIPT_OPENED;
	return strcmp(text, kinds[*out]) == 0;
}

static bool take_result(int *out, struct json_view view)
{
	const char *text = json_get_text(view, "result", "");
	*out = strcmp(text, "environment") == 0 ? -EIO : verdict_from_name(text);
	return *out >= 0 || *out == -EIO;
}

static bool take_fields(struct receipt *r, struct json_view view)
{
	uint8_t epoch[8];
	const char *at = json_get_text(view, "at", "");
	bool good = take_hex(r->id, sizeof(r->id), view, "id") && take_kind(&r->kind, view) &&
		    take_text(r->bundle, sizeof(r->bundle), view, "bundle") &&
		    take_hex(epoch, sizeof(epoch), view, "epoch") &&
		    take_hex(r->root, sizeof(r->root), view, "root") &&
		    take_hex(r->manifest, sizeof(r->manifest), view, "manifest") &&
		    take_text(r->recipient, sizeof(r->recipient), view, "recipient") &&
		    take_hex(r->key_id, sizeof(r->key_id), view, "key") && text_parse_time(&r->at, at) == 0 &&
		    json_number(json_get(view, "records"), &r->records) &&
		    json_number(json_get(view, "bytes"), &r->bytes) && take_result(&r->result, view) &&
		    take_text(r->how, sizeof(r->how), view, "how") &&
		    take_hex(r->signature, sizeof(r->signature), view, "signature");
	for (size_t i = 0; good && i < sizeof(epoch); i++)
		r->epoch = r->epoch << 8 | epoch[i];
	return good && is_sound(r);
}

int receipt_decode(struct receipt *out, const char *text, size_t len)
{
	struct receipt r = {.epoch = 0};
	struct json *document = NULL;
	char again[RECEIPT_BYTES_MAX];
	if (len >= RECEIPT_BYTES_MAX)
		return VERDICT_BAD_ENTRY;
	int result = json_parse(&document, text, len);
	if (result != 0)
		return result == -ENOMEM ? result : VERDICT_BAD_ENTRY;
	uint64_t version = 0;
	bool is_newer = json_number(json_get(json_view_of(document), "receipt"), &version) && version > VERSION;
	bool good = take_fields(&r, json_view_of(document));
	json_free(document);
	if (is_newer)
		return VERDICT_UNKNOWN_VERSION;
	/* one form only: whatever else says the same is not what was signed */
	if (!good || finish(again, compose(again, &r), &r) != len || memcmp(again, text, len) != 0)
		return VERDICT_BAD_ENTRY;
	*out = r;
	return 0;
}

int receipt_judge(const struct receipt *r, const char *text, size_t len, const struct registry *registry,
		  uint64_t now)
{
	static const uint8_t none[SUITE_KEY_BYTES];
	const struct party *party = registry_party_by_key(registry, KEY_RECIPIENT, r->key_id);
	const char *end = memmem(text, len, BEFORE_SIGNATURE, sizeof(BEFORE_SIGNATURE) - 1);
	assert(end != NULL);
	if (party == NULL || memcmp(party->card.second, none, sizeof(none)) == 0)
		return VERDICT_UNKNOWN_KEY;
	if (strcmp(party->card.name, r->recipient) != 0)
		return VERDICT_WRONG_RECIPIENT;
	if (r->at > now + CLOCKS_APART_S)
		return VERDICT_BAD_TIME;
	int verdict = party_check(party, r->at);
	if (verdict == 0 && party_check(party, now) == VERDICT_SUSPENDED)
		verdict = VERDICT_SUSPENDED;
	if (verdict != 0)
		return verdict;
	return suite_verify(r->signature, DOMAIN, text, (size_t)(end - text), party->card.second);
}
