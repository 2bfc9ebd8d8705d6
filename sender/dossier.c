#include "dossier.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"

enum {
	VERSION = 1,
	SUITE = 1,
	FILE_MODE = 0640,
	NAME_TEXT_BYTES = 2 * PUSH_ID_BYTES + 1,
	STANZA_BYTES = 96,
	WRAP_INPUT_BYTES = 2 + 3 * SUITE_KEY_BYTES + NAME_BYTES,
};

static const char magic[8] = {'W', 'E', 'I', 'R', 'D', 'O', 'S', 'S'};

static void digest_of(uint8_t out[static SUITE_DIGEST_BYTES], const uint8_t *data, size_t len)
{
	suite_hash(out, SUITE_DIGEST_BYTES, "weir1 dossier", NULL, 0, data, len);
}

size_t dossier_encode(uint8_t out[static DOSSIER_BYTES_MAX], const struct dossier *d)
{
	struct writer w = writer_of(out, DOSSIER_BYTES_MAX);
	write_bytes(&w, magic, sizeof(magic));
	write_u16(&w, VERSION);
	write_u16(&w, SUITE);
	write_u16(&w, d->stanza_count);
	write_u16(&w, d->endorsements.count);
	write_u16(&w, d->endorsements.len);
	write_zeros(&w, 14);
	write_bytes(&w, d->push_id, PUSH_ID_BYTES);
	write_u64(&w, d->tally.content_len);
	write_u64(&w, d->tally.members);
	write_u64(&w, d->tally.records);
	write_u32(&w, d->tally.columns);
	write_u8(&w, d->is_beyond_order);
	write_zeros(&w, DOSSIER_HEADER_BYTES - w.at);
	for (size_t i = 0; i < d->stanza_count; i++) {
		const struct stanza *s = &d->stanzas[i];
		write_bytes(&w, s->key_id, KEY_ID_BYTES);
		write_bytes(&w, s->ephemeral, SUITE_KEY_BYTES);
		write_bytes(&w, s->sealed, sizeof(s->sealed));
	}
	write_bytes(&w, d->endorsements.bytes, d->endorsements.len);
	assert(!w.overrun);
	digest_of(out + w.at, out, w.at);
	return w.at + SUITE_DIGEST_BYTES;
}

static int read_header(struct dossier *d, struct reader *r)
{
	const uint8_t *got = read_view(r, sizeof(magic));
	if (got == NULL)
		return VERDICT_TRUNCATED;
	if (memcmp(got, magic, sizeof(magic)) != 0)
		return VERDICT_BAD_MAGIC;
	uint16_t version = read_u16(r);
	uint16_t suite = read_u16(r);
	if (r->overrun)
		return VERDICT_TRUNCATED;
	if (version != VERSION)
		return VERDICT_UNKNOWN_VERSION;
	if (suite != SUITE)
		return VERDICT_UNKNOWN_SUITE;
	d->stanza_count = read_u16(r);
	d->endorsements.count = read_u16(r);
	d->endorsements.len = read_u16(r);
	bool reserved = read_zeros(r, 14);
	read_bytes(r, d->push_id, PUSH_ID_BYTES);
	d->tally.content_len = read_u64(r);
	d->tally.members = read_u64(r);
	d->tally.records = read_u64(r);
	d->tally.columns = read_u32(r);
	uint8_t is_beyond_order = read_u8(r);
	reserved = read_zeros(r, DOSSIER_HEADER_BYTES - r->at) && reserved;
	if (r->overrun)
		return VERDICT_TRUNCATED;
	if (!reserved)
		return VERDICT_BAD_RESERVED;
	d->is_beyond_order = is_beyond_order == 1;
	return d->stanza_count <= OFFICERS_MAX && d->endorsements.len <= ENDORSEMENTS_BYTES_MAX &&
			       is_beyond_order <= 1
		       ? VERDICT_OK
		       : VERDICT_BAD_LIMIT;
}

static int read_stanzas(struct dossier *d, struct reader *r)
{
	for (size_t i = 0; i < d->stanza_count; i++) {
		struct stanza *s = &d->stanzas[i];
		read_bytes(r, s->key_id, KEY_ID_BYTES);
		read_bytes(r, s->ephemeral, SUITE_KEY_BYTES);
		read_bytes(r, s->sealed, sizeof(s->sealed));
		if (r->overrun)
			return VERDICT_TRUNCATED;
		if (i > 0 && memcmp(s[-1].key_id, s->key_id, KEY_ID_BYTES) >= 0)
			return VERDICT_BAD_ORDER;
	}
	return VERDICT_OK;
}

/* dossier is large, so it is filled in its place; the caller discards it after a refusal. */
static int decode_into(struct dossier *d, const uint8_t *in, size_t len)
{
	uint8_t digest[SUITE_DIGEST_BYTES];
	struct reader r = reader_of(in, len);
	int result = read_header(d, &r);
	if (result == 0)
		result = read_stanzas(d, &r);
	if (result != 0)
		return result;
	read_bytes(&r, d->endorsements.bytes, d->endorsements.len);
	size_t signed_len = r.at;
	const uint8_t *stored = read_view(&r, SUITE_DIGEST_BYTES);
	if (stored == NULL)
		return VERDICT_TRUNCATED;
	if (reader_left(&r) != 0)
		return VERDICT_TRAILING_BYTES;
	digest_of(digest, in, signed_len);
	if (memcmp(digest, stored, sizeof(digest)) != 0)
		return VERDICT_BAD_DIGEST;
	return endorsements_check(d->endorsements.bytes, d->endorsements.len,
				  d->endorsements.count);
}

int dossier_decode(struct dossier *out, const uint8_t *in, size_t len)
{
	struct dossier *d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	int result = decode_into(d, in, len);
	if (result == 0)
		*out = *d;
	free(d);
	return result;
}

static void file_name(char out[static NAME_TEXT_BYTES], const uint8_t *push_id)
{
	text_hex(out, NAME_TEXT_BYTES, push_id, PUSH_ID_BYTES);
}

int dossier_save(int dir_fd, const struct dossier *dossier)
{
	uint8_t bytes[DOSSIER_BYTES_MAX];
	char name[NAME_TEXT_BYTES];
	size_t len = dossier_encode(bytes, dossier);
	file_name(name, dossier->push_id);
	return io_write_file(dir_fd, name, bytes, len, FILE_MODE);
}

int dossier_load(struct dossier *out, int dir_fd, const uint8_t push_id[static PUSH_ID_BYTES])
{
	uint8_t *bytes = NULL;
	size_t len;
	char name[NAME_TEXT_BYTES];
	file_name(name, push_id);
	int result = io_read_file(dir_fd, name, DOSSIER_BYTES_MAX, &bytes, &len);
	if (result == -EFBIG)
		result = VERDICT_TRAILING_BYTES;
	if (result == 0)
		result = dossier_decode(out, bytes, len);
	free(bytes);
	if (result == 0 && memcmp(out->push_id, push_id, PUSH_ID_BYTES) != 0)
		result = VERDICT_BAD_NAME;
	return result;
}

int dossier_remove(int dir_fd, const uint8_t push_id[static PUSH_ID_BYTES])
{
	char name[NAME_TEXT_BYTES];
	file_name(name, push_id);
	return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* SPOOL.md 2: no pre-shared key, since it stays inside. */
static int make_wrap(uint8_t wrap[static SUITE_KEY_BYTES],
		     const uint8_t secret[static SUITE_KEY_BYTES], const uint8_t *other_public,
		     const uint8_t *ephemeral, const uint8_t *reading, const char *route)
{
	uint8_t shared[SUITE_KEY_BYTES], input[WRAP_INPUT_BYTES];
	int result = suite_exchange(shared, secret, other_public);
	if (result == 0) {
		struct writer w = writer_of(input, sizeof(input));
		size_t len = strnlen(route, NAME_BYTES);
		write_u16(&w, SUITE);
		write_bytes(&w, shared, sizeof(shared));
		write_bytes(&w, ephemeral, SUITE_KEY_BYTES);
		write_bytes(&w, reading, SUITE_KEY_BYTES);
		write_bytes(&w, route, len);
		write_zeros(&w, NAME_BYTES - len);
		suite_hash(wrap, SUITE_KEY_BYTES, "weir1 readwrap", NULL, 0, input, sizeof(input));
	}
	suite_wipe(shared, sizeof(shared));
	suite_wipe(input, sizeof(input));
	return result;
}

static int seal_key(struct stanza *out, const char *route, const struct card *officer,
		    const uint8_t *manifest_key)
{
	static const uint8_t nonce[SUITE_NONCE_BYTES];
	uint8_t secret[SUITE_KEY_BYTES], wrap[SUITE_KEY_BYTES];
	memcpy(out->key_id, officer->id, KEY_ID_BYTES);
	suite_random(secret, sizeof(secret));
	suite_exchange_public(out->ephemeral, secret);
	int result = make_wrap(wrap, secret, officer->second, out->ephemeral, officer->second, route);
	if (result == 0)
		suite_seal(out->sealed, manifest_key, SUITE_KEY_BYTES, out->key_id, KEY_ID_BYTES,
			   nonce, wrap);
	suite_wipe(secret, sizeof(secret));
	suite_wipe(wrap, sizeof(wrap));
	return result;
}

static int compare_stanzas(const void *a, const void *b)
{
	return memcmp(((const struct stanza *)a)->key_id, ((const struct stanza *)b)->key_id,
		      KEY_ID_BYTES);
}

int dossier_seal_keys(struct dossier *dossier, const struct route *route,
		      const uint8_t manifest_key[static SUITE_KEY_BYTES])
{
	dossier->stanza_count = 0;
	for (size_t i = 0; i < route->officer_count && dossier->stanza_count < OFFICERS_MAX; i++) {
		const struct card *card = &route->officers[i]->card;
		if (bytes_are_zero(card->second, SUITE_KEY_BYTES))
			continue;
		int result = seal_key(&dossier->stanzas[dossier->stanza_count], route->name, card,
				      manifest_key);
		if (result != 0)
			return result;
		dossier->stanza_count++;
	}
	qsort(dossier->stanzas, dossier->stanza_count, sizeof(struct stanza), compare_stanzas);
	return 0;
}

int dossier_open_key(uint8_t manifest_key[static SUITE_KEY_BYTES], const struct dossier *dossier,
		     const char *route, const struct card *officer,
		     const uint8_t reading_secret[static SUITE_KEY_BYTES])
{
	static const uint8_t nonce[SUITE_NONCE_BYTES];
	for (size_t i = 0; i < dossier->stanza_count; i++) {
		const struct stanza *s = &dossier->stanzas[i];
		uint8_t wrap[SUITE_KEY_BYTES];
		if (memcmp(s->key_id, officer->id, KEY_ID_BYTES) != 0)
			continue;
		int result = make_wrap(wrap, reading_secret, s->ephemeral, s->ephemeral,
				       officer->second, route);
		if (result == 0)
			result = suite_open(manifest_key, s->sealed, sizeof(s->sealed), s->key_id,
					    KEY_ID_BYTES, nonce, wrap);
		suite_wipe(wrap, sizeof(wrap));
		return result == 0 ? 0 : VERDICT_WRONG_KEY;
	}
	return VERDICT_WRONG_RECIPIENT;
}
