/*
 * signing: a person's key at work, behind signer.h: a key file, or a token.
 *
 *   signing sign WHERE PERSON MESSAGE PUBLIC [CALL…]   signs the file MESSAGE under "weir1 push"; the
 *       signature goes to stdout as formats hold it (BUNDLE.md 3), the public key as a card has it to
 *       PUBLIC (RSA: the modulus).  With calls named, under a table of these and no others.
 *   signing verify MESSAGE PUBLIC   judges a signature from stdin; exit status 0 or 1
 *
 * PERSON "-" is nobody in particular.  WEIR_PASSPHRASE_FILE counts as it does everywhere.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/command.h"
#include "common/confine.h"
#include "common/cursor.h"
#include "common/io.h"
#include "common/rsa.h"
#include "common/signer.h"
#include "common/verdict.h"

#define DOMAIN "weir1 push"

enum { MESSAGE_MAX = 1 << 20 };

static uint8_t *read_message(const char *path, size_t *len)
{
	uint8_t *data = NULL;
	int result = io_read_file(AT_FDCWD, path, MESSAGE_MAX, &data, len);
	if (result != 0)
		exit(command_fail(result, "'%s'", path));
	return data;
}

static int write_public(const char *path, const struct signer *signer)
{
	const uint8_t *modulus = signer_modulus(signer);
	const uint8_t *bytes = modulus != NULL ? modulus : signer_card(signer)->public_key;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int result = fd < 0 ? -1 : io_write(fd, bytes, modulus != NULL ? RSA_BYTES : SUITE_KEY_BYTES);
	io_close(fd);
	return result;
}

static int sign(const char *where, const char *person, const char *path, const char *public_path, char **calls)
{
	struct signer *signer = NULL;
	struct signature signature;
	uint8_t encoded[SIGNATURE_ENCODED_MAX], *message;
	size_t len;
	int code = signer_open(&signer, KEY_PERSON, where, strcmp(person, "-") == 0 ? NULL : person, NULL);
	if (code != 0)
		return code;
	message = read_message(path, &len);
	int result = write_public(public_path, signer);
	if (result == 0 && *calls != NULL)
		result = confine_privileges();
	if (result == 0 && *calls != NULL)
		result = confine_calls((const char *const *)calls);
	if (result == 0)
		result = signer_sign(signer, &signature, DOMAIN, message, len);
	struct writer w = writer_of(encoded, sizeof(encoded));
	if (result == 0) {
		signature_write(&w, &signature);
		result = io_write(STDOUT_FILENO, encoded, w.at);
	}
	free(message);
	signer_free(signer);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot sign");
}

static int verify(const char *path, const char *public_path)
{
	uint8_t encoded[SIGNATURE_ENCODED_MAX + 1], *message, *public_key;
	size_t len, public_len;
	struct signature signature;
	struct party party = {.rsa_modulus = NULL};
	ssize_t n = io_read(STDIN_FILENO, encoded, sizeof(encoded));
	struct reader r = reader_of(encoded, n < 0 ? 0 : (size_t)n);
	message = read_message(path, &len);
	public_key = read_message(public_path, &public_len);
	if (public_len == RSA_BYTES)
		party.rsa_modulus = public_key;
	else
		memcpy(party.card.public_key, public_key, SUITE_KEY_BYTES);
	int result = signature_read(&signature, &r);
	if (result == 0 && reader_left(&r) != 0)
		result = VERDICT_TRAILING_BYTES;
	if (result == 0)
		result = signature_verify(&signature, DOMAIN, message, len, &party);
	free(message);
	free(public_key);
	return result == 0 ? EXIT_DONE : command_fail(result, "signature");
}

int main(int argc, char **argv)
{
	command_start("signing");
	if (suite_start() != 0)
		return EXIT_ENVIRONMENT;
	if (argc >= 6 && strcmp(argv[1], "sign") == 0)
		return sign(argv[2], argv[3], argv[4], argv[5], argv + 6);
	if (argc == 4 && strcmp(argv[1], "verify") == 0)
		return verify(argv[2], argv[3]);
	return command_usage("sign WHERE PERSON MESSAGE PUBLIC [CALL…] | verify MESSAGE PUBLIC");
}
