#include "signature.h"

#include "verdict.h"

/* What the algorithm demands; 0 for one that is not known. */
static uint16_t length_of(uint8_t algorithm)
{
	if (algorithm == SIGNATURE_ED25519)
		return SUITE_SIGNATURE_BYTES;
	return algorithm == SIGNATURE_RSA_2048 ? SIGNATURE_BYTES_MAX : 0;
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
