#include "submit.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/verdict.h"
#include "flow.h"

enum {
	PIECE_BYTES = 262144,    /* read at a time: stays in the cache until it is sent */
	CLOCK_SLACK_S = 86400,   /* created may be this far from now */
	PAUSE_MS = 50,           /* before one calls again; doubled up to the most, and not the same for all */
	PAUSE_MAX_MS = 1600,
};

struct submit {
	int fd;
	struct local_push push;
	const struct signer *signer;
	const uint8_t *order;
	size_t order_len;
	struct outflow *out;
	struct local_finish finish;
	uint64_t member_bytes;
	uint8_t push_id[PUSH_ID_BYTES]; /* once it is signed */
	bool has_heard; /* of seal, anything */
	bool is_signed;
	bool is_answered;
	struct local_refused refused;
	submit_advance *advance;
	void *context;
};

/* One frame of a kind; a refusal is the result. */
static int receive(struct submit *submit, uint16_t wanted, uint8_t *payload, size_t size, size_t *len)
{
	uint8_t buffer[LOCAL_REFUSED_MAX];
	uint16_t type;
	size_t got;
	_Static_assert(LOCAL_REFUSED_MAX >= (int)STATEMENT_BYTES &&
			       LOCAL_REFUSED_MAX >= (int)LOCAL_ACCEPTED_BYTES,
		       "whatever seal says fits");
	int result = channel_receive(submit->fd, &type, buffer, sizeof(buffer), &got);
	if (result == -EPIPE || result == VERDICT_TRUNCATED)
		return -ECONNRESET; /* seal has died */
	if (result != 0)
		return result;
	submit->has_heard = true;
	submit->is_answered = submit->is_signed;
	if (type == LOCAL_REFUSED) {
		result = local_refused_decode(&submit->refused, buffer, got);
		if (result == 0 && submit->refused.result == -EINPROGRESS)
			submit->is_answered = false; /* hold died when it had everything */
		return result != 0 ? result : submit->refused.result;
	}
	if (type != wanted || got > size)
		return VERDICT_BAD_PROTOCOL;
	memcpy(payload, buffer, got);
	*len = got;
	return 0;
}

/* When seal has hung up it has said why before. */
static int or_refusal(struct submit *submit, int result)
{
	if (result != -EPIPE && result != -ECONNRESET)
		return result;
	uint8_t payload[1];
	size_t len;
	return receive(submit, LOCAL_REFUSED, payload, sizeof(payload), &len);
}

/* As many pushes as may be are being sealed, or callers cannot be taken (acceptor.h): neither is waited for till it ends. */
static int wait_for_seal(const struct submit *submit)
{
	struct pollfd slot = {.fd = submit->fd, .events = POLLIN};
	int ready = poll(&slot, 1, SUBMIT_FIRST_MS);
	return ready < 0 ? -errno : ready == 0 ? -ETIMEDOUT : 0;
}

static int prove(struct submit *submit)
{
	uint8_t challenge[LOCAL_CHALLENGE_BYTES], proven[LOCAL_PROVEN_BYTES];
	uint8_t payload[SIGNATURE_ENCODED_MAX];
	struct signature proof;
	size_t len = 0;
	int result = wait_for_seal(submit);
	if (result == 0)
		result = receive(submit, LOCAL_CHALLENGE, challenge, sizeof(challenge), &len);
	if (result == 0 && len != sizeof(challenge))
		result = VERDICT_BAD_PROTOCOL;
	if (result == 0)
		local_proven(proven, &submit->push, challenge);
	if (result == 0)
		result = signer_sign(submit->signer, &proof, local_proof_domain, proven, sizeof(proven));
	if (result != 0)
		return result;
	len = local_signature_encode(payload, &proof);
	return or_refusal(submit, channel_send(submit->fd, LOCAL_PROOF, payload, len));
}

/* One call. */
static int call(struct submit *submit)
{
	uint8_t payload[LOCAL_PUSH_BYTES], nothing[1];
	size_t len;
	outflow_free(submit->out);
	submit->out = NULL;
	int result = outflow_new(&submit->out, submit->fd);
	if (result != 0)
		return result;
	local_push_encode(payload, &submit->push);
	result = outflow_add(submit->out, LOCAL_PUSH, payload, sizeof(payload));
	if (result == 0)
		result = outflow_flush(submit->out);
	result = or_refusal(submit, result);
	if (result == 0)
		result = prove(submit);
	return result != 0 ? result : receive(submit, LOCAL_READY, nothing, 0, &len);
}

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* systemd hangs up on whoever is one too many; a seal that is there says why it goes. */
static int call_again(struct submit *submit, submit_connect *connect)
{
	const uint64_t until_ms = now_ms() + SUBMIT_FIRST_MS;
	int result = -ECONNRESET;
	for (unsigned int pause_ms = PAUSE_MS; result == -ECONNRESET && !submit->has_heard;) {
		unsigned int wait_ms = pause_ms + (unsigned int)getpid() % PAUSE_MS;
		const struct timespec pause = {wait_ms / 1000, (long)(wait_ms % 1000) * 1000000};
		if (now_ms() + wait_ms > until_ms)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
		pause_ms = pause_ms < PAUSE_MAX_MS ? 2 * pause_ms : pause_ms;
		submit->fd = connect(submit->context);
		result = submit->fd < 0 ? submit->fd : call(submit);
	}
	return result;
}

int submit_start(struct submit **out, const struct submit_options *options)
{
	struct submit *submit = calloc(1, sizeof(*submit));
	if (submit == NULL)
		return -ENOMEM;
	*submit = (struct submit){
		.fd = options->fd,
		.push = options->push,
		.signer = options->signer,
		.order = options->order,
		.order_len = options->order_len,
		.advance = options->advance,
		.context = options->context,
	};
	*out = submit;
	int result = call(submit);
	bool is_turned_away = result == -ECONNRESET && !submit->has_heard;
	return is_turned_away && options->connect != NULL ? call_again(submit, options->connect) : result;
}

void submit_free(struct submit *submit)
{
	if (submit == NULL)
		return;
	outflow_free(submit->out);
	free(submit);
}

bool submit_is_open(const struct submit *submit)
{
	return submit != NULL && submit->is_signed && !submit->is_answered;
}

const uint8_t *submit_push_id(const struct submit *submit)
{
	return submit->push_id;
}

const char *submit_where(const struct submit *submit)
{
	return submit == NULL ? "" : submit->refused.where;
}

int submit_begin(struct submit *submit, const char *name, int64_t mtime_s, uint32_t mtime_ns)
{
	struct local_member member = {.mtime_s = mtime_s, .mtime_ns = mtime_ns};
	uint8_t payload[LOCAL_MEMBER_MAX];
	size_t len = strlen(name);
	if (!member_name_is_valid(name, len))
		return VERDICT_BAD_NAME;
	memcpy(member.name, name, len + 1);
	submit->member_bytes = 0;
	len = local_member_encode(payload, &member);
	return or_refusal(submit, outflow_add(submit->out, LOCAL_MEMBER, payload, len));
}

/*
 * Until there is something to read.  What has been read goes out before that, and seal is listened to: it speaks before the
 * end only to refuse, and a command may compute for hours between two writes.
 */
static int wait_for_input(struct submit *submit, int fd)
{
	struct pollfd slots[2] = {{.fd = fd, .events = POLLIN}, {.fd = submit->fd, .events = POLLIN}};
	int ready = poll(slots, 2, 0);
	int result = ready == 0 ? or_refusal(submit, outflow_flush(submit->out)) : 0;
	while (result == 0 && ready <= 0)
		if ((ready = poll(slots, 2, -1)) < 0 && errno != EINTR)
			return -errno;
	return result == 0 && slots[1].revents != 0 ? or_refusal(submit, -EPIPE) : result;
}

/* Up to the end, or to so many bytes. */
static int read_most(struct submit *submit, int fd, uint64_t most, uint64_t *bytes)
{
	for (*bytes = 0; *bytes < most;) {
		uint8_t *room;
		size_t size;
		int result = wait_for_input(submit, fd);
		if (result != 0)
			return result;
		result = outflow_reserve(submit->out, &room, &size);
		if (result != 0)
			return or_refusal(submit, result);
		size = size < PIECE_BYTES ? size : PIECE_BYTES;
		ssize_t n = read(fd, room, size < most - *bytes ? size : (size_t)(most - *bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		outflow_commit(submit->out, LOCAL_DATA, (size_t)n);
		submit->member_bytes += (uint64_t)n;
		submit->finish.bytes += (uint64_t)n;
		*bytes += (uint64_t)n;
		if (submit->advance != NULL)
			submit->advance(submit->context, submit->finish.bytes);
	}
	return 0;
}

int submit_read(struct submit *submit, int fd, uint64_t *bytes)
{
	return read_most(submit, fd, UINT64_MAX, bytes);
}

int submit_read_part(struct submit *submit, int fd, uint64_t most)
{
	uint64_t bytes;
	int result = read_most(submit, fd, most, &bytes);
	return result != 0 || bytes == most ? result : VERDICT_CHANGED_WHILE_READ;
}

int submit_end(struct submit *submit)
{
	uint8_t payload[LOCAL_END_BYTES];
	local_end_encode(payload, submit->member_bytes);
	submit->finish.members++;
	return or_refusal(submit, outflow_add(submit->out, LOCAL_END, payload, sizeof(payload)));
}

/* A signature is given only for what this push is: its route, person and key, today. */
static int check_statement(const struct submit *submit, const struct statement *statement)
{
	uint64_t now = (uint64_t)time(NULL);
	uint64_t apart = now > statement->created ? now - statement->created
						  : statement->created - now;
	if (strcmp(statement->route, submit->push.route) != 0)
		return VERDICT_WRONG_ROUTE;
	if (strcmp(statement->person, submit->push.person) != 0 ||
	    memcmp(statement->person_key, submit->push.person_key, KEY_ID_BYTES) != 0)
		return VERDICT_WRONG_KEY;
	/* a push itself may take long */
	return apart > CLOCK_SLACK_S ? VERDICT_BAD_TIME : 0;
}

/* The signature of the statement, with the order that lets a machine give it. */
static int endorse(struct submit *submit, const struct statement *statement)
{
	uint8_t bytes[STATEMENT_BYTES], record[ENDORSEMENTS_BYTES_MAX];
	struct endorsement endorsement = {
		.type = submit->order == NULL ? ENDORSEMENT_PUSH : ENDORSEMENT_PUSH_ORDER,
		.order = submit->order,
		.order_len = submit->order_len,
	};
	statement_encode(bytes, statement);
	int result = signer_sign(submit->signer, &endorsement.signature, push_domain, bytes,
				 sizeof(bytes));
	if (result != 0)
		return result;
	size_t len = endorsement_encode(record, sizeof(record), &endorsement);
	if (len == 0)
		return VERDICT_BAD_LIMIT;
	submit->is_signed = true;
	return or_refusal(submit, channel_send(submit->fd, LOCAL_ENDORSEMENT, record, len));
}

int submit_finish(struct submit *submit, struct local_accepted *out)
{
	uint8_t payload[LOCAL_REFUSED_MAX];
	struct statement statement;
	size_t len = 0;
	local_finish_encode(payload, &submit->finish);
	int result = outflow_add(submit->out, LOCAL_FINISH, payload, LOCAL_FINISH_BYTES);
	if (result == 0)
		result = outflow_flush(submit->out);
	result = or_refusal(submit, result);
	if (result == 0)
		result = receive(submit, LOCAL_SIGN, payload, sizeof(payload), &len);
	if (result != 0)
		return result;
	if (len != STATEMENT_BYTES)
		return VERDICT_BAD_PROTOCOL;
	result = statement_decode(&statement, payload);
	if (result == 0)
		result = check_statement(submit, &statement);
	if (result == 0)
		memcpy(submit->push_id, statement.push_id, PUSH_ID_BYTES);
	if (result == 0)
		result = endorse(submit, &statement);
	if (result == 0)
		result = receive(submit, LOCAL_ACCEPTED, payload, sizeof(payload), &len);
	return result != 0 ? result : local_accepted_decode(out, payload, len);
}
