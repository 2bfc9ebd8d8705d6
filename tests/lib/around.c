/*
 * around: goes round weir-outbox, or round weir-seal, with an operator's key; what comes of it is one line on
 * stdout: "accepted NAME", or the verdict and what it is about.
 *
 *   around seal SOCKET KEY ROUTE PIECE NAME=FILE…   speaks to weir-seal frame by frame, DATA in pieces of
 *       PIECE bytes; with PIECE 0 it signs a statement of its own, which says that the rules were kept
 *   around intake SOCKET REGISTRY ROOTS PSKS KEY ROUTE FILE   seals FILE itself, has the statement say that
 *       rules and scanner were passed, signs it, and hands it to weir-hold
 *
 * Exit status 0 when it was accepted, 1 when it was refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/endorsement.h"
#include "common/io.h"
#include "common/key.h"
#include "common/registry.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"
#include "sender/deposit.h"
#include "sender/local.h"
#include "sender/pack.h"

enum { FILE_MAX = 1 << 26, DAY_S = 86400 };

static _Noreturn void die(const char *what, int result)
{
	fprintf(stderr, "around: %s: %s\n", what, verdict_explain(result));
	exit(2);
}

static int tell(int result, const char *name, const char *where)
{
	char escaped[4 * LOCAL_WHERE_BYTES];
	if (result == 0)
		printf("accepted %s\n", name);
	else
		printf("%s %s\n", result > 0 ? verdict_name(result) : strerror(-result),
		       text_escape_name(escaped, sizeof(escaped), where));
	return result == 0 ? 0 : 1;
}

static struct key *load_key(const char *path)
{
	struct key *key = NULL;
	int result = key_load(&key, path, NULL);
	if (result != 0)
		die(path, result);
	return key;
}

static uint8_t *load_file(const char *path, size_t *len)
{
	uint8_t *data = NULL;
	int result = io_read_file(AT_FDCWD, path, FILE_MAX, &data, len);
	if (result != 0)
		die(path, result);
	return data;
}

static void sign_push(struct endorsement *out, const struct statement *statement, const struct key *key)
{
	uint8_t bytes[STATEMENT_BYTES];
	*out = (struct endorsement){.type = ENDORSEMENT_PUSH};
	statement_encode(bytes, statement);
	int result = signature_make(&out->signature, push_domain, bytes, sizeof(bytes), key->secret);
	if (result != 0)
		die("signing", result);
}

/* ---- weir-seal ---- */

struct talk {
	int fd;
	const struct key *key;
	struct local_push push;
	struct local_refused refused;
	size_t piece;
	bool lies;
	struct local_finish finish;
};

/* A frame of this type; a refusal is the result, and what hung up has refused before. */
static int hear(struct talk *talk, uint16_t wanted, uint8_t *payload, size_t size, size_t *len)
{
	uint16_t type;
	int result = channel_receive(talk->fd, &type, payload, size, len);
	if (result != 0)
		return result;
	if (type == LOCAL_REFUSED) {
		result = local_refused_decode(&talk->refused, payload, *len);
		return result != 0 ? result : talk->refused.result;
	}
	return type == wanted ? 0 : VERDICT_BAD_PROTOCOL;
}

static int say(struct talk *talk, uint16_t type, const void *payload, size_t len)
{
	uint8_t answer[LOCAL_REFUSED_MAX];
	size_t got;
	int result = channel_send(talk->fd, type, payload, len);
	if (result == -EPIPE || result == -ECONNRESET)
		return hear(talk, LOCAL_REFUSED, answer, sizeof(answer), &got);
	return result;
}

static int be_admitted(struct talk *talk)
{
	uint8_t bytes[LOCAL_PUSH_BYTES], challenge[LOCAL_REFUSED_MAX], proven[LOCAL_PROVEN_BYTES];
	uint8_t proof[SIGNATURE_ENCODED_MAX];
	struct signature signature;
	size_t len;
	local_push_encode(bytes, &talk->push);
	int result = say(talk, LOCAL_PUSH, bytes, sizeof(bytes));
	if (result == 0)
		result = hear(talk, LOCAL_CHALLENGE, challenge, sizeof(challenge), &len);
	if (result != 0)
		return result;
	local_proven(proven, &talk->push, challenge);
	result = signature_make(&signature, local_proof_domain, proven, sizeof(proven), talk->key->secret);
	if (result == 0)
		result = say(talk, LOCAL_PROOF, proof, local_signature_encode(proof, &signature));
	return result != 0 ? result : hear(talk, LOCAL_READY, challenge, sizeof(challenge), &len);
}

static int give_member(struct talk *talk, char *argument)
{
	struct local_member member = {.mtime_s = 0};
	uint8_t bytes[LOCAL_MEMBER_MAX], end[LOCAL_END_BYTES];
	char *path = strchr(argument, '=');
	if (path == NULL)
		die(argument, -EINVAL);
	snprintf(member.name, sizeof(member.name), "%.*s", (int)(path - argument), argument);
	size_t len;
	uint8_t *data = load_file(path + 1, &len);
	int result = say(talk, LOCAL_MEMBER, bytes, local_member_encode(bytes, &member));
	for (size_t at = 0; result == 0 && at < len; at += talk->piece)
		result = say(talk, LOCAL_DATA, data + at, len - at < talk->piece ? len - at : talk->piece);
	local_end_encode(end, len);
	if (result == 0)
		result = say(talk, LOCAL_END, end, sizeof(end));
	free(data);
	talk->finish.members++;
	talk->finish.bytes += len;
	return result;
}

static int finish(struct talk *talk, struct local_accepted *accepted)
{
	uint8_t bytes[LOCAL_REFUSED_MAX];
	struct statement statement;
	struct endorsement endorsement;
	size_t len;
	local_finish_encode(bytes, &talk->finish);
	int result = say(talk, LOCAL_FINISH, bytes, LOCAL_FINISH_BYTES);
	if (result == 0)
		result = hear(talk, LOCAL_SIGN, bytes, sizeof(bytes), &len);
	if (result == 0)
		result = statement_decode(&statement, bytes);
	if (result != 0)
		return result;
	if (talk->lies)
		statement.guard = statement.guard == GUARD_PASSED ? GUARD_NO_RULES : GUARD_PASSED;
	sign_push(&endorsement, &statement, talk->key);
	len = endorsement_encode(bytes, sizeof(bytes), &endorsement);
	result = say(talk, LOCAL_ENDORSEMENT, bytes, len);
	if (result == 0)
		result = hear(talk, LOCAL_ACCEPTED, bytes, sizeof(bytes), &len);
	return result != 0 ? result : local_accepted_decode(accepted, bytes, len);
}

static int around_outbox(char **arguments)
{
	struct talk talk = {.key = load_key(arguments[1]), .piece = strtoul(arguments[3], NULL, 10)};
	struct local_accepted accepted = {.name = ""};
	talk.lies = talk.piece == 0;
	talk.piece += talk.lies;
	snprintf(talk.push.route, sizeof(talk.push.route), "%s", arguments[2]);
	memcpy(talk.push.person, talk.key->card.name, NAME_BYTES);
	memcpy(talk.push.person_key, talk.key->card.id, KEY_ID_BYTES);
	talk.fd = channel_connect(arguments[0]);
	if (talk.fd < 0)
		return tell(talk.fd, "", arguments[0]);
	int result = be_admitted(&talk);
	for (char **member = arguments + 4; result == 0 && *member != NULL; member++)
		result = give_member(&talk, *member);
	if (result == 0)
		result = finish(&talk, &accepted);
	return tell(result, accepted.name, talk.refused.where);
}

/* ---- weir-hold ---- */

struct forgery {
	struct registry *registry;
	struct roots *roots;
	const struct route *route;
	struct key *key;
	struct deposit deposit;
	uint8_t (*psk)[SUITE_KEY_BYTES];
	struct pack *pack;
	struct local_caller caller;
	struct local_commit commit;
};

static void load_site(struct forgery *f, const char *registry, const char *roots, const char *psks,
		      const char *route)
{
	char problem[PROBLEM_BYTES], path[4096];
	int result = roots_load(&f->roots, roots, problem);
	if (result == 0)
		result = registry_load(&f->registry, registry, f->roots, problem);
	if (result != 0)
		die(registry, result);
	f->route = registry_route(f->registry, route);
	f->psk = calloc(STANZAS_MAX, sizeof(*f->psk));
	if (f->route == NULL || f->psk == NULL)
		die(route, VERDICT_UNKNOWN_ROUTE);
	for (size_t i = 0; i < f->route->recipient_count; i++) {
		snprintf(path, sizeof(path), "%s/%s.key", psks, f->route->recipients[i]->card.name);
		struct key *key = load_key(path);
		memcpy(f->psk[i], key->secret, SUITE_KEY_BYTES);
		key_free(key);
	}
}

static int pack_file(struct forgery *f, const char *path)
{
	const struct pack_options options = {
		.route = f->route,
		.psk = (const uint8_t(*)[SUITE_KEY_BYTES])f->psk,
		.rule = f->route->rule,
		.threads = 1,
		.sink = deposit_body,
		.context = &f->deposit,
	};
	size_t len;
	uint8_t *data = load_file(path, &len);
	int result = pack_start(&f->pack, &options);
	if (result == 0)
		result = pack_member_begin(f->pack, "smuggled", 0, 0);
	if (result == 0)
		result = pack_add(f->pack, data, len);
	if (result == 0)
		result = pack_member_end(f->pack);
	free(data);
	return result;
}

/* Everything that seal would have said of it. */
static int state(struct forgery *f)
{
	struct statement *statement = &f->commit.statement;
	struct dossier *dossier = &f->commit.dossier;
	uint64_t now = (uint64_t)time(NULL);
	*statement = (struct statement){
		.registry_version = registry_version(f->registry),
		.created = now,
		.destroy_by = now + (uint64_t)f->route->destroy_after_days * DAY_S,
		.policy_version = f->route->policy == NULL ? 0 : f->route->policy->version,
		.guard = GUARD_PASSED,
		.scan = SCAN_CLEAN,
	};
	memcpy(statement->route, f->route->name, NAME_BYTES);
	memcpy(statement->person, f->key->card.name, NAME_BYTES);
	memcpy(statement->person_key, f->key->card.id, KEY_ID_BYTES);
	int result = pack_finish(f->pack, statement);
	if (result != 0)
		return result;
	dossier->tally = (struct tally){.content_len = pack_content_len(f->pack), .members = 1};
	memcpy(dossier->push_id, statement->push_id, PUSH_ID_BYTES);
	registry_digest(f->commit.registry, f->registry);
	result = dossier_seal_keys(dossier, f->route, pack_manifest_key(f->pack));
	struct endorsement endorsement;
	sign_push(&endorsement, statement, f->key);
	return result != 0 ? result : endorsements_add(&dossier->endorsements, &endorsement);
}

static int around_seal(char **arguments)
{
	static struct forgery f;
	struct local_accepted accepted = {.name = ""};
	f.key = load_key(arguments[4]);
	load_site(&f, arguments[1], arguments[2], arguments[3], arguments[5]);
	f.caller.is_proven = true;
	memcpy(f.caller.push.route, f.route->name, NAME_BYTES);
	memcpy(f.caller.push.person, f.key->card.name, NAME_BYTES);
	memcpy(f.caller.push.person_key, f.key->card.id, KEY_ID_BYTES);
	int result = deposit_open(&f.deposit, arguments[0]);
	if (result != 0)
		return tell(result, "", "intake");
	result = deposit_begin(&f.deposit, &f.caller);
	if (result == 0)
		result = pack_file(&f, arguments[6]);
	if (result == 0)
		result = state(&f);
	if (result == 0)
		result = deposit_commit(&f.deposit, &f.commit, &accepted);
	return tell(deposit_result(&f.deposit, result), accepted.name, f.deposit.where);
}

int main(int argc, char **argv)
{
	if (suite_start() != 0)
		return 2;
	if (argc > 6 && strcmp(argv[1], "seal") == 0)
		return around_outbox(argv + 2);
	if (argc == 9 && strcmp(argv[1], "intake") == 0)
		return around_seal(argv + 2);
	fprintf(stderr, "usage: around seal SOCKET KEY ROUTE PIECE NAME=FILE… | around intake SOCKET REGISTRY ROOTS PSKS KEY ROUTE FILE\n");
	return 2;
}
