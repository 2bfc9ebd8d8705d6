#include "ledgerevent.h"

#include <string.h>

/* In the order of LEDGER.md 6; a test compares. */
static const struct {
	const char *event;
	const char *phrase;
} table[] = {
	/* the box */
	{"start", "the box started"},
	{"stop", "the box stopped"},
	{"alarm", "alarm"},
	{"registry.loaded", "a registry was loaded"},
	{"registry.queued", "a registry is to cross the link"},
	{"key.loaded", "a key was loaded"},
	{"command", "a command was given"},
	/* the ledger itself */
	{"checkpoint", "the box signed its ledger"},
	{"rotate", "the ledger goes on in a new file"},
	{"trimmed", "entries older than the retention were removed"},
	{"repaired", "an entry that a crash had cut short was removed"},
	{"witness", "the other box's ledger was heard of"},
	/* the sender */
	{"push.accepted", "a push was accepted"},
	{"push.refused", "a push was refused"},
	{"approve", "a bundle was approved"},
	{"refuse", "a bundle was refused by an officer"},
	{"order.loaded", "a standing order was loaded"},
	{"order.revoked", "a standing order was revoked"},
	{"decision", "all is there that the route demands"},
	{"release", "a bundle was released"},
	{"held", "a bundle stays held"},
	{"found", "a bundle lay in the spool at the start"},
	{"sent", "a bundle was sent in all its passes"},
	{"removed", "a bundle was removed from the spool"},
	/* the receiver */
	{"named", "a bundle was named by the sender"},
	{"verified", "a bundle was found right, and is about to be delivered"},
	{"delivered", "a bundle was delivered into the vault"},
	{"delivery.refused", "a bundle that arrived was refused"},
	{"opened", "a recipient opened a bundle elsewhere, by its receipt"},
	{"destroyed", "a bundle was destroyed in the vault"},
	{"destroyed.elsewhere", "a recipient destroyed what it had opened, by its receipt"},
};

const char *ledger_event_phrase(const char *event, size_t len)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strlen(table[i].event) == len && memcmp(table[i].event, event, len) == 0)
			return table[i].phrase;
	return NULL;
}
