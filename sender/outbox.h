/*
 * outbox: the commands of weir-outbox, one file each.
 */
#ifndef WEIR_OUTBOX_H
#define WEIR_OUTBOX_H

#include "common/config.h"
#include "common/json.h"
#include "common/signer.h"
#include "local.h"

extern const char outbox_push_help[];
extern const char outbox_order_help[];

int outbox_push(int argc, char **argv);
int outbox_list(int argc, char **argv);
int outbox_show(int argc, char **argv);
int outbox_order(int argc, char **argv);
/* show, verify (ledgercommand.h), and send. */
int outbox_ledger(int argc, char **argv);
#define OUTBOX_LEDGER_HELP \
	LEDGER_COMMAND_HELP \
	"\n'send' pushes what is new in this box's ledger on the route 'ledger', with the box's own key; it\n" \
	"runs as the user of weir-hold.  'weir-sender run' does it once a day.\n"

/*
 * What an officer may see of a bundle that waits: who stands for it, under which rules it passed, and the
 * members of its manifest.  Opening gives 0, or an exit code after saying why; then it is printed, or put
 * into an object.
 */
struct officer_options {
	const char *key;
	const char *reading;
	const char *person;
	const char *passphrase_file;
	const char *config;
	const char *keyword;
};
struct decision;
int outbox_open_case(struct decision **out, const struct officer_options *options);
void outbox_show_case(const struct decision *decision, struct json *json);
void outbox_close_case(struct decision *decision); /* NULL is fine */

extern const char outbox_list_help[], outbox_show_help[], outbox_approve_help[], outbox_refuse_help[];
extern const char outbox_resend_help[], outbox_purge_help[];
int outbox_resend(int argc, char **argv);
int outbox_purge(int argc, char **argv);
int outbox_approve(int argc, char **argv);
int outbox_refuse(int argc, char **argv);

/* Loads the configuration from --config, WEIR_CONFIG or the default.  0, or an exit code after saying why. */
int outbox_config(struct config *out, const char *config_path);

/*
 * The person's means of signing: what --key names, else WEIR_KEY, else ~/.weir/person.key.  person: whose it
 * must be, or NULL.  0, or an exit code after saying why.
 */
int outbox_signer(struct signer **out, const char *key, const char *person, const char *passphrase_file);

/* Completes the order about what was found, whose kind and rows are the caller's, and signs it.  As signer_sign. */
int outbox_sign_order(struct resendorder *order, struct signer *signer, const struct local_resend_found *found);

/* Says that nobody listens or answers at this socket, with the next step; an exit code. */
int outbox_cannot_reach(int result, const char *program, const char *runtime, const char *socket);
/*
 * Whether a push ended with this result, about submit_where, because nobody took it in time; then it has been said, with
 * the next step.
 */
bool outbox_is_unanswered(int result, const char *where);

#endif
