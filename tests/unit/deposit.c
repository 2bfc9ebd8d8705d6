#include "sender/deposit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

/* What stands in for hold does once it has all of a commit. */
enum ending { ACCEPTS, REFUSES, DIES, DIES_BEFORE };

static void play_hold(int listener, enum ending ending)
{
	int fd = accept(listener, NULL, NULL);
	uint8_t payload[LOCAL_COMMIT_MAX];
	uint16_t type;
	size_t len;
	if (channel_receive(fd, &type, payload, sizeof(payload), &len) != 0 ||
	    channel_send(fd, LOCAL_READY, NULL, 0) != 0)
		_exit(1);
	if (ending == DIES_BEFORE)
		_exit(0);
	if (channel_receive(fd, &type, payload, sizeof(payload), &len) != 0 || type != LOCAL_COMMIT)
		_exit(2);
	struct local_accepted accepted = {.name = "tax-000007", .object_len = 65536};
	uint8_t answer[LOCAL_ACCEPTED_BYTES];
	local_accepted_encode(answer, &accepted);
	if (ending == ACCEPTS && channel_send(fd, LOCAL_ACCEPTED, answer, sizeof(answer)) != 0)
		_exit(3);
	if (ending == REFUSES && local_refuse(fd, VERDICT_SPOOL_FULL, "spool") != 0)
		_exit(4);
	_exit(0);
}

static int try_commit(enum ending ending, struct local_accepted *accepted)
{
	char path[4200];
	snprintf(path, sizeof(path), "%s/hold-%d", test_dir(), (int)ending);
	int listener = channel_listen(path, 0600);
	pid_t pid = fork();
	if (pid == 0)
		play_hold(listener, ending);
	close(listener);
	struct deposit deposit;
	struct local_commit commit = {.statement.route = "tax", .statement.person = "wang-mei"};
	const struct local_caller caller = {.uid = 1000, .pid = 17};
	int status;
	if (deposit_open(&deposit, path) != 0 || deposit_begin(&deposit, &caller) != 0)
		return -EIO;
	if (ending == DIES_BEFORE)
		waitpid(pid, &status, 0);
	int result = deposit_commit(&deposit, &commit, accepted);
	close(deposit.fd);
	if (ending != DIES_BEFORE)
		waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "hold's part was played to its end");
	return result;
}

/* Neither reads nor answers: stopped, or its disk stands still. */
static void a_hold_that_says_nothing(void)
{
	static uint8_t body[CHANNEL_BYTES_MAX];
	char path[4200];
	snprintf(path, sizeof(path), "%s/silent", test_dir());
	int listener = channel_listen(path, 0600), result = 0;
	struct local_commit commit = {.statement.route = "tax", .statement.person = "wang-mei"};
	const struct local_caller caller = {.uid = 1000, .pid = 17};
	struct local_accepted accepted;
	struct deposit deposit;
	is_number(deposit_open(&deposit, path), 0, "a hold that takes no calls can be called");
	is_number(deposit.begin_ms, DEPOSIT_BEGIN_MS, "it is waited for, as long as it may take to start");
	deposit.begin_ms = 50;
	is_number(deposit_begin(&deposit, &caller), -ETIMEDOUT, "and no longer");
	is_text(deposit.where, "spool", "it is the spool that does not answer");
	close(deposit.fd);

	struct timeval stall;
	socklen_t len = sizeof(stall);
	is_number(deposit_open(&deposit, path), 0, "the next one calls");
	ok(getsockopt(deposit.fd, SOL_SOCKET, SO_RCVTIMEO, &stall, &len) == 0 && stall.tv_sec * 1000 == DEPOSIT_STALL_MS,
	   "what comes later is waited for as long as a disk may stand still");
	is_number(channel_set_patience(deposit.fd, 50), 0, "here not so long");
	is_number(deposit_commit(&deposit, &commit, &accepted), -EINPROGRESS,
		  "when it has all of the commit, nobody knows whether it was accepted");
	for (int i = 0; i < 64 && result == 0; i++)
		result = deposit_body(&deposit, body, sizeof(body));
	is_number(deposit_result(&deposit, result), -ETIMEDOUT, "a body that it does not take is not accepted");
	deposit_note(&deposit, &(struct local_note){.refused.result = -ETIMEDOUT});
	is_number(deposit_commit(&deposit, &commit, &accepted), -ETIMEDOUT, "nor is a commit");
	close(deposit.fd);
	close(listener);
}

int main(void)
{
	a_hold_that_says_nothing();
	struct local_accepted accepted = {0};
	is_number(try_commit(ACCEPTS, &accepted), 0, "an accepted push is told of");
	is_text(accepted.name, "tax-000007", "with its number");
	is_number(try_commit(REFUSES, &accepted), VERDICT_SPOOL_FULL, "a refused one, too");
	is_number(try_commit(DIES, &accepted), -EINPROGRESS,
		  "when hold dies with the whole commit, nobody knows whether it was accepted");
	is_number(try_commit(DIES_BEFORE, &accepted), -ECONNRESET,
		  "when hold dies before it has it, nothing was accepted");
	return done_testing();
}
