#include "inbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/contents.h"
#include "common/endorsement.h"
#include "common/io.h"
#include "common/openbundle.h"
#include "common/text.h"
#include "common/verdict.h"

/* One thing to tell, in both forms.  `key` is also the label, with blanks for underlines. */
struct teller {
	struct json *json; /* NULL: for a person's eye */
};

static void tell(const struct teller *teller, const char *key, const char *value)
{
	if (teller->json != NULL) {
		json_set_text(teller->json, key, value);
		return;
	}
	char label[32];
	snprintf(label, sizeof(label), "%s", key);
	for (char *p = label; *p != 0; p++)
		*p = *p == '_' ? ' ' : *p;
	printf("%-18s %s\n", label, value);
}

static void tell_time(const struct teller *teller, const char *key, uint64_t time_s)
{
	char text[40];
	tell(teller, key, text_time(text, sizeof(text), time_s));
}

static void tell_number(const struct teller *teller, const char *key, uint64_t number)
{
	char text[40];
	if (teller->json != NULL)
		json_set_number(teller->json, key, number);
	else
		tell(teller, key, text_count(text, sizeof(text), number));
}

static void tell_hex(const struct teller *teller, const char *key, const uint8_t *data, size_t len)
{
	char text[2 * SUITE_DIGEST_BYTES + 1];
	tell(teller, key, text_hex(text, sizeof(text), data, len));
}

/* A party with the fingerprint that two people compare. */
static void tell_party(const struct teller *teller, const char *key, const char *name,
		       const struct party *party)
{
	char text[128], fingerprint[FINGERPRINT_BYTES] = "";
	if (party != NULL)
		card_fingerprint(fingerprint, &party->card);
	if (teller->json != NULL) {
		snprintf(text, sizeof(text), "%s_fingerprint", key);
		json_set_text(teller->json, key, name);
		json_set_text(teller->json, text, party != NULL ? fingerprint : NULL);
		return;
	}
	snprintf(text, sizeof(text), "%s, %s", name,
		 party != NULL ? fingerprint : "which the registry does not name");
	tell(teller, key, text);
}

static void tell_release(const struct teller *teller, const struct subject *s)
{
	char text[64];
	const struct release *r = unpack_release(s->unpack);
	const struct statement *statement = &r->statement;
	bool is_open = open_is(statement);
	tell(teller, "name", s->name);
	tell(teller, "kind", is_open ? "registry" : "records");
	tell(teller, "route", statement->route);
	tell_number(teller, "route_id", r->route_id);
	tell_number(teller, "number", r->number);
	snprintf(text, sizeof(text), "%016" PRIx64, r->epoch);
	tell(teller, "epoch", text);
	tell_hex(teller, "push_id", statement->push_id, PUSH_ID_BYTES);
	tell_party(teller, "person", statement->person,
		   registry_pusher(s->registry, statement->person, statement->person_key));
	tell_party(teller, "box", r->box,
		   registry_party_by_key(s->registry, KEY_SENDER, r->box_key));
	tell_time(teller, "created", statement->created);
	tell_time(teller, "released", r->released_at);
	tell_time(teller, "destroy_by", statement->destroy_by);
	tell_number(teller, "policy_version", statement->policy_version);
	tell(teller, "content_rules", statement->guard == GUARD_PASSED ? "passed" : "none");
	tell(teller, "virus_scan", statement->scan == SCAN_CLEAN ? "clean" : "not asked for");
	tell_hex(teller, "tree_root", statement->root, SUITE_DIGEST_BYTES);
	tell_number(teller, "segments", statement->segments);
	tell_number(teller, "object_bytes", bundle_object_len(statement));
	tell_number(teller, "row_bytes", r->row_len);
	snprintf(text, sizeof(text), "%u source, %u repair", r->source_rows, r->repair_rows);
	tell(teller, "rows", text);
	tell_number(teller, "sealed_under", statement->registry_version);
	tell_number(teller, "registry_version", registry_version(s->registry));
}

/* Who released it, beside the box: officers, by name. */
static void tell_approvals(const struct teller *teller, const struct subject *s)
{
	struct endorsement e;
	size_t at = 0;
	struct json *array = teller->json != NULL ? json_array_new() : NULL;
	while (endorsements_next(unpack_endorsements(s->unpack), &at, &e)) {
		char text[128], time[40];
		if (e.type != ENDORSEMENT_APPROVAL)
			continue;
		if (array == NULL) {
			snprintf(text, sizeof(text), "%s, %s", e.person,
				 text_time(time, sizeof(time), e.at));
			tell(teller, "approved_by", text);
			continue;
		}
		struct json *object = json_object_new();
		json_set_text(object, "person", e.person);
		json_set_hex(object, "key_id", e.key_id, KEY_ID_BYTES);
		json_set_time(object, "at", e.at);
		json_append(array, object);
	}
	if (array != NULL)
		json_set_child(teller->json, "approvals", array);
}

/* Under which standing orders a machine pushed it and the box released it. */
static void tell_orders(const struct teller *teller, const struct subject *s)
{
	char text[INBOX_ORDER_BYTES];
	const struct endorsements *endorsements = unpack_endorsements(s->unpack);
	if (teller->json != NULL) {
		inbox_orders_json(teller->json, endorsements);
		return;
	}
	if (inbox_order_text(text, endorsements, ENDORSEMENT_PUSH_ORDER))
		tell(teller, "pushed_under", text);
	if (inbox_order_text(text, endorsements, ENDORSEMENT_RELEASE_ORDER))
		tell(teller, "released_under", text);
}

/* The head is part of the body, so it is read only after the tree was right. */
static int tell_recipients(const struct teller *teller, const struct subject *s)
{
	uint8_t segment[SEGMENT_BYTES];
	struct head *head = malloc(sizeof(*head));
	if (head == NULL)
		return -ENOMEM;
	int result = io_pread_exact(s->fd, segment, sizeof(segment), SEGMENT_BYTES);
	if (result == 0)
		result = head_decode(head, segment);
	struct json *array = teller->json != NULL ? json_array_new() : NULL;
	for (uint16_t i = 0; result == 0 && i < head->count; i++) {
		const uint8_t *id = head->stanzas[i].key_id;
		const struct party *party = registry_party_by_key(s->registry, KEY_RECIPIENT, id);
		char unnamed[2 * KEY_ID_BYTES + 1];
		char fingerprint[FINGERPRINT_BYTES] = "";
		const char *name = party != NULL
					   ? party->card.name
					   : text_hex(unnamed, sizeof(unnamed), id, KEY_ID_BYTES);
		if (array == NULL) {
			tell_party(teller, "recipient", name, party);
			continue;
		}
		if (party != NULL)
			card_fingerprint(fingerprint, &party->card);
		struct json *object = json_object_new();
		json_set_text(object, "name", party != NULL ? name : NULL);
		json_set_text(object, "fingerprint", party != NULL ? fingerprint : NULL);
		json_set_hex(object, "key_id", id, KEY_ID_BYTES);
		json_append(array, object);
	}
	if (array != NULL)
		json_set_child(teller->json, "recipients", array);
	free(head);
	return result;
}

static void tell_carried(const struct teller *teller, const struct registry *registry)
{
	tell(teller, "carries", registry_name(registry));
	tell_number(teller, "carries_version", registry_version(registry));
	tell_time(teller, "carries_issued", registry_issued(registry));
	tell_time(teller, "carries_expires", registry_expires(registry));
}

static void tell_manifest(const struct teller *teller, const struct manifest *m)
{
	tell_number(teller, "content_bytes", m->content_len);
	tell_number(teller, "compressed_bytes", m->stream_len);
	tell_number(teller, "records", m->records);
	tell_number(teller, "member_count", m->member_count);
	if (teller->json != NULL)
		json_set_child(teller->json, "members", contents_json(m));
	else
		contents_print(m);
}

static int show(struct subject *s, const struct inbox *inbox, const struct inbox_keys *keys,
		bool json)
{
	struct teller teller = {.json = json ? json_object_new() : NULL};
	int result = subject_read(s, inbox);
	if (result != 0) {
		json_free(teller.json);
		return subject_fail(s, result);
	}
	int code = EXIT_DONE;
	tell_release(&teller, s);
	tell_approvals(&teller, s);
	tell_orders(&teller, s);
	result = subject_verify_watched(s, -1);
	if (json)
		json_set_bool(teller.json, "verified", result == 0);
	else
		tell(&teller, "verified",
		     result == 0 ? "yes: signatures and content are right" : "NO");
	if (result == 0 && s->carried != NULL)
		tell_carried(&teller, s->carried);
	else if (result == 0)
		result = tell_recipients(&teller, s);
	if (result == 0 && s->carried == NULL && keys->recipient != NULL) {
		code = inbox_keys_check(keys, s);
		if (code == EXIT_DONE)
			result = unpack_unlock(s->unpack, keys->recipient, keys->psk->secret);
		if (code == EXIT_DONE && result == 0)
			tell_manifest(&teller, unpack_manifest(s->unpack));
	}
	if (json) {
		int printed = json_print(teller.json, stdout);
		code = printed != 0 ? command_fail(printed, "cannot print") : code;
	}
	json_free(teller.json);
	return result != 0 ? subject_fail(s, result) : code;
}

static bool wants_keys(const struct inbox_options *options)
{
	return options->key != NULL || options->psk != NULL;
}

static int prepare(struct inbox_keys *keys, const struct inbox_options *options)
{
	int code = wants_keys(options) ? inbox_keys_load(keys, options) : EXIT_DONE;
	return code == EXIT_DONE ? inbox_confine(false) : code;
}

int inbox_show(int argc, char **argv)
{
	struct inbox_options options;
	struct inbox inbox;
	struct inbox_keys keys = {NULL, NULL};
	struct subject subject;
	int code = inbox_parse(&options, argc, argv, "crkpfj");
	if (code != EXIT_DONE)
		return code;
	if (options.argument_count != 1)
		code = command_usage("say which one: BUNDLE or FILE.weir");
	if (code == EXIT_DONE)
		code = inbox_start(&inbox, &options, inbox_needs(options.arguments[0]));
	if (code == EXIT_DONE) {
		code = subject_open(&subject, &inbox, options.arguments[0]);
		if (code == EXIT_DONE)
			code = prepare(&keys, &options);
		if (code == EXIT_DONE)
			code = show(&subject, &inbox, &keys, options.json);
		subject_close(&subject);
		inbox_keys_free(&keys);
		inbox_end(&inbox, code);
	}
	inbox_options_free(&options);
	return code;
}
