#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/command.h"
#include "common/confine.h"
#include "common/io.h"
#include "common/json.h"
#include "common/progress.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"
#include "outbox.h"
#include "outbox_order.h"
#include "producer.h"
#include "setup.h"
#include "source.h"
#include "submit.h"

#define STREAM_NAME "stream"

enum { PIPE_BYTES = 1048576 };

const char outbox_push_help[] =
	"  --route ROUTE           where it goes; the registry names the routes\n"
	"  --key FILE              the person's key; else WEIR_KEY, else ~/.weir/person.key\n"
	"  --order FILE            push under this standing order; --key is then the machine's key\n"
	"  --person NAME           refuse unless the key is this person's\n"
	"  --passphrase-file FILE  the key's passphrase in its first line; else WEIR_PASSPHRASE_FILE, else asked\n"
	"  --name NAME             the member's name when it comes from a pipe or command ('stream')\n"
	"  --records N             refuse unless N records were counted; a bare pipe needs it\n"
	"  --json                  print the result as JSON\n"
	"  --config FILE           else WEIR_CONFIG, else /etc/weir/sender.conf\n"
	"\n"
	"A directory is pushed with all regular files below it.  '-' pushes the standard input.  '- -- COMMAND'\n"
	"pushes what COMMAND prints, and nothing at all when it fails.\n";

/* The calls of a push once its command runs: it reads files and talks to one socket. */
static const char *const allowed_calls[] = {
	"read", "write", "close", "openat", "openat2", "open", "fstat", "newfstatat", "lseek",
	"sendto", "sendmsg", "recvfrom", "recvmsg", "wait4", "kill", "ioctl", "fcntl", "poll", "munlock",
	"mlock", "geteuid", "getuid", "mremap",
	/* a token's module signs behind it: SoftHSM2 writes its files anew, OpenSC waits for the card */
	"ftruncate", "clock_nanosleep",
	NULL,
};

struct options {
	const char *route;
	const char *person;
	const char *key;
	const char *passphrase_file;
	const char *order;
	const char *name;
	const char *config;
	uint64_t records;
	bool has_records;
	bool json;
	enum local_origin origin;
	char **operands; /* paths, or the command; ended by NULL */
	size_t operand_count;
};

struct push {
	struct options options;
	struct config config;
	struct signer *signer;   /* the person, or the machine of the order */
	struct order order;
	uint8_t order_bytes[ORDER_BYTES_MAX];
	size_t order_len;        /* 0: a person pushes */
	struct source *source;
	struct submit *submit;
	struct progress progress;
	int fd;
	struct producer producer;
	char where[SOURCE_WHERE_BYTES];
};

static int take_option(struct options *out, int option, const char *value)
{
	switch (option) {
	case 'r':
		out->route = value;
		return 0;
	case 'p':
		out->person = value;
		return 0;
	case 'k':
		out->key = value;
		return 0;
	case 'f':
		out->passphrase_file = value;
		return 0;
	case 'o':
		out->order = value;
		return 0;
	case 'n':
		out->name = value;
		return 0;
	case 'c':
		out->config = value;
		return 0;
	case 'j':
		out->json = true;
		return 0;
	case 'N':
		out->has_records = true;
		if (text_parse_u64(&out->records, value, UINT64_MAX) != 0)
			return command_usage("--records needs a number");
		return 0;
	default:
		return command_usage("an option is unknown or lacks its value");
	}
}

/* FILE…, or '-', or '- -- COMMAND…'; behind a '--' without '-' come names that may begin with '-'. */
static int take_operands(struct options *out, int argc, char **argv, char **behind)
{
	size_t count = (size_t)(argc - optind);
	bool is_pipe = count == 1 && strcmp(argv[optind], "-") == 0;
	out->operands = argv + optind;
	out->operand_count = count;
	out->origin = is_pipe ? LOCAL_PIPE : LOCAL_FILES;
	if (behind != NULL) {
		if (count > 0 && !is_pipe)
			return command_usage("'--' comes before all names, or before a command as in '- -- COMMAND'");
		out->origin = is_pipe ? LOCAL_COMMAND : LOCAL_FILES;
		out->operands = behind;
		for (out->operand_count = 0; behind[out->operand_count] != NULL;)
			out->operand_count++;
	}
	if (out->operand_count == 0)
		return command_usage(is_pipe ? "no command after '--'" : "nothing to push was named");
	for (size_t i = 0; out->origin == LOCAL_FILES && behind == NULL && i < count; i++)
		if (strcmp(out->operands[i], "-") == 0)
			return command_usage("'-' stands alone: a pipe is a push of its own");
	if (out->name != NULL && out->origin == LOCAL_FILES)
		return command_usage("--name is for '-'; files have names");
	return 0;
}

static int parse_options(struct options *out, int argc, char **argv)
{
	static const struct option table[] = {
		{"route", required_argument, NULL, 'r'},
		{"person", required_argument, NULL, 'p'},
		{"key", required_argument, NULL, 'k'},
		{"passphrase-file", required_argument, NULL, 'f'},
		{"order", required_argument, NULL, 'o'},
		{"name", required_argument, NULL, 'n'},
		{"records", required_argument, NULL, 'N'},
		{"json", no_argument, NULL, 'j'},
		{"config", required_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	char **behind = NULL;
	for (int i = 1; i < argc && behind == NULL; i++)
		if (strcmp(argv[i], "--") == 0) {
			behind = argv + i + 1;
			argc = i;
		}
	optind = 0;
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		int code = take_option(out, c, optarg);
		if (code != 0)
			return code;
	}
	if (out->route == NULL)
		return command_usage("--route is missing");
	if (!name_is_valid(out->route))
		return command_usage("--route needs a name: a letter, then letters, digits and '-'");
	if (out->name != NULL && !member_name_is_valid(out->name, strlen(out->name)))
		return command_usage("--name is no allowed member name");
	return take_operands(out, argc, argv, behind);
}

/* The sender box decides; but an export of hours should not find out at its end. */
static int check_order_times(const struct order *order, const char *file)
{
	char text[32];
	uint64_t now = (uint64_t)time(NULL);
	if (now > order->not_after)
		return command_fail(VERDICT_EXPIRED, "order '%s' ended at %s", file,
				    text_time(text, sizeof(text), order->not_after));
	if (now >= order->not_before)
		return EXIT_DONE;
	command_say("order '%s' begins at %s; push then, or under another one [%s]", file,
		    text_time(text, sizeof(text), order->not_before), verdict_name(VERDICT_BAD_TIME));
	return EXIT_REFUSED;
}

static int load_machine(struct push *push)
{
	char escaped[2 * CONFIG_PATH_BYTES];
	const char *file = push->options.order;
	int code = order_load_file(&push->order, file);
	if (code != EXIT_DONE)
		return code;
	text_escape_name(escaped, sizeof(escaped), file);
	if (push->order.kind != ORDER_PUSH || push->order.signer_count != 1 ||
	    strcmp(push->order.route, push->options.route) != 0)
		return command_fail(VERDICT_NOT_ALLOWED,
				    "order '%s' is no signed push order for this route", escaped);
	if (push->options.person != NULL &&
	    strcmp(push->options.person, push->order.signers[0].name) != 0)
		return command_fail(VERDICT_WRONG_KEY,
				    "'%s' answers for order '%s', not the person asked for",
				    push->order.signers[0].name, escaped);
	code = check_order_times(&push->order, escaped);
	if (code != EXIT_DONE)
		return code;
	push->order_len = order_encode(push->order_bytes, &push->order);
	const char *key = push->options.key != NULL ? push->options.key : getenv("WEIR_KEY");
	if (key == NULL)
		return command_usage("--key is missing: the machine's key, which the order names");
	return signer_open(&push->signer, KEY_MACHINE, key, push->order.machine.name,
			   push->options.passphrase_file);
}

/* Before anything starts, so that a push by cron without a passphrase fails at once. */
static int load_signer(struct push *push)
{
	if (push->options.order != NULL)
		return load_machine(push);
	return outbox_signer(&push->signer, push->options.key, push->options.person,
			     push->options.passphrase_file);
}

/* "WHAT: explanation", with what it is about escaped. */
static int fail_about(int result, const char *about)
{
	char escaped[2 * SOURCE_WHERE_BYTES];
	return command_fail(result, "'%s'", text_escape_name(escaped, sizeof(escaped), about));
}

static int gather_files(struct push *push)
{
	int result = source_new(&push->source);
	for (size_t i = 0; result == 0 && i < push->options.operand_count; i++)
		result = source_add(push->source, push->options.operands[i], push->where);
	if (result == 0)
		result = source_sort(push->source, push->where);
	return result == 0 ? 0 : fail_about(result, push->where);
}

static void advance(void *context, uint64_t bytes)
{
	struct push *push = context;
	progress_set(&push->progress, bytes);
}

static void print_refusal(const struct push *push, int result, const char *about)
{
	if (!push->options.json)
		return;
	struct json *json = json_object_new();
	if (submit_is_open(push->submit)) {
		char push_id[2 * PUSH_ID_BYTES + 1];
		json_set_text(json, "accepted", NULL);
		json_set_text(json, "push_id", text_hex(push_id, sizeof(push_id),
							submit_push_id(push->submit), PUSH_ID_BYTES));
	} else {
		json_set_bool(json, "accepted", false);
	}
	json_set_text(json, "verdict", result > 0 ? verdict_name(result) : "environment");
	json_set_text(json, "explanation", verdict_explain(result));
	json_set_text(json, "about", about);
	(void)json_print(json, stdout); /* command_main finds out when stdout has failed */
	json_free(json);
}

/* A failure after the push began: what seal said, or what happened here. */
static int fail_push(const struct push *push, int result)
{
	const char *about = submit_where(push->submit);
	if (about[0] == 0)
		about = push->where[0] != 0 ? push->where : push->options.route;
	print_refusal(push, result, about);
	if (submit_is_open(push->submit)) {
		char push_id[2 * PUSH_ID_BYTES + 1];
		command_say("it is not known whether push %s was accepted: weir-seal or weir-hold ended, or its disk failed or stood still, before it could say so; do not push again before 'weir-outbox show %s' says that there is no such bundle",
			    text_hex(push_id, sizeof(push_id), submit_push_id(push->submit), PUSH_ID_BYTES),
			    push_id);
		return EXIT_ENVIRONMENT;
	}
	if (result == -ECONNRESET) {
		command_say("weir-seal or weir-hold ended; nothing was pushed; push again, and look into the journal if it happens again");
		return EXIT_ENVIRONMENT;
	}
	if (outbox_is_unanswered(result, submit_where(push->submit)))
		return EXIT_ENVIRONMENT;
	char escaped[2 * SOURCE_WHERE_BYTES];
	return command_fail(result, "push refused: '%s'",
			    text_escape_name(escaped, sizeof(escaped), about));
}

static int connect_seal(void *context)
{
	struct push *push = context;
	char path[2 * CONFIG_PATH_BYTES];
	int result = setup_path(path, sizeof(path), push->config.runtime, SEAL_SOCKET);
	io_close(push->fd);
	push->fd = result != 0 ? result : channel_connect(path);
	if (push->fd >= 0)
		channel_send_ahead(push->fd);
	return push->fd;
}

static int begin(struct push *push)
{
	if (connect_seal(push) < 0)
		return outbox_cannot_reach(push->fd, "weir-seal", push->config.runtime, SEAL_SOCKET);
	struct submit_options options = {
		.fd = push->fd,
		.connect = connect_seal,
		.push = {
			.origin = push->options.origin,
			.has_records = push->options.has_records,
			.records = push->options.records,
		},
		.signer = push->signer,
		.order = push->order_len == 0 ? NULL : push->order_bytes,
		.order_len = push->order_len,
		.advance = advance,
		.context = push,
	};
	snprintf(options.push.route, sizeof(options.push.route), "%s", push->options.route);
	const struct card *card = signer_card(push->signer);
	const struct order_signer *responsible = &push->order.signers[0];
	bool is_ordered = push->order_len > 0;
	memcpy(options.push.person, is_ordered ? responsible->name : card->name, NAME_BYTES);
	memcpy(options.push.person_key, is_ordered ? responsible->key_id : card->id, KEY_ID_BYTES);
	if (is_ordered) {
		memcpy(options.push.machine, card->name, NAME_BYTES);
		memcpy(options.push.machine_key, card->id, KEY_ID_BYTES);
	}
	int result = submit_start(&push->submit, &options);
	return result == 0 ? 0 : fail_push(push, result);
}

/* `where` tells which command it was, and why. */
static int fail_producer(struct push *push, int result)
{
	if (result == VERDICT_COMMAND_FAILED)
		snprintf(push->where, sizeof(push->where), "%s (%s)", push->options.operands[0],
			 push->producer.why);
	return result;
}

static int open_stream(struct push *push)
{
	if (push->options.origin == LOCAL_FILES)
		return 0;
	if (push->options.origin == LOCAL_COMMAND)
		return fail_producer(push, producer_start(&push->producer, push->options.operands));
	/* a larger pipe only saves changes of process */
	(void)fcntl(STDIN_FILENO, F_SETPIPE_SZ, PIPE_BYTES);
	return 0;
}

static int send_stream(struct push *push)
{
	uint64_t bytes;
	const char *name = push->options.name != NULL ? push->options.name : STREAM_NAME;
	int result = submit_begin(push->submit, name, 0, 0);
	if (result == 0)
		result = submit_read(push->submit, push->producer.fd >= 0 ? push->producer.fd : STDIN_FILENO,
				     &bytes);
	if (result == 0 && push->producer.pid != 0)
		result = fail_producer(push, producer_wait(&push->producer));
	return result != 0 ? result : submit_end(push->submit);
}

static int send_file(struct push *push, size_t index)
{
	struct source_file file;
	uint64_t bytes;
	const char *name = source_name(push->source, index);
	snprintf(push->where, sizeof(push->where), "%s", name);
	int result = source_open(push->source, index, &file);
	if (result != 0)
		return result;
	result = submit_begin(push->submit, name, file.before.st_mtim.tv_sec,
			      (uint32_t)file.before.st_mtim.tv_nsec);
	if (result == 0)
		result = submit_read(push->submit, file.fd, &bytes);
	if (result != 0) {
		io_close(file.fd);
		return result;
	}
	result = source_close(&file, bytes);
	return result != 0 ? result : submit_end(push->submit);
}

static int send_files(struct push *push)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < source_count(push->source); i++)
		result = send_file(push, i);
	if (result == 0)
		push->where[0] = 0;
	return result;
}

static int print_accepted(const struct push *push, const struct local_accepted *accepted)
{
	char push_id[2 * PUSH_ID_BYTES + 1], size[32], members[32], records[32], waits[128];
	text_hex(push_id, sizeof(push_id), accepted->push_id, PUSH_ID_BYTES);
	if (!push->options.json) {
		snprintf(waits, sizeof(waits), "it waits, 'weir-outbox show %s' says for whom", push_id);
		printf("accepted %s: %s (%s, %s member%s, %s records)\n", push_id,
		       accepted->name[0] != 0 ? accepted->name : waits,
		       text_size(size, sizeof(size), accepted->content_len),
		       text_count(members, sizeof(members), accepted->members),
		       accepted->members == 1 ? "" : "s",
		       text_count(records, sizeof(records), accepted->records));
		return EXIT_DONE;
	}
	struct json *json = json_object_new();
	json_set_bool(json, "accepted", true);
	json_set_text(json, "push_id", push_id);
	json_set_text(json, "name", accepted->name[0] != 0 ? accepted->name : NULL);
	json_set_text(json, "route", push->options.route);
	json_set_text(json, "person", push->order_len > 0 ? push->order.signers[0].name
							: signer_card(push->signer)->name);
	json_set_text(json, "machine", push->order_len > 0 ? push->order.machine.name : NULL);
	json_set_number(json, "bytes", accepted->content_len);
	json_set_number(json, "members", accepted->members);
	json_set_number(json, "records", accepted->records);
	json_set_number(json, "object_bytes", accepted->object_len);
	int result = json_print(json, stdout);
	json_free(json);
	/* whoever reads only that something failed would push it again */
	return result == 0 ? EXIT_DONE
			   : command_fail(result, "push %s was accepted, do not push it again; cannot print the result",
					  push_id);
}

/* From READY to ACCEPTED. */
static int submit_all(struct push *push, struct local_accepted *accepted)
{
	int result = open_stream(push);
	if (result == 0)
		result = confine_privileges();
	if (result == 0)
		result = confine_calls(allowed_calls);
	if (result != 0)
		return result;
	uint64_t total = push->source != NULL ? source_bytes(push->source) : 0;
	progress_start(&push->progress, "push", total, !push->options.json);
	result = push->source != NULL ? send_files(push) : send_stream(push);
	if (result == 0)
		result = submit_finish(push->submit, accepted);
	progress_end(&push->progress);
	return result;
}

static int run(struct push *push)
{
	struct local_accepted accepted;
	int code = outbox_config(&push->config, push->options.config);
	if (code == 0)
		code = load_signer(push);
	if (code == 0 && push->options.origin == LOCAL_FILES)
		code = gather_files(push);
	if (code == 0)
		code = begin(push);
	if (code != 0)
		return code;
	int result = submit_all(push, &accepted);
	return result == 0 ? print_accepted(push, &accepted) : fail_push(push, result);
}

int outbox_push(int argc, char **argv)
{
	struct push *push = calloc(1, sizeof(*push));
	if (push == NULL)
		return command_fail(-ENOMEM, "cannot start");
	push->fd = -1;
	producer_init(&push->producer);
	int code = parse_options(&push->options, argc, argv);
	if (code == 0)
		code = run(push);
	producer_stop(&push->producer);
	submit_free(push->submit);
	source_free(push->source);
	signer_free(push->signer);
	io_close(push->fd);
	free(push);
	return code;
}
