#include "signer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "text.h"
#include "token.h"
#include "verdict.h"

enum { SHOWN_BYTES = 1024 };

struct signer {
	struct key *key;     /* or */
	struct token *token;
	struct card card;
};

static int load_file(struct key **out, const char *path, const char *passphrase_file, enum key_kind kind)
{
	char shown[SHOWN_BYTES];
	struct card card;
	bool needs_passphrase = false;
	char *passphrase = NULL;
	text_escape_name(shown, sizeof(shown), path);
	int result = key_load_card(&card, path, &needs_passphrase);
	if (result == 0 && card.kind != kind) {
		command_say("key file '%s': it holds a %s key, and a %s key is needed [%s]", shown,
			    key_kind_name(card.kind), key_kind_name(kind), verdict_name(VERDICT_WRONG_KEY));
		return EXIT_REFUSED;
	}
	bool has_asked = result == 0 && needs_passphrase;
	if (has_asked)
		result = command_passphrase(&passphrase, passphrase_file, path, false);
	if (result == -ENOTTY) {
		command_say("cannot ask for the passphrase of '%s' without a terminal; give --passphrase-file FILE",
			    shown);
		return EXIT_ENVIRONMENT;
	}
	if (result != 0 && has_asked)
		return command_fail_passphrase(result, passphrase_file, path);
	if (result == 0)
		result = key_load(out, path, passphrase);
	suite_secret_free(passphrase);
	return result == 0 ? 0 : command_fail(result, "cannot use key file '%s'", shown);
}

static int open_file(struct signer *signer, enum key_kind kind, const char *path, const char *person,
		     const char *passphrase_file)
{
	char shown[SHOWN_BYTES];
	int code = load_file(&signer->key, path, passphrase_file, kind);
	if (signer->key == NULL)
		return code;
	signer->card = signer->key->card;
	if (person != NULL && strcmp(person, signer->card.name) != 0)
		return command_fail(VERDICT_WRONG_KEY, "key file '%s' is of '%s', not of the person asked for",
				    text_escape_name(shown, sizeof(shown), path), signer->card.name);
	return 0;
}

/* "token 'LABEL': PROBLEM [name]"; the URI is not shown, there may be a PIN in it. */
static int fail_token(int result, const struct token *token, const char *problem)
{
	char label[4 * TOKEN_LABEL_BYTES], who[8 + sizeof(label)] = "token", shown[SHOWN_BYTES];
	text_escape_name(shown, sizeof(shown), problem);
	if (token != NULL)
		snprintf(who, sizeof(who), "token '%s'", text_escape_name(label, sizeof(label), token_label(token)));
	if (result == VERDICT_BAD_NAME)
		return command_usage("%s: %s", who, shown);
	if (result > 0)
		command_say("%s: %s [%s]", who, shown, verdict_name(result));
	else
		command_say("%s: %s", who, shown);
	return result > 0 ? EXIT_REFUSED : EXIT_ENVIRONMENT;
}

static int fail_pin(int result, const char *file, const char *label)
{
	if (result != -ENOTTY)
		return command_fail_pin(result, file, label);
	command_say("cannot ask for the PIN of token '%s' without a terminal; give --passphrase-file FILE, or pin-source in its URI",
		    label);
	return EXIT_ENVIRONMENT;
}

/* What a person should know before a try. */
static void say_tries(const struct token *token, const char *label)
{
	if (token_tries(token) == TOKEN_TRIES_LAST)
		command_say("token '%s': one more wrong PIN locks it", label);
	else if (token_tries(token) == TOKEN_TRIES_FEW)
		command_say("token '%s': a wrong PIN was given before; few tries are left", label);
	if (token_tries(token) != TOKEN_TRIES_NONE && token_has_pin_pad(token))
		command_say("token '%s': enter the PIN on its reader", label);
}

static int log_in(struct token *token, const char *passphrase_file)
{
	char problem[TOKEN_PROBLEM_BYTES], label[4 * TOKEN_LABEL_BYTES];
	char *pin = NULL;
	text_escape_name(label, sizeof(label), token_label(token));
	say_tries(token, label);
	const char *file = passphrase_file != NULL ? passphrase_file : token_pin_file(token);
	bool is_asked = !token_has_pin_pad(token) && token_tries(token) != TOKEN_TRIES_NONE;
	int result = 0;
	if (is_asked)
		result = command_pin(&pin, file, token_label(token));
	if (result != 0)
		return fail_pin(result, file, label);
	result = token_login(token, pin, problem);
	suite_secret_free(pin);
	if (result != 0)
		return fail_token(result, token, problem);
	if (token_key_can_leave(token))
		command_say("token '%s': it would give this key away (CKA_EXTRACTABLE, or not CKA_SENSITIVE): better have one made in it",
			    label);
	return 0;
}

static int open_token(struct signer *signer, enum key_kind kind, const char *uri, const char *person,
		      const char *passphrase_file)
{
	char problem[TOKEN_PROBLEM_BYTES];
	if (kind != KEY_PERSON) {
		command_say("a token holds the key of a person, and a %s key is needed [%s]", key_kind_name(kind),
			    verdict_name(VERDICT_WRONG_KEY));
		return EXIT_REFUSED;
	}
	if (person == NULL || !name_is_valid(person))
		return command_usage("a token does not say whose it is: give the person's name in the registry with it");
	int result = token_open(&signer->token, uri, problem);
	if (result != 0)
		return fail_token(result, NULL, problem);
	int code = log_in(signer->token, passphrase_file);
	if (code != 0)
		return code;
	signer->card.kind = kind;
	memcpy(signer->card.name, person, strlen(person));
	memcpy(signer->card.public_key, token_public_key(signer->token), SUITE_KEY_BYTES);
	card_identify(&signer->card);
	return 0;
}

int signer_open(struct signer **out, enum key_kind kind, const char *where, const char *person,
		const char *passphrase_file)
{
	struct signer *signer = calloc(1, sizeof(*signer));
	if (signer == NULL)
		return command_fail(-ENOMEM, "cannot sign");
	int code = token_is_uri(where) ? open_token(signer, kind, where, person, passphrase_file)
				       : open_file(signer, kind, where, person, passphrase_file);
	if (code == 0)
		*out = signer;
	else
		signer_free(signer);
	return code;
}

const struct card *signer_card(const struct signer *signer)
{
	return &signer->card;
}

const uint8_t *signer_modulus(const struct signer *signer)
{
	return signer->token == NULL ? NULL : token_modulus(signer->token);
}

/* A token is not taken at its word: what it signs wrongly would be refused only far away. */
static int sign_with_token(const struct signer *signer, struct signature *out, const char *domain,
			   const void *data, size_t len)
{
	struct party party = {.card = signer->card, .rsa_modulus = token_modulus(signer->token)};
	struct signature signature;
	int result = token_sign(signer->token, &signature, domain, data, len);
	if (result == 0)
		result = signature_verify(&signature, domain, data, len, &party);
	if (result == 0)
		*out = signature;
	return result;
}

int signer_sign(const struct signer *signer, struct signature *out, const char *domain, const void *data,
		size_t len)
{
	return signer->key != NULL ? signature_make(out, domain, data, len, signer->key->secret)
				   : sign_with_token(signer, out, domain, data, len);
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
	token_free(signer->token);
	free(signer);
}
