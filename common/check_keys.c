#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "expiry.h"
#include "key.h"
#include "text.h"
#include "verdict.h"

/* Nothing is wrong yet. */
static void add_soon(void *context, const char *text)
{
	const struct check *check = context;
	finding_type(report_add(check->report, FINDING_REGISTRY_EXPIRY, FINDING_AMBER, "%s", text),
		     "have the registry renewed, and install it on this box; weir-registry(5) says how");
}

void check_registry(const struct check *check, const struct registry *registry)
{
	char name[2 * NAME_BYTES], expires[32];
	uint64_t now = (uint64_t)time(NULL);
	finding_type(report_result(check->report, FINDING_REGISTRY, registry_check(registry, now),
				   "%s, version %" PRIu64 ", expires %s",
				   text_escape_name(name, sizeof(name), registry_name(registry)),
				   registry_version(registry), text_time(expires, sizeof(expires), registry_expires(registry))),
		     "have it renewed, and install it here; date -u shows whether the clock is right");
	if (expiry_list(registry, now, add_soon, (void *)(uintptr_t)check) == 0)
		report_add(check->report, FINDING_REGISTRY_EXPIRY, FINDING_GREEN, "nothing ends within 30 days");
}

/* An unprotected one as a daemon would. */
static int load(struct card *card, const char *path, bool *needs_passphrase)
{
	struct key *key = NULL;
	int result = key_load_card(card, path, needs_passphrase);
	if (result == 0 && !*needs_passphrase)
		result = key_load(&key, path, NULL);
	key_free(key);
	return result;
}

void check_key(const struct check *check, enum finding_id id, const char *path, enum key_kind kind,
	       const uint8_t *wanted_public)
{
	struct card card;
	char shown[2 * CONFIG_PATH_BYTES], fingerprint[FINGERPRINT_BYTES];
	bool needs_passphrase = false;
	int result = load(&card, path, &needs_passphrase);
	text_escape_name(shown, sizeof(shown), path);
	if (result == 0 && (card.kind != kind || (wanted_public != NULL &&
						 memcmp(card.public_key, wanted_public, SUITE_KEY_BYTES) != 0)))
		result = VERDICT_WRONG_KEY;
	if (result != 0) {
		finding_type(report_result(check->report, id, result, "%s", shown), "ls -l '%s'; weir-%s key show '%s'",
			     shown, check->config->side == CONFIG_SENDER ? "outbox" : "inbox", shown);
		return;
	}
	card_fingerprint(fingerprint, &card);
	if (needs_passphrase)
		finding_type(report_add(check->report, id, FINDING_RED, "%s is under a passphrase, which a daemon cannot type",
					shown), "have a key without one made: key new --unprotected");
	else
		report_add(check->report, id, FINDING_GREEN, "%s '%s', fingerprint %s", key_kind_name(card.kind), card.name,
			   fingerprint);
}
