/*
 * Making and verifying: apart from the form, so that programs that only read signatures are not linked
 * with what verifies them.
 */
#include <string.h>

#include "rsa.h"
#include "signature.h"
#include "verdict.h"

_Static_assert((int)RSA_BYTES == RSA_MODULUS_BYTES && (int)RSA_BYTES == SIGNATURE_BYTES_MAX, "RSA-2048");

int signature_make(struct signature *out, const char *domain, const void *data, size_t len,
		   const uint8_t seed[static SUITE_KEY_BYTES])
{
	uint8_t bytes[SUITE_SIGNATURE_BYTES];
	int result = suite_sign(bytes, domain, data, len, seed);
	if (result != 0)
		return result;
	*out = (struct signature){.algorithm = SIGNATURE_ED25519, .len = sizeof(bytes)};
	memcpy(out->bytes, bytes, sizeof(bytes));
	return 0;
}

int signature_verify(const struct signature *signature, const char *domain, const void *data, size_t len,
		     const struct party *party)
{
	uint8_t needed = party->rsa_modulus != NULL ? SIGNATURE_RSA_2048 : SIGNATURE_ED25519;
	uint16_t needed_len = needed == SIGNATURE_RSA_2048 ? RSA_BYTES : SUITE_SIGNATURE_BYTES;
	if (signature->algorithm != needed || signature->len != needed_len)
		return VERDICT_BAD_SIGNATURE;
	if (needed == SIGNATURE_RSA_2048)
		return rsa_verify(signature->bytes, domain, data, len, party->rsa_modulus);
	return suite_verify(signature->bytes, domain, data, len, party->card.public_key);
}
