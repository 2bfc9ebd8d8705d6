/*
 * smuggler: seals a file by itself and hands it to weir-hold, past weir-seal, its guard and its scanner.
 *
 *   smuggler push RUNTIME ROUTE FILE registry=FILE psks=DIR key=KEYFILE [for=RECIPIENT-KEYFILE]
 *            [intakes=N] [body-first=1] [approval=KEYFILE] [guard=0|1] [rules=VERSION] [early=SECONDS]
 *            [short=1] [as=ROUTE] [to=FILE]
 *   smuggler replay RUNTIME FILE              what `to` has kept: the same body, statement and signature
 *   smuggler note RUNTIME ROUTE VERDICT key=KEYFILE    says that seal has refused this person's push
 *
 * as: hands it over as a push on that route.  for: seals it to this recipient as well, who need not be one of
 * the route.  Prints as attacker does.
 */
#include <sys/socket.h>
#include <time.h>

#include "attacker.h"
#include "common/registry.h"
#include "endorse.h"
#include "sender/pack.h"

enum { DAY_S = 86400 };

/* All that goes over the socket behind INTAKE and READY. */
struct goods {
	uint8_t *bytes;
	size_t len;
	uint8_t caller[LOCAL_CALLER_BYTES];
};

static int gather(void *context, const void *data, size_t len)
{
	struct goods *goods = context;
	goods->bytes = realloc(goods->bytes, goods->len + len);
	need(goods->bytes != NULL, "no memory");
	memcpy(goods->bytes + goods->len, data, len);
	goods->len += len;
	return 0;
}

static void gather_frame(struct goods *frames, enum local_type type, const void *payload, size_t len)
{
	uint8_t header[CHANNEL_HEADER_BYTES];
	struct writer w = writer_of(header, sizeof(header));
	write_u32(&w, (uint32_t)len);
	write_u16(&w, (uint16_t)type);
	write_u16(&w, 0);
	gather(frames, header, sizeof(header));
	gather(frames, payload, len);
}

/* The route as it is, and with one more recipient, at its place by key id. */
static struct route with_recipient(const struct route *route, const struct party *more)
{
	static const struct party *all[STANZAS_MAX];
	struct route out = *route;
	size_t n = 0;
	bool is_in = more == NULL;
	for (size_t i = 0; i < route->recipient_count; i++) {
		if (!is_in && memcmp(more->card.id, route->recipients[i]->card.id, KEY_ID_BYTES) < 0) {
			all[n++] = more;
			is_in = true;
		}
		all[n++] = route->recipients[i];
	}
	if (!is_in)
		all[n++] = more;
	out.recipients = all;
	out.recipient_count = n;
	return out;
}

static void read_psks(uint8_t (*out)[SUITE_KEY_BYTES], const struct route *route, const char *folder)
{
	char path[512];
	for (size_t i = 0; i < route->recipient_count; i++) {
		snprintf(path, sizeof(path), "%s/%s.key", folder, route->recipients[i]->card.name);
		struct key *key = key_of(path);
		memcpy(out[i], key->secret, SUITE_KEY_BYTES);
		key_free(key);
	}
}

/* Body and statement, as seal makes them. */
static void seal_file(struct goods *body, struct statement *statement, struct dossier *dossier,
		      const struct route *to, const char *path, const struct words *words)
{
	static uint8_t data[FILE_MAX], psks[STANZAS_MAX][SUITE_KEY_BYTES];
	const size_t len = load(path, data, sizeof(data));
	struct pack *pack = NULL;
	const struct manifest *manifest = NULL;
	read_psks(psks, to, said(words, "psks", NULL));
	const struct pack_options options = {
		.route = to,
		.psk = (const uint8_t(*)[SUITE_KEY_BYTES])psks,
		.rule = to->rule,
		.sink = gather,
		.context = body,
	};
	need(pack_start(&pack, &options) == 0 && pack_member_begin(pack, "file", 0, 0) == 0 &&
		     pack_add(pack, data, len) == 0 && pack_member_end(pack) == 0 &&
		     pack_drain(pack, &manifest) == 0 && pack_finish(pack, statement) == 0,
	     "cannot seal");
	dossier->tally = (struct tally){.content_len = len, .members = 1, .records = manifest->records};
	memcpy(dossier->push_id, statement->push_id, PUSH_ID_BYTES);
	need(dossier_seal_keys(dossier, to, pack_manifest_key(pack)) == 0, "cannot seal the manifest key");
	pack_free(pack);
}

static struct goods make_goods(const char *route_name, const char *path, const struct words *words)
{
	struct registry *registry = NULL;
	struct goods body = {.len = 0}, frames = {.len = 0};
	struct party more = {.roles = 0};
	static struct local_commit commit;
	static uint8_t payload[LOCAL_COMMIT_MAX];
	struct statement *statement = &commit.statement;
	struct key *key = key_of(said(words, "key", NULL));
	char problem[PROBLEM_BYTES];
	need(registry_load(&registry, said(words, "registry", ""), NULL, problem) == 0, "cannot read the registry");
	const struct route *route = registry_route(registry, route_name);
	need(route != NULL, "no such route");
	if (said(words, "for", NULL) != NULL)
		more.card = card_of(said(words, "for", NULL));
	const struct route to = with_recipient(route, more.card.name[0] != 0 ? &more : NULL);
	const uint64_t created = (uint64_t)time(NULL) - said_number(words, "early", 0);
	seal_file(&body, statement, &commit.dossier, &to, path, words);
	statement->registry_version = registry_version(registry);
	registry_digest(commit.registry, registry);
	statement->created = created;
	statement->destroy_by = created + (uint64_t)route->destroy_after_days * DAY_S;
	statement->policy_version =
		said_number(words, "rules", route->policy == NULL ? 0 : route->policy->version);
	statement->guard = (enum guard_verdict)said_number(words, "guard", statement->policy_version > 0);
	name_of(statement->route, said(words, "as", route->name));
	memcpy(statement->person, key->card.name, NAME_BYTES);
	memcpy(statement->person_key, key->card.id, KEY_ID_BYTES);
	endorse_push(&commit.dossier.endorsements, statement, key->secret);
	if (said(words, "approval", NULL) != NULL) {
		struct key *officer = key_of(said(words, "approval", NULL));
		const struct endorsement e = endorse_approval(statement, officer, created);
		endorse_with(&commit.dossier.endorsements, &e);
		key_free(officer);
	}
	struct local_caller caller = {.is_proven = true, .uid = getuid(), .pid = getpid()};
	memcpy(caller.push.route, route->name, NAME_BYTES);
	memcpy(caller.push.person, key->card.name, NAME_BYTES);
	memcpy(caller.push.person_key, key->card.id, KEY_ID_BYTES);
	local_caller_encode(frames.caller, &caller);
	size_t at = 0;
	while (at < body.len - said_number(words, "short", 0) * SEGMENT_BYTES) {
		gather_frame(&frames, LOCAL_BODY, body.bytes + at, SEGMENT_BYTES);
		at += SEGMENT_BYTES;
	}
	gather_frame(&frames, LOCAL_COMMIT, payload, local_commit_encode(payload, &commit));
	free(body.bytes);
	registry_free(registry);
	key_free(key);
	return frames;
}

static int hand_over(const char *runtime, const struct goods *goods, const struct words *words)
{
	uint8_t nothing[1];
	int fd = connect_to(runtime, INTAKE_SOCKET);
	if (said_number(words, "body-first", 0) == 0)
		for (uint64_t i = 0; i < said_number(words, "intakes", 1); i++) {
			send_frame(fd, LOCAL_INTAKE, goods->caller, sizeof(goods->caller));
			(void)expect(fd, LOCAL_READY, nothing, 0);
		}
	for (size_t at = 0; at < goods->len;) {
		ssize_t n = send(fd, goods->bytes + at, goods->len - at, MSG_NOSIGNAL);
		if (n <= 0)
			break; /* it has said why */
		at += (size_t)n;
	}
	int code = tell_accepted(fd);
	io_close(fd);
	return code;
}

static int push(const char *runtime, const char *route, const char *path, const struct words *words)
{
	struct goods goods = make_goods(route, path, words);
	const char *to = said(words, "to", NULL);
	if (to != NULL) {
		struct goods all = {.len = 0};
		gather(&all, goods.caller, sizeof(goods.caller));
		gather(&all, goods.bytes, goods.len);
		save(to, all.bytes, all.len);
		free(all.bytes);
	}
	int code = hand_over(runtime, &goods, words);
	free(goods.bytes);
	return code;
}

static int replay(const char *runtime, const char *path, const struct words *words)
{
	static uint8_t all[FILE_MAX];
	const size_t len = load(path, all, sizeof(all));
	struct goods goods = {.bytes = all + LOCAL_CALLER_BYTES, .len = len - LOCAL_CALLER_BYTES};
	memcpy(goods.caller, all, LOCAL_CALLER_BYTES);
	return hand_over(runtime, &goods, words);
}

/* Nothing answers a note: accepted says that hold has taken it and hung up without a word. */
static int note(const char *runtime, const char *route, const char *verdict, const struct words *words)
{
	uint8_t payload[LOCAL_NOTE_MAX];
	const struct card person = card_of(said(words, "key", NULL));
	struct local_note note = {
		.caller = {.uid = 4711, .pid = 4711, .is_proven = true},
		.refused = {.result = verdict_from_name(verdict), .where = "forged"},
	};
	name_of(note.caller.push.route, route);
	memcpy(note.caller.push.person, person.name, NAME_BYTES);
	memcpy(note.caller.push.person_key, person.id, KEY_ID_BYTES);
	int fd = connect_to(runtime, INTAKE_SOCKET);
	send_frame(fd, LOCAL_NOTE, payload, local_note_encode(payload, &note));
	struct local_refused refused;
	uint8_t answer[LOCAL_REFUSED_MAX];
	uint16_t type = 0;
	size_t len = 0;
	int result = channel_receive(fd, &type, answer, sizeof(answer), &len);
	if (result == 0 && type == LOCAL_REFUSED && local_refused_decode(&refused, answer, len) == 0) {
		printf("refused %s: %s\n", verdict_name(refused.result), refused.where);
		return 1;
	}
	printf("accepted\n");
	return 0;
}

int main(int argc, char **argv)
{
	const struct words none = {.list = argv + argc};
	const struct words words = {.list = argc > 5 ? argv + 5 : argv + argc};
	need(suite_start() == 0, "cannot start");
	if (argc > 5 && strcmp(argv[1], "push") == 0)
		return push(argv[2], argv[3], argv[4], &words);
	if (argc == 4 && strcmp(argv[1], "replay") == 0)
		return replay(argv[2], argv[3], &none);
	if (argc > 5 && strcmp(argv[1], "note") == 0)
		return note(argv[2], argv[3], argv[4], &words);
	need(false, "usage: smuggler push | replay | note, with what its first page says");
	return 2;
}
