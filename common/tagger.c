#include "tagger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "poly1305.h"
#include "verdict.h"

struct tagger {
	uint8_t *secret;
	struct poly1305 *poly;
};

void tagger_secret(uint8_t secret[static TAGGER_SECRET_BYTES], const uint8_t link_secret[static SUITE_KEY_BYTES])
{
	suite_hash(secret, TAGGER_SECRET_BYTES, "weir1 tag", link_secret, SUITE_KEY_BYTES, NULL, 0);
}

int tagger_new(struct tagger **out, const uint8_t secret[static TAGGER_SECRET_BYTES])
{
	struct tagger *tagger = calloc(1, sizeof(*tagger));
	if (tagger == NULL)
		return -ENOMEM;
	tagger->secret = suite_secret_alloc(TAGGER_SECRET_BYTES);
	int result = tagger->secret == NULL ? -ENOMEM : poly1305_new(&tagger->poly);
	if (result != 0) {
		tagger_free(tagger);
		return result;
	}
	memcpy(tagger->secret, secret, TAGGER_SECRET_BYTES);
	*out = tagger;
	return 0;
}

int tagger_load(struct tagger **out, const char *path)
{
	uint8_t secret[TAGGER_SECRET_BYTES];
	struct key *key;
	int result = key_load(&key, path, NULL);
	if (result != 0)
		return result;
	if (key->card.kind != KEY_LINK) {
		result = VERDICT_WRONG_KEY;
	} else {
		tagger_secret(secret, key->secret);
		result = tagger_new(out, secret);
		suite_wipe(secret, sizeof(secret));
	}
	key_free(key);
	return result;
}

void tagger_free(struct tagger *tagger)
{
	if (tagger == NULL)
		return;
	poly1305_free(tagger->poly);
	suite_secret_free(tagger->secret);
	free(tagger);
}

void tagger_tag(struct tagger *tagger, uint8_t tag[static SUITE_TAG_BYTES], const void *data, size_t len,
		const uint8_t sequence[static 8])
{
	uint8_t input[POLY1305_BYTES + 8];
	poly1305_of(tagger->poly, input, tagger->secret, data, len);
	memcpy(input + POLY1305_BYTES, sequence, 8);
	suite_tag(tag, input, sizeof(input), tagger->secret + POLY1305_KEY_BYTES);
}
