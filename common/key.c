#include "key.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "io.h"
#include "text.h"
#include "trusted.h"
#include "verdict.h"

enum {
	FILE_BYTES_MAX = 4096, /* of other versions, too, so that what is newer is known as such */
	PROTECTION_NONE = 0,
	PROTECTION_ARGON2ID = 1,
	OPERATIONS_MAX = 16,
	MEMORY_KIB_MIN = 8192,
	MEMORY_KIB_MAX = 1048576,
	CHECK_BYTES = 16,
	HEADER_BYTES = 160, /* what the seal or the check covers */
	/* about a second of one core; a guess costs an attacker as much */
	OPERATIONS = 3,
	MEMORY_KIB = 262144,
};

static const char magic[8] = "WEIRSKEY";

static const char *const kind_names[KEY_KIND_END] = {
	[KEY_ROOT] = "root",         [KEY_PERSON] = "person",       [KEY_SENDER] = "sender",
	[KEY_RECEIVER] = "receiver", [KEY_RECIPIENT] = "recipient", [KEY_LINK] = "link",
	[KEY_PSK] = "psk",           [KEY_MACHINE] = "machine",
};

/* REGISTRY.md 1, the key file without its last 48 bytes. */
struct key_header {
	struct card card;
	bool is_protected;
	uint32_t operations;
	uint32_t memory_kib;
	uint8_t salt[SUITE_SALT_BYTES];
	uint8_t nonce[SUITE_NONCE_BYTES];
};

const char *key_kind_name(enum key_kind kind)
{
	return kind >= KEY_ROOT && kind < KEY_KIND_END ? kind_names[kind] : NULL;
}

enum key_kind key_kind_from_name(const char *name)
{
	for (int kind = KEY_ROOT; kind < KEY_KIND_END; kind++)
		if (strcmp(kind_names[kind], name) == 0)
			return (enum key_kind)kind;
	return 0;
}

static void card_digest(uint8_t digest[static SUITE_DIGEST_BYTES], const struct card *card)
{
	uint8_t bytes[1 + NAME_BYTES + SUITE_KEY_BYTES];
	struct writer w = writer_of(bytes, sizeof(bytes));
	write_u8(&w, (uint8_t)card->kind);
	write_bytes(&w, card->name, NAME_BYTES);
	write_bytes(&w, card->public_key, SUITE_KEY_BYTES);
	suite_hash(digest, SUITE_DIGEST_BYTES, "weir1 key", NULL, 0, bytes, sizeof(bytes));
}

void card_identify(struct card *card)
{
	uint8_t digest[SUITE_DIGEST_BYTES];
	card_digest(digest, card);
	memcpy(card->id, digest, KEY_ID_BYTES);
}

void card_fingerprint(char out[static FINGERPRINT_BYTES], const struct card *card)
{
	uint8_t digest[SUITE_DIGEST_BYTES];
	card_digest(digest, card);
	struct reader r = reader_of(digest, sizeof(digest));
	for (size_t group = 0; group < 8; group++)
		snprintf(out + 6 * group, FINGERPRINT_BYTES - 6 * group, "%05u%s",
			 read_u32(&r) % 100000, group < 7 ? " " : "");
}

void key_reading_secret(uint8_t out[static SUITE_KEY_BYTES], const struct key *person)
{
	assert(person->card.kind == KEY_PERSON);
	suite_hash(out, SUITE_KEY_BYTES, "weir1 reading", person->secret, SUITE_KEY_BYTES, NULL, 0);
}

void key_receipt_seed(uint8_t out[static SUITE_KEY_BYTES], const struct key *recipient)
{
	assert(recipient->card.kind == KEY_RECIPIENT);
	suite_hash(out, SUITE_KEY_BYTES, "weir1 receipts", recipient->secret, SUITE_KEY_BYTES, NULL, 0);
}

static void derive_second(struct key *key)
{
	uint8_t secret[SUITE_KEY_BYTES];
	memset(key->card.second, 0, SUITE_KEY_BYTES);
	if (key->card.kind == KEY_PERSON) {
		key_reading_secret(secret, key);
		suite_exchange_public(key->card.second, secret);
	} else if (key->card.kind == KEY_RECIPIENT) {
		key_receipt_seed(secret, key);
		suite_sign_public(key->card.second, secret);
	}
	suite_wipe(secret, sizeof(secret));
}

void key_complete(struct key *key)
{
	uint8_t *public_key = key->card.public_key;
	if (key->card.kind == KEY_RECIPIENT)
		suite_exchange_public(public_key, key->secret);
	else if (key->card.kind == KEY_LINK || key->card.kind == KEY_PSK)
		suite_hash(public_key, SUITE_KEY_BYTES, "weir1 secret id", key->secret, SUITE_KEY_BYTES,
			   NULL, 0);
	else
		suite_sign_public(public_key, key->secret);
	derive_second(key);
	card_identify(&key->card);
}

const char *card_second_name(const struct card *card)
{
	if (card->kind == KEY_PERSON)
		return "reading";
	return card->kind == KEY_RECIPIENT ? "receipts" : NULL;
}

char *card_text(char out[static CARD_TEXT_BYTES], const struct card *card)
{
	char fingerprint[FINGERPRINT_BYTES], hex[2 * SUITE_KEY_BYTES + 1];
	card_fingerprint(fingerprint, card);
	int len = snprintf(out, CARD_TEXT_BYTES, "; fingerprint %s\n[%s %s]\npublic = %s\n", fingerprint,
			   key_kind_name(card->kind), card->name, text_hex(hex, sizeof(hex), card->public_key, SUITE_KEY_BYTES));
	if (card_second_name(card) != NULL)
		snprintf(out + len, CARD_TEXT_BYTES - (size_t)len, "%s = %s\n", card_second_name(card),
			 text_hex(hex, sizeof(hex), card->second, SUITE_KEY_BYTES));
	return out;
}

struct key *key_new(enum key_kind kind, const char *name)
{
	if (key_kind_name(kind) == NULL || !name_is_valid(name)) {
		errno = EINVAL;
		return NULL;
	}
	struct key *key = suite_secret_alloc(sizeof(*key));
	if (key == NULL)
		return NULL;
	memset(key, 0, sizeof(*key));
	key->card.kind = kind;
	memcpy(key->card.name, name, strlen(name));
	suite_random(key->secret, sizeof(key->secret));
	key_complete(key);
	return key;
}

void key_free(struct key *key)
{
	suite_secret_free(key);
}

static void header_encode(uint8_t out[static HEADER_BYTES], const struct key_header *h)
{
	struct writer w = writer_of(out, HEADER_BYTES);
	write_bytes(&w, magic, sizeof(magic));
	write_u16(&w, 1);
	write_u16(&w, 1);
	write_u8(&w, (uint8_t)h->card.kind);
	write_u8(&w, h->is_protected ? PROTECTION_ARGON2ID : PROTECTION_NONE);
	write_zeros(&w, 2);
	write_bytes(&w, h->card.name, NAME_BYTES);
	write_u32(&w, h->operations);
	write_u32(&w, h->memory_kib);
	write_bytes(&w, h->salt, sizeof(h->salt));
	write_bytes(&w, h->nonce, sizeof(h->nonce));
	write_bytes(&w, h->card.public_key, SUITE_KEY_BYTES);
	write_bytes(&w, h->card.second, SUITE_KEY_BYTES);
}

static int check_stretching(const struct key_header *h)
{
	if (!h->is_protected) {
		if (h->operations != 0 || h->memory_kib != 0)
			return VERDICT_BAD_LIMIT;
		bool is_zero = bytes_are_zero(h->salt, sizeof(h->salt)) &&
			       bytes_are_zero(h->nonce, sizeof(h->nonce));
		return is_zero ? 0 : VERDICT_BAD_RESERVED;
	}
	bool fits = h->operations >= 1 && h->operations <= OPERATIONS_MAX &&
		    h->memory_kib >= MEMORY_KIB_MIN && h->memory_kib <= MEMORY_KIB_MAX;
	return fits ? 0 : VERDICT_BAD_LIMIT;
}

static int header_decode(struct key_header *h, const uint8_t *in, size_t len)
{
	if (len < sizeof(magic))
		return VERDICT_TRUNCATED;
	struct reader r = reader_of(in, len);
	if (memcmp(read_view(&r, sizeof(magic)), magic, sizeof(magic)) != 0)
		return VERDICT_BAD_MAGIC;
	/* another version may have another length */
	uint16_t version = read_u16(&r);
	if (!r.overrun && version != 1)
		return VERDICT_UNKNOWN_VERSION;
	if (len != KEY_FILE_BYTES)
		return len < KEY_FILE_BYTES ? VERDICT_TRUNCATED : VERDICT_TRAILING_BYTES;
	if (read_u16(&r) != 1)
		return VERDICT_UNKNOWN_SUITE;
	uint8_t kind = read_u8(&r);
	uint8_t protection = read_u8(&r);
	if (kind < KEY_ROOT || kind >= KEY_KIND_END || protection > PROTECTION_ARGON2ID)
		return VERDICT_BAD_TYPE;
	if (!read_zeros(&r, 2))
		return VERDICT_BAD_RESERVED;
	*h = (struct key_header){.is_protected = protection == PROTECTION_ARGON2ID};
	h->card.kind = (enum key_kind)kind;
	read_bytes(&r, h->card.name, NAME_BYTES);
	if (!name32_is_valid(h->card.name))
		return VERDICT_BAD_NAME;
	h->operations = read_u32(&r);
	h->memory_kib = read_u32(&r);
	read_bytes(&r, h->salt, sizeof(h->salt));
	read_bytes(&r, h->nonce, sizeof(h->nonce));
	read_bytes(&r, h->card.public_key, SUITE_KEY_BYTES);
	read_bytes(&r, h->card.second, SUITE_KEY_BYTES);
	card_identify(&h->card);
	if (kind != KEY_PERSON && kind != KEY_RECIPIENT &&
	    !bytes_are_zero(h->card.second, SUITE_KEY_BYTES))
		return VERDICT_BAD_RESERVED;
	return check_stretching(h);
}

/* The key under which the secret rests; *out in secret memory. */
static int stretch(uint8_t **out, const struct key_header *h, const char *passphrase)
{
	uint8_t *wrap = suite_secret_alloc(SUITE_KEY_BYTES);
	if (wrap == NULL)
		return -ENOMEM;
	int result = suite_stretch(wrap, passphrase, strlen(passphrase), h->salt, h->operations,
				   h->memory_kib);
	if (result != 0) {
		suite_secret_free(wrap);
		return result;
	}
	*out = wrap;
	return 0;
}

static void unprotected_check(uint8_t check[static CHECK_BYTES],
			      const uint8_t header[static HEADER_BYTES],
			      const uint8_t secret[static SUITE_KEY_BYTES])
{
	suite_hash(check, CHECK_BYTES, "weir1 key check", secret, SUITE_KEY_BYTES, header,
		   HEADER_BYTES);
}

int key_encode(uint8_t out[static KEY_FILE_BYTES], const struct key *key, const char *passphrase,
	       uint32_t operations, uint32_t memory_kib)
{
	struct key_header h = {.card = key->card, .is_protected = passphrase != NULL};
	uint8_t header[HEADER_BYTES];
	if (!h.is_protected) {
		header_encode(header, &h);
		memcpy(out, header, HEADER_BYTES);
		memcpy(out + HEADER_BYTES, key->secret, SUITE_KEY_BYTES);
		unprotected_check(out + HEADER_BYTES + SUITE_KEY_BYTES, header, key->secret);
		return 0;
	}
	h.operations = operations;
	h.memory_kib = memory_kib;
	suite_random(h.salt, sizeof(h.salt));
	suite_random(h.nonce, sizeof(h.nonce));
	int result = check_stretching(&h);
	if (result != 0)
		return result;
	uint8_t *wrap;
	result = stretch(&wrap, &h, passphrase);
	if (result != 0)
		return result;
	header_encode(out, &h);
	suite_seal(out + HEADER_BYTES, key->secret, SUITE_KEY_BYTES, out, HEADER_BYTES, h.nonce,
		   wrap);
	suite_secret_free(wrap);
	return 0;
}

static int open_secret(uint8_t secret[static SUITE_KEY_BYTES], const struct key_header *h,
		       const uint8_t in[static KEY_FILE_BYTES], const char *passphrase)
{
	if (!h->is_protected) {
		uint8_t check[CHECK_BYTES];
		memcpy(secret, in + HEADER_BYTES, SUITE_KEY_BYTES);
		unprotected_check(check, in, secret);
		return suite_equal(check, in + HEADER_BYTES + SUITE_KEY_BYTES, CHECK_BYTES)
			       ? 0
			       : VERDICT_WRONG_KEY;
	}
	if (passphrase == NULL)
		return VERDICT_WRONG_PASSPHRASE;
	uint8_t *wrap;
	int result = stretch(&wrap, h, passphrase);
	if (result != 0)
		return result;
	result = suite_open(secret, in + HEADER_BYTES, KEY_FILE_BYTES - HEADER_BYTES, in,
			    HEADER_BYTES, h->nonce, wrap);
	suite_secret_free(wrap);
	return result == 0 ? 0 : VERDICT_WRONG_PASSPHRASE;
}

int key_decode(struct key **out, const uint8_t *in, size_t len, const char *passphrase)
{
	struct key_header h;
	int result = header_decode(&h, in, len);
	if (result != 0)
		return result;
	struct key *key = suite_secret_alloc(sizeof(*key));
	if (key == NULL)
		return -ENOMEM;
	key->card = h.card;
	result = open_secret(key->secret, &h, in, passphrase);
	if (result == 0) {
		key_complete(key);
		if (!suite_equal(key->card.public_key, h.card.public_key, SUITE_KEY_BYTES) ||
		    !suite_equal(key->card.second, h.card.second, SUITE_KEY_BYTES))
			result = VERDICT_WRONG_KEY;
	}
	if (result != 0) {
		key_free(key);
		return result;
	}
	*out = key;
	return 0;
}

int key_decode_card(struct card *out, const uint8_t *in, size_t len, bool *needs_passphrase)
{
	struct key_header h;
	int result = header_decode(&h, in, len);
	if (result != 0)
		return result;
	*out = h.card;
	*needs_passphrase = h.is_protected;
	return 0;
}

int key_save(const char *path, const struct key *key, const char *passphrase)
{
	uint8_t *bytes = suite_secret_alloc(KEY_FILE_BYTES);
	if (bytes == NULL)
		return -ENOMEM;
	int result = key_encode(bytes, key, passphrase, OPERATIONS, MEMORY_KIB);
	if (result == 0)
		result = io_create_path(path, bytes, KEY_FILE_BYTES, 0600);
	suite_secret_free(bytes);
	return result;
}

int key_load_card(struct card *out, const char *path, bool *needs_passphrase)
{
	uint8_t *bytes;
	size_t len;
	int result = trusted_read(path, 077, FILE_BYTES_MAX, &bytes, &len);
	if (result != 0)
		return result == -EFBIG ? VERDICT_TRAILING_BYTES : result;
	result = key_decode_card(out, bytes, len, needs_passphrase);
	trusted_free(bytes, len);
	return result;
}

int key_load(struct key **out, const char *path, const char *passphrase)
{
	uint8_t *bytes;
	size_t len;
	int result = trusted_read(path, 077, FILE_BYTES_MAX, &bytes, &len);
	if (result != 0)
		return result == -EFBIG ? VERDICT_TRAILING_BYTES : result;
	result = key_decode(out, bytes, len, passphrase);
	trusted_free(bytes, len);
	return result;
}
