#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/command.h"
#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"
#include "outbox.h"
#include "outbox_order.h"

enum { SHOWN_BYTES = 1024 };

static int make_signature(struct order_signer *out, const struct order *order,
			  const struct signer *signer)
{
	uint8_t input[ORDER_INPUT_BYTES];
	const struct card *card = signer_card(signer);
	struct order_signer own = {.signed_at = (uint64_t)time(NULL)};
	memcpy(own.name, card->name, NAME_BYTES);
	memcpy(own.key_id, card->id, KEY_ID_BYTES);
	if (own.signed_at > order->not_after)
		return VERDICT_EXPIRED;
	if (order->not_before > own.signed_at && order->not_before - own.signed_at > ORDER_LIFE_MAX_S)
		return VERDICT_BAD_TIME;
	order_sign_input(input, order, &own);
	int result = signer_sign(signer, &own.signature, ORDER_DOMAIN, input, sizeof(input));
	if (result == 0)
		*out = own;
	return result;
}

/* What this registry says of the signature just made, wherever it now stands. */
static int check_own(const struct order *order, const struct order_signer *own,
		     const struct registry *registry)
{
	for (size_t i = 0; i < order->signer_count; i++)
		if (memcmp(order->signers[i].key_id, own->key_id, KEY_ID_BYTES) == 0)
			return order_check_signer(order, i, registry, own->signed_at);
	return VERDICT_UNKNOWN_KEY;
}

static int sign(struct order *order, const struct signer *signer, const struct registry *registry,
		const char *path)
{
	uint8_t bytes[ORDER_BYTES_MAX];
	struct order_signer own;
	char shown[SHOWN_BYTES];
	text_escape_name(shown, sizeof(shown), path);
	int result = make_signature(&own, order, signer);
	if (result == 0)
		result = order_add_signature(order, &own);
	if (result == VERDICT_BAD_LIMIT && order->kind == ORDER_PUSH) {
		command_say("cannot sign order '%s': '%s' answers for it already, and one person does; make a new one [%s]",
			    shown, order->signers[0].name, verdict_name(result));
		return EXIT_REFUSED;
	}
	if (result == VERDICT_BAD_TIME) {
		command_say("cannot sign order '%s': it begins in more than 30 days; sign it then [%s]", shown,
			    verdict_name(result));
		return EXIT_REFUSED;
	}
	if (result == 0 && registry != NULL)
		result = check_own(order, &own, registry);
	if (result == 0)
		result = io_replace_path(path, bytes, order_encode(bytes, order));
	if (result != 0)
		return command_fail(result, "cannot sign order '%s'", shown);
	printf("signed by '%s'\n", own.name);
	return EXIT_DONE;
}

/* A person who has no registry at hand signs without its advice: the boxes judge in the end. */
static bool has_registry(const struct order_options *options)
{
	return options->value[ORDER_OPTION_REGISTRY] != NULL ||
	       options->value[ORDER_OPTION_CONFIG] != NULL || getenv("WEIR_CONFIG") != NULL;
}

int outbox_order_sign(const struct order_options *options)
{
	struct registry *registry = NULL;
	struct signer *signer = NULL;
	struct order order;
	int code = order_load_file(&order, options->operand);
	if (code == EXIT_DONE && has_registry(options))
		code = order_load_registry(&registry, options);
	if (code == EXIT_DONE)
		code = order_print(&order, registry, options);
	if (code == EXIT_DONE && fflush(stdout) != 0)
		code = command_fail(-errno, "cannot show what is to be signed");
	if (code == EXIT_DONE)
		code = outbox_signer(&signer, options->value[ORDER_OPTION_KEY],
				     options->value[ORDER_OPTION_PERSON],
				     options->value[ORDER_OPTION_PASSPHRASE_FILE]);
	if (signer != NULL && code == EXIT_DONE)
		code = sign(&order, signer, registry, options->operand);
	signer_free(signer);
	registry_free(registry);
	return code;
}
