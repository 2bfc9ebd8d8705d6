/*
 * pusher: pushes one file as weir-outbox would, but checks nothing on its own side: who it says it is, whose
 * key signs, and which order it brings are three things, so that it is weir-seal and weir-hold that refuse.
 *
 *   pusher SOCKET ROUTE PERSON MACHINE KEY ORDER FILE
 *
 * PERSON, MACHINE and KEY are key files; MACHINE and ORDER may be "-", for none.  Prints "accepted NAME",
 * "accepted waiting" or "refused VERDICT: WHAT ABOUT".
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/io.h"
#include "common/suite.h"
#include "common/text.h"
#include "common/verdict.h"
#include "sender/submit.h"

enum { SOCKET = 1, ROUTE, PERSON, MACHINE, KEY, ORDER, FILE_NAME, ARGUMENTS };

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

int main(int argc, char **argv)
{
	struct submit_options options = {.fd = -1};
	struct signer *signer = NULL;
	struct submit *submit = NULL;
	struct local_accepted accepted = {.name = ""};
	uint8_t *order = NULL;
	need(argc == ARGUMENTS, "usage: pusher SOCKET ROUTE PERSON MACHINE KEY ORDER FILE");
	need(suite_start() == 0, "cannot start");
	const struct card person = card_of(argv[PERSON]), key = card_of(argv[KEY]);
	snprintf(options.push.route, sizeof(options.push.route), "%s", argv[ROUTE]);
	memcpy(options.push.person, person.name, NAME_BYTES);
	memcpy(options.push.person_key, person.id, KEY_ID_BYTES);
	if (strcmp(argv[MACHINE], "-") != 0) {
		const struct card machine = card_of(argv[MACHINE]);
		memcpy(options.push.machine, machine.name, NAME_BYTES);
		memcpy(options.push.machine_key, machine.id, KEY_ID_BYTES);
	}
	if (strcmp(argv[ORDER], "-") != 0)
		need(io_read_file(AT_FDCWD, argv[ORDER], 8192, &order, &options.order_len) == 0,
		     "cannot read the order");
	need(signer_open(&signer, key.kind, argv[KEY], NULL, NULL) == 0, "cannot open the key");
	options.order = order;
	options.signer = signer;
	options.fd = channel_connect(argv[SOCKET]);
	need(options.fd >= 0, "cannot connect");
	int result = submit_start(&submit, &options);
	if (result == 0)
		result = send_file(submit, argv[FILE_NAME], &accepted);
	tell(result, &accepted, submit);
	submit_free(submit);
	signer_free(signer);
	free(order);
	io_close(options.fd);
	return result == 0 ? 0 : 1;
}
