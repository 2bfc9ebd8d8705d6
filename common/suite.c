#include "suite.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "verdict.h"

_Static_assert(sizeof(struct suite_hasher) >= sizeof(crypto_generichash_blake2b_state), "hasher");

int suite_start(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

void suite_random(void *out, size_t len)
{
	randombytes_buf(out, len);
}

void suite_wipe(void *data, size_t len)
{
	sodium_memzero(data, len);
}

bool suite_equal(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

void *suite_secret_alloc(size_t len)
{
	return sodium_malloc(len);
}

void suite_secret_free(void *secret)
{
	sodium_free(secret);
}

static void fill_domain(uint8_t out[static SUITE_DOMAIN_BYTES], const char *domain)
{
	memset(out, 0, SUITE_DOMAIN_BYTES);
	for (size_t i = 0; domain != NULL && domain[i] != 0; i++) {
		assert(i < SUITE_DOMAIN_BYTES);
		out[i] = (uint8_t)domain[i];
	}
}

void suite_hash(uint8_t *out, size_t out_len, const char *domain, const uint8_t *key,
		 size_t key_len, const void *data, size_t len)
{
	uint8_t personal[SUITE_DOMAIN_BYTES];
	fill_domain(personal, domain);
	int failed = crypto_generichash_blake2b_salt_personal(out, out_len, data, len, key, key_len,
							      NULL, personal);
	assert(failed == 0);
}

void suite_hash_start(struct suite_hasher *hasher, size_t out_len, const char *domain,
		       const uint8_t *key, size_t key_len)
{
	uint8_t personal[SUITE_DOMAIN_BYTES];
	fill_domain(personal, domain);
	int failed = crypto_generichash_blake2b_init_salt_personal((void *)hasher->opaque, key,
								   key_len, out_len, NULL, personal);
	assert(failed == 0);
}

void suite_hash_add(struct suite_hasher *hasher, const void *data, size_t len)
{
	crypto_generichash_blake2b_update((void *)hasher->opaque, data, len);
}

void suite_hash_end(struct suite_hasher *hasher, uint8_t *out, size_t out_len)
{
	int failed = crypto_generichash_blake2b_final((void *)hasher->opaque, out, out_len);
	assert(failed == 0);
}

void suite_sign_public(uint8_t public_key[static SUITE_KEY_BYTES],
			const uint8_t seed[static SUITE_KEY_BYTES])
{
	uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];
	crypto_sign_ed25519_seed_keypair(public_key, secret, seed);
	sodium_memzero(secret, sizeof(secret));
}

/* Messages are at most a registry long, so one copy behind the domain is no burden. */
static uint8_t *domain_and_data(const char *domain, const void *data, size_t len)
{
	uint8_t *message = malloc(SUITE_DOMAIN_BYTES + len);
	if (message == NULL)
		return NULL;
	fill_domain(message, domain);
	if (len > 0)
		memcpy(message + SUITE_DOMAIN_BYTES, data, len);
	return message;
}

int suite_sign(uint8_t signature[static SUITE_SIGNATURE_BYTES], const char *domain,
		const void *data, size_t len, const uint8_t seed[static SUITE_KEY_BYTES])
{
	uint8_t *message = domain_and_data(domain, data, len);
	if (message == NULL)
		return -ENOMEM;
	uint8_t public_key[SUITE_KEY_BYTES];
	uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];
	crypto_sign_ed25519_seed_keypair(public_key, secret, seed);
	crypto_sign_ed25519_detached(signature, NULL, message, SUITE_DOMAIN_BYTES + len, secret);
	sodium_memzero(secret, sizeof(secret));
	free(message);
	return 0;
}

int suite_verify(const uint8_t signature[static SUITE_SIGNATURE_BYTES], const char *domain,
		  const void *data, size_t len,
		  const uint8_t public_key[static SUITE_KEY_BYTES])
{
	uint8_t *message = domain_and_data(domain, data, len);
	if (message == NULL)
		return -ENOMEM;
	int wrong = crypto_sign_ed25519_verify_detached(signature, message,
							SUITE_DOMAIN_BYTES + len, public_key);
	free(message);
	return wrong ? VERDICT_BAD_SIGNATURE : VERDICT_OK;
}

void suite_exchange_public(uint8_t public_key[static SUITE_KEY_BYTES],
			    const uint8_t secret[static SUITE_KEY_BYTES])
{
	int failed = crypto_scalarmult_curve25519_base(public_key, secret);
	assert(failed == 0);
}

int suite_exchange(uint8_t shared[static SUITE_KEY_BYTES],
		    const uint8_t secret[static SUITE_KEY_BYTES],
		    const uint8_t public_key[static SUITE_KEY_BYTES])
{
	return crypto_scalarmult_curve25519(shared, secret, public_key) ? VERDICT_BAD_KEY
									: VERDICT_OK;
}

void suite_seal(uint8_t *out, const uint8_t *in, size_t len, const void *ad, size_t ad_len,
		 const uint8_t nonce[static SUITE_NONCE_BYTES],
		 const uint8_t key[static SUITE_KEY_BYTES])
{
	crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, in, len, ad, ad_len, NULL, nonce, key);
}

int suite_open(uint8_t *out, const uint8_t *in, size_t len, const void *ad, size_t ad_len,
		const uint8_t nonce[static SUITE_NONCE_BYTES],
		const uint8_t key[static SUITE_KEY_BYTES])
{
	if (len < SUITE_SEAL_BYTES)
		return VERDICT_DAMAGED;
	int wrong = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in, len, ad, ad_len,
							       nonce, key);
	return wrong ? VERDICT_DAMAGED : VERDICT_OK;
}

void suite_subkey(uint8_t out[static SUITE_KEY_BYTES], const uint8_t nonce[static SUITE_NONCE_BYTES],
		  const uint8_t key[static SUITE_KEY_BYTES])
{
	crypto_core_hchacha20(out, nonce, key, NULL);
}

void suite_tag(uint8_t tag[static SUITE_TAG_BYTES], const void *data, size_t len,
		const uint8_t key[static SUITE_TAG_BYTES])
{
	crypto_shorthash_siphashx24(tag, data, len, key);
}

int suite_stretch(uint8_t key[static SUITE_KEY_BYTES], const char *passphrase, size_t len,
		   const uint8_t salt[static SUITE_SALT_BYTES], uint32_t operations,
		   uint32_t memory_kib)
{
	int failed = crypto_pwhash(key, SUITE_KEY_BYTES, passphrase, len, salt, operations,
				   (size_t)memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13);
	return failed ? -ENOMEM : 0;
}
