#include "rules.h"

#include <errno.h>
#include <inttypes.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { COMMAND_BYTES = 512, LISTING_BYTES_MAX = 65536 };

struct rules {
	const struct config *config;
	struct nft_ctx *nft;
	const char *table, *other;
	char *loaded; /* the listing right after rules_load; NULL: not loaded */
	char failure[LAYER_TEXT_BYTES / 2];
};

/*
 * Before anything else of its hook, whatever else is there.  The rule drops as well as the policy, since in the
 * transaction that puts this table in place of an earlier one neither does for all of it: the kernel gives a new chain
 * its policy last, when the earlier chain is gone already, and its rules first.  What the earlier chain meets without
 * rules has its policy.
 */
static const char sender_rules[] =
	"add table netdev weir_sender\n"
	"delete table netdev weir_sender\n"
	"table netdev weir_sender {\n"
	"	counter back { packets %" PRIu64 " bytes %" PRIu64 " }\n"
	"	chain in { type filter hook ingress device \"%s\" priority -500; policy drop; counter name back drop; }\n"
	"}\n";
static const char receiver_rules[] =
	"add table netdev weir_receiver\n"
	"delete table netdev weir_receiver\n"
	"table netdev weir_receiver {\n"
	"	counter back { packets %" PRIu64 " bytes %" PRIu64 " }\n"
	"	chain out { type filter hook egress device \"%s\" priority -500; policy drop; counter name back drop; }\n"
	"}\n";

int rules_new(struct rules **out, const struct config *config)
{
	struct rules *rules = calloc(1, sizeof(*rules));
	if (rules == NULL)
		return -ENOMEM;
	bool is_sender = config->side == CONFIG_SENDER;
	rules->config = config;
	rules->table = is_sender ? "weir_sender" : "weir_receiver";
	rules->other = is_sender ? "weir_receiver" : "weir_sender";
	rules->nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (rules->nft == NULL || nft_ctx_buffer_output(rules->nft) != 0 || nft_ctx_buffer_error(rules->nft) != 0) {
		rules_free(rules);
		return -ENOMEM;
	}
	*out = rules;
	return 0;
}

void rules_free(struct rules *rules)
{
	if (rules == NULL)
		return;
	if (rules->nft != NULL)
		nft_ctx_free(rules->nft);
	free(rules->loaded);
	free(rules);
}

const char *rules_failure(const struct rules *rules)
{
	return rules->failure;
}

/* The first line of what nft says: below it shows where in our text. */
static void note_failure(struct rules *rules)
{
	static const char head[] = "Error: ";
	const char *said = nft_ctx_get_error_buffer(rules->nft);
	const char *at = said == NULL ? NULL : strstr(said, head);
	at = at == NULL ? "nft says nothing" : at + strlen(head);
	snprintf(rules->failure, sizeof(rules->failure), "%.*s", (int)strcspn(at, "\n"), at);
}

/* What nft answers stays until the next command. */
static int run(struct rules *rules, const char *command, bool is_stateless, const char **answer)
{
	nft_ctx_output_set_flags(rules->nft, is_stateless ? NFT_CTX_OUTPUT_STATELESS : 0);
	rules->failure[0] = 0;
	if (nft_run_cmd_from_buffer(rules->nft, command) != 0) {
		note_failure(rules);
		return -EIO;
	}
	const char *text = nft_ctx_get_output_buffer(rules->nft);
	if (answer != NULL)
		*answer = text == NULL ? "" : text;
	return 0;
}

/* Whether this table is there: 1, 0 or -EIO. */
static int has_table(struct rules *rules, const char *table)
{
	const char *answer;
	char line[64];
	int result = run(rules, "list tables netdev", true, &answer);
	if (result != 0)
		return result;
	int len = snprintf(line, sizeof(line), "table netdev %s", table);
	for (const char *at = answer; (at = strstr(at, line)) != NULL; at += len)
		if (at[len] == '\n' || at[len] == 0)
			return 1;
	return 0;
}

static int list_table(struct rules *rules, const char *table, const char **answer)
{
	char command[64];
	snprintf(command, sizeof(command), "list table netdev %s", table);
	return run(rules, command, true, answer);
}

/* ---- what nft lists ---- */

/* The number behind this word. */
static bool parse_behind(uint64_t *out, const char *text, const char *word)
{
	char number[24];
	const char *at = strstr(text, word);
	size_t len = at == NULL ? 0 : strspn(at + strlen(word), "0123456789");
	if (len == 0 || len >= sizeof(number))
		return false;
	memcpy(number, at + strlen(word), len);
	number[len] = 0;
	return text_parse_u64(out, number, UINT64_MAX) == 0;
}

bool rules_parse_counter(const char *text, uint64_t *packets, uint64_t *bytes)
{
	return parse_behind(packets, text, "packets ") && parse_behind(bytes, text, " bytes ");
}

/* "device "x" priority", or "devices = { "y", "x" } priority". */
bool rules_name_interface(const char *text, const char *interface)
{
	char quoted[2 * LINK_NAME_BYTES];
	snprintf(quoted, sizeof(quoted), "\"%s\"", interface);
	for (const char *at = text; (at = strstr(at, " hook ")) != NULL;) {
		size_t len = strcspn(at, "\n");
		const char *found = strstr(at, quoted);
		if (found != NULL && found < at + len)
			return true;
		at += len;
	}
	return false;
}

static int read_counter(struct rules *rules, uint64_t *packets, uint64_t *bytes)
{
	char command[64];
	const char *answer;
	int has = has_table(rules, rules->table);
	if (has <= 0)
		return has < 0 ? has : -ENOENT;
	snprintf(command, sizeof(command), "list counters table netdev %s", rules->table);
	int result = run(rules, command, false, &answer);
	if (result == 0 && !rules_parse_counter(answer, packets, bytes))
		return -ENOENT;
	return result;
}

int rules_frames(struct rules *rules, uint64_t *frames)
{
	uint64_t bytes;
	return read_counter(rules, frames, &bytes);
}

/* ---- loading ---- */

static int keep_listing(struct rules *rules)
{
	const char *answer;
	int result = list_table(rules, rules->table, &answer);
	if (result != 0)
		return result;
	if (!rules_name_interface(answer, rules->config->interface)) {
		snprintf(rules->failure, sizeof(rules->failure), "nft lists another table than was loaded");
		return -EIO;
	}
	rules->loaded = strndup(answer, LISTING_BYTES_MAX);
	return rules->loaded == NULL ? -ENOMEM : 0;
}

int rules_load(struct rules *rules)
{
	uint64_t packets = 0, bytes = 0;
	char command[COMMAND_BYTES];
	bool is_sender = rules->config->side == CONFIG_SENDER;
	free(rules->loaded);
	rules->loaded = NULL;
	int result = read_counter(rules, &packets, &bytes);
	if (result != 0 && result != -ENOENT)
		return result;
	/* the name is of letters, digits and ._-@ (config.c) */
	snprintf(command, sizeof(command), is_sender ? sender_rules : receiver_rules, packets, bytes,
		 rules->config->interface);
	result = run(rules, command, true, NULL);
	return result == 0 ? keep_listing(rules) : result;
}

/* ---- looking ---- */

static int look_at_ours(struct rules *rules, struct link_reading *reading)
{
	const char *answer;
	reading->rules = RULES_GONE;
	int has = has_table(rules, rules->table);
	if (has <= 0)
		return has;
	int result = list_table(rules, rules->table, &answer);
	if (result != 0)
		return result;
	reading->rules = strcmp(answer, rules->loaded) == 0 ? RULES_LOADED : RULES_CHANGED;
	return 0;
}

static int look_for_other(struct rules *rules, struct link_reading *reading)
{
	const char *answer;
	int has = has_table(rules, rules->other);
	if (has <= 0)
		return has;
	int result = list_table(rules, rules->other, &answer);
	if (result == 0)
		reading->has_other_rules = rules_name_interface(answer, rules->config->interface);
	return result;
}

int rules_look(struct rules *rules, struct link_reading *reading)
{
	char failure[sizeof(rules->failure)];
	if (rules->loaded == NULL) {
		reading->rules = RULES_NOT_LOADED;
		memcpy(reading->rules_failure, rules->failure, sizeof(failure));
		memcpy(failure, rules->failure, sizeof(failure));
		int result = look_for_other(rules, reading);
		memcpy(rules->failure, failure, sizeof(failure)); /* why they are not loaded is said again and again */
		return result;
	}
	int result = look_at_ours(rules, reading);
	return result == 0 ? look_for_other(rules, reading) : result;
}
