/* An entry before it has its place in a ledger. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledgerparts.h"
#include "text.h"
#include "verdict.h"

/* Keys and events are ours, not input. */
static bool key_is_valid(const char *key)
{
	static const char *const taken[] = {"n", "at", "before", "event",
					    "result", "who", "signature"};
	size_t len = strlen(key);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcmp(key, taken[i]) == 0)
			return false;
	return len >= 1 && len <= LEDGER_KEY_MAX && key[0] >= 'a' && key[0] <= 'z' &&
	       strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static bool event_is_valid(const char *event)
{
	size_t len = strlen(event);
	return len >= 1 && len <= LEDGER_EVENT_MAX && event[0] >= 'a' && event[0] <= 'z' &&
	       strspn(event, "abcdefghijklmnopqrstuvwxyz0123456789-.") == len;
}

struct ledger_entry *ledger_entry_new(const char *event, int result)
{
	assert(event_is_valid(event));
	struct ledger_entry *entry = malloc(sizeof(*entry));
	if (entry == NULL)
		return NULL;
	*entry = (struct ledger_entry){.json = json_object_new()};
	json_set_text(entry->json, "event", event);
	json_set_text(entry->json, "result", result < 0 ? "environment" : verdict_name(result));
	if (result < 0)
		ledger_set_text(entry, "error", strerror(-result));
	return entry;
}

void ledger_entry_free(struct ledger_entry *entry)
{
	if (entry == NULL)
		return;
	json_free(entry->json);
	free(entry);
}

/* Escaped, and cut where it is too long, so that no caller's input makes an entry that does not fit. */
static void set_escaped(struct json *json, const char *key, const char *text)
{
	enum { TAKEN = LEDGER_TEXT_MAX + 1 };
	static const char mark[] = "…";
	char escaped[4 * TAKEN + 1];
	if (text == NULL) {
		json_set_text(json, key, NULL);
		return;
	}
	size_t len = strnlen(text, TAKEN);
	text_escape(escaped, sizeof(escaped), text, len);
	if (strlen(escaped) > LEDGER_TEXT_MAX) {
		text_escape(escaped, LEDGER_TEXT_MAX + 2 - sizeof(mark), text, len);
		memcpy(escaped + strlen(escaped), mark, sizeof(mark));
	}
	json_set_text(json, key, escaped);
}

void ledger_set_who(struct ledger_entry *entry, const struct ledger_who *who)
{
	if (entry == NULL)
		return;
	struct json *object = json_object_new();
	if (who->person != NULL)
		set_escaped(object, "person", who->person);
	if (who->key_id != NULL)
		json_set_hex(object, "key", who->key_id, KEY_ID_BYTES);
	if (who->has_peer) {
		json_set_number(object, "uid", who->uid);
		json_set_signed(object, "pid", who->pid);
	}
	json_set_child(entry->json, "who", object);
}

void ledger_set_text(struct ledger_entry *entry, const char *key, const char *text)
{
	assert(key_is_valid(key));
	if (entry != NULL)
		set_escaped(entry->json, key, text);
}

void ledger_set_number(struct ledger_entry *entry, const char *key, uint64_t number)
{
	assert(key_is_valid(key));
	if (entry != NULL)
		json_set_number(entry->json, key, number);
}

void ledger_set_bool(struct ledger_entry *entry, const char *key, bool value)
{
	assert(key_is_valid(key));
	if (entry != NULL)
		json_set_bool(entry->json, key, value);
}

void ledger_set_hex(struct ledger_entry *entry, const char *key, const uint8_t *data, size_t len)
{
	assert(key_is_valid(key));
	if (entry != NULL)
		json_set_hex(entry->json, key, data, len);
}

void ledger_set_time(struct ledger_entry *entry, const char *key, uint64_t time_s)
{
	assert(key_is_valid(key));
	if (entry != NULL)
		json_set_time(entry->json, key, time_s);
}

void ledger_set_head(struct ledger_entry *entry, const char *box, const struct ledger_head *head)
{
	ledger_set_text(entry, "box", box);
	ledger_set_number(entry, "head", head->n);
	ledger_set_hex(entry, "hash", head->hash, SUITE_DIGEST_BYTES);
}

void ledger_set_urgent(struct ledger_entry *entry)
{
	if (entry != NULL)
		entry->is_urgent = true;
}
