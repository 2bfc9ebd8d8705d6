#include "tokenkey.h"

#include <string.h>

enum { DER_OBJECT = 6, DER_OCTETS = 4, DER_PRINTABLE = 19 };

static const uint8_t *skip_zeros(const uint8_t *number, size_t *len)
{
	for (; *len > 0 && *number == 0; number++)
		--*len;
	return number;
}

bool tokenkey_rsa(uint8_t out[static RSA_BYTES], const uint8_t *modulus, size_t modulus_len,
		  const uint8_t *exponent, size_t exponent_len)
{
	static const uint8_t wanted[] = {1, 0, 1};
	modulus = skip_zeros(modulus, &modulus_len);
	exponent = skip_zeros(exponent, &exponent_len);
	if (modulus_len != RSA_BYTES || rsa_check_modulus(modulus) != 0 || exponent_len != sizeof(wanted) ||
	    memcmp(exponent, wanted, sizeof(wanted)) != 0)
		return false;
	memcpy(out, modulus, RSA_BYTES);
	return true;
}

static bool is_ed25519(const uint8_t *curve, size_t len)
{
	static const struct {
		size_t len;
		uint8_t bytes[14];
	} names[] = {
		/* RFC 8410, PKCS#11 3.0, and GnuPG before there was either */
		{5, {DER_OBJECT, 3, 0x2b, 0x65, 0x70}},
		{14, {DER_PRINTABLE, 12, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9'}},
		{11, {DER_OBJECT, 9, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01}},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (len == names[i].len && memcmp(curve, names[i].bytes, len) == 0)
			return true;
	return false;
}

bool tokenkey_ed25519(uint8_t out[static SUITE_KEY_BYTES], const uint8_t *curve, size_t curve_len,
		      const uint8_t *point, size_t point_len)
{
	if (point_len == SUITE_KEY_BYTES + 2 && point[0] == DER_OCTETS && point[1] == SUITE_KEY_BYTES) {
		point += 2;
		point_len -= 2;
	}
	if (!is_ed25519(curve, curve_len) || point_len != SUITE_KEY_BYTES)
		return false;
	memcpy(out, point, SUITE_KEY_BYTES);
	return true;
}
