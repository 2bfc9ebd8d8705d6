#include "receiver/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/suite.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static char name_a[] = "a", name_b[] = "b";
static struct member members[2] = {{.name = name_a, .size = 4}, {.name = name_b, .size = 4}};
static const struct member *const plan[2] = {&members[0], &members[1]};

static int put_one(struct deliver *d)
{
	int result = deliver_begin(d);
	if (result == 0)
		result = deliver_data(d, "data", 4);
	return result != 0 ? result : deliver_end(d);
}

static bool holds(const char *name, const char *text)
{
	uint8_t *data;
	size_t len;
	if (io_read_file(AT_FDCWD, test_path(name), 4096, &data, &len) != 0)
		return false;
	bool same = len == strlen(text) && memcmp(data, text, len) == 0;
	free(data);
	return same;
}

static void test_folder(void)
{
	struct deliver *d = NULL;
	uint32_t culprit = 9;
	char how[16];
	is_number(deliver_to_folder(&d, test_path("out")), 0, "a folder is a goal");
	is_number(deliver_plan(d, plan, 2, &culprit), 0, "two members are planned");
	is_number(put_one(d), 0, "one is given");
	is_number(put_one(d), 0, "and the other");
	is_number((int64_t)deliver_bytes(d), 8, "their bytes are counted");
	is_number(deliver_commit(d, &culprit), 0, "the commit is content");
	deliver_describe(d, how, sizeof(how));
	is_text(how, "", "no command is described where there is none");
	deliver_free(d);
	ok(holds("out/a", "data") && holds("out/b", "data"), "both are there");

	is_number(deliver_to_folder(&d, test_path("out")), 0, "the same folder again");
	is_number(deliver_plan(d, plan, 2, &culprit), -EEXIST,
		  "is refused, for nothing is replaced");
	is_number(culprit, 0, "with the member that is in the way");
	deliver_free(d);
}

static void test_stop(void)
{
	int stop[2];
	uint32_t culprit = 9;
	struct deliver *d = NULL;
	if (pipe2(stop, O_CLOEXEC) < 0)
		abort();
	deliver_to_folder(&d, test_path("stopped"));
	deliver_set_stop(d, stop[0]);
	deliver_plan(d, plan, 2, &culprit);
	is_number(put_one(d), 0, "members come as long as nobody says stop");
	if (write(stop[1], "x", 1) != 1)
		abort();
	deliver_begin(d);
	is_number(deliver_data(d, "data", 4), -ECANCELED, "then data are no longer taken");
	deliver_free(d);
	is_number(access(test_path("stopped"), F_OK), -1, "and nothing is left");

	deliver_to_folder(&d, test_path("stopped"));
	deliver_plan(d, plan, 1, &culprit);
	put_one(d);
	deliver_set_stop(d, stop[0]);
	is_number(deliver_commit(d, &culprit), -ECANCELED, "a stop before the commit counts too");
	deliver_free(d);
	is_number(access(test_path("stopped"), F_OK), -1, "and nothing is left");
	close(stop[0]);
	close(stop[1]);
}

static void test_stream(void)
{
	int ends[2];
	uint32_t culprit;
	char got[8] = "";
	struct deliver *d = NULL;
	if (pipe2(ends, O_CLOEXEC) < 0)
		abort();
	is_number(deliver_to_stream(&d, ends[1]), 0, "a stream is a goal");
	deliver_plan(d, plan, 1, &culprit);
	is_number(put_one(d), 0, "a member is given");
	is_number(deliver_commit(d, &culprit), 0, "and that was all");
	deliver_free(d);
	is_number(read(ends[0], got, sizeof(got)), 4, "it came out");
	is_text(got, "data", "as it is");
	close(ends[0]);
	deliver_to_stream(&d, ends[1]);
	deliver_plan(d, plan, 1, &culprit);
	is_number(put_one(d), -EPIPE, "a reader that has gone is an error, not a signal");
	deliver_free(d);
	close(ends[1]);
}

static void test_command(void)
{
	uint32_t culprit;
	char how[16], shell[] = "sh", flag[] = "-c", script[4096];
	char *argv[] = {shell, flag, script, NULL};
	struct deliver *d = NULL;
	snprintf(script, sizeof(script), "cat > '%s'", test_path("fed"));
	is_number(deliver_to_command(&d, argv), 0, "a command is a goal");
	is_number(access(test_path("fed"), F_OK), -1, "it does not run before the plan");
	is_number(deliver_plan(d, plan, 1, &culprit), 0, "then it does");
	is_number(put_one(d), 0, "a member is given");
	is_number(deliver_commit(d, &culprit), 0, "and its end is good");
	deliver_describe(d, how, sizeof(how));
	is_text(how, "exit 0", "which is told");
	deliver_free(d);
	ok(holds("fed", "data"), "it has got everything");
}

int main(void)
{
	if (suite_start() != 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	test_folder();
	test_stop();
	test_stream();
	test_command();
	return done_testing();
}
