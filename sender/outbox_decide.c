/*
 * weir-outbox approve and refuse: an officer's decision on what waits.  Nothing is approved that was not opened
 * and compared with what the person who pushed it signed.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "asking.h"
#include "common/command.h"
#include "common/contents.h"
#include "common/json.h"
#include "common/text.h"
#include "common/verdict.h"
#include "outbox.h"
#include "setup.h"

const char outbox_approve_help[] =
	"  --key FILE              the officer's key; else WEIR_KEY, else ~/.weir/person.key\n"
	"  --reading FILE          the key file that opens the manifest, when --key is a token\n"
	"  --person NAME           refuse unless the key is this person's\n"
	"  --passphrase-file FILE  the key's passphrase in its first line; else WEIR_PASSPHRASE_FILE, else asked\n"
	"  --json                  print the result as JSON\n"
	"  --config FILE           else WEIR_CONFIG, else /etc/weir/sender.conf\n"
	"\n"
	"What is approved is opened and compared with what was pushed first; 'show --key' prints all of it.\n";

const char outbox_refuse_help[] =
	"  --reason TEXT           why, for who pushed it and for the ledger; needed\n"
	"  --key FILE              the officer's key; else WEIR_KEY, else ~/.weir/person.key\n"
	"  --person NAME           refuse unless the key is this person's\n"
	"  --passphrase-file FILE  the key's passphrase in its first line; else WEIR_PASSPHRASE_FILE, else asked\n"
	"  --json                  print the result as JSON\n"
	"  --config FILE           else WEIR_CONFIG, else /etc/weir/sender.conf\n"
	"\n"
	"What is refused is removed from the spool at once; who pushed it has to push again.\n";

struct options {
	struct officer_options officer;
	const char *reason;
	bool json;
};

struct decision {
	struct options options;
	struct config config;
	struct signer *signer;
	struct signer *reading; /* NULL: the signer's own */
	struct casefile *file;
	struct manifest manifest;
	struct local_item after;
	bool is_there; /* still in the spool */
};

static int parse_options(struct options *out, int argc, char **argv, const char *allowed)
{
	static const struct option table[] = {
		{"key", required_argument, NULL, 'k'},
		{"reading", required_argument, NULL, 'e'},
		{"person", required_argument, NULL, 'p'},
		{"passphrase-file", required_argument, NULL, 'f'},
		{"reason", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'},
		{"config", required_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	const char **const values[] = {&out->officer.key,	&out->officer.reading,
				       &out->officer.person,	&out->officer.passphrase_file,
				       &out->reason,		&out->officer.config};
	static const char letters[] = "kepfrc";
	optind = 0;
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		const char *letter = c == '?' ? NULL : strchr(letters, c);
		if (c == 'j')
			out->json = true;
		else if (letter == NULL || strchr(allowed, c) == NULL)
			return command_usage("an option is unknown or lacks its value");
		else
			*values[letter - letters] = optarg;
	}
	if (argc - optind != 1)
		return command_usage("it needs one push id");
	out->officer.keyword = argv[optind];
	return 0;
}

static int fail(const struct decision *d, int result, const struct local_refused *refused)
{
	char escaped[256];
	text_escape_name(escaped, sizeof(escaped), d->options.officer.keyword);
	if (result == refused->result || result > 0)
		return command_fail(result, "'%s'", escaped);
	return outbox_cannot_reach(result, "weir-hold", d->config.runtime, CONTROL_SOCKET);
}

static int fetch(struct decision *d)
{
	char keyword[LOCAL_KEYWORD_BYTES];
	struct local_refused refused = {0};
	const char *given = d->options.officer.keyword;
	if (local_show_decode(keyword, (const uint8_t *)given, strlen(given)) != 0)
		return fail(d, VERDICT_BAD_NAME, &refused);
	int result = casefile_fetch(&d->file, d->config.runtime, keyword, &refused);
	return result == 0 ? 0 : fail(d, result, &refused);
}

/* The manifest, by the officer's own reading key: nobody approves what they could not see. */
static int look(struct decision *d)
{
	uint8_t secret[SUITE_KEY_BYTES];
	const struct key *key = signer_key(d->reading != NULL ? d->reading : d->signer);
	if (key == NULL) {
		command_say("a token cannot open the manifest; name the key file that can with --reading FILE");
		return EXIT_USAGE;
	}
	struct card officer = *signer_card(d->signer);
	memcpy(officer.second, key->card.second, SUITE_KEY_BYTES);
	key_reading_secret(secret, key);
	int result = casefile_open(&d->manifest, d->file, &officer, secret);
	suite_wipe(secret, sizeof(secret));
	return result == 0 ? 0 : fail(d, result, &(struct local_refused){.result = result});
}

static void take_after(void *context, const struct local_item *item)
{
	struct decision *d = context;
	d->after = *item;
	d->is_there = true;
}

static int send_decision(struct decision *d, enum local_type type, const void *payload, size_t len)
{
	struct local_refused refused = {0};
	int result = asking_decide(d->config.runtime, type, payload, len, take_after, d, &refused);
	return result == 0 ? 0 : fail(d, result, &refused);
}

/* What a machine pushed beyond its order: the person who answers for it signs the push itself. */
static int countersign(struct decision *d)
{
	uint8_t bytes[STATEMENT_BYTES], payload[LOCAL_APPROVE_MAX];
	const struct statement *statement = &d->file->about.statement;
	struct local_approve approve = {.approval = {.type = ENDORSEMENT_PUSH}};
	memcpy(approve.push_id, statement->push_id, PUSH_ID_BYTES);
	statement_encode(bytes, statement);
	int result = signer_sign(d->signer, &approve.approval.signature, push_domain, bytes,
				 sizeof(bytes));
	if (result != 0)
		return command_fail(result, "cannot sign");
	return send_decision(d, LOCAL_APPROVE, payload, local_approve_encode(payload, &approve));
}

static void take_waits(void *context, const struct local_item *item)
{
	enum waits *waits = context;
	*waits = item->waits;
}

/* Who answers for a machine may be an officer, too: what it waits for tells which signature it lacks. */
static bool is_for_person(const struct decision *d)
{
	char push_id[2 * PUSH_ID_BYTES + 1];
	struct local_refused refused = {0};
	enum waits waits = WAITS_NOT;
	const struct statement *statement = &d->file->about.statement;
	text_hex(push_id, sizeof(push_id), statement->push_id, PUSH_ID_BYTES);
	return strcmp(signer_card(d->signer)->name, statement->person) == 0 &&
	       asking_list(d->config.runtime, push_id, take_waits, &waits, &refused) == 0 &&
	       waits == WAITS_FOR_PERSON;
}

static int approve(struct decision *d)
{
	uint8_t decision[DECISION_BYTES], payload[LOCAL_APPROVE_MAX];
	const struct statement *statement = &d->file->about.statement;
	const struct card *card = signer_card(d->signer);
	struct local_approve approve = {
		.approval = {.type = ENDORSEMENT_APPROVAL, .at = (uint64_t)time(NULL)},
	};
	memcpy(approve.push_id, statement->push_id, PUSH_ID_BYTES);
	memcpy(approve.approval.person, card->name, NAME_BYTES);
	memcpy(approve.approval.key_id, card->id, KEY_ID_BYTES);
	decision_encode(decision, statement, card->name, card->id, approve.approval.at);
	int result = signer_sign(d->signer, &approve.approval.signature, approval_domain, decision,
				 sizeof(decision));
	if (result != 0)
		return command_fail(result, "cannot sign");
	return send_decision(d, LOCAL_APPROVE, payload, local_approve_encode(payload, &approve));
}

static int deny(struct decision *d)
{
	uint8_t bytes[REFUSAL_SIGNED_MAX], payload[LOCAL_DENY_MAX];
	const struct statement *statement = &d->file->about.statement;
	const struct card *card = signer_card(d->signer);
	struct local_deny deny = {.refusal = {.at = (uint64_t)time(NULL)}};
	struct refusal *refusal = &deny.refusal;
	memcpy(deny.push_id, statement->push_id, PUSH_ID_BYTES);
	memcpy(refusal->person, card->name, NAME_BYTES);
	memcpy(refusal->key_id, card->id, KEY_ID_BYTES);
	snprintf(refusal->reason, sizeof(refusal->reason), "%s", d->options.reason);
	size_t len = refusal_signed(bytes, statement, refusal);
	int result = signer_sign(d->signer, &refusal->signature, refusal_domain, bytes, len);
	if (result != 0)
		return command_fail(result, "cannot sign");
	return send_decision(d, LOCAL_DENY, payload, local_deny_encode(payload, &deny));
}

static int print_result(const struct decision *d, const char *verb)
{
	char push_id[2 * PUSH_ID_BYTES + 1], size[32], members[32], records[32];
	const struct statement *statement = &d->file->about.statement;
	const struct local_item *after = &d->after;
	text_hex(push_id, sizeof(push_id), statement->push_id, PUSH_ID_BYTES);
	if (d->options.json) {
		struct json *json = json_object_new();
		json_set_text(json, "push_id", push_id);
		json_set_text(json, "decision", verb);
		json_set_text(json, "person", signer_card(d->signer)->name);
		json_set_text(json, "route", statement->route);
		json_set_text(json, "pushed_by", statement->person);
		json_set_text(json, "state", d->is_there ? local_state_name(after->state) : "removed");
		json_set_text(json, "name", d->is_there && after->name[0] != 0 ? after->name : NULL);
		json_set_text(json, "held_for", after->held_for == 0  ? NULL
						: after->held_for > 0 ? verdict_name(after->held_for)
								      : "environment");
		json_set_number(json, "approvals", after->approvals);
		json_set_number(json, "quorum", after->quorum);
		int result = json_print(json, stdout);
		json_free(json);
		return result == 0 ? EXIT_DONE : command_fail(result, "cannot print the result");
	}
	printf("%s %s: route %s, pushed by %s", verb, push_id, statement->route, statement->person);
	if (d->manifest.member_count > 0)
		printf(" (%s, %s member%s, %s records)",
		       text_size(size, sizeof(size), d->manifest.content_len),
		       text_count(members, sizeof(members), d->manifest.member_count),
		       d->manifest.member_count == 1 ? "" : "s",
		       text_count(records, sizeof(records), d->manifest.records));
	if (!d->is_there)
		printf("; removed from the spool\n");
	else if (after->state == LOCAL_WAITING)
		printf("; it has %u of %u approvals and waits for %s\n", (unsigned int)after->approvals,
		       (unsigned int)after->quorum,
		       after->waits == WAITS_FOR_PERSON ? "the person who answers for it" : "more");
	else if (after->name[0] != 0)
		printf("; released as %s\n", after->name);
	else
		printf("; it has %u of %u approvals, and is held all the same: %s [%s]\n",
		       (unsigned int)after->approvals, (unsigned int)after->quorum,
		       verdict_explain(after->held_for),
		       after->held_for > 0 ? verdict_name(after->held_for) : "environment");
	return EXIT_DONE;
}

static void end(struct decision *d)
{
	manifest_free(&d->manifest);
	casefile_free(d->file);
	signer_free(d->reading);
	signer_free(d->signer);
}

static int start(struct decision *d)
{
	int code = outbox_config(&d->config, d->options.officer.config);
	if (code == 0)
		code = outbox_signer(&d->signer, d->options.officer.key, d->options.officer.person,
				     d->options.officer.passphrase_file);
	if (code == 0 && d->options.officer.reading != NULL)
		code = signer_open(&d->reading, KEY_PERSON, d->options.officer.reading, NULL,
				   d->options.officer.passphrase_file);
	return code != 0 ? code : fetch(d);
}

int outbox_approve(int argc, char **argv)
{
	struct decision d = {.file = NULL};
	int code = parse_options(&d.options, argc, argv, "kepfc");
	if (code == 0)
		code = start(&d);
	/* who answers for a machine knows what it pushes; officers look */
	bool countersigns = code == 0 && is_for_person(&d);
	if (code == 0 && !countersigns)
		code = look(&d);
	if (code == 0)
		code = countersigns ? countersign(&d) : approve(&d);
	if (code == 0)
		code = print_result(&d, "approved");
	end(&d);
	return code;
}

/* One line of text that fits. */
static int check_reason(const char *reason)
{
	if (reason == NULL || reason[0] == 0)
		return command_usage("--reason is missing: say why, for who pushed it");
	size_t len = strlen(reason);
	if (len > REASON_BYTES_MAX || !text_is_utf8(reason, len))
		return command_usage("--reason is UTF-8 text of at most %d bytes", REASON_BYTES_MAX);
	return 0;
}

int outbox_refuse(int argc, char **argv)
{
	struct decision d = {.file = NULL};
	int code = parse_options(&d.options, argc, argv, "kpfrc");
	if (code == 0)
		code = check_reason(d.options.reason);
	if (code == 0)
		code = start(&d);
	if (code == 0)
		code = deny(&d);
	if (code == 0)
		code = print_result(&d, "refused");
	end(&d);
	return code;
}

static void show_approvals(const struct decision *d, struct json *json)
{
	struct endorsement e;
	size_t at = 0;
	char time_text[40];
	struct json *array = json != NULL ? json_array_new() : NULL;
	while (endorsements_next(&d->file->about.dossier.endorsements, &at, &e)) {
		if (e.type != ENDORSEMENT_APPROVAL)
			continue;
		text_time(time_text, sizeof(time_text), e.at);
		if (json != NULL) {
			struct json *object = json_object_new();
			json_set_text(object, "person", e.person);
			json_set_text(object, "at", time_text);
			json_append(array, object);
		} else {
			printf("approved by   %s, %s\n", e.person, time_text);
		}
	}
	if (json != NULL)
		json_set_child(json, "approved_by", array);
}

int outbox_open_case(struct decision **out, const struct officer_options *options)
{
	struct decision *d = calloc(1, sizeof(*d));
	if (d == NULL)
		return command_fail(-ENOMEM, "cannot show it");
	d->options.officer = *options;
	int code = start(d);
	if (code == 0)
		code = look(d);
	if (code == 0)
		*out = d;
	else
		outbox_close_case(d);
	return code;
}

void outbox_close_case(struct decision *d)
{
	if (d == NULL)
		return;
	end(d);
	free(d);
}

void outbox_show_case(const struct decision *d, struct json *json)
{
	const struct statement *statement = &d->file->about.statement;
	const char *rules = statement->guard == GUARD_PASSED ? "passed" : "none";
	const char *scan = statement->scan == SCAN_CLEAN ? "clean" : "not asked for";
	show_approvals(d, json);
	if (json != NULL) {
		json_set_text(json, "content_rules", rules);
		json_set_number(json, "policy_version", statement->policy_version);
		json_set_text(json, "virus_scan", scan);
		json_set_child(json, "contents", contents_json(&d->manifest));
		return;
	}
	printf("content rules %s, policy version %" PRIu64 "\n", rules, statement->policy_version);
	printf("virus scan    %s\n", scan);
	contents_print(&d->manifest);
}
