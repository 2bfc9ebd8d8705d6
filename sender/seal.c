/*
 * weir-seal: one push, from the person's stream to a sealed body in hold's hands.
 *
 * It sees plaintext, so it can do nothing else: no network, no file once the push is known, no signing
 * key, no capability.  Two tables of system calls: the first is closed before the first byte of the push
 * is read and still opens the pre-shared keys of its route, the second does not.
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "admission.h"
#include "common/channel.h"
#include "common/command.h"
#include "common/confine.h"
#include "common/io.h"
#include "common/recipients.h"
#include "common/service.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"
#include "deposit.h"
#include "inspector.h"
#include "pack.h"
#include "psks.h"
#include "setup.h"

enum { DAY_S = 86400 };

/* Before the push is known: the keys of its route are still to be read. */
static const char *const first_calls[] = {
	"read", "write", "sendmsg", "recvfrom", "sendto", "poll", "close", "getsockopt", "setsockopt",
	"openat", "fstat", "newfstatat", "readlinkat", "lseek", "geteuid", "mlock", "munlock",
	"sched_getaffinity", "thread", "seccomp", "prctl", "fcntl", "mremap", "set_robust_list", "rseq",
	"memfd_create", /* a member for clamd, in memory */
	NULL,
};
/* While plaintext comes. */
static const char *const second_calls[] = {
	"read", "write", "sendmsg", "recvfrom", "sendto", "poll", "close", "mlock", "munlock",
	"set_robust_list", "rseq", "mremap", "memfd_create", "lseek",
	NULL,
};

struct seal {
	struct setup setup;
	struct deposit deposit;
	struct admission who;
	uid_t uid;                       /* of the process at the other end */
	pid_t pid;
	uint8_t (*psk)[SUITE_KEY_BYTES]; /* one for each recipient; secret memory */
	struct pack *pack;
	struct inspection inspection;
	struct inspector *inspector;     /* has it while members come */
	uint64_t members;
	uint64_t records;                /* counted */
	uint32_t columns;                /* of the widest member */
	struct local_commit commit;      /* what hold is to get in the end */
};

static void set_where(struct seal *seal, const char *where)
{
	admission_about(&seal->who, where);
}

static int load_psks(struct seal *seal)
{
	char where[PSKS_WHERE_BYTES] = "";
	const char *who = "";
	int result = recipients_check(seal->who.route, seal->who.created, &who);
	if (result != 0) {
		set_where(seal, who);
		return result;
	}
	result = psks_load(&seal->psk, seal->setup.config.psk_dir, seal->who.route, where);
	if (result != 0)
		set_where(seal, where);
	return result;
}

/* What hold refuses is refused, with its reason. */
static int or_hold(struct seal *seal, int result)
{
	int real = deposit_result(&seal->deposit, result);
	if (real != result)
		set_where(seal, seal->deposit.where);
	return real;
}

static struct local_caller caller_of(const struct seal *seal)
{
	return (struct local_caller){
		.uid = seal->uid,
		.pid = seal->pid,
		.is_proven = seal->who.is_proven,
		.push = seal->who.push,
	};
}

static int start_pack(struct seal *seal)
{
	const struct local_caller caller = caller_of(seal);
	int result = deposit_begin(&seal->deposit, &caller);
	if (result != 0) {
		set_where(seal, seal->deposit.where);
		return result;
	}
	set_where(seal, seal->who.push.route);
	struct pack_options options = {
		.route = seal->who.route,
		.psk = (const uint8_t(*)[SUITE_KEY_BYTES])seal->psk,
		.rule = seal->who.route->rule,
		.threads = seal->setup.config.seal_threads,
		.sink = deposit_body,
		.context = &seal->deposit,
	};
	return or_hold(seal, pack_start(&seal->pack, &options));
}

/* What was looked for and found says itself where. */
static int or_found(struct seal *seal, int result)
{
	switch (result) {
	case VERDICT_AGAINST_POLICY:
	case VERDICT_BAD_POLICY:
	case VERDICT_INFECTED:
	case VERDICT_NOT_SCANNED:
		set_where(seal, inspection_about(&seal->inspection));
		return result;
	default:
		return result;
	}
}

static void note_columns(void *context, uint32_t member, uint32_t columns)
{
	struct seal *seal = context;
	pack_member_columns(seal->pack, member, columns);
	seal->columns = columns > seal->columns ? columns : seal->columns;
}

/* A person's command may compute for hours: that hold refuses, or has ended, is heard meanwhile. */
static int wait_for_person(struct seal *seal)
{
	struct pollfd slots[2] = {{.fd = seal->who.fd, .events = POLLIN}, {.fd = seal->deposit.fd, .events = POLLIN}};
	while (poll(slots, 2, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return slots[0].revents == 0 && slots[1].revents != 0 ? deposit_hear(&seal->deposit) : 0;
}

/*
 * The next frame's header.  Before this waits for one, the inspector has what came before; and when nothing has come
 * yet, its result is waited for first, so that whoever is slow hears at once of what is refused.
 */
static int begin_frame(struct seal *seal, uint16_t *type, size_t *len)
{
	struct pollfd slot = {.fd = seal->who.fd, .events = POLLIN};
	int result = 0;
	if (!inflow_has_frame(seal->who.from_person))
		result = or_found(seal, poll(&slot, 1, 0) == 0 ? inspector_settle(seal->inspector)
							       : inspector_push(seal->inspector));
	if (result == 0 && !inflow_has_frame(seal->who.from_person))
		result = wait_for_person(seal);
	return result != 0 ? result : admission_begin(&seal->who, type, len);
}

static int next_frame(struct seal *seal, uint16_t *type, const uint8_t **payload, size_t *len)
{
	int result = begin_frame(seal, type, len);
	return result != 0 ? result : inflow_payload(seal->who.from_person, payload);
}

static int take_end(struct seal *seal, uint64_t size, size_t len)
{
	uint64_t stated;
	const uint8_t *payload;
	int result = inflow_payload(seal->who.from_person, &payload);
	if (result == 0)
		result = local_end_decode(&stated, payload, len);
	if (result != 0)
		return result;
	if (stated != size)
		return VERDICT_BAD_LENGTH;
	result = or_found(seal, inspector_member_end(seal->inspector));
	if (result == 0)
		result = pack_member_end(seal->pack);
	if (result == 0)
		seal->members++;
	return result;
}

/* The payload of DATA, received where it is compressed. */
static int take_data(struct seal *seal, size_t len)
{
	while (len > 0) {
		uint8_t *room;
		size_t size = len;
		int result = pack_reserve(seal->pack, &room, &size);
		if (result != 0)
			return result;
		result = inflow_take(seal->who.from_person, room, size);
		if (result == 0)
			result = or_found(seal, inspector_add(seal->inspector, room, size));
		if (result != 0)
			return result;
		pack_commit(seal->pack, size);
		len -= size;
	}
	return 0;
}

/* DATA… and END of the member that has begun. */
static int take_member(struct seal *seal)
{
	uint64_t size = 0;
	for (;;) {
		uint16_t type;
		size_t len;
		int result = begin_frame(seal, &type, &len);
		if (result != 0)
			return result;
		if (type == LOCAL_END)
			return take_end(seal, size, len);
		if (type != LOCAL_DATA || len == 0)
			return VERDICT_BAD_PROTOCOL;
		result = take_data(seal, len);
		if (result != 0)
			return result;
		size += len;
	}
}

static int take_finish(struct seal *seal, const uint8_t *payload, size_t len)
{
	struct local_finish finish;
	int result = local_finish_decode(&finish, payload, len);
	if (result == 0)
		result = or_found(seal, inspector_settle(seal->inspector));
	if (result != 0)
		return result;
	return finish.members == seal->members && finish.bytes == pack_content_len(seal->pack)
		       ? 0
		       : VERDICT_BAD_LENGTH;
}

static int begin_member(struct seal *seal, const struct local_member *member)
{
	bool is_control = false;
	int result = pack_member_begin(seal->pack, member->name, member->mtime_s, member->mtime_ns);
	if (result == 0)
		result = or_found(seal, inspector_member_begin(seal->inspector, member->name, &is_control));
	if (result == 0 && is_control)
		pack_member_uncounted(seal->pack);
	return result;
}

static int take_members(struct seal *seal)
{
	for (;;) {
		uint16_t type;
		const uint8_t *payload;
		size_t len;
		set_where(seal, seal->who.push.route);
		int result = next_frame(seal, &type, &payload, &len);
		if (result != 0)
			return result;
		if (type == LOCAL_FINISH)
			return take_finish(seal, payload, len);
		if (type != LOCAL_MEMBER)
			return VERDICT_BAD_PROTOCOL;
		struct local_member member;
		result = local_member_decode(&member, payload, len);
		if (result != 0)
			return result;
		set_where(seal, member.name);
		result = begin_member(seal, &member);
		if (result == 0)
			result = take_member(seal);
		if (result != 0)
			return result;
	}
}

static int check_records(struct seal *seal)
{
	const struct manifest *manifest;
	int result = or_hold(seal, pack_drain(seal->pack, &manifest));
	if (result != 0)
		return result;
	seal->records = manifest->records;
	if (!seal->who.push.has_records || seal->who.push.records == seal->records)
		return 0;
	snprintf(seal->who.where, sizeof(seal->who.where),
		 "%" PRIu64 " records stated, %" PRIu64 " counted", seal->who.push.records, seal->records);
	return VERDICT_BAD_COUNT;
}

static int make_statement(struct seal *seal, struct statement *statement)
{
	*statement = (struct statement){
		.registry_version = registry_version(seal->setup.registry),
		.created = seal->who.created,
		.destroy_by = seal->who.created + (uint64_t)seal->who.route->destroy_after_days * DAY_S,
		.policy_version = seal->who.route->policy == NULL ? 0 : seal->who.route->policy->version,
	};
	int result = or_found(seal, inspection_finish(&seal->inspection, seal->who.route, statement));
	if (result != 0)
		return result;
	memcpy(statement->route, seal->who.push.route, NAME_BYTES);
	memcpy(statement->person, seal->who.push.person, NAME_BYTES);
	memcpy(statement->person_key, seal->who.push.person_key, KEY_ID_BYTES);
	return pack_finish(seal->pack, statement);
}

/* What officers and hold are told, beside the statement. */
static int make_dossier(struct seal *seal)
{
	struct dossier *dossier = &seal->commit.dossier;
	dossier->tally = (struct tally){
		.content_len = pack_content_len(seal->pack),
		.members = seal->members,
		.records = seal->records,
		.columns = seal->columns,
	};
	memcpy(dossier->push_id, seal->commit.statement.push_id, PUSH_ID_BYTES);
	registry_digest(seal->commit.registry, seal->setup.registry);
	return dossier_seal_keys(dossier, seal->who.route, pack_manifest_key(seal->pack));
}

static int commit(struct seal *seal, struct local_accepted *accepted)
{
	int result = deposit_commit(&seal->deposit, &seal->commit, accepted);
	if (result != 0) {
		set_where(seal, seal->deposit.where);
		return result;
	}
	accepted->content_len = pack_content_len(seal->pack);
	accepted->members = seal->members;
	accepted->records = seal->records;
	return 0;
}

/* The whole push; on a refusal seal->who.where is what it is about. */
static int push(struct seal *seal, struct local_accepted *accepted)
{
	int result = admission_take(&seal->who);
	if (result == 0)
		result = load_psks(seal);
	if (result == 0)
		result = or_found(seal, inspection_start(&seal->inspection, seal->who.route));
	if (result == 0)
		result = start_pack(seal);
	if (result == 0)
		result = inspector_new(&seal->inspector, &seal->inspection, note_columns, seal);
	if (result == 0)
		result = confine_calls(second_calls);
	if (result == 0)
		result = channel_send(seal->who.fd, LOCAL_READY, NULL, 0);
	if (result == 0)
		result = or_hold(seal, take_members(seal));
	if (result == 0)
		result = check_records(seal);
	if (result == 0)
		result = or_hold(seal, make_statement(seal, &seal->commit.statement));
	if (result == 0)
		result = make_dossier(seal);
	if (result == 0)
		result = admission_endorse(&seal->who, &seal->commit.statement, &seal->commit.dossier.endorsements);
	return result != 0 ? result : commit(seal, accepted);
}

/* What hold refused it has written down itself; everything else is told to it. */
static void note_refusal(struct seal *seal, int result)
{
	struct local_note note = {.caller = caller_of(seal), .refused = {.result = result}};
	snprintf(note.refused.where, sizeof(note.refused.where), "%.*s", LOCAL_WHERE_BYTES,
		 seal->who.where);
	if (seal->deposit.fd >= 0)
		deposit_note(&seal->deposit, &note);
}

static int finish(struct seal *seal, int result, const struct local_accepted *accepted)
{
	char where[4 * LOCAL_WHERE_BYTES];
	if (result == 0) {
		uint8_t payload[LOCAL_ACCEPTED_BYTES];
		local_accepted_encode(payload, accepted);
		/* it is durable, whether or not the person still hears of it */
		(void)channel_send(seal->who.fd, LOCAL_ACCEPTED, payload, sizeof(payload));
		return EXIT_DONE;
	}
	text_escape_name(where, sizeof(where), seal->who.where);
	note_refusal(seal, result);
	service_event(LOG_WARNING, "E1101", "seal: push refused: '%s': %s [%s]", where,
		      verdict_explain(result), result > 0 ? verdict_name(result) : "environment");
	(void)local_refuse(seal->who.fd, result, seal->who.where);
	return result > 0 ? EXIT_REFUSED : EXIT_ENVIRONMENT;
}

/* So that a push which is refused for a bad registry is written down, too; its caller is told in any case. */
static void open_deposit_alone(struct seal *seal, const char *config_path)
{
	struct config config;
	char problem[PROBLEM_BYTES], path[2 * CONFIG_PATH_BYTES];
	if (config_load(&config, CONFIG_SENDER, config_path, problem) == 0 &&
	    setup_path(path, sizeof(path), config.runtime, INTAKE_SOCKET) == 0)
		(void)deposit_open(&seal->deposit, path);
}

/* What needs rights that are given up afterwards.  A failure is the person's to hear, too. */
static int start(struct seal *seal, const char *config_path)
{
	struct setup_problem problem;
	char text[SETUP_TEXT_BYTES], path[2 * CONFIG_PATH_BYTES];
	int result = setup_load(&seal->setup, config_path, &problem);
	if (result != 0) {
		set_where(seal, setup_describe(text, &problem));
		open_deposit_alone(seal, config_path);
		return result;
	}
	result = setup_path(path, sizeof(path), seal->setup.config.runtime, INTAKE_SOCKET);
	if (result == 0) {
		set_where(seal, path);
		result = deposit_open(&seal->deposit, path);
	}
	seal->who.registry = seal->setup.registry;
	if (result == 0)
		result = inflow_new(&seal->who.from_person, seal->who.fd);
	if (result == 0)
		result = confine_privileges();
	if (result == 0)
		result = inspection_open(&seal->inspection, &seal->setup);
	return result != 0 ? result : confine_calls(first_calls);
}

static void note_caller(struct seal *seal)
{
	if (channel_peer(seal->who.fd, &seal->uid, &seal->pid) == 0)
		service_event(LOG_INFO, "E1102", "seal: a push by user %u, process %d", seal->uid,
			      (int)seal->pid);
}

int main(int argc, char **argv)
{
	const char *config_path;
	int code = setup_options(argc, argv, "weir-seal",
				 "Seals one push; started by systemd or 'weir-sender run'.",
				 &config_path);
	if (code >= 0)
		return code;
	/*
	 * All threads take memory from the first one's: to give memory of another one back, the C library would
	 * read a file of /proc, and the second table kills for that.  Sanitizers, which have an allocator of their
	 * own, say no.
	 */
	(void)mallopt(M_ARENA_MAX, 1);
	int result = suite_start();
	struct seal *seal = result == 0 ? calloc(1, sizeof(*seal)) : NULL;
	if (seal == NULL)
		return command_fail(result != 0 ? result : -ENOMEM, "cannot start");
	seal->deposit.fd = -1;
	seal->who.created = (uint64_t)time(NULL);
	seal->who.fd = service_socket("connection");
	if (seal->who.fd < 0) {
		command_say("the socket 'connection' was not passed in; start it with 'weir-sender run' or its systemd unit");
		free(seal);
		return EXIT_ENVIRONMENT;
	}
	note_caller(seal);
	struct local_accepted accepted;
	result = start(seal, config_path);
	if (result == 0)
		result = push(seal, &accepted);
	code = finish(seal, result, &accepted);
	inspector_free(seal->inspector);
	pack_free(seal->pack);
	inspection_close(&seal->inspection);
	inflow_free(seal->who.from_person);
	suite_secret_free(seal->psk);
	setup_free(&seal->setup);
	io_close(seal->deposit.fd);
	io_close(seal->who.fd);
	free(seal);
	return code;
}
