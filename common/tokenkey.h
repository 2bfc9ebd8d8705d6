/*
 * tokenkey: public keys as PKCS#11 modules give them, which differ in how they write one number.
 */
#ifndef WEIR_TOKENKEY_H
#define WEIR_TOKENKEY_H

#include "rsa.h"

/*
 * CKA_MODULUS and CKA_PUBLIC_EXPONENT, with zeros before them or not: false unless it is RSA-2048 with
 * exponent 65537.
 */
bool tokenkey_rsa(uint8_t out[static RSA_BYTES], const uint8_t *modulus, size_t modulus_len,
		  const uint8_t *exponent, size_t exponent_len);

/*
 * CKA_EC_PARAMS, which names the curve in one of three ways, and CKA_EC_POINT, 32 bytes or these as a
 * DER OCTET STRING: false unless it is a point of Ed25519.
 */
bool tokenkey_ed25519(uint8_t out[static SUITE_KEY_BYTES], const uint8_t *curve, size_t curve_len,
		      const uint8_t *point, size_t point_len);

#endif
