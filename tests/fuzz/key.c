#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct card card;
	struct key *key = NULL;
	bool needs_passphrase = false;
	suite_start();
	int result = key_decode_card(&card, data, len, &needs_passphrase);
	/* no passphrase: stretching one costs too much here */
	if (key_decode(&key, data, len, NULL) == 0) {
		uint8_t again[KEY_FILE_BYTES];
		if (result != 0 || needs_passphrase)
			abort();
		/* an unprotected file has one form */
		if (key_encode(again, key, NULL, 0, 0) != 0 || memcmp(again, data, len) != 0)
			abort();
	}
	key_free(key);
	return 0;
}
