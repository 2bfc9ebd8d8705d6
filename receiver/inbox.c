/* weir-inbox: what the recipient and the operator outside see of the vault. */
#include "inbox.h"

#include <string.h>

#include "common/keycommand.h"
#include "common/ledgercommand.h"
#include "common/registrycommand.h"

static const char list_help[] =
	"  --json         as JSON\n"
	"  --config FILE  instead of " INBOX_CONFIG " or WEIR_CONFIG\n";

static const char show_help[] =
	"BUNDLE is a name as in 'list'; anything else, or with a '/', is a file.\n"
	"\n"
	"  --key FILE     the recipient's key (WEIR_KEY): shows the members too\n"
	"  --psk FILE     its pre-shared key (WEIR_PSK)\n"
	"  --passphrase-file FILE  instead of asking\n"
	"  --roots FILE   the root keys to judge by (WEIR_ROOTS); needs no configuration\n"
	"  --json         as JSON\n"
	"  --config FILE  instead of " INBOX_CONFIG " or WEIR_CONFIG\n";

static const char verify_help[] =
	"Checks the signatures and the hash tree, for which no secret is needed; everything\n"
	"in the vault when nothing is named.  Exit code 4 when something is damaged or missing.\n"
	"\n"
	"  --roots FILE   the root keys to judge by (WEIR_ROOTS), where no configuration is\n"
	"  --json         as JSON\n"
	"  --config FILE  instead of " INBOX_CONFIG " or WEIR_CONFIG\n";

static const char gaps_help[] =
	"Exit code 0 when nothing is missing and the sender is heard, 4 otherwise.\n"
	"What is on its way is not missing.\n"
	"\n"
	"  --acknowledge BUNDLE  what is lost for good, or damaged, is listed until somebody says that it is\n"
	"                 known; signed by a receiving-admin, an officer or an auditor\n"
	"  --key FILE     the person's key, or a PKCS#11 URI (WEIR_KEY)\n"
	"  --person NAME  whose key a token has\n"
	"  --passphrase-file FILE  instead of asking (WEIR_PASSPHRASE_FILE)\n"
	"  --json         as JSON\n"
	"  --config FILE  instead of " INBOX_CONFIG " or WEIR_CONFIG\n";

static const char heads_help[] =
	"ROUTE NUMBER, a line for each route, and @EPOCH: to be read out when the sender's spool was lost or\n"
	"an older copy of it had to be put back; 'weir-sender epoch --heads' takes these lines there.\n"
	"\n"
	"  --json         as JSON\n"
	"  --config FILE  instead of " INBOX_CONFIG " or WEIR_CONFIG\n";

static const char copy_help[] =
	"FILE.weir is verified before it gets its name, and never replaces another file.\n"
	"\n"
	"  --roots FILE   the root keys to judge by (WEIR_ROOTS)\n"
	"  --config FILE  instead of " INBOX_CONFIG " or WEIR_CONFIG\n";

static const char open_help[] =
	"  -o, --output DIR  write the members below DIR; nothing is ever replaced\n"
	"  -                 write one member to standard output\n"
	"  - -- COMMAND      one member to COMMAND, whose input ends only when all is right;\n"
	"                    otherwise COMMAND is killed before it sees an end\n"
	"\n"
	"  --key FILE     the recipient's key (WEIR_KEY)\n"
	"  --psk FILE     its pre-shared key (WEIR_PSK)\n"
	"  --passphrase-file FILE  instead of asking (WEIR_PASSPHRASE_FILE)\n"
	"  --member M     this member alone; may be given again with -o\n"
	"  --receipt FILE where the receipt goes, on a host without a receiver's configuration;\n"
	"                 else beside the bundle\n"
	"  --roots FILE   the root keys to judge by (WEIR_ROOTS), where no configuration is\n"
	"  --config FILE  instead of " INBOX_CONFIG " or WEIR_CONFIG\n";

static const char destroyed_help[] =
	"Writes a receipt, signed with the recipient's receipt key, that what was opened of a bundle\n"
	"is destroyed. It destroys nothing. FILE.receipt is that of the opening, where the bundle\n"
	"itself is gone.\n"
	"\n"
	"  --how TEXT     in what way\n"
	"  --receipt FILE where it goes; else beside the other\n"
	"  --key FILE     the recipient's key (WEIR_KEY)\n"
	"  --passphrase-file FILE  instead of asking (WEIR_PASSPHRASE_FILE)\n"
	"  --roots FILE   the root keys to judge by (WEIR_ROOTS), where no configuration is\n"
	"  --config FILE  instead of " INBOX_CONFIG " or WEIR_CONFIG\n";

static const char receipt_help[] =
	"Brings receipts of recipients into the ledger of this box, by weir-keep, which checks\n"
	"signature, key and bundle.\n"
	"\n"
	"  --config FILE  instead of " INBOX_CONFIG " or WEIR_CONFIG\n";

static const char ledger_help[] =
	LEDGER_COMMAND_HELP
	"\n"
	"'hold' keeps bundles from being destroyed, at their date or by 'purge', until 'release' ends the\n"
	"case; both are signed by an auditor or an officer. 'holds' lists what is held, and by whom.\n"
	"\n"
	"  --key FILE        the person's key, or a PKCS#11 URI (WEIR_KEY)\n"
	"  --person NAME     whose key a token has\n"
	"  --passphrase-file FILE  instead of asking (WEIR_PASSPHRASE_FILE)\n";

static const char purge_help[] =
	"Shows what would be destroyed, and asks for the number of bundles. The order is signed by a\n"
	"receiving-admin or an officer. What is held is not destroyed.\n"
	"\n"
	"  --route ROUTE  all of this route\n"
	"  --before TIME  all that were delivered before: 2026-11-23 or 2026-11-23T08:00:00Z, in UTC\n"
	"  --count N      the number of bundles, instead of typing it\n"
	"  --key FILE     the person's key, or a PKCS#11 URI (WEIR_KEY)\n"
	"  --person NAME  whose key a token has\n"
	"  --passphrase-file FILE  instead of asking (WEIR_PASSPHRASE_FILE)\n"
	"  --config FILE  instead of " INBOX_CONFIG " or WEIR_CONFIG\n";

static int run_ledger(int argc, char **argv)
{
	return ledger_command(CONFIG_RECEIVER, INBOX_CONFIG, argc, argv);
}

static int inbox_ledger(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} table[] = {{"hold", inbox_hold}, {"release", inbox_release}, {"holds", inbox_holds}};
	for (size_t i = 0; argc > 1 && i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(argv[1], table[i].name) == 0)
			return table[i].run(argc - 1, argv + 1);
	return inbox_told(argc, argv, run_ledger);
}

static int inbox_key(int argc, char **argv)
{
	return inbox_told(argc, argv, key_command);
}

static int inbox_registry(int argc, char **argv)
{
	return inbox_told(argc, argv, registry_command);
}

static const struct command commands[] = {
	{"list", "[--json]", "what has been delivered, and what is on its way", list_help,
	 inbox_list},
	{"show", "[--key FILE --psk FILE] [--json] BUNDLE|FILE.weir",
	 "all that is known of one bundle", show_help, inbox_show},
	{"verify", "[--json] [BUNDLE|FILE.weir]…",
	 "check signatures and content, without any secret", verify_help, inbox_verify},
	{"gaps", "[--json] | --acknowledge BUNDLE --key FILE", "what the sender promises and the vault lacks", gaps_help, inbox_gaps},
	{"heads", "[--json]", "the newest number of each route, as 'weir-sender epoch' asks for it", heads_help,
	 inbox_heads},
	{"copy", "BUNDLE FILE.weir", "a whole, verified copy to carry away", copy_help, inbox_copy},
	{"open",
	 "[--key FILE] [--psk FILE] [--member M]… BUNDLE|FILE.weir (-o DIR | - [-- COMMAND])",
	 "decrypt, for a recipient", open_help, inbox_open},
	{"destroyed", "[--key FILE] [--how TEXT] [--receipt FILE] FILE.weir|FILE.receipt|BUNDLE…",
	 "a recipient's signed word that what it opened is destroyed", destroyed_help, inbox_destroyed},
	{"receipt", "FILE.receipt…", "bring recipients' receipts into the ledger", receipt_help, inbox_receipt},
	{"key", KEY_COMMAND_SYNOPSIS, KEY_COMMAND_SUMMARY, KEY_COMMAND_HELP, inbox_key},
	{"registry", REGISTRY_COMMAND_SYNOPSIS, REGISTRY_COMMAND_SUMMARY, REGISTRY_COMMAND_HELP,
	 inbox_registry},
	{"ledger",
	 LEDGER_COMMAND_SYNOPSIS " | hold --key FILE CASE BUNDLE… | release --key FILE CASE | holds [--json]",
	 LEDGER_COMMAND_SUMMARY "; what may not be destroyed", ledger_help, inbox_ledger},
	{"purge", "--key FILE [--count N] (BUNDLE… | [--route ROUTE] [--before TIME])",
	 "destroy bundles before their date", purge_help, inbox_purge},
	{NULL, NULL, NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	return command_main("weir-inbox", "the vault of the receiving box, and what it holds",
			    commands, argc, argv);
}
