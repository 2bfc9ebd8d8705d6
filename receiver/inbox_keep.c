#include "inbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/text.h"
#include "common/verdict.h"
#include "notice.h"

/* keep looks at its guests ten times a second, and writes an entry in a few milliseconds. */
enum { ANSWER_S = 10 };

/*
 * By write alone, which is in the table of every command: the socket calls are not.  A keep that has gone must be a
 * result and no signal; nothing but this program's end comes behind.
 */
static int send_frame(struct inbox *inbox, enum notice_type type, const uint8_t *payload, size_t len)
{
	uint8_t frame[NOTICE_FRAME_MAX];
	sigset_t pipe, before;
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &pipe, &before) < 0)
		return -errno;
	int result = io_write(inbox->keep, frame, notice_frame(frame, sizeof(frame), type, payload, len));
	/* after a failure the signal waits, and must go on doing so */
	if (result == 0 && sigprocmask(SIG_SETMASK, &before, NULL) < 0)
		result = -errno;
	return result;
}

static void fail_keep(struct inbox *inbox, int failure)
{
	io_close(inbox->keep);
	inbox->keep = -1;
	inbox->keep_failure = failure;
}

void inbox_announce(struct inbox *inbox, const char *verb, const char *argument)
{
	char path[CONFIG_PATH_BYTES + sizeof(NOTICE_SOCKET) + 1];
	uint8_t payload[NOTICE_BEGIN_BYTES];
	struct notice_begin begin = {.verb = "", .about = ""};
	inbox->keep = -1;
	inbox->keep_failure = 0;
	inbox->verb = verb;
	if (!inbox->has_config)
		return;
	snprintf(begin.verb, sizeof(begin.verb), "%s", verb);
	if (argument != NULL)
		strncpy(begin.about, argument, sizeof(begin.about) - 1);
	snprintf(path, sizeof(path), "%s/%s", inbox->config.runtime, NOTICE_SOCKET);
	inbox->keep = channel_connect(path);
	if (inbox->keep < 0) {
		fail_keep(inbox, inbox->keep);
		return;
	}
	notice_begin_encode(payload, &begin);
	int result = send_frame(inbox, NOTICE_BEGIN, payload, sizeof(payload));
	if (result != 0)
		fail_keep(inbox, result);
}

static int wait_for_answer(const struct inbox *inbox)
{
	struct pollfd slot = {.fd = inbox->keep, .events = POLLIN};
	uint8_t payload[NOTICE_ANSWER_BYTES];
	uint16_t type = 0;
	size_t len = 0;
	int answer = 0;
	int count = poll(&slot, 1, ANSWER_S * 1000);
	if (count <= 0)
		return count < 0 ? -errno : -ETIMEDOUT;
	int result = channel_receive(inbox->keep, &type, payload, sizeof(payload), &len);
	if (result == 0 && type != NOTICE_ANSWER)
		result = VERDICT_BAD_PROTOCOL;
	if (result == 0)
		result = notice_answer_decode(&answer, payload, len);
	return result != 0 ? result : answer;
}

int inbox_fail_answer(int result, const char *what)
{
	if (result != -ETIMEDOUT)
		return command_fail(result, "%s", what);
	return command_fail(result, "%s: no answer within %d s; look into the journal for E2007, and do it again later",
			    what, ANSWER_S);
}

int inbox_commit(struct inbox *inbox, const struct card *card)
{
	struct notice_commit commit = {.name = ""};
	uint8_t payload[NOTICE_COMMIT_BYTES];
	if (!inbox->has_config)
		return EXIT_DONE;
	int result = inbox->keep < 0 ? inbox->keep_failure : 0;
	inbox->keep_failure = 0;
	if (card != NULL) {
		memcpy(commit.name, card->name, sizeof(commit.name));
		memcpy(commit.key_id, card->id, sizeof(commit.key_id));
	}
	notice_commit_encode(payload, &commit);
	if (result == 0)
		result = send_frame(inbox, NOTICE_COMMIT, payload, sizeof(payload));
	if (result == 0)
		result = wait_for_answer(inbox);
	if (result == 0)
		return EXIT_DONE;
	(void)inbox_fail_answer(result, "weir-keep cannot enter this in its ledger, so it is not done");
	return EXIT_ENVIRONMENT;
}

static int bring(struct inbox *inbox, enum notice_type type, const uint8_t *bytes, size_t len)
{
	int result = inbox->keep < 0 ? inbox->keep_failure : 0;
	inbox->keep_failure = 0;
	if (result == 0 && inbox->keep < 0)
		result = -ENOTCONN;
	if (result == 0)
		result = send_frame(inbox, type, bytes, len);
	return result == 0 ? wait_for_answer(inbox) : result;
}

int inbox_bring_receipt(struct inbox *inbox, const uint8_t *text, size_t len)
{
	return bring(inbox, NOTICE_RECEIPT, text, len);
}

int inbox_bring_mandate(struct inbox *inbox, const uint8_t *bytes, size_t len)
{
	return bring(inbox, NOTICE_MANDATE, bytes, len);
}

/* A refusal that no message gives a name to was about what was typed. */
static int result_of(const struct inbox *inbox, int code)
{
	int failure = command_failure();
	if (code == EXIT_DONE)
		return 0;
	if (code == EXIT_MISSING)
		return strcmp(inbox->verb, "gaps") == 0 ? 0 : VERDICT_DAMAGED;
	return failure != 0 ? failure : -EINVAL;
}

void inbox_conclude(struct inbox *inbox, int code)
{
	uint8_t payload[NOTICE_END_BYTES];
	if (inbox->keep >= 0) {
		const struct notice_end end = {
			.result = result_of(inbox, code),
			.exit_code = (uint32_t)code,
			.records = inbox->records,
			.bytes = inbox->bytes,
		};
		notice_end_encode(payload, &end);
		int result = send_frame(inbox, NOTICE_END, payload, sizeof(payload));
		fail_keep(inbox, result);
	}
	if (inbox->keep_failure != 0)
		command_say("weir-keep cannot be told of this, so it is not in its ledger: %s",
			    verdict_explain(inbox->keep_failure));
	inbox->keep_failure = 0;
}

static const char *config_of(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "--config") == 0)
			return argv[i + 1];
	const char *path = getenv("WEIR_CONFIG");
	return path != NULL ? path : INBOX_CONFIG;
}

static bool is_word(const char *text)
{
	return text[0] != 0 && text[strspn(text, "abcdefghijklmnopqrstuvwxyz")] == 0;
}

/* Where the configuration is none of a receiving box this is no receiving box. */
int inbox_told(int argc, char **argv, int (*run)(int argc, char **argv))
{
	struct inbox inbox = {.vault = -1, .keep = -1};
	char verb[NOTICE_VERB_BYTES], problem[PROBLEM_BYTES];
	bool has_word = argc > 1 && is_word(argv[1]);
	inbox.has_config = config_load(&inbox.config, CONFIG_RECEIVER, config_of(argc, argv), problem) == 0;
	snprintf(verb, sizeof(verb), "%s%s%s", argv[0], has_word ? " " : "", has_word ? argv[1] : "");
	inbox_announce(&inbox, verb, argc > 2 && argv[2][0] != '-' ? argv[2] : NULL);
	int code = run(argc, argv);
	inbox_end(&inbox, code);
	return code;
}
