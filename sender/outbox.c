/*
 * weir-outbox: the person's side of sending.
 */
#include "outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/command.h"
#include "common/keycommand.h"
#include "common/ledgercommand.h"
#include "common/registrycommand.h"
#include "common/text.h"
#include "common/verdict.h"
#include "setup.h"

#define DEFAULT_KEY ".weir/person.key"

int outbox_config(struct config *out, const char *config_path)
{
	struct setup_problem problem = {{0}, {0}};
	char text[SETUP_TEXT_BYTES];
	const char *path = setup_config_path(config_path);
	int result = config_load(out, CONFIG_SENDER, path, problem.text);
	if (result == 0)
		return 0;
	setup_name_file(&problem, path);
	return command_fail(result, "cannot load configuration %s", setup_describe(text, &problem));
}

int outbox_signer(struct signer **out, const char *key, const char *person, const char *passphrase_file)
{
	char path[CONFIG_PATH_BYTES], escaped[2 * CONFIG_PATH_BYTES];
	const char *given = key != NULL ? key : getenv("WEIR_KEY");
	const char *home = getenv("HOME");
	int n = given != NULL ? snprintf(path, sizeof(path), "%s", given)
			      : snprintf(path, sizeof(path), "%s/" DEFAULT_KEY, home == NULL ? "" : home);
	if (n < 0 || (size_t)n >= sizeof(path))
		return command_fail(-ENAMETOOLONG, "cannot use the key file");
	if (given == NULL && access(path, F_OK) != 0) {
		command_say("there is no key file '%s'; name yours with --key FILE, or make one with 'weir-outbox key new'",
			    text_escape_name(escaped, sizeof(escaped), path));
		return EXIT_ENVIRONMENT;
	}
	return signer_open(out, KEY_PERSON, path, person, passphrase_file);
}

int outbox_sign_order(struct resendorder *order, struct signer *signer, const struct local_resend_found *found)
{
	uint8_t input[RESENDORDER_BYTES];
	const struct card *card = signer_card(signer);
	order->epoch = found->epoch;
	order->at = (uint64_t)time(NULL);
	memcpy(order->person, card->name, NAME_BYTES);
	memcpy(order->key_id, card->id, KEY_ID_BYTES);
	memcpy(order->challenge, found->challenge, RESEND_CHALLENGE_BYTES);
	resendorder_input(input, order);
	return signer_sign(signer, &order->signature, resendorder_domain, input, sizeof(input));
}

int outbox_cannot_reach(int result, const char *program, const char *runtime, const char *socket)
{
	char escaped[2 * CONFIG_PATH_BYTES];
	text_escape_name(escaped, sizeof(escaped), runtime);
	if (result == -ETIMEDOUT) {
		/* a question that was not read before its asker left is not answered; but it may just have been read */
		command_say("%s at '%s/%s' has not answered in time; look into the journal for E1026 and E1202, and with 'weir-outbox list' whether it was done before you say again what changes anything",
			    program, escaped, socket);
		return EXIT_ENVIRONMENT;
	}
	const char *next = result == -EACCES
				   ? "join the group that may use it, or ask the operator of this box"
				   : "start weir-sender";
	command_say("cannot reach %s at '%s/%s': %s; %s", program, escaped, socket, verdict_explain(result), next);
	return EXIT_ENVIRONMENT;
}

bool outbox_is_unanswered(int result, const char *where)
{
	bool is_hold = strcmp(where, "spool") == 0;
	/* whatever else takes too long was taken up, and says itself what it is about */
	if (result != -ETIMEDOUT || (where[0] != 0 && !is_hold))
		return false;
	command_say("%s has not answered in time, so nothing was pushed; push again later, and look into the journal for %s",
		    is_hold ? "weir-hold" : "weir-seal", is_hold ? "E1026" : "E1202");
	return true;
}

int main(int argc, char **argv)
{
	static const struct command commands[] = {
		{"push", "--route ROUTE [OPTION…] FILE… | DIR | - | - -- COMMAND…",
		 "seal an export and hand it over to be sent", outbox_push_help, outbox_push},
		{"list", "[--waiting] [--json] [--config FILE]", "what is in the spool, and how far it is",
		 outbox_list_help, outbox_list},
		{"show", "PUSHID|NAME [--key FILE] [OPTION…]", "all about one bundle", outbox_show_help,
		 outbox_show},
		{"approve", "PUSHID [--key FILE] [OPTION…]", "an officer releases what waits",
		 outbox_approve_help, outbox_approve},
		{"refuse", "PUSHID --reason TEXT [--key FILE] [OPTION…]", "an officer refuses what waits",
		 outbox_refuse_help, outbox_refuse},
		{"resend", "CODE | NAME [--block N] [--rows N] | --route ROUTE --day DAY [--key FILE] [OPTION…]",
		 "send once more what did not arrive", outbox_resend_help, outbox_resend},
		{"purge", "NAME… | [--route ROUTE] [--before TIME] [--count N] [--key FILE] [OPTION…]",
		 "remove what was sent before its time", outbox_purge_help, outbox_purge},
		{"order", "new OPTION… -o FILE | sign FILE | show FILE | load FILE | list | revoke ID --route ROUTE",
		 "standing orders: make, sign, show, load, list, revoke", outbox_order_help, outbox_order},
		KEY_COMMAND,
		REGISTRY_COMMAND,
		{"ledger", LEDGER_COMMAND_SYNOPSIS " | send [--config FILE]", LEDGER_COMMAND_SUMMARY,
		 OUTBOX_LEDGER_HELP, outbox_ledger},
		{NULL, NULL, NULL, NULL, NULL},
	};
	return command_main("weir-outbox", "pushes exports to the other side", commands, argc, argv);
}
