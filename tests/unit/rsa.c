#include "common/rsa.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

#define VECTORS "tests/vectors/rsa/"

enum { PATH_BYTES = 512, DAY = 86400 };

/* modulus, signature, message */
static uint8_t *read_vector(const char *name, size_t *len)
{
	char path[PATH_BYTES];
	uint8_t *data = NULL;
	snprintf(path, sizeof(path), VECTORS "%s", name);
	if (io_read_file(AT_FDCWD, path, 1 << 20, &data, len) != 0 || *len < (size_t)2 * RSA_BYTES) {
		printf("Bail out! %s cannot be read\n", path);
		exit(1);
	}
	return data;
}

static int verify(const uint8_t *vector, size_t len)
{
	return rsa_verify(vector + RSA_BYTES, NULL, vector + 2 * RSA_BYTES, len - 2 * RSA_BYTES, vector);
}

static void test_vectors(void)
{
	DIR *dir = opendir(VECTORS);
	unsigned int count = 0;
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
		char wanted[PATH_BYTES];
		size_t len;
		if (entry->d_name[0] == '.')
			continue;
		snprintf(wanted, sizeof(wanted), "%s", entry->d_name);
		char *end = strstr(wanted, "--");
		*(end != NULL ? end : strchr(wanted, '.')) = 0;
		uint8_t *vector = read_vector(entry->d_name, &len);
		is_text(verdict_name(verify(vector, len)), wanted, "rsa/%s", entry->d_name);
		free(vector);
		count++;
	}
	if (dir != NULL)
		closedir(dir);
	ok(count > 25, "the vectors are there");
}

static void test_mutations(void)
{
	size_t len, passed = 0;
	uint8_t *vector = read_vector("ok.bin", &len);
	for (size_t bit = 8 * RSA_BYTES; bit < 16 * RSA_BYTES; bit++) {
		vector[bit / 8] ^= (uint8_t)(1 << bit % 8);
		passed += verify(vector, len) != VERDICT_BAD_SIGNATURE;
		vector[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	is_number((int64_t)passed, 0, "every flipped bit of a signature is refused");
	passed = 0;
	for (size_t bit = 0; bit < 8 * RSA_BYTES; bit++) {
		vector[bit / 8] ^= (uint8_t)(1 << bit % 8);
		passed += verify(vector, len) <= 0;
		vector[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	is_number((int64_t)passed, 0, "every flipped bit of a modulus is refused");
	passed = 0;
	for (size_t cut = 2 * RSA_BYTES; cut < len; cut++)
		passed += verify(vector, cut) != VERDICT_BAD_SIGNATURE;
	is_number((int64_t)passed, 0, "every truncation of the message is refused");
	is_number(verify(vector, len), 0, "as it was, it is good");
	free(vector);
}

static void test_domain(void)
{
	size_t len;
	uint8_t *vector = read_vector("ok.bin", &len);
	/* its message begins with "weir1 push", zero-filled to 16 bytes */
	const uint8_t *data = vector + 2 * RSA_BYTES + SUITE_DOMAIN_BYTES;
	size_t data_len = len - 2 * RSA_BYTES - SUITE_DOMAIN_BYTES;
	is_number(rsa_verify(vector + RSA_BYTES, "weir1 push", data, data_len, vector), 0,
		  "the domain stands before the data, zero-filled to 16 bytes");
	is_number(rsa_verify(vector + RSA_BYTES, "weir1 pus", data, data_len, vector), VERDICT_BAD_SIGNATURE,
		  "a signature of one domain is none of another");
	is_number(rsa_verify(vector + RSA_BYTES, NULL, data, data_len, vector), VERDICT_BAD_SIGNATURE,
		  "and none without");
	free(vector);
}

static void test_modulus(void)
{
	uint8_t modulus[RSA_BYTES] = {[0] = 0x80, [RSA_BYTES - 1] = 1};
	is_number(rsa_check_modulus(modulus), 0, "an odd number of 2048 bits is taken for a modulus");
	modulus[RSA_BYTES - 1] = 2;
	is_number(rsa_check_modulus(modulus), VERDICT_BAD_KEY, "an even one is not");
	modulus[RSA_BYTES - 1] = 1;
	modulus[0] = 0x7f;
	is_number(rsa_check_modulus(modulus), VERDICT_BAD_KEY, "nor one of 2047 bits");
}

/* In a process that may call nothing but what the C library takes anywhere. */
static void test_confined(void)
{
	static const char *const calls[] = {NULL};
	size_t len;
	uint8_t *vector = read_vector("ok.bin", &len);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		if (confine_privileges() != 0 || confine_calls(calls) != 0)
			_exit(99);
		int good = 0;
		for (size_t i = 0; i < 100; i++)
			good += verify(vector, len) == 0;
		vector[RSA_BYTES] ^= 1;
		for (size_t i = 0; i < 100; i++)
			good += verify(vector, len) == VERDICT_BAD_SIGNATURE;
		_exit(good == 200 ? 0 : 1);
	}
	int status = -1;
	waitpid(child, &status, 0);
	is_number(status, 0, "signatures are verified under the narrowest table of calls, the first one too");
	free(vector);
}

/* ---- certificates, of tests/lib/certificates ---- */

static char *read_text(const char *name)
{
	uint8_t *data = NULL;
	size_t len;
	if (io_read_file(AT_FDCWD, test_path(name), CERTIFICATE_FILE_MAX, &data, &len) != 0) {
		printf("Bail out! tests/lib/certificates has not made %s\n", name);
		exit(1);
	}
	return (char *)data;
}

static char problem[CERTIFICATE_PROBLEM_BYTES];

static int check(struct certificate *out, const char *leaf_name, const char *chain_name, uint64_t at)
{
	char *leaf = read_text(leaf_name), *chain = read_text(chain_name);
	int result = certificate_check(out, leaf, chain, at, problem);
	free(leaf);
	free(chain);
	return result;
}

static void test_good_certificates(uint64_t now)
{
	struct certificate card = {.is_rsa = false};
	char shown[2 * RSA_BYTES + 1];
	char *modulus = read_text("modulus"), *public_key = read_text("ed25519-public");
	is_number(check(&card, "good.pem", "chain.pem", now), 0, "a citizen's certificate leads to its root");
	ok(card.is_rsa, "its key is RSA");
	modulus[strcspn(modulus, "\n")] = 0;
	is_text(text_hex(shown, sizeof(shown), card.modulus, RSA_BYTES), modulus, "with the modulus in it");
	is_text(card.subject, "serialNumber=0000000112345678,CN=王美\\, 測試,O=內政部,C=TW",
		"its subject is as it stands there, and a comma in a name is no end of it");
	is_text(card.issuer, "O=Authority of tests,C=TW", "and its issuer");
	ok(strncmp(card.serial, "4D", 2) == 0 && strlen(card.serial) == 6, "and its serial number");
	ok(card.not_after > now + 999 * DAY && card.not_after < now + 1001 * DAY, "and its end");
	is_number(check(&card, "good-ed25519.pem", "chain.pem", now), 0, "so does one with an Ed25519 key");
	ok(!card.is_rsa, "which is no RSA key");
	is_text(text_hex(shown, sizeof(shown), card.public_key, SUITE_KEY_BYTES), public_key, "its key is there");
	is_number(check(&card, "by-the-root.pem", "root.pem", now), 0, "the root may be the issuer itself");
	free(modulus);
	free(public_key);
}

static void test_refused_certificates(uint64_t now)
{
	static const struct {
		const char *leaf, *chain;
		int64_t days; /* from now */
		int verdict;
		const char *said; /* in the problem */
	} cases[] = {
		{"good.pem", "chain.pem", 1001, VERDICT_EXPIRED, "expired"},
		{"good.pem", "chain.pem", -1, VERDICT_BAD_TIME, "not yet valid"},
		{"expired.pem", "chain.pem", 0, VERDICT_EXPIRED, "expired"},
		{"good.pem", "wrong-chain.pem", 0, VERDICT_BAD_SIGNATURE, "above it"},
		{"good.pem", "root.pem", 0, VERDICT_BAD_SIGNATURE, "local issuer"},
		{"good.pem", "middle.pem", 0, VERDICT_BAD_TYPE, "no root"},
		{"good.pem", "key.pem", 0, VERDICT_BAD_TYPE, "no root"},
		{"key.pem", "chain.pem", 0, VERDICT_BAD_TYPE, "0 certificates"},
		{"two.pem", "chain.pem", 0, VERDICT_BAD_TYPE, "2 certificates"},
		{"good.der", "chain.pem", 0, VERDICT_BAD_TYPE, "0 certificates"},
		{"self-signed.pem", "chain.pem", 0, VERDICT_BAD_SIGNATURE, "self-signed"},
		{"rsa-1024.pem", "chain.pem", 0, VERDICT_BAD_KEY, "RSA of 1024 bits"},
		{"rsa-3072.pem", "chain.pem", 0, VERDICT_BAD_KEY, "RSA of 3072 bits"},
		{"exponent-3.pem", "chain.pem", 0, VERDICT_BAD_KEY, "exponent 65537"},
		{"ec.pem", "chain.pem", 0, VERDICT_BAD_KEY, "RSA-2048 or Ed25519"},
		{"authority.pem", "chain.pem", 0, VERDICT_BAD_TYPE, "authority"},
		{"middle.pem", "root.pem", 0, VERDICT_BAD_TYPE, "authority"},
		{"signs-certificates.pem", "chain.pem", 0, VERDICT_BAD_TYPE, "authority"},
		{"no-usage.pem", "chain.pem", 0, VERDICT_BAD_TYPE, "digitalSignature"},
		{"enciphers.pem", "chain.pem", 0, VERDICT_BAD_TYPE, "digitalSignature"},
		{"critical.pem", "chain.pem", 0, VERDICT_BAD_SIGNATURE, "critical extension"},
		{"sha-1.pem", "chain.pem", 0, VERDICT_BAD_SIGNATURE, "digest algorithm too weak"},
		{"by-the-weak.pem", "weak-chain.pem", 0, VERDICT_BAD_KEY, "too weak"},
		{"by-a-person.pem", "chain-with-person.pem", 0, VERDICT_BAD_SIGNATURE, "above it"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct certificate out = {.not_after = 1};
		int result = check(&out, cases[i].leaf, cases[i].chain, now + (uint64_t)(cases[i].days * DAY));
		is_number(result, cases[i].verdict, "%s under %s, %+d days: %s", cases[i].leaf, cases[i].chain,
			  (int)cases[i].days, verdict_name(cases[i].verdict));
		ok(strstr(problem, cases[i].said) != NULL && out.not_after == 1, "'%s'", problem);
	}
}

/* PEM in one line, which readers take. */
static void write_pem(char *out, const uint8_t *der, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	out += sprintf(out, "-----BEGIN CERTIFICATE-----\n");
	for (size_t i = 0; i < len; i += 3) {
		uint32_t word = (uint32_t)der[i] << 16 | (uint32_t)(i + 1 < len ? der[i + 1] : 0) << 8 |
				(i + 2 < len ? der[i + 2] : 0);
		for (size_t k = 0; k < 4; k++)
			*out++ = i + k > len ? '=' : digits[word >> (18 - 6 * k) & 63];
		if (i % 48 == 45 && i + 3 < len)
			*out++ = '\n';
	}
	sprintf(out, "\n-----END CERTIFICATE-----\n");
}

static void test_damaged_certificates(uint64_t now)
{
	uint8_t *der = NULL;
	size_t len, passed = 0;
	static char pem[8192];
	char *chain = read_text("chain.pem");
	struct certificate out;
	if (io_read_file(AT_FDCWD, test_path("good.der"), 4096, &der, &len) != 0)
		exit(1);
	write_pem(pem, der, len);
	is_number(certificate_check(&out, pem, chain, now, problem), 0, "a certificate is read from its bytes");
	for (size_t bit = 0; bit < 8 * len; bit++) {
		der[bit / 8] ^= (uint8_t)(1 << bit % 8);
		write_pem(pem, der, len);
		if (certificate_check(&out, pem, chain, now, problem) <= 0) {
			note("bit %zu passed", bit);
			passed++;
		}
		der[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	is_number((int64_t)passed, 0, "every flipped bit of a certificate is refused");
	passed = 0;
	for (size_t cut = 0; cut < len; cut++) {
		write_pem(pem, der, cut);
		passed += certificate_check(&out, pem, chain, now, problem) <= 0;
	}
	is_number((int64_t)passed, 0, "every truncation of a certificate is refused");
	free(der);
	free(chain);
}

static void test_full_chain(uint64_t now)
{
	static char many[CERTIFICATE_FILE_MAX];
	char *middle = read_text("middle.pem"), *root = read_text("root.pem"), *leaf = read_text("good.pem");
	struct certificate out;
	char *at = many + sprintf(many, "%s", root);
	for (size_t i = 1; i < CHAIN_COUNT_MAX; i++)
		at += sprintf(at, "%s", middle);
	is_number(certificate_check(&out, leaf, many, now, problem), 0, "a chain of %d certificates is read",
		  CHAIN_COUNT_MAX);
	sprintf(at, "%s", middle);
	is_number(certificate_check(&out, leaf, many, now, problem), VERDICT_BAD_TYPE, "a longer one is refused");
	free(middle);
	free(root);
	free(leaf);
}

int main(void)
{
	char command[PATH_BYTES];
	test_confined(); /* first: nothing of the library has been used yet */
	test_vectors();
	test_mutations();
	test_domain();
	test_modulus();
	snprintf(command, sizeof(command), "tests/lib/certificates '%s'", test_dir());
	ok(system(command) == 0, "certificates are made");
	/* a second later: they are good from when they were made */
	uint64_t now = (uint64_t)time(NULL) + 1;
	test_good_certificates(now);
	test_refused_certificates(now);
	test_damaged_certificates(now);
	test_full_chain(now);
	return done_testing();
}
