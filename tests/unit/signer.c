#include "common/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/command.h"
#include "common/confine.h"
#include "common/io.h"
#include "common/rsa.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

#define DOMAIN "weir1 test"

enum { URI_BYTES = 1024, TEXT_BYTES = 8192 };

static const uint8_t data[100] = {1, 2, 3};
static const char softhsm[] = "/usr/lib/softhsm/libsofthsm2.so";
static char faulty[PATH_MAX]; /* beside this program */
static char said[TEXT_BYTES]; /* by the last signer_open */

#ifdef WEIR_SANITIZE
/* SoftHSM2 loses the name of a curve each time it reads an Ed25519 key; unit/rsa.c looks at us. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libcrypto.so\n";
}
#endif

/* With what is said in `said`, and without a terminal: nobody can be asked. */
static int try_open(struct signer **out, enum key_kind kind, const char *where, const char *person,
		    const char *passphrase_file)
{
	int err = dup(STDERR_FILENO), file = open(test_path("said"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	*out = NULL;
	dup2(file, STDERR_FILENO);
	int code = signer_open(out, kind, where, person, passphrase_file);
	dup2(err, STDERR_FILENO);
	ssize_t n = pread(file, said, sizeof(said) - 1, 0);
	said[n < 0 ? 0 : n] = 0;
	for (char *end; (end = strchr(said, '\n')) != NULL;)
		*end = ' ';
	close(file);
	close(err);
	return code;
}

static int attempt(const char *where, const char *person, const char *passphrase_file)
{
	struct signer *signer;
	int code = try_open(&signer, KEY_PERSON, where, person, passphrase_file);
	if (code != 0)
		ok(signer == NULL && said[0] != 0, "  %s", said);
	signer_free(signer);
	return code;
}

static int verify(const struct signer *signer, const struct signature *signature)
{
	struct party party = {.card = *signer_card(signer), .rsa_modulus = signer_modulus(signer)};
	return signature_verify(signature, DOMAIN, data, sizeof(data), &party);
}

static void save_key(const char *name, const char *person, enum key_kind kind, const char *passphrase)
{
	struct key *key = key_new(kind, person);
	if (key_save(test_path(name), key, passphrase) != 0)
		exit(1);
	key_free(key);
}

static void put(const char *name, const char *text)
{
	int dir = io_open_dir(AT_FDCWD, test_dir());
	if (io_write_file(dir, name, text, strlen(text), 0600) != 0)
		exit(1);
	io_close(dir);
}

static void test_files(void)
{
	struct signer *signer;
	struct signature signature;
	save_key("plain.key", "wang-mei", KEY_PERSON, NULL);
	save_key("locked.key", "lee-hao", KEY_PERSON, "correct horse");
	save_key("root.key", "root-1", KEY_ROOT, NULL);
	put("words", "correct horse\n");
	put("other-words", "battery staple\n");
	is_number(try_open(&signer, KEY_PERSON, test_path("plain.key"), NULL, NULL), 0, "a key file is opened");
	is_text(signer_card(signer)->name, "wang-mei", "its card has its name");
	ok(signer_key(signer) != NULL && signer_modulus(signer) == NULL, "its key is there, and is no RSA key");
	is_number(signer_sign(signer, &signature, DOMAIN, data, sizeof(data)), 0, "it signs");
	is_number(verify(signer, &signature), 0, "and the signature is its own");
	signer_free(signer);
	is_number(attempt(test_path("locked.key"), "lee-hao", test_path("words")), 0, "one under a passphrase is opened");
	is_number(attempt(test_path("locked.key"), NULL, test_path("other-words")), EXIT_REFUSED,
		  "another passphrase is refused");
	is_number(attempt(test_path("plain.key"), "lee-hao", NULL), EXIT_REFUSED,
		  "the key of somebody else than was asked for is refused");
	is_number(attempt(test_path("root.key"), NULL, NULL), EXIT_REFUSED, "a key of another kind is refused");
	ok(strstr(said, "root key") != NULL && strstr(said, "[wrong-key]") != NULL, "by its name");
	is_number(attempt(test_path("none.key"), NULL, NULL), EXIT_ENVIRONMENT, "without a file there is no signer");
	signer_free(NULL);
}

static const char *token_uri(const char *module, const char *which)
{
	static char uri[URI_BYTES];
	snprintf(uri, sizeof(uri), "pkcs11:%s?module-path=%s", which, module);
	return uri;
}

static void test_key(const char *label, bool is_rsa)
{
	struct signer *signer;
	struct signature signature, again;
	char which[64];
	snprintf(which, sizeof(which), "token=weir;object=%s", label);
	is_number(try_open(&signer, KEY_PERSON, token_uri(softhsm, which), "wang-mei", test_path("pin")), 0,
		  "key '%s' of a token is opened", label);
	if (signer == NULL) {
		note("%s", said);
		return;
	}
	is_text(said, "", "nothing need be said");
	struct card card = *signer_card(signer), same = card;
	card_identify(&same);
	ok(card.kind == KEY_PERSON && strcmp(card.name, "wang-mei") == 0 && memcmp(card.id, same.id, KEY_ID_BYTES) == 0,
	   "its card has the name that was given");
	ok(signer_key(signer) == NULL && (signer_modulus(signer) != NULL) == is_rsa, "its key is not there");
	is_number(signer_sign(signer, &signature, DOMAIN, data, sizeof(data)), 0, "it signs");
	is_number(signature.algorithm, is_rsa ? SIGNATURE_RSA_2048 : SIGNATURE_ED25519, "by the algorithm of its key");
	is_number(verify(signer, &signature), 0, "and the signature is good");
	is_number(signer_sign(signer, &again, DOMAIN, data, sizeof(data)), 0, "it signs as often as it is asked");
	ok(memcmp(signature.bytes, again.bytes, signature.len) == 0, "and the same is signed the same");
	signature.bytes[signature.len - 1] ^= 1;
	is_number(verify(signer, &signature), VERDICT_BAD_SIGNATURE, "another signature is not good");
	signer_free(signer);
}

static void test_pins(void)
{
	char uri[URI_BYTES];
	is_number(attempt(token_uri(softhsm, "token=weir;object=rsa"), "wang-mei", NULL), EXIT_ENVIRONMENT,
		  "without a terminal or a file nobody can be asked");
	ok(strstr(said, "pin-source") != NULL, "and what to do is said");
	snprintf(uri, sizeof(uri), "%s&pin-source=file:%s", token_uri(softhsm, "token=weir;object=rsa"), test_path("pin"));
	is_number(attempt(uri, "wang-mei", NULL), 0, "the PIN may be in the file of pin-source");
	is_number(attempt(uri, "wang-mei", test_path("wrong-pin")), EXIT_REFUSED, "a file that was named comes before it");
	ok(strstr(said, "the PIN is wrong") != NULL, "a wrong PIN is called one");
	is_number(attempt(uri, "wang-mei", test_path("short-pin")), EXIT_REFUSED, "a PIN that is too short");
	ok(strstr(said, "not tried") != NULL, "is not tried");
	chmod(test_path("pin"), 0640);
	is_number(attempt(uri, "wang-mei", NULL), EXIT_REFUSED, "a file that others can read is refused");
	ok(strstr(said, "[loose-permissions]") != NULL, "for that");
	chmod(test_path("pin"), 0600);
}

static void test_choices(void)
{
	static const struct {
		const char *which, *person;
		int code;
		const char *said, *sentence;
	} cases[] = {
		{"token=weir", "wang-mei", EXIT_USAGE, "keys fit", "several keys are no key"},
		{"token=weir;object=none", "wang-mei", EXIT_USAGE, "no private key", "no key is none"},
		{"token=weir;object=rsa;id=%02", "wang-mei", EXIT_USAGE, "no private key", "a label and another's id are none"},
		{"object=rsa", "wang-mei", EXIT_USAGE, "2 tokens fit", "several tokens are no token"},
		{"token=none;object=rsa", "wang-mei", EXIT_ENVIRONMENT, "no token", "no token is none"},
		{"token=weir;object=short", "wang-mei", EXIT_REFUSED, "[bad-key]", "RSA-1024 is refused"},
		{"token=weir;object=curve", "wang-mei", EXIT_REFUSED, "[bad-key]", "another curve is refused"},
		{"token=weir;object=rsa", NULL, EXIT_USAGE, "name", "a token needs a name"},
		{"token=weir;object=rsa", "Wang", EXIT_USAGE, "name", "that is one"},
		{"token=weir;id=%01", "wang-mei", 0, "", "a key may be named by its id"},
		{"token=weir;id=%01;type=private", "wang-mei", 0, "", "its type may be said"},
		{"token=other", "wang-mei", 0, "", "the only key of a token need not be named"},
		{"token=weir;object=loose", "wang-mei", 0, "would give this key away", "a key that can leave is warned of"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_number(attempt(token_uri(softhsm, cases[i].which), cases[i].person, test_path("pin")), cases[i].code,
			  "%s: %s", cases[i].which, cases[i].sentence);
		ok(strstr(said, cases[i].said) != NULL, "  says '%s'", cases[i].said);
	}
	struct signer *signer;
	is_number(try_open(&signer, KEY_ROOT, token_uri(softhsm, "token=weir;object=rsa"), "root-1", test_path("pin")),
		  EXIT_REFUSED, "a token holds no root key");
}

/* Opened with this fault; then, when it opens, what signing comes to. */
static void test_fault(const char *fault, int code, const char *words, int signing)
{
	struct signer *signer;
	struct signature signature = {.algorithm = 77};
	setenv("FAULTY_TOKEN", fault, 1);
	const char *pin = strcmp(fault, "locks") == 0 ? test_path("wrong-pin") : test_path("pin");
	int got = try_open(&signer, KEY_PERSON, token_uri(faulty, "token=weir;object=rsa"), "wang-mei", pin);
	is_number(got, code, "a token with the fault '%s' gives exit code %d", fault, code);
	ok(strstr(said, words) != NULL, "  says '%s', of '%s'", words, said);
	if (signer != NULL) {
		is_number(signer_sign(signer, &signature, DOMAIN, data, sizeof(data)), signing,
			  "  and signing comes to '%s'", verdict_explain(signing));
		ok(signing == 0 || signature.algorithm == 77, "  a failure leaves the output alone");
	}
	signer_free(signer);
	unsetenv("FAULTY_TOKEN");
}

static void test_faults(void)
{
	test_fault("", 0, "", 0);
	test_fault("few", 0, "few tries are left", 0);
	test_fault("last", 0, "one more wrong PIN locks it", 0);
	test_fault("locked", EXIT_REFUSED, "its PIN is locked", 0);
	test_fault("unset", EXIT_REFUSED, "its PIN has never been set", 0);
	test_fault("pad", 0, "enter the PIN on its reader", 0);
	test_fault("cancel", EXIT_ENVIRONMENT, "does not take the PIN", 0);
	test_fault("locks", EXIT_REFUSED, "it is locked now", 0);
	test_fault("expired", EXIT_REFUSED, "does not take the PIN", 0);
	test_fault("gone", 0, "", -ENODEV);
	test_fault("lie", 0, "", VERDICT_BAD_SIGNATURE);
	test_fault("short", 0, "", -EIO);
	test_fault("no-modulus", 0, "", 0);
}

/* What weir-outbox may call when it signs is enough for a token that is opened before. */
static void test_confined(const char *label)
{
	static const char *const calls[] = {"read", "close", "openat", "fcntl", "fstat", "newfstatat", NULL};
	char which[64];
	snprintf(which, sizeof(which), "token=weir;object=%s", label);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		struct signer *signer;
		struct signature signature;
		if (signer_open(&signer, KEY_PERSON, token_uri(softhsm, which), "wang-mei", test_path("pin")) != 0 ||
		    confine_privileges() != 0 || confine_calls(calls) != 0)
			_exit(99);
		int result = signer_sign(signer, &signature, DOMAIN, data, sizeof(data));
		if (result == 0)
			result = verify(signer, &signature);
		signer_free(signer);
		_exit(result == 0 ? 0 : 1);
	}
	int status = -1;
	waitpid(child, &status, 0);
	is_number(status, 0, "key '%s' signs under a table of calls, and the token is closed under it", label);
}

int main(int argc, char **argv)
{
	char program[PATH_MAX], command[2 * PATH_MAX];
	(void)argc;
	suite_start();
	command_start("test");
	setsid();
	snprintf(program, sizeof(program), "%s", argv[0]);
	snprintf(command, sizeof(command), "%s/../lib/faulty-token.so", dirname(program));
	if (realpath(command, faulty) == NULL)
		printf("Bail out! %s is not there\n", command);
	test_files();
	snprintf(command, sizeof(command), "tests/lib/make-token '%s'", test_dir());
	ok(system(command) == 0, "a token is made");
	setenv("SOFTHSM2_CONF", test_path("softhsm.conf"), 1);
	test_key("rsa", true);
	test_key("ed", false);
	test_key("again", true);
	test_pins();
	test_choices();
	test_faults();
	test_confined("rsa");
	test_confined("ed");
	return done_testing();
}
