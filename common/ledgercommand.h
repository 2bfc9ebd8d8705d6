/*
 * ledgercommand: `ledger show` and `ledger verify`, the same in weir-outbox and weir-inbox.
 */
#ifndef WEIR_LEDGERCOMMAND_H
#define WEIR_LEDGERCOMMAND_H

#include "command.h"
#include "config.h"

/*
 * side and its usual configuration file: where ledger, registry and roots are taken from when they are
 * not given.
 */
int ledger_command(enum config_side side, const char *default_config, int argc, char **argv);

#define LEDGER_COMMAND_SYNOPSIS \
	"show [--since TIME] [--until TIME] [--person NAME] [--event PREFIX] [--bundle NAME] [--json] " \
	"[DIR] | verify [--witness DIR|FILE] [--until TIME] [--registry FILE]… [--roots FILE] [--json] [DIR]"
#define LEDGER_COMMAND_SUMMARY "what was done here, by whom and when; whether the ledger is whole"
#define LEDGER_COMMAND_HELP \
	"'show' prints one entry a line.  'verify' finds what was changed, removed, put in or cut off; it\n" \
	"needs no daemon.  Exit code 4 when something is wrong.  DIR is a ledger's directory; without it,\n" \
	"the ledger of this box, by its configuration.  TIME is 2026-11-23 or 2026-11-23T08:00:00Z, in UTC.\n" \
	"\n" \
	"  --since TIME      no entry before this\n" \
	"  --until TIME      no entry after this; 'verify': the witness does not count after it, which\n" \
	"                    is how a copy is verified that was made then\n" \
	"  --person NAME     what this person did\n" \
	"  --event PREFIX    events whose name begins so: 'push', 'push.refused'; see LEDGER.md\n" \
	"  --bundle NAME     what happened to this bundle\n" \
	"  --witness DIR     the other box's ledger, which has heard of this one's newest entries; or a\n" \
	"                    FILE of lines 'N HASH', as 'verify' prints them behind 'head'\n" \
	"  --registry FILE   who the boxes are; again, for a registry that was in force before\n" \
	"  --roots FILE      the roots file: whose signatures under a registry count\n" \
	"  --json            'show': the entries as they stand, a line each; 'verify': the report as JSON\n" \
	"  --config FILE     instead of the usual one, or WEIR_CONFIG\n"

/* An entry of a program's command table; run calls ledger_command. */
#define LEDGER_COMMAND(run) \
	{"ledger", LEDGER_COMMAND_SYNOPSIS, LEDGER_COMMAND_SUMMARY, LEDGER_COMMAND_HELP, run}

#endif
