#include "psks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/credential.h"
#include "common/verdict.h"

int psks_path(char *out, size_t size, const char *folder, const char *recipient)
{
	char credential[NAME_BYTES + sizeof("psks_.key")];
	int len = snprintf(out, size, "%s/%s.key", folder, recipient);
	if (len < 0 || (size_t)len >= size)
		return -ENAMETOOLONG;
	snprintf(credential, sizeof(credential), "psks_%s.key", recipient);
	return credential_prefer(out, size, credential);
}

static int load_one(uint8_t out[static SUITE_KEY_BYTES], const char *folder, const struct party *recipient,
		    char where[static PSKS_WHERE_BYTES])
{
	struct key *key = NULL;
	int result = psks_path(where, PSKS_WHERE_BYTES, folder, recipient->card.name);
	if (result == 0)
		result = key_load(&key, where, NULL);
	if (result != 0)
		return result;
	if (key->card.kind == KEY_PSK &&
	    memcmp(key->card.public_key, recipient->psk_public, SUITE_KEY_BYTES) == 0) {
		memcpy(out, key->secret, SUITE_KEY_BYTES);
	} else {
		snprintf(where, PSKS_WHERE_BYTES, "%s", recipient->card.name);
		result = VERDICT_WRONG_KEY;
	}
	key_free(key);
	return result;
}

int psks_load(uint8_t (**out)[SUITE_KEY_BYTES], const char *folder, const struct route *route,
	      char where[static PSKS_WHERE_BYTES])
{
	where[0] = 0;
	uint8_t(*psks)[SUITE_KEY_BYTES] = suite_secret_alloc(route->recipient_count * SUITE_KEY_BYTES);
	if (psks == NULL)
		return -errno;
	int result = 0;
	for (size_t i = 0; result == 0 && i < route->recipient_count; i++)
		result = load_one(psks[i], folder, route->recipients[i], where);
	if (result == 0)
		*out = psks;
	else
		suite_secret_free(psks);
	return result;
}
