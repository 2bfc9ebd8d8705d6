/* What is done by OpenSSL's libcrypto: rsa.h, sealer.h, sha256.h, poly1305.h. */

/* For SHA256_Init and the like, which are deprecated: what is to be used instead allocates, and looks for a provider. */
#define OPENSSL_API_COMPAT 10101

#include "rsa.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "poly1305.h"
#include "sealer.h"
#include "sha256.h"
#include "verdict.h"

enum {
	EXPONENT = 65537,
	SECURITY_LEVEL = 2, /* OpenSSL's: 112 bits, so no RSA below 2048 bits and no SHA-1 */
	CHAIN_DEPTH_MAX = 8,
	IETF_NONCE_BYTES = 12,
};

/* Before any other call of the library, else that call reads openssl.cnf.  Again it is nothing. */
static int start_library(void)
{
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) == 1 ? 0 : -EIO;
}

/* NULL when there is no memory. */
static EVP_PKEY *make_key(const uint8_t modulus[static RSA_BYTES])
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus, RSA_BYTES, NULL);
	OSSL_PARAM *parameters = NULL;
	if (context != NULL && build != NULL && n != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_ulong(build, OSSL_PKEY_PARAM_RSA_E, EXPONENT) == 1)
		parameters = OSSL_PARAM_BLD_to_param(build);
	if (parameters == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
		key = NULL;
	OSSL_PARAM_free(parameters);
	BN_free(n);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(context);
	return key;
}

static int add_message(EVP_MD_CTX *hash, const char *domain, const void *data, size_t len)
{
	uint8_t filled[SUITE_DOMAIN_BYTES] = {0};
	if (domain != NULL) {
		assert(strlen(domain) <= sizeof(filled));
		for (size_t i = 0; domain[i] != 0; i++)
			filled[i] = (uint8_t)domain[i];
		if (EVP_DigestVerifyUpdate(hash, filled, sizeof(filled)) != 1)
			return -ENOMEM;
	}
	return EVP_DigestVerifyUpdate(hash, data, len) == 1 ? 0 : -ENOMEM;
}

int rsa_verify(const uint8_t signature[static RSA_BYTES], const char *domain, const void *data,
	       size_t len, const uint8_t modulus[static RSA_BYTES])
{
	EVP_PKEY_CTX *padding; /* belongs to hash */
	int result = rsa_check_modulus(modulus);
	if (result != 0 || (result = start_library()) != 0)
		return result;
	EVP_PKEY *key = make_key(modulus);
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	if (key == NULL || hash == NULL || EVP_DigestVerifyInit_ex(hash, &padding, "SHA256", NULL, NULL, key, NULL) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PADDING) != 1)
		result = -ENOMEM;
	if (result == 0)
		result = add_message(hash, domain, data, len);
	/* the library makes the one padding that is right and compares all of it */
	if (result == 0 && EVP_DigestVerifyFinal(hash, signature, RSA_BYTES) != 1)
		result = VERDICT_BAD_SIGNATURE;
	EVP_MD_CTX_free(hash);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return result;
}

/* A certificate that is being judged. */
struct judging {
	X509 *leaf;
	STACK_OF(X509) *between;
	X509_STORE *roots;
	char *problem;
	uint64_t at;
};

__attribute__((format(printf, 3, 4))) static int refuse(struct judging *judging, int verdict, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(judging->problem, CERTIFICATE_PROBLEM_BYTES, format, arguments);
	va_end(arguments);
	return verdict;
}

/* A certificate in PEM is under no passphrase; the library would ask the terminal. */
static int no_passphrase(char *out, int size, int is_writing, void *context)
{
	(void)out;
	(void)size;
	(void)is_writing;
	(void)context;
	return -1;
}

/* All certificates of a text.  NULL when one is malformed, or when there is no memory. */
static STACK_OF(X509) *read_certificates(const char *text)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	BIO *in = BIO_new_mem_buf(text, -1);
	bool is_good = all != NULL && in != NULL;
	for (X509 *one; is_good && (one = PEM_read_bio_X509(in, NULL, no_passphrase, NULL)) != NULL;)
		if (sk_X509_num(all) >= CHAIN_COUNT_MAX || sk_X509_push(all, one) == 0) {
			X509_free(one);
			is_good = false;
		}
	/* the end of the text looks like this to the library, and nothing else may */
	if (is_good && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		is_good = false;
	BIO_free(in);
	ERR_clear_error();
	if (!is_good) {
		sk_X509_pop_free(all, X509_free);
		return NULL;
	}
	return all;
}

static int read_leaf(struct judging *judging, const char *text)
{
	STACK_OF(X509) *all = read_certificates(text);
	int count = all == NULL ? -1 : sk_X509_num(all);
	if (count == 1)
		judging->leaf = sk_X509_pop(all);
	sk_X509_pop_free(all, X509_free);
	if (count < 0)
		return refuse(judging, VERDICT_BAD_TYPE, "it is malformed");
	if (count != 1)
		return refuse(judging, VERDICT_BAD_TYPE, "it holds %d certificates in PEM, and one is needed", count);
	return 0;
}

/* Roots sign themselves; the others only lead there. */
static int read_chain(struct judging *judging, const char *text)
{
	STACK_OF(X509) *all = read_certificates(text);
	int root_count = 0, result = 0;
	if (all == NULL)
		return refuse(judging, VERDICT_BAD_TYPE, "the chain is malformed, or has more than %d certificates",
			      CHAIN_COUNT_MAX);
	judging->roots = X509_STORE_new();
	judging->between = sk_X509_new_null();
	if (judging->roots == NULL || judging->between == NULL)
		result = -ENOMEM;
	for (X509 *one; result == 0 && (one = sk_X509_pop(all)) != NULL;) {
		bool is_root = X509_self_signed(one, 1) == 1;
		if (is_root && X509_STORE_add_cert(judging->roots, one) != 1)
			result = -ENOMEM;
		root_count += is_root;
		if (is_root)
			X509_free(one); /* the store has its own reference */
		else if (sk_X509_push(judging->between, one) == 0)
			result = -ENOMEM;
	}
	sk_X509_pop_free(all, X509_free);
	if (result == 0 && root_count == 0)
		return refuse(judging, VERDICT_BAD_TYPE, "the chain has no root: no certificate in it signs itself");
	return result;
}

/* Big-endian, in RSA_BYTES; false when the key is not RSA-2048 with exponent 65537. */
static bool read_modulus(uint8_t out[static RSA_BYTES], EVP_PKEY *key)
{
	BIGNUM *n = NULL, *e = NULL;
	bool is_good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
		       EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
		       BN_num_bits(n) == 8 * RSA_BYTES && BN_is_odd(n) && BN_is_word(e, EXPONENT) &&
		       BN_bn2binpad(n, out, RSA_BYTES) == RSA_BYTES;
	BN_free(n);
	BN_free(e);
	return is_good;
}

static int read_key(struct judging *judging, struct certificate *out)
{
	EVP_PKEY *key = X509_get0_pubkey(judging->leaf);
	size_t len = sizeof(out->public_key);
	if (key == NULL)
		return refuse(judging, VERDICT_BAD_KEY, "its key is of no known kind, or malformed");
	int kind = EVP_PKEY_get_base_id(key);
	out->is_rsa = kind == EVP_PKEY_RSA;
	if (kind == EVP_PKEY_ED25519 &&
	    EVP_PKEY_get_raw_public_key(key, out->public_key, &len) == 1 && len == SUITE_KEY_BYTES)
		return 0;
	if (kind != EVP_PKEY_RSA)
		return refuse(judging, VERDICT_BAD_KEY, "its key is %s; RSA-2048 or Ed25519 is needed", OBJ_nid2ln(kind));
	if (!read_modulus(out->modulus, key))
		return refuse(judging, VERDICT_BAD_KEY, "its key is RSA of %d bits; 2048 bits and exponent %d are needed",
			      EVP_PKEY_get_bits(key), EXPONENT);
	return 0;
}

static int check_use(struct judging *judging)
{
	uint32_t usage = X509_get_key_usage(judging->leaf);
	if (X509_check_ca(judging->leaf) != 0)
		return refuse(judging, VERDICT_BAD_TYPE, "it is the certificate of an authority, not of a person");
	/* UINT32_MAX: none stated */
	if (usage == UINT32_MAX || (usage & KU_DIGITAL_SIGNATURE) == 0)
		return refuse(judging, VERDICT_BAD_TYPE,
			      "its key is not for signing: it does not state the key usage digitalSignature");
	return 0;
}

static int chain_verdict(int error)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return VERDICT_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return VERDICT_BAD_TIME;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
		return VERDICT_BAD_KEY;
	default:
		return VERDICT_BAD_SIGNATURE;
	}
}

/*
 * Not the library's X509_V_FLAG_X509_STRICT: roots of public authorities that are in use lack what it
 * asks for (a subject key identifier, a critical basicConstraints), and it makes no forgery possible.
 */
static int check_chain(struct judging *judging)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	if (context == NULL || X509_STORE_CTX_init(context, judging->roots, judging->leaf, judging->between) != 1) {
		X509_STORE_CTX_free(context);
		return -ENOMEM;
	}
	X509_VERIFY_PARAM *rules = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_CHECK_SS_SIGNATURE);
	X509_VERIFY_PARAM_set_auth_level(rules, SECURITY_LEVEL);
	X509_VERIFY_PARAM_set_depth(rules, CHAIN_DEPTH_MAX);
	X509_VERIFY_PARAM_set_time(rules, (time_t)judging->at);
	int result = 0;
	if (X509_verify_cert(context) != 1) {
		int error = X509_STORE_CTX_get_error(context);
		int depth = X509_STORE_CTX_get_error_depth(context);
		result = refuse(judging, chain_verdict(error), "%s%s", depth > 0 ? "above it in the chain: " : "",
				X509_verify_cert_error_string(error));
	}
	X509_STORE_CTX_free(context);
	return result;
}

/*
 * The library's own look at an RSA key finds small factors and prime powers, too.  It takes dozens of times as long
 * as a signature, so it comes last: only for a key that an authority has signed.
 */
static int check_key(struct judging *judging, bool is_rsa)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(X509_get0_pubkey(judging->leaf), NULL);
	bool is_sound = context != NULL && (!is_rsa || EVP_PKEY_public_check(context) == 1);
	EVP_PKEY_CTX_free(context);
	return is_sound ? 0 : refuse(judging, VERDICT_BAD_KEY, "its RSA key is weak");
}

/* As RFC 4514 writes it, in UTF-8; what does not fit is left off. */
static int print_name(char out[static CERTIFICATE_NAME_BYTES], const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	int result = -ENOMEM;
	if (bio != NULL &&
	    X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
		long len = BIO_get_mem_data(bio, &text);
		snprintf(out, CERTIFICATE_NAME_BYTES, "%.*s", (int)len, len > 0 ? text : "");
		result = 0;
	}
	BIO_free(bio);
	return result;
}

static int print_serial(char out[static CERTIFICATE_SERIAL_BYTES], X509 *leaf)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
	char *hex = number == NULL ? NULL : BN_bn2hex(number);
	if (hex != NULL)
		snprintf(out, CERTIFICATE_SERIAL_BYTES, "%s", hex);
	BN_free(number);
	OPENSSL_free(hex);
	return hex != NULL ? 0 : -ENOMEM;
}

/* Seconds since 1970; a time that is none has been refused with the chain. */
static uint64_t seconds_of(const ASN1_TIME *time)
{
	ASN1_TIME *start = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;
	if (start == NULL || ASN1_TIME_diff(&days, &seconds, start, time) != 1)
		days = seconds = 0;
	ASN1_TIME_free(start);
	return days < 0 || seconds < 0 ? 0 : (uint64_t)days * 86400 + (uint64_t)seconds;
}

int certificate_check(struct certificate *out, const char *leaf, const char *chain, uint64_t at,
		      char problem[static CERTIFICATE_PROBLEM_BYTES])
{
	struct judging judging = {.problem = problem, .at = at};
	struct certificate certificate = {.is_rsa = false};
	problem[0] = 0;
	int result = start_library();
	if (result == 0)
		result = read_leaf(&judging, leaf);
	if (result == 0)
		result = read_chain(&judging, chain);
	if (result == 0)
		result = read_key(&judging, &certificate);
	if (result == 0)
		result = check_use(&judging);
	if (result == 0)
		result = check_chain(&judging);
	if (result == 0)
		result = check_key(&judging, certificate.is_rsa);
	if (result == 0)
		result = print_name(certificate.subject, X509_get_subject_name(judging.leaf));
	if (result == 0)
		result = print_name(certificate.issuer, X509_get_issuer_name(judging.leaf));
	if (result == 0)
		result = print_serial(certificate.serial, judging.leaf);
	certificate.not_after = judging.leaf == NULL ? 0 : seconds_of(X509_get0_notAfter(judging.leaf));
	if (result == 0)
		*out = certificate;
	X509_free(judging.leaf);
	sk_X509_pop_free(judging.between, X509_free);
	X509_STORE_free(judging.roots);
	ERR_clear_error();
	return result;
}

static_assert(sizeof(SHA256_CTX) <= SHA256_STATE_BYTES && _Alignof(SHA256_CTX) <= 8, "a hasher holds the library's state");

void sha256_start(struct sha256 *hasher)
{
	int good = SHA256_Init((SHA256_CTX *)(void *)hasher->state);
	assert(good == 1);
}

void sha256_add(struct sha256 *hasher, const void *data, size_t len)
{
	int good = SHA256_Update((SHA256_CTX *)(void *)hasher->state, data, len);
	assert(good == 1);
}

void sha256_end(struct sha256 *hasher, uint8_t out[static SHA256_BYTES])
{
	int good = SHA256_Final(out, (SHA256_CTX *)(void *)hasher->state);
	assert(good == 1);
}

/*
 * What algorithms are fetched by, once for the process.  Not the library's own: when memory is out while that is set up,
 * whoever uses it next dies of a NULL.
 */
static OSSL_LIB_CTX *shared_context(void)
{
	static _Atomic(OSSL_LIB_CTX *) shared;
	OSSL_LIB_CTX *found = atomic_load(&shared), *made;
	if (found != NULL || start_library() != 0 || (made = OSSL_LIB_CTX_new()) == NULL)
		return found;
	if (atomic_compare_exchange_strong(&shared, &found, made))
		return made;
	OSSL_LIB_CTX_free(made); /* another thread was sooner */
	return found;
}

/* Poly1305: a context of the library's, which has no call for it but these. */

int poly1305_new(struct poly1305 **out)
{
	OSSL_LIB_CTX *library = shared_context();
	EVP_MAC *mac = library != NULL ? EVP_MAC_fetch(library, "POLY1305", NULL) : NULL;
	EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac); /* the context has a reference of its own */
	ERR_clear_error();
	*out = (struct poly1305 *)(void *)context;
	return context != NULL ? 0 : -ENOMEM;
}

void poly1305_free(struct poly1305 *poly)
{
	EVP_MAC_CTX_free((EVP_MAC_CTX *)(void *)poly);
}

void poly1305_of(struct poly1305 *poly, uint8_t out[static POLY1305_BYTES], const uint8_t key[static POLY1305_KEY_BYTES],
		 const void *data, size_t len)
{
	EVP_MAC_CTX *context = (EVP_MAC_CTX *)(void *)poly;
	size_t out_len = 0;
	/* none of them allocates; what they could refuse is a key or a room of another length */
	int good = EVP_MAC_init(context, key, POLY1305_KEY_BYTES, NULL) == 1 && EVP_MAC_update(context, data, len) == 1 &&
		   EVP_MAC_final(context, out, &out_len, POLY1305_BYTES) == 1;
	assert(good && out_len == POLY1305_BYTES);
}

/* XChaCha20-Poly1305: the same, for one direction at a time; each piece sets it anew. */

static EVP_CIPHER_CTX *context_of(struct sealer *sealer)
{
	return (EVP_CIPHER_CTX *)(void *)sealer;
}

int sealer_new(struct sealer **out)
{
	OSSL_LIB_CTX *library = shared_context();
	EVP_CIPHER *cipher = library != NULL ? EVP_CIPHER_fetch(library, "ChaCha20-Poly1305", NULL) : NULL;
	EVP_CIPHER_CTX *context = cipher != NULL ? EVP_CIPHER_CTX_new() : NULL;
	if (context != NULL && EVP_CipherInit_ex2(context, cipher, NULL, NULL, 1, NULL) != 1) {
		EVP_CIPHER_CTX_free(context);
		context = NULL;
	}
	EVP_CIPHER_free(cipher);
	ERR_clear_error();
	*out = (struct sealer *)(void *)context;
	return context != NULL ? 0 : -ENOMEM;
}

void sealer_free(struct sealer *sealer)
{
	EVP_CIPHER_CTX_free(context_of(sealer));
}

/* Only memory can be out, and none is taken once there is a context. */
static void set_key(struct sealer *sealer, const uint8_t nonce[static SUITE_NONCE_BYTES],
		    const uint8_t key[static SUITE_KEY_BYTES], int seals)
{
	uint8_t subkey[SUITE_KEY_BYTES], short_nonce[IETF_NONCE_BYTES] = {0};
	suite_subkey(subkey, nonce, key);
	memcpy(short_nonce + 4, nonce + 16, sizeof(short_nonce) - 4);
	int good = EVP_CipherInit_ex2(context_of(sealer), NULL, subkey, short_nonce, seals, NULL);
	assert(good == 1);
	suite_wipe(subkey, sizeof(subkey));
}

void sealer_seal(struct sealer *sealer, uint8_t *out, const uint8_t *in, size_t len,
		 const uint8_t nonce[static SUITE_NONCE_BYTES], const uint8_t key[static SUITE_KEY_BYTES])
{
	int done, more;
	assert(len <= INT_MAX);
	set_key(sealer, nonce, key, 1);
	bool is_good = EVP_CipherUpdate(context_of(sealer), out, &done, in, (int)len) == 1 && done == (int)len &&
		       EVP_CipherFinal_ex(context_of(sealer), out + len, &more) == 1 &&
		       EVP_CIPHER_CTX_ctrl(context_of(sealer), EVP_CTRL_AEAD_GET_TAG, SUITE_SEAL_BYTES, out + len) == 1;
	assert(is_good);
}

int sealer_open(struct sealer *sealer, uint8_t *out, const uint8_t *in, size_t len,
		const uint8_t nonce[static SUITE_NONCE_BYTES], const uint8_t key[static SUITE_KEY_BYTES])
{
	int done, more;
	uint8_t tag[SUITE_SEAL_BYTES], nothing[1];
	assert(len <= INT_MAX);
	memcpy(tag, in + len, sizeof(tag));
	set_key(sealer, nonce, key, 0);
	bool is_good = EVP_CIPHER_CTX_ctrl(context_of(sealer), EVP_CTRL_AEAD_SET_TAG, SUITE_SEAL_BYTES, tag) == 1 &&
		       EVP_CipherUpdate(context_of(sealer), out, &done, in, (int)len) == 1 && done == (int)len;
	assert(is_good);
	if (EVP_CipherFinal_ex(context_of(sealer), nothing, &more) == 1)
		return VERDICT_OK;
	/* it is there before it is known to be right */
	suite_wipe(out, len);
	ERR_clear_error();
	return VERDICT_DAMAGED;
}
