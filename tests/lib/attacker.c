/*
 * attacker: speaks to weir-seal and weir-hold as no honest program does: with names that are not its own,
 * signatures made for something else, and records that somebody has kept.
 *
 *   attacker push RUNTIME ROUTE FILE key=KEYFILE [person=KEYFILE] [name=NAME] [id=KEYFILE]
 *            [machine=KEYFILE] [order=FILE] [signer=KEYFILE] [proof-domain=D] [push-domain=D]
 *            [proof-to=FILE] [proof-from=FILE] [record=push|approval|release-order]
 *            [record-to=FILE] [record-from=FILE]
 *   attacker decide RUNTIME approve|deny PUSHID key=KEYFILE [person=KEYFILE] [name=NAME] [id=KEYFILE]
 *            [over=PUSHID] [flip=BYTE] [late=SECONDS] [early=SECONDS] [domain=D]
 *            [record=approval|push|release-order] [to=FILE] [from=FILE] [times=N]
 *   attacker ask RUNTIME TYPE [FILE]             one question of this number, its payload from a file
 *   attacker seal RUNTIME ROUTE                  sits in the place of weir-seal: asks the next caller for a
 *                                                signature of a push on ROUTE, whatever was pushed
 *
 * Prints "accepted …", or "refused VERDICT: WHAT ABOUT" and ends with 1.
 */
#include <sys/socket.h>
#include <time.h>

#include "attacker.h"
#include "sender/asking.h"

/* What a signature is made with and of. */
static struct signature sign(const struct key *key, const char *domain, const void *data, size_t len)
{
	struct signature signature;
	need(signature_make(&signature, domain, data, len, key->secret) == 0, "cannot sign");
	return signature;
}

/* Who is stated: the owner of `person`, or of `key`; with another name or key id when they are said. */
static void state_person(const struct words *words, char name[static NAME_BYTES],
			 uint8_t key_id[static KEY_ID_BYTES])
{
	const struct card person = card_of(said(words, "person", said(words, "key", NULL)));
	name_of(name, said(words, "name", person.name));
	memcpy(key_id, said(words, "id", NULL) == NULL ? person.id : card_of(said(words, "id", NULL)).id,
	       KEY_ID_BYTES);
}

/* ---- push ---- */

static void prove(int fd, const struct words *words, const struct local_push *push, const struct key *key)
{
	uint8_t challenge[LOCAL_CHALLENGE_BYTES], proven[LOCAL_PROVEN_BYTES], payload[SIGNATURE_ENCODED_MAX];
	uint8_t nothing[1];
	size_t len = expect(fd, LOCAL_CHALLENGE, challenge, sizeof(challenge));
	need(len == sizeof(challenge), "no challenge");
	local_proven(proven, push, challenge);
	const struct signature proof =
		sign(key, said(words, "proof-domain", local_proof_domain), proven, sizeof(proven));
	len = local_signature_encode(payload, &proof);
	save(said(words, "proof-to", NULL), payload, len);
	if (said(words, "proof-from", NULL) != NULL)
		len = load(said(words, "proof-from", NULL), payload, sizeof(payload));
	send_frame(fd, LOCAL_PROOF, payload, len);
	(void)expect(fd, LOCAL_READY, nothing, 0);
}

static void send_member(int fd, const char *path)
{
	static uint8_t data[FILE_MAX];
	uint8_t payload[LOCAL_MEMBER_MAX];
	struct local_member member = {.name = "file"};
	const size_t bytes = load(path, data, sizeof(data));
	send_frame(fd, LOCAL_MEMBER, payload, local_member_encode(payload, &member));
	if (bytes > 0)
		send_frame(fd, LOCAL_DATA, data, bytes);
	local_end_encode(payload, bytes);
	send_frame(fd, LOCAL_END, payload, LOCAL_END_BYTES);
	local_finish_encode(payload, &(struct local_finish){1, bytes});
	send_frame(fd, LOCAL_FINISH, payload, LOCAL_FINISH_BYTES);
}

static enum endorsement_type record_type(const struct words *words, const char *otherwise)
{
	const char *word = said(words, "record", otherwise);
	if (strcmp(word, "push") == 0)
		return ENDORSEMENT_PUSH;
	if (strcmp(word, "push-order") == 0)
		return ENDORSEMENT_PUSH_ORDER;
	return strcmp(word, "approval") == 0 ? ENDORSEMENT_APPROVAL : ENDORSEMENT_RELEASE_ORDER;
}

static void send_endorsement(int fd, const struct words *words, const struct key *signer)
{
	uint8_t statement[STATEMENT_BYTES], record[ENDORSEMENTS_BYTES_MAX], order[ORDER_BYTES_MAX];
	const char *order_path = said(words, "order", NULL);
	struct endorsement e = {.type = record_type(words, order_path == NULL ? "push" : "push-order")};
	need(expect(fd, LOCAL_SIGN, statement, sizeof(statement)) == sizeof(statement), "no statement");
	if (order_path != NULL) {
		e.order_len = load(order_path, order, sizeof(order));
		e.order = order;
	}
	e.at = (uint64_t)time(NULL);
	memcpy(e.person, signer->card.name, NAME_BYTES);
	memcpy(e.key_id, signer->card.id, KEY_ID_BYTES);
	e.signature = sign(signer, said(words, "push-domain", push_domain), statement, sizeof(statement));
	size_t len = endorsement_encode(record, sizeof(record), &e);
	save(said(words, "record-to", NULL), record, len);
	if (said(words, "record-from", NULL) != NULL)
		len = load(said(words, "record-from", NULL), record, sizeof(record));
	send_frame(fd, LOCAL_ENDORSEMENT, record, len);
}

static int push(const char *runtime, const char *route, const char *path, const struct words *words)
{
	struct local_push push = {.origin = LOCAL_FILES};
	uint8_t payload[LOCAL_PUSH_BYTES];
	struct key *key = key_of(said(words, "key", NULL));
	struct key *signer = key_of(said(words, "signer", said(words, "key", NULL)));
	name_of(push.route, route);
	state_person(words, push.person, push.person_key);
	if (said(words, "machine", NULL) != NULL) {
		const struct card machine = card_of(said(words, "machine", NULL));
		memcpy(push.machine, machine.name, NAME_BYTES);
		memcpy(push.machine_key, machine.id, KEY_ID_BYTES);
	}
	int fd = connect_to(runtime, SEAL_SOCKET);
	local_push_encode(payload, &push);
	send_frame(fd, LOCAL_PUSH, payload, sizeof(payload));
	prove(fd, words, &push, key);
	send_member(fd, path);
	send_endorsement(fd, words, signer);
	int code = tell_accepted(fd);
	io_close(fd);
	key_free(signer);
	key_free(key);
	return code;
}

/* ---- decide ---- */

static struct statement statement_of(const char *runtime, const char *push_id)
{
	struct casefile *file = NULL;
	struct local_refused refused = {0};
	int result = casefile_fetch(&file, runtime, push_id, &refused);
	if (result != 0) {
		printf("refused %s: case\n", result > 0 ? verdict_name(result) : strerror(-result));
		exit(1);
	}
	const struct statement statement = file->about.statement;
	casefile_free(file);
	return statement;
}

static struct statement decided_on(const char *runtime, const char *push_id, const struct words *words)
{
	uint8_t bytes[STATEMENT_BYTES];
	struct statement statement = statement_of(runtime, said(words, "over", push_id));
	if (said(words, "flip", NULL) != NULL) {
		statement_encode(bytes, &statement);
		bytes[said_number(words, "flip", 0) % STATEMENT_BYTES] ^= 1;
		need(statement_decode(&statement, bytes) == 0, "that byte makes it no statement");
	}
	return statement;
}

static size_t make_approval(uint8_t *out, size_t size, const struct words *words, const struct key *key,
			    const struct statement *statement, uint64_t at)
{
	uint8_t decision[DECISION_BYTES], bytes[STATEMENT_BYTES], order[ORDER_BYTES_MAX];
	struct endorsement e = {.type = record_type(words, "approval"), .at = at};
	const char *domain = said(words, "domain", e.type == ENDORSEMENT_PUSH ? push_domain : approval_domain);
	state_person(words, e.person, e.key_id);
	decision_encode(decision, statement, e.person, e.key_id, at);
	statement_encode(bytes, statement);
	e.signature = e.type == ENDORSEMENT_PUSH ? sign(key, domain, bytes, sizeof(bytes))
						 : sign(key, domain, decision, sizeof(decision));
	if (said(words, "order", NULL) != NULL) {
		e.order_len = load(said(words, "order", NULL), order, sizeof(order));
		e.order = order;
	}
	return endorsement_encode(out, size, &e);
}

/* All of DENY behind the push id. */
static size_t make_denial(uint8_t *out, const struct words *words, const struct key *key,
			  const struct statement *statement, uint64_t at)
{
	uint8_t bytes[REFUSAL_SIGNED_MAX], payload[LOCAL_DENY_MAX];
	struct local_deny deny = {.refusal = {.at = at, .reason = "because"}};
	state_person(words, deny.refusal.person, deny.refusal.key_id);
	size_t len = refusal_signed(bytes, statement, &deny.refusal);
	deny.refusal.signature = sign(key, said(words, "domain", refusal_domain), bytes, len);
	len = local_deny_encode(payload, &deny) - PUSH_ID_BYTES;
	memcpy(out, payload + PUSH_ID_BYTES, len);
	return len;
}

/* The answer to one that was sent: an item and DONE, or DONE alone. */
static int take_answer(int fd)
{
	uint8_t payload[LOCAL_ITEM_BYTES];
	struct local_item item;
	uint16_t type = 0;
	struct local_refused refused;
	uint8_t buffer[LOCAL_REFUSED_MAX];
	size_t len = 0;
	need(channel_receive(fd, &type, buffer, sizeof(buffer), &len) == 0, "no answer");
	if (type == LOCAL_REFUSED) {
		need(local_refused_decode(&refused, buffer, len) == 0, "cannot read the answer");
		printf("refused %s: %s\n",
		       refused.result > 0 ? verdict_name(refused.result) : "environment", refused.where);
		return 1;
	}
	if (type == LOCAL_ITEM && len == sizeof(payload) && local_item_decode(&item, buffer, len) == 0)
		printf("accepted %s %u/%u %s\n", local_state_name(item.state), (unsigned int)item.approvals,
		       (unsigned int)item.quorum, item.name);
	else
		printf("accepted\n");
	return 0;
}

/* As often as was said, each through a socket of its own, all sent before the first answer is read. */
static int ask_together(const char *runtime, enum local_type type, const uint8_t *payload, size_t len,
			uint64_t times)
{
	enum { TIMES_MAX = 8 };
	int fds[TIMES_MAX], code = 0;
	need(times >= 1 && times <= TIMES_MAX, "not so often");
	for (uint64_t i = 0; i < times; i++)
		fds[i] = connect_to(runtime, CONTROL_SOCKET);
	for (uint64_t i = 0; i < times; i++)
		send_frame(fds[i], type, payload, len);
	for (uint64_t i = 0; i < times; i++) {
		code |= take_answer(fds[i]);
		io_close(fds[i]);
	}
	return code;
}

static int decide(const char *runtime, const char *verb, const char *push_id, const struct words *words)
{
	uint8_t payload[PUSH_ID_BYTES + ENDORSEMENTS_BYTES_MAX];
	const bool denies = strcmp(verb, "deny") == 0;
	size_t len;
	need(text_unhex(payload, PUSH_ID_BYTES, push_id) == 0, "no push id");
	if (said(words, "from", NULL) != NULL) {
		len = load(said(words, "from", NULL), payload + PUSH_ID_BYTES,
			   sizeof(payload) - PUSH_ID_BYTES);
	} else {
		struct key *key = key_of(said(words, "key", NULL));
		const struct statement statement = decided_on(runtime, push_id, words);
		const uint64_t at = (uint64_t)time(NULL) + said_number(words, "late", 0) -
				    said_number(words, "early", 0);
		len = denies ? make_denial(payload + PUSH_ID_BYTES, words, key, &statement, at)
			     : make_approval(payload + PUSH_ID_BYTES, sizeof(payload) - PUSH_ID_BYTES, words,
					     key, &statement, at);
		key_free(key);
		save(said(words, "to", NULL), payload + PUSH_ID_BYTES, len);
		if (said(words, "to", NULL) != NULL) {
			printf("kept\n");
			return 0;
		}
	}
	return ask_together(runtime, denies ? LOCAL_DENY : LOCAL_APPROVE, payload, PUSH_ID_BYTES + len,
			    said_number(words, "times", 1));
}

static int ask(const char *runtime, const char *type, const char *path)
{
	static uint8_t payload[FILE_MAX];
	size_t len = path == NULL ? 0 : load(path, payload, sizeof(payload));
	return ask_together(runtime, (enum local_type)strtoul(type, NULL, 10), payload, len, 1);
}

/* ---- in the place of weir-seal ---- */

static int take_the_place(const char *runtime, const char *route)
{
	static uint8_t data[CHANNEL_BYTES_MAX];
	uint8_t payload[STATEMENT_BYTES];
	char path[512];
	struct local_push push;
	uint16_t type = 0;
	size_t len = 0;
	snprintf(path, sizeof(path), "%s/%s", runtime, SEAL_SOCKET);
	int listener = channel_listen(path, 0600);
	need(listener >= 0, "cannot listen");
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	len = expect(fd, LOCAL_PUSH, data, sizeof(data));
	need(local_push_decode(&push, data, len) == 0, "no push");
	memset(payload, 0x5a, LOCAL_CHALLENGE_BYTES);
	send_frame(fd, LOCAL_CHALLENGE, payload, LOCAL_CHALLENGE_BYTES);
	(void)expect(fd, LOCAL_PROOF, data, sizeof(data));
	send_frame(fd, LOCAL_READY, NULL, 0);
	while (type != LOCAL_FINISH)
		need(channel_receive(fd, &type, data, sizeof(data), &len) == 0, "the caller has gone");
	struct statement statement = {
		.created = (uint64_t)time(NULL),
		.destroy_by = (uint64_t)time(NULL) + 1,
		.registry_version = 1,
		.segments = 3,
		.manifest_segments = 1,
	};
	name_of(statement.route, route);
	memcpy(statement.person, push.person, NAME_BYTES);
	memcpy(statement.person_key, push.person_key, KEY_ID_BYTES);
	statement_encode(payload, &statement);
	send_frame(fd, LOCAL_SIGN, payload, sizeof(payload));
	(void)expect(fd, LOCAL_ENDORSEMENT, data, sizeof(data));
	printf("accepted: the caller has signed a push on %s\n", route);
	return 0;
}

int main(int argc, char **argv)
{
	const struct words words = {.list = argc > 4 ? argv + 5 : argv + argc};
	need(suite_start() == 0, "cannot start");
	if (argc > 5 && strcmp(argv[1], "push") == 0)
		return push(argv[2], argv[3], argv[4], &words);
	if (argc > 5 && strcmp(argv[1], "decide") == 0)
		return decide(argv[2], argv[3], argv[4], &words);
	if ((argc == 4 || argc == 5) && strcmp(argv[1], "ask") == 0)
		return ask(argv[2], argv[3], argv[4]);
	if (argc == 4 && strcmp(argv[1], "seal") == 0)
		return take_the_place(argv[2], argv[3]);
	need(false, "usage: attacker push | decide | ask | seal, with what its first page says");
	return 2;
}
