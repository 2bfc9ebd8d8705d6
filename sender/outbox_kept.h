/*
 * outbox_kept: what `weir-outbox resend` and `weir-outbox purge` share: a person's signed orders about bundles that are
 * in the spool.  It speaks.
 */
#ifndef WEIR_OUTBOX_KEPT_H
#define WEIR_OUTBOX_KEPT_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asking.h"
#include "outbox.h"

/* The options that both have, and the end of the table. */
#define KEPT_OPTIONS \
	{"route", required_argument, NULL, 'r'}, \
	{"key", required_argument, NULL, 'k'}, \
	{"person", required_argument, NULL, 'p'}, \
	{"passphrase-file", required_argument, NULL, 'f'}, \
	{"json", no_argument, NULL, 'j'}, \
	{"config", required_argument, NULL, 'c'}, \
	{NULL, 0, NULL, 0}
#define KEPT_OPTIONS_HELP \
	"  --key FILE              the person's key; else WEIR_KEY, else ~/.weir/person.key\n" \
	"  --person NAME           refuse unless the key is this person's\n" \
	"  --passphrase-file FILE  the key's passphrase in its first line; else WEIR_PASSPHRASE_FILE, else asked\n" \
	"  --json                  print the result as JSON\n" \
	"  --config FILE           else WEIR_CONFIG, else /etc/weir/sender.conf\n"

/* A bundle in the spool that has its name. */
struct kept {
	char name[BUNDLE_NAME_BYTES];
	char route[NAME_BYTES];
	uint64_t bytes;
	uint64_t released_at;
	bool is_sent;
	bool is_chosen; /* the caller's */
};

/* One run of either command. */
struct kept_orders {
	const char *value[128]; /* by the letter of the option; NULL: not given */
	char *const *words;     /* what is no option */
	int word_count;
	struct config config;
	struct signer *signer;
	struct json *array;     /* for the results; NULL: they are told to a person */
	struct kept *all;       /* of kept_list, newest first */
	size_t count;
};

/* Options and words; out is filled with zeros before.  An exit code. */
int kept_parse(struct kept_orders *out, int argc, char **argv, const struct option *table);
/*
 * With configuration, signer and, for --json, the array, which is printed behind: act, which gives an exit code.  Frees
 * all that orders hold.
 */
int kept_run(struct kept_orders *orders, int (*act)(void *context), void *context);
/* Fills in all and count.  An exit code. */
int kept_list(struct kept_orders *orders);
/*
 * One for each that is chosen, the oldest first, also when one is refused; the first refusal is the exit code.  Nothing
 * more is asked where hold cannot be reached.
 */
int kept_each(struct kept_orders *orders, int (*act)(void *context, const struct kept *kept), void *context);
/* Says what came of a question about `what`, which is escaped here; an exit code. */
int kept_fail(const struct kept_orders *orders, int result, const struct local_refused *refused, const char *what);

#endif
