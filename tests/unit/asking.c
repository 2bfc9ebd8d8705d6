/* What a person's program makes of answers that no weir-hold gives: who took its place must not be believed. */
#include "sender/asking.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/cursor.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static char runtime[64];
static int listener;

static struct {
	uint8_t bytes[4096];
	struct writer w;
} answer;

static void begin(void)
{
	answer.w = writer_of(answer.bytes, sizeof(answer.bytes));
}

static void add(uint16_t type, const void *payload, size_t len)
{
	write_u32(&answer.w, (uint32_t)len);
	write_u16(&answer.w, type);
	write_u16(&answer.w, 0);
	write_bytes(&answer.w, payload, len);
}

static void add_done(uint32_t count)
{
	uint8_t payload[LOCAL_DONE_BYTES];
	local_done_encode(payload, count);
	add(LOCAL_DONE, payload, sizeof(payload));
}

static void add_item(void)
{
	uint8_t payload[LOCAL_ITEM_BYTES];
	struct local_item item = {.name = "tax-000001", .route = "tax", .person = "wang-mei", .state = LOCAL_HELD};
	local_item_encode(payload, &item);
	add(LOCAL_ITEM, payload, sizeof(payload));
}

static void add_found(void)
{
	uint8_t payload[LOCAL_RESEND_FOUND_BYTES];
	struct local_resend_found found = {.name = "tax-000001",
					   .route = "tax",
					   .blocks = 1,
					   .what = {.number = 1, .block = RESEND_ALL}};
	local_resend_found_encode(payload, &found);
	add(LOCAL_RESEND_FOUND, payload, sizeof(payload));
}

static void add_taken(void)
{
	uint8_t payload[LOCAL_RESEND_TAKEN_BYTES];
	struct local_resend_taken taken = {.bytes = 4711};
	local_resend_taken_encode(payload, &taken);
	add(LOCAL_RESEND_TAKEN, payload, sizeof(payload));
}

static void *answer_once(void *unused)
{
	(void)unused;
	uint8_t byte[4096];
	int fd = accept(listener, NULL, NULL);
	(void)send(fd, answer.bytes, answer.w.at, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	while (recv(fd, byte, sizeof(byte), 0) > 0)
		continue;
	close(fd);
	return NULL;
}

static pthread_t answering(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, answer_once, NULL) != 0)
		abort();
	return thread;
}

static void count_item(void *context, const struct local_item *item)
{
	(void)item;
	++*(int *)context;
}

static int list(int *items)
{
	struct local_refused refused = {.result = 0};
	pthread_t thread = answering();
	*items = 0;
	int result = asking_list(runtime, NULL, count_item, items, &refused);
	pthread_join(thread, NULL);
	return result;
}

static int sign(void *context, const struct local_resend_found *found, struct resendorder *order)
{
	++*(int *)context;
	*order = (struct resendorder){.what = found->what, .epoch = found->epoch, .at = 1, .person = "wang-mei"};
	return 0;
}

static int resend(int *signatures, struct local_resend_taken *taken)
{
	struct local_refused refused = {.result = 0};
	const struct asking_resend ask = {sign, signatures};
	pthread_t thread = answering();
	*signatures = 0;
	int result = asking_resend(runtime, "tax-000001", &ask, taken, &refused);
	pthread_join(thread, NULL);
	return result;
}

static void test_lists(void)
{
	int items;
	begin();
	add_item();
	add_item();
	add_done(2);
	is_number(list(&items), 0, "a list is as long as DONE says");
	is_number(items, 2, "and has all its items");
	begin();
	add_item();
	add_done(2);
	is_number(list(&items), VERDICT_BAD_PROTOCOL, "one that is shorter than it says is not believed");
	begin();
	add_item();
	add_done(0);
	is_number(list(&items), VERDICT_BAD_PROTOCOL, "nor one that is longer");
	begin();
	add_item();
	ok(list(&items) != 0, "nor one that has no end");
}

static void test_orders(void)
{
	struct local_refused refused = {.result = 0};
	uint32_t count = 0;
	begin();
	add_done(7);
	pthread_t thread = answering();
	is_number(asking_do(runtime, LOCAL_ORDER_LOAD, "x", 1, &count, &refused), 0, "what DONE alone answers");
	pthread_join(thread, NULL);
	is_number(count, 7, "has its count");
	begin();
	add_item();
	add_done(1);
	thread = answering();
	is_number(asking_do(runtime, LOCAL_ORDER_LOAD, "x", 1, &count, &refused), VERDICT_BAD_PROTOCOL,
		  "and anything else does not answer it");
	pthread_join(thread, NULL);
}

static void test_resends(void)
{
	int signatures;
	struct local_resend_taken taken = {.bytes = 0};
	begin();
	add_found();
	add_done(1);
	add_taken();
	add_done(1);
	is_number(resend(&signatures, &taken), 0, "a resend is found, signed and taken");
	ok(signatures == 1 && taken.bytes == 4711, "with what was said of it");
	begin();
	add_done(1);
	add_taken();
	add_done(1);
	is_number(resend(&signatures, &taken), VERDICT_BAD_PROTOCOL, "when nothing was found, though DONE says so");
	is_number(signatures, 0, "nobody is asked to sign it");
	begin();
	add_found();
	add_found();
	add_done(2);
	is_number(resend(&signatures, &taken), VERDICT_BAD_PROTOCOL, "two that were found are not one");
	is_number(signatures, 0, "and nobody signs either");
	begin();
	add_found();
	add_done(1);
	add_done(1);
	is_number(resend(&signatures, &taken), VERDICT_BAD_PROTOCOL, "what nothing says was taken was not");
}

int main(void)
{
	char path[128];
	snprintf(runtime, sizeof(runtime), "/tmp/weir-test.XXXXXX");
	if (suite_start() != 0 || mkdtemp(runtime) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/" CONTROL_SOCKET, runtime);
	listener = channel_listen(path, 0600);
	ok(listener >= 0, "there is somebody to ask");
	test_lists();
	test_orders();
	test_resends();
	close(listener);
	unlink(path);
	rmdir(runtime);
	return done_testing();
}
