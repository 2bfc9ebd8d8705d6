#include "common/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/text.h"
#include "common/trusted.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

/* The least that a key file may state, so that thousands of guesses take seconds. */
enum { OPERATIONS = 1, MEMORY_KIB = 8192 };

static const char passphrase[] = "a passphrase for tests";

static int decode(const uint8_t *file, size_t len, const char *words)
{
	struct key *key = NULL;
	int result = key_decode(&key, file, len, words);
	key_free(key);
	return result;
}

static void test_kinds(void)
{
	bool all_same = true;
	for (int kind = KEY_ROOT; kind < KEY_KIND_END; kind++)
		all_same = all_same && key_kind_from_name(key_kind_name((enum key_kind)kind)) ==
					       (enum key_kind)kind;
	ok(all_same, "each kind has a name that leads back to it");
	ok(key_kind_name(0) == NULL && key_kind_name(KEY_KIND_END) == NULL,
	   "what is no kind has no name");
	ok(key_kind_from_name("admin") == 0, "an unknown word is no kind");
	ok(key_new(KEY_PERSON, "Wang") == NULL && errno == EINVAL, "a key needs a valid name");
	ok(key_new(KEY_KIND_END, "wang") == NULL && errno == EINVAL, "and a kind");
}

/* The worked example of the vectors' card list: kind, name, secret, public, id, fingerprint. */
static void test_cards(void)
{
	FILE *file = fopen("tests/vectors/card/ok.txt", "r");
	char line[1024];
	unsigned int count = 0;
	bool all_same = file != NULL;
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		char kind[32], name[64], secret[128], public_hex[128], second[128], id[64];
		char got[128], fingerprint[64] = "";
		struct card card = {.kind = 0};
		if (line[0] == '#' || sscanf(line, "%31s %63s %127s %127s %127s %63s %63[0-9 ]", kind,
					     name, secret, public_hex, second, id, fingerprint) != 7)
			continue;
		card.kind = key_kind_from_name(kind);
		memcpy(card.name, name, strlen(name));
		all_same =
			all_same && text_unhex(card.public_key, SUITE_KEY_BYTES, public_hex) == 0;
		card_identify(&card);
		all_same = all_same &&
			   strcmp(text_hex(got, sizeof(got), card.id, KEY_ID_BYTES), id) == 0;
		char shown[FINGERPRINT_BYTES];
		card_fingerprint(shown, &card);
		all_same = all_same && strcmp(shown, fingerprint) == 0;
		count++;
	}
	if (file != NULL)
		fclose(file);
	ok(count > 0 && all_same, "key ids and fingerprints are those of the vectors");
	struct key *a = key_new(KEY_PERSON, "wang-mei");
	struct card other = a->card;
	other.kind = KEY_SENDER;
	card_identify(&other);
	ok(memcmp(other.id, a->card.id, KEY_ID_BYTES) != 0, "the kind is part of a key id");
	other = a->card;
	other.name[0] = 'x';
	card_identify(&other);
	ok(memcmp(other.id, a->card.id, KEY_ID_BYTES) != 0, "and so is the name");
	other = a->card;
	other.second[0] ^= 1;
	card_identify(&other);
	ok(memcmp(other.id, a->card.id, KEY_ID_BYTES) == 0, "but the second public key is not");
	key_free(a);
}

static void test_second(void)
{
	uint8_t secret[SUITE_KEY_BYTES], public_key[SUITE_KEY_BYTES], zero[SUITE_KEY_BYTES] = {0};
	struct key *person = key_new(KEY_PERSON, "wang-mei");
	struct key *recipient = key_new(KEY_RECIPIENT, "tax-agency");
	key_reading_secret(secret, person);
	suite_exchange_public(public_key, secret);
	is_bytes(person->card.second, public_key, SUITE_KEY_BYTES,
		 "a person's second public key is that of the reading secret");
	ok(memcmp(secret, person->secret, SUITE_KEY_BYTES) != 0, "which is not the seed itself");
	key_receipt_seed(secret, recipient);
	suite_sign_public(public_key, secret);
	is_bytes(recipient->card.second, public_key, SUITE_KEY_BYTES,
		 "a recipient's second public key is that of the receipt seed");
	ok(memcmp(secret, recipient->secret, SUITE_KEY_BYTES) != 0, "which is not the secret itself");
	for (int kind = KEY_ROOT; kind < KEY_KIND_END; kind++) {
		struct key *key = key_new((enum key_kind)kind, "x");
		bool has = memcmp(key->card.second, zero, SUITE_KEY_BYTES) != 0;
		ok(has == (kind == KEY_PERSON || kind == KEY_RECIPIENT), "a %s key has %s",
		   key_kind_name((enum key_kind)kind), has ? "a second public key" : "one public key");
		struct key again = {.card.kind = (enum key_kind)kind, .card.name = "x"};
		memcpy(again.secret, key->secret, SUITE_KEY_BYTES);
		key_complete(&again);
		ok(memcmp(&again, key, sizeof(again)) == 0, "and follows from kind, name and secret");
		key_free(key);
	}
	key_free(person);
	key_free(recipient);
}

static void test_round_trip(const char *words, const char *how)
{
	bool all_same = true;
	for (int kind = KEY_ROOT; kind < KEY_KIND_END; kind++) {
		uint8_t file[KEY_FILE_BYTES];
		struct key *key = key_new((enum key_kind)kind, "name-31-bytes-long-0123456789ab"),
			   *back = NULL;
		struct card card;
		bool needs_passphrase = words == NULL;
		all_same = all_same && key_encode(file, key, words, OPERATIONS, MEMORY_KIB) == 0 &&
			   key_decode(&back, file, sizeof(file), words) == 0 &&
			   memcmp(back, key, sizeof(*key)) == 0 &&
			   key_decode_card(&card, file, sizeof(file), &needs_passphrase) == 0 &&
			   memcmp(&card, &key->card, sizeof(card)) == 0 &&
			   needs_passphrase == (words != NULL);
		key_free(back);
		key_free(key);
	}
	ok(all_same, "every kind of key %s is read back as it was written", how);
}

static void test_damage(const char *words, const char *how)
{
	uint8_t file[KEY_FILE_BYTES];
	struct key *key = key_new(KEY_PERSON, "wang-mei");
	key_encode(file, key, words, OPERATIONS, MEMORY_KIB);
	key_free(key);
	size_t passed = 0;
	for (size_t bit = 0; bit < 8 * KEY_FILE_BYTES; bit++) {
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (decode(file, sizeof(file), words) <= 0) {
			note("bit %zu passed", bit);
			passed++;
		}
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	is_number((int64_t)passed, 0, "every flipped bit of a key file %s is refused", how);
	passed = 0;
	for (size_t len = 0; len < KEY_FILE_BYTES; len++)
		passed += decode(file, len, words) != VERDICT_TRUNCATED;
	is_number((int64_t)passed, 0, "every truncation of a key file %s is refused", how);
}

static void test_reject_rules(void)
{
	static const struct {
		size_t at;
		uint8_t value;
		int verdict;
		const char *sentence;
	} cases[] = {
		{0, 'X', VERDICT_BAD_MAGIC, "another magic"},
		{8, 2, VERDICT_UNKNOWN_VERSION, "another version"},
		{10, 2, VERDICT_UNKNOWN_SUITE, "another suite"},
		{12, 0, VERDICT_BAD_TYPE, "kind 0"},
		{12, 9, VERDICT_BAD_TYPE, "kind 9"},
		{13, 2, VERDICT_BAD_TYPE, "protection 2"},
		{14, 1, VERDICT_BAD_RESERVED, "a reserved byte"},
		{16, 'W', VERDICT_BAD_NAME, "a capital in the name"},
		{16, 0, VERDICT_BAD_NAME, "an empty name"},
		{47, 1, VERDICT_BAD_NAME, "a byte behind the name"},
		{48, 1, VERDICT_BAD_LIMIT, "operations in an unprotected file"},
		{53, 32, VERDICT_BAD_LIMIT, "memory in an unprotected file"},
		{56, 1, VERDICT_BAD_RESERVED, "a salt in an unprotected file"},
		{72, 1, VERDICT_BAD_RESERVED, "a nonce in an unprotected file"},
	};
	uint8_t file[KEY_FILE_BYTES + 1] = {0}, changed[KEY_FILE_BYTES];
	struct key *key = key_new(KEY_PERSON, "wang-mei");
	key_encode(file, key, NULL, 0, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(changed, file, sizeof(changed));
		changed[cases[i].at] = cases[i].value;
		is_number(decode(changed, sizeof(changed), NULL), cases[i].verdict, "%s is refused",
			  cases[i].sentence);
	}
	is_number(decode(file, sizeof(file), NULL), VERDICT_TRAILING_BYTES,
		  "a byte behind the end is refused");
	/* a good check over a public key of another secret */
	struct key *other = key_new(KEY_PERSON, "wang-mei");
	memcpy(key->card.public_key, other->card.public_key, SUITE_KEY_BYTES);
	key_encode(changed, key, NULL, 0, 0);
	is_number(decode(changed, sizeof(changed), NULL), VERDICT_WRONG_KEY,
		  "a public key of another secret is refused");
	key_encode(changed, key, passphrase, OPERATIONS, MEMORY_KIB);
	is_number(decode(changed, sizeof(changed), passphrase), VERDICT_WRONG_KEY,
		  "also under a passphrase");
	key_complete(key);
	memcpy(key->card.second, other->card.second, SUITE_KEY_BYTES);
	key_encode(changed, key, NULL, 0, 0);
	is_number(decode(changed, sizeof(changed), NULL), VERDICT_WRONG_KEY,
		  "a second public key of another secret is refused");
	key_encode(changed, key, passphrase, OPERATIONS, MEMORY_KIB);
	is_number(decode(changed, sizeof(changed), passphrase), VERDICT_WRONG_KEY,
		  "also under a passphrase");
	key->card.kind = KEY_MACHINE;
	key_encode(changed, key, NULL, 0, 0);
	is_number(decode(changed, sizeof(changed), NULL), VERDICT_BAD_RESERVED,
		  "a second public key of a machine is refused");
	is_number(key_encode(changed, other, passphrase, 0, MEMORY_KIB), VERDICT_BAD_LIMIT,
		  "no operations are refused");
	is_number(key_encode(changed, other, passphrase, 17, MEMORY_KIB), VERDICT_BAD_LIMIT,
		  "17 operations are refused");
	is_number(key_encode(changed, other, passphrase, 1, 8191), VERDICT_BAD_LIMIT,
		  "less than 8 MiB are refused");
	is_number(key_encode(changed, other, passphrase, 1, 1048577), VERDICT_BAD_LIMIT,
		  "more than 1 GiB are refused");
	key_free(other);
	key_free(key);
}

static void test_passphrases(void)
{
	uint8_t file[KEY_FILE_BYTES];
	struct key *key = key_new(KEY_RECIPIENT, "tax-agency");
	key_encode(file, key, passphrase, OPERATIONS, MEMORY_KIB);
	is_number(decode(file, sizeof(file), "a passphrase for test"), VERDICT_WRONG_PASSPHRASE,
		  "another passphrase does not open it");
	is_number(decode(file, sizeof(file), NULL), VERDICT_WRONG_PASSPHRASE,
		  "no passphrase does not, either");
	uint8_t again[KEY_FILE_BYTES];
	key_encode(again, key, passphrase, OPERATIONS, MEMORY_KIB);
	ok(memcmp(file + 160, again + 160, 48) != 0 && memcmp(file + 56, again + 56, 16) != 0,
	   "each file has a salt of its own");
	ok(memmem(file, sizeof(file), key->secret, SUITE_KEY_BYTES) == NULL,
	   "the secret does not stand in a protected file");
	key_free(key);
}

static void test_files(void)
{
	struct key *key = key_new(KEY_LINK, "l1"), *back = NULL;
	struct card card;
	struct stat st;
	bool needs_passphrase = true;
	const char *path = test_path("l1.key");
	is_number(key_save(path, key, NULL), 0, "a key is saved");
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "only its user can read it");
	is_number(key_load(&back, path, NULL), 0, "and loaded");
	ok(back != NULL && memcmp(back, key, sizeof(*key)) == 0, "as it was");
	key_free(back);
	back = NULL;
	is_number(key_load_card(&card, path, &needs_passphrase), 0, "its card is loaded");
	ok(!needs_passphrase && memcmp(&card, &key->card, sizeof(card)) == 0, "as it was, too");
	is_number(key_save(path, key, NULL), -EEXIST, "a key file is never replaced");
	chmod(path, 0400);
	is_number(key_load_card(&card, path, &needs_passphrase), 0, "mode 0400 is good");
	for (mode_t bit = 1; bit <= 040; bit <<= 1) {
		chmod(path, 0600 | bit);
		is_number(key_load(&back, path, NULL), VERDICT_LOOSE_PERMISSIONS,
			  "mode %04o is refused", 0600 | bit);
	}
	chmod(path, 0600);
	if (geteuid() == 0) {
		ok(chown(path, 12345, (gid_t)-1) == 0, "the file is given to another user");
		is_number(key_load(&back, path, NULL), VERDICT_LOOSE_PERMISSIONS,
			  "the file of another user is refused");
		ok(chown(path, 0, (gid_t)-1) == 0, "and taken back");
	}
	is_number(key_load(&back, test_path("none.key"), NULL), -ENOENT, "no file is no key");
	is_number(key_load(&back, test_dir(), NULL), VERDICT_NOT_REGULAR, "a directory is no key");
	const char *fifo = test_path("fifo.key");
	mkfifo(fifo, 0600);
	is_number(key_load(&back, fifo, NULL), VERDICT_NOT_REGULAR,
		  "a FIFO in its place is refused and does not hold the program up");
	is_number(truncate(path, 4096), 0, "the file is made longer");
	is_number(key_load(&back, path, NULL), VERDICT_TRAILING_BYTES, "and is refused");
	is_number(key_save(test_path("none/x.key"), key, NULL), -ENOENT,
		  "there is no saving in a folder that is not there");
	ok(back == NULL, "a refusal leaves the output alone");
	key_free(key);
}

int main(void)
{
	suite_start();
	test_kinds();
	test_cards();
	test_second();
	test_round_trip(NULL, "without a passphrase");
	test_round_trip(passphrase, "under a passphrase");
	test_damage(NULL, "without a passphrase");
	test_reject_rules();
	test_passphrases();
	test_files();
	test_damage(passphrase, "under a passphrase"); /* for seconds */
	return done_testing();
}
