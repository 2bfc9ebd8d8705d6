#include "ledgerevent.h"

#include <string.h>

/* In the order of LEDGER.md 6; a test compares. */
static const struct {
	const char *event;
	const char *phrase;
	const char *refused; /* when the result is not ok; NULL: the same */
} table[] = {
	/* the box */
	{"start", "the box started", NULL},
	{"stop", "the box stopped", NULL},
	{"alarm", "alarm", NULL},
	{"registry.loaded", "a registry was loaded",
	 "a registry was not loaded"},
	{"registry.queued", "a registry is to cross the link", NULL},
	{"key.loaded", "a key was loaded", NULL},
	{"command", "a command was given",
	 "a command was refused"},
	/* the ledger itself */
	{"checkpoint", "the box signed its ledger", NULL},
	{"rotate", "the ledger goes on in a new file", NULL},
	{"trimmed", "entries older than the retention were removed", NULL},
	{"repaired", "an entry that a crash had cut short was removed", NULL},
	{"witness", "the other box's ledger was heard of", NULL},
	/* the sender */
	{"push.accepted", "a push was accepted", NULL},
	{"push.refused", "a push was refused", NULL},
	{"approve", "a bundle was approved",
	 "an approval was refused"},
	{"refuse", "a bundle was refused by an officer",
	 "a refusal by an officer did not count"},
	{"order.loaded", "a standing order was loaded",
	 "a standing order was not loaded"},
	{"order.revoked", "a standing order was revoked",
	 "a revocation was refused"},
	{"decision", "all is there that the route demands", NULL},
	{"release", "a bundle was released", NULL},
	{"held", "a bundle stays held", NULL},
	{"found", "a bundle lay in the spool at the start, or when the ledger could be written again", NULL},
	{"sent", "a bundle was sent in all its passes", NULL},
	{"resend", "a bundle, or a part of it, is to be sent once more",
	 "nothing was sent once more"},
	{"resent", "what was asked for was sent once more", NULL},
	{"removed", "a bundle was removed from the spool",
	 "an order to remove a bundle from the spool was refused"},
	/* the receiver */
	{"named", "a bundle was named by the sender", NULL},
	{"verified", "a bundle was found right, and is about to be delivered", NULL},
	{"delivered", "a bundle was delivered into the vault", NULL},
	{"delivery.refused", "a bundle that arrived was refused", NULL},
	{"lost", "a bundle was given up as lost", NULL},
	{"lost.acknowledged", "a person took note of a loss", NULL},
	{"opened", "a recipient opened a bundle elsewhere, by its receipt",
	 "a receipt of an opening was refused"},
	{"vault.older", "the vault was put back to an older state", NULL},
	{"damaged", "a bundle in the vault was found damaged, and is wanted again", NULL},
	{"hold", "an investigation holds bundles",
	 "a hold was refused"},
	{"hold.ended", "a hold was ended",
	 "the end of a hold was refused"},
	{"purge", "bundles were ordered to be destroyed",
	 "an order to destroy bundles was refused"},
	{"destroyed", "a bundle was destroyed in the vault", NULL},
	{"destroyed.elsewhere", "a recipient destroyed what it had opened, by its receipt",
	 "a receipt of a destruction was refused"},
};

const char *ledger_event_phrase(const char *event, size_t len, bool is_done)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strlen(table[i].event) == len && memcmp(table[i].event, event, len) == 0)
			return is_done || table[i].refused == NULL ? table[i].phrase : table[i].refused;
	return NULL;
}
