#include "inbox.h"

#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"

static int load_key(struct key **out, const char *path, enum key_kind wanted,
		    const char *passphrase_file)
{
	char shown[SHOWN_BYTES];
	struct card card;
	bool needs_passphrase = false;
	char *passphrase = NULL;
	text_escape_name(shown, sizeof(shown), path);
	int result = key_load_card(&card, path, &needs_passphrase);
	if (result != 0)
		return command_fail(result, "key file '%s'", shown);
	if (card.kind != wanted) {
		command_say("key file '%s': it holds a %s key, and a %s key is needed [%s]", shown,
			    key_kind_name(card.kind), key_kind_name(wanted),
			    verdict_name(VERDICT_WRONG_KEY));
		return EXIT_REFUSED;
	}
	if (needs_passphrase)
		result = command_passphrase(&passphrase, passphrase_file, path, false);
	if (result != 0)
		return command_fail_passphrase(result, passphrase_file, path);
	result = key_load(out, path, passphrase);
	suite_secret_free(passphrase);
	return result == 0 ? EXIT_DONE : command_fail(result, "key file '%s'", shown);
}

static const char *option_or(const char *option, const char *variable)
{
	return option != NULL ? option : getenv(variable);
}

int inbox_key_load(struct key **out, const struct inbox_options *options)
{
	const char *key = option_or(options->key, "WEIR_KEY");
	return key == NULL ? command_usage("a recipient's key is needed: --key FILE, or WEIR_KEY")
			   : load_key(out, key, KEY_RECIPIENT, options->passphrase_file);
}

int inbox_keys_load(struct inbox_keys *out, const struct inbox_options *options)
{
	struct inbox_keys keys = {NULL, NULL};
	const char *psk = option_or(options->psk, "WEIR_PSK");
	bool has_key = option_or(options->key, "WEIR_KEY") != NULL;
	if (has_key && psk == NULL)
		return command_usage("the recipient's pre-shared key is needed: --psk FILE, or WEIR_PSK");
	int code = inbox_key_load(&keys.recipient, options);
	if (code == EXIT_DONE)
		code = load_key(&keys.psk, psk, KEY_PSK, options->passphrase_file);
	if (code != EXIT_DONE)
		inbox_keys_free(&keys);
	else
		*out = keys;
	return code;
}

void inbox_keys_free(struct inbox_keys *keys)
{
	key_free(keys->recipient);
	key_free(keys->psk);
	*keys = (struct inbox_keys){NULL, NULL};
}

int inbox_keys_check(const struct inbox_keys *keys, const struct subject *subject)
{
	const struct card *card = &keys->recipient->card;
	const struct party *party =
		registry_party_by_key(subject->registry, KEY_RECIPIENT, card->id);
	/* A recipient that the registry does not name may still have a stanza; the head tells. */
	if (party == NULL ||
	    suite_equal(party->psk_public, keys->psk->card.public_key, SUITE_KEY_BYTES))
		return EXIT_DONE;
	char name[SHOWN_BYTES];
	return command_fail(VERDICT_WRONG_KEY,
			    "pre-shared key '%s' is not the one of recipient '%s'",
			    text_escape_name(name, sizeof(name), keys->psk->card.name), card->name);
}
