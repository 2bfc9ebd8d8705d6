#include "admission.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/channel.h"
#include "common/suite.h"
#include "common/verdict.h"

enum { PUSH_TIMEOUT_S = 10 };

void admission_about(struct admission *a, const char *where)
{
	snprintf(a->where, sizeof(a->where), "%s", where);
}

/* Who hangs up before the end has pushed nothing. */
int admission_begin(struct admission *a, uint16_t *type, size_t *len)
{
	int result = inflow_begin(a->from_person, type, len);
	return result == -EPIPE ? VERDICT_TRUNCATED : result;
}

int admission_frame(struct admission *a, uint16_t *type, const uint8_t **payload, size_t *len)
{
	int result = admission_begin(a, type, len);
	return result != 0 ? result : inflow_payload(a->from_person, payload);
}

/* How long a read waits for the caller; 0: for ever. */
static int set_patience(int fd, time_t seconds)
{
	const struct timeval patience = {.tv_sec = seconds};
	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ? -errno : 0;
}

/*
 * Push and proof must come at once: a caller that says nothing, or begins and stops, must not keep a
 * worker.  Members may take their time, for they may come from a command.
 */
static int receive_soon(struct admission *a, uint16_t wanted, const uint8_t **payload, size_t *len)
{
	uint16_t type;
	int result = set_patience(a->fd, PUSH_TIMEOUT_S);
	if (result == 0)
		result = admission_frame(a, &type, payload, len);
	if (result == -EAGAIN)
		result = -ETIMEDOUT;
	if (result == 0)
		result = set_patience(a->fd, 0);
	if (result != 0)
		return result;
	return type == wanted ? 0 : VERDICT_BAD_PROTOCOL;
}

static int receive_push(struct admission *a)
{
	const uint8_t *payload;
	size_t len;
	admission_about(a, "push");
	int result = receive_soon(a, LOCAL_PUSH, &payload, &len);
	return result != 0 ? result : local_push_decode(&a->push, payload, len);
}

bool admission_is_by_machine(const struct admission *a)
{
	return a->push.machine[0] != 0;
}

/* Whose key is at the other end: the person's, or that of a machine under a standing order. */
static const struct party *find_caller(const struct admission *a)
{
	return admission_is_by_machine(a)
		       ? registry_party(a->registry, KEY_MACHINE, a->push.machine)
		       : registry_pusher(a->registry, a->push.person, a->push.person_key);
}

/* Names and key ids are no secret; what makes a caller the person is the key. */
static int receive_proof(struct admission *a)
{
	uint8_t challenge[LOCAL_CHALLENGE_BYTES], proven[LOCAL_PROVEN_BYTES];
	struct signature proof;
	const uint8_t *payload;
	size_t len;
	admission_about(a, admission_is_by_machine(a) ? a->push.machine : a->push.person);
	suite_random(challenge, sizeof(challenge));
	int result = channel_send(a->fd, LOCAL_CHALLENGE, challenge, sizeof(challenge));
	if (result == 0)
		result = receive_soon(a, LOCAL_PROOF, &payload, &len);
	if (result != 0)
		return result;
	result = local_signature_decode(&proof, payload, len);
	if (result != 0)
		return result;
	local_proven(proven, &a->push, challenge);
	result = signature_verify(&proof, local_proof_domain, proven, sizeof(proven), find_caller(a));
	a->is_proven = result == 0;
	return result;
}

static int judge_machine(struct admission *a)
{
	if (!admission_is_by_machine(a))
		return 0;
	const struct party *machine = find_caller(a);
	admission_about(a, a->push.machine);
	if (machine == NULL ||
	    memcmp(machine->card.id, a->push.machine_key, sizeof(machine->card.id)) != 0)
		return VERDICT_UNKNOWN_KEY;
	return party_check(machine, a->created);
}

static int judge_person(struct admission *a)
{
	const struct registry *registry = a->registry;
	admission_about(a, a->push.person);
	const struct party *person =
		registry_pusher(registry, a->push.person, a->push.person_key);
	if (person == NULL)
		return VERDICT_UNKNOWN_KEY;
	int result = party_check(person, a->created);
	if (result == 0)
		result = route_allows_operator(a->route, person);
	return result != 0 ? result : judge_machine(a);
}

static int judge_push(struct admission *a)
{
	const struct registry *registry = a->registry;
	admission_about(a, "registry");
	int result = registry_check(registry, a->created);
	if (result != 0)
		return result;
	admission_about(a, a->push.route);
	a->route = registry_route(registry, a->push.route);
	if (a->route == NULL)
		return VERDICT_UNKNOWN_ROUTE;
	result = route_check(a->route, a->created);
	if (result != 0)
		return result;
	result = judge_person(a);
	if (result != 0)
		return result;
	admission_about(a, a->push.route);
	if (a->push.origin == LOCAL_PIPE && a->route->records_required &&
	    !a->push.has_records)
		return VERDICT_RECORDS_NOT_STATED;
	return 0;
}

int admission_take(struct admission *a)
{
	int result = receive_push(a);
	if (result == 0)
		result = judge_push(a);
	return result != 0 ? result : receive_proof(a);
}

int admission_endorse(struct admission *a, const struct statement *statement, struct endorsements *endorsements)
{
	uint8_t encoded[STATEMENT_BYTES];
	statement_encode(encoded, statement);
	int result = channel_send(a->fd, LOCAL_SIGN, encoded, sizeof(encoded));
	if (result != 0)
		return result;
	uint16_t type;
	const uint8_t *payload;
	size_t len;
	struct endorsement endorsement;
	result = admission_frame(a, &type, &payload, &len);
	if (result != 0)
		return result;
	if (type != LOCAL_ENDORSEMENT)
		return VERDICT_BAD_PROTOCOL;
	admission_about(a, a->push.person);
	result = endorsement_decode(&endorsement, payload, len);
	if (result == 0 &&
	    endorsement.type != (admission_is_by_machine(a) ? ENDORSEMENT_PUSH_ORDER : ENDORSEMENT_PUSH))
		result = VERDICT_BAD_PROTOCOL;
	if (result == 0)
		result = endorsements_add(endorsements, &endorsement);
	if (result == 0)
		result = push_check(a->registry, statement, endorsements, a->created);
	return result == VERDICT_BEYOND_ORDER ? 0 : result;
}
