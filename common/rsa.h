/*
 * rsa: RSA signatures, and the certificates in which public keys come; the only file that includes
 * OpenSSL.  Its configuration file is never read: nothing outside this tree says what is accepted.
 */
#ifndef WEIR_RSA_H
#define WEIR_RSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "suite.h"

enum {
	RSA_BYTES = 256, /* modulus and signature of RSA-2048, big-endian as in RFC 8017 */
	CERTIFICATE_NAME_BYTES = 512,
	CERTIFICATE_SERIAL_BYTES = 64,
	CERTIFICATE_PROBLEM_BYTES = 256,
	CERTIFICATE_FILE_MAX = 262144,
	CHAIN_COUNT_MAX = 16,
};

/* Odd, and 2048 bits long: 0 or VERDICT_BAD_KEY. */
int rsa_check_modulus(const uint8_t modulus[static RSA_BYTES]);

/* What stands for the key wherever 32 bytes do: in a card, so in key ids and fingerprints (REGISTRY.md 3). */
void rsa_public(uint8_t public_key[static SUITE_KEY_BYTES], const uint8_t modulus[static RSA_BYTES]);

/*
 * RSASSA-PKCS1-v1_5 with SHA-256 and exponent 65537, over domain (zero-filled to 16 bytes) and data;
 * over data alone when domain is NULL.  VERDICT_OK, VERDICT_BAD_SIGNATURE, VERDICT_BAD_KEY; -ENOMEM,
 * -EIO when the library does not start.  Takes memory and locks alone, the first time too, so that it
 * works under any table of system calls (confine_base).
 */
int rsa_verify(const uint8_t signature[static RSA_BYTES], const char *domain, const void *data,
	       size_t len, const uint8_t modulus[static RSA_BYTES]);

struct certificate {
	bool is_rsa; /* else Ed25519 */
	uint8_t modulus[RSA_BYTES];
	uint8_t public_key[SUITE_KEY_BYTES];
	/* as the certificate has them: to be escaped before they are shown */
	char subject[CERTIFICATE_NAME_BYTES];
	char issuer[CERTIFICATE_NAME_BYTES];
	char serial[CERTIFICATE_SERIAL_BYTES]; /* hex */
	uint64_t not_after;
};

/*
 * Checks that `leaf` (PEM, one certificate) is one that a person signs with, good at this time, and
 * leads to a root in `chain` (PEM: roots, which are those that sign themselves, and what stands
 * between).  Its key is RSA-2048 with exponent 65537, or Ed25519; keys and signatures in the chain have
 * 112 bits of security; it is no authority; it states the key usage digitalSignature.  Revocation is
 * not looked up.  On a refusal problem says what is wrong (not escaped): VERDICT_BAD_TYPE (not such a
 * certificate), VERDICT_BAD_KEY, VERDICT_BAD_TIME (not yet good), VERDICT_EXPIRED,
 * VERDICT_BAD_SIGNATURE (any other fault of the chain).
 */
int certificate_check(struct certificate *out, const char *leaf, const char *chain, uint64_t at,
		      char problem[static CERTIFICATE_PROBLEM_BYTES]);

#endif
