/*
 * pusher: pushes one file as weir-outbox would, but checks nothing on its own side: who it says it is, whose
 * key signs, and which order it brings are three things, so that it is weir-seal and weir-hold that refuse.
 *
 *   pusher SOCKET ROUTE PERSON MACHINE KEY ORDER FILE [COUNT [CONNECTIONS]]
 *
 * PERSON, MACHINE and KEY are key files; MACHINE and ORDER may be "-", for none.  Prints "accepted NAME",
 * "accepted waiting" or "refused VERDICT: WHAT ABOUT" for each of COUNT pushes, one after another over each of
 * CONNECTIONS, at the same time.  Status 1 when one was refused.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/io.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"
#include "sender/submit.h"

enum { SOCKET = 1, ROUTE, PERSON, MACHINE, KEY, ORDER, FILE_NAME, ARGUMENTS, COUNT = ARGUMENTS, CONNECTIONS };

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "pusher: %s\n", what);
	exit(2);
}

static struct card card_of(const char *path)
{
	struct card card;
	bool is_protected;
	need(key_load_card(&card, path, &is_protected) == 0, "cannot read a key file");
	return card;
}

static int send_file(struct submit *submit, const char *path, struct local_accepted *out)
{
	uint64_t bytes;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd >= 0, "cannot open the file");
	int result = submit_begin(submit, "file", 0, 0);
	if (result == 0)
		result = submit_read(submit, fd, &bytes);
	if (result == 0)
		result = submit_end(submit);
	if (result == 0)
		result = submit_finish(submit, out);
	io_close(fd);
	return result;
}

static void tell(int result, const struct local_accepted *accepted, const struct submit *submit)
{
	char about[4 * LOCAL_WHERE_BYTES];
	if (result == 0)
		printf("accepted %s\n", accepted->name[0] != 0 ? accepted->name : "waiting");
	else
		printf("refused %s: %s\n", result > 0 ? verdict_name(result) : verdict_explain(result),
		       text_escape_name(about, sizeof(about), submit_where(submit)));
}

static void describe(struct submit_options *options, char **argv)
{
	const struct card person = card_of(argv[PERSON]);
	snprintf(options->push.route, sizeof(options->push.route), "%s", argv[ROUTE]);
	memcpy(options->push.person, person.name, NAME_BYTES);
	memcpy(options->push.person_key, person.id, KEY_ID_BYTES);
	if (strcmp(argv[MACHINE], "-") == 0)
		return;
	const struct card machine = card_of(argv[MACHINE]);
	memcpy(options->push.machine, machine.name, NAME_BYTES);
	memcpy(options->push.machine_key, machine.id, KEY_ID_BYTES);
}

static int push_once(struct submit_options *options, char **argv)
{
	struct submit *submit = NULL;
	struct local_accepted accepted = {.name = ""};
	options->fd = channel_connect(argv[SOCKET]);
	need(options->fd >= 0, "cannot connect");
	int result = submit_start(&submit, options);
	if (result == 0)
		result = send_file(submit, argv[FILE_NAME], &accepted);
	tell(result, &accepted, submit);
	submit_free(submit);
	io_close(options->fd);
	return result == 0 ? 0 : 1;
}

static int push_often(char **argv, uint64_t count)
{
	struct submit_options options = {.fd = -1};
	struct signer *signer = NULL;
	uint8_t *order = NULL;
	int status = 0;
	describe(&options, argv);
	if (strcmp(argv[ORDER], "-") != 0)
		need(io_read_file(AT_FDCWD, argv[ORDER], 8192, &order, &options.order_len) == 0,
		     "cannot read the order");
	need(signer_open(&signer, card_of(argv[KEY]).kind, argv[KEY], NULL, NULL) == 0, "cannot open the key");
	options.order = order;
	options.signer = signer;
	for (uint64_t i = 0; i < count; i++)
		status |= push_once(&options, argv);
	signer_free(signer);
	free(order);
	return status;
}

/* A process for each connection, with its share of the pushes. */
static int push_beside(char **argv, uint64_t count, uint64_t connections)
{
	int status = 0, ended = 0;
	for (uint64_t i = 0; i < connections; i++) {
		pid_t pid = fork();
		need(pid >= 0, "cannot fork");
		if (pid == 0)
			exit(push_often(argv, count / connections + (i < count % connections)));
	}
	for (uint64_t i = 0; i < connections; i++) {
		need(wait(&ended) > 0, "cannot wait");
		status |= WIFEXITED(ended) ? WEXITSTATUS(ended) : 2;
	}
	return status;
}

int main(int argc, char **argv)
{
	uint64_t count = 1, connections = 1;
	need(argc >= ARGUMENTS && argc <= CONNECTIONS + 1 &&
	     (argc <= COUNT || text_parse_u64(&count, argv[COUNT], 1000000) == 0) &&
	     (argc <= CONNECTIONS || (text_parse_u64(&connections, argv[CONNECTIONS], 64) == 0 && connections > 0)),
	     "usage: pusher SOCKET ROUTE PERSON MACHINE KEY ORDER FILE [COUNT [CONNECTIONS]]");
	need(suite_start() == 0 && setvbuf(stdout, NULL, _IOLBF, 0) == 0, "cannot start");
	return connections == 1 ? push_often(argv, count) : push_beside(argv, count, connections);
}
