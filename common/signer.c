#include "signer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "text.h"
#include "verdict.h"

enum { SHOWN_BYTES = 2048 };

struct signer {
	struct key *key;
};

static int open_key(struct key **out, enum key_kind kind, const char *path,
		    const char *passphrase_file)
{
	struct card card;
	bool needs_passphrase;
	char *passphrase = NULL;
	int result = key_load_card(&card, path, &needs_passphrase);
	if (result == 0 && card.kind != kind)
		result = VERDICT_WRONG_KEY;
	if (result == 0 && needs_passphrase)
		result = command_passphrase(&passphrase, passphrase_file, path, false);
	if (result == 0)
		result = key_load(out, path, passphrase);
	suite_secret_free(passphrase);
	return result;
}

static int fail_open(int result, const char *path)
{
	char shown[SHOWN_BYTES];
	text_escape_name(shown, sizeof(shown), path);
	if (result != -ENOTTY)
		return command_fail(result, "cannot use key file '%s'", shown);
	command_say("cannot ask for the passphrase of '%s' without a terminal; give --passphrase-file FILE",
		    shown);
	return EXIT_ENVIRONMENT;
}

int signer_open(struct signer **out, enum key_kind kind, const char *where, const char *name,
		const char *passphrase_file)
{
	struct signer *signer = calloc(1, sizeof(*signer));
	if (signer == NULL)
		return command_fail(-ENOMEM, "cannot sign");
	int result = open_key(&signer->key, kind, where, passphrase_file);
	int code = result == 0 ? EXIT_DONE : fail_open(result, where);
	if (code == EXIT_DONE && name != NULL && strcmp(name, signer->key->card.name) != 0) {
		char shown[SHOWN_BYTES];
		code = command_fail(VERDICT_WRONG_KEY, "key file '%s' is of '%s', not of the person asked for",
				    text_escape_name(shown, sizeof(shown), where),
				    signer->key->card.name);
	}
	if (code != EXIT_DONE) {
		signer_free(signer);
		return code;
	}
	*out = signer;
	return EXIT_DONE;
}

const struct card *signer_card(const struct signer *signer)
{
	return &signer->key->card;
}

int signer_sign(const struct signer *signer, struct signature *out, const char *domain, const void *data,
		size_t len)
{
	return signature_make(out, domain, data, len, signer->key->secret);
}

const struct key *signer_key(const struct signer *signer)
{
	return signer->key;
}

void signer_free(struct signer *signer)
{
	if (signer == NULL)
		return;
	key_free(signer->key);
	free(signer);
}
