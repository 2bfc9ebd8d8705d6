#include "signature.h"

#include <string.h>

#include "rsa.h"
#include "verdict.h"

_Static_assert((int)RSA_BYTES == RSA_MODULUS_BYTES && (int)RSA_BYTES == SIGNATURE_BYTES_MAX, "RSA-2048");

/* What the algorithm demands; 0 for one that is not known. */
static uint16_t length_of(uint8_t algorithm)
{
	if (algorithm == SIGNATURE_ED25519)
		return SUITE_SIGNATURE_BYTES;
	return algorithm == SIGNATURE_RSA_2048 ? SIGNATURE_BYTES_MAX : 0;
}

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
	if (signature->algorithm != needed || signature->len != length_of(needed))
		return VERDICT_BAD_SIGNATURE;
	if (needed == SIGNATURE_RSA_2048)
		return rsa_verify(signature->bytes, domain, data, len, party->rsa_modulus);
	return suite_verify(signature->bytes, domain, data, len, party->card.public_key);
}

size_t signature_encoded_len(const struct signature *signature)
{
	return 4 + (size_t)signature->len;
}

void signature_write(struct writer *w, const struct signature *signature)
{
	write_u8(w, signature->algorithm);
	write_u8(w, 0);
	write_u16(w, signature->len);
	write_bytes(w, signature->bytes, signature->len);
}

int signature_read(struct signature *out, struct reader *r)
{
	struct signature s = {.algorithm = read_u8(r)};
	uint8_t reserved = read_u8(r);
	s.len = read_u16(r);
	if (r->overrun)
		return VERDICT_TRUNCATED;
	if (length_of(s.algorithm) == 0)
		return VERDICT_BAD_TYPE;
	if (reserved != 0)
		return VERDICT_BAD_RESERVED;
	if (s.len != length_of(s.algorithm))
		return VERDICT_BAD_LENGTH;
	read_bytes(r, s.bytes, s.len);
	if (r->overrun)
		return VERDICT_TRUNCATED;
	*out = s;
	return 0;
}
