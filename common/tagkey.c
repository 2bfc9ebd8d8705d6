#include "tagkey.h"

#include <errno.h>
#include <stddef.h>

#include "datagram.h"
#include "key.h"
#include "verdict.h"

int tagkey_load(uint8_t **out, const char *path)
{
	struct key *key;
	int result = key_load(&key, path, NULL);
	if (result != 0)
		return result;
	uint8_t *tag_key = NULL;
	if (key->card.kind != KEY_LINK)
		result = VERDICT_WRONG_KEY;
	else if ((tag_key = suite_secret_alloc(SUITE_TAG_BYTES)) == NULL)
		result = -ENOMEM;
	else
		datagram_tag_key(tag_key, key->secret);
	key_free(key);
	if (result == 0)
		*out = tag_key;
	return result;
}
