#include "rsa.h"

#include "suite.h"
#include "verdict.h"

/* What of rsa.h needs no arithmetic; the rest is in libcrypto.c. */

int rsa_check_modulus(const uint8_t modulus[static RSA_BYTES])
{
	return (modulus[0] & 0x80) != 0 && (modulus[RSA_BYTES - 1] & 1) != 0 ? 0 : VERDICT_BAD_KEY;
}

void rsa_public(uint8_t public_key[static SUITE_KEY_BYTES], const uint8_t modulus[static RSA_BYTES])
{
	suite_hash(public_key, SUITE_KEY_BYTES, "weir1 rsa", NULL, 0, modulus, RSA_BYTES);
}
