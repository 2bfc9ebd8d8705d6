#include "bundle.h"

#include <assert.h>
#include <string.h>

#include "bundle_parts.h"
#include "verdict.h"

static const char head_magic[8] = {'W', 'E', 'I', 'R', 'H', 'E', 'A', 'D'};

/* BUNDLE.md 4 */
void head_encode(uint8_t out[static SEGMENT_BYTES], const struct head *h)
{
	struct writer w = writer_of(out, SEGMENT_BYTES);
	bundle_write_start(&w, head_magic);
	write_u16(&w, h->count);
	write_u16(&w, 0);
	bundle_write_name(&w, h->route);
	write_bytes(&w, h->file_commitment, SUITE_DIGEST_BYTES);
	write_bytes(&w, h->manifest_commitment, SUITE_DIGEST_BYTES);
	for (size_t i = 0; i < h->count; i++) {
		write_bytes(&w, h->stanzas[i].key_id, KEY_ID_BYTES);
		write_bytes(&w, h->stanzas[i].ephemeral, SUITE_KEY_BYTES);
		write_bytes(&w, h->stanzas[i].sealed, sizeof(h->stanzas[i].sealed));
	}
	write_zeros(&w, SEGMENT_BYTES - w.at);
	assert(!w.overrun);
}

int head_decode(struct head *out, const uint8_t in[static SEGMENT_BYTES])
{
	struct reader r = reader_of(in, SEGMENT_BYTES);
	int result = bundle_read_start(&r, head_magic);
	if (result != 0)
		return result;
	struct head h = {0};
	h.count = read_u16(&r);
	if (h.count < 1 || h.count > STANZAS_MAX)
		return VERDICT_BAD_LIMIT;
	bool reserved = read_zeros(&r, 2);
	read_bytes(&r, h.route, NAME_BYTES);
	read_bytes(&r, h.file_commitment, SUITE_DIGEST_BYTES);
	read_bytes(&r, h.manifest_commitment, SUITE_DIGEST_BYTES);
	for (size_t i = 0; i < h.count; i++) {
		read_bytes(&r, h.stanzas[i].key_id, KEY_ID_BYTES);
		read_bytes(&r, h.stanzas[i].ephemeral, SUITE_KEY_BYTES);
		read_bytes(&r, h.stanzas[i].sealed, sizeof(h.stanzas[i].sealed));
		if (i > 0 && memcmp(h.stanzas[i - 1].key_id, h.stanzas[i].key_id, KEY_ID_BYTES) >= 0)
			return VERDICT_BAD_ORDER;
	}
	if (!read_zeros(&r, reader_left(&r)) || !reserved)
		return VERDICT_BAD_RESERVED;
	if (!name32_is_valid(h.route))
		return VERDICT_BAD_NAME;
	*out = h;
	return VERDICT_OK;
}

void bundle_keys_derive(struct bundle_keys *keys)
{
	suite_hash(keys->content, SUITE_KEY_BYTES, "weir1 content", keys->file, SUITE_KEY_BYTES, "", 0);
	suite_hash(keys->manifest, SUITE_KEY_BYTES, "weir1 manifest", keys->file, SUITE_KEY_BYTES, "",
		   0);
}

void bundle_keys_new(struct bundle_keys *keys)
{
	suite_random(keys->file, SUITE_KEY_BYTES);
	bundle_keys_derive(keys);
}

static void commit_to(uint8_t out[static SUITE_DIGEST_BYTES], const uint8_t key[static SUITE_KEY_BYTES])
{
	suite_hash(out, SUITE_DIGEST_BYTES, "weir1 commit", key, SUITE_KEY_BYTES, "", 0);
}

void bundle_keys_commit(struct head *h, const struct bundle_keys *keys)
{
	commit_to(h->file_commitment, keys->file);
	commit_to(h->manifest_commitment, keys->manifest);
}

/* wrap of BUNDLE.md 4, from what both sides of the exchange know. */
static void wrap_key(uint8_t wrap[static SUITE_KEY_BYTES], const uint8_t shared[static SUITE_KEY_BYTES],
		     const uint8_t ephemeral[static SUITE_KEY_BYTES],
		     const uint8_t recipient[static SUITE_KEY_BYTES], const char route[static NAME_BYTES],
		     const uint8_t psk[static SUITE_KEY_BYTES])
{
	uint8_t input[2 + 3 * SUITE_KEY_BYTES + NAME_BYTES];
	struct writer w = writer_of(input, sizeof(input));
	write_u16(&w, BUNDLE_SUITE);
	write_bytes(&w, shared, SUITE_KEY_BYTES);
	write_bytes(&w, ephemeral, SUITE_KEY_BYTES);
	write_bytes(&w, recipient, SUITE_KEY_BYTES);
	bundle_write_name(&w, route);
	suite_hash(wrap, SUITE_KEY_BYTES, "weir1 wrap", psk, SUITE_KEY_BYTES, input, sizeof(input));
	suite_wipe(input, sizeof(input));
}

int stanza_seal(struct stanza *out, const struct bundle_keys *keys, const char *route,
		const uint8_t key_id[static KEY_ID_BYTES],
		const uint8_t recipient_public[static SUITE_KEY_BYTES],
		const uint8_t psk[static SUITE_KEY_BYTES])
{
	static const uint8_t nonce[SUITE_NONCE_BYTES] = {0};
	uint8_t secret[SUITE_KEY_BYTES], shared[SUITE_KEY_BYTES], wrap[SUITE_KEY_BYTES];
	char name[NAME_BYTES] = {0};
	memcpy(name, route, strnlen(route, NAME_BYTES - 1));
	suite_random(secret, sizeof(secret));
	int result = suite_exchange(shared, secret, recipient_public);
	if (result == 0) {
		memcpy(out->key_id, key_id, KEY_ID_BYTES);
		suite_exchange_public(out->ephemeral, secret);
		wrap_key(wrap, shared, out->ephemeral, recipient_public, name, psk);
		suite_seal(out->sealed, keys->file, SUITE_KEY_BYTES, key_id, KEY_ID_BYTES, nonce, wrap);
		suite_wipe(wrap, sizeof(wrap));
	}
	suite_wipe(secret, sizeof(secret));
	suite_wipe(shared, sizeof(shared));
	return result;
}

static int stanza_open(uint8_t file_key[static SUITE_KEY_BYTES], const struct stanza *stanza,
		       const char route[static NAME_BYTES],
		       const uint8_t secret[static SUITE_KEY_BYTES],
		       const uint8_t psk[static SUITE_KEY_BYTES])
{
	static const uint8_t nonce[SUITE_NONCE_BYTES] = {0};
	uint8_t shared[SUITE_KEY_BYTES], wrap[SUITE_KEY_BYTES], own_public[SUITE_KEY_BYTES];
	int result = suite_exchange(shared, secret, stanza->ephemeral);
	if (result != 0)
		return result;
	suite_exchange_public(own_public, secret);
	wrap_key(wrap, shared, stanza->ephemeral, own_public, route, psk);
	result = suite_open(file_key, stanza->sealed, sizeof(stanza->sealed), stanza->key_id,
			    KEY_ID_BYTES, nonce, wrap);
	suite_wipe(shared, sizeof(shared));
	suite_wipe(wrap, sizeof(wrap));
	return result == VERDICT_DAMAGED ? VERDICT_WRONG_KEY : result;
}

int head_open(struct bundle_keys *keys, const struct head *h,
	      const uint8_t key_id[static KEY_ID_BYTES],
	      const uint8_t recipient_secret[static SUITE_KEY_BYTES],
	      const uint8_t psk[static SUITE_KEY_BYTES])
{
	const struct stanza *stanza = NULL;
	for (size_t i = 0; i < h->count; i++)
		if (memcmp(h->stanzas[i].key_id, key_id, KEY_ID_BYTES) == 0)
			stanza = &h->stanzas[i];
	if (stanza == NULL)
		return VERDICT_WRONG_RECIPIENT;
	struct bundle_keys opened;
	int result = stanza_open(opened.file, stanza, h->route, recipient_secret, psk);
	if (result == 0) {
		struct head check;
		bundle_keys_derive(&opened);
		bundle_keys_commit(&check, &opened);
		if (!suite_equal(check.file_commitment, h->file_commitment, SUITE_DIGEST_BYTES) ||
		    !suite_equal(check.manifest_commitment, h->manifest_commitment, SUITE_DIGEST_BYTES))
			result = VERDICT_BAD_COMMITMENT;
	}
	if (result == 0)
		*keys = opened;
	suite_wipe(&opened, sizeof(opened));
	return result;
}

/* BUNDLE.md 5: each key seals one stream, so the index alone makes the nonce unique. */
static void segment_nonce(uint8_t nonce[static SUITE_NONCE_BYTES], uint64_t index, bool last)
{
	struct writer w = writer_of(nonce, SUITE_NONCE_BYTES);
	write_u64(&w, index);
	write_u8(&w, last ? 1 : 0);
	write_zeros(&w, 15);
}

void segment_seal(struct sealer *sealer, uint8_t out[static SEGMENT_BYTES],
		  const uint8_t plain[static SEGMENT_PLAIN_BYTES], uint64_t index, bool last,
		  const uint8_t key[static SUITE_KEY_BYTES])
{
	uint8_t nonce[SUITE_NONCE_BYTES];
	segment_nonce(nonce, index, last);
	sealer_seal(sealer, out, plain, SEGMENT_PLAIN_BYTES, nonce, key);
}

int segment_open(struct sealer *sealer, uint8_t plain[static SEGMENT_PLAIN_BYTES],
		 const uint8_t in[static SEGMENT_BYTES], uint64_t index, bool last,
		 const uint8_t key[static SUITE_KEY_BYTES])
{
	uint8_t nonce[SUITE_NONCE_BYTES];
	segment_nonce(nonce, index, last);
	return sealer_open(sealer, plain, in, SEGMENT_PLAIN_BYTES, nonce, key);
}
