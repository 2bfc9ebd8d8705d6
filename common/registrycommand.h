/*
 * registrycommand: `registry new`, `review`, `sign`, `check`, `show` and `pin`, the same in weir-outbox and
 * weir-inbox.
 */
#ifndef WEIR_REGISTRYCOMMAND_H
#define WEIR_REGISTRYCOMMAND_H

#include "command.h"
#include "registrynew.h"

int registry_command(int argc, char **argv);

#define REGISTRY_COMMAND_SYNOPSIS \
	REGISTRY_NEW_SYNOPSIS " | " \
	"review FILE --route R --office O --key KEY [--person P] [--passphrase-file F] [--date D] | " \
	"sign FILE --key ROOTKEY [--passphrase-file F] | check FILE --roots ROOTS | " \
	"show FILE --roots ROOTS [--json] | pin --certificate CERT --chain CHAIN NAME"
#define REGISTRY_COMMAND_SUMMARY "make, review, sign, check or show the registry of people, boxes and routes"
#define REGISTRY_COMMAND_HELP \
	REGISTRY_NEW_HELP \
	"'review' prints the section by which an office says that it has reviewed a route and its policy as\n" \
	"they stand in FILE; it is pasted into FILE before the roots sign.  Whatever changes there, but a\n" \
	"suspension, voids the review.\n" \
	"'sign' checks FILE and adds the signature of a root key, in place of an older one of that key;\n" \
	"the file is replaced as a whole.  'check' says whether enough root keys have signed it and whether\n" \
	"it is in force.  'show' prints who may do what, and what expires within 30 days.  'pin' checks a\n" \
	"person's certificate, once, and prints the section that pins its key, to be pasted into FILE.\n" \
	"\n" \
	"  --key KEY             the key file of a root key; of the person who reviews, or a token (pkcs11:…)\n" \
	"  --person P            who reviews; a token does not know\n" \
	"  --passphrase-file F   take its passphrase or PIN from the first line of F, not from the terminal\n" \
	"  --route R             the route that was reviewed\n" \
	"  --office O            the office whose review the route's 'needs' names\n" \
	"  --date D              when it was reviewed, as 2026-11-23T08:00:00Z; now when absent\n" \
	"  --roots ROOTS         the roots file: the public root keys and how many must have signed\n" \
	"  --certificate CERT    a person's certificate in PEM, with an RSA-2048 or Ed25519 key for signing\n" \
	"  --chain CHAIN         in PEM, the roots it must lead to and the authorities between\n" \
	"  --json                as JSON\n" \
	REGISTRY_NEW_OPTIONS

/* An entry of a program's command table. */
#define REGISTRY_COMMAND \
	{"registry", REGISTRY_COMMAND_SYNOPSIS, REGISTRY_COMMAND_SUMMARY, REGISTRY_COMMAND_HELP, \
	 registry_command}

#endif
