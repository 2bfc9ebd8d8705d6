/*
 * renewal: `weir-sender epoch`: begins a new epoch for a spool that was put back to an older state, or is new.  SPOOL.md 3.
 */
#ifndef WEIR_RENEWAL_H
#define WEIR_RENEWAL_H

#define RENEWAL_SYNOPSIS "[--heads FILE] [--past ROUTE=NUMBER]… [--yes] [--config FILE]"
#define RENEWAL_HELP                                                                                     \
	"  --heads FILE         what 'weir-inbox heads' shows at the receiver, typed: \"ROUTE NUMBER\" for\n"  \
	"                       each route, and @EPOCH\n"                                                \
	"  --past ROUTE=NUMBER  the newest number that the receiver has heard of on this route, as\n"    \
	"                       'weir-inbox heads' shows it there; for each route\n"               \
	"  --yes                do not ask\n"                                                             \
	"weir-hold must not run.  Numbers go on behind what was typed and behind what this spool has given.\n"

/* The command; gives an exit code. */
int renewal(int argc, char **argv);

#endif
