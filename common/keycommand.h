/*
 * keycommand: `key new` and `key show`, the same in weir-outbox and weir-inbox.
 */
#ifndef WEIR_KEYCOMMAND_H
#define WEIR_KEYCOMMAND_H

#include "command.h"

enum { PASSPHRASE_CHARACTERS_MIN = 8 };

int key_command(int argc, char **argv);

#define KEY_COMMAND_SYNOPSIS \
	"new KIND NAME -o FILE [--unprotected] [--passphrase-file F] | show FILE [--json] | " \
	"show pkcs11:URI --name NAME [--passphrase-file F] [--json]"
#define KEY_COMMAND_SUMMARY "make a key file, or show the public card in one"
#define KEY_COMMAND_HELP \
	"KIND is root, person, sender, receiver, recipient, machine, link or psk; NAME is a-z, then up to\n" \
	"30 of a-z 0-9 -.  'new' writes FILE, which must not exist, and prints the card; 'show' prints the\n" \
	"card of a key file.  A card goes into the registry (root: into the roots file); two people compare\n" \
	"its fingerprint over the telephone.\n" \
	"\n" \
	"  -o FILE               where the secret goes; only you can read it\n" \
	"  --unprotected         without a passphrase: for daemons, and for link and psk files they hold\n" \
	"  --passphrase-file F   take the passphrase from the first line of F instead of the terminal\n" \
	"  --name NAME           the person whose key is in the token; its PIN is asked for, and it signs once\n" \
	"  --json                the card as JSON\n"

/* An entry of a program's command table. */
#define KEY_COMMAND \
	{"key", KEY_COMMAND_SYNOPSIS, KEY_COMMAND_SUMMARY, KEY_COMMAND_HELP, key_command}

#endif
