#include "personcard.h"

#include <stdio.h>

#include "command.h"
#include "json.h"
#include "rsa.h"
#include "signer.h"
#include "text.h"

/* A line of the registry has at most 198 bytes. */
enum { CHUNK_BYTES = 64 };

void personcard_print(const struct card *card, const uint8_t *modulus)
{
	char fingerprint[FINGERPRINT_BYTES], hex[2 * CHUNK_BYTES + 1];
	card_fingerprint(fingerprint, card);
	printf("; fingerprint %s\n[%s %s]\n", fingerprint, key_kind_name(card->kind), card->name);
	if (modulus == NULL)
		printf("public = %s\n", text_hex(hex, sizeof(hex), card->public_key, SUITE_KEY_BYTES));
	for (size_t at = 0; modulus != NULL && at < RSA_BYTES; at += CHUNK_BYTES)
		printf("rsa = %s\n", text_hex(hex, sizeof(hex), modulus + at, CHUNK_BYTES));
}

static int print_json(const struct card *card, const uint8_t *modulus)
{
	char fingerprint[FINGERPRINT_BYTES];
	card_fingerprint(fingerprint, card);
	struct json *object = json_object_new();
	json_set_text(object, "kind", key_kind_name(card->kind));
	json_set_text(object, "name", card->name);
	json_set_hex(object, "public", card->public_key, SUITE_KEY_BYTES);
	if (modulus != NULL)
		json_set_hex(object, "rsa", modulus, RSA_BYTES);
	json_set_hex(object, "key_id", card->id, KEY_ID_BYTES);
	json_set_text(object, "fingerprint", fingerprint);
	json_set_bool(object, "protected", true);
	int result = json_print(object, stdout);
	json_free(object);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot print");
}

/* The key signs once before its card is shown: nobody pins a key that cannot be used. */
int personcard_show_token(const char *uri, const char *name, const char *passphrase_file, bool wants_json)
{
	struct signer *signer = NULL;
	struct signature proof;
	if (name == NULL || !name_is_valid(name))
		return command_usage("a token does not say whose it is: give the person's name with --name NAME");
	int code = signer_open(&signer, KEY_PERSON, uri, name, passphrase_file);
	if (code != EXIT_DONE)
		return code;
	const struct card *card = signer_card(signer);
	int result = signer_sign(signer, &proof, "weir1 card", card->id, sizeof(card->id));
	if (result != 0)
		code = command_fail(result, "the token's key does not sign");
	else if (wants_json)
		code = print_json(card, signer_modulus(signer));
	else
		personcard_print(card, signer_modulus(signer));
	signer_free(signer);
	return code;
}
