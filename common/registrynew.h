/*
 * registrynew: `registry new`: a first registry and its roots file, from public cards.  What comes out is text like any
 * other registry, to be read, changed and signed by people (REGISTRY.md 3).
 */
#ifndef WEIR_REGISTRYNEW_H
#define WEIR_REGISTRYNEW_H

enum { REGISTRYNEW_CARDS_MAX = 256, REGISTRYNEW_ROUTES_MAX = 16 };

/* argv[0] is "new". */
int registry_new_command(int argc, char **argv);

#define REGISTRY_NEW_SYNOPSIS \
	"new FILE --roots ROOTS --name NAME --route ROUTE[=FORMAT]… [--officer PERSON]… [--days N] CARD…"
#define REGISTRY_NEW_HELP \
	"'new' makes FILE and ROOTS, which must not exist, from the cards of root keys, people, boxes, recipients\n" \
	"and their pre-shared keys: every recipient gets every route, every person who is no officer may push.\n" \
	"It is a text to be read and changed before it is signed.\n"
#define REGISTRY_NEW_OPTIONS \
	"  --name NAME           which installation this is; a box takes no registry of another\n" \
	"  --route ROUTE=FORMAT  a route for csv (when absent), lines, json or opaque; again for each further one\n" \
	"  --officer PERSON      is an officer, of whom one must approve each push; again for each further one\n" \
	"  --days N              in force for so many days, 1 to 1827; 365 when absent\n"

#endif
